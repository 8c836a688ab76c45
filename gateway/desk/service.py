"""What people do with a conversation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

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
    Reason,
    RenderContext,
)
from gateway.pipeline.outcomes import last_mood, system_line
from gateway.pipeline.summary import CardSummaries
from gateway.pipeline.verification import AddressVerification
from gateway.ports import Clock, Conflict, Event, Events, NotAccepted, NotFound, Voice
from gateway.routing.policy import Policy
from gateway.store import AgentMessage, HandoffRequest, Store


class DeskService:
    """The desk of all agents, whatever page or chat they answer from; see `ports.Desk`."""

    def __init__(
        self,
        *,
        store: Store,
        wake: Callable[[str], None],
        voice: Voice,
        policy: Policy,
        events: Events,
        clock: Clock,
        verification: AddressVerification,
        summaries: CardSummaries,
    ) -> None:
        self._verification = verification
        self._summaries = summaries
        self._store = store
        self._wake = wake
        self._voice = voice
        self._policy = policy
        self._events = events
        self._clock = clock

    async def queue(self) -> tuple[QueueItem, ...]:
        return await self._store.queries.queue()

    async def card(self, conversation: int) -> ContextCard:
        card = await self._store.queries.card(conversation)
        linked = await self._store.links.of(conversation)
        return card.replace(summary=self._summaries.of(card), linked=linked)

    async def claim(self, conversation: int, agent: Agent, *, epoch: int) -> ContextCard:
        _, on_its_way = await self._store.handoffs.claim(
            conversation, agent, epoch, self._clock.now()
        )
        self._changed(conversation)
        card = await self.card(conversation)
        known = {message.id for message in card.on_its_way}
        late = tuple(message for message in on_its_way if message.id not in known)
        return card.replace(on_its_way=(*card.on_its_way, *late))

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
        """Answering a conversation nobody has claims it first; one that somebody else has raises
        Conflict. An answer that was taken before changes nothing."""
        if not text.strip() and not attachments:
            raise NotAccepted("an answer needs words or a file")
        now = await self._store.queries.conversation(conversation)
        if known := await self._store.inbox.said((via or now.address).lane, key):
            return known
        if via is not None and via != now.address:
            now = await self._store.links.go_on(conversation, via, agent, self._clock.now())
            conversation = now.id
        if now.owner is not None and now.owner.id != agent.id:
            raise Conflict(f"{now.owner.name} has this conversation", now)
        if now.owner is None:
            await self._store.handoffs.claim(conversation, agent, now.epoch, self._clock.now())
        said = AgentMessage(
            conversation=conversation,
            agent=agent,
            text=text.strip(),
            suggestion=suggestion,
            attachments=attachments,
        )
        lane = now.address.lane
        accepted = await self._store.inbox.say(said, lane, key, self._clock.now())
        self._wake(lane)
        self._changed(conversation)
        return accepted

    async def note(self, conversation: int, agent: Agent, text: str) -> Message:
        if not text.strip():
            raise NotAccepted("a note needs words")
        message = Message(
            id=0,
            conversation=conversation,
            author="agent",
            text=text.strip(),
            at=self._clock.now(),
            internal=True,
            status="sent",
            agent=agent,
        )
        stored = await self._store.handoffs.note(message)
        self._changed(conversation)
        return stored

    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        now = await self._store.handoffs.move(
            conversation,
            agent,
            epoch,
            self._clock.now(),
            state="resolved",
            line=f"{agent.name} resolved the conversation",
        )
        self._wake(now.address.lane)
        self._changed(conversation)
        return now

    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        now = await self._store.handoffs.move(
            conversation,
            agent,
            epoch,
            self._clock.now(),
            state="bot",
            line=f"{agent.name} handed the conversation back to the bot",
        )
        self._wake(now.address.lane)
        self._changed(conversation)
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
        now = self._clock.now()
        found = self._policy.tiers.get(tier)
        ask = HandoffRequest(
            reasons=(Reason(code="transferred", detail=reason or f"by {agent.name}"),),
            tier=tier,
            skills=skills,
            priority=1,
            claim_by=now + timedelta(minutes=found.claim_minutes) if found else None,
        )
        line = f"{agent.name} transferred the conversation to {tier}"
        moved = await self._store.handoffs.move(
            conversation,
            agent,
            epoch,
            now,
            state="waiting",
            line=f"{line}: {reason}" if reason else line,
            handoff=ask,
        )
        self._changed(conversation)
        return moved

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None:
        ignored = await self._store.handoffs.ignore(suggestion, agent)
        self._changed(ignored.conversation)

    async def link(self, conversation: int, address: Address, agent: Agent) -> ContextCard:
        self._verification.traits(address)
        now = self._clock.now()
        await self._store.links.link(conversation, address, now, how="agent", agent=agent)
        return await self._noted(conversation, f"{agent.name} linked {address.lane}", agent)

    async def unlink(self, conversation: int, link: int, agent: Agent) -> ContextCard:
        if all(one.id != link for one in await self._store.links.of(conversation)):
            raise NotFound(f"this customer has no link {link}")
        await self._store.links.unlink(link, self._clock.now())
        return await self._noted(conversation, f"{agent.name} took a link back", agent)

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        await self._verification.ask(conversation, address, agent)

    async def _noted(self, conversation: int, text: str, agent: Agent) -> ContextCard:
        line = system_line(conversation, text, self._clock.now(), agent=agent)
        await self._store.handoffs.note(line)
        self._changed(conversation)
        return await self.card(conversation)

    async def advise(self, conversation: int, text: str) -> tuple[Finding, ...]:
        card = await self._store.queries.card(conversation)
        return self._voice.lint(
            text,
            RenderContext(
                channel=card.conversation.address.channel,
                emotion=last_mood(card.messages),
                author="agent",
                customer=card.customer.name,
                language=card.conversation.language,
            ),
        )

    def _changed(self, conversation: int) -> None:
        self._events.publish(Event(topic="desk", name="conversation", conversation=conversation))
