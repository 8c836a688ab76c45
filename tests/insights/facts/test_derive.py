"""The facts of one conversation are what happened in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway import CaseRecord, Fact
from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.facts.derive import TextDetectors, WordsRead, derive_facts
from tests.insights.measures.made_up import AGENTS, BEGIN, CaseMaker

ANA, BEN = AGENTS[:2]
DETECTORS = TextDetectors(
    read_words=lambda messages, name: WordsRead(1, ("name",)),
    edit_kinds=lambda suggested, sent: ("tone", "length"),
)


def facts(made: CaseMaker | CaseRecord, zone: str = "UTC", **first_claims: float) -> CaseFacts:
    case = made if isinstance(made, CaseRecord) else made.done()
    claims = {name.replace("_", ":"): at for name, at in first_claims.items()}
    return derive_facts(case, ZoneInfo(zone), claims, DETECTORS)


def test_the_day_and_hour_are_those_of_the_time_zone() -> None:
    late = CaseMaker(opened=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    found = facts(late, "Europe/Berlin")
    assert (found.day, found.hour) == ("2026-03-03", 0)


def test_the_bot_answers() -> None:
    """Its question back and its survey are no answers."""
    only_asked = CaseMaker().customer(0).bot(1, "clarify").bot(2, "survey").bot(3, "fallback")
    assert not facts(only_asked).answered_by_bot
    assert facts(only_asked).first_answer is None
    answered = only_asked.customer(60).bot(61)
    assert facts(answered).answered_by_bot
    assert facts(answered).first_answer == 61


def test_what_was_never_sent_does_not_count() -> None:
    made = CaseMaker().customer(0).bot(1, status="discarded").bot(2, status="failed")
    made = made.agent(3, internal=True, text="a note")
    found = facts(made)
    assert (found.messages, found.answered_by_bot, found.agent_messages) == (1, False, 0)


def test_a_wait_goes_on_when_a_handoff_moves_up() -> None:
    """It is one wait, from the first moment, that was late once."""
    made = CaseMaker().customer(0).hand_over(1, "legal", "emotion").move_up(601).claim(901, ANA)
    [handover] = facts(made.close(1_000)).handovers
    assert (handover.at, handover.claimed, handover.raised) == (1, 901, 1)
    assert handover.reasons == ("legal", "emotion")
    assert facts(made).team == "specialist"


def test_a_transfer_by_a_colleague_is_no_hand_over_by_the_bot() -> None:
    made = CaseMaker().customer(0).hand_over(1, "person").claim(10, ANA).close(50)
    made = made.hand_over(50, "transferred", tier="specialist").claim(70, BEN)
    first, second = facts(made).handovers
    assert not first.by_colleague
    assert second.by_colleague
    assert [span.agent for span in facts(made).handled] == [ANA.id, BEN.id]


def test_moods_are_those_of_the_conversation_not_of_the_survey_answer() -> None:
    made = CaseMaker().customer(0, "angry").hand_over(1, "emotion").claim(5).agent(9)
    made = made.customer(20, "frustrated").close(30)
    made = made.survey(60, "felt_heard", score=2, answered=90)
    found = facts(made)
    assert (found.mood_first, found.mood_last, found.readings) == ("angry", "frustrated", 2)
    [survey] = found.surveys
    assert (survey.kind, survey.score, survey.answered) == ("felt_heard", 2, 90)


def test_a_suggestion_is_ignored_when_the_agent_writes_something_else() -> None:
    made = CaseMaker().customer(0).hand_over(1, "person").suggest(1).claim(5)
    assert facts(made).suggestions[0].outcome == "open"
    assert facts(made.agent(9)).suggestions[0].outcome == "ignored"


def test_a_suggestion_that_was_replaced_before_anybody_wrote_was_never_seen() -> None:
    made = CaseMaker().customer(0).hand_over(1, "person").suggest(1).customer(2).suggest(2)
    made = made.claim(5).agent(9)
    assert [s.outcome for s in facts(made).suggestions] == ["open", "ignored"]


def test_only_a_person_resolves() -> None:
    """The gateway closes what was left with the bot when the customer begins another one."""
    made = CaseMaker().customer(0).hand_over(1, "person").claim(5).close(50)
    assert facts(made).resolved == 50
    left = made.done()
    closed = left.replace(messages=left.messages[:1])
    assert facts(closed).resolved is None


def test_an_edit_has_its_kinds_and_the_agents_experience() -> None:
    before = (BEGIN - timedelta(days=40)).timestamp()
    made = CaseMaker().customer(0).hand_over(1, "person").claim(5)
    made = made.suggest(1, outcome="edited", final="It comes on Monday.", agent=ANA)
    [suggestion] = facts(made, desk_a0=before).suggestions
    assert suggestion.edits == ("tone", "length")
    assert suggestion.experience == 40
    assert facts(made).suggestions[0].experience is None


def test_words_of_agents_are_read_only_where_there_are_any() -> None:
    bot = facts(CaseMaker().customer(0).bot(1))
    assert (bot.told_again, bot.human_moments) == (0, ())
    person = facts(CaseMaker().customer(0).hand_over(1, "person").claim(5).agent(9))
    assert (person.told_again, person.human_moments) == (1, ("name",))


def test_rules_of_the_voice_and_segments_are_counted() -> None:
    segments = (Fact(name="segments", value="2"), Fact(name="price", value="0.10 EUR"))
    made = CaseMaker(channel="sms").customer(0).bot(1, rules=("greeting", "emoji"), facts=segments)
    made = made.bot(2, rules=("emoji",), facts=segments)
    found = facts(made)
    assert found.voice_rules == {"greeting": 1, "emoji": 2}
    assert (found.segments, found.voiced) == (4, 2)


def test_tokens_of_answers_and_of_drafts_are_counted() -> None:
    """Not what a sender states about itself under the name of ours."""
    cost, draft = Fact(name="tokens", value="120"), Fact(name="draft_tokens", value="30")
    case = CaseMaker().customer(0).bot(1, facts=(cost,)).customer(2).done()
    first, answer, second = case.messages
    case = case.replace(messages=(first.replace(facts=(draft, cost)), answer, second))
    assert derive_facts(case, ZoneInfo("UTC"), {}, DETECTORS).tokens == 150


def test_work_is_the_time_of_the_agents_steps() -> None:
    """Reading and answering count up to five minutes each; waiting for the customer does not."""
    made = CaseMaker().customer(0, "angry").hand_over(0, "emotion").claim(100, ANA)
    made = made.agent(160, ANA).customer(2_000, "angry").agent(2_090, ANA)
    made = made.customer(3_000).agent(9_000, ANA).close(9_010)
    [span] = facts(made).handled
    assert span.worked == 60 + 90 + 300 + 10
    assert (span.mood, span.upset_messages) == (-3, 2)
    assert span.end == span.begin + 8_910


def test_the_words_are_read_by_the_detectors() -> None:
    """A customer who must say the number again, and an agent who uses their name."""
    made = CaseMaker().customer(0, text="My order MP-12345 has not arrived.")
    made = made.hand_over(1, "person").claim(5)
    made = made.agent(9, text="Hello Zoe, what is your order number please?")
    made = made.customer(20, text="As I said, MP-12345.")
    found = derive_facts(made.done(), ZoneInfo("UTC"), {})
    assert found.told_again == 1
    assert "name" in found.human_moments


def test_facts_have_no_words() -> None:
    """Nothing that the customer, the bot or the agent wrote, and no name or address."""
    made = CaseMaker(customer=7).customer(0, text="SECRET one").hand_over(1, "person").claim(5)
    made = made.suggest(6, outcome="edited", final="SECRET two", agent=ANA)
    made = made.agent(9, text="SECRET three").survey(10, score=3, answered=20)
    stored = msgspec.json.encode(facts(made)).decode()
    for word in ("SECRET", "Zoe", "c7", ANA.name):
        assert word not in stored


@pytest.mark.parametrize("made", [CaseMaker(), CaseMaker(intent=None).bot(5)])
def test_a_conversation_may_be_almost_empty(made: CaseMaker) -> None:
    found = facts(made)
    assert found.mood_first is None
    assert found.first_answer is None
