"""The suggested answer: sent, edited or ignored. All three are recorded."""

from __future__ import annotations

from channels.slack.agents import modals
from channels.slack.agents.context import Click, Office
from channels.slack.agents.modals import Editing
from gateway import Agent, Card

GONE = "This suggestion is gone already."


class Drafts:
    """The buttons below a suggestion."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def send(self, click: Click) -> None:
        card, id, draft = await self._draft(click)
        if draft is None:
            return await self._office.say(
                click, "This suggestion is gone already.", card.conversation.id
            )
        return await self._office.queue(f"s{id}", card, click.user, draft, id)

    async def edit(self, click: Click) -> None:
        card, id, draft = await self._draft(click)
        if draft is None:
            return await self._office.say(
                click, "This suggestion is gone already.", card.conversation.id
            )
        thread = await self._office.thread(card)
        about = Editing(conversation=card.conversation.id, thread=thread, suggestion=id)
        return await self._office.open(click, modals.edit(card, about, draft))

    async def ignore(self, click: Click, agent: Agent) -> None:
        _, id, draft = await self._draft(click)
        if draft is not None:
            await self._office.house.desk.ignore_suggestion(id, agent)

    async def _draft(self, click: Click) -> tuple[Card, int, str | None]:
        """The suggestion, if it is still the one that was shown."""
        card = await self._office.card(click)
        id = int(click.value.partition(":")[2])
        open_one = card.suggestion
        return card, id, open_one.text if open_one and open_one.id == id else None
