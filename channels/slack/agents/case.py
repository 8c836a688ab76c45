"""Facts and promises on the card: one press confirms a fact of the customer, or settles a promise,
as at the web desk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from channels.slack.agents import blocks as kit
from channels.slack.agents.blocks import Block
from channels.slack.agents.context import AgentContext, ButtonPress
from channels.slack.markup import one_line
from gateway import Agent, CaseFact, ContextCard, NotAccepted, code_label

CONFIRMED = ("name", "address", "order", "email", "phone")
"""The facts that can be confirmed, as at the web desk."""
MOST_FACTS, MOST_PROMISES = 3, 2
"""The newest of each that get a button: a card has 50 blocks and 9,000 characters at most."""


def case_blocks(card: ContextCard) -> Iterator[Block]:
    """A block for each fact to confirm, with its button, and for each promise that is open; what is
    confirmed is said with the agent's name."""
    conversation = card.conversation
    if conversation.state not in ("waiting", "person"):
        return
    facts = card.story.facts if card.story else ()
    if done := [fact for fact in facts if fact.confirmed_by]:
        said = (
            f"{code_label(f.name)} {one_line(f.value, 100)} ({one_line(f.confirmed_by, 60)})"
            for f in done[-MOST_FACTS:]
        )
        yield kit.context(f"✓ Confirmed: {', '.join(said)}")
    open_facts = [fact for fact in facts if _can_be_confirmed(fact)][-MOST_FACTS:]
    for number, fact in enumerate(open_facts):  # one message may have two order numbers
        title = f"Confirm {code_label(fact.name).lower()} {' '.join(fact.value.split())[:30]}"
        value = f"{conversation.id}:{_key(fact)}"
        yield kit.actions(f"fact-{number}", kit.button(title, "agents:fact:confirm", value))
    for promise in [known for known in card.promises if known.state == "open"][-MOST_PROMISES:]:
        value = f"{conversation.id}:{promise.id}"
        words = " ".join(promise.words.split())[:24]
        yield kit.actions(
            f"promise-{promise.id}",
            kit.button(f"Kept: {words}", "agents:promise:kept", value),
            kit.button("No promise", "agents:promise:withdrawn", value),
        )


def _key(fact: CaseFact) -> str:
    """Names the fact in a button, in a few characters: the card's length is limited."""
    value = hashlib.sha256(fact.value.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{fact.message}:{fact.name}:{value}"


def _can_be_confirmed(fact: CaseFact) -> bool:
    return fact.name in CONFIRMED and bool(fact.message) and not fact.confirmed_by


@dataclass(frozen=True, slots=True)
class CaseButtons:
    """What the buttons do. They raise NotFound."""

    context: AgentContext

    async def confirm(self, press: ButtonPress, agent: Agent) -> None:
        card = await self.context.card(press)
        id = card.conversation.id
        chosen = press.value.partition(":")[2]
        facts = card.story.facts if card.story else ()
        fact = next((f for f in facts if _key(f) == chosen), None)
        if fact is None or fact.confirmed_by:
            text = "This fact is not there any more, or is confirmed already."
            return await self.context.answer_press(press, text, id)
        try:
            await self.context.services.desk.confirm_fact(
                id, agent, name=fact.name, value=fact.value, message=fact.message
            )
        except NotAccepted as refused:
            await self.context.answer_press(press, f"✋ Nothing was changed: {refused}.", id)
        return None

    async def kept(self, press: ButtonPress, agent: Agent) -> None:
        await self._settle(press, agent, kept=True)

    async def withdrawn(self, press: ButtonPress, agent: Agent) -> None:
        await self._settle(press, agent, kept=False)

    async def _settle(self, press: ButtonPress, agent: Agent, *, kept: bool) -> None:
        card = await self.context.card(press)
        id, number = card.conversation.id, int(press.value.partition(":")[2])
        known = next((promise for promise in card.promises if promise.id == number), None)
        if known is None or known.state != "open":
            text = "This promise is settled already."
            return await self.context.answer_press(press, text, id)
        try:
            await self.context.services.desk.settle_promise(id, number, agent, kept=kept)
        except NotAccepted as refused:
            await self.context.answer_press(press, f"✋ Nothing was changed: {refused}.", id)
        return None
