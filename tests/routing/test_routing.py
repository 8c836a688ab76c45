"""The route of a turn."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import (
    Action,
    Context,
    MoodLabel,
    Purpose,
    Reason,
    State,
    SurveyAnswer,
    Turn,
    Understanding,
)
from gateway.routing.policy import Policy
from gateway.routing.route import after_failure, decide, hand_over
from tests.routing.builders import ANA, NOW, bot, customer, earlier, person, turn, understood

POLICY = Policy()
UNSURE = understood("delivery", 0.2)


def in_state(state: State, of: Turn) -> Turn:
    owner = ANA if state == "person" else None
    return of.replace(conversation=of.conversation.replace(state=state, owner=owner, tier="front"))


# -- clarifying ---------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [UNSURE, understood("oos", 0.9), understood("oos", 0.1)])
@pytest.mark.parametrize("label", ["calm", "pleased"])
def test_a_calm_customer_gets_a_clarifying_question_first(of: object, label: MoodLabel) -> None:
    """A calm or pleased customer who is not understood gets one question."""
    subject = turn(of=of).replace(
        understanding=of.replace(emotion=of.emotion.replace(label=label))  # type: ignore[attr-defined]
    )
    assert decide(subject, POLICY).action == "clarify"


@pytest.mark.parametrize("purpose", ["clarify", "fallback"])
def test_there_is_one_clarifying_question(purpose: Purpose) -> None:
    """The second time a person takes over."""
    assert decide(turn(of=UNSURE, history=(customer(), bot(purpose))), POLICY).action == "escalate"


def test_the_bot_may_clarify_again_after_a_person() -> None:
    """The count begins again when an agent hands the conversation back."""
    history = (customer(), bot("clarify"), person())
    assert decide(turn(of=UNSURE, history=history), POLICY).action == "clarify"


@pytest.mark.parametrize("label", ["confused", "anxious", "frustrated", "angry", "urgent"])
def test_an_upset_customer_gets_no_clarifying_question(label: MoodLabel) -> None:
    """A customer who is upset and not understood goes to a person at once."""
    subject = turn(of=understood("delivery", 0.2, label=label, intensity=0.1))
    assert decide(subject, POLICY).action == "escalate"


def test_no_clarifying_question_when_another_reason_holds() -> None:
    """A customer who asks for a person gets one, understood or not."""
    subject = turn(of=understood("x", 0.1, signals=(("asked_for_person", "a human"),)))
    route = decide(subject, POLICY)
    assert route.action == "escalate"
    assert [r.code for r in route.reasons] == ["asked_for_person", "low_confidence"]


def test_the_policy_can_forbid_clarifying_questions() -> None:
    """``clarify.times: 0`` means none."""
    policy = Policy.model_validate({"clarify": {"times": 0}})
    assert decide(turn(of=UNSURE), policy).action == "escalate"


# -- while a person has it -----------------------------------------------------------------------


@pytest.mark.parametrize("state", ["waiting", "person"])
def test_a_claimed_or_waiting_conversation_is_passed_on(state: State) -> None:
    """The agent sees the mood and the urgent reasons of the message."""
    of = understood(label="angry", intensity=0.8, cues=("AGAIN",), signals=(("legal", "lawyer"),))
    route = decide(in_state(state, turn(of=of)), POLICY)
    assert (route.action, route.tier, route.priority) == ("pass", "front", 2)
    assert [r.code for r in route.reasons] == ["with_person", "legal", "strong_emotion"]


# -- harm ----------------------------------------------------------------------------------------

HURT = understood("praise", 0.99, label="pleased", intensity=0.9, signals=(("harm", "burns"),))


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize(
    "of",
    [
        HURT,
        UNSURE.replace(signals=HURT.signals),
        understood("oos", 0.9, signals=(("harm", "fire"), ("asked_for_person", "human"))),
        understood(language="nl", signals=(("harm", "brand"), ("legal", "advocaat"))),
    ],
)
def test_harm_comes_first(state: State, of: Understanding) -> None:
    """Whatever else the message says and whoever has the conversation: never an answer, never a
    clarifying question, always the highest priority."""
    route = decide(in_state(state, turn(of=of)), POLICY)
    assert route.priority == 3
    first = route.reasons[0].code
    if state == "person":
        assert (route.action, first, route.reasons[1].code) == ("pass", "with_person", "harm")
    else:
        assert (route.action, first) == ("escalate", "harm")


def test_harm_is_told_once_while_the_conversation_waits() -> None:
    """The second message about it is passed on; after an agent's answer it is news again."""
    told = customer(of=HURT).replace(route=decide(turn(of=HURT), POLICY))
    waiting = in_state("waiting", turn(of=HURT, history=(told, bot("handover"))))
    assert decide(waiting, POLICY).action == "pass"
    answered = waiting.replace(history=(told, bot("handover"), person()))
    assert decide(answered, POLICY).action == "escalate"


def test_a_case_that_waits_keeps_its_tier() -> None:
    """Harm does not move it back to the front line."""
    subject = in_state("waiting", turn(of=HURT))
    high = subject.replace(conversation=subject.conversation.replace(tier="specialist"))
    assert decide(high, POLICY).tier == "specialist"


def test_a_survey_answer_may_speak_of_harm() -> None:
    """Also one with the best score, and one that asks for no more surveys."""
    for answer in (SurveyAnswer(score=5), SurveyAnswer(opt_out=True)):
        subject = in_state("resolved", turn(of=HURT, survey_answer=answer))
        route = decide(subject, POLICY)
        assert (route.action, route.reasons[0].code) == ("escalate", "harm")


def test_harm_comes_before_our_failure_and_an_opt_out() -> None:
    """The agent sees it first, and the priority is that of harm."""
    failed = after_failure(turn(of=HURT), POLICY, "faq raised KeyError")
    assert [r.code for r in failed.reasons] == ["harm", "plugin_failed"]
    silent = decide(turn(of=HURT, opted_out=True), POLICY)
    assert [r.code for r in silent.reasons] == ["harm", "opted_out"]
    assert failed.priority == silent.priority == 3


def test_a_machine_that_speaks_of_harm_is_passed_on() -> None:
    """An automatic reply with an emergency number in it is no emergency."""
    route = decide(in_state("waiting", turn(of=HURT, automatic=True)), POLICY)
    assert route.action == "pass"


@pytest.mark.parametrize("state", get_args(State))
def test_a_policy_can_switch_harm_off(state: State) -> None:
    """Then such words change nothing."""
    off = Policy.model_validate({"reasons": {"harm": {"enabled": False}}})
    calm = HURT.replace(signals=())
    subject = in_state(state, turn(of=HURT))
    assert decide(subject, off) == decide(subject.replace(understanding=calm), off)


def test_a_mild_mood_is_shown_to_the_agent() -> None:
    """Also a mood that would not have escalated."""
    subject = in_state("person", turn(of=understood(label="pleased", intensity=0.7)))
    assert decide(subject, POLICY).reasons == (
        Reason(code="with_person", detail="Ana has the conversation"),
        Reason(code="mood", detail="pleased 0.70"),
    )


@pytest.mark.parametrize("kind", ["timer", "event"])
def test_timers_and_events_are_automated(kind: str) -> None:
    """They go to the handlers, but not while a person has the conversation."""
    subject = turn(of=UNSURE, kind=kind)
    assert decide(subject, POLICY).action == "automate"
    assert decide(in_state("person", subject), POLICY).action == "pass"


def test_a_machine_is_never_answered() -> None:
    """Automatic mail is passed on, whatever it contains."""
    subject = turn(of=understood(label="angry", intensity=1, distress=1), automatic=True)
    route = decide(subject, POLICY)
    assert (route.action, [r.code for r in route.reasons]) == ("pass", ["automatic"])


# -- to whom -------------------------------------------------------------------------------------


def test_the_route_has_the_highest_tier_and_priority_and_all_skills() -> None:
    """Tier and priority come from all reasons, skills from intent and language."""
    policy = Policy.model_validate(
        {
            "reasons": {
                "sensitive_intent": {"tier": "specialist", "priority": 0},
                "asked_for_person": {"priority": 2},
            },
            "skills": {
                "intents": {"billing_dispute": ["billing"]},
                "languages": {"de": ["german", "billing"]},
            },
        }
    )
    of = understood("billing_dispute", language="de", signals=(("asked_for_person", "Mensch"),))
    route = decide(turn("Ich wurde doppelt belastet", of=of), policy)
    assert (route.tier, route.priority, route.skills) == ("specialist", 2, ("billing", "german"))


def test_a_handler_may_have_reasons_of_its_own() -> None:
    """A reason that the policy does not know has the first tier and priority 0."""
    route = hand_over(turn(), POLICY, (Reason(code="stock_empty", detail="none left"),))
    assert (route.action, route.tier, route.priority) == ("escalate", "front", 0)


# -- when a plugin fails -------------------------------------------------------------------------


def test_a_failed_plugin_hands_over() -> None:
    """The failure is the deciding reason; the others that hold follow."""
    of = understood("x", 0.1, label="angry", intensity=0.9)
    route = after_failure(turn(of=of), POLICY, "faq took longer than 10 s")
    assert route.action == "escalate"
    assert route.reasons[0] == Reason(code="plugin_failed", detail="faq took longer than 10 s")
    assert [r.code for r in route.reasons] == ["plugin_failed", "strong_emotion"]


def test_a_failure_cannot_be_switched_off() -> None:
    """The switch is for engines that fail; a message without an answer always goes to a person."""
    policy = Policy.model_validate({"reasons": {"plugin_failed": {"enabled": False}}})
    assert after_failure(turn(), policy, "faq raised KeyError").action == "escalate"


@pytest.mark.parametrize("state", ["waiting", "person"])
def test_a_failure_is_passed_on_while_a_person_has_it(state: State) -> None:
    """The agent keeps the conversation."""
    assert after_failure(in_state(state, turn()), POLICY, "x raised").action == "pass"


def test_a_failed_timer_is_only_recorded() -> None:
    """No customer waits for a timer, so its failure opens no handoff."""
    route = after_failure(turn(kind="timer", name="followup"), POLICY, "followup raised")
    assert (route.action, route.reasons[0].code) == ("pass", "plugin_failed")


# -- properties ----------------------------------------------------------------------------------

share = st.floats(0, 1)
understandings = st.builds(
    understood,
    st.sampled_from(["delivery", "oos", "thanks", "billing_dispute", "ask_person", ""]),
    share,
    label=st.sampled_from(get_args(MoodLabel)),
    intensity=share,
    distress=share,
    signals=st.lists(
        st.tuples(
            st.sampled_from(["asked_for_person", "harm", "legal", "not_helped", "other"]),
            st.text(max_size=5),
        ),
        max_size=3,
    ).map(tuple),
    language=st.sampled_from(["en", "de", "nl", "und"]),
    sure=share,
    failed=st.sampled_from([(), ("nlu",)]),
)
messages = st.one_of(
    st.builds(customer, st.text(max_size=10), ago=st.floats(0, 60), of=understandings),
    st.builds(bot, st.sampled_from(get_args(Purpose)), ago=st.floats(0, 60)),
    st.builds(person, st.text(max_size=10)),
)
contexts = st.lists(
    st.builds(earlier, st.sampled_from(["delivery", "thanks", "refund"]), st.floats(0, 400)),
    max_size=5,
).map(lambda found: Context(earlier=tuple(found)))
answers = st.one_of(
    st.none(),
    st.builds(
        SurveyAnswer,
        score=st.one_of(st.none(), st.integers(1, 5)),
        solved=st.sampled_from([None, True, False]),
        opt_out=st.booleans(),
    ),
)
turns = st.builds(
    lambda text, of, state, **known: in_state(state, turn(text, of, **known)),
    st.text(max_size=30),
    understandings,
    st.sampled_from(get_args(State)),
    history=st.lists(messages, max_size=6).map(tuple),
    context=contexts,
    survey_answer=answers,
    kind=st.sampled_from(["message", "timer", "event"]),
    automatic=st.booleans(),
    unreadable=st.booleans(),
)


@given(turns)
def test_every_turn_has_exactly_one_route(subject: Turn) -> None:
    """It is the same each time, and has reasons unless it is automated."""
    route = decide(subject, POLICY)
    assert route == decide(subject, POLICY)
    assert route.action in get_args(Action)
    assert 0 <= route.priority <= 3
    if route.action == "escalate":
        assert route.tier in POLICY.tiers
    if route.action == "automate":
        assert not route.reasons
    else:
        assert len({r.code for r in route.reasons}) == len(route.reasons) > 0


@given(turns)
def test_the_bot_never_answers_beside_a_person(subject: Turn) -> None:
    """Turns of a claimed or waiting conversation are passed on; so are a machine's. Only news of
    harm in one that waits is handed over again."""
    taken = subject.conversation.state in ("waiting", "person")
    if taken or (subject.automatic and subject.kind == "message"):
        for route in (decide(subject, POLICY), after_failure(subject, POLICY, "x")):
            news = subject.conversation.state == "waiting" and route.reasons[0].code == "harm"
            assert route.action == ("escalate" if news else "pass")


@given(turns)
def test_clarifying_questions_are_for_calm_customers_and_never_in_a_row(subject: Turn) -> None:
    """No upset customer gets one, and nobody gets two in a row."""
    if decide(subject, POLICY).action == "clarify":
        assert subject.understanding.emotion.label in ("calm", "pleased")
        assert subject.history[-1:] == () or subject.history[-1].purpose not in (
            "clarify",
            "fallback",
        )


@given(turns, st.timedeltas(timedelta(0), timedelta(days=300)))
def test_a_failed_message_always_reaches_a_person(subject: Turn, later: timedelta) -> None:
    """Whatever the conversation, the time and the failure."""
    route = after_failure(subject.replace(at=NOW + later), POLICY, "x raised")
    mine = subject.kind == "message" and not subject.automatic
    state = subject.conversation.state
    told_of_harm = state == "waiting" and any(r.code == "harm" for r in route.reasons)
    if mine and state == "waiting" and told_of_harm:
        return
    assert route.action == ("escalate" if mine and state in ("bot", "resolved") else "pass")
