"""The desk with an audit log of who did what."""

from __future__ import annotations

from dataclasses import dataclass
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
    HeldAnswer,
    Message,
    QueueItem,
    QueuePage,
    QueuePosition,
)
from gateway.ports import AuditLog, Clock, Desk

log = structlog.get_logger()


@dataclass
class AuditedDesk:
    """A `ports.Desk` around another one: each completed action leaves an entry in the audit log.

    The action and its line in the conversation's history share one commit; the entry follows it.
    Views are recorded by the page or chat that shows them: only it knows whether it did.
    """

    desk: Desk
    audit: AuditLog

    async def queue(self) -> tuple[QueueItem, ...]:
        return await self.desk.queue()

    async def queue_page(
        self,
        *,
        after: QueuePosition | None = None,
        most: int = 50,
        brands: tuple[str, ...] = (),
    ) -> QueuePage:
        return await self.desk.queue_page(after=after, most=most, brands=brands)

    async def card(self, conversation: int) -> ContextCard:
        return await self.desk.card(conversation)

    async def advise(self, conversation: int, text: str) -> tuple[Finding, ...]:
        return await self.desk.advise(conversation, text)

    async def claim(self, conversation: int, agent: Agent, *, epoch: int) -> ContextCard:
        card = await self.desk.claim(conversation, agent, epoch=epoch)
        await self.audit.record(
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
        hold: float = 0.0,
    ) -> Accepted:
        accepted = await self.desk.answer(
            conversation,
            agent,
            text,
            key=key,
            suggestion=suggestion,
            attachments=attachments,
            via=via,
            hold=hold,
        )
        if not accepted.duplicate:
            detail = f"turn {accepted.turn}" + (f", by {via.channel}" if via else "")
            await self._record(agent, "answered", conversation, detail)
        return accepted

    async def held_answers(self, conversation: int) -> tuple[HeldAnswer, ...]:
        return await self.desk.held_answers(conversation)

    async def take_back(self, conversation: int, agent: Agent, *, turn: int) -> HeldAnswer:
        taken = await self.desk.take_back(conversation, agent, turn=turn)
        await self._record(agent, "taken_back", conversation, f"turn {turn}")
        return taken

    async def note(self, conversation: int, agent: Agent, text: str) -> Message:
        message = await self.desk.note(conversation, agent, text)
        await self._record(agent, "noted", conversation, f"message {message.id}")
        return message

    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        moved = await self.desk.resolve(conversation, agent, epoch=epoch)
        await self._record(agent, "resolved", conversation)
        return moved

    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        moved = await self.desk.hand_back(conversation, agent, epoch=epoch)
        await self._record(agent, "handed_back", conversation)
        return moved

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
        moved = await self.desk.transfer(
            conversation, agent, epoch=epoch, tier=tier, skills=skills, reason=reason
        )
        await self._record(agent, "transferred", conversation, f"to {tier}")
        return moved

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None:
        await self.desk.ignore_suggestion(suggestion, agent)
        await self.audit.record(agent.id, "suggestion_ignored", detail=f"suggestion {suggestion}")

    async def link(self, conversation: int, address: Address, agent: Agent) -> ContextCard:
        card = await self.desk.link(conversation, address, agent)
        await self._record(agent, "linked", conversation, address.channel)
        return card

    async def unlink(self, conversation: int, link: int, agent: Agent) -> ContextCard:
        card = await self.desk.unlink(conversation, link, agent)
        await self._record(agent, "unlinked", conversation, f"link {link}")
        return card

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        await self.desk.ask_proof(conversation, address, agent)
        await self._record(agent, "code_sent", conversation, address.channel)

    async def _record(self, agent: Agent, action: str, conversation: int, detail: str = "") -> None:
        await self.audit.record(agent.id, action, conversation=conversation, detail=detail)


class AuditPurge(Protocol):
    """An audit log whose old entries can be deleted."""

    async def forget(self, before: datetime) -> int: ...


@dataclass(kw_only=True)
class AuditRetention:
    """Deletes audit entries that are older than ``days``: at the start, then once a day."""

    audit: AuditPurge
    clock: Clock
    days: int

    async def run(self) -> None:
        """Run until cancelled; with ``days`` 0 every entry is kept."""
        while self.days:
            try:
                await self.audit.forget(self.clock.now() - timedelta(days=self.days))
            except Exception:
                log.exception("audit.not_forgotten")
            await self.clock.sleep(86_400)
