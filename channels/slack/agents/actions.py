"""Whose a conversation is: the buttons of a card, done at the desk at once."""

from __future__ import annotations

from channels.slack.agents import dialogs as asks
from channels.slack.agents import modals
from channels.slack.agents.context import Click, Office
from channels.slack.agents.text import short
from gateway import Agent, Card, Conversation


class Deeds:
    """Claim, take over, resolve, hand back, transfer. They raise Conflict and NotFound."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def claim(self, click: Click, agent: Agent) -> None:
        seen = (await self._office.card(click)).conversation
        if seen.owner is not None and seen.owner.id == agent.id:
            return await self._office.say(click, "You have it already.", seen.id)
        if seen.state != "waiting":
            return await self._office.say(click, f"✋ {asks.faster(seen)}", seen.id)
        card = await self._office.house.desk.claim(seen.id, agent, epoch=seen.epoch)
        return await self._claimed(click, card)

    async def take(self, click: Click, agent: Agent) -> None:
        seen = (await self._office.card(click)).conversation
        if seen.owner is not None and seen.owner.id == agent.id:
            return await self._office.say(click, "You have it already.", seen.id)
        card = await self._office.house.desk.claim(seen.id, agent, epoch=seen.epoch)
        return await self._claimed(click, card)

    async def _claimed(self, click: Click, card: Card) -> None:
        id = card.conversation.id
        await self._office.book.count(click.user, self._office.today, "claims")
        if card.on_its_way:
            said = "\n".join(f"• {short(m.text, 300)}" for m in card.on_its_way[:5])
            await self._office.say(click, f"⚠️ It was on its way when you took it:\n{said}", id)
        self._office.wake(id)

    async def resolve(self, click: Click, agent: Agent) -> None:
        if (seen := await self._mine(click, agent)) is not None:
            await self._office.house.desk.resolve(seen.id, agent, epoch=seen.epoch)
            await self._office.book.count(click.user, self._office.today, "resolved")

    async def hand_back(self, click: Click, agent: Agent) -> None:
        if (seen := await self._mine(click, agent)) is not None:
            await self._office.house.desk.hand_back(seen.id, agent, epoch=seen.epoch)

    async def transfer(self, click: Click, agent: Agent) -> None:
        card = await self._office.card(click)
        seen = card.conversation
        if seen.owner is not None and seen.owner.id != agent.id:
            return await self._office.say(
                click, f"✋ {asks.has(seen)} Take it over first.", seen.id
            )
        view = modals.transfer(card, self._office.settings.tiers)
        return await self._office.open(click, view)

    async def _mine(self, click: Click, agent: Agent) -> Conversation | None:
        seen = (await self._office.card(click)).conversation
        if seen.owner is not None and seen.owner.id == agent.id:
            return seen
        what = f"{asks.has(seen)} Take it over first." if seen.owner else "Claim it first."
        await self._office.say(click, f"✋ {what}", seen.id)
        return None
