"""What agents do with a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.desk.marks import ConversationMarks
from gateway.desk.outreach import Outreach
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
    Reason,
    RenderContext,
    State,
    SupportAddress,
)
from gateway.pipeline.case.promising import zone_of
from gateway.pipeline.case.story import case_facts, tell_case
from gateway.pipeline.case.summary import CardSummaries
from gateway.pipeline.case.told_once import told_once
from gateway.pipeline.outcomes import last_mood, system_line
from gateway.pipeline.verification import AddressVerification
from gateway.ports import (
    Clock,
    Conflict,
    Event,
    Events,
    NotAccepted,
    NotFound,
    RefusedByChannel,
    Unfilled,
    Voice,
)
from gateway.routing.business_hours import BusinessHours
from gateway.routing.policy import PolicySource
from gateway.settings import Brands
from gateway.store import AgentMessage, BegunConversation, HandoffRequest, Store
from gateway.support.statements import unfilled
from gateway.support.titled_links import unsafe_link, why_unsafe_link

IMPORTED = "the conversation was imported and cannot be changed; write to the customer anew instead"
LONGEST_HOLD = 60.0
"""Seconds for which an answer is held at most: the customer waits as long."""


@dataclass(kw_only=True)
class DeskService:
    """The desk of all agents, from whichever page or chat they answer; see `ports.Desk`."""

    store: Store
    wake_lane: Callable[[str], None]
    voice: Voice
    policies: PolicySource
    events: Events
    clock: Clock
    verification: AddressVerification
    summaries: CardSummaries
    brands: Brands
    hours: BusinessHours
    marks: ConversationMarks
    outreach: Outreach

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

    async def conversations(
        self, chosen: ConversationFilter, *, after: ListPosition | None = None, most: int = 50
    ) -> ConversationList:
        found = await self.store.queries.conversations(chosen, after=after, most=most)
        placed = tuple(
            item.replace(place=self.brands.place(item.conversation)) for item in found.items
        )
        return found.replace(items=placed)

    async def list_counts(
        self, chosen: ConversationFilter, *, most: int = 100
    ) -> Mapping[ListName, int]:
        return await self.store.queries.list_counts(chosen, most=most)

    async def card(self, conversation: int) -> ContextCard:
        return await self._told(await self.store.queries.card(conversation))

    async def cards(self, conversations: Sequence[int]) -> tuple[ContextCard, ...]:
        told: list[ContextCard] = []
        for card in await self.store.queries.cards(conversations):
            told.append(await self._told(card))
            await asyncio.sleep(0)  # a story takes a millisecond: customers go between
        return tuple(told)

    async def headings(self, conversations: Sequence[int]) -> Mapping[int, ConversationHeading]:
        return await self.store.queries.headings(conversations)

    async def messages(self, ids: Sequence[int]) -> Mapping[int, Message]:
        return await self.store.queries.messages_by_id(ids)

    async def _told(self, card: ContextCard) -> ContextCard:
        """``card`` with what is not stored: its summary and its story."""
        now = self.clock.now()
        card = card.replace(
            summary=self.summaries.best(card),
            place=self.brands.place(card.conversation),
            story=tell_case(card, now),
        )
        if not card.history:
            return card
        elsewhere = await self.store.links.answer_address(card.conversation.id, now)
        return card.replace(answer_address=elsewhere)

    async def claim(self, conversation: int, agent: Agent, *, epoch: int) -> ContextCard:
        await self._check_may_change(conversation, agent)
        _, on_its_way = await self.store.handoffs.claim(
            conversation, agent, epoch, self.clock.now()
        )
        self._changed(conversation)
        card = await self.card(conversation)
        self._tell_customer(card.conversation)
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
        copies: tuple[str, ...] = (),
        hold: float = 0.0,
    ) -> Accepted:
        """An unclaimed conversation is claimed first; one that another agent has raises Conflict.
        A repeated ``key`` changes nothing. An answer with which a chat ends is not held: the
        customer is told at once where it went."""
        await self._check_may_change(conversation, agent)
        _check_answer(text, attachments)
        current = await self.store.queries.conversation(conversation)
        left, elsewhere = current, None
        if via is None:
            elsewhere = await self.store.links.answer_address(conversation, self.clock.now())
        via = via or elsewhere or left.address
        for lane in dict.fromkeys((via.lane, left.address.lane)):
            if known := await self.store.inbox.find_agent_message(lane, key):
                return known
        if elsewhere is not None:
            _check_owner(left, agent)
        copies = await self.outreach.check(via, attachments, copies)
        if via != left.address:
            current = await self.store.links.continue_at(conversation, via, agent, self.clock.now())
        _check_owner(current, agent)
        if current.owner is None:
            await self.store.handoffs.claim(current.id, agent, current.epoch, self.clock.now())
        message = AgentMessage(
            conversation=current.id,
            agent=agent,
            text=text.strip(),
            suggestion=suggestion,
            attachments=attachments,
            copies=copies,
        )
        lane, now = current.address.lane, self.clock.now()
        held = hold > 0 and elsewhere is None
        due = now + timedelta(seconds=min(hold, LONGEST_HOLD)) if held else None
        accepted = await self.store.inbox.accept_agent_message(
            message, lane, key, now, due=due, leaves=None if elsewhere is None else left
        )
        self.wake_lane(lane)
        self._changed(current.id)
        if elsewhere is not None:
            self.wake_lane(left.address.lane)
            self._changed(left.id)
            self._tell_customer(left)
        return accepted.replace(conversation=current.id)

    async def held_answers(self, conversation: int) -> tuple[HeldAnswer, ...]:
        found = await self.store.queries.conversation(conversation)
        held = await self.store.inbox.held(found.address.lane, self.clock.now())
        return tuple(answer for answer in held if answer.conversation == conversation)

    async def take_back(self, conversation: int, agent: Agent, *, turn: int) -> HeldAnswer:
        await self._check_may_change(conversation, agent)
        found = await self.store.queries.conversation(conversation)
        taken = await self.store.inbox.take_back(conversation, turn, agent.id)
        if taken is None:
            raise NotAccepted("the answer is on its way already")
        self.wake_lane(found.address.lane)
        self._changed(conversation)
        return taken

    def file_limits(self, address: Address) -> FileLimits:
        return self.outreach.file_limits(address)

    def takes_copies(self, address: Address) -> bool:
        return self.outreach.takes_copies(address)

    def writing_places(self, agent: Agent) -> tuple[SupportAddress, ...]:
        return self.outreach.places(agent)

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
        begun = await self.outreach.begin(
            address,
            agent,
            text,
            key=key,
            subject=subject,
            attachments=attachments,
            copies=copies,
        )
        return self._begun(begun)

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
        await self._check_may_change(conversation, agent)
        card = await self.store.queries.card(conversation)
        begun = await self.outreach.forward(
            card, agent, to, key=key, note=note, messages=messages, files=files
        )
        self._changed(conversation)
        return self._begun(begun)

    def _begun(self, begun: BegunConversation) -> Accepted:
        self.wake_lane(begun.conversation.address.lane)
        self._changed(begun.conversation.id)
        return begun.accepted.replace(conversation=begun.conversation.id)

    async def note(self, conversation: int, agent: Agent, text: str) -> Message:
        await self._check_may_change(conversation, agent)
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
        data = {"message": str(stored.id)}
        self.events.publish(Event(topic="desk", name="note", conversation=conversation, data=data))
        return stored

    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        await self._check_may_change(conversation, agent)
        line = f"{agent.name} resolved the conversation"
        return await self._release(conversation, agent, epoch, "resolved", line)

    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        await self._check_may_change(conversation, agent)
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
        await self._check_may_change(conversation, agent)
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
        self._tell_customer(moved)
        return moved

    async def put_back(
        self, conversation: int, agent: Agent, *, epoch: int, reason: str = ""
    ) -> Conversation:
        await self._check_may_change(conversation, agent)
        now, policy = self.clock.now(), self.policies.current
        found = await self.store.queries.conversation(conversation)
        line = f"The conversation of {agent.name} waits again"
        moved = await self.store.handoffs.unclaim(
            conversation,
            agent,
            epoch,
            now,
            line=f"{line}: {reason}" if reason else line,
            claim_by=policy.claim_by(found.tier, now),
            alarm_minutes=policy.reasons.harm.alarm_minutes,
        )
        self._changed(conversation)
        return moved

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None:
        ignored = await self.store.handoffs.ignore(suggestion, agent)
        self._changed(ignored.conversation)

    async def link(self, conversation: int, address: Address, agent: Agent) -> ContextCard:
        await self._check_may_change(conversation, agent)
        address = await self._reachable(conversation, address)
        self.verification.traits_of(address)
        now = self.clock.now()
        await self.store.links.link(conversation, address, now, how="agent", agent=agent)
        return await self._note_link(conversation, f"{agent.name} linked {address.lane}", agent)

    async def unlink(self, conversation: int, link: int, agent: Agent) -> ContextCard:
        await self._check_may_change(conversation, agent)
        links = await self.store.links.linked_addresses(conversation)
        if link not in (linked.id for linked in links):
            raise NotFound(f"this customer has no link {link}")
        await self.store.links.unlink(link, self.clock.now())
        return await self._note_link(conversation, f"{agent.name} took a link back", agent)

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        await self._check_may_change(conversation, agent)
        address = await self._reachable(conversation, address)
        await self.verification.send_code(conversation, address, agent)

    async def label(
        self,
        conversation: int,
        agent: Agent,
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
    ) -> Conversation:
        await self._check_brand(conversation, agent)
        labelled = await self.marks.label(conversation, add, remove)
        self._changed(conversation)
        return labelled

    async def snooze(
        self, conversation: int, agent: Agent, *, until: datetime | None, epoch: int
    ) -> Conversation:
        await self._check_may_change(conversation, agent)
        snoozed = await self.marks.snooze(conversation, agent, until, epoch)
        self._changed(conversation)
        return snoozed

    async def wake(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        await self._check_may_change(conversation, agent)
        awake = await self.marks.wake(conversation, agent, epoch)
        self._changed(conversation)
        return awake

    async def mark_spam(
        self, conversation: int, agent: Agent, *, epoch: int, block: bool = False
    ) -> Conversation:
        await self._check_may_change(conversation, agent)
        line = f"{agent.name} marked the conversation as spam"
        moved = await self._release(conversation, agent, epoch, "resolved", line, spam=True)
        if block:
            await self.block(conversation, agent)
        return moved

    async def block(self, conversation: int, agent: Agent) -> None:
        await self._check_may_change(conversation, agent)
        found = await self.store.queries.conversation(conversation)
        await self.store.marks.block(found.address, at=self.clock.now())
        line = f"{agent.name} blocked this address"
        note = system_line(conversation, line, self.clock.now(), agent=agent)
        await self.store.handoffs.note(note)
        self._changed(conversation)

    async def unblock(self, address: Address, agent: Agent) -> None:
        if not agent.works_for(self.brands.of(address)):
            raise NotFound(f"the address {address.lane} is not blocked")
        await self.store.marks.block(address, at=None)
        self.events.publish(Event(topic="desk", name="queue"))

    async def blocked(
        self, agent: Agent, *, after: int = 0, most: int = 50
    ) -> tuple[BlockedAddress, ...]:
        return await self.store.marks.blocked(brands=agent.brands, after=after, most=most)

    async def labelled(
        self, label: str, agent: Agent, *, before: int = 0, most: int = 50
    ) -> tuple[Conversation, ...]:
        return await self.store.marks.labelled(label, brands=agent.brands, before=before, most=most)

    async def _check_may_change(self, conversation: int, agent: Agent) -> None:
        """As `_check_brand`; raises RefusedByChannel for an imported one."""
        await self._check_brand(conversation, agent)
        if (await self.store.queries.conversation(conversation)).imported:
            raise RefusedByChannel(IMPORTED)

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
        zone = zone_of(self.hours.of(card.conversation.brand))
        return (*_link_errors(text), *told_once(text, card, zone), *advice)

    async def promises_due(
        self, *, brands: tuple[str, ...] = (), most: int = 500
    ) -> tuple[DuePromise, ...]:
        return await self.store.promises.due(self.clock.now(), brands=brands, most=most)

    async def settle_promise(
        self, conversation: int, promise: int, agent: Agent, *, kept: bool
    ) -> Promise:
        await self._check_may_change(conversation, agent)
        if promise not in (known.id for known in await self.store.promises.of(conversation)):
            raise NotFound(f"conversation {conversation} has no promise {promise}")
        settled = await self.store.promises.settle(promise, agent, self.clock.now(), kept=kept)
        self._changed(conversation)
        return settled

    async def confirm_fact(
        self, conversation: int, agent: Agent, *, name: str, value: str, message: int
    ) -> ConfirmedFact:
        await self._check_may_change(conversation, agent)
        card = await self.store.queries.card(conversation)
        given = {(fact.name, fact.value, fact.message) for fact in case_facts(card)}
        if (name, value, message) not in given:
            raise NotAccepted(f"the customer gave no such {name} in that message")
        fact = ConfirmedFact(
            name=name,
            value=value,
            conversation=conversation,
            message=message,
            agent=agent,
            at=self.clock.now(),
        )
        await self.store.promises.confirm(fact)
        self._changed(conversation)
        return fact

    async def _release(
        self,
        conversation: int,
        agent: Agent,
        epoch: int,
        state: State,
        line: str,
        *,
        spam: bool = False,
    ) -> Conversation:
        """End the agent's work on it: it is resolved, or the bot's again."""
        moved = await self.store.handoffs.move(
            conversation, agent, epoch, self.clock.now(), state=state, line=line, spam=spam
        )
        self.wake_lane(moved.address.lane)
        self._changed(conversation)
        self._tell_customer(moved)
        return moved

    def _tell_customer(self, conversation: Conversation) -> None:
        """A page of the customer shows who has the conversation."""
        self.events.publish(
            Event(topic=conversation.address.lane, name="person", conversation=conversation.id)
        )

    def _changed(self, conversation: int) -> None:
        self.events.publish(Event(topic="desk", name="conversation", conversation=conversation))


def _check_answer(text: str, attachments: tuple[Attachment, ...]) -> None:
    if not text.strip() and not attachments:
        raise NotAccepted("an answer needs text or a file")
    if gap := unfilled(text):
        raise Unfilled(gap)
    if why := why_unsafe_link(text):
        raise NotAccepted(why)


def _check_owner(conversation: Conversation, agent: Agent) -> None:
    """Raises Conflict when another agent has it."""
    owner = conversation.owner
    if owner is not None and owner.id != agent.id:
        raise Conflict(f"{owner.name} has this conversation", conversation)


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
