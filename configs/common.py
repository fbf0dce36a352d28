"""Blocks that several configurations share: values only."""

INDIC = ("hi", "ta", "kn", "bn")


# Words of one kind, networks of the sizes of another.
SIZES = {"release": "real"}


def data(variant: str) -> dict:
    """Where the words come from."""
    lists = {"real": real_lists, "release": release_lists}
    if variant in lists:
        return {
            "kind": "files",
            "root": "",
            "lists": lists[variant](),
            # Of several spellings the usual one counts most.
            "by_writers": True,
            # Names of languages are often coined, not heard.
            "apart": ("isocodes_iso639-3", "cldr_languages"),
            "max_length": 32,
        }
    return {
        "kind": "builtin",
        "num_synthetic": {"builtin": 6000, "tiny": 60}[variant],
        "seed": 0,
    }


def real_lists() -> tuple:
    """Dakshina and Aksharantar for training; direct names for evaluation alone.

    Paths are below `data.root`; point them at the releases as you have them. There is
    no Kannada training list of Dakshina here: its released one can be added.
    """
    rows = []

    def add(form: str, lang: str, split: str, path: str) -> None:
        rows.append({"format": form, "lang": lang, "split": split, "path": path})

    for lang in ("hi", "ta", "bn"):
        for split in ("train", "dev", "test"):
            add("dakshina", lang, split, f"translit/dakshina/{lang}.{split}.tsv.gz")
    # A filtered remainder with unusual spellings: no word of it is trained on.
    add("dakshina", "kn", "held", "translit/dakshina/kn.dev.from_aksharantar.tsv.gz")
    add("dakshina", "kn", "test", "translit/dakshina/kn.test.from_aksharantar.tsv.gz")
    for lang in INDIC:
        path = f"translit/aksharantar/{lang}"
        add("aksharantar", lang, "train", f"{path}.train.tsv.gz")
        add("aksharantar", lang, "dev", f"{path}.valid.tsv.gz")
        add("aksharantar", lang, "test", f"{path}.test.tsv.gz")
    for split in ("valid", "test"):
        add("aksharantar", "kn", "held", f"translit/aksharantar_full/kn.{split}.tsv.gz")
    add("parallel", "", "names", "crosslingual/pairs.words.dev.tsv.gz")
    return tuple(rows)


def release_lists() -> tuple:
    """Dakshina and Aksharantar as they unpack, and a list of direct names beside."""
    codes = {"hi": "hin", "ta": "tam", "kn": "kan", "bn": "ben"}
    rows = [{"format": "parallel", "lang": "", "split": "names", "path": "names.tsv"}]
    for lang, code in codes.items():
        for split, name in (("train", "train"), ("dev", "valid"), ("test", "test")):
            lexicon = f"{lang}/lexicons/{lang}.translit.sampled.{split}.tsv"
            for form, path in (
                ("dakshina", f"dakshina_dataset_v1.0/{lexicon}"),
                ("aksharantar", f"{code}_{name}.json"),
            ):
                row = {"format": form, "lang": lang, "split": split, "path": path}
                rows.append(row)
    return tuple(rows)


def teacher(variant: str) -> dict:
    """The MATra network and its training."""
    steps = {"real": 30000, "builtin": 1500, "tiny": 30}[variant]
    return {
        "model": model(variant),
        "batches": {
            "batch_size": {"real": 64, "builtin": 64, "tiny": 16}[variant],
            "buckets": buckets(variant),
            # Languages count as the square root of their pairs.
            "group_temperature": 2.0,
            "seed": 0,
        },
        "optimizer": {
            "learning_rate": 1e-3,
            "schedule": "cosine",
            "warmup_steps": {"real": 1000, "builtin": 150, "tiny": 5}[variant],
            "final_share": 0.02,
            "weight_decay": 0.01,
        },
        "loop": {
            "num_steps": steps,
            "log_every": {"real": 200, "builtin": 50, "tiny": 10}[variant],
            "save_every": {"real": 1000, "builtin": 500, "tiny": 30}[variant],
            "validate_every": {"real": 8000, "builtin": 500, "tiny": 30}[variant],
        },
        "smoothing": 0.1,
        # Or pieces, {"kind": "sentencepiece"}, of which there are to be so many.
        "vocabulary": {
            "kind": "characters",
            "size": {"real": 2000, "builtin": 1000, "tiny": 400}[variant],
        },
        "num_validated": {"real": 1024, "builtin": 256, "tiny": 16}[variant],
        "seed": 0,
    }


def stage(size: str, name: str, terms: dict) -> dict:
    """One stage of a student's training, of the usual length."""
    return {
        "name": name,
        "data": ("transfer",),
        "hypotheses": "best",
        "drop_share": 0.0,
        "imitation": terms,
        "trainable": ("^student/",),
        "batches": {
            "batch_size": {"real": 64, "builtin": 64, "tiny": 16}[size],
            "buckets": buckets(size),
            "group_temperature": 2.0,
            "seed": 1,
        },
        "optimizer": {
            "learning_rate": 5e-4,
            "schedule": "cosine",
            "warmup_steps": {"real": 500, "builtin": 100, "tiny": 5}[size],
            "final_share": 0.02,
            "weight_decay": 0.01,
        },
        "loop": {
            "num_steps": {"real": 24000, "builtin": 1000, "tiny": 20}[size],
            "log_every": {"real": 200, "builtin": 50, "tiny": 10}[size],
            "save_every": {"real": 1000, "builtin": 500, "tiny": 20}[size],
            "validate_every": {"real": 4000, "builtin": 500, "tiny": 20}[size],
        },
        "seed": 1,
    }


def buckets(variant: str) -> tuple:
    """Widths of batches; each is compiled for, fine steps save padding."""
    widths = {
        "real": (8, 10, 12, 14, 16, 20, 26, 40),
        "builtin": (10, 14, 20, 40),
        "tiny": (20, 40),
    }
    return tuple((width, width) for width in widths[variant])


def model(variant: str) -> dict:
    """Sizes of a network."""
    if variant == "tiny":
        return {
            "width": 32,
            "num_heads": 2,
            "feed_forward": 64,
            "encoder_layers": 1,
            "decoder_layers": 1,
        }
    return {
        "width": {"real": 256, "builtin": 128}[variant],
        "num_heads": 4,
        "feed_forward": {"real": 1024, "builtin": 512}[variant],
        "encoder_layers": {"real": 3, "builtin": 2}[variant],
        "decoder_layers": {"real": 3, "builtin": 2}[variant],
        # The real run sees its words about three times: too few to need dropout.
        "dropout": {"real": 0.0, "builtin": 0.1}[variant],
        # Products from bfloat16 with float32 sums: 1.6 times faster, CPUs too.
        "matmul_dtype": "bfloat16",
    }
