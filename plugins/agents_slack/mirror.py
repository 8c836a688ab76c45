"""Keeping cards and threads as the house has them.

Driven by the truth: for each conversation, what the desk says is compared with what was posted, and
the difference is posted. Events only say where to look; a look at all of them every ``refresh``
seconds finds what no event told. One worker posts everything, so Slack's order is ours.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress

import msgspec
import structlog

from gateway import Card, Message, NotFound, Outdated, TryLater, Unsure, WarmlineError
from plugins.agents_slack import card as cards
from plugins.agents_slack import kit, lines
from plugins.agents_slack.book import Kept, Mark, Person, Thread
from plugins.agents_slack.card import Face
from plugins.agents_slack.line import Refused
from plugins.agents_slack.lines import Piece
from plugins.agents_slack.office import Backoff, Office
from plugins.agents_slack.poster import Poster

log = structlog.get_logger(__name__)
FOLLOWED = ("waiting", "person")
GONE = frozenset({"message_not_found", "thread_not_found"})
OURS = frozenset(
    {
        "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive",
        "missing_scope", "no_permission", "access_denied", "channel_not_found", "not_in_channel",
        "is_archived", "team_access_not_granted", "ekm_access_denied", "org_login_required",
    }
)  # fmt: skip
"""Something about our app or the channel, which a person must mend: everything waits for it."""
MARKS = 40
"""Messages of a thread whose further fate is followed."""


class Mirror:
    """The worker."""

    def __init__(self, office: Office, poster: Poster) -> None:
        self._office, self._poster = office, poster
        self._dirty: dict[int, None] = {}
        self._wake = asyncio.Event()
        self._threads: dict[int, Kept[Thread]] = {}
        self._rooted = asyncio.Event()
        self._working = False

    async def posting(self) -> bool:
        """Whether there is a card whose timestamp is not known yet."""
        if self._working:
            return any(not kept.value.ts for kept in self._threads.values())
        return any([not kept.value.ts async for kept in self._office.book.all("open/", Thread)])

    async def posted(self, within: float) -> None:
        """Wait until no card is being posted, or ``within`` seconds are over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while await self.posting():
                    self._rooted.clear()
                    await self._rooted.wait()

    def look(self, conversation: int) -> None:
        """Something happened there."""
        if not self._working:
            return  # in another process; at the start everything is looked at
        self._dirty[conversation] = None
        self._wake.set()

    def wake(self) -> None:
        """Look at every thread again, soon."""
        for conversation in self._threads:
            self._dirty[conversation] = None
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; from the beginning, for it may have run elsewhere meanwhile."""
        self._threads.clear()
        async for kept in self._office.book.all("open/", Thread):
            self._threads[kept.value.conversation] = kept
            self._poster.saw(kept.value.ts)
        self._working = True
        try:
            await self._run()
        finally:
            self._working = False

    async def _run(self) -> None:
        async with self._office.house.events.listen("desk") as news, asyncio.TaskGroup() as group:

            async def listen() -> None:
                async for event in news:
                    if event.conversation:
                        self.look(event.conversation)

            group.create_task(listen())
            group.create_task(self._rounds())
            group.create_task(self._work())

    async def _rounds(self) -> None:
        while True:
            for item in await self._office.house.desk.queue():
                self._dirty.setdefault(item.conversation.id)
            self.wake()
            await self._office.house.clock.sleep(self._office.settings.refresh)

    async def _work(self) -> None:
        backoff = Backoff()
        while True:
            self._wake.clear()
            while self._dirty:
                await self._try(self._next(), backoff)
            await self._wake.wait()

    async def _try(self, conversation: int, backoff: Backoff) -> None:
        try:
            await self._bring(conversation)
            backoff.over()
        except Outdated:
            await self._again(conversation)
        except NotFound:
            await self._forget(conversation)
        except (TryLater, Unsure, Refused) as error:
            await self._failed(conversation, error, backoff)
        except Exception:
            # The next round looks at it again; the others must not wait for it.
            log.exception("agents_slack.mirror_failed", conversation=conversation)
            await self._again(conversation, look=False)

    def _next(self) -> int:
        """Who has no card yet comes first."""
        new = (id for id in self._dirty if id not in self._threads)
        conversation = next(new, None) or next(iter(self._dirty))
        del self._dirty[conversation]
        return conversation

    async def _again(self, conversation: int, *, look: bool = True) -> None:
        """What was kept of it in memory may be old. (Nothing kept: the customer was erased, which
        the next look finds.)"""
        kept = await self._office.book.get(f"open/{conversation}", Thread)
        if kept is not None:
            self._threads[conversation] = kept
        if look:
            self.look(conversation)

    async def _failed(self, conversation: int, error: WarmlineError, backoff: Backoff) -> None:
        log.warning("agents_slack.slack_failed", conversation=conversation, error=str(error))
        if isinstance(error, Refused) and error.error in GONE:
            await self._lost(conversation)
        elif isinstance(error, Refused):
            self._office.line.trouble = str(error)
            if error.error not in OURS:
                return await self._again(
                    conversation, look=False
                )  # something with this one alone: the next round tries it again
        await self._again(conversation)
        await self._office.house.clock.sleep(backoff.after(error))
        return None

    async def _lost(self, conversation: int) -> None:
        """Somebody deleted the card: it is posted anew, and its thread goes on there."""
        kept = await self._office.book.get(f"open/{conversation}", Thread)
        if kept is not None:
            bare = kept.value.replace(ts="", face="", marks={}, trying=False)
            await self._office.book.change(kept, bare)

    async def _forget(self, conversation: int) -> None:
        """The customer's data were erased: nothing of them stays on the card."""
        kept = self._threads.pop(conversation, None)
        if kept is None:
            return
        text = "This customer's data were erased."
        try:
            # It may have been posted at that moment.
            ts = kept.value.ts or await self._poster.card_of(kept.value)
            if ts:
                bare = kept.value.replace(ts=ts)
                await self._poster.update(bare, Face(text=text, blocks=(kit.section(text),)))
        except (TryLater, Unsure):
            self._threads[conversation] = kept  # the next round comes to it again
        except Refused as refused:
            log.warning("agents_slack.not_erased", conversation=conversation, error=str(refused))

    # -- one conversation

    async def _bring(self, conversation: int) -> None:
        card = await self._office.house.desk.card(conversation)
        followed = card.conversation.state in FOLLOWED
        if conversation not in self._threads:
            if not followed:
                return
            await self._open(card)
        face = cards.face(card, self._office.house.clock.now(), away=await self._away())
        if not self._threads[conversation].value.ts:
            kept = await self._poster.root(self._threads[conversation], face)
            self._threads[conversation] = kept
            self._rooted.set()
            await self._shown(conversation, face)
        if not await self._lines(card):
            return
        if _digest(face) != self._threads[conversation].value.face:
            await self._poster.update(self._threads[conversation].value, face)
            await self._shown(conversation, face)
        await self._marks(card)
        if not followed:
            await self._close(conversation)

    async def _open(self, card: Card) -> None:
        id = card.conversation.id
        thread = Thread(
            conversation=id,
            handoff=card.handoff.id if card.handoff else 0,
            cursor=max((m.id for m in card.messages), default=0),
            told=cards.whole(card),
        )
        kept = await self._office.book.add(f"open/{id}", thread, conversation=id)
        if kept is None:
            raise Outdated(f"open/{id} is there already")
        self._threads[id] = kept

    async def _change(self, conversation: int, **changes: object) -> None:
        kept = self._threads[conversation]
        self._threads[conversation] = await self._office.book.change(
            kept, kept.value.replace(**changes)
        )

    async def _shown(self, conversation: int, face: Face) -> None:
        await self._change(conversation, face=_digest(face))

    async def _close(self, conversation: int) -> None:
        kept = self._threads.pop(conversation)
        await self._office.book.drop(kept)

    async def _away(self) -> frozenset[str]:
        people = [kept async for kept in self._office.book.all("person/", Person)]
        away = [kept.key.removeprefix("person/") for kept in people if kept.value.away_since]
        return frozenset(f"slack:{user}" for user in away)

    # -- its thread

    async def _lines(self, card: Card) -> bool:
        """Write what is new; False when something is still to be told apart."""
        id = card.conversation.id
        if not self._threads[id].value.told:
            story = cards.transcript(card)
            piece = Piece(marker=f"story:{id}", text=story.text, blocks=story.blocks)
            await self._below(id, piece)
            await self._change(id, told=True, trying=False)
        new = [m for m in card.messages if m.id > self._threads[id].value.cursor]
        if new and len(card.messages) >= 500 and new[0] is card.messages[0]:
            text, blocks = lines.gap()
            await self._below(id, Piece(marker=f"gap:{new[0].id}", text=text, blocks=blocks))
            await self._change(id, trying=False, cursor=new[0].id - 1, part=0)
        for message in new:
            if not await self._line(card, message):
                return False
        return True

    async def _line(self, card: Card, message: Message) -> bool:
        """One message, unless it came from the thread itself; False when that is not known yet."""
        id, ts = card.conversation.id, ""
        if message.author == "agent":
            mine = await self._typed(message)
            if mine is None:
                return False
            ts = mine
        if not ts:
            for index, piece in enumerate(lines.of(message, card)):
                if index < self._threads[id].value.part:
                    continue
                posted = await self._below(id, piece)
                ts = ts or posted
                marks = self._marked(id, message, ts)
                await self._change(id, part=index + 1, trying=False, marks=marks)
        await self._change(
            id, cursor=message.id, part=0, trying=False, marks=self._marked(id, message, ts)
        )
        return True

    async def _below(self, conversation: int, piece: Piece) -> str:
        kept, ts = await self._poster.below(self._threads[conversation], piece)
        self._threads[conversation] = kept
        return ts

    async def _typed(self, message: Message) -> str | None:
        """Where an agent's message stands in the thread as they typed it; empty: it does not, it
        came from elsewhere; None: it is one of those that are just being done."""
        if message.agent is None or not message.agent.id.startswith("slack:"):
            return ""
        # In this order: a reply that is done by now was written down before it was taken off.
        doing = [
            k for k in await self._office.book.live() if k.conversation == message.conversation
        ]
        key = f"note/{message.id}" if message.internal else f"turn/{message.turn}"
        found = await self._office.book.get(key, str)
        if found is not None:
            return found.value
        typed = [k for k in doing if k.value.typed and k.value.stage == "new"]
        return None if typed else ""

    def _marked(self, conversation: int, message: Message, ts: str) -> dict[str, Mark]:
        marks = dict(self._threads[conversation].value.marks)
        if ts and message.author == "agent" and not message.internal:
            marks[str(message.id)] = Mark(ts=ts)
        return dict(list(marks.items())[-MARKS:])

    async def _marks(self, card: Card) -> None:
        """Whether agents' messages went out, arrived, were read or failed: a sign on each."""
        id = card.conversation.id
        known = {str(m.id): m for m in card.messages}
        for key, mark in tuple(self._threads[id].value.marks.items()):
            message = known.get(key)
            sign = lines.SIGNS.get(message.status) if message else None
            if message is None or sign is None or message.status == mark.status:
                continue
            if sign != lines.SIGNS.get(mark.status):
                await self._poster.sign(mark.ts, sign)
            marks = dict(self._threads[id].value.marks)
            marks[key] = mark.replace(status=message.status)
            if message.status in lines.LAST:
                del marks[key]
            await self._change(id, marks=marks)


def _digest(face: Face) -> str:
    return hashlib.sha256(msgspec.json.encode((face.text, face.blocks))).hexdigest()[:24]
