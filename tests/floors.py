"""What may import what, and where outside libraries are used: the tables alone."""

from __future__ import annotations

# What each package may import from the project, besides itself. Down only: whoever
# wants to add an arrow here wants to move code down a floor first. The longest name
# that fits decides.
BELOW_RECIPES = (
    "structs ragged bounds trees means files text data models parallel objectives "
    "decoding teacher_cache teachers training evaluation interop"
)
# What the recipes of all tasks share; those of one task know nothing of another's.
SHARED_BY_RECIPES = (
    "recipes.recipe recipes.caching recipes.card recipes.encoder_config "
    "recipes.figures recipes.latency recipes.leaks recipes.leg_config recipes.legs "
    "recipes.masked recipes.measured_rows recipes.mesh_config recipes.opened "
    "recipes.pieces recipes.program recipes.provenance recipes.published "
    "recipes.row_batches"
)
FLOORS = {
    "structs": "",
    "ragged": "structs",
    "trees": "structs",
    "means": "structs",
    "files": "",
    "bounds": "",
    "text": "structs ragged",
    "data": "structs ragged bounds text",
    "models": "structs bounds",
    "parallel": "structs trees",
    "objectives": "structs means",
    "decoding": "structs",
    "teacher_cache": "structs ragged files",
    "teachers": "structs ragged bounds text data models decoding teacher_cache "
    "parallel",
    "teachers.table": "structs text teachers.habits",
    "teachers.habits": "",
    "training": "structs ragged bounds trees means objectives parallel files",
    "evaluation": "structs ragged means text models decoding files",
    "interop": "structs trees models text files",
    "recipes": BELOW_RECIPES,
    "compiling": "trees evaluation parallel recipes",
    **{
        f"recipes.{task}": f"{BELOW_RECIPES} {SHARED_BY_RECIPES} recipes.{task}"
        for task in ("transliteration", "tagging", "scoring")
    },
    "argument_types": "bounds",
    "argument_words": "",
    "argument_processes": "argument_types",
    "arguments": "argument_processes argument_types argument_words",
    "host": "",
    "doctor": "host",
    "interruption": "",
    "starting": "host interruption parallel",
    "questions": "recipes evaluation interop starting",
    "cli": "recipes compiling interop arguments host doctor interruption questions "
    "starting",
    "__main__": "cli interruption",
    "__init__": "",
}

# Which of our modules an outside library may be used in; nowhere else, so that a change
# of that library is a change of one place. The longest name that fits decides.
DOORS = {
    "flax": "models",
    "flax.nnx": "",
    "orbax": "training.checkpoint",
    "optax": "training objectives",
    "sentencepiece": "text.pieces",
    "bm25s": "data.general_pairs",
    "seqeval": "evaluation.entities",
    "tokenizers": "text.wordpiece",
    "tensorflow_datasets": "data",
    "etils": "data",
    "icu": "teachers.table",
    "epitran": "evaluation.feature_distance",
    "panphon": "evaluation.feature_distance",
    "google_crc32c": "teacher_cache",
    "safetensors": "interop",
    "rapidfuzz": "text.edits",
    "ml_collections": "recipes",
    "jax.sharding": "parallel",
    "jax.make_mesh": "parallel",
    "jax.set_mesh": "parallel",
    "jax.NamedSharding": "parallel",
    "jax.P": "parallel",
    "jax.experimental.pjit": "",
    "tensorflow": "",
    "array_record": "",
    "jiwer": "",
    "torch": "",
    "transformers": "",
    "clu": "",
    "pickle": "",
}
