"""The process is set up without a result depending on it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from epik_jax import host


@pytest.fixture(autouse=True)
def plain_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What jax's configuration would have been changed to."""
    found: dict[str, object] = {}
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setattr(jax.config, "update", found.__setitem__)
    return found


def test_progress_is_plain_and_libraries_only_warn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    host.set_logging()
    host.set_logging()  # A second command in one process must not double the lines.
    logging.info("step 1")
    for name in ("absl", "jax._src.dispatch", "orbax.checkpoint"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("jax").warning("danger")
    out, err = capsys.readouterr()
    assert not out
    assert [line[8:] for line in err.splitlines()] == [" step 1", " danger"]
    assert err[2] == err[5] == ":"


def test_compiled_programs_are_kept_by_user_and_version(
    updates: dict[str, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    host.set_compilation_cache()
    folder = tmp_path / "epik_jax" / f"jax-{jax.lib.__version__}"
    assert folder.is_dir() and not list(folder.iterdir())
    assert updates == {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert host.compilation_folder().is_absolute()


def test_a_folder_that_cannot_be_written_only_warns(
    updates: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    host.set_compilation_cache()
    assert "not kept" in caplog.text and not updates


def test_a_folder_chosen_by_the_user_stays(
    updates: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/chosen")
    host.set_compilation_cache()
    assert not updates


@pytest.mark.skipif(
    not host.set_allocator().startswith("glibc"), reason="only glibc maps buffers so"
)
@pytest.mark.parametrize("where", ["main()", "threading.Thread(target=main).start()"])
def test_big_buffers_stay_in_the_process(where: str) -> None:
    program = (
        "import resource, threading\nfrom epik_jax import host\n{call}\n"
        "import numpy as np\n"
        "def faults():\n"
        "  return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def main():\n"
        "  kept = np.ones(1 << 22)\n  np.ones(1 << 22)\n  start = faults()\n"
        "  for _ in range(4): np.ones(1 << 22)\n  print(faults() - start)\n"
        f"{where}"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    found = [
        int(
            subprocess.run(
                [sys.executable, "-c", program.format(call=call)],
                capture_output=True,
                text=True,
                check=True,
                env=env | {"PYTHONPATH": str(Path(host.__file__).parents[1])},
            ).stdout
        )
        for call in ("pass", "host.set_allocator()")
    ]
    assert found[1] < found[0] / 2
