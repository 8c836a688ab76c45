"""Which way a turn goes."""

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
)
from gateway.routing.policy import Policy
from gateway.routing.route import after_failure, decide, hand_over
from tests.routing.making import ANA, NOW, bot, customer, earlier, person, turn, understood

POLICY = Policy()
UNSURE = understood("delivery", 0.2)


def in_state(state: State, of: Turn) -> Turn:
    owner = ANA if state == "person" else None
    return of.replace(conversation=of.conversation.replace(state=state, owner=owner, tier="front"))


# -- asking back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [UNSURE, understood("oos", 0.9), understood("oos", 0.1)])
@pytest.mark.parametrize("label", ["calm", "pleased"])
def test_a_calm_customer_is_asked_back_first(of: object, label: MoodLabel) -> None:
    """Who is calm or pleased and not understood gets one question."""
    said = turn(of=of).replace(
        understanding=of.replace(emotion=of.emotion.replace(label=label))  # type: ignore[attr-defined]
    )
    assert decide(said, POLICY).action == "clarify"


@pytest.mark.parametrize("purpose", ["clarify", "fallback"])
def test_only_once(purpose: Purpose) -> None:
    """The second time a person takes over."""
    assert decide(turn(of=UNSURE, history=(customer(), bot(purpose))), POLICY).action == "escalate"


def test_once_more_after_a_person() -> None:
    """A person who gives the conversation back gives the bot its question back."""
    history = (customer(), bot("clarify"), person())
    assert decide(turn(of=UNSURE, history=history), POLICY).action == "clarify"


@pytest.mark.parametrize("label", ["confused", "anxious", "frustrated", "angry", "urgent"])
def test_nobody_else_is_asked_back(label: MoodLabel) -> None:
    """Who is upset and not understood goes to a person at once."""
    said = turn(of=understood("delivery", 0.2, label=label, intensity=0.1))
    assert decide(said, POLICY).action == "escalate"


def test_not_when_something_else_holds() -> None:
    """Not understanding is no excuse to ask back someone who wants a person."""
    said = turn(of=understood("x", 0.1, signals=(("asked_for_person", "a human"),)))
    route = decide(said, POLICY)
    assert route.action == "escalate"
    assert [r.code for r in route.reasons] == ["asked_for_person", "low_confidence"]


def test_never_when_the_policy_says_so() -> None:
    """``clarify.times: 0`` means that the bot never asks back."""
    policy = Policy.model_validate({"clarify": {"times": 0}})
    assert decide(turn(of=UNSURE), policy).action == "escalate"


# -- while a person has it -----------------------------------------------------------------------


@pytest.mark.parametrize("state", ["waiting", "person"])
def test_the_bot_is_silent_while_a_person_has_it(state: State) -> None:
    """What comes then goes to the person, with the mood and what is pressing in it."""
    of = understood(label="angry", intensity=0.8, cues=("AGAIN",), signals=(("harm", "fire"),))
    route = decide(in_state(state, turn(of=of)), POLICY)
    assert (route.action, route.tier, route.priority) == ("pass", "front", 3)
    assert [r.code for r in route.reasons] == ["with_person", "harm", "strong_emotion"]


def test_a_mild_mood_is_noted_too() -> None:
    """A person sees the mood also where it would not have escalated."""
    said = in_state("person", turn(of=understood(label="pleased", intensity=0.7)))
    assert decide(said, POLICY).reasons == (
        Reason(code="with_person", detail="Ana has the conversation"),
        Reason(code="mood", detail="pleased 0.70"),
    )


@pytest.mark.parametrize("kind", ["timer", "event"])
def test_what_nobody_wrote_is_automated(kind: str) -> None:
    """Timers and events go to the handlers, but never past a person."""
    said = turn(of=UNSURE, kind=kind)
    assert decide(said, POLICY).action == "automate"
    assert decide(in_state("person", said), POLICY).action == "pass"


def test_a_machine_is_never_answered() -> None:
    """Automatic mail is passed on, whatever is in it."""
    said = turn(of=understood(label="angry", intensity=1, distress=1), automatic=True)
    route = decide(said, POLICY)
    assert (route.action, [r.code for r in route.reasons]) == ("pass", ["automatic"])


# -- to whom -------------------------------------------------------------------------------------


def test_tier_skills_and_priority() -> None:
    """The highest tier and priority of all reasons, and the skills of intent and language."""
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


def test_a_handlers_own_reason() -> None:
    """A handler may hand over for a reason that the policy does not know."""
    route = hand_over(turn(), POLICY, (Reason(code="stock_empty", detail="none left"),))
    assert (route.action, route.tier, route.priority) == ("escalate", "front", 0)


# -- when a plugin fails -------------------------------------------------------------------------


def test_a_failed_plugin_hands_over() -> None:
    """The failure decides, and what else holds is told with it."""
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
def test_a_failure_beside_a_person(state: State) -> None:
    """A person who has the conversation keeps it."""
    assert after_failure(in_state(state, turn()), POLICY, "x raised").action == "pass"


def test_a_failed_timer_troubles_nobody() -> None:
    """No customer waits for a timer: its failure is noted and opens nothing."""
    route = after_failure(turn(kind="timer", name="followup"), POLICY, "followup raised")
    assert (route.action, route.reasons[0].code) == ("pass", "plugin_failed")


# -- anything at all -----------------------------------------------------------------------------

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
def test_every_turn_has_one_way(said: Turn) -> None:
    """Any turn gives exactly one known route, the same each time, with reasons to step back."""
    route = decide(said, POLICY)
    assert route == decide(said, POLICY)
    assert route.action in get_args(Action)
    assert 0 <= route.priority <= 3
    if route.action == "escalate":
        assert route.tier in POLICY.tiers
    if route.action == "automate":
        assert not route.reasons
    else:
        assert len({r.code for r in route.reasons}) == len(route.reasons) > 0


@given(turns)
def test_the_bot_never_talks_over_a_person(said: Turn) -> None:
    """While a person has it or is waited for, every turn is passed on; so is every machine's."""
    taken = said.conversation.state in ("waiting", "person")
    if taken or (said.automatic and said.kind == "message"):
        assert decide(said, POLICY).action == "pass"
        assert after_failure(said, POLICY, "x").action == "pass"


@given(turns)
def test_asking_back_is_for_the_calm_and_only_once(said: Turn) -> None:
    """Nobody upset is asked back, and nobody twice in a row of the bot's."""
    if decide(said, POLICY).action == "clarify":
        assert said.understanding.emotion.label in ("calm", "pleased")
        assert said.history[-1:] == () or said.history[-1].purpose not in ("clarify", "fallback")


@given(turns, st.timedeltas(timedelta(0), timedelta(days=300)))
def test_a_failure_is_never_kept_from_people(said: Turn, later: timedelta) -> None:
    """A customer's message whose handler failed is with a person afterwards."""
    route = after_failure(said.replace(at=NOW + later), POLICY, "x raised")
    mine = said.kind == "message" and not said.automatic
    assert route.action == ("escalate" if mine and said.conversation.state in ("bot", "resolved")
                            else "pass")  # fmt: skip
