"""A month without a gateway: always the same, and true to what was planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from statistics import mean
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.model import CaseRecord
from gateway.testing.simulation import (
    PLANTS,
    BadPlant,
    ConfoundedSorry,
    DriftingChannel,
    Effect,
    LedgerRow,
    OverworkedAgent,
    Plant,
    RewrittenAnswer,
    Scenario,
    TriggerPhrase,
    UnansweredQuestion,
    check_plants,
    parse_plant,
    simulate_records,
)
from gateway.testing.simulation.moods import UPSET_MOODS
from gateway.testing.simulation.words import words_in


@cache
def month(
    *plants: Plant, seed: int = 1, days: int = 30
) -> tuple[list[CaseRecord], list[LedgerRow]]:
    records, ledger = simulate_records(Scenario(seed=seed, days=days, plants=plants))
    return list(records), list(ledger)


def texts(records: Iterable[CaseRecord], author: str) -> list[str]:
    return [m.text for record in records for m in record.messages if m.author == author]


def test_the_same_seed_gives_the_same_month() -> None:
    """Every word, time, id and score; another seed gives another month."""
    first, second, other = (simulate_records(Scenario(seed=seed, days=5))[0] for seed in (7, 7, 8))
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert msgspec.json.encode(first) != msgspec.json.encode(other)


def test_the_ledger_has_a_row_for_each_record() -> None:
    """The counts of both agree, conversation by conversation."""
    records, ledger = month()
    assert 1500 < len(records) == len(ledger) < 3000
    for record, row in zip(records, ledger, strict=True):
        public = [m for m in record.messages if not m.internal]
        count = Counter(m.author for m in public)
        assert record.conversation.id == row.conversation
        assert record.conversation.opened_at == row.opened_at
        assert count["customer"] == row.customer_messages
        assert count["bot"] == row.bot_messages
        assert count["agent"] == row.agent_messages
        assert bool(record.handoffs) == (row.handled_by == "person")
        scores = [s.answer.score for s in record.surveys if s.answer]
        assert scores == ([row.survey.score] if row.survey else [])
        outcomes = {s.id: s.outcome for s in record.suggestions if s.outcome != "open"}
        assert outcomes == {s.id: s.outcome for s in row.suggestions}
        by = {s.id: s.agent.id for s in record.suggestions if s.agent is not None}
        assert by == {s.id: s.agent for s in row.suggestions}


def test_nothing_is_planted_without_plants() -> None:
    records, ledger = month()
    assert not any(row.planted for row in ledger)
    agents = " ".join(texts(records, "agent"))
    words = words_in("en").agents
    assert not any(phrase in agents for phrase in (*words.trigger, *words.drift))


def test_agents_write_in_their_shifts() -> None:
    """What comes at night waits until somebody is there."""
    records, _ = month(days=10)
    zone = ZoneInfo("Europe/Dublin")
    answers = [m for r in records for m in r.messages if m.author == "agent"]
    hours = {m.at.astimezone(zone).hour for m in answers}
    assert min(hours) == 8
    assert max(hours) <= 20  # an answer that was begun in the last minutes
    assert not any(m.at.astimezone(zone).weekday() == 6 for m in answers)


def test_customers_come_back_about_the_same_matter() -> None:
    _, ledger = month()
    by_id = {row.conversation: row for row in ledger}
    again = [row for row in ledger if row.repeat_of is not None]
    assert len(again) > 60
    for row in again:
        earlier = by_id[row.repeat_of or 0]
        assert (row.customer, row.intent) == (earlier.customer, earlier.intent)
        assert row.opened_at - earlier.opened_at > timedelta(hours=24)


def test_who_is_in_a_bad_mood_answers_surveys_less_often_and_worse() -> None:
    """An honest bias, to be seen in a report."""
    ledger = [row for seed in range(2) for row in month(seed=seed)[1] if row.survey_asked]
    glad = [row for row in ledger if row.felt_last >= 0.5]
    low = [row for row in ledger if -0.45 <= row.felt_last < 0]
    assert mean(row.survey is not None for row in glad) > mean(r.survey is not None for r in low)
    assert mean(r.survey.score for r in glad if r.survey) > mean(
        r.survey.score for r in low if r.survey
    )


def _changes(
    ledger: Iterable[LedgerRow], records: Iterable[CaseRecord], phrase: str
) -> list[float]:
    """How the true mood changed from before an agent's message with ``phrase`` to the customer's
    next one."""
    changes = []
    for record, row in zip(records, ledger, strict=True):
        felt = [e.felt for e in row.events if e.kind == "customer" and e.purpose != "survey"]
        said = [m for m in record.messages if m.author in ("customer", "agent") and not m.survey]
        said = [m for m in said if m.text[:1] not in "12345"]
        at = -1
        for index, message in enumerate(said):
            at += message.author == "customer"
            after = said[index + 1 : index + 2]
            if message.author == "agent" and phrase in message.text and after:
                before, then = felt[at], felt[at + 1] if at + 1 < len(felt) else None
                if after[0].author == "customer" and before is not None and then is not None:
                    changes.append(then - before)
    return changes


def test_moods_fall_after_a_trigger_phrase() -> None:
    """At least 30 uses by at least two agents, and a fall that others do not show."""
    records, ledger = month(TriggerPhrase())
    [phrase] = words_in("en").agents.trigger
    speakers = {
        m.agent.id for r in records for m in r.messages if phrase in m.text and m.agent is not None
    }
    assert len(speakers) == 3
    assert sum(phrase in text for text in texts(records, "agent")) >= 30
    assert mean(_changes(ledger, records, phrase)) < mean(_changes(ledger, records, "")) - 0.3
    marked = sum("trigger_phrase" in row.planted for row in ledger)
    assert marked >= 30


def test_sorry_follows_anger_and_does_no_harm() -> None:
    """Those who hear it were upset before; they fare no worse for it than other upset people."""
    records, ledger = month(ConfoundedSorry())
    said = [row for row in ledger if "confounded_sorry" in row.planted]
    others = [row for row in ledger if row.agents and "confounded_sorry" not in row.planted]
    upset = [mean(row.mood_first in UPSET_MOODS for row in rows) for rows in (said, others)]
    assert upset[0] > 2 * upset[1]
    assert sum("sorry" in text.lower() for text in texts(records, "agent")) > 30


def test_agents_drift_on_one_channel_after_a_day() -> None:
    plant = DriftingChannel(channel="webchat", after=10)
    records, ledger = month(plant)
    days = {
        (e.at - ledger[0].opened_at).days
        for row in ledger
        if plant.name in row.planted
        for e in row.events
        if e.kind == "agent"
    }
    assert {row.channel for row in ledger if plant.name in row.planted} == {"webchat"}
    assert min(days) >= 9
    assert sum(plant.name in row.planted for row in ledger) > 20
    assert any(p in text for p in words_in("en").agents.drift for text in texts(records, "agent"))


def test_agents_rewrite_the_suggestions_of_one_intent() -> None:
    """In the planted share of cases; of no other intent they rewrite so many."""
    _, ledger = month(RewrittenAnswer(intent="missing_parcel", share=0.7))
    planted = [s for row in ledger if row.intent == "missing_parcel" for s in row.suggestions]
    others = [s for row in ledger if row.intent != "missing_parcel" for s in row.suggestions]
    assert mean(s.edit == "rewrite" for s in planted) == pytest.approx(0.7, abs=0.1)
    assert not any(s.edit == "rewrite" for s in others)


def test_one_agent_gets_the_upset_customers() -> None:
    def share(*plants: Plant) -> float:
        handled = [
            agent
            for row in month(*plants)[1]
            for agent in row.agents
            if row.mood_first in UPSET_MOODS
        ]
        return mean(agent == "desk:una" for agent in handled)

    assert share(OverworkedAgent()) > 2 * share()


def test_an_unanswered_question_is_asked_in_different_words() -> None:
    """As often as planted (and again by those who come back), in many wordings."""
    records, ledger = month(UnansweredQuestion(messages=20))
    asked = [row for row in ledger if row.topic == "cycle_to_work" and row.repeat_of is None]
    assert len(asked) == 20
    assert all(row.intent == "oos" and row.planted == ["unanswered_question"] for row in asked)
    first = {r.conversation.id: r.messages[0].text for r in records}
    assert len({first[row.conversation] for row in asked}) == 20


@pytest.mark.parametrize("points", [0.1, -0.1])
def test_an_effect_begins_on_its_day(points: float) -> None:
    """The bot finishes more conversations, or fewer, from that day on, and not before."""

    def contained(rows: list[LedgerRow]) -> float:
        return mean(row.handled_by == "bot" for row in rows)

    plant = Effect(measure="containment", points=points, after=15)
    ledger = [row for seed in range(2) for row in month(plant, seed=seed)[1]]
    begin = min(row.opened_at for row in ledger).replace(hour=0, minute=0, second=0, microsecond=0)
    late = [row for row in ledger if (row.opened_at - begin).days >= 15]
    early = [row for row in ledger if (row.opened_at - begin).days < 15]
    assert contained(late) - contained(early) == pytest.approx(points, abs=0.05)
    assert not any(row.planted for row in early)


def test_a_plant_is_read_from_the_command_line() -> None:
    assert parse_plant("trigger_phrase") == TriggerPhrase()
    assert parse_plant("effect:points=-0.05,channel=sms") == Effect(points=-0.05, channel="sms")


@pytest.mark.parametrize("text", ["weeds", "effect:points", "effect:size=1", "effect:points=much"])
def test_a_wrong_plant_is_an_error_that_says_what_to_do(text: str) -> None:
    with pytest.raises(BadPlant, match=r"choose from|key=value|its parameters are"):
        parse_plant(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("drifting_channel:channel=fax", "no channel `fax`; choose from webchat, email"),
        ("effect:channel=fax", "no channel `fax`"),
        ("rewritten_answer:intent=moon", "no intent `moon`"),
        ("unanswered_question:topic=moon", "no topic `moon`; choose from cycle_to_work"),
        ("overworked_agent:agent=desk:moon", "no agent `desk:moon`; choose from desk:ana"),
        ("effect:after=30", "day 30 is after the 30 days of the month"),
    ],
)
def test_a_plant_without_a_place_is_an_error(text: str, problem: str) -> None:
    """Else it would be named in the ledger, or missing from it, without a word."""
    with pytest.raises(BadPlant, match=problem):
        check_plants(Scenario(seed=1, plants=(parse_plant(text),)))


@pytest.mark.parametrize("name", PLANTS)
def test_every_plant_has_a_place_in_the_usual_month(name: str) -> None:
    check_plants(Scenario(seed=1, plants=(parse_plant(name),)))
