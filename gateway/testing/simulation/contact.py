"""Contacts: a pure state machine that hears what the shop says and decides what to say next.

Nothing here reads a clock, a network or a database. All chance comes from the random numbers of the
contact, so that a contact goes the same way whatever happens to others.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.testing.simulation.customers import Matter, Person
from gateway.testing.simulation.moods import Mood
from gateway.testing.simulation.speech import Speech
from gateway.testing.simulation.values import AgentAnswer, Heard, Say
from gateway.testing.simulation.words import Words

ContactState = Literal["new", "bot", "waits", "person", "done", "left"]
DAY = 86_400.0
AWAY = 26 * 3600.0
"""Seconds after which a customer comes back at the earliest: the shop's conversation is over."""


@dataclass(kw_only=True, eq=False)
class Contact:
    """A customer with a matter. ``pending`` is what they will say next; ``version`` changes with
    it. ``feeling`` is the true one; what their words show of it is a `Mood`."""

    number: int
    person: Person
    matter: Matter
    rng: random.Random
    feeling: float
    survey_rate: float
    repeat_of: Contact | None = None
    planted: set[str] = field(default_factory=set)
    lifts_survey: float = 0.0
    """The share of low scores that become high ones (below 0: of high ones that become low)."""
    state: ContactState = "new"
    solved: bool | None = None
    pending: Say | None = None
    version: int = 0
    told_order: bool = False
    waits_since: float | None = None
    tries: int = 0
    rounds: int = 0
    bothered: float = 0.0
    """How much having to repeat themselves still bothers them."""
    touched: bool = False
    """Whether an agent had a human moment for them."""
    conversation: int = 0
    opened: float = 0.0
    last_at: float = 0.0
    decided: bool = False
    """Whether it is decided if they come back; ``comes``: they will."""
    comes: bool = False
    speech: Speech = field(init=False)

    def __post_init__(self) -> None:
        self.speech = Speech(
            person=self.person, matter=self.matter, rng=self.rng, feeling=self.feeling
        )

    @property
    def words(self) -> Words:
        return self.speech.words

    @property
    def shown(self) -> Mood:
        """The mood that the customer's last message showed."""
        return self.speech.shown

    @property
    def over(self) -> bool:
        return self.state in ("done", "left")

    # -- what the shop does ------------------------------------------------------------------------

    def open(self, at: float) -> Say:
        """The first message."""
        self.state, self.opened, self.last_at = "bot", at, at
        if self.matter.vague:
            text = self.rng.choice(self.words.vague)
            return self._say(text, confidence=0.4, first=True)
        text = self.matter.body
        if self.matter.kind.order and self.rng.random() < 0.5:
            text = f"{text} {self.rng.choice(self.words.with_order)}"
            self.told_order = True
        signals = ("asked_for_person",) if self.matter.hard else ()
        if signals:
            text = f"{text} {self.rng.choice(self.words.ask_person)}"
        return self._say(text, first=True, signals=signals)

    def hear(self, heard: Heard, at: float) -> None:
        """The bot said something."""
        self.last_at = at
        if heard.survey is not None or heard.purpose == "survey":
            return self._asked(at)
        match heard.purpose:
            case "answer" | "message":
                if self.state == "bot":
                    self._answered_by_bot(heard)
            case "clarify" if self.state == "bot":
                self._asked_back(heard)
            case "fallback" if self.state == "bot":
                self._feel(-0.12)
                self._go_on(again=0.4, person=0.4)
            case "handover":
                self._handed_over(at)
        return None

    def answered(self, answer: AgentAnswer, at: float) -> None:
        """An agent wrote."""
        self.last_at, self.state = at, "person"
        self.rounds += 1
        if self.waits_since is not None:
            self._feel(-self._impatience(at - self.waits_since))
            self.waits_since = None
        if answer.human:
            self.touched = True
        if answer.asks:
            return self._asked_for_order(at)
        if answer.helpful:
            self.feeling += 0.45 * max(0.0, 0.45 - self.feeling)
            self._feel(0.05 - answer.harm)
            self.solved = True
            likely = 0.75 if self.person.chats else 0.5
            return self._plan(
                self.speech.thanks(self.feeling) if self.rng.random() < likely else None
            )
        self._feel(-0.15 - answer.harm)
        self.solved = False
        if self.rounds >= 4 or self.rng.random() < 0.2:
            return self._plan(None)
        say = self._say(self.rng.choice(self.words.unhelped), kind="detail", moody=0.6)
        return self._wait(say, at)

    def said(self, say: Say, at: float) -> None:
        """What was pending is written now."""
        self.last_at, self.pending = at, None
        if say.kind == "thanks" and self.state == "bot":
            self.state = "done"

    def claimed(self) -> None:
        self.state = "person"

    def resolved(self, at: float) -> None:
        """The agent closed the conversation."""
        if self.pending is not None and self.pending.kind not in ("survey", "thanks"):
            self.solved = False
        self.state, self.last_at = "done", at
        self._plan(None)

    def comes_back(self) -> float | None:
        """Seconds until the customer writes about the same matter again; None: never."""
        if self.matter.intent in ("praise",):
            return None
        likely = self.matter.kind.repeats if not self.solved else 0.04
        if self.repeat_of is not None:
            likely *= 0.6
        if self.rng.random() >= likely:
            return None
        return AWAY + self.rng.lognormvariate(0.6, 0.8) * DAY

    # -- what the customer makes of it -------------------------------------------------------------

    def _answered_by_bot(self, heard: Heard) -> None:
        if heard.about == self.matter.intent:
            settled = self.matter.easy or self.rng.random() < self.matter.kind.settled
            if settled and not self.matter.hard:
                self._feel(0.15)
                self.solved = True
                thanks = self.rng.random() < 0.4
                self._plan(self.speech.thanks(self.feeling) if thanks else None)
                if not thanks:
                    self.state = "done"
                return
            self._feel(-0.2)
            self._go_on(again=0.15, person=0.6)
            return
        self._feel(-0.2)
        self._go_on(again=0.5, person=0.3)

    def _asked_back(self, heard: Heard) -> None:
        if heard.asks_details:
            knows = self.rng.random() < 0.85
            text = self.rng.choice(self.words.give_order if knows else self.words.no_order)
            self.told_order = self.told_order or knows
            return self._plan(self._say(text, kind="detail", moody=0.0))
        self.matter = self.matter.replace(vague=False)
        chosen = self.rng.random()
        if chosen < 0.15:
            return self._leave()
        return self._plan(self._say(self.rng.choice(self.matter.bodies), moody=0.3))

    def _go_on(self, *, again: float, person: float) -> None:
        """Try once more, ask for a person, or give up."""
        self.tries += 1
        self.solved = False
        chosen = self.rng.random()
        if self.tries >= 3:
            chosen = again + self.rng.random() * (1 - again)
        if chosen < again:
            body = self.rng.choice(self.matter.bodies)
            text = self.rng.choice(self.words.again).replace("{body}", self.speech.fill(body))
            return self._plan(self._say(text, signals=("not_helped",) if self.tries > 1 else ()))
        if chosen < again + person:
            text = self.rng.choice(self.words.ask_person)
            if self.rng.random() < 0.5:
                text = f"{self.rng.choice(self.words.not_helped)} {text}"
            return self._plan(self._say(text, signals=("asked_for_person",), moody=0.4))
        return self._leave()

    def _leave(self) -> None:
        self.state, self.solved = "left", False
        self._plan(None)

    def _handed_over(self, at: float) -> None:
        self.state, self.decided = "waits", False
        self._wait(None, at)

    def _wait(self, say: Say | None, at: float) -> None:
        """From now, or from what they say next, the customer waits for a person."""
        self.waits_since = at + (say.after if say else 0.0)
        if say is None and self.person.chats:
            silence = 600 + 2400 * self.person.lenience
            text = self.rng.choice(self.words.waiting)
            if self.rng.random() < 0.3:
                say = self._say(text, kind="waiting").replace(after=silence)
        self._plan(say)

    def _asked_for_order(self, at: float) -> None:
        if not self.told_order:
            knows = self.rng.random() < 0.8
            self.told_order = knows
            text = self.rng.choice(self.words.give_order if knows else self.words.no_order)
            return self._wait(self._say(text, kind="detail", moody=0.1), at)
        self._feel(-0.06)
        self.bothered += 0.5
        text = self.rng.choice(self.words.order_again)
        return self._wait(self._say(text, kind="detail", moody=0.2).replace(again=True), at)

    def _asked(self, at: float) -> None:
        """A survey question came."""
        likely = self.survey_rate * self.person.answers_surveys
        likely *= 1.35 if abs(self.feeling) > 0.45 else 1.0
        likely *= 0.75 if -0.45 <= self.feeling < 0 else 1.0
        if self.rng.random() >= likely:
            return
        value = 3.5 + 1.9 * self.feeling + (0.35 if self.touched else 0.0) - self.bothered
        if self.solved is False:
            value -= 0.8
        score = min(5, max(1, round(value + self.rng.gauss(0, 0.7))))
        score = self._lifted(score)
        self._plan(self.speech.score(score))

    def _lifted(self, score: int) -> int:
        """The score under the planted effect."""
        chance = self.rng.random()
        if self.lifts_survey > 0 and score < 4 and chance < self.lifts_survey:
            return 4
        if self.lifts_survey < 0 and score >= 4 and chance < -self.lifts_survey:
            return 3
        return score

    # -- moods ---------------------------------------------------------------------------

    def _feel(self, change: float) -> None:
        self.feeling = min(1.0, max(-1.0, self.feeling + change + self.rng.gauss(0, 0.1)))

    def _impatience(self, waited: float) -> float:
        """How much the mood falls in ``waited`` seconds."""
        hours = waited / 3600 / (1 if self.person.chats else 8)
        return min(0.35, 0.25 * hours) * (1.3 - 0.6 * self.person.lenience)

    def _say(self, text: str, **more: Any) -> Say:
        """As `Speech.say`."""
        return self.speech.say(text, self.feeling, **more)

    def _plan(self, say: Say | None) -> None:
        self.pending = say
        self.version += 1
