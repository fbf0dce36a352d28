"""One line that says how a number was made, in sacreBLEU's manner.

Two numbers compare only if their signatures agree. The line goes wherever the number
goes; it holds no figures.
"""

from __future__ import annotations

import importlib.metadata

from epik_jax.text.normalise import NORMALISER_VERSION

_LEVELS = {"cer": "corpus", "cer_mean": "word"}
_PACKAGES = {"feature_distance": ("epitran", "panphon")}


def signature(metric: str, *, decode: str, refs: str = "any", **fields: str) -> str:
    """The signature of a figure.

    Args:
      metric: name of the figure, such as "cer".
      decode: how the answers were found, such as "greedy" or "beam-4-lp-0.6".
      refs: which references count: "any" accepted spelling, or "first".
      **fields: anything else that a reader must know, such as `data="names-dev"`.

    Returns:
      Such as `cer|norm:epik-1|refs:any|level:corpus|decode:greedy|epik_jax:0.1.0|
      jax:0.10.2`, on one line.

    Raises:
      ValueError: a value would break the line apart.
    """
    parts = {
        "norm": f"epik-{NORMALISER_VERSION}",
        "refs": refs,
        "level": _LEVELS.get(metric, "word"),
        "decode": decode,
        **fields,
        **{
            package: _version(package)
            for package in (*_PACKAGES.get(metric, ()), "epik_jax", "jax")
        },
    }
    broken = [f"{k}={v!r}" for k, v in parts.items() if set(v) & set("|\n\r") or not v]
    if broken or "|" in metric:
        raise ValueError(f"not fit for a signature: {metric!r} {', '.join(broken)}")
    return "|".join([metric, *(f"{name}:{value}" for name, value in parts.items())])


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "source"  # Run from a checkout that was never installed.
