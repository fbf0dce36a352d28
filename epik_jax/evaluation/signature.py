"""One line that says how a number was made, in sacreBLEU's manner.

Two numbers compare only if their signatures agree. The line goes wherever the number
goes; it holds no figures.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Mapping

from epik_jax.evaluation.sounds import cross_name
from epik_jax.text.normalise import NORMALISER_VERSION

_LEVELS = {"cer": "corpus", "cer_mean": "word"}
_PACKAGES = {"feature_distance": ("epitran", "panphon")}


def signatures(
    metrics: Iterable[str], *, keys: Mapping[str, str], **fields: str
) -> dict[str, str]:
    """The signature of each metric; of a sound key it holds what the key is, too.

    Args:
      metrics: names of figures.
      keys: name of a sound key -> how it is made; a digest of that is its version.
      **fields: see `signature`.
    """
    versions = {name: _digest(text) for name, text in keys.items()}
    versions |= {cross_name(name): version for name, version in versions.items()}
    found = {}
    for metric in metrics:
        key = {"key": versions[metric]} if metric in versions else {}
        found[metric] = signature(metric, **fields, **key)
    return found


def signature(metric: str, *, decode: str, code: str, **fields: str) -> str:
    """The signature of a figure.

    Args:
      metric: name of the figure, such as "cer".
      decode: how the answers were found, such as "greedy" or "beam-4-lp-0.6".
      code: which epik_jax made it, a commit or a release.
      **fields: anything else that a reader must know, such as `data="names-dev"`.

    Returns:
      Such as `cer|norm:epik-1|refs:any|level:corpus|decode:greedy|
      epik_jax:848e3af93b21|jax:0.10.2`, on one line.

    Raises:
      ValueError: a value would break the line apart.
    """
    parts = {
        "norm": f"epik-{NORMALISER_VERSION}",
        "refs": "any",
        "level": _LEVELS.get(metric, "word"),
        "decode": decode,
        **fields,
        **{package: _version(package) for package in _PACKAGES.get(metric, ())},
        "epik_jax": code,
        "jax": _version("jax"),
    }
    broken = [f"{k}={v!r}" for k, v in parts.items() if set(v) & set("|\n\r") or not v]
    if broken or "|" in metric:
        raise ValueError(f"not fit for a signature: {metric!r} {', '.join(broken)}")
    return "|".join([metric, *(f"{name}:{value}" for name, value in parts.items())])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "source"  # Imported from a folder that was never installed.
