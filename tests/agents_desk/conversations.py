"""A busy afternoon on a real gateway: conversations that show everything a desk page can show.

The story is played once per test session, through the gateway's own pipeline and desk. Each test
starts a gateway on a copy of the resulting data directory, at the time `NOW`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway import (
    Address,
    Agent,
    AppliedRule,
    AuditEntry,
    Button,
    Context,
    Cue,
    Emotion,
    Fact,
    File,
    Finding,
    Guess,
    Inbound,
    Insight,
    Language,
    MoodLabel,
    Reason,
    Records,
    RenderContext,
    Rendered,
    Reply,
    Settings,
    SurveyAnswer,
    SurveyQuestion,
    Turn,
    hookimpl,
)
from gateway.testing import FakeChannel, FakeHandler, PlainVoice, RunningGateway, running
from plugins import agents_desk

NOW = datetime(2026, 11, 23, 14, 20, tzinfo=UTC)
ANA = Agent(id="desk:ana", name="Ana")
BEN = Agent(id="desk:ben", name="Ben")

PRIYA, JULES, MARIA, PHONE, NOUR, TOM = 3, 4, 5, 6, 7, 8
"""Ids of the open conversations, in the order in which they began. Maria's is the detailed one;
her two earlier ones are 1 and 2. Ben has Priya's, Ana has Jules's, the others wait."""
WAITING = (TOM, MARIA, PHONE, NOUR)
"""The waiting ones, most urgent first."""

WEBCHAT = Address(channel="webchat", value="v-81f3")
EMAIL = Address(channel="email", value="maria.oliveira@example.org")
SMS = Address(channel="sms", value="+44 7700 900456")
"""Maria's addresses: Ben linked the last two."""

INVOICE = File(
    name="Rechnung März.pdf",
    media_type="application/pdf",
    data=b"%PDF-1.7 <script>alert(1)</script>",
)
INVOICE_DIGEST = hashlib.sha256(INVOICE.data).hexdigest()
SUGGESTION = (
    "Maria, I am sorry. Your order 4471 is late and I am asking the carrier where it is. I will "
    "tell you today by 16:00 when it arrives."
)

POLICY = """
tiers:
  front: {claim_minutes: 100000, next: specialist}
  specialist: {claim_minutes: 100000}
skills:
  intents: {order_status: [orders], product_safety: [safety]}
  languages: {de: [german]}
reasons:
  bot_failed: {enabled: false}
  language: {enabled: false}
  low_confidence: {enabled: false}
  out_of_scope: {enabled: false}
  survey_unsolved: {enabled: false}
"""

HANDOVER = "A colleague will answer you."
EARLIER = "Hello again! Where is my other order?"
LATE = "My order 4398 has not come. Should I be worried?"
RATING = "2, and I am still worried"
WHERE = "Hi! Where is my order 4471? It should have come on Thursday."
STILL = "That page just says “on its way” since Wednesday. That's not what I asked."
THIRD = "I am so FRUSTRATED, this is the third time I write!!! It is a present."
HELLO = "Hello?? Can a real person please look at this?"
BURNT = (
    "Das Ladegerät ist heute Nacht sehr heiß geworden und es riecht verbrannt. Ist das gefährlich?"
)
CHARGED = "I was charged twice for the same order, please cancel one"
MOVED = "هل يمكنني تغيير عنوان التوصيل للطلب 4502؟"
EXCHANGE = "Merci pour votre réponse. La taille ne va pas, comment faire l'échange ?"
THANKS = "ok thanks, I'll wait for the mail then"
TRACKING = (
    "You can follow order 4471 with the link in your confirmation mail; parcels usually take two "
    "to three working days."
)
HOURS = "When do you open?"
"""A question that the bot answers by itself."""


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


class JumpClock:
    """A clock that a test sets. Everyone whose sleep is over wakes once, however far it jumps."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        end = self._now + timedelta(seconds=seconds)
        await asyncio.sleep(0)
        while self._now < end:
            await self._moved.wait()

    def advance(self, seconds: float) -> None:
        self.set(self._now + timedelta(seconds=seconds))

    def set(self, now: datetime) -> None:
        self._now = now
        self._moved.set()
        self._moved = asyncio.Event()


def cue(text: str, part: str, kind: str) -> Cue:
    start = text.index(part)
    return Cue(kind=kind, text=part, start=start, end=start + len(part))


def insight(
    text: str,
    intent: str,
    label: MoodLabel = "calm",
    intensity: float = 0.2,
    distress: float = 0.1,
    *,
    language: str = "en",
    cues: Sequence[tuple[str, str]] = (),
    signals: Sequence[tuple[str, str]] = (),
) -> Insight:
    """What the understander says of ``text``; cues and signals are given as (part, kind)."""
    return Insight(
        language=Language(code=language, confidence=0.98),
        ranking=(Guess(name=intent, confidence=0.83), Guess(name="other", confidence=0.09)),
        emotion=Emotion(
            label=label,
            intensity=intensity,
            distress=distress,
            cues=tuple(cue(text, part, kind) for part, kind in cues),
        ),
        signals=tuple(cue(text, part, kind) for part, kind in signals),
    )


INSIGHTS = {
    EARLIER: insight(EARLIER, "order_status", "pleased", 0.4, 0.0),
    LATE: insight(LATE, "order_status", "anxious", 0.5, 0.4),
    RATING: insight(RATING, "order_status", "anxious", 0.5, 0.4),
    WHERE: insight(WHERE, "delivery_time", "calm", 0.2, 0.12),
    STILL: insight(STILL, "delivery_time", "confused", 0.5, 0.42,
                   signals=[("not what I asked", "not_helped")]),
    THIRD: insight(THIRD, "order_status", "frustrated", 0.88, 0.86,
                   cues=[("FRUSTRATED", "shouting"), ("third time", "repetition"),
                         ("!!!", "exclaiming")]),
    HELLO: insight(HELLO, "human_handoff", "frustrated", 0.6, 0.7, cues=[("??", "questioning")],
                   signals=[("real person", "asked_for_person")]),
    BURNT: insight(BURNT, "product_safety", "urgent", 0.9, 0.9, language="de",
                   signals=[("verbrannt", "harm"), ("gefährlich", "harm")]),
    CHARGED: insight(CHARGED, "billing_dispute", "anxious", 0.5, 0.5),
    MOVED: insight(MOVED, "change_address", language="ar"),
    EXCHANGE: insight(EXCHANGE, "exchange", language="fr"),
    THANKS: insight(THANKS, "thanks", "pleased", 0.6, 0.0),
}  # fmt: skip


class ScriptedUnderstander:
    """Understands the texts of the story; everything else is calm small talk."""

    name, priority = "scripted", 1

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        texts = [turn.message.text for turn in turns]
        return [INSIGHTS.get(text) or insight(text, "other") for text in texts]

    @hookimpl
    def register_understanders(self, register: Any, settings: Settings) -> None:
        register(self)


class EarlierConversations:
    """Gives routing the customer's earlier conversations, so that it can count repeat contacts."""

    name = "earlier"

    async def gather(self, turn: Turn, records: Records) -> Context:
        return Context(earlier=await records.earlier(turn.customer.id))

    @hookimpl
    def register_context(self, register: Any, settings: Settings) -> None:
        register(self)


class Survey(FakeHandler):
    """Asks for a rating when Ben resolves Maria's second conversation, and reads the answer."""

    def __init__(self) -> None:
        super().__init__(self._survey, name="survey", priority=10)

    def _survey(self, turn: Turn) -> Reply | None:
        if turn.kind == "event" and turn.name == "resolved" and turn.conversation.id == 2:
            ask = SurveyQuestion(kind="csat", scale="number")
            return Reply(body=("How was it, 1 to 5?",), purpose="survey", survey=ask)
        answered = turn.survey_answer is not None
        return Reply(body=("Thank you.",), purpose="thanks") if answered else None

    def read_answer(self, turn: Turn) -> SurveyAnswer | None:
        return SurveyAnswer(score=2) if turn.message.text == RATING else None


class Answers(FakeHandler):
    """Answers from the FAQ, and suggests an answer to Maria's last message."""

    async def suggest(self, turn: Turn) -> Reply | None:
        return Reply(body=(SUGGESTION,)) if turn.message.text == HELLO else None


def faq(turn: Turn) -> Reply | None:
    if turn.kind != "message" or turn.route.action == "escalate":
        return None
    if turn.message.text == HOURS:
        return Reply(body=("We open at nine.",))
    if turn.message.text in (EARLIER, LATE):
        return Reply(body=("It is on its way.",))
    if turn.message.text != WHERE:
        return None
    return Reply(
        body=(TRACKING,),
        buttons=(
            Button(title="Track my order", payload="track"),
            Button(title="Something else", payload="else"),
        ),
    )


def clarify(turn: Turn) -> Reply | None:
    if turn.message.text != STILL:
        return None
    question = (
        "I would like to get this right. Is the parcel late, or is the tracking page not working "
        "for you?"
    )
    return Reply(body=(question,), purpose="clarify")


def hand_over(turn: Turn) -> Reply | None:
    """Everything that nobody else answers goes to a person."""
    if turn.kind != "message":
        return None
    codes = {
        MOVED: ("low_confidence",),
        THANKS: ("plugin_failed", "out_of_scope", "low_confidence"),
    }.get(turn.message.text, ("asked_for_person",))
    words = HANDOVER
    if turn.message.text == THIRD:
        words = (
            "I am sorry that this has taken so long. I am handing you to a colleague who can look "
            "into the parcel itself. They see everything you wrote."
        )
    return Reply(
        body=(words,),
        purpose="handover",
        escalate=tuple(Reason(code=code) for code in codes),
    )


class ScriptedVoice(PlainVoice):
    """Reports changes for two replies of the story, and gives ``findings`` as advice."""

    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.linted: list[str] = []

    def render(self, reply: Reply, context: RenderContext) -> Rendered:
        rendered = super().render(reply, context)
        text = " ".join(reply.body)
        if "order 4471 with" in text:
            applied: tuple[AppliedRule, ...] = (
                AppliedRule(rule="opener.calm", before="", after="Happy to help."),
                AppliedRule(rule="lexicon.avoid", before="utilise", after="use"),
            )
            return rendered.replace(applied=applied)
        if "sorry that this" in text:
            applied = (AppliedRule(rule="seriousness.no_cheer", before="Great news! I", after="I"),)
            return rendered.replace(applied=applied)
        return rendered

    def lint(self, text: str, context: RenderContext) -> tuple[Finding, ...]:
        self.linted.append(text)
        return self.findings


class DeskGateway:
    """A running gateway with the desk, and the parts that tests control."""

    def __init__(self, clock: JumpClock | None = None, *, plugins: Sequence[object] = ()) -> None:
        self.clock = clock or JumpClock()
        self.voice = ScriptedVoice()
        self.channels = {name: FakeChannel(name) for name in ("webchat", "email", "sms")}
        self._plugins = (
            agents_desk,
            ScriptedUnderstander(),
            EarlierConversations(),
            Survey(),
            Answers(faq, name="faq", priority=20),
            FakeHandler(clarify, name="fallback", priority=30),
            FakeHandler(hand_over, name="escalation", priority=90),
            self.voice,
            *self.channels.values(),
            *plugins,
        )
        self.desk_settings: dict[str, Any] = {"undo_send": 0}
        self.plugin_settings: dict[str, Any] = {}
        self._running: RunningGateway | None = None

    @property
    def running(self) -> RunningGateway:
        assert self._running
        return self._running

    @property
    def services(self) -> Any:
        return self.running.services

    @property
    def desk(self) -> Any:
        """The real desk; tests may replace methods of it."""
        return self.running.services.desk

    @property
    def url(self) -> str:
        return self.running.url

    @asynccontextmanager
    async def start(
        self,
        folder: Path,
        users: Sequence[dict[str, Any]],
        settings: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[None]:
        """Run on the data directory ``folder``/var, with these ``settings`` of the desk."""
        policy = folder / "policy.yaml"
        policy.write_text(POLICY, "utf-8")
        own = self.desk_settings | dict(settings or {})
        desk = {"users": list(users), "skills": ["orders", "billing"], **own}
        config = {
            "policy": str(policy),
            "limits": {"text": 2000},
            "plugins": {"agents_desk": desk, **self.plugin_settings},
        }
        async with running(
            *self._plugins, config=config, tmp_path=folder, clock=self.clock
        ) as self._running:
            yield

    async def write(self, address: Address, text: str, **fields: Any) -> None:
        """The customer at ``address`` writes, and everything that follows is finished."""
        inbound = Inbound(address=address, text=text, at=self.clock.now(), **fields)
        await self.running.services.intake.accept(inbound)
        await self.running.settled()

    async def claim(self, conversation: int, agent: Agent) -> None:
        """``agent`` claims it, whoever has it."""
        card = await self.desk.card(conversation)
        await self.desk.claim(conversation, agent, epoch=card.conversation.epoch)

    async def owner(self, conversation: int) -> str | None:
        """The id of the agent who has it."""
        owner = (await self.desk.card(conversation)).conversation.owner
        return owner.id if owner else None

    async def sent_answers(self, conversation: int = MARIA) -> list[str]:
        """What people have answered, once everything is sent."""
        await self.running.settled()
        messages = (await self.desk.card(conversation)).messages
        return [m.text for m in messages if m.author == "agent" and not m.internal]

    async def suggestion(self) -> tuple[str, str | None]:
        """What happened to the suggestion for Maria, and the text that was sent instead of it."""
        export: Any = await self.running.gateway.store.customers.export(WEBCHAT)
        [suggestion] = export["suggestions"]
        return suggestion["outcome"], suggestion["final"]

    async def message(self, text: str, conversation: int = MARIA) -> int:
        """The id of the message that contains ``text``."""
        card = await self.desk.card(conversation)
        found: int = next(m.id for m in card.messages if text in m.text)
        return found

    async def state(self) -> list[Any]:
        """Everything about all conversations, to compare before and after."""
        return [await self.desk.card(number) for number in range(1, TOM + 1)]

    async def audit(self) -> list[AuditEntry]:
        """The audit log of this test, oldest first."""
        lines = await self.running.services.audit.lines(since=NOW)
        return list(reversed(lines))


async def play(folder: Path) -> None:
    """Play the story into the data directory ``folder``/var."""
    clock = JumpClock(ago(9 * 24 * 60))
    gw = DeskGateway(clock)
    async with gw.start(folder, ()):
        await gw.write(WEBCHAT, EARLIER, name="Maria Oliveira", ref="C-20931")
        await _resolve(gw, 1)
        clock.set(ago(4 * 24 * 60))
        await gw.write(WEBCHAT, LATE)
        await _resolve(gw, 2)
        await gw.write(WEBCHAT, RATING)
        clock.set(ago(95))
        await gw.write(Address(channel="webchat", value="v-priya"), THANKS, name="Priya Nair")
        await gw.claim(PRIYA, BEN)
        clock.set(ago(64))
        jules = Address(channel="email", value="jules@example.org")
        await gw.write(jules, EXCHANGE, name="Jules Martin", subject="Échange")
        await gw.claim(JULES, ANA)
        clock.set(ago(41))
        facts = (
            Fact(name="order", value="4471, paid 15 November"),
            Fact(name="order_total", value="€ 64.90"),
        )
        await gw.write(WEBCHAT, WHERE, facts=facts)
        clock.set(ago(33))
        await gw.write(WEBCHAT, STILL)
        clock.set(ago(26))
        await gw.write(Address(channel="sms", value="+44 7700 900123"), CHARGED)
        clock.set(ago(12))
        await gw.write(WEBCHAT, THIRD)
        clock.set(ago(10))
        note = "Carrier confirms: the parcel is lost in the depot. Express replacement is possible."
        await gw.desk.note(MARIA, BEN, note)
        clock.set(ago(9))
        await gw.write(WEBCHAT, HELLO)
        clock.set(ago(8))
        await gw.desk.link(MARIA, EMAIL, BEN)
        await gw.desk.link(MARIA, SMS, BEN)
        clock.set(ago(7))
        await gw.write(Address(channel="webchat", value="v-nour"), MOVED, name="نور حداد")
        clock.set(ago(4))
        invoice = await gw.services.files.keep(INVOICE)
        tom = Address(channel="email", value="tom@example.org")
        await gw.write(
            tom, BURNT, name="Tom Becker", subject="Ladegerät wird heiß", attachments=(invoice,)
        )
        clock.set(NOW - timedelta(seconds=1))


async def _resolve(gw: DeskGateway, conversation: int) -> None:
    await gw.claim(conversation, BEN)
    card = await gw.desk.card(conversation)
    await gw.desk.resolve(conversation, BEN, epoch=card.conversation.epoch)
    await gw.running.settled()
