"""The process that a command runs in: allocator, log lines, compiled programs kept.

Called once, before anything is computed. What cannot be set up is told and left out:
nothing here changes a result.
"""

from __future__ import annotations

import ctypes
import io
import logging
import os
import platform
import sys
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_LARGEST_INT = 2**31 - 1
_QUIET = ("absl", "bm25s", "jax", "orbax")


def set_streams() -> None:
    """Text in and out is UTF-8, whatever the terminal's locale says."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def set_logging() -> None:
    """Progress goes to standard error, libraries only speak up when they warn."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    handler.addFilter(
        lambda record: (
            record.levelno >= logging.WARNING
            or record.name.partition(".")[0] not in _QUIET
        )
    )
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == __name__]:
        root.removeHandler(old)
    handler.set_name(__name__)
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def set_allocator() -> str:
    """Keeps big buffers inside the process instead of returning them at every step.

    glibc maps each big buffer anew, and XLA on a CPU then loses a fifth of its time or
    more to page faults. An arena of a thread's own is given back too once it is empty,
    so all share the one that stays. Must come before jax allocates anything.

    Returns:
      What was done, in words.
    """
    if "MALLOC_MMAP_MAX_" in os.environ:
        value = os.environ["MALLOC_MMAP_MAX_"]
        return f"MALLOC_MMAP_MAX_={value} from the environment"
    name, version = platform.libc_ver()
    if sys.platform != "linux" or name != "glibc":
        return "the system's own, left as it is"
    try:
        libc = ctypes.CDLL(None)
        done = libc.mallopt(_M_MMAP_MAX, 0)
        done &= libc.mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)
        done &= libc.mallopt(_M_ARENA_MAX, 1)
    except (OSError, AttributeError) as error:
        return f"glibc {version}, could not be set: {error}"
    state = "keeps big buffers" if done else "refused to keep big buffers"
    return f"glibc {version}, {state}"


def compilation_folder() -> Path:
    """Where compiled programs are kept: one folder per user and compiler version."""
    import jaxlib

    given = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    root = Path(given) if os.path.isabs(given) else Path("~/.cache").expanduser()
    return root / "epik_jax" / f"jax-{jaxlib.__version__}"


def set_compilation_cache() -> None:
    """Has jax keep compiled programs, so that a second start compiles nothing."""
    import jax

    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return  # The user has chosen a folder, by jax's own variable.
    try:
        folder = compilation_folder()
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except (OSError, RuntimeError) as error:
        logging.warning(
            "compiled programs are not kept: %s; set XDG_CACHE_HOME to a folder that "
            "can be written",
            error,
        )
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
