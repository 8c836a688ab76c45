"""Bringing the card and the thread of one conversation to what the desk says of it."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
import structlog

from channels.slack.agents import blocks as kit
from channels.slack.agents import card as cards
from channels.slack.agents import transcript as lines
from channels.slack.agents.card import Face
from channels.slack.agents.context import Office
from channels.slack.agents.line import Refused
from channels.slack.agents.publisher import Poster
from channels.slack.agents.store import Mark, Person
from channels.slack.agents.threads import Threads
from channels.slack.agents.transcript import Piece
from gateway import Card, Message, TryLater, Unsure

log = structlog.get_logger(__name__)
FOLLOWED = ("waiting", "person")
MARKS = 40
"""Messages of a thread whose further fate is followed."""


class Writing:
    """Posts what is not there yet, and changes what is different."""

    def __init__(self, office: Office, poster: Poster, threads: Threads) -> None:
        self._office, self._poster, self._threads = office, poster, threads
        self.rooted = asyncio.Event()
        """Set when a card has got its timestamp."""

    async def bring(self, conversation: int) -> None:
        """Raises NotFound when its customer was erased, Outdated when somebody else was faster, and
        what Slack says: TryLater, Unsure or Refused."""
        card = await self._office.house.desk.card(conversation)
        followed = card.conversation.state in FOLLOWED
        if conversation not in self._threads:
            if not followed:
                return
            await self._threads.open(card)
        face = cards.face(card, self._office.house.clock.now(), away=await self._away())
        if not self._threads[conversation].ts:
            kept = await self._poster.root(self._threads.kept(conversation), face)
            self._threads.keep(conversation, kept)
            self.rooted.set()
            await self._shown(conversation, face)
        if not await self._lines(card):
            return
        if _digest(face) != self._threads[conversation].face:
            await self._poster.update(self._threads[conversation], face)
            await self._shown(conversation, face)
        await self._marks(card)
        if not followed:
            await self._threads.close(conversation)

    async def erase(self, conversation: int) -> None:
        """The customer's data were erased: nothing of them stays on the card."""
        kept = self._threads.take(conversation)
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
            self._threads.keep(conversation, kept)  # the next round comes to it again
        except Refused as refused:
            log.warning("agents_slack.not_erased", conversation=conversation, error=str(refused))

    async def _shown(self, conversation: int, face: Face) -> None:
        await self._threads.change(conversation, face=_digest(face))

    async def _away(self) -> frozenset[str]:
        people = [kept async for kept in self._office.book.all("person/", Person)]
        away = [kept.key.removeprefix("person/") for kept in people if kept.value.away_since]
        return frozenset(f"slack:{user}" for user in away)

    async def _lines(self, card: Card) -> bool:
        """Write what is new; False when something is still to be told apart."""
        id = card.conversation.id
        if not self._threads[id].told:
            story = cards.transcript(card)
            piece = Piece(marker=f"story:{id}", text=story.text, blocks=story.blocks)
            await self._below(id, piece)
            await self._threads.change(id, told=True, trying=False)
        new = [m for m in card.messages if m.id > self._threads[id].cursor]
        if new and len(card.messages) >= 500 and new[0] is card.messages[0]:
            text, blocks = lines.gap()
            await self._below(id, Piece(marker=f"gap:{new[0].id}", text=text, blocks=blocks))
            await self._threads.change(id, trying=False, cursor=new[0].id - 1, part=0)
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
                if index < self._threads[id].part:
                    continue
                posted = await self._below(id, piece)
                ts = ts or posted
                marks = self._marked(id, message, ts)
                await self._threads.change(id, part=index + 1, trying=False, marks=marks)
        await self._threads.change(
            id, cursor=message.id, part=0, trying=False, marks=self._marked(id, message, ts)
        )
        return True

    async def _below(self, conversation: int, piece: Piece) -> str:
        kept, ts = await self._poster.below(self._threads.kept(conversation), piece)
        self._threads.keep(conversation, kept)
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
        marks = dict(self._threads[conversation].marks)
        if ts and message.author == "agent" and not message.internal:
            marks[str(message.id)] = Mark(ts=ts)
        return dict(list(marks.items())[-MARKS:])

    async def _marks(self, card: Card) -> None:
        """Whether agents' messages went out, arrived, were read or failed: a sign on each."""
        id = card.conversation.id
        known = {str(m.id): m for m in card.messages}
        for key, mark in tuple(self._threads[id].marks.items()):
            message = known.get(key)
            sign = lines.SIGNS.get(message.status) if message else None
            if message is None or sign is None or message.status == mark.status:
                continue
            if sign != lines.SIGNS.get(mark.status):
                await self._poster.sign(mark.ts, sign)
            marks = dict(self._threads[id].marks)
            marks[key] = mark.replace(status=message.status)
            if message.status in lines.LAST:
                del marks[key]
            await self._threads.change(id, marks=marks)


def _digest(face: Face) -> str:
    return hashlib.sha256(msgspec.json.encode((face.text, face.blocks))).hexdigest()[:24]
