"""EPIK: chain MATra with itself through English, condense it into one student.

    epik-jax run --config=configs/epik.py:builtin --workdir=runs/epik-builtin
    epik-jax run --config=configs/epik.py:real --config.data.root=FOLDER \
        --config.epik.teacher_folder=pretrained/matra --workdir=runs/epik-real

The variant is a size, then what is done otherwise, joined by "-":

    builtin, tiny           the corpus that ships; a few words of it, for tests
    real, release           Dakshina and Aksharantar, as lists; as they unpack
    (nothing more)          strong: gold pivots, beams reranked by a rule table, the
                            least confident left out, back-translations beside
    faithful                encoder imitation through a frozen decoder
    sequence                pure sequence distillation of the greedy chain
    marginal                several pivots summed over, several hypotheses by weight
    slots                   encoder imitation position by position, on fixed slots
    positional              the same without slots
    half                    strong, with a student of half the size
    deep                    strong, with blocks moved from the decoder to the encoder,
                            which runs once a word where the decoder runs once a letter
    staged                  encoder imitation, then everything at once, then words that
                            people wrote with sources that the teacher wrote
    crowd                   strong, with three teachers of unlike seeds, whose answers
                            are mixed before the rule table ranks them
    baseline                no teacher: words that share a romanisation, as if pairs
    started                 the same, but begun from the teacher's parameters

On two CPU cores `builtin` takes five to ten minutes, teacher included; `tiny` half a
minute. `real` asks the chain about all training words, which takes an hour, and as much
again for 24,000 steps; `--config.epik.transfer.num_words=20000` asks about a third.
"""

import importlib.util
import pathlib

import ml_collections

_spec = importlib.util.spec_from_file_location(
    "common", pathlib.Path(__file__).with_name("common.py")
)
common = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(common)

SIZES = ("builtin", "tiny", "real", "release")
ENCODER_AND_TABLE = ("^student/encoder/", "^student/encoder_embedding$")
ENCODER_AND_GATE = (*ENCODER_AND_TABLE, "^student/gate/")


def get_config(variant: str = "builtin") -> ml_collections.ConfigDict:
    """The recipe at a size and in a way, such as "real-half"."""
    words, _, way = variant.partition("-")
    size = common.SIZES.get(words, words)
    ways = {
        "": strong,
        "faithful": faithful,
        "sequence": sequence,
        "marginal": marginal,
        "slots": slots,
        "positional": positional,
        "half": half,
        "deep": deep,
        "staged": staged,
        "crowd": crowd,
        "baseline": baseline,
        "started": started,
    }
    if words not in SIZES or way not in ways:
        more = ", ".join(f"-{name}" for name in ways if name)
        raise KeyError(f"known are {', '.join(SIZES)}, alone or with one of {more}")
    transfer, student = ways[way](size)
    return ml_collections.ConfigDict(
        {
            "recipe": "epik",
            "data": common.data(words),
            "epik": {
                "teacher": common.teacher(size),
                "teacher_folder": "",
                "more_folders": (),
                "more_seeds": (1, 2) if way == "crowd" else (),
                "student_folder": "",
                "transfer": {**transfer, "num_shards": 2 if size == "tiny" else 16},
                "student": student,
                "live_signals": False,
                "num_validated": {"real": 1024, "builtin": 200, "tiny": 12}[size],
            },
            "scoreboard": {
                "num_names": {"real": 0, "builtin": 0, "tiny": 48}[size],
                "num_pivots": 2 if size == "tiny" else 4,
                "rerank_weight": 12.0,
                "beam_width": 2 if size == "tiny" else 4,
                "tables": ("builtin",),
                "others": (),
                "baselines": (),
                "num_unseen": {"real": 1000, "builtin": 300, "tiny": 12}[size],
                "num_timed": {"real": 2048, "builtin": 512, "tiny": 32}[size],
                "batch_sizes": (1, 8) if size == "tiny" else (1, 32, 256),
                "repeats": {"real": 7, "builtin": 3, "tiny": 1}[size],
                "num_attended": 6,
            },
            "mesh": {"data": 1, "model": 1},
        }
    )


def strong(size: str) -> tuple:
    """Gold pivots, reranked beams, a confidence filter, back-translations."""
    transfer = {
        "pivot": "gold",
        "teacher_share": 0.1,
        "num_pivots": 1,
        "beam_width": 4,
        # Fewer than one in 10,000 training words are longer than this allows.
        "max_extra": 4,
        # The weight was the best of 1 to 24 on the names for choosing.
        "crowd": {"table": "builtin", "proposes": True, "rerank_weight": 12.0},
        "wanted": {"num_hypotheses": 4},
        "num_words": num_words(size),
    }
    only = common.stage(size, "strong", {"hard_ce": 1.0, "smoothing": 0.05})
    stages = ({**only, "data": ("transfer", "back"), "drop_share": 0.15},)
    return transfer, student(size, stages)


def crowd(size: str) -> tuple:
    """The strong way; what is different is who teaches."""
    return strong(size)


def half(size: str) -> tuple:
    """The strong way with a narrower and shallower student, from scratch."""
    transfer, whole = strong(size)
    sizes = {
        "real": (192, 4, 768, 2),
        "builtin": (96, 4, 384, 1),
        "tiny": (16, 2, 32, 1),
    }
    width, heads, feed_forward, layers = sizes[size]
    model = {
        **whole["model"],
        "width": width,
        "num_heads": heads,
        "feed_forward": feed_forward,
        "encoder_layers": layers,
        "decoder_layers": layers,
    }
    return transfer, {**whole, "model": model, "start": "random"}


def deep(size: str) -> tuple:
    """The strong way with no more parameters, but less to do for each letter."""
    transfer, whole = strong(size)
    encoder, decoder = {"real": (4, 2), "builtin": (3, 1), "tiny": (2, 1)}[size]
    layers = {"encoder_layers": encoder, "decoder_layers": decoder}
    return transfer, {**whole, "model": {**whole["model"], **layers}}


def faithful(size: str) -> tuple:
    """The decoder stays the teacher's; the encoder learns to speak to it."""
    transfer = {
        "pivot": "gold",
        "beam_width": 4,
        # Fewer than one in 10,000 training words are longer than this allows.
        "max_extra": 4,
        "wanted": {"num_hypotheses": 1, "log_probs": True, "hidden": "pooled"},
        "num_words": num_words(size),
    }
    terms = {
        "hard_ce": 0.3,
        "soft_kl": 0.7,
        "hidden": 0.3,
        "distance": "cosine",
        "alignment": "pooled",
    }
    only = {**common.stage(size, "imitation", terms), "trainable": ENCODER_AND_TABLE}
    made = student(size, (only,))
    return transfer, {**made, "model": {**made["model"], "shared_embedding": False}}


def slots(size: str) -> tuple:
    """Each of a fixed number of slots imitates the teacher's state of that place."""
    terms = {
        "hard_ce": 0.0,
        "hidden": 1.0,
        "distance": "mse",
        "alignment": "slots",
        "gate": 0.1,
    }
    return _by_place(size, terms, num_slots=40)


def positional(size: str) -> tuple:
    """State j of the student imitates state j of the teacher."""
    terms = {
        "hard_ce": 0.0,
        "hidden": 1.0,
        "distance": "mse",
        "alignment": "positional",
    }
    return _by_place(size, terms, num_slots=0)


def _by_place(size: str, terms: dict, num_slots: int) -> tuple:
    transfer = {
        "pivot": "gold",
        "beam_width": 1,
        "wanted": {"num_hypotheses": 1, "hidden": "all", "hidden_storage": "int8"},
        "num_words": num_words(size),
    }
    only = common.stage(size, "imitation", terms)
    trainable = ENCODER_AND_GATE if num_slots else ENCODER_AND_TABLE
    made = student(size, ({**only, "trainable": trainable},))
    model = {**made["model"], "shared_embedding": False, "num_slots": num_slots}
    return transfer, {**made, "model": model}


def sequence(size: str) -> tuple:
    """What the greedy chain says, word for word."""
    transfer = {
        "pivot": "teacher",
        "pivot_beam": 1,
        "beam_width": 1,
        "wanted": {"num_hypotheses": 1},
        "num_words": num_words(size),
    }
    return transfer, student(size, (common.stage(size, "sequence", {"hard_ce": 1.0}),))


def marginal(size: str) -> tuple:
    """Several pivots summed over; all likely answers count by their weight."""
    transfer = {
        "pivot": "gold",
        "num_pivots": 4,
        "beam_width": 4,
        # Fewer than one in 10,000 training words are longer than this allows.
        "max_extra": 4,
        "crowd": {"table": "builtin", "rerank_weight": 12.0},
        "wanted": {"num_hypotheses": 4},
        "num_words": num_words(size),
    }
    only = common.stage(size, "marginal", {"hard_ce": 1.0})
    return transfer, student(size, ({**only, "hypotheses": "all"},))


def staged(size: str) -> tuple:
    """The strong way's answers in three stages; a third of the steps each."""
    transfer, _ = strong(size)
    wanted = {"num_hypotheses": 4, "log_probs": True, "hidden": "pooled"}
    terms = {"hidden": 0.3, "distance": "cosine", "alignment": "pooled"}
    joined = {**terms, "hard_ce": 0.5, "smoothing": 0.05, "soft_kl": 0.5}
    imitation = common.stage(
        size, "imitation", {**terms, "hard_ce": 0.3, "soft_kl": 0.7}
    )
    joint = common.stage(size, "joint", joined)
    polish = common.stage(size, "polish", {"hard_ce": 1.0, "smoothing": 0.05})
    stages = (
        {**imitation, "trainable": ENCODER_AND_TABLE},
        {**joint, "drop_share": 0.15},
        {**polish, "data": ("transfer", "back"), "drop_share": 0.15},
    )
    thirds = tuple(shortened(one, 3) for one in stages)
    made = student(size, thirds)
    separate = {**made["model"], "shared_embedding": False}
    return {**transfer, "wanted": wanted}, {**made, "model": separate}


def shortened(stage: dict, share: int) -> dict:
    """The same stage in one in `share` of its steps."""
    loop = stage["loop"]
    short = {k: loop[k] // share for k in ("num_steps", "validate_every")}
    return {**stage, "loop": {**loop, **short}}


def baseline(size: str) -> tuple:
    """The same network and budget, without any teacher."""
    transfer, begun = started(size)
    return transfer, {**begun, "start": "random"}


def started(size: str) -> tuple:
    """No teacher's answers, only its parameters to start from."""
    only = common.stage(size, "joined", {"hard_ce": 1.0, "smoothing": 0.05})
    return {"pivot": "gold"}, student(size, ({**only, "data": ("joined",)},))


def num_words(size: str) -> int:
    """Training words a language that the chain is asked about; 0 for all."""
    return {"real": 0, "builtin": 2500, "tiny": 24}[size]


def student(size: str, stages: tuple) -> dict:
    """A student of the teacher's size that starts from it."""
    return {
        "model": common.model(size),
        "start": "teacher",
        "stages": stages,
        "seed": 1,
    }
