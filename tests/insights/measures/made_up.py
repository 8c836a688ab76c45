"""Made-up conversations for tests and benchmarks: every part that measures read, of known truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from gateway import (
    Address,
    Agent,
    AppliedRule,
    CaseRecord,
    Conversation,
    Emotion,
    Fact,
    Guess,
    Handoff,
    Language,
    Message,
    MoodLabel,
    Reason,
    Route,
    Suggestion,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    Understanding,
)

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AGENTS = tuple(Agent(id=f"desk:a{n}", name=f"Agent {n}") for n in range(8))
CHANNELS = ("webchat", "email", "sms", "telegram", "rest")
LANGUAGES = ("en", "en", "de", "fr", "es")
INTENTS = ("where_is_order", "return_item", "refund", "opening_hours", "damaged", "invoice",
           "change_address", "cancel", "warranty", "sizes", "payment", "account")  # fmt: skip
MOODS: tuple[MoodLabel, ...] = ("calm", "calm", "pleased", "confused", "anxious", "frustrated",
                                "angry", "urgent")  # fmt: skip


class CaseMaker:
    """Makes one conversation step by step. Times are seconds after it began."""

    def __init__(
        self,
        id: int = 1,
        *,
        opened: datetime = BEGIN,
        customer: int = 1,
        channel: str = "webchat",
        language: str = "en",
        intent: str | None = "refund",
        brand: str = "",
    ) -> None:
        self.opened = opened
        self._customer = customer
        self._conversation = Conversation(
            id=id,
            address=Address(channel=channel, value=f"c{customer}"),
            brand=brand,
            opened_at=opened,
            language=language,
            intent=intent,
        )
        self._messages: list[Message] = []
        self._handoffs: list[Handoff] = []
        self._suggestions: list[Suggestion] = []
        self._surveys: list[Survey] = []

    def at(self, seconds: float) -> datetime:
        return self.opened + timedelta(seconds=seconds)

    def customer(
        self, at: float, mood: MoodLabel = "calm", text: str = "Where is it?"
    ) -> CaseMaker:
        read = Understanding(
            language=Language(code="en", confidence=0.9),
            ranking=tuple(
                Guess(name=i, confidence=0.9 / (n + 1)) for n, i in enumerate(INTENTS[:5])
            ),
            emotion=Emotion(label=mood, intensity=0.6, distress=0.4),
            engines=("local",),
        )
        route = Route(action="automate")
        return self._add("customer", at, text, understanding=read, route=route, status="received")

    def bot(self, at: float, purpose: str = "answer", text: str = "It is on its way.",
            rules: tuple[str, ...] = (), **more: Any) -> CaseMaker:  # fmt: skip
        applied = tuple(AppliedRule(rule=rule, before="a", after="b") for rule in rules)
        return self._add("bot", at, text, purpose=purpose, applied=applied, **more)

    def agent(self, at: float, agent: Agent = AGENTS[0], text: str = "I am looking into it.",
              **more: Any) -> CaseMaker:  # fmt: skip
        return self._add("agent", at, text, agent=agent, **more)

    def hand_over(self, at: float, *reasons: str, tier: str = "front") -> CaseMaker:
        self._handoffs.append(
            Handoff(
                id=self._next(self._handoffs),
                conversation=self._conversation.id,
                reasons=tuple(Reason(code=code) for code in reasons),
                tier=tier,
                skills=(),
                priority=0,
                created_at=self.at(at),
            )
        )
        self._conversation = self._conversation.replace(state="waiting", tier=tier)
        return self

    def move_up(self, at: float, tier: str = "specialist") -> CaseMaker:
        open_one = self._handoffs[-1]
        self._handoffs[-1] = open_one.replace(closed_at=self.at(at))
        return self.hand_over(at, *(r.code for r in open_one.reasons), tier=tier)

    def claim(self, at: float, agent: Agent = AGENTS[0]) -> CaseMaker:
        self._handoffs[-1] = self._handoffs[-1].replace(agent=agent, claimed_at=self.at(at))
        self._conversation = self._conversation.replace(state="person", owner=agent)
        return self

    def close(self, at: float) -> CaseMaker:
        agent = self._handoffs[-1].agent
        self._handoffs[-1] = self._handoffs[-1].replace(closed_at=self.at(at))
        self._add("system", at, "resolved the conversation", internal=True, agent=agent)
        self._conversation = self._conversation.replace(
            state="resolved", owner=None, resolved_at=self.at(at)
        )
        return self

    def suggest(self, at: float, source: str = "faq", **more: Any) -> CaseMaker:
        self._suggestions.append(
            Suggestion(
                id=self._next(self._suggestions),
                conversation=self._conversation.id,
                text="It arrives on Monday.",
                source=source,
                at=self.at(at),
                **more,
            )
        )
        return self

    def survey(self, at: float, kind: Any = "csat", *, score: int | None = None,
               answered: float | None = None) -> CaseMaker:  # fmt: skip
        """``answered`` with a score: the customer's answer is a message of theirs, too."""
        self._add("bot", at, "How did it go?", purpose="survey")
        self._surveys.append(
            Survey(
                id=self._next(self._surveys),
                conversation=self._conversation.id,
                ask=SurveyQuestion(kind=kind),
                asked_at=self.at(at),
                answered_at=None if answered is None else self.at(answered),
                answer=None if answered is None else SurveyAnswer(score=score),
            )
        )
        return self if answered is None else self.customer(answered, text=str(score))

    def done(self) -> CaseRecord:
        moods = [m.understanding.emotion.label for m in self._messages if m.understanding]
        return CaseRecord(
            conversation=self._conversation,
            customer=self._customer,
            customer_name="Zoe",
            mood=moods[-1] if moods else "calm",
            messages=tuple(self._messages),
            handoffs=tuple(self._handoffs),
            suggestions=tuple(self._suggestions),
            surveys=tuple(self._surveys),
        )

    def _add(
        self, author: Any, at: float, text: str, *, status: Any = "sent", **more: Any
    ) -> CaseMaker:
        self._messages.append(
            Message(
                id=self._next(self._messages),
                conversation=self._conversation.id,
                author=author,
                text=text,
                at=self.at(at),
                status=status,
                **more,
            )
        )
        return self

    def _next(self, rows: list[Any]) -> int:
        return self._conversation.id * 100 + len(rows)


def any_case(random: Random, id: int, customer: int, opened: datetime) -> CaseRecord:
    """A conversation as a shop has them: six in ten end with the bot, the others with a person."""
    channel = random.choice(CHANNELS)
    make = CaseMaker(
        id,
        opened=opened,
        customer=customer,
        channel=channel,
        language=random.choice(LANGUAGES),
        intent=random.choice((*INTENTS, None)),
    )
    first = random.choice(MOODS)
    make.customer(0, first, "Hello, my order AB-12345 has not arrived and I need it on Friday.")
    facts = (Fact(name="segments", value="2"),) if channel == "sms" else ()
    if random.random() < 0.6:
        make.bot(1, rules=("greeting", "contractions"), facts=facts)
        make.customer(70, random.choice(MOODS), "Thanks, and when will it be here?")
        make.bot(71, rules=("contractions",), facts=facts)
        make.customer(140, random.choice(MOODS), "Ok, thanks.")
        return make.bot(141).done()
    agent = random.choice(AGENTS)
    make.bot(1, "handover", "A colleague will be with you shortly.")
    make.hand_over(1, random.choice(("emotion", "person", "legal", "low_confidence")))
    wait = random.lognormvariate(5, 1)
    if random.random() < 0.1:
        make.move_up(wait / 2)
    make.suggest(1, random.choice(("faq", "precedents")),
                 outcome=random.choice(("open", "sent", "ignored")), agent=agent)  # fmt: skip
    make.claim(wait, agent)
    for step in range(3):
        at = wait + 120 * (step + 1)
        make.agent(at, agent, "Zoe, I found the parcel with AB-12345, it will be there on Friday.",
                   facts=facts)  # fmt: skip
        make.customer(at + 60, random.choice(MOODS), "And what about the invoice?")
    end = wait + 600
    make.close(end)
    if random.random() < 0.4:
        answered = end + 4_000 if random.random() < 0.3 else None
        score = random.randint(1, 5)
        make.survey(end + 1_800, random.choice(("csat", "ces", "felt_heard")),
                    score=score, answered=answered)  # fmt: skip
    return make.done()
