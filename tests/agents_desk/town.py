"""A small town of customers in memory: what the desk's pages talk to in these tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from gateway import (
    Accepted,
    Address,
    Agent,
    AppliedRule,
    Attachment,
    Button,
    Conflict,
    ContextCard,
    Conversation,
    Cue,
    Customer,
    Emotion,
    Event,
    Fact,
    Finding,
    Guess,
    Handoff,
    Language,
    LinkedAddress,
    Message,
    NotFound,
    PastConversation,
    QueueItem,
    Reason,
    Route,
    Services,
    Suggestion,
    Understanding,
)
from gateway.adapters.public_http import PublicNetworkHttp
from gateway.testing import MemoryAuditLog, MemoryStorage

NOW = datetime(2026, 11, 23, 14, 20, tzinfo=UTC)
BEN = Agent(id="desk:ben", name="Ben")
INVOICE = Attachment(name="Rechnung März.pdf", media_type="application/pdf", size=48213,
                     digest="ab" * 32)  # fmt: skip


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def felt(
    text: str, label: str, intensity: float, distress: float, intent: str, *found: tuple[str, str]
) -> Understanding:
    """An understanding of ``text`` whose cues are given as (words, kind)."""
    cues = tuple(
        Cue(kind=kind, text=part, start=text.index(part), end=text.index(part) + len(part))
        for part, kind in found
    )
    return Understanding(
        language=Language(code="en", confidence=0.98),
        ranking=(Guess(name=intent, confidence=0.83), Guess(name="order_status", confidence=0.09)),
        emotion=Emotion(label=label, intensity=intensity, distress=distress, cues=cues),
        engines=("nlu_local",),
    )


class FakeClock:
    """Stands still until told; who sleeps wakes when told to."""

    def __init__(self) -> None:
        self.time = NOW
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        until = self.time + timedelta(seconds=seconds)
        while self.time < until:
            await self._moved.wait()

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self._moved.set()
        self._moved = asyncio.Event()


class FakeEvents:
    """Every listener gets what is published after it began."""

    def __init__(self) -> None:
        self.published: list[Event] = []
        self.listeners: list[tuple[str, asyncio.Queue[Event]]] = []

    def publish(self, event: Event) -> None:
        self.published.append(event)
        for topic, queue in self.listeners:
            if topic == event.topic:
                queue.put_nowait(event)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[AsyncIterator[Event]]:
        mine = (topic, asyncio.Queue[Event]())
        self.listeners.append(mine)

        async def events() -> AsyncIterator[Event]:
            while True:
                yield await mine[1].get()

        try:
            yield events()
        finally:
            self.listeners.remove(mine)


class FakeFiles:
    """Files by digest."""

    def __init__(self) -> None:
        self.kept = {INVOICE.digest: b"%PDF-1.7 <script>alert(1)</script>"}

    async def open(self, digest: str) -> bytes:
        if digest not in self.kept:
            raise NotFound(digest)
        return self.kept[digest]


class FakeMailbox:
    """What an agent says is there at once; ``said`` is what it became, where that matters."""

    def __init__(self) -> None:
        self.said: tuple[Message, ...] = ()

    async def answer(self, turn: int, *, timeout: float) -> tuple[Message, ...] | None:
        return self.said


class FakeDesk:
    """The desk's promises, kept in a dictionary: epochs, keys, suggestions, notes."""

    def __init__(self, events: FakeEvents, clock: FakeClock) -> None:
        self.events, self.clock = events, clock
        self.cards: dict[int, ContextCard] = {}
        self.keys: dict[str, int] = {}
        self.said: list[tuple[int, str, int | None]] = []
        self.transfers: list[tuple[str, tuple[str, ...], str]] = []
        self.ignored: list[int] = []
        self.by: list[Address | None] = []
        self.asked: list[Address] = []
        self.links: list[Address] = []
        self.sending: tuple[Message, ...] = ()
        self.advice: tuple[Finding, ...] = ()
        self.advised: list[str] = []

    async def queue(self) -> tuple[QueueItem, ...]:
        open_ones = [c for c in self.cards.values() if c.handoff and not c.handoff.closed_at]
        items = [self._item(card) for card in open_ones]
        return tuple(sorted(items, key=lambda i: (-i.handoff.priority, i.waiting_since)))

    def _item(self, card: ContextCard) -> QueueItem:
        last = [m for m in card.messages if m.author == "customer"][-1]
        assert card.handoff
        return QueueItem(
            handoff=card.handoff,
            conversation=card.conversation,
            customer=card.customer,
            preview=last.text[:140],
            mood=last.understanding.emotion if last.understanding else Emotion(),
            waiting_since=card.handoff.created_at,
        )

    async def card(self, conversation: int) -> ContextCard:
        return self._known(conversation)

    def _known(self, conversation: int) -> ContextCard:
        if conversation not in self.cards:
            raise NotFound("no such conversation")
        return self.cards[conversation]

    async def claim(self, conversation: int, agent: Agent, *, epoch: int) -> ContextCard:
        now = self.clock.now()
        card = self._move(conversation, epoch, state="person", owner=agent)
        if card.handoff:
            handoff = card.handoff.replace(agent=agent, claimed_at=now)
            self.cards[conversation] = card = card.replace(handoff=handoff)
        return card.replace(on_its_way=self.sending)

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
        card = await self.card(conversation)
        owner = card.conversation.owner
        if owner is None or owner.id != agent.id:
            raise Conflict("someone else has it", card.conversation)
        if key in self.keys:
            return Accepted(turn=self.keys[key], duplicate=True)
        self.keys[key] = len(self.keys) + 1
        self.said.append((conversation, text, suggestion))
        self.by.append(via)
        self.add(conversation, "agent", text, agent=agent, status="sent")
        if card.suggestion and card.suggestion.id == suggestion:
            outcome = "sent" if card.suggestion.text == text else "edited"
            done = card.suggestion.replace(outcome=outcome, final=text)
            self.cards[conversation] = self.cards[conversation].replace(suggestion=done)
        return Accepted(turn=self.keys[key])

    async def note(self, conversation: int, agent: Agent, text: str) -> Message:
        return self.add(conversation, "agent", text, agent=agent, internal=True)

    async def resolve(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        return self._close(conversation, epoch, "resolved")

    async def hand_back(self, conversation: int, agent: Agent, *, epoch: int) -> Conversation:
        return self._close(conversation, epoch, "bot")

    def _close(self, conversation: int, epoch: int, state: str) -> Conversation:
        now = self.clock.now()
        card = self._move(conversation, epoch, state=state, owner=None, resolved_at=now)
        if card.handoff:
            handoff = card.handoff.replace(closed_at=now)
            self.cards[conversation] = card.replace(handoff=handoff)
        return card.conversation

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
        card = self._move(conversation, epoch, state="waiting", owner=None, tier=tier)
        self.transfers.append((tier, skills, reason))
        return card.conversation

    async def ignore_suggestion(self, suggestion: int, agent: Agent) -> None:
        for number, card in self.cards.items():
            if card.suggestion and card.suggestion.id == suggestion:
                self.ignored.append(suggestion)
                gone = card.suggestion.replace(outcome="ignored")
                self.cards[number] = card.replace(suggestion=gone)

    async def ask_proof(self, conversation: int, address: Address, agent: Agent) -> None:
        self._known(conversation)
        self.asked.append(address)

    async def link(self, conversation: int, address: Address, agent: Agent) -> ContextCard:
        self.links.append(address)
        return self._known(conversation)

    async def advise(self, conversation: int, text: str) -> tuple[Finding, ...]:
        await self.card(conversation)
        self.advised.append(text)
        return self.advice

    def add(self, conversation: int, author: str, text: str, **more: object) -> Message:
        """One more message, as if it had come just now; the desk is told."""
        card = self._known(conversation)
        number = max(m.id for c in self.cards.values() for m in c.messages) + 1
        fields = {"id": number, "conversation": conversation, "author": author, "text": text}
        message = Message(**fields, at=self.clock.now(), **more)
        self.cards[conversation] = card.replace(messages=(*card.messages, message))
        self.events.publish(Event(topic="desk", name="conversation", conversation=conversation))
        return message

    def _move(self, conversation: int, epoch: int, **changes: object) -> ContextCard:
        card = self._known(conversation)
        if card.conversation.epoch != epoch:
            raise Conflict("someone was faster", card.conversation)
        moved = card.conversation.replace(epoch=epoch + 1, **changes)
        self.cards[conversation] = card = card.replace(conversation=moved)
        self.events.publish(Event(topic="desk", name="conversation", conversation=conversation))
        return card


class Town:
    """A house whose desk, events, clock and files are the fakes above."""

    def __init__(self) -> None:
        self.clock, self.events, self.files = FakeClock(), FakeEvents(), FakeFiles()
        self.desk, self.mailbox = FakeDesk(self.events, self.clock), FakeMailbox()
        nobody = None
        self.services = Services(
            intake=nobody,
            files=self.files,
            mailbox=self.mailbox,
            events=self.events,
            desk=self.desk,
            clock=self.clock,
            voice=nobody,
            storage=MemoryStorage(),
            audit=MemoryAuditLog(self.clock),
            public_http=PublicNetworkHttp(),
            records=nobody,
        )


def peopled() -> Town:
    """The town on a busy afternoon: one detailed conversation (1), and others that wait."""
    town = Town()
    maria = _maria()
    town.desk.cards = {1: maria}
    for number, card in enumerate(_others(), start=2):
        town.desk.cards[number] = card
    return town


def _maria() -> ContextCard:
    said = [
        ("Hi! Where is my order 4471? It should have come on Thursday.", 41),
        ("That page just says “on its way” since Wednesday. That's not what I asked.", 33),
        ("I am so FRUSTRATED, this is the third time I write!!! It is a present.", 12),
        ("Hello?? Can a real person please look at this?", 9),
    ]  # fmt: skip
    moods = [
        felt(said[0][0], "calm", 0.2, 0.12, "order_status"),
        felt(said[1][0], "confused", 0.5, 0.42, "order_status", ("not what I asked", "not_helped")),
        felt(said[2][0], "frustrated", 0.88, 0.86, "order_status", ("FRUSTRATED", "shouting"),
             ("third time", "repetition"), ("!!!", "punctuation")),
        felt(said[3][0], "frustrated", 0.6, 0.7, "human_handoff", ("??", "punctuation"),
             ("real person", "asked_for_person")),
    ]  # fmt: skip
    automate = Route(action="automate")
    routes = [
        automate,
        Route(action="clarify", reasons=(Reason(code="bot_failed", detail="the answer missed"),)),
        Route(action="escalate", tier="front", skills=("orders",), priority=2, reasons=(
            Reason(code="strong_emotion", detail="frustrated, 0.88"),
            Reason(code="repeat_contact", detail="third contact about order status in 14 days"),
        )),
        Route(action="pass"),
    ]  # fmt: skip
    customer = [
        Message(id=i, conversation=1, author="customer", text=text, at=ago(minutes),
                understanding=mood, route=route)
        for i, (text, minutes), mood, route in zip((1, 3, 6, 10), said, moods, routes, strict=True)
    ]  # fmt: skip
    bot = [
        Message(id=2, conversation=1, author="bot", at=ago(40.9), status="read", purpose="answer",
                handler="faq", buttons=(Button(title="Track my order", payload="track"),
                                        Button(title="Something else", payload="else")),
                text="Happy to help. You can follow order 4471 with the link in your confirmation "
                     "mail; parcels usually take two to three working days.",
                applied=(AppliedRule(rule="opener.calm", before="", after="Happy to help."),
                         AppliedRule(rule="lexicon.avoid", before="utilise", after="use"))),
        Message(id=4, conversation=1, author="bot", at=ago(32.9), status="read", purpose="clarify",
                handler="fallback", text="I would like to get this right. Is the parcel late, or "
                "is the tracking page not working for you?"),
        Message(id=7, conversation=1, author="bot", at=ago(11.9), status="delivered",
                purpose="handover", handler="escalation",
                text="I am sorry that this has taken so long. I am handing you to a colleague who "
                "can look into the parcel itself. They see everything you wrote.",
                applied=(AppliedRule(rule="seriousness.no_cheer", before="Great news! I", after="I"),)),
    ]  # fmt: skip
    note = Message(id=9, conversation=1, author="agent", internal=True, agent=BEN, at=ago(10),
                   text="Carrier confirms: the parcel is lost in the depot. Express replacement "
                        "is possible until 16:00.")  # fmt: skip
    system = Message(id=8, conversation=1, author="system", internal=True, at=ago(11.8),
                     text="Handed to people: front, orders")  # fmt: skip
    return ContextCard(
        conversation=Conversation(id=1, address=Address(channel="webchat", value="v-81f3"),
                                  state="waiting", epoch=3, tier="front", language="en",
                                  opened_at=ago(41), intent="order_status"),
        customer=Customer(id=7, name="Maria Oliveira", language="en", ref="C-20931"),
        identities=(Address(channel="webchat", value="v-81f3"),
                    Address(channel="email", value="maria.oliveira@example.org"),
                    Address(channel="sms", value="+44 7700 900456")),
        linked=(LinkedAddress(id=4, address=Address(channel="sms", value="+44 7700 900456"), how="agent",
                       at=ago(8), agent=BEN),
                LinkedAddress(id=3, address=Address(channel="email", value="maria.oliveira@example.org"),
                       how="code", at=ago(5760))),
        handoff=Handoff(id=1, conversation=1, reasons=routes[2].reasons, tier="front",
                        skills=("orders",), priority=2, created_at=ago(12)),
        messages=tuple(sorted([*customer, *bot, note, system], key=lambda m: m.id)),
        earlier=(
            PastConversation(id=31, channel="email", opened_at=ago(5760), resolved_at=ago(5755),
                    intent="order_status", mood="anxious", score=2),
            PastConversation(id=24, channel="webchat", opened_at=ago(60 * 24 * 9), intent="order_status",
                    resolved_at=ago(60 * 24 * 9), mood="calm"),
            PastConversation(id=11, channel="webchat", opened_at=ago(60 * 24 * 120), intent="gift_cards",
                    resolved_at=ago(60 * 24 * 120), mood="pleased", score=5),
        ),
        facts=(Fact(name="order", value="4471, paid 15 November"),
               Fact(name="order_total", value="€ 64.90"), Fact(name="page", value="/orders/4471")),
        summary=("About order status: “Where is my order 4471? It should have come on Thursday.”",
                 "The bot answered once from the FAQ; it asked back once.",
                 "Mood went from calm to confused to frustrated."),
        suggestion=Suggestion(id=5, conversation=1, source="faq", at=ago(9),
                              text="Maria, I am sorry. Your order 4471 is late and I asked the "
                                   "carrier where it is. I will tell you today by 16:00 when it "
                                   "arrives."),
    )  # fmt: skip


def _others() -> list[ContextCard]:
    ana = Agent(id="desk:ana", name="Ana")
    return [
        _short("Tom Becker", "email", "Das Ladegerät ist heute Nacht sehr heiß geworden und es "
               "riecht verbrannt. Ist das gefährlich?", "urgent", 0.9, 4, ("harm",), 3,
               skills=("safety", "de"), files=(INVOICE,), subject="Ladegerät wird heiß"),
        _short(None, "sms", "I was charged twice for the same order, please cancel one",
               "anxious", 0.5, 26, ("sensitive_intent",), 1, value="+44 7700 900123"),
        _short("نور حداد", "webchat", "هل يمكنني تغيير عنوان التوصيل للطلب 4502؟", "calm", 0.1, 7,
               ("low_confidence",), 0),
        _short("Jules Martin", "email", "Merci pour votre réponse. La taille ne va pas, comment "
               "faire l'échange ?", "calm", 0.1, 64, ("asked_for_person",), 1, owner=ana,
               subject="Échange"),
        _short("Priya Nair", "webchat", "ok thanks, I'll wait for the mail then", "pleased", 0.6,
               95, ("plugin_failed", "out_of_scope", "low_confidence"), 0, owner=BEN),
    ]  # fmt: skip


def _short(  # noqa: PLR0917  (a table reads better without names)
    name: str | None,
    channel: str,
    text: str,
    label: str,
    strength: float,
    minutes: float,
    reasons: tuple[str, ...],
    priority: int,
    *,
    skills: tuple[str, ...] = (),
    owner: Agent | None = None,
    files: tuple[Attachment, ...] = (),
    subject: str | None = None,
    value: str = "someone",
) -> ContextCard:
    number = {None: 3, "Tom Becker": 2, "Jules Martin": 5, "Priya Nair": 6}.get(name, 4)
    message = Message(id=number * 100, conversation=number, author="customer", text=text,
                      at=ago(minutes), attachments=files,
                      understanding=felt(text, label, strength, strength, "unknown"))  # fmt: skip
    told = tuple(Reason(code=code) for code in reasons)
    return ContextCard(
        conversation=Conversation(id=number, address=Address(channel=channel, value=value), epoch=1,
                                  state="person" if owner else "waiting", owner=owner, tier="front",
                                  opened_at=ago(minutes), subject=subject),
        customer=Customer(id=number, name=name),
        identities=(Address(channel=channel, value=value),),
        handoff=Handoff(id=number, conversation=number, reasons=told, tier="front", skills=skills,
                        priority=priority, created_at=ago(minutes), agent=owner,
                        claimed_at=ago(minutes - 2) if owner else None),
        messages=(message,),
        earlier=(), facts=(), summary=(f"Wrote: “{text[:60]}”",), suggestion=None,
    )  # fmt: skip
