"""Replies that are held, and their writer's word on them."""

from __future__ import annotations

from channels.slack.agents import dialogs as asks
from channels.slack.agents import modals
from channels.slack.agents.context import Click, Office
from channels.slack.agents.modals import Editing
from channels.slack.agents.store import Kept, Past, Reply
from channels.slack.agents.text import plain
from gateway import Outdated


class Decisions:
    """Send it as it is, use what the voice would write, take over and send, keep it as a note,
    discard it, edit it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def as_is(self, click: Click) -> None:
        await self._again(click, as_is=True)

    async def take(self, click: Click) -> None:
        await self._again(click, take=True)

    async def as_note(self, click: Click) -> None:
        await self._again(click, internal=True)

    async def use(self, click: Click) -> None:
        kept = await self._held(click)
        if kept is None:
            return None
        text = plain(kept.value.text, {}, kept.value.emoji)
        findings = await self._office.house.desk.advise(kept.value.conversation, text)
        better = asks.mended(text, findings)
        if better is None:
            return await self._office.say(click, "The advice has changed. Please edit it.")
        # Our text from here on, no markup of Slack's: it must not be read as such again.
        return await self._again(click, text=asks.literal(better))

    async def edit(self, click: Click) -> None:
        kept = await self._held(click)
        if kept is None:
            return
        reply = kept.value
        card = await self._office.house.desk.card(reply.conversation)
        text = plain(reply.text, {}, reply.emoji) if reply.typed else reply.text
        about = Editing(conversation=reply.conversation, thread=reply.thread, reply=reply.id)
        await self._office.open(click, modals.edit(card, about, text))

    async def drop(self, click: Click) -> None:
        kept = await self._held(click)
        if kept is not None:
            await self._office.book.finish(kept, Past(user=click.user, outcome="withdrawn"))
            await self._office.say(click, "Discarded. It was not sent.", kept.value.conversation)

    async def _again(self, click: Click, **changes: object) -> None:
        kept = await self._held(click)
        if kept is None:
            return None
        try:
            await self._office.book.change(kept, kept.value.replace(stage="new", **changes))
        except Outdated:
            return await self._office.say(click, "That was decided already.")
        return self._office.wake(kept.value.conversation)

    async def _held(self, click: Click) -> Kept[Reply] | None:
        """The reply that waits for this agent's word; None, and they are told, when it does not."""
        kept = await self._office.book.get(f"live/{click.value}", Reply)
        if kept is None or kept.value.stage == "new":
            await self._office.say(click, "That was decided already.")
            return None
        if kept.value.user != click.user:
            await self._office.say(click, "✋ Its writer decides about that.")
            return None
        return kept
