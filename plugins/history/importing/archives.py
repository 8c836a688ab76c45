"""Opens files, and members of gzip and zip archives, within bounds."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from gateway import WarmlineError

LARGEST = 50_000_000_000
"""Bytes that one archive may unpack to."""
MOST_RATIO = 200
"""How many times larger than the archive its content may be. Mail and JSON compress to a tenth;
a bomb to a thousandth (https://en.wikipedia.org/wiki/Zip_bomb)."""
SMALL = 10_000_000
"""Bytes that are unpacked whatever the ratio."""
MOST_MEMBERS = 10_000
FREE = 500_000_000
"""Bytes of disk that stay free."""
STEP = 1 << 20


def open_bounded(path: Path) -> IO[bytes]:
    """The file ``path``, unpacked if it is compressed, to be read and sought in. Raises
    WarmlineError for an archive that unpacks to too much."""
    if path.suffix.lower() in (".gz", ".gzip"):
        with gzip.open(path, "rb") as packed:
            return _unpacked(packed, path, path.stat().st_size)
    return path.open("rb")


def members(path: Path) -> list[tuple[str, IO[bytes]]]:
    """The files in the zip archive ``path``, by name, each unpacked to a file that vanishes with
    this process. Raises WarmlineError."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if len(infos) > MOST_MEMBERS:
                raise WarmlineError(f"{path} has more than {MOST_MEMBERS:,} files; unpack it")
            if sum(info.file_size for info in infos) > LARGEST:
                raise WarmlineError(f"{path} unpacks to more than {LARGEST:,} bytes")
            found: list[tuple[str, IO[bytes]]] = []
            for info in infos:
                with archive.open(info) as packed:
                    file = _unpacked(packed, path, max(info.compress_size, 1))
                found.append((info.filename, file))
            return found
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise WarmlineError(f"{path} cannot be unpacked: {error}; unpack it yourself") from None


def _unpacked(packed: IO[bytes] | gzip.GzipFile, path: Path, size: int) -> IO[bytes]:
    # Deleted at once: nothing of it is left, however this process ends.
    target = tempfile.TemporaryFile()  # noqa: SIM115  (it is returned open)
    done = 0
    try:
        while chunk := packed.read(STEP):
            done += len(chunk)
            _check(path, done, size)
            target.write(chunk)
    except (EOFError, zlib.error, OSError, zipfile.BadZipFile) as error:
        target.close()
        raise WarmlineError(f"{path} is damaged: {error}") from None
    except WarmlineError:
        target.close()
        raise
    target.seek(0)
    return target


def _check(path: Path, done: int, size: int) -> None:
    """Raises WarmlineError when ``done`` bytes are too many for an archive of ``size``."""
    if done > LARGEST or (done > SMALL and done > size * MOST_RATIO):
        raise WarmlineError(
            f"{path} unpacks to over {MOST_RATIO} times its size; if it is what it seems, "
            "unpack it yourself"
        )
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < FREE:
        raise WarmlineError(
            f"{path} cannot be unpacked: the disk of {folder} is full; set TMPDIR to another"
        )
