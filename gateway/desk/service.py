"""What agents do with a conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

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
    Reason,
    RenderContext,
    State,
)
from gateway.pipeline.outcomes import last_mood, system_line
from gateway.pipeline.summary import CardSummaries
from gateway.pipeline.verification import AddressVerification
from gateway.ports import Clock, Conflict, Event, Events, NotAccepted, NotFound, Voice
from gateway.routing.policy import PolicySource
from gateway.settings import Brands
from gateway.store import AgentMessage, HandoffRequest, Store
from gateway.support.titled_links import unsafe_link, why_unsafe_link

LONGEST_HOLD = 60.0
"""Seconds for which an answer is held at most: the customer waits as long."""


@dataclass(kw_only=True)
class DeskService:
    """The desk of all agents, from whichever page or chat they answer; see `ports.Desk`."""

    store: Store
    wake: Callable[[str], None]
    voice: Voice
    policies: PolicySource
    events: Events
    clock: Clock
    verification: AddressVerification
    summaries: CardSummaries
    brands: Brands

    async def queue(self) -> tuple[QueueItem, ...]:
        return self._with_places(await self.store.queries.queue()).items

    async def queue_page(
        self,
        *,
        after: QueuePosition | None = None,
        most: int = 50,
        brands: tuple[str, ...] = (),
    ) -> QueuePage:
        page = await self.store.queries.queue(after=after, most=most, brands=brands)
        return self._with_places(page)

    def _with_places(self, page: QueuePage) -> QueuePage:
        """An item that is on two pages stays the same object, as long as nothing changes in it."""
        return page.replace(
            waiting=tuple(self._with_place(item) for item in page.waiting),
            held=tuple(self._with_place(item) for item in page.held),
        )

    def _with_place(self, item: QueueItem) -> QueueItem:
        place = self.brands.place(item.conversation)
        return item.replace(place=place) if place else item

    async def card(self, conversation: int) -> ContextCard:
        card = await self.store.queries.card(conversation)
        linked = await self.store.links.linked_addresses(conversation)
        place = self.brands.place(card.conversation)
        return card.replace(summary=self.summaries.best(card), linked=linked, place=place)

    async def claim(self, conversation: int, agent: Agent, *, epoch: int) -> ContextCard:
        await self._check_brand(conversation, agent)
        _, on_its_way = await self.store.handoffs.claim(
            conversation, agent, epoch, self.clock.now()
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
        hold: float = 0.0,
    ) -> Accepted:
        """An unclaimed conversation is claimed first; one that another agent has raises Conflict.
        A repeated ``key`` changes nothing."""
        await self._check_brand(conversation, agent)
        if not text.strip() and not attachments:
            raise NotAccepted("an answer needs text or a file")
        if why := why_unsafe_link(text):
            raise NotAccepted(why)
        current = await self.store.queries.conversation(conversation)
        if known := await self.store.inbox.find_agent_message((via or current.address).lane, key):
            return known
        if via is not None and via != current.address:
            current = await self.store.links.continue_at(conversation, via, agent, self.clock.now())
            conversation = current.id
        if current.owner is not None and current.owner.id != agent.id:
            raise Conflict(f"{current.owner.name} has this conversation", current)
        if current.owner is None:
            await self.store.handoffs.claim(conversation, agent, current.epoch, self.clock.now())
        message = AgentMessage(
            conversation=conversation,
            agent=agent,
            text=text.strip(),
            suggestion=suggestion,
            attachments=attachments,
        )
        lane, now = current.address.lane, self.clock.now()
        due = now + timedelta(seconds=min(hold, LONGEST_HOLD)) if hold > 0 else None
        accepted = await self.store.inbox.accept_agent_message(message, lane, key, now, due=due)
        self.wake(lane)
        self._changed(conversation)
        return accepted.replace(conversation=conversation)

    async def held_answers(self, conversation: int) -> tuple[HeldAnswer, ...]:
        found = await self.store.queries.conversation(conversation)
        held = await self.store.inbox.held(found.address.lane, self.clock.now())
        return tuple(answer for answer in held if answer.conversation == conversation)

    async def take_back(self, conversation: int, agent: Agent, *, turn: int) -> HeldAnswer:
        await self._check_brand(conversation, agent)
        found = await self.store.queries.conversation(conversation)
        taken = await self.store.inbox.take_back(conversation, turn, agent.id)
        if taken is None:
            raise NotAccepted("the answer is on its way already")
        self.wake(found.address.lane)
        self._changed(conversation)
        return taken

    async def note(self, conversation: int, agent: Agent, text: str) -> Message:
        await self._check_brand(conversation, agent)
        if not text.strip():
            raise NotAccepted("a note needs text")
        message = Message(
            id=0,
            conversation=conversation,
            author="agent",
            text=text.strip(),
            at=self.clock.now(),
            internal=True,
            status="sent",
            agent=agent,
        )
        stored = await self.store.handoffs.note(message)
        self._changed(conversation)
        return stored

    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        await self._check_brand(conversation, agent)
        line = f"{agent.name} resolved the conversation"
        return await self._release(conversation, agent, epoch, "resolved", line)

    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        await self._check_brand(conversation, agent)
        line = f"{agent.name} handed the conversation back to the bot"
        return await self._release(conversation, agent, epoch, "bot", line)

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
        await self._check_brand(conversation, agent)
        now = self.clock.now()
        handoff = HandoffRequest(
            reasons=(Reason(code="transferred", detail=reason or f"by {agent.name}"),),
            tier=tier,
            skills=skills,
            priority=1,
            claim_by=self.policies.current.claim_by(tier, now),
        )
        line = f"{agent.name} transferred the conversation to {tier}"
        moved = await self.store.handoffs.move(
            conversation,
            agent,
            epoch,
            now,
            state="waiting",
            line=f"{line}: {reason}" if reason else line,
            handoff=handoff,
        )
        self._changed(conversation)
        return moved

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None:
        ignored = await self.store.handoffs.ignore(suggestion, agent)
        self._changed(ignored.conversation)

    async def link(self, conversation: int, address: Address, agent: Agent) -> ContextCard:
        await self._check_brand(conversation, agent)
        address = await self._reachable(conversation, address)
        self.verification.traits_of(address)
        now = self.clock.now()
        await self.store.links.link(conversation, address, now, how="agent", agent=agent)
        return await self._note_link(conversation, f"{agent.name} linked {address.lane}", agent)

    async def unlink(self, conversation: int, link: int, agent: Agent) -> ContextCard:
        await self._check_brand(conversation, agent)
        links = await self.store.links.linked_addresses(conversation)
        if link not in (linked.id for linked in links):
            raise NotFound(f"this customer has no link {link}")
        await self.store.links.unlink(link, self.clock.now())
        return await self._note_link(conversation, f"{agent.name} took a link back", agent)

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        await self._check_brand(conversation, agent)
        address = await self._reachable(conversation, address)
        await self.verification.send_code(conversation, address, agent)

    async def _check_brand(self, conversation: int, agent: Agent) -> None:
        """Raises NotFound when ``agent`` does not work for the conversation's brand."""
        if agent.brands:
            found = await self.store.queries.conversation(conversation)
            if not agent.works_for(found.brand):
                raise NotFound(f"there is no conversation {conversation} for {agent.name}")

    async def _reachable(self, conversation: int, address: Address) -> Address:
        """``address`` at a support address of the conversation's brand. Raises NotAccepted when the
        brand has none on that channel: another brand must not write to its customers."""
        brand = (await self.store.queries.conversation(conversation)).brand
        found = self.brands.address_in(brand, address)
        if found is None:
            title = self.brands.title(brand)
            raise NotAccepted(f"{title} has no support address on {address.channel}")
        return found

    async def _note_link(self, conversation: int, text: str, agent: Agent) -> ContextCard:
        line = system_line(conversation, text, self.clock.now(), agent=agent)
        await self.store.handoffs.note(line)
        self._changed(conversation)
        return await self.card(conversation)

    async def advise(self, conversation: int, text: str) -> tuple[Finding, ...]:
        card = await self.store.queries.card(conversation)
        advice = self.voice.lint(
            text,
            RenderContext(
                channel=card.conversation.address.channel,
                brand=card.conversation.brand,
                emotion=last_mood(card.messages),
                author="agent",
                customer=card.customer.name,
                language=card.conversation.language,
            ),
        )
        return (*_link_errors(text), *advice)

    async def _release(
        self, conversation: int, agent: Agent, epoch: int, state: State, line: str
    ) -> Conversation:
        """End the agent's work on it: it is resolved, or the bot's again."""
        moved = await self.store.handoffs.move(
            conversation, agent, epoch, self.clock.now(), state=state, line=line
        )
        self.wake(moved.address.lane)
        self._changed(conversation)
        return moved

    def _changed(self, conversation: int) -> None:
        self.events.publish(Event(topic="desk", name="conversation", conversation=conversation))


def _link_errors(text: str) -> tuple[Finding, ...]:
    """A finding for a link with which `DeskService.answer` refuses ``text``."""
    found = unsafe_link(text)
    if found is None:
        return ()
    link, why = found
    return (
        Finding(
            rule="unsafe-link",
            severity="error",
            start=link.start,
            end=link.end,
            message=f"{why[:1].upper()}{why[1:]}.",
        ),
    )
