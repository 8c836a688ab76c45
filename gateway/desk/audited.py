"""The desk with a record of who did what, whatever page or chat they did it from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from gateway.model import (
    Accepted,
    Address,
    Agent,
    Attachment,
    ContextCard,
    Conversation,
    Finding,
    Message,
    QueueItem,
)
from gateway.ports import AuditLog, Clock, Desk

log = structlog.get_logger()


class AuditedDesk:
    """A `ports.Desk` around another: each deed that was done leaves a line in the audit log.

    The deed itself stands in the conversation's history by the same commit; the line follows.
    What people look at, the page or chat that shows it records: only it knows whether it did.
    """

    def __init__(self, desk: Desk, audit: AuditLog) -> None:
        self._desk, self._audit = desk, audit

    async def queue(self) -> tuple[QueueItem, ...]:
        return await self._desk.queue()

    async def card(self, conversation: int) -> ContextCard:
        return await self._desk.card(conversation)

    async def advise(self, conversation: int, text: str) -> tuple[Finding, ...]:
        return await self._desk.advise(conversation, text)

    async def claim(self, conversation: int, agent: Agent, *, epoch: int) -> ContextCard:
        card = await self._desk.claim(conversation, agent, epoch=epoch)
        await self._audit.record(
            agent.id, "claimed", conversation=conversation, customer=card.customer.id
        )
        return card

    async def answer(
        self,
        conversation: int,
        agent: Agent,
        text: str,
        *,
        key: str,
        suggestion: int | None = None,
        attachments: tuple[Attachment, ...] = (),
        via: Address | None = None,
    ) -> Accepted:
        accepted = await self._desk.answer(
            conversation,
            agent,
            text,
            key=key,
            suggestion=suggestion,
            attachments=attachments,
            via=via,
        )
        if not accepted.duplicate:
            detail = f"turn {accepted.turn}" + (f", by {via.channel}" if via else "")
            await self._did(agent, "answered", conversation, detail)
        return accepted

    async def note(self, conversation: int, agent: Agent, text: str) -> Message:
        message = await self._desk.note(conversation, agent, text)
        await self._did(agent, "noted", conversation, f"message {message.id}")
        return message

    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        now = await self._desk.resolve(conversation, agent, epoch=epoch)
        await self._did(agent, "resolved", conversation)
        return now

    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        now = await self._desk.hand_back(conversation, agent, epoch=epoch)
        await self._did(agent, "handed_back", conversation)
        return now

    async def transfer(
        self,
        conversation: int,
        agent: Agent,
        *,
        epoch: int,
        tier: str,
        skills: tuple[str, ...] = (),
        reason: str = "",
    ) -> Conversation:
        now = await self._desk.transfer(
            conversation, agent, epoch=epoch, tier=tier, skills=skills, reason=reason
        )
        await self._did(agent, "transferred", conversation, f"to {tier}")
        return now

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None:
        await self._desk.ignore_suggestion(suggestion, agent)
        await self._audit.record(agent.id, "suggestion_ignored", detail=f"suggestion {suggestion}")

    async def link(self, conversation: int, address: Address, agent: Agent) -> ContextCard:
        card = await self._desk.link(conversation, address, agent)
        await self._did(agent, "linked", conversation, address.channel)
        return card

    async def unlink(self, conversation: int, link: int, agent: Agent) -> ContextCard:
        card = await self._desk.unlink(conversation, link, agent)
        await self._did(agent, "unlinked", conversation, f"link {link}")
        return card

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        await self._desk.ask_proof(conversation, address, agent)
        await self._did(agent, "code_sent", conversation, address.channel)

    async def _did(self, agent: Agent, what: str, conversation: int, detail: str = "") -> None:
        await self._audit.record(agent.id, what, conversation=conversation, detail=detail)


class AuditPurge(Protocol):
    """An audit log whose lines have their time."""

    async def forget(self, before: datetime) -> int: ...


class AuditRetention:
    """Lets lines go when their time is over: at the start and then each day."""

    def __init__(self, audit: AuditPurge, clock: Clock, *, days: int) -> None:
        self._audit, self._clock, self._days = audit, clock, days

    async def run(self) -> None:
        """Runs until cancelled; with ``days`` 0 every line is kept."""
        while self._days:
            try:
                await self._audit.forget(self._clock.now() - timedelta(days=self._days))
            except Exception:
                log.exception("audit.not_forgotten")
            await self._clock.sleep(86_400)
