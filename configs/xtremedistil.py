"""XtremeDistil: a multilingual tagger of entities, distilled into a small BiLSTM.

    epik-jax run --config=configs/xtremedistil.py:builtin --workdir=runs/tagger-builtin
    epik-jax run --config=configs/xtremedistil.py:real --config.data.root=FOLDER \
        --workdir=runs/tagger-real

The variants are sizes: `builtin` makes up its sentences itself (four minutes on two
cores), `tiny` a few of them for tests, `real` reads lists of tagged sentences
(LANG.train, LANG.dev and LANG.test of each set, PER, LOC and ORG), and `open` leaves
out of these what is licensed for non-commercial use alone. `builtin-sentences` and
`tiny-sentences` label whole sentences instead of words, by the first name in them.

On two CPU cores `open` takes about an hour for the teacher, half of one for cache and
student, half of one for students of other sizes, and 3 GB of disk.
"""

import ml_collections

OPEN = {
    "wikiann": ("de", "en", "es", "fr", "nl", "pl", "pt", "ru"),
    "il_ner": ("hi", "or", "te", "ur"),
    "bengali_ner": ("bn",),
    "multiner": ("en", "si", "ta"),
    "uner": ("da", "hr", "pt", "sk", "sr", "sv", "zh"),
}
NOT_COMMERCIAL = {"masakhaner2": ("ha", "ig", "sw", "yo")}
SIZES = ("builtin", "tiny", "real", "open")
MADE_UP = ("builtin", "tiny")


def get_config(variant: str = "builtin") -> ml_collections.ConfigDict:
    """The recipe at a size, and for a task."""
    words, _, task = variant.partition("-")
    if words not in SIZES or task not in ("", "sentences"):
        raise KeyError(f"known are {', '.join(SIZES)}")
    if task and words not in MADE_UP:
        raise KeyError(f"known with -sentences are {', '.join(MADE_UP)}")
    size = "real" if words == "open" else words
    return ml_collections.ConfigDict(
        {
            "recipe": "xtremedistil",
            "data": {**data(words), "task": task or "words"},
            "xtremedistil": {
                "pieces": {"size": {"real": 24000, "builtin": 2000, "tiny": 500}[size]},
                "teacher": teacher(size),
                "teacher_folder": "",
                "student": student(size),
                "signals": {
                    "live": False,
                    "storage": "int8",
                    "num_shards": {"real": 16, "builtin": 4, "tiny": 2}[size],
                },
                "sweep": {
                    "sizes": {
                        # The student's own among them, at as many steps.
                        "real": ((10, 20), (20, 40), (20, 80), (40, 40), (40, 160)),
                        "builtin": ((8, 16), (16, 32)),
                        "tiny": ((4, 4), (8, 8)),
                    }[size],
                    "num_steps": {"real": 4000, "builtin": 600, "tiny": 20}[size],
                },
            },
            "scoreboard": {
                "num_sentences": 8 if size == "tiny" else 0,
                "latency": {
                    "batch_sizes": (32, 1),
                    "length": 32,
                    "runs": 2 if size == "tiny" else 100,
                },
                "with_mbert": size == "real",
            },
            "mesh": {"data": 1, "model": 1},
        }
    )


def data(variant: str) -> dict:
    """Where the sentences come from."""
    if variant in MADE_UP:
        return {
            "kind": "builtin",
            "num_sentences": {"builtin": 1000, "tiny": 20}[variant],
        }
    sets = OPEN if variant == "open" else {**OPEN, **NOT_COMMERCIAL}
    lists = [
        {
            "name": f"{name}/{lang}",
            "lang": lang,
            "split": split,
            "path": f"ner/{name}/{lang}.{split}.conll.gz",
        }
        for name, langs in sets.items()
        for lang in langs
        for split in ("train", "dev", "test")
    ]
    return {"kind": "files", "root": "", "lists": lists}


def widths(size: str) -> tuple:
    """Lengths that sentences are padded to; each is compiled for."""
    return {
        "real": (8, 12, 16, 24, 32, 48, 64, 96, 128),
        "builtin": (16, 24, 40),
        "tiny": (40,),
    }[size]


def teacher(size: str) -> dict:
    """A BERT as big as the compute at hand allows."""
    masked = {"real": 2500, "builtin": 0, "tiny": 4}[size]
    tagging = {"real": 6000, "builtin": 1000, "tiny": 6}[size]
    return {
        "model": {
            # Few wide blocks: of equal cost they learn faster than many narrow ones.
            "width": {"real": 512, "builtin": 64, "tiny": 16}[size],
            "num_heads": {"real": 8, "builtin": 2, "tiny": 2}[size],
            "feed_forward": {"real": 2048, "builtin": 256, "tiny": 32}[size],
            "layers": {"real": 2, "builtin": 3, "tiny": 2}[size],
            "max_length": widths(size)[-1],
            "dropout": 0.1,
            "matmul_dtype": "bfloat16",
        },
        # None begins with tags.
        "masked": stage(size, masked, validated=False) if masked else None,
        "tagging": stage(size, tagging, validated=True),
        # Against names that are learnt by heart.
        "piece_dropout": {"real": 0.15, "builtin": 0.0, "tiny": 0.1}[size],
        "num_validated": {"real": 100, "builtin": 50, "tiny": 4}[size],
        # Heads that begin by looking beside them read context sooner.
        "offsets": {"real": (-1, 1, -2, 2, 0), "builtin": (-1, 1), "tiny": (-1,)}[size],
        # A folder of a BERT to begin with, whose sizes and pieces hold then.
        "start_folder": "",
        "seed": 0,
    }


def stage(size: str, num_steps: int, *, validated: bool) -> dict:
    """One leg of the teacher's training."""
    loop = {
        "num_steps": num_steps,
        "log_every": {"real": 100, "builtin": 50, "tiny": 2}[size],
        "save_every": {"real": 500, "builtin": 300, "tiny": 4}[size],
    }
    if validated:
        every = {"real": 1000, "builtin": 200, "tiny": 3}[size]
        loop |= {"validate_every": every, "keep_best": True}
    return {
        "batches": {
            "batch_size": {"real": 64, "builtin": 32, "tiny": 8}[size],
            "widths": widths(size),
            "group_temperature": 1.5,
            "seed": int(validated),
        },
        "optimizer": {
            "learning_rate": {"real": 7e-4, "builtin": 1e-3, "tiny": 1e-3}[size],
            "schedule": "cosine",
            "warmup_steps": {"real": 500, "builtin": 100, "tiny": 2}[size],
            # Pieces that are seen seldom move further.
            "beta2": 0.999,
            "final_share": 0.02,
            "weight_decay": 0.01,
        },
        "loop": loop,
    }


def student(size: str) -> dict:
    """A BiLSTM, taught as the best row of the paper's table of strategies."""
    return {
        "model": {
            # 35 times fewer parameters than the teacher, and 51 times as fast.
            "embedding": {"real": 20, "builtin": 16, "tiny": 8}[size],
            "hidden": {"real": 40, "builtin": 32, "tiny": 8}[size],
            "projection": "bridge",
            "dropout": 0.1,
            "recurrent_dropout": 0.1,
        },
        "batches": {
            "batch_size": {"real": 128, "builtin": 32, "tiny": 8}[size],
            "widths": widths(size),
            "group_temperature": 1.5,
        },
        "optimizer": {
            "learning_rate": 3e-3,
            "schedule": "cosine",
            "warmup_steps": {"real": 200, "builtin": 20, "tiny": 1}[size],
            "final_share": 0.01,
            "weight_decay": 0.0,
        },
        "loop": {
            "num_steps": {"real": 20000, "builtin": 2400, "tiny": 40}[size],
            "log_every": {"real": 200, "builtin": 100, "tiny": 10}[size],
            "save_every": {"real": 2000, "builtin": 600, "tiny": 20}[size],
            "validate_every": {"real": 500, "builtin": 50, "tiny": 2}[size],
            "patience": 5,
            "keep_best": True,
        },
        "strategy": "D4.2",
        "start": "svd",
        # The last but one: the paper's best is the 7th of 12, half way up or more.
        "layer": {"real": 1, "builtin": 2, "tiny": 1}[size],
        "distance": "mse",
        "num_held_out": {"real": 1000, "builtin": 100, "tiny": 8}[size],
        "num_validated": {"real": 100, "builtin": 50, "tiny": 4}[size],
        "seed": 1,
    }
