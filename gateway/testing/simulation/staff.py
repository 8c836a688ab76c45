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
from gateway.support.statements import GAP_IN_DRAFT
from gateway.testing.simulation.contact import Contact
from gateway.testing.simulation.plants import (
    ConfoundedSorry,
    DriftingChannel,
    Effect,
    OverworkedAgent,
    RewrittenAnswer,
    TriggerPhrase,
)
from gateway.testing.simulation.scenario import EARLY, LATE, SATURDAY, WHOLE_DAY, Scenario, Worker
from gateway.testing.simulation.values import AgentAnswer, Claimed, Edit, QueuedCase
from gateway.testing.simulation.words import AgentWords, fill, with_typo

DAY = 86_400.0
RECOVERY = 2700.0
"""Seconds without upset customers in which an agent's fatigue halves."""
TOO_TIRED = 0.6
BREAK = 900.0
_SMALL_NUMBER = re.compile(r"(?<![\w.,:–-])[1-9]\d?(?![\w.,:–-]*\d)(?=\s)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
LONG_WAIT = 2400.0
"""Seconds after which anybody takes a conversation, whatever its language."""
DETAILS = ("product", "day")
"""What agents may take up of a customer's words."""
ASKS_AGAIN = 0.09
"""The share of first answers that ask for the order number, whether or not it was told."""
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


def shifts_of(
    worker: Worker, scenario: Scenario, *, overworked: bool = False
) -> list[tuple[float, float]]:
    """The shifts of ``worker``, in seconds from the start of the month."""
    zone = ZoneInfo(scenario.timezone)
    found = []
    for day in range(scenario.days + 1):  # where it begins at noon, it ends at noon
        date = (scenario.start + timedelta(days=day)).astimezone(zone)
        days = range(6) if overworked else worker.days
        if date.weekday() not in days:
            continue
        late = (date.isocalendar().week + worker.late_first) % 2 == 1
        hours = WHOLE_DAY if overworked else LATE if late else EARLY
        begin, end = SATURDAY if date.weekday() == 5 else hours
        midnight = date.replace(hour=0, minute=0, second=0, microsecond=0)
        times = [midnight + timedelta(hours=hour) for hour in (begin, end)]
        found.append((scenario.seconds(times[0]), scenario.seconds(times[1])))
    return found


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
        if contact.matter.kind.order and case.answers == 0 and rng.random() < ASKS_AGAIN:
            question = f"{self._opener(words, contact)} {rng.choice(words.ask_order)}"
            text = self._fill(question, contact, worker)
            answer = AgentAnswer(text=text, helpful=False, asks=True)
            if suggestion is not None:
                answer = answer.replace(
                    suggestion=suggestion.id, source=suggestion.source, outcome="ignored"
                )
        elif suggestion is not None:
            answer = self._from_suggestion(desk, contact, suggestion, fatigue, at)
        else:
            answer = self._own(desk, contact, fatigue)
        answer = self._with_plants(answer, desk, contact, at)
        return answer.replace(helpful=helpful, human=human_moments(answer.text, contact))

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
                return base.replace(text=own.text, outcome="edited", edit="rewrite")
            if not GAP_IN_DRAFT.search(base.text):
                return base
        chance = rng.random()
        trust = self._trust(worker, contact, at)
        if GAP_IN_DRAFT.search(suggestion.text):  # nobody may send it as it is
            trust = 0.0
        if chance < trust:
            return base
        if chance < trust + (1 - trust) * 0.55:
            return self._edited(base, contact, worker, fatigue)
        own = self._own(desk, contact, fatigue)
        return base.replace(text=own.text, outcome="ignored")

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
        edits: tuple[Edit, ...] = ("tone", "length", "fact", "typo")
        edit = rng.choices(edits, weights=(5, 2, 3, 1))[0]
        text = base.text
        if GAP_IN_DRAFT.search(text):
            text = _without_gaps(text) or rng.choice(words.steps)
        if edit == "tone":
            opener = self._fill(self._opener(words, contact), contact, worker)
            text = f"{opener} {text}"
        elif edit == "length":
            kept = text.split(". ")
            text = ". ".join(kept[: max(1, len(kept) - 1)])
            text = text if text.endswith((".", "?", "!")) else f"{text}."
            if text.split() == base.text.split():  # one sentence: nothing to leave out
                text = f"{text} {rng.choice(words.closers)}"
                edit = "tone"
        elif edit == "typo":
            text = with_typo(text, rng)
        elif rng.random() < 0.5 and (number := _SMALL_NUMBER.search(text)):
            text = f"{text[: number.start()]}{int(number[0]) + 1}{text[number.end() :]}"
        else:
            edit = "fact" if contact.told_order else "length"
            fact = f"{rng.choice(words.facts)} " if contact.told_order else ""
            text = f"{text} {fact}{rng.choice(words.steps)}"
        text = self._fill(text, contact, worker)
        return base.replace(text=text, outcome="edited", edit=edit)

    def _own(self, desk: AgentAtWork, contact: Contact, fatigue: float) -> AgentAnswer:
        """An answer of their own. Tired agents leave out what is not needed."""
        rng, worker, words = self.rng, desk.worker, contact.words.agents
        lively = 1 - 0.7 * fatigue
        parts: list[str] = []
        if rng.random() < 0.8 * lively:
            parts.append(self._opener(words, contact))
        if (
            contact.matter.kind.order
            and contact.told_order
            and rng.random() < worker.warmth * lively
        ):
            parts.append(rng.choice(words.facts))
        if contact.repeat_of is not None and rng.random() < worker.warmth * lively:
            parts.append(rng.choice(words.past))
        mentioned = [
            name for name in DETAILS if contact.matter.details.get(name, "-") in contact.wrote
        ]
        if mentioned and rng.random() < 0.5 * worker.warmth * lively:
            parts.append(rng.choice(words.details[rng.choice(mentioned)]))
        topic = contact.words.topics.get(contact.matter.topic or "")
        parts.append(rng.choice(topic.answer if topic else words.steps))
        if rng.random() < 0.5 * lively:
            parts.append(rng.choice(words.tips))
        if rng.random() < 0.5 * lively:
            parts.append(rng.choice(words.closers))
        text = self._fill(" ".join(parts), contact, worker)
        return AgentAnswer(text=text, helpful=False)

    def _opener(self, words: AgentWords, contact: Contact) -> str:
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
            **contact.matter.details,
            "agent": worker.name,
            "first": contact.person.first_name,
            "name": contact.person.name,
            "order": contact.matter.order,
        }
        return fill(template, values, contact.words.fills, self.rng)


def human_moments(text: str, contact: Contact) -> tuple[str, ...]:
    """What in an agent's ``text`` is for this customer alone: their ``name``, their ``order``, a
    ``past_contact``, or a ``fact`` that they had mentioned."""
    found = []
    if contact.person.named and contact.person.first_name in text:
        found.append("name")
    if contact.told_order and contact.matter.order in text:
        found.append("order")
    if any(phrase in text for phrase in contact.words.agents.past):
        found.append("past_contact")
    details = contact.matter.details
    own = (
        template.replace(f"{{{name}}}", details.get(name, ""))
        for name in DETAILS
        for template in contact.words.agents.details[name]
    )
    if any(phrase in text for phrase in own):
        found.append("fact")
    return tuple(found)


def names_order_number(text: str, contact: Contact) -> bool:
    """Whether ``text`` speaks of the order number without having it, as drafts that ask for it."""
    names = contact.words.agents.order_number
    return contact.matter.order not in text and any(name in text for name in names)


def _without_gaps(text: str) -> str:
    """A draft without the sentences that have a gap, and without what it claims with one."""
    marked = GAP_IN_DRAFT.sub("\0", text)
    return " ".join(part for part in _SENTENCE.split(marked) if "\0" not in part)


def _with_phrase(answer: AgentAnswer, phrase: str, plant: str, *, end: bool) -> AgentAnswer:
    text = f"{answer.text} {phrase}" if end else f"{phrase} {answer.text}"
    outcome, edit = answer.outcome, answer.edit
    return answer.replace(text=text, uses=(*answer.uses, plant), outcome=outcome, edit=edit)
