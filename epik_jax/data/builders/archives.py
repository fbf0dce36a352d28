"""One file of a published release, out of its archive or from the folder unpacked."""

from __future__ import annotations

import tarfile
import zlib

from etils import epath


def published_file(unpacked: epath.Path, packed: epath.Path, member: str) -> bytes:
    """Reads a file of a release.

    Args:
      unpacked: the file itself, read where it exists.
      packed: the tar archive, compressed or not, that holds it otherwise.
      member: its name there, behind any folders.

    Raises:
      ValueError: neither exists, the archive is broken, or it has no such file.
    """
    if unpacked.exists():
        return unpacked.read_bytes()
    if not packed.exists():
        raise ValueError(f"neither {unpacked} nor {packed} exists; place one of them")
    try:
        with packed.open("rb") as file, tarfile.open(fileobj=file) as archive:
            found = _member(archive, member)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(f"{packed} is no whole archive; fetch it anew") from error
    if found is None:
        raise ValueError(f"{packed} holds no {member}")
    return found


def _member(archive: tarfile.TarFile, member: str) -> bytes | None:
    # Only the wanted one is read: Dakshina's also holds 2 GB of Wikipedia text.
    for info in archive:
        if f"/{info.name}".endswith(f"/{member}") and info.isfile():
            found = archive.extractfile(info)
            assert found is not None  # a regular file always opens
            return found.read()
    return None
