"""The desk with an audit log of who did what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from gateway.model import (
    Accepted,
    Address,
    Agent,
    Attachment,
    BlockedAddress,
    ConfirmedFact,
    ContextCard,
    Conversation,
    ConversationFilter,
    ConversationHeading,
    ConversationList,
    DuePromise,
    FileLimits,
    Finding,
    HeldAnswer,
    ListName,
    ListPosition,
    Message,
    Promise,
    QueueItem,
    QueuePage,
    QueuePosition,
    SupportAddress,
)
from gateway.ports import AuditLog, Clock, Desk
from gateway.support.labels import counted

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

    async def conversations(
        self, chosen: ConversationFilter, *, after: ListPosition | None = None, most: int = 50
    ) -> ConversationList:
        return await self.desk.conversations(chosen, after=after, most=most)

    async def list_counts(
        self, chosen: ConversationFilter, *, most: int = 100
    ) -> Mapping[ListName, int]:
        return await self.desk.list_counts(chosen, most=most)

    async def card(self, conversation: int) -> ContextCard:
        return await self.desk.card(conversation)

    async def cards(self, conversations: Sequence[int]) -> tuple[ContextCard, ...]:
        return await self.desk.cards(conversations)

    async def headings(self, conversations: Sequence[int]) -> Mapping[int, ConversationHeading]:
        return await self.desk.headings(conversations)

    async def messages(self, ids: Sequence[int]) -> Mapping[int, Message]:
        return await self.desk.messages(ids)

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
        copies: tuple[str, ...] = (),
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
            copies=copies,
            hold=hold,
        )
        if not accepted.duplicate:
            detail = f"turn {accepted.turn}" + (f", by {via.channel}" if via else "")
            detail += f", {counted(len(attachments), 'file')}" if attachments else ""
            detail += f", {counted(len(copies), 'copy', 'copies')}" if copies else ""
            await self._record(agent, "answered", conversation, detail)
        return accepted

    def file_limits(self, address: Address) -> FileLimits:
        return self.desk.file_limits(address)

    def takes_copies(self, address: Address) -> bool:
        return self.desk.takes_copies(address)

    def writing_places(self, agent: Agent) -> tuple[SupportAddress, ...]:
        return self.desk.writing_places(agent)

    async def begin(
        self,
        address: Address,
        agent: Agent,
        text: str,
        *,
        key: str,
        subject: str = "",
        attachments: tuple[Attachment, ...] = (),
        copies: tuple[str, ...] = (),
    ) -> Accepted:
        begun = await self.desk.begin(
            address,
            agent,
            text,
            key=key,
            subject=subject,
            attachments=attachments,
            copies=copies,
        )
        await self._record(agent, "began", begun.conversation, f"by {address.channel}")
        return begun

    async def forward(
        self,
        conversation: int,
        agent: Agent,
        to: str,
        note: str = "",
        *,
        key: str,
        messages: tuple[int, ...] = (),
        files: bool = True,
    ) -> Accepted:
        there = await self.desk.forward(
            conversation, agent, to, note, key=key, messages=messages, files=files
        )
        await self._record(
            agent, "forwarded", conversation, f"as conversation {there.conversation}"
        )
        return there

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

    async def put_back(
        self, conversation: int, agent: Agent, *, epoch: int, reason: str = ""
    ) -> Conversation:
        moved = await self.desk.put_back(conversation, agent, epoch=epoch, reason=reason)
        await self._record(agent, "put_back", conversation)
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

    async def label(
        self,
        conversation: int,
        agent: Agent,
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
    ) -> Conversation:
        labelled = await self.desk.label(conversation, agent, add=add, remove=remove)
        detail = " ".join([*(f"+{key}" for key in add), *(f"-{key}" for key in remove)])
        await self._record(agent, "labelled", conversation, detail)
        return labelled

    async def snooze(
        self, conversation: int, agent: Agent, *, until: datetime | None, epoch: int
    ) -> Conversation:
        snoozed = await self.desk.snooze(conversation, agent, until=until, epoch=epoch)
        detail = f"until {until:%Y-%m-%dT%H:%MZ}" if until else "until an answer"
        await self._record(agent, "snoozed", conversation, detail)
        return snoozed

    async def wake(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        awake = await self.desk.wake(conversation, agent, epoch=epoch)
        await self._record(agent, "woken", conversation)
        return awake

    async def mark_spam(
        self, conversation: int, agent: Agent, *, epoch: int, block: bool = False
    ) -> Conversation:
        moved = await self.desk.mark_spam(conversation, agent, epoch=epoch, block=block)
        await self._record(agent, "marked_spam", conversation, "blocked" if block else "")
        return moved

    async def block(self, conversation: int, agent: Agent) -> None:
        await self.desk.block(conversation, agent)
        await self._record(agent, "blocked", conversation)

    async def unblock(self, address: Address, agent: Agent) -> None:
        await self.desk.unblock(address, agent)
        await self.audit.record(agent.id, "unblocked", detail=address.channel_key)

    async def blocked(
        self, agent: Agent, *, after: int = 0, most: int = 50
    ) -> tuple[BlockedAddress, ...]:
        return await self.desk.blocked(agent, after=after, most=most)

    async def labelled(
        self, label: str, agent: Agent, *, before: int = 0, most: int = 50
    ) -> tuple[Conversation, ...]:
        return await self.desk.labelled(label, agent, before=before, most=most)

    async def promises_due(
        self, *, brands: tuple[str, ...] = (), most: int = 500
    ) -> tuple[DuePromise, ...]:
        return await self.desk.promises_due(brands=brands, most=most)

    async def settle_promise(
        self, conversation: int, promise: int, agent: Agent, *, kept: bool
    ) -> Promise:
        found = await self.desk.settle_promise(conversation, promise, agent, kept=kept)
        what = "promise_kept" if kept else "promise_withdrawn"
        await self._record(agent, what, conversation, f"promise {promise}")
        return found

    async def confirm_fact(
        self, conversation: int, agent: Agent, *, name: str, value: str, message: int
    ) -> ConfirmedFact:
        fact = await self.desk.confirm_fact(
            conversation, agent, name=name, value=value, message=message
        )
        await self._record(agent, "fact_confirmed", conversation, f"{name}, message {message}")
        return fact

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
