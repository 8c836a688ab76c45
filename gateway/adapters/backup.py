"""Backups: the database and the stored files in one archive, and their restoration elsewhere.

The archive is a compressed tar. Its first member, ``manifest.json``, says what it holds; then come
the database and the files, as they are stored: what is encrypted stays so. The keys are not in it,
only their names: who finds a backup must not be able to read it.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import select

from gateway.adapters.encryption import missing_keys
from gateway.adapters.files import DIGEST
from gateway.adapters.sql.engine.base import SqlDatabase
from gateway.adapters.sql.engine.dumping import dump, is_empty, load
from gateway.adapters.sql.engine.opening import REVISIONS, revision_of
from gateway.adapters.sql.schema import data_keys
from gateway.model import Value
from gateway.ports import WarmlineError
from gateway.support.labels import counted

FORMAT = 1
MANIFEST, DATABASE = "manifest.json", "database"
LEVEL = 4
"""Of compression: encrypted files do not get smaller, and texts do already."""
_FILE = re.compile(r"files/[0-9a-f]{2}/([0-9a-f]{64})")
_EMPTY = hashlib.sha256().hexdigest()
"""The name of a stored file without content."""


class BackupManifest(Value, frozen=True, kw_only=True):
    """What a backup holds. ``database``: the kind, ``revision``: of its schema. ``keys`` are the
    names of the data keys that its texts and files need."""

    format: int
    made_at: datetime
    database: str
    revision: str
    keys: tuple[str, ...]
    files: int


class BackupPlace(Value, frozen=True, kw_only=True):
    """Where the data lie: the database's URL and the folder of the files."""

    url: str
    files: Path


async def make_backup(database: SqlDatabase, place: BackupPlace, target: Path) -> BackupManifest:
    """Write a backup to the new file ``target``, readable by its owner alone. A server may run.

    The database is copied first: each file that its rows name was stored before them. Raises
    WarmlineError, for example when ``target`` exists; then nothing is left there.
    """
    _check_target(target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
        copy = Path(folder) / DATABASE
        await dump(database, place.url, copy)
        used = await database.read(lambda c: tuple(c.execute(select(data_keys.c.name)).scalars()))
        stored = await asyncio.to_thread(lambda: list(_stored_files(place.files)))
        manifest = BackupManifest(
            format=FORMAT,
            made_at=datetime.now(UTC),
            database=_kind(database),
            revision=await database.read(revision_of),
            keys=tuple(sorted(used)),
            files=len(stored),
        )
        archive = Path(folder) / "archive"
        await asyncio.to_thread(_pack, archive, manifest, copy, stored)
        archive.rename(target)
    return manifest


def _check_target(target: Path) -> None:
    if target.exists():
        raise WarmlineError(f"{target} exists already; choose another name, or remove it")
    if not target.parent.is_dir():
        raise WarmlineError(f"there is no folder {target.parent}; create it")


async def restore_backup(database: SqlDatabase, place: BackupPlace, source: Path) -> BackupManifest:
    """Fill an empty database and an empty folder of files from the backup ``source``.

    Call before any server works there. Raises WarmlineError, having changed nothing, when something
    is there already, a key is missing, or the backup cannot be used.
    """
    manifest = await asyncio.to_thread(read_manifest, source)
    await _check(manifest, database, place)
    place.files.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.files.parent, prefix=".restore-") as folder:
        unpacked = Path(folder)
        found = await asyncio.to_thread(_unpack, source, unpacked)
        if found != manifest.files:
            of = counted(manifest.files, "file")
            raise WarmlineError(f"{source} holds {found} of {of}; it is cut off")
        await load(database, place.url, unpacked / DATABASE)
        (unpacked / "files").replace(place.files)  # replaces an empty folder as well
    return manifest


def read_manifest(source: Path) -> BackupManifest:
    """What the backup ``source`` holds. Raises WarmlineError when it is none."""
    with _opened(source) as archive:
        first = archive.next()
        content = archive.extractfile(first) if first and first.name == MANIFEST else None
        if content is None:
            raise WarmlineError(f"{source} is no backup of Warmline")
        try:
            manifest = msgspec.json.decode(content.read(100_000), type=BackupManifest)
        except msgspec.DecodeError:
            raise WarmlineError(f"{source} has a damaged manifest; use another backup") from None
    if manifest.format != FORMAT or manifest.revision not in ("base", *REVISIONS):
        made = f"{source} was made by a later version of Warmline"
        raise WarmlineError(f"{made} (revision {manifest.revision}); restore it with that version")
    return manifest


async def _check(manifest: BackupManifest, database: SqlDatabase, place: BackupPlace) -> None:
    if manifest.database != _kind(database):
        raise WarmlineError(
            f"the backup is of {manifest.database}, and `database_url` is {_kind(database)}; "
            "restore it to the same kind (`warmline move` then copies SQLite to PostgreSQL)"
        )
    lost = set(manifest.keys) - set(database.keys.names)
    if lost:
        raise missing_keys(sorted(lost))
    if not await is_empty(database):
        raise WarmlineError("the database is not empty; restore to a new one (`database_url`)")
    if place.files.exists() and any(place.files.iterdir()):
        raise WarmlineError(f"{place.files} is not empty; restore to a new folder (`data_dir`)")


def _kind(database: SqlDatabase) -> str:
    return "PostgreSQL" if database.shared else "SQLite"


def _stored_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("??/*")) if DIGEST.fullmatch(path.name))


def _pack(target: Path, manifest: BackupManifest, database: Path, stored: list[Path]) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    kept = 0
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=LEVEL) as archive:
            # The number of files is known at the end only: some may be deleted meanwhile.
            members = [path for path in stored if path.exists()]
            final = manifest.replace(files=len(members))
            _add(archive, MANIFEST, msgspec.json.encode(final))
            archive.add(database, DATABASE, recursive=False)
            for path in members:
                kept += _add_file(archive, path)
        file.flush()
        os.fsync(file.fileno())


def _add_file(archive: tarfile.TarFile, path: Path) -> int:
    """Add a stored file; one that was erased in this moment is left empty, not left out."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    _add(archive, f"files/{path.parent.name}/{path.name}", content)
    return 1


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _unpack(source: Path, folder: Path) -> int:
    """Unpack the database and the files into ``folder``; return the number of files. Other members,
    and names that would lead elsewhere, are ignored."""
    (folder / "files").mkdir(mode=0o700)
    count = 0
    with _opened(source) as archive:
        for member in archive:
            name = member.name
            if not member.isreg() or not (name == DATABASE or _FILE.fullmatch(name)):
                continue
            content = archive.extractfile(member)
            if content is None:
                continue
            is_file = name != DATABASE
            count += is_file
            if is_file and not member.size and Path(name).name != _EMPTY:
                continue  # it was erased while the backup was made
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            with path.open("xb") as file:
                shutil.copyfileobj(content, file)
                os.fsync(file.fileno())
        while archive.fileobj and archive.fileobj.read(1 << 20):
            pass  # to its end, where its checksum is
    if not (folder / DATABASE).exists():
        raise WarmlineError(f"{source} holds no database; use another backup")
    return count


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    """Raises WarmlineError for what is no whole archive."""
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            yield archive
    except FileNotFoundError:
        raise WarmlineError(f"there is no file {source}") from None
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:  # a full disk, no permission
            raise WarmlineError(f"cannot restore {source}: {error.strerror}") from error
        what = f"{source} cannot be read as a backup ({type(error).__name__})"
        raise WarmlineError(f"{what}: it is cut off, damaged, or none; use another") from error
