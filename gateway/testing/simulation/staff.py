"""Agents: when they work, which conversation they take next, and what they write."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from gateway.model import Suggestion
from gateway.testing.simulation.contact import Contact
from gateway.testing.simulation.plants import (
    ConfoundedSorry,
    DriftingChannel,
    Effect,
    OverworkedAgent,
    RewrittenAnswer,
    TriggerPhrase,
)
from gateway.testing.simulation.scenario import Scenario, Worker
from gateway.testing.simulation.values import AgentAnswer, Claimed, QueuedCase
from gateway.testing.simulation.words import AgentWords, fill

DAY = 86_400.0
RECOVERY = 2700.0
"""Seconds without upset customers in which an agent's fatigue halves."""
TOO_TIRED = 0.6
BREAK = 900.0
GAP = "[…]"
"""Stands in a suggestion for what was personal in an earlier answer."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
LONG_WAIT = 2400.0
"""Seconds after which anybody takes a conversation, whatever its language."""
MOST_OPEN = 4
"""Conversations that an agent has at the same time."""


@dataclass(kw_only=True, eq=False)
class Case:
    """A conversation that an agent has. ``owes``: the customer waits for the agent."""

    claimed: Claimed
    contact: Contact
    claimed_at: float
    owes: bool = True
    answers: int = 0
    version: int = 0


@dataclass(kw_only=True, eq=False)
class AgentAtWork:
    """One agent at work. ``fatigue`` 0..1 rises with upset customers and falls with rest."""

    worker: Worker
    shifts: Sequence[tuple[float, float]]
    cases: dict[int, Case] = field(default_factory=dict)
    to_answer: deque[int] = field(default_factory=deque)
    busy: bool = False
    fatigue: float = 0.0
    fatigue_at: float = 0.0

    def at_work(self, at: float) -> bool:
        return any(begin <= at < end for begin, end in self.shifts)

    def rested(self, at: float) -> float:
        """The fatigue at this moment."""
        self.fatigue *= 0.5 ** ((at - self.fatigue_at) / RECOVERY)
        self.fatigue_at = at
        return self.fatigue

    def worked(self, at: float, *, upset: bool) -> None:
        """One answer was written."""
        more = 0.18 if upset else 0.03
        self.fatigue = min(1.0, self.rested(at) + more)


def shifts_of(worker: Worker, scenario: Scenario) -> list[tuple[float, float]]:
    """The shifts of ``worker``, in seconds from the start of the month."""
    zone = ZoneInfo(scenario.timezone)
    found = []
    for day in range(scenario.days):
        date = (scenario.start + timedelta(days=day)).astimezone(zone)
        if date.weekday() not in worker.days:
            continue
        midnight = date.replace(hour=0, minute=0, second=0, microsecond=0)
        begin, end = worker.shift
        if date.weekday() == 5:
            begin, end = max(begin, 9), min(end, 18)
        times = (midnight + timedelta(hours=begin), midnight + timedelta(hours=end))
        found.append(tuple((time - scenario.start).total_seconds() for time in times))
    return [(a, b) for a, b in found if b > a]


def choose_next(
    desk: AgentAtWork,
    waiting: Iterable[tuple[QueuedCase, Contact, float]],
    *,
    victim: AgentAtWork | None,
) -> tuple[QueuedCase, Contact] | None:
    """What ``desk`` takes next, most urgent first. Each of ``waiting`` comes with how long it has
    waited. ``victim``: the overworked agent, to whom the others leave those that are marked."""
    worker = desk.worker
    found: tuple[QueuedCase, Contact] | None = None
    for item, contact, waited in waiting:
        if contact.person.language not in worker.languages and waited < LONG_WAIT:
            continue
        if worker.tier == "front" and item.tier != "front" and waited < LONG_WAIT / 2:
            continue
        marked = OverworkedAgent.name in contact.planted
        if victim is desk and marked:
            return item, contact
        if marked and victim is not None and waited < 2 * LONG_WAIT:
            continue
        found = found or (item, contact)
    return found


@dataclass(kw_only=True)
class Writer:
    """Composes what agents write."""

    scenario: Scenario
    rng: random.Random

    def seconds(self, desk: AgentAtWork, contact: Contact) -> float:
        """How long an answer takes."""
        middle = 5.0 if contact.person.chats else 5.6
        return self.rng.lognormvariate(middle, 0.45) / desk.worker.pace

    def compose(
        self, desk: AgentAtWork, case: Case, suggestion: Suggestion | None, at: float
    ) -> AgentAnswer:
        """An answer to ``case``. What it says does not depend on whether it helps."""
        contact, worker, rng = case.contact, desk.worker, self.rng
        words = contact.words.agents
        fatigue = desk.rested(at)
        helpful = rng.random() < worker.skill
        if contact.matter.kind.order and case.answers == 0 and rng.random() < 0.09:
            text = f"{self._opener(words, contact, worker, fatigue)} {rng.choice(words.ask_order)}"
            return self._with_plants(
                AgentAnswer(text=self._fill(text, contact, worker), helpful=False, asks=True),
                desk, contact, at,
            )  # fmt: skip
        if suggestion is not None and case.answers == 0:
            answer = self._from_suggestion(desk, contact, suggestion, fatigue, at)
        else:
            answer = self._own(desk, contact, fatigue)
        return self._with_plants(answer.replace(helpful=helpful), desk, contact, at)

    # -- with and without a suggestion -------------------------------------------------------------

    def _from_suggestion(
        self, desk: AgentAtWork, contact: Contact, suggestion: Suggestion, fatigue: float, at: float
    ) -> AgentAnswer:
        rng, worker = self.rng, desk.worker
        base = AgentAnswer(
            text=suggestion.text,
            helpful=False,
            suggestion=suggestion.id,
            source=suggestion.source,
            outcome="sent",
        )
        rewrite = self.scenario.plant(RewrittenAnswer)
        if rewrite is not None and contact.matter.intent == rewrite.intent:
            contact.planted.add(RewrittenAnswer.name)
            if rng.random() < rewrite.share:
                own = self._own(desk, contact, fatigue)
                return base.replace(
                    text=own.text, human=own.human, outcome="edited", edit="rewrite"
                )
            return base
        chance = rng.random()
        trust = self._trust(worker, contact, at)
        if GAP in suggestion.text:  # an earlier answer with gaps for what was personal in it
            trust = 0.0
        if chance < trust:
            return base
        if chance < trust + (1 - trust) * 0.55:
            return self._edited(base, contact, worker, fatigue)
        own = self._own(desk, contact, fatigue)
        return base.replace(text=own.text, human=own.human, outcome="ignored")

    def _trust(self, worker: Worker, contact: Contact, at: float) -> float:
        """How likely the suggestion is sent as it is."""
        effect = self.scenario.plant(Effect)
        if effect is None or effect.measure != "suggestion_sent":
            return worker.trust
        if Effect.name not in contact.planted:
            return worker.trust
        return min(1.0, max(0.0, worker.trust + effect.points))

    def _edited(
        self, base: AgentAnswer, contact: Contact, worker: Worker, fatigue: float
    ) -> AgentAnswer:
        rng, words = self.rng, contact.words.agents
        edit = rng.choices(("tone", "length", "fact"), weights=(5, 2, 3))[0]
        human: tuple[str, ...] = ()
        text = base.text
        if GAP in text:
            sentences = [part for part in _SENTENCE.split(text) if GAP not in part]
            text = " ".join(sentences) or rng.choice(words.steps)
        if edit == "tone":
            opener = self._fill(self._opener(words, contact, worker, 0.0), contact, worker)
            human = ("name",) if contact.person.first_name in opener else ()
            text = f"{opener} {text}"
        elif edit == "length":
            kept = text.split(". ")
            text = ". ".join(kept[: max(1, len(kept) - 1)])
            text = text if text.endswith((".", "?", "!")) else f"{text}."
            if text.split() == base.text.split():  # one sentence: nothing to leave out
                text = f"{text} {rng.choice(words.closers)}"
                edit = "tone"
        else:
            fact = self._fill(rng.choice(words.facts), contact, worker)
            human = ("order",)
            text = f"{text} {fact} {rng.choice(words.steps)}"
        text = self._fill(text, contact, worker)
        return base.replace(text=text, human=human, outcome="edited", edit=edit)

    def _own(self, desk: AgentAtWork, contact: Contact, fatigue: float) -> AgentAnswer:
        """An answer of their own. Tired agents leave out what is not needed."""
        rng, worker, words = self.rng, desk.worker, contact.words.agents
        lively = 1 - 0.7 * fatigue
        parts: list[str] = []
        human: list[str] = []
        if rng.random() < 0.8 * lively:
            parts.append(self._opener(words, contact, worker, fatigue))
        if (
            contact.matter.kind.order
            and contact.told_order
            and rng.random() < worker.warmth * lively
        ):
            parts.append(rng.choice(words.facts))
            human.append("order")
        if contact.repeat_of is not None and rng.random() < worker.warmth * lively:
            parts.append(rng.choice(words.past))
            human.append("past_contact")
        topic = contact.words.topics.get(contact.matter.topic or "")
        parts.append(rng.choice(topic.answer if topic else words.steps))
        if rng.random() < 0.5 * lively:
            parts.append(rng.choice(words.tips))
        if rng.random() < 0.5 * lively:
            parts.append(rng.choice(words.closers))
        text = self._fill(" ".join(parts), contact, worker)
        if contact.person.first_name in text and contact.person.named:
            human.append("name")
        return AgentAnswer(text=text, helpful=False, human=tuple(human))

    def _opener(self, words: AgentWords, contact: Contact, worker: Worker, fatigue: float) -> str:
        kind = "upset" if contact.shown.upset else "plain"
        openers = words.openers[kind]
        if not contact.person.named:
            openers = tuple(opener for opener in openers if "{first}" not in opener) or openers
        return self.rng.choice(openers)

    # -- plants ------------------------------------------------------------------------------------

    def _with_plants(
        self, answer: AgentAnswer, desk: AgentAtWork, contact: Contact, at: float
    ) -> AgentAnswer:
        """``answer`` with the phrases that are planted."""
        if answer.outcome == "sent":
            return answer
        words, rng = contact.words.agents, self.rng
        for plant in self.scenario.plants:
            match plant:
                case TriggerPhrase() if (
                    self._speaks(desk.worker, plant) and rng.random() < plant.share
                ):
                    answer = _with_phrase(answer, rng.choice(words.trigger), plant.name, end=True)
                    answer = answer.replace(harm=rng.gauss(plant.harm, 0.15))
                case ConfoundedSorry() if rng.random() < (
                    plant.share if contact.shown.upset else 0.04
                ):
                    answer = _with_phrase(answer, rng.choice(words.sorry), plant.name, end=False)
                case DriftingChannel() if contact.person.address.channel == plant.channel:
                    days = at / DAY - plant.after
                    if days > 0 and rng.random() < plant.share * min(1.0, days / 4):
                        drift = rng.choice(words.drift)
                        answer = _with_phrase(answer, drift, plant.name, end=rng.random() < 0.5)
                case _:
                    pass
        contact.planted.update(answer.uses)
        return answer

    def _speaks(self, worker: Worker, plant: TriggerPhrase) -> bool:
        return worker in self.scenario.staff[: plant.speakers]

    def _fill(self, template: str, contact: Contact, worker: Worker) -> str:
        values = {
            "agent": worker.name,
            "first": contact.person.first_name,
            "name": contact.person.name,
            "order": contact.matter.order,
        }
        return fill(template, values, contact.words.fills, self.rng)


def _with_phrase(answer: AgentAnswer, phrase: str, plant: str, *, end: bool) -> AgentAnswer:
    text = f"{answer.text} {phrase}" if end else f"{phrase} {answer.text}"
    outcome, edit = answer.outcome, answer.edit
    return answer.replace(text=text, uses=(*answer.uses, plant), outcome=outcome, edit=edit)
