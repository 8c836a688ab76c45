"""Files that an agent has uploaded and not sent yet."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import filetype
import msgspec

from gateway import (
    UNREAD_PHOTOS,
    Attachment,
    Clock,
    File,
    Files,
    NotAccepted,
    NotFound,
    Outdated,
    PluginStorage,
    StoredValue,
    TooLarge,
    Value,
    without_place,
)
from plugins.agents_desk.access.accounts import PLUGIN, delete_entry, stored_entries
from plugins.agents_desk.guard import InvalidForm

PREFIX = "unsent/"
EXPIRY = timedelta(hours=20)
"""Shorter than the day for which a stored file that no message names is kept (see `Files`)."""
MOST_UNSENT = 20
"""Files of one agent that wait in one conversation: as many as any channel takes."""
NO_CONVERSATION = 0
"""Stands for the conversation of files for a first message."""
UNKNOWN_TYPE = "application/octet-stream"
SIGNATURE = 8192
"""Bytes in which ``filetype`` looks for a signature."""
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Bytes that no text contains (WHATWG MIME Sniffing Standard, section 3)."""
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"<>|:*?\\/]'
)
"""Control characters, those that turn the direction of writing, and what file systems forbid."""
LONGEST_NAME = 100


class UnsentFile(Value, frozen=True, kw_only=True):
    """A file that waits to be sent. ``unread``: a photo of a kind that we cannot read, so the place
    where it was taken may be in it."""

    id: str = ""
    file: Attachment
    at: datetime
    unread: bool = False
    sent: bool = False


@dataclass(kw_only=True)
class UnsentFiles:
    """Keeps them for each agent and conversation until they are sent, removed or expired."""

    storage: PluginStorage
    files: Files
    clock: Clock

    async def of(self, conversation: int, agent: str) -> tuple[UnsentFile, ...]:
        """The files of ``agent`` that wait in ``conversation``, in the order of their upload."""
        stored = await self._stored(conversation, agent)
        return tuple(unsent for _, unsent in stored if not unsent.sent)

    async def add(self, conversation: int, agent: str, name: str, data: bytes) -> UnsentFile:
        """Store an uploaded file under the type that its bytes show, without the place in which a
        photo was taken. Raises InvalidForm."""
        if not data:
            raise InvalidForm(f"{shown_name(name)} is empty.")
        before = len(await self._stored(conversation, agent))
        if len(await self.of(conversation, agent)) >= MOST_UNSENT:
            raise InvalidForm(f"At most {MOST_UNSENT} files can wait. Send or remove some first.")
        media_type = media_type_of(data)
        uploaded = File(name=shown_name(name), media_type=media_type, data=data)
        try:
            kept = await self.files.keep(await asyncio.to_thread(without_place, uploaded))
        except TooLarge:
            raise InvalidForm(f"{uploaded.name} is too large.") from None
        except NotAccepted:
            raise InvalidForm("There is no room for files at the moment. Ask an admin.") from None
        now = self.clock.now()
        unsent = UnsentFile(file=kept, at=now, unread=media_type in UNREAD_PHOTOS)
        key = self._key(conversation, agent, before)
        await self._store(key, unsent, conversation)
        return unsent.replace(id=key.removeprefix(_prefix(conversation, agent)))

    async def take(
        self, conversation: int, agent: str, ids: Sequence[str]
    ) -> tuple[Attachment, ...]:
        """The files with these ids, to be sent. Raises InvalidForm when one is gone."""
        if not ids:
            return ()
        stored = await self._stored(conversation, agent)
        known = {unsent.id: unsent.file for _, unsent in stored}
        try:
            found = tuple(known[id] for id in ids)
            for file in found:
                await self.files.open(file.digest)
        except (KeyError, NotFound):
            raise InvalidForm("A file is no longer there. Attach it again.") from None
        return found

    async def mark_sent(self, conversation: int, agent: str, ids: Sequence[str]) -> None:
        """They wait no longer. They are remembered until they expire, so that the same form may
        come a second time."""
        for entry, unsent in await self._stored(conversation, agent):
            if unsent.id in ids and not unsent.sent:
                await self._store(entry.key, unsent.replace(sent=True), conversation, entry.version)

    async def put_back(self, conversation: int, agent: str, files: Sequence[Attachment]) -> None:
        """Let the files of an answer that was taken back wait again, also where that answer was to
        go to another conversation than the one they were uploaded in."""
        left = list(files)
        for entry, unsent in await self._stored(conversation, agent):
            if unsent.sent and unsent.file in left:
                left.remove(unsent.file)
                await self._store(
                    entry.key, unsent.replace(sent=False), conversation, entry.version
                )
        for number, file in enumerate(left):
            unsent = UnsentFile(
                file=file, at=self.clock.now(), unread=file.media_type in UNREAD_PHOTOS
            )
            await self._store(self._key(conversation, agent, number), unsent, conversation)

    async def drop(self, conversation: int, agent: str, ids: Sequence[str]) -> None:
        """Forget the files with these ids. Their bytes go with the next clean-up of files, unless a
        message names them."""
        for entry, unsent in await self._stored(conversation, agent):
            if unsent.id in ids:
                await delete_entry(self.storage, entry)

    async def delete_expired(self) -> None:
        async for entry in stored_entries(self.storage, PREFIX):
            if self._is_expired(msgspec.json.decode(entry.value, type=UnsentFile)):
                await delete_entry(self.storage, entry)

    async def _stored(self, conversation: int, agent: str) -> list[tuple[StoredValue, UnsentFile]]:
        prefix = _prefix(conversation, agent)
        found = []
        for entry in await self.storage.scan(PLUGIN, prefix):
            unsent = msgspec.json.decode(entry.value, type=UnsentFile)
            if not self._is_expired(unsent):
                found.append((entry, unsent.replace(id=entry.key.removeprefix(prefix))))
        return found

    async def _store(self, key: str, file: UnsentFile, conversation: int, version: int = 0) -> None:
        """``version`` of the entry to replace; 0: a new one. What changed meanwhile stays."""
        value = msgspec.json.encode(file).decode()
        with suppress(Outdated):
            await self.storage.put(PLUGIN, key, value, version=version, conversation=conversation)

    def _key(self, conversation: int, agent: str, number: int) -> str:
        """A new key. Ids sort by time, and by ``number`` within a millisecond."""
        now = int(self.clock.now().timestamp() * 1000)
        return f"{_prefix(conversation, agent)}{now:013d}-{number:03d}-{secrets.token_hex(6)}"

    def _is_expired(self, file: UnsentFile) -> bool:
        return self.clock.now() - file.at > EXPIRY


def _prefix(conversation: int, agent: str) -> str:
    return f"{PREFIX}{conversation}/{agent}/"


def media_type_of(data: bytes) -> str:
    """The media type that the bytes show, never the name or what a browser says."""
    found = filetype.guess_mime(data[:SIGNATURE])
    if found is not None:
        return str(found)
    if _BINARY.search(data):
        return UNKNOWN_TYPE
    try:
        data.decode()
    except UnicodeDecodeError:
        return UNKNOWN_TYPE
    begin = data[:16].upper()
    if begin.startswith(b"BEGIN:VCARD"):
        return "text/vcard"
    return "text/calendar" if begin.startswith(b"BEGIN:VCALENDAR") else "text/plain"


def shown_name(name: str) -> str:
    """``name`` without folders and what is unsafe in a file's name, with its extension."""
    base = _UNSAFE.sub("", name.replace("\\", "/").rpartition("/")[2]).strip(" .") or "file"
    stem, dot, suffix = base.rpartition(".")
    if not dot or len(suffix) > 10:
        return base[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(suffix) - 1]}.{suffix}"
