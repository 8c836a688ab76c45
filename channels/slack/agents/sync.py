"""Keeps the cards and threads in Slack as the desk has the conversations.

For each conversation, what the desk says is compared with what was posted, and the difference is
posted. Events only say which conversation to check. Every ``refresh`` seconds all are checked,
for what no event announced. One worker posts everything, so messages appear in Slack in our order.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
import structlog

from channels.slack.agents.card import SlackPost, erased_card, render_card, shows_everything
from channels.slack.agents.context import AgentContext
from channels.slack.agents.publisher import Publisher
from channels.slack.agents.store import CardThread, CardThreads, StatusMark
from channels.slack.agents.thread import (
    FINAL_STATUSES,
    STATUS_EMOJI,
    ThreadPost,
    gap,
    message_posts,
    transcript,
)
from channels.slack.api import SlackRefused
from gateway import (
    Backoff,
    ContextCard,
    Message,
    NotFound,
    Outdated,
    TryLater,
    Unsure,
    WarmlineError,
)

log = structlog.get_logger(__name__)
FOLLOWED = ("waiting", "person")
"""States in which a conversation has a card that is kept current."""
MARKS = 40
"""Messages of a thread whose delivery status is followed."""
FULL_CARD = 500
"""Messages that the desk returns at most with a card."""
READ_TOGETHER = 50
"""Cards that are read together at most: one after a post, which outdates what was read, and twice
as many after each that is as it was posted."""
FRESH = timedelta(seconds=1)
"""For how long cards that were read together count."""


class CardSync:
    """The worker that brings every followed conversation up to date."""

    def __init__(self, context: AgentContext, publisher: Publisher) -> None:
        self._context, self._publisher = context, publisher
        self._due: dict[int, None] = {}
        self._read: dict[int, ContextCard] = {}
        """Cards that were read for the next of those that are due."""
        self._read_at = datetime.min.replace(tzinfo=UTC)
        self._away: frozenset[str] = frozenset()
        """The agents who were on a break at that time, by their ids."""
        self._together = 1
        """How many cards the next read takes."""
        self._announced: set[int] = set()
        """What has changed since that read began."""
        self._wake = asyncio.Event()
        self._threads = CardThreads(context.store)
        self._conversations = ConversationSync(context, publisher, self._threads)
        self._working = False

    async def card_pending(self) -> bool:
        """Whether there is a card whose timestamp is not known yet."""
        if self._working:
            return self._threads.any_without_card()
        return any(
            [not saved.value.ts async for saved in self._context.store.scan("open/", CardThread)]
        )

    async def wait_for_cards(self, within: float) -> None:
        """Wait until every card is posted, ``within`` seconds at most."""
        posted = self._conversations.card_posted
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while await self.card_pending():
                    posted.clear()
                    await posted.wait()

    def check_soon(self, conversation: int) -> None:
        """Check one conversation soon."""
        if not self._working:
            return  # another process posts; a worker checks everything when it starts
        self._due[conversation] = None
        self._outdate((conversation,))
        self._wake.set()

    def check_all_soon(self) -> None:
        """Check every thread soon."""
        self._due.update(dict.fromkeys(self._threads))
        self._outdate(self._due)
        self._wake.set()

    def _outdate(self, conversations: Iterable[int]) -> None:
        """Their cards have to be read again, also those that are being read now."""
        for conversation in conversations:
            self._announced.add(conversation)
            self._read.pop(conversation, None)

    async def run(self) -> None:
        """Until cancelled. It starts from the store: another process may have worked meanwhile."""
        await self._threads.load()
        for conversation in self._threads:
            self._publisher.note_timestamp(self._threads[conversation].ts)
        self._working = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                group.create_task(self._check_regularly())
                group.create_task(self._work())
        finally:
            self._working = False

    async def _listen(self) -> None:
        async with self._context.services.events.listen("desk") as events:
            async for event in events:
                if event.conversation:
                    self.check_soon(event.conversation)

    async def _check_regularly(self) -> None:
        while True:
            for item in await self._context.queue():
                self._due.setdefault(item.conversation.id)
            self.check_all_soon()
            await self._context.services.clock.sleep(self._context.settings.refresh)

    async def _work(self) -> None:
        backoff = Backoff(most=30.0)
        while True:
            self._wake.clear()
            while self._due:
                await self._update(self._next(), backoff)
            self._read.clear()
            await self._wake.wait()

    def _next(self) -> int:
        """A conversation without a card comes first."""
        new = (id for id in self._due if id not in self._threads)
        conversation = next(new, None) or next(iter(self._due))
        del self._due[conversation]
        return conversation

    async def _card(self, conversation: int) -> ContextCard:
        """The card of a conversation, read together with those of the next ones. Raises
        NotFound."""
        now = self._context.services.clock.now()
        if now - self._read_at >= FRESH:
            self._read.clear()
        if conversation not in self._read:
            self._announced.clear()
            wanted = (conversation, *islice(self._due, self._together - 1))
            self._away = await self._context.store.away()
            found = await self._context.read_cards(wanted)
            kept = found.keys() - self._announced | {conversation}
            self._read = {id: card for id, card in found.items() if id in kept}
            self._read_at = now
        if (card := self._read.pop(conversation, None)) is None:
            raise NotFound(f"this support channel has no conversation {conversation}")
        return card

    async def _update(self, conversation: int, backoff: Backoff) -> None:
        posted = True
        try:
            card = await self._card(conversation)
            posted = await self._conversations.update(card, self._away)
            backoff.reset()
        except Outdated:
            await self._threads.reload(conversation)
            self.check_soon(conversation)
        except NotFound:
            await self._conversations.erase(conversation)
        except (TryLater, Unsure, SlackRefused) as error:
            await self._failed(conversation, error, backoff)
        except Exception:
            # The next round checks it again; the others must not wait for it.
            log.exception("agents_slack.sync_failed", conversation=conversation)
            await self._threads.reload(conversation)
        finally:
            self._together = 1 if posted else min(READ_TOGETHER, self._together * 2)
            if posted:
                self._read.clear()

    async def _failed(self, conversation: int, error: WarmlineError, backoff: Backoff) -> None:
        log.warning("agents_slack.slack_failed", conversation=conversation, error=str(error))
        if isinstance(error, SlackRefused) and error.kind == "message_gone":
            await self._threads.lose_card(conversation)
        elif isinstance(error, SlackRefused):
            self._context.api.report(error)
            if error.kind not in ("token", "unreachable"):
                # Only this conversation is refused: the next round tries it again.
                await self._threads.reload(conversation)
                return
        await self._threads.reload(conversation)
        self.check_soon(conversation)
        await self._context.services.clock.sleep(backoff.next(getattr(error, "after", None)))


class ConversationSync:
    """Posts what is missing of one conversation, and changes what is different."""

    def __init__(self, context: AgentContext, publisher: Publisher, threads: CardThreads) -> None:
        self._context, self._publisher, self._threads = context, publisher, threads
        self.card_posted = asyncio.Event()
        """Set when a card got its timestamp."""

    async def update(self, card: ContextCard, away: frozenset[str]) -> bool:
        """Post what is different in ``card``; return whether anything was. ``away`` are the ids of
        agents on a break. Raises Outdated when somebody else was faster, and what Slack says:
        TryLater, Unsure or SlackRefused."""
        conversation = card.conversation.id
        followed = card.conversation.state in FOLLOWED
        before = None
        if conversation in self._threads:
            before = self._threads[conversation]
        elif followed:
            await self._threads.open(card, transcript_done=shows_everything(card))
        else:
            return False
        notes = self._context.settings.thread_messages == "notes"
        now = self._context.services.clock.now()
        post = render_card(card, now, away=away, notes=notes)
        if not self._threads[conversation].ts:
            saved = await self._publisher.post_card(self._threads.saved(conversation), post)
            self._threads.keep(saved)
            self.card_posted.set()
            await self._threads.change(conversation, digest=_digest(post))
        if not await self._post_messages(card):
            return True
        thread = self._threads[conversation]
        if _digest(post) != thread.digest:
            await self._publisher.update_card(thread.ts, post)
            await self._threads.change(conversation, digest=_digest(post))
        await self._update_marks(card)
        if not followed:
            await self._threads.close(conversation)
            return True
        return self._threads[conversation] != before

    async def erase(self, conversation: int) -> None:
        """The customer's data were erased: nothing of them stays on the card."""
        saved = self._threads.forget(conversation)
        if saved is None:
            return
        try:
            # It may have been posted at that moment.
            if ts := saved.value.ts or await self._publisher.find_card(saved.value):
                await self._publisher.update_card(ts, erased_card())
        except (TryLater, Unsure):
            self._threads.keep(saved)  # the next round tries again
        except SlackRefused as refused:
            log.warning("agents_slack.not_erased", conversation=conversation, error=str(refused))

    async def _post_messages(self, card: ContextCard) -> bool:
        """Post the new messages; False when it is not clear yet where one of them came from."""
        id = card.conversation.id
        if not self._threads[id].transcript_done:
            for index, post in enumerate(transcript(card)):
                if index < self._threads[id].part:
                    continue
                await self._post(id, post)
                await self._threads.change(id, part=index + 1, post_pending=False)
            await self._threads.change(id, transcript_done=True, part=0, post_pending=False)
        new = [m for m in card.messages if m.id > self._threads[id].cursor]
        if new and len(card.messages) >= FULL_CARD and new[0] is card.messages[0]:
            await self._post(id, gap(new[0].id))
            await self._threads.change(id, post_pending=False, cursor=new[0].id - 1, part=0)
        for message in new:
            if not await self._post_message(card, message):
                return False
        return True

    async def _post_message(self, card: ContextCard, message: Message) -> bool:
        """Post one message, unless it came from the thread; False when that is not known yet."""
        id, ts = card.conversation.id, await self._typed_at(message)
        if ts is None:
            return False
        if not ts:
            mention = self._context.settings.alarm_mention
            posts = message_posts(message, card, mention=f"<!{mention}>" if mention else "")
            for index, post in enumerate(posts):
                if index < self._threads[id].part:
                    continue
                posted = await self._post(id, post)
                ts = ts or posted
                marks = self._with_mark(id, message, ts)
                await self._threads.change(id, part=index + 1, post_pending=False, marks=marks)
        marks = self._with_mark(id, message, ts)
        await self._threads.change(id, cursor=message.id, part=0, post_pending=False, marks=marks)
        return True

    async def _post(self, conversation: int, post: ThreadPost) -> str:
        saved = self._threads.saved(conversation)
        saved, ts = await self._publisher.post_in_thread(saved, post)
        self._threads.keep(saved)
        return ts

    async def _typed_at(self, message: Message) -> str | None:
        """Where an agent typed this message in the thread; empty: it came from elsewhere; None:
        a reply is being worked on that may be this one."""
        if message.author != "agent" or not message.agent:
            return ""
        if not message.agent.id.startswith("slack:"):
            return ""
        # Open replies first: a reply records where it stands before it stops being open.
        replies = await self._context.store.open_replies()
        key = f"note/{message.id}" if message.internal else f"turn/{message.turn}"
        found = await self._context.store.get(key, str)
        if found is not None:
            return found.value
        in_work = any(
            saved.conversation == message.conversation
            and saved.value.typed
            and saved.value.stage == "new"
            for saved in replies
        )
        return None if in_work else ""

    def _with_mark(self, conversation: int, message: Message, ts: str) -> dict[str, StatusMark]:
        marks = dict(self._threads[conversation].marks)
        if ts and message.author == "agent" and not message.internal:
            marks[str(message.id)] = StatusMark(ts=ts)
        return dict(list(marks.items())[-MARKS:])

    async def _update_marks(self, card: ContextCard) -> None:
        """Show on agents' messages whether they were sent, delivered, read or failed."""
        id = card.conversation.id
        messages = {str(message.id): message for message in card.messages}
        for key, mark in tuple(self._threads[id].marks.items()):
            message = messages.get(key)
            emoji = STATUS_EMOJI.get(message.status) if message else None
            if message is None or emoji is None or message.status == mark.status:
                continue
            if emoji != STATUS_EMOJI.get(mark.status):
                await self._publisher.react(mark.ts, emoji)
            marks = dict(self._threads[id].marks)
            marks[key] = mark.replace(status=message.status)
            if message.status in FINAL_STATUSES:
                del marks[key]
            await self._threads.change(id, marks=marks)


def _digest(post: SlackPost) -> str:
    return hashlib.sha256(msgspec.json.encode((post.text, post.blocks))).hexdigest()[:24]
