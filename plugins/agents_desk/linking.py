"""What people decide about a customer's addresses: prove one, link one, take a link back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway import Address, Agent, Desk, NotFound
from plugins.agents_desk.forms import Form, Mistake

LINKING = frozenset({"prove", "link", "unlink"})


class Linking:
    """The deeds of the customer's part of the card."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def deeds(self) -> dict[str, Callable[[Form, Agent], Awaitable[None]]]:
        """By the names in `LINKING`; each may raise Mistake, and what `Desk` raises."""
        return {"prove": self._prove, "link": self._link, "unlink": self._unlink}

    async def _prove(self, form: Form, agent: Agent) -> None:
        await self._desk.ask_proof(form.conversation, _typed(form), agent)

    async def _link(self, form: Form, agent: Agent) -> None:
        await self._desk.link(form.conversation, _typed(form), agent)

    async def _unlink(self, form: Form, agent: Agent) -> None:
        if form.link is None:
            raise Mistake("This page had become too old. Please try again.")
        await self._desk.card(form.conversation)
        try:
            await self._desk.unlink(form.conversation, form.link, agent)
        except NotFound as gone:
            raise Mistake(f"This was not done: {gone}.") from gone


def _typed(form: Form) -> Address:
    """The address that was typed; raises Mistake for half of one."""
    if not form.channel or not form.value:
        raise Mistake("Fill in the channel and the address there.")
    if ":" in form.channel or not (form.channel + form.value).isprintable():
        raise Mistake("This is no address as a channel writes it.")
    return Address(channel=form.channel, value=form.value)
