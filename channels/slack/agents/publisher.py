"""Posting once: what was cut off is looked for before it is posted again.

Before a post its intention is committed (``trying``); each post carries our marker in its message
metadata, a file in its title. When the end of a post is not known, because the line was cut, Slack
said 5xx, or we died, the thread is read back and the marker looked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog

from channels.slack.agents import transcript as lines
from channels.slack.agents.card import Face
from channels.slack.agents.context import Office
from channels.slack.agents.line import Refused
from channels.slack.agents.store import Kept, Thread
from channels.slack.agents.transcript import Piece
from gateway import NotFound, TooLarge, TryLater, Unsure

log = structlog.get_logger(__name__)
EVENT = "warmline"
QUIET = {"unfurl_links": False, "unfurl_media": False}
"""Slack must not fetch what a customer points at."""
PAGE, PAGES = 200, 20
BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
CUT = 100
"""Characters of a file's name in its title."""


class Poster:
    """Cards and what is written into their threads."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.newest = ""
        """The newest Slack timestamp of the channel that we know of."""

    def saw(self, ts: str) -> None:
        """A message of the channel has this timestamp."""
        self.newest = max(self.newest, ts)

    async def root(self, kept: Kept[Thread], face: Face) -> Kept[Thread]:
        """The card itself, unless it stands there."""
        marker = _marker(kept.value)
        if kept.value.trying:
            found = await self.card_of(kept.value)
            if found:
                return await self._rooted(kept, found)
        else:
            mine = kept.value.replace(trying=True, before=self.newest)
            kept = await self._office.book.change(kept, mine)
        try:
            ts = await self._post(face.text, face.blocks, marker)
        except (TryLater, Refused):
            await self._office.book.change(kept, kept.value.replace(trying=False))
            raise
        return await self._rooted(kept, ts)

    async def card_of(self, thread: Thread) -> str:
        """The timestamp of a card whose post was cut off; empty when it did not arrive."""
        return await self._found(_marker(thread), self._history(thread.before))

    async def below(self, kept: Kept[Thread], piece: Piece) -> tuple[Kept[Thread], str]:
        """One piece in the thread; gives its timestamp, empty for a file."""
        thread = kept.value
        if thread.trying:
            found = await self._found(piece.marker, self._replies(thread.ts))
            if found:
                return kept, found
        else:
            kept = await self._office.book.change(kept, thread.replace(trying=True))
        try:
            return kept, await self._piece(thread.ts, piece)
        except (TryLater, Refused):
            await self._office.book.change(kept, kept.value.replace(trying=False))
            raise

    async def update(self, thread: Thread, face: Face) -> None:
        """The card as it is now: an update may be repeated."""
        where = {"channel": self._office.channel, "ts": thread.ts}
        said = {"text": face.text, "blocks": list(face.blocks)}
        await self._office.line.call("chat.update", **where, **said)

    async def sign(self, ts: str, emoji: str) -> None:
        """A reaction of ours: it may be repeated."""
        try:
            await self._office.line.call(
                "reactions.add", channel=self._office.channel, timestamp=ts, name=emoji
            )
        except Refused as refused:
            if refused.error != "already_reacted":  # a sign is no word: nothing waits for it
                log.warning("agents_slack.no_sign", error=refused.error)

    async def _rooted(self, kept: Kept[Thread], ts: str) -> Kept[Thread]:
        conversation = kept.value.conversation
        # First where the thread leads: an agent may answer as soon as the card stands there.
        await self._office.book.add(f"thread/{ts}", str(conversation), conversation=conversation)
        return await self._office.book.change(kept, kept.value.replace(ts=ts, trying=False))

    async def _piece(self, thread: str, piece: Piece) -> str:
        if piece.file is None:
            return await self._post(piece.text, piece.blocks, piece.marker, thread)
        try:
            data = await self._office.house.files.open(piece.file.digest)
            if not data:
                raise NotFound("an empty file")  # noqa: TRY301  (told like one that is not there)
            name = piece.file.name[:200] or "file"
            title = f"{name[:CUT]} ({piece.marker})"
            await self._office.line.upload(self._office.channel, thread, name, title, data)
        except (NotFound, TooLarge, Refused) as error:
            told = lines.without_file(piece, str(error))
            return await self._post(told.text, told.blocks, told.marker, thread)
        return ""

    async def _post(
        self, text: str, blocks: tuple[dict[str, Any], ...], marker: str, thread: str = ""
    ) -> str:
        said: dict[str, Any] = {
            "channel": self._office.channel,
            "text": text or " ",
            "metadata": {"event_type": EVENT, "event_payload": {"warmline": marker}},
            **QUIET,
            **({"thread_ts": thread} if thread else {}),
        }
        try:
            answer = await self._office.line.call("chat.postMessage", **said, blocks=list(blocks))
        except Refused as refused:
            if refused.error not in BLOCKS:
                raise
            # Whatever Slack dislikes in the layout: the words must not be lost for it.
            answer = await self._office.line.call("chat.postMessage", **said)
        ts = str(answer["ts"])
        self.saw(ts)
        return ts

    # -- reading back

    async def _found(self, marker: str, messages: AsyncIterator[Mapping[str, Any]]) -> str:
        async for message in messages:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("warmline") == marker:
                return str(message["ts"])
            for file in message.get("files") or ():
                if str(file.get("title", "")).endswith(f"({marker})"):
                    return str(message["ts"])
        return ""

    def _history(self, after: str) -> AsyncIterator[Mapping[str, Any]]:
        since = {"oldest": after} if after else {}
        return self._pages("conversations.history", **since)

    def _replies(self, thread: str) -> AsyncIterator[Mapping[str, Any]]:
        return self._pages("conversations.replies", ts=thread)

    async def _pages(self, method: str, **more: Any) -> AsyncIterator[Mapping[str, Any]]:
        asked = {"channel": self._office.channel, "limit": PAGE, "include_all_metadata": True}
        for _ in range(PAGES):
            try:
                page = await self._office.line.call(method, **asked, **more)
            except Unsure as cut:
                raise TryLater(f"reading back: {cut}") from cut
            for message in page["messages"]:
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
            more["cursor"] = cursor


def _marker(thread: Thread) -> str:
    return f"card:{thread.conversation}:{thread.handoff}"
