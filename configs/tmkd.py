"""TMKD: a crowd of scorers of text pairs, distilled into one small scorer.

    epik-jax run --config=configs/tmkd.py:builtin --workdir=runs/scorer-builtin
    epik-jax run --config=configs/tmkd.py:real-wikiqa --config.data.root=FOLDER \
        --workdir=runs/scorer-wikiqa

The variants are sizes: `builtin` makes up its questions itself (5 minutes on two
cores), `tiny` a few of them for tests (1 minute), `real-TASK` (15 minutes for sick, 20
for snli, 30 for wikiqa and trecqa) reads lists of labelled pairs below `data.root`;
tasks are wikiqa (which `real` alone means), trecqa, qnli, boolq, rte, snli, sick and
mnli.
`bert-TASK` is the paper's own size: three teachers begin as the BERT in the Hugging
Face folder bert-large-uncased, the student as the lowest blocks of that in
bert-base-uncased, below the current folder or where `start_folder` of each says.
"""

import ml_collections

NLI = ("entailment", "neutral", "contradiction")
TWO = ("not_entailment", "entailment")
TASKS = {
    # Labels, the label that answers a question, and files.
    "wikiqa": (("0", "1"), "1", ("train", "dev.filtered", "test.filtered")),
    "trecqa": (("0", "1"), "1", ("train", "dev", "test")),
    "qnli": (TWO, "", ("train_from_dev", "dev_from_dev", "test_from_dev")),
    "boolq": (
        ("0", "1"),
        "",
        ("train_from_validation", "dev_from_validation", "test_from_validation"),
    ),
    # Its test labels are not public: it is reported on its dev list.
    "rte": (TWO, "", ("train", "", "dev")),
    "snli": (NLI, "", ("train_from_validation", "dev_from_validation", "test")),
    "sick": (NLI, "", ("train", "dev", "test")),
    # As GLUE lays it out; both dev lists count alike.
    "mnli": (NLI, "", ("train", "", "dev_matched dev_mismatched")),
}
SIZES = ("builtin", "tiny", "real", "bert")


def get_config(variant: str = "builtin") -> ml_collections.ConfigDict:
    """The recipe at a size, and for a task."""
    size, _, task = variant.partition("-")
    if size in ("real", "bert") and not task:
        task = "wikiqa"
    if size not in SIZES or (size in ("builtin", "tiny")) != (task == ""):
        raise KeyError(f"known are builtin, tiny, real-TASK and bert-TASK, {(*TASKS,)}")
    if task and task not in TASKS:
        raise KeyError(f"known tasks are {', '.join(TASKS)}")
    return ml_collections.ConfigDict(
        {
            "recipe": "tmkd",
            "data": data(size, task),
            "tmkd": {
                "crowd": {
                    "teachers": tuple(teacher(size, number) for number in range(3)),
                    "num_validated": {"tiny": 10}.get(size, 1000),
                },
                "student": student(size),
                "pieces": {
                    "size": {"tiny": 400, "builtin": 2000}.get(size, 12000),
                    "lowercase": size in ("real", "bert"),
                },
                "num_shards": {"tiny": 2}.get(size, 4),
            },
            "scoreboard": {
                "latency": {
                    "batch_sizes": (32, 1),
                    "length": {"builtin": 48, "tiny": 40}.get(size, 128),
                    "runs": 2 if size == "tiny" else 100,
                },
            },
            "mesh": {"data": 1, "model": 1},
        }
    )


def data(size: str, task: str) -> dict:
    """Where the pairs come from."""
    if not task:
        return {
            "kind": "builtin",
            "num_questions": {"builtin": 2000, "tiny": 20}[size],
        }
    labels, right, files = TASKS[task]
    path = "MNLI/{}.tsv" if task == "mnli" else f"pairs/{task}/{{}}.tsv.gz"
    lists = [
        {
            "name": name if " " in names else task,
            "split": split,
            "path": path.format(name),
        }
        for split, names in zip(("train", "dev", "test"), files, strict=True)
        for name in names.split()
    ]
    return {
        "kind": "files",
        "root": "",
        "lists": lists,
        "labels": labels,
        "right": right,
        "dev_share": 0.0 if files[1] else 0.1,
    }


def widths(size: str) -> tuple:
    """Lengths that pairs are padded to; each is compiled for."""
    known = {"builtin": (24, 32, 48), "tiny": (40,)}
    return known.get(size, (24, 32, 48, 64, 96, 128))


def teacher(size: str, number: int) -> dict:
    """One of the crowd; they differ in learning rate and seed, as the paper's do."""
    rates = {
        "bert": (2e-5, 3e-5, 5e-5),
        "real": (5e-4, 8e-4, 3e-4),
        "tiny": (1e-3, 1e-3, 1e-3),
    }.get(size, (3e-4, 5e-4, 8e-4))
    drawn = size != "bert"
    layers = {"builtin": 3, "tiny": 2, "real": 6, "bert": 24}[size]
    return {
        "name": ("first", "second", "third")[number],
        # Of a BERT the folder says the sizes, but for the length.
        "model": encoder(size, layers, width=1024 if size == "bert" else 256),
        "start_folder": "" if drawn else "bert-large-uncased",
        "masked": leg(size, "masked", 5e-4) if size == "tiny" else None,
        "labels": leg(size, "labels", rates[number]),
        # Heads that begin by looking beside them read context sooner.
        "offsets": {"tiny": (-1,)}.get(size, (-1, 1)) if drawn else (),
        # That two pieces are equal is hard to find out from few pairs.
        "matches": drawn,
        "piece_dropout": 0.1 if drawn else 0.0,
        "seed": number,
    }


def encoder(size: str, layers: int, *, width: int) -> dict:
    """A BERT-shaped encoder; made-up questions need little of one."""
    width = {"builtin": 96, "tiny": 16}.get(size, width)
    heads = {"builtin": 3, "tiny": 2}.get(size, width // 64)
    return {
        "width": width,
        "num_heads": heads,
        "feed_forward": 2 * width if size == "tiny" else 4 * width,
        "layers": layers,
        "max_length": widths(size)[-1],
        "dropout": 0.1,
        "matmul_dtype": "bfloat16" if size in ("real", "bert") else "float32",
        # Six drawn blocks hardly learn at these rates if normalised after.
        "norm": "pre" if size == "real" else "post",
    }


def leg(size: str, purpose: str, learning_rate: float) -> dict:
    """One leg of training."""
    steps = {
        "masked": {"tiny": 4},
        "labels": {"tiny": 6, "builtin": 1200, "real": 1000, "bert": 6000},
        "general": {"tiny": 6, "builtin": 800, "real": 1500, "bert": 30000},
        "task": {"tiny": 6, "builtin": 800, "real": 600, "bert": 6000},
    }[purpose][size]
    loop = {
        "num_steps": steps,
        "log_every": {"tiny": 2}.get(size, 50),
        "save_every": {"tiny": 4}.get(size, 500),
    }
    if purpose in ("labels", "task"):
        loop |= {"validate_every": max(3, steps // 10), "keep_best": True}
    return {
        "batches": {
            "batch_size": {"tiny": 8}.get(size, 32),
            "widths": widths(size),
        },
        "optimizer": {
            "learning_rate": learning_rate,
            "schedule": "linear",
            "warmup_steps": steps // 10,
            "weight_decay": 0.01,
            "beta2": 0.999,
        },
        "loop": loop,
    }


def student(size: str) -> dict:
    """As many blocks as the paper's student, and for its speed narrow ones."""
    rate = {"bert": 5e-5, "tiny": 1e-3, "real": 1e-3}.get(size, 5e-4)
    layers = {"builtin": 1, "tiny": 1}.get(size, 3)
    start = {"bert": "folder", "real": "random"}.get(size, "teacher")
    return {
        "kind": "encoder",
        "matches": size != "bert",
        "encoder": encoder(size, layers, width=768 if size == "bert" else 64),
        # Of the other kind: begins as nothing (start "random", no masked, no offsets).
        "bilstm": {"max_length": widths(size)[-1]},
        "general": leg(size, "general", rate),
        # General pairs that are heard; 0 for all.
        "num_general": 0,
        "task": leg(size, "task", rate),
        "preset": "TMKD",
        "start": start,
        "start_folder": "bert-base-uncased" if start == "folder" else "",
        "masked": None,
        "offsets": (),
        "soft": {
            "space": "prob",
            "loss": "mse",
            "ratio": 0.9,
            "weighing": "equal",
        },
        "prediction": "mean",
        "num_validated": {"tiny": 10}.get(size, 1000),
        "seed": 1,
    }
