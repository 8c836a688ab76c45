"""Posts to the support channel: cards and threads once each, and notices for one agent.

Before a post its intention is committed (``post_pending``). Each post carries a marker in its
metadata, a file in its title. When the outcome of a post is not known (cut off, 5xx, our own
crash), the channel or thread is read back and the marker looked for before it is posted again.
A notice is an ephemeral message, which cannot be read back: cut off, it may be shown twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog

from channels.slack.agents.card import SlackPost
from channels.slack.agents.context import AgentContext
from channels.slack.agents.store import CardThread, PrivateNotice, Saved, StoredDigest
from channels.slack.agents.thread import ThreadPost, without_file
from channels.slack.api import SlackRefused
from gateway import Backoff, NotFound, Outdated, TooLarge, TryLater, Unsure

log = structlog.get_logger(__name__)
EVENT = "warmline"
PAGE, PAGES = 200, 20
"""How far a channel or thread is read back."""
TITLE = 100
"""Characters of a file's name in its title."""


class Publisher:
    """Posts cards, and messages in their threads."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self.newest = ""
        """The newest timestamp of the channel that we know of."""

    def note_timestamp(self, ts: str) -> None:
        """A message of the channel has this timestamp."""
        self.newest = max(self.newest, ts)

    async def post_card(self, saved: Saved[CardThread], post: SlackPost) -> Saved[CardThread]:
        """Post the card, unless it is there already."""
        store = self._context.store
        if saved.value.post_pending:
            if found := await self.find_card(saved.value):
                return await self._card_posted(saved, found)
        else:
            pending = saved.value.replace(post_pending=True, before=self.newest)
            saved = await store.change(saved, pending)
        try:
            ts = await self._post(post.text, post.blocks, _marker(saved.value))
        except (TryLater, SlackRefused):
            await store.change(saved, saved.value.replace(post_pending=False))
            raise
        return await self._card_posted(saved, ts)

    async def find_card(self, thread: CardThread) -> str:
        """The timestamp of a card whose post was cut off; empty when it did not arrive."""
        since = {"oldest": thread.before} if thread.before else {}
        return await self._find(_marker(thread), "conversations.history", **since)

    async def post_in_thread(
        self, saved: Saved[CardThread], post: ThreadPost
    ) -> tuple[Saved[CardThread], str]:
        """Post in the thread, unless it is there already. Returns the timestamp, or "" for a
        file."""
        store, thread = self._context.store, saved.value
        if thread.post_pending:
            found = await self._find(post.marker, "conversations.replies", ts=thread.ts)
            if found:
                return saved, found
        else:
            saved = await store.change(saved, thread.replace(post_pending=True))
        try:
            if post.file is not None:
                return saved, await self._upload(thread.ts, post)
            ts = await self._post(
                post.text, post.blocks, post.marker, thread.ts, broadcast=post.broadcast
            )
            return saved, ts  # noqa: TRY300  (the exceptions are those of the call above)
        except (TryLater, SlackRefused):
            await store.change(saved, saved.value.replace(post_pending=False))
            raise

    async def post_digest(self, saved: Saved[StoredDigest], post: SlackPost) -> None:
        """Post a digest, unless it is there already, and keep no more than that it is done."""
        store, marker = self._context.store, saved.key
        found = ""
        if saved.value.post_pending:
            found = await self._find(marker, "conversations.history", oldest=saved.value.since)
        else:
            saved = await store.change(saved, saved.value.replace(post_pending=True))
        if not found:
            try:
                await self._post(post.text, post.blocks, marker)
            except (TryLater, SlackRefused):
                await store.change(saved, saved.value.replace(post_pending=False))
                raise
        await store.change(saved, StoredDigest(done=True))

    async def update_card(self, ts: str, post: SlackPost) -> None:
        """Show the card as it is now; this may be repeated."""
        channel, blocks = self._context.channel, list(post.blocks)
        await self._context.api.call(
            "chat.update", channel=channel, ts=ts, text=post.text, blocks=blocks
        )

    async def react(self, ts: str, emoji: str) -> None:
        """Put a reaction on a message; this may be repeated. A refused one is only logged."""
        await _react(self._context, ts, emoji)

    async def _card_posted(self, saved: Saved[CardThread], ts: str) -> Saved[CardThread]:
        conversation, store = saved.value.conversation, self._context.store
        # The thread comes first: an agent may answer as soon as the card stands there.
        await store.add(f"thread/{ts}", str(conversation), conversation=conversation)
        return await store.change(saved, saved.value.replace(ts=ts, post_pending=False))

    async def _upload(self, thread: str, post: ThreadPost) -> str:
        assert post.file is not None  # noqa: S101
        try:
            data = await self._context.services.files.open(post.file.digest)
            if not data:
                raise NotFound("the file is empty")  # noqa: TRY301  (shown like a missing one)
            name = post.file.name[:200] or "file"
            title = f"{name[:TITLE]} ({post.marker})"
            file = {"filename": name, "title": title, "content": data}
            await self._context.api.upload(self._context.channel, thread, [file])
        except (NotFound, TooLarge, SlackRefused) as error:
            text = without_file(post, str(error))
            return await self._post(text.text, text.blocks, text.marker, thread)
        return ""

    async def _post(
        self,
        text: str,
        blocks: tuple[dict[str, Any], ...],
        marker: str,
        thread: str = "",
        *,
        broadcast: bool = False,
    ) -> str:
        arguments: dict[str, Any] = {
            "channel": self._context.channel,
            "text": text or " ",
            "metadata": {"event_type": EVENT, "event_payload": {"warmline": marker}},
            # Slack must not fetch what a customer's links point to.
            "unfurl_links": False,
            "unfurl_media": False,
            **({"thread_ts": thread} if thread else {}),
            **({"reply_broadcast": True} if broadcast else {}),
        }
        api = self._context.api
        try:
            answer = await api.call("chat.postMessage", **arguments, blocks=list(blocks))
        except SlackRefused as refused:
            if refused.kind != "bad_blocks":
                raise
            # The text must not be lost when Slack refuses the layout.
            answer = await api.call("chat.postMessage", **arguments)
        ts = str(answer["ts"])
        self.note_timestamp(ts)
        return ts

    async def _find(self, marker: str, method: str, **span: Any) -> str:
        """The timestamp of the message with ``marker``, empty when there is none."""
        async for message in self._read_back(method, **span):
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            titles = (str(file.get("title", "")) for file in message.get("files") or ())
            if payload.get("warmline") == marker or any(
                title.endswith(f"({marker})") for title in titles
            ):
                return str(message["ts"])
        return ""

    async def _read_back(self, method: str, **span: Any) -> AsyncIterator[Mapping[str, Any]]:
        channel = self._context.channel
        arguments = {"channel": channel, "limit": PAGE, "include_all_metadata": True, **span}
        try:
            async for page in self._context.api.pages(method, most=PAGES, **arguments):
                for message in page["messages"]:
                    yield message
        except Unsure as cut:
            raise TryLater(f"reading back: {cut}") from cut


class Notifier:
    """The worker that shows notices to agents. They are stored first, so an outage of Slack only
    delays them."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        backoff = Backoff(most=30.0)
        while True:
            self._wake.clear()
            async for saved in self._context.store.scan("tell/", PrivateNotice):
                await self._deliver(saved, backoff)
            await self._wake.wait()

    async def _deliver(self, saved: Saved[PrivateNotice], backoff: Backoff) -> None:
        while True:
            try:
                await self._post(saved.value)
            except (TryLater, Unsure) as error:
                await self._context.services.clock.sleep(
                    backoff.next(getattr(error, "after", None))
                )
                continue
            except SlackRefused as refused:
                log.warning("agents_slack.notice_refused", id=saved.key, error=refused.code)
            backoff.reset()
            try:
                await self._context.store.drop(saved)
            except Outdated:
                log.warning("agents_slack.notice_shown_twice", id=saved.key)
            return

    async def _post(self, notice: PrivateNotice) -> None:
        if notice.emoji:
            await _react(self._context, notice.thread, notice.emoji)
            return
        await self._context.api.call(
            "chat.postEphemeral",
            channel=self._context.channel,
            user=notice.user,
            text=notice.text,
            **({"thread_ts": notice.thread} if notice.thread else {}),
            **({"blocks": notice.blocks} if notice.blocks else {}),
        )


async def _react(context: AgentContext, ts: str, emoji: str) -> None:
    try:
        await context.api.call("reactions.add", channel=context.channel, timestamp=ts, name=emoji)
    except SlackRefused as refused:
        if refused.code != "already_reacted":  # nothing waits for a reaction
            log.warning("agents_slack.reaction_refused", emoji=emoji, error=refused.code)


def _marker(thread: CardThread) -> str:
    return f"card:{thread.conversation}:{thread.handoff}"
