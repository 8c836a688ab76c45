"""Everything that is held on one customer, wherever it lies: exported, or erased.

The database and the stored files; the archive that retention writes; and what plugins keep
themselves, such as a folder of mails. SQLite also keeps erased rows in its write-ahead log until
that is emptied, which a reader may delay: the erasure is then not finished, says so, and a running
server finishes it.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import gzip
import os
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from gateway.model import Address, Attachment, Json, Value
from gateway.ports import Clock, CustomerDataHolder, Files, NotFound
from gateway.store import Customers

log = structlog.get_logger()
INTERVAL = 60.0
"""Seconds between two looks for an erasure that is not finished."""


class Erasure(Value, frozen=True, kw_only=True):
    """What was erased: rows, files, archived conversations, and items that plugins kept.

    ``finished`` is False while erased text may be left in the database's log. ``unreadable`` names
    damaged archives, in which there may be more.
    """

    rows: int = 0
    files: int = 0
    archived: int = 0
    kept_by_plugins: int = 0
    finished: bool = True
    unreadable: tuple[str, ...] = ()


class StoredFiles(Files, Protocol):
    """The stored files, and their deletion."""

    async def forget(self, digests: tuple[str, ...]) -> None: ...


@dataclass(kw_only=True)
class CustomerData:
    """Exports and erases. ``archive`` is retention's folder; ``holders`` are plugins by name."""

    store: Customers
    files: StoredFiles
    clock: Clock
    archive: Path | None
    holders: Mapping[str, CustomerDataHolder]
    erased: Sequence[Callable[[], Awaitable[None]]] = ()
    """Let everything follow that was made of what is erased, such as models."""

    async def export(self, address: Address) -> Mapping[str, Json]:
        """All that is held, the files included (their bytes in base64); ``unreadable_archives``
        names damaged ones, in which there may be more. Raises NotFound when nothing is."""
        addresses = await self._addresses(address)
        export: dict[str, Any] = {}
        with suppress(NotFound):
            export |= await self.store.export(address)  # type: ignore[arg-type]  # an object
        archived, unreadable = await asyncio.to_thread(_find_archived, self.archive, addresses)
        held = {
            name: await holder.export_customer(addresses) for name, holder in self.holders.items()
        }
        if not export and not archived and not any(held.values()):
            raise _nobody(address, unreadable)
        export["files"] = [
            content for digest in _digests(export) if (content := await self._content(digest))
        ]
        export["archived"] = archived
        if unreadable:
            export["unreadable_archives"] = unreadable
        return export | {name: value for name, value in held.items() if value}

    async def erase(self, address: Address) -> Erasure:
        """Erase all of it. Raises NotFound when there is nothing."""
        addresses = await self._addresses(address)
        archived, unreadable = await asyncio.to_thread(_erase_archived, self.archive, addresses)
        kept = sum([await holder.erase_customer(addresses) for holder in self.holders.values()])
        # Last, because it knows the customer's other addresses: what failed can be tried again.
        rows, digests = 0, tuple[str, ...]()
        with suppress(NotFound):
            rows, digests = await self.store.erase(address)
        await self.files.forget(digests)
        for follow in self.erased:
            await follow()
        if not rows and not archived and not kept:
            raise _nobody(address, unreadable)
        return Erasure(
            rows=rows,
            files=len(digests),
            archived=archived,
            kept_by_plugins=kept,
            finished=await self.store.finish_erasures(),
            unreadable=unreadable,
        )

    async def run(self) -> None:
        """Finish erasures that a reader of the database delayed, until cancelled."""
        while True:
            try:
                await self.store.finish_erasures()
            except Exception:
                log.exception("erasure.not_finished")
            await self.clock.sleep(INTERVAL)

    async def _addresses(self, address: Address) -> tuple[Address, ...]:
        """All addresses of the customer; ``address`` alone when the database knows nobody by it,
        because the conversations are archived already."""
        try:
            return await self.store.addresses(address)
        except NotFound:
            return (address,)

    async def _content(self, digest: str) -> Json | None:
        try:
            data = await self.files.open(digest)
        except NotFound:
            return None
        return {"digest": digest, "size": len(data), "content": base64.b64encode(data).decode()}


def _nobody(address: Address, unreadable: tuple[str, ...]) -> NotFound:
    damaged = f"; damaged archives may hold more: {', '.join(unreadable)}" if unreadable else ""
    return NotFound(f"nobody is known by {address.lane}{damaged}")


class _NamedFiles(Value, frozen=True, kw_only=True):
    """The files that a row of the inbox names: a part of `Inbound` and of `store.AgentMessage`."""

    attachments: tuple[Attachment, ...] = ()
    raw: str | None = None


class _Lane(Value, frozen=True, kw_only=True):
    lane: str


class _Held(Value, frozen=True, kw_only=True):
    channel: str
    value: str


class _ArchivedNames(Value, frozen=True, kw_only=True):
    """Whose an archived conversation is, and whose words were forwarded there."""

    conversation: _Lane
    forwarded_words: tuple[_Held, ...] = ()


def _digests(export: Mapping[str, Any]) -> list[str]:
    """The files that the exported rows name, the original mails included."""
    digests = [row["digest"] for row in export.get("attachments", ())]
    for row in export.get("inbox", ()):
        if isinstance(row["payload"], str):
            with suppress(msgspec.DecodeError):
                named = msgspec.json.decode(row["payload"], type=_NamedFiles)
                digests += [attachment.digest for attachment in named.attachments]
                digests += [named.raw] if named.raw else []
    return list(dict.fromkeys(digests))


# -- the archive of retention ----------------------------------------------------------------------


@contextmanager
def archive_lock(folder: Path) -> Iterator[None]:
    """Hold the archive, so that nothing is appended to a file that is being written anew."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _archives(folder: Path | None) -> list[Path]:
    return sorted(folder.glob("*.jsonl.gz")) if folder is not None else []


def _find_archived(
    folder: Path | None, addresses: Sequence[Address]
) -> tuple[list[Json], tuple[str, ...]]:
    """The archived conversations of these addresses, and the names of damaged archives."""
    found: list[Json] = []
    unreadable: list[str] = []
    for file in _archives(folder):
        try:
            found += [
                _without_others(msgspec.json.decode(line), addresses)
                for line in _lines(file)
                if _is_of(line, addresses)
            ]
        except (OSError, EOFError, zlib.error):
            unreadable.append(file.name)
    return found, tuple(unreadable)


def _erase_archived(
    folder: Path | None, addresses: Sequence[Address]
) -> tuple[int, tuple[str, ...]]:
    """Write each archive anew without these conversations; return their number, and the names of
    damaged archives."""
    if folder is None or not folder.is_dir():
        return 0, ()
    found, unreadable = _find_archived(folder, addresses)
    if found:
        with archive_lock(folder):
            for file in _archives(folder):
                if file.name not in unreadable:
                    _write_anew(file, addresses)
    return len(found), unreadable


def _write_anew(file: Path, addresses: Sequence[Address]) -> None:
    temporary = file.with_name(f".{file.name}.new")
    kept = 0
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        with gzip.GzipFile(fileobj=opened, mode="wb", filename="") as packed:
            for line in _lines(file):
                if not _is_of(line, addresses):
                    packed.write(line)
                    kept += 1
        opened.flush()
        os.fsync(opened.fileno())
    if kept:
        temporary.replace(file)
    else:
        temporary.unlink()
        file.unlink()


def _lines(file: Path) -> Iterator[bytes]:
    with gzip.open(file, "rb") as opened:
        yield from opened


def _is_of(line: bytes, addresses: Sequence[Address]) -> bool:
    """Whether the archived conversation is theirs, or holds forwarded words of theirs."""
    try:
        archived = msgspec.json.decode(line, type=_ArchivedNames)
    except msgspec.DecodeError:
        return False
    lanes = {address.lane for address in addresses}
    known = {(address.channel, address.value) for address in addresses}
    return archived.conversation.lane in lanes or any(
        (held.channel, held.value) in known for held in archived.forwarded_words
    )


def _without_others(archived: dict[str, Any], addresses: Sequence[Address]) -> Json:
    """``archived`` without the addresses of others whose words were forwarded there."""
    known = {(address.channel, address.value) for address in addresses}
    held = archived.get("forwarded_words", ())
    own = [row for row in held if (row["channel"], row["value"]) in known]
    return archived | {"forwarded_words": own} if held else archived
