"""Every reason to step back, by itself and with others."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import Context, Reason, SurveyAnswer, Turn
from gateway.routing.policy import Policy
from gateway.routing.reasons import Reasons, reason_label, reason_line
from gateway.routing.route import decide, with_sensitive_matter
from gateway.routing.rules import SensitiveIntent
from tests.routing.builders import bot, customer, earlier, person, turn, understood

POLICY = Policy()
AGAIN = "When will my parcel arrive?"


def codes(of: Turn, policy: Policy = POLICY) -> tuple[str, ...]:
    return tuple(reason.code for reason in decide(of, policy).reasons)


HOLDS: list[tuple[str, Turn, str]] = [
    (
        "asked_for_person",
        turn(of=understood(signals=(("asked_for_person", "speak to a human"),))),
        "“speak to a human”",
    ),
    ("asked_for_person", turn(of=understood("ask_person")), "ask person"),
    ("harm", turn(of=understood(signals=(("harm", "caught fire"),))), "“caught fire”"),
    ("legal", turn(of=understood(signals=(("legal", "my lawyer"),))), "“my lawyer”"),
    (
        "urgent",
        turn(of=understood(label="urgent", intensity=0.9, cues=("right now",))),
        "urgent 0.90: “right now”",
    ),
    (
        "strong_emotion",
        turn(of=understood(label="angry", intensity=0.8, cues=("FRUSTRATED", "third time"))),
        "angry 0.80: “FRUSTRATED”, “third time”",
    ),
    (
        "strong_emotion",
        turn(of=understood(label="calm", distress=0.8)),
        "calm, distress 0.80",
    ),
    ("sensitive_intent", turn(of=understood("billing_dispute")), "billing dispute"),
    (
        "sensitive_intent",
        turn(of=understood(asked=("delivery", "billing_dispute"))),
        "billing dispute",
    ),
    (
        "sensitive_intent",
        turn("Paid two. Send it.", of=understood(told=(("billing_dispute", 0.8),))),
        "billing dispute: “Paid two.”",
    ),
    (
        "asked_for_person",
        turn("A human. Send it.", of=understood(told=(("ask_person", 0.8),))),
        "ask person: “A human.”",
    ),
    (
        "language",
        turn("Waar blijft mijn pakketje toch?", of=understood(language="nl")),
        "writes in `nl`, which the bot does not serve",
    ),
    (
        "plugin_failed",
        turn(of=understood("", failed=("nlu_local",))),
        "nlu_local could not read the message",
    ),
    (
        "unreadable",
        turn("", unreadable=True),
        "the message could not be parsed; the original was kept",
    ),
    ("no_words", turn("(voice message, 0:05)", wordless=True), "(voice message, 0:05)"),
    (
        "loop",
        turn(history=tuple(bot(id=n, ago=2) for n in range(10, 20))),
        "10 replies of the bot within 5 minutes; is a machine writing?",
    ),
    (
        "bot_failed",
        turn(of=understood(signals=(("not_helped", "not what I asked"),)), history=(bot(),)),
        "the answer missed: “not what I asked”",
    ),
    (
        "bot_failed",
        turn(AGAIN, history=(customer(AGAIN.upper()), bot())),
        "asked the same question twice",
    ),
    (
        "bot_failed",
        turn(history=(customer("And when?"), bot(), customer("So where?"), bot(id=4))),
        "asked about delivery 3 times",
    ),
    (
        "bot_failed",
        turn(history=(bot("fallback"), bot("fallback", id=4))),
        "the bot had no answer twice",
    ),
    (
        "survey_unsolved",
        turn(survey_answer=SurveyAnswer(solved=False)),
        "the customer says that it is not solved",
    ),
    (
        "survey_unsolved",
        turn(survey_answer=SurveyAnswer(score=2)),
        "2 of 5 after the case was closed",
    ),
    (
        "repeat_contact",
        turn(context=Context(earlier=(earlier("delivery", 3), earlier("delivery", 8.5, id=78)))),
        "third contact about delivery in 9 days",
    ),
    ("out_of_scope", turn(of=understood("oos", 0.7)), "nothing the bot knows of (0.70)"),
    (
        "low_confidence",
        turn(of=understood("delivery_time", 0.3)),
        "the best guess is delivery time at 0.30",
    ),
    ("low_confidence", turn(of=understood("")), "no engine could tell what it is about"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "subject", "detail"), HOLDS)
def test_a_reason_holds_and_says_why(code: str, subject: Turn, detail: str) -> None:
    """Each reason holds by itself, with a detail that an agent understands."""
    assert decide(subject, POLICY).reasons == (Reason(code=code, detail=detail),)


@pytest.mark.parametrize(("code", "subject", "detail"), HOLDS)
def test_every_reason_has_its_switch(code: str, subject: Turn, detail: str) -> None:
    """A reason that is switched off does not hold."""
    policy = Policy.model_validate({"reasons": {code: {"enabled": False}}})
    assert code not in codes(subject, policy)


def test_the_table_has_every_reason() -> None:
    """No reason is untested."""
    assert {code for code, _, _ in HOLDS} == set(Reasons.model_fields)


@pytest.mark.parametrize(
    "subject",
    [
        turn(),
        turn("THIS IS GREAT!!! THANK YOU!!!", of=understood("praise", label="pleased",
             intensity=1, distress=0.9)),
        turn("THANKS!!!", of=understood("thanks", distress=0.9)),
        turn("HELLO?!", of=understood("greeting", distress=0.8)),
        turn("are you a bot?", of=understood("are_you_a_bot"),
             history=(customer("are you a bot?", of=understood("are_you_a_bot")), bot())),
        turn(of=understood("thanks"),
             context=Context(earlier=(earlier("thanks", 1), earlier("thanks", 2, id=78)))),
        turn(of=understood(label="angry", intensity=0.44)),
        turn(of=understood(label="urgent", intensity=0.5)),
        turn("ja ok", of=understood(language="nl")),
        turn("Waar blijft mijn pakketje toch?", of=understood(language="nl", sure=0.5)),
        turn("Waar blijft mijn pakketje toch?", of=understood(language="und")),
        turn(of=understood(failed=("other",))),
        turn(history=tuple(bot(id=n, ago=6) for n in range(10, 20))),
        turn(history=tuple(bot(id=n, ago=2).replace(turn=7) for n in range(10, 20))),
        turn(of=understood(signals=(("not_helped", "that does not help"),))),
        turn("Where is order 124?", history=(customer("Where is order 123?"), bot())),
        turn(AGAIN, history=(customer(AGAIN),)),
        turn(AGAIN, history=(customer(AGAIN), bot(ago=-1))),
        turn(AGAIN, history=(customer(AGAIN), bot(), person())),
        turn(history=(bot("fallback"), bot("fallback", id=4), person())),
        turn(context=Context(earlier=(earlier("delivery", 3), earlier("delivery", 20, id=78)))),
        turn(context=Context(earlier=(earlier("delivery", 3), earlier("refund", 2, id=78)))),
        turn(context=Context(earlier=(earlier("delivery", 3), earlier("delivery", 2, id=1)))),
        turn(survey_answer=SurveyAnswer(score=3)),
        turn(survey_answer=SurveyAnswer(opt_out=True),
             of=understood(label="angry", intensity=0.9)),
        turn("Delivery time", of=understood(confidence=0.2),
             history=(bot("clarify", buttons=("Delivery time", "Returns")),)),
    ],
)  # fmt: skip
def test_no_reason_holds(subject: Turn) -> None:
    """Joy, courtesy, weak feelings, short texts, new questions and chosen buttons."""
    assert decide(subject, POLICY).action == "automate"


@pytest.mark.parametrize(
    ("confidence", "rule", "action"),
    [
        (0.8, SensitiveIntent(), "escalate"),
        (0.79, SensitiveIntent(), "automate"),
        (0.79, SensitiveIntent(sentence=0.7), "escalate"),
        (0.99, SensitiveIntent(whole_only=frozenset({"billing_dispute"})), "automate"),
        (0.99, SensitiveIntent(enabled=False), "automate"),
    ],
)
def test_a_sentence_must_be_sure(confidence: float, rule: SensitiveIntent, action: str) -> None:
    """Surer than a whole message, and of an intent that a sentence can show."""
    policy = Policy(reasons=Reasons(sensitive_intent=rule))
    subject = turn("Paid two. Send it.", of=understood(told=(("billing_dispute", confidence),)))
    assert decide(subject, policy).action == action


def test_a_sensitive_sentence_gives_the_matter() -> None:
    """Skills, questions for details and words follow from it; a whole message stays as it is."""
    told = (("billing_dispute", 0.9),)
    subject = turn("Paid two. Send it.", of=understood("delivery", 0.8, told=told))
    found = with_sensitive_matter(subject, POLICY).understanding
    assert [guess.name for guess in found.ranking] == ["billing_dispute", "delivery"]
    already = turn("Cancel. Paid two.", of=understood("cancellation", 0.8, told=told))
    assert with_sensitive_matter(already, POLICY) == already


def test_another_policy_decides_a_stored_turn_anew() -> None:
    """The intent that was read is kept beside that of the sentence, also where it is surer."""
    subject = turn("Paid two. Send it.", of=understood(told=(("billing_dispute", 0.85),)))
    stored = with_sensitive_matter(subject, POLICY)
    assert decide(stored, POLICY).action == "escalate"
    assert with_sensitive_matter(stored, POLICY) == stored
    strict = Policy(reasons=Reasons(sensitive_intent=SensitiveIntent(sentence=0.95)))
    assert with_sensitive_matter(stored, strict) == subject
    assert decide(with_sensitive_matter(stored, strict), strict).action == "automate"


def test_an_order_number_hides_no_sensitive_sentence() -> None:
    """An intent that only a whole message shows yields to one that a sentence surely shows."""
    rule = SensitiveIntent(
        intents=frozenset({"order_details", "billing_dispute"}),
        whole_only=frozenset({"order_details"}),
    )
    policy = Policy(reasons=Reasons(sensitive_intent=rule))
    whole = understood("order_details", told=(("billing_dispute", 0.85),))
    subject = turn("Paid two. My order number is MP-12345.", of=whole)
    assert decide(subject, policy).reasons[0].detail == "billing dispute: “Paid two.”"
    assert with_sensitive_matter(subject, policy).understanding.intent.name == "billing_dispute"
    alone = turn("My order number is MP-12345.", of=understood("order_details"))
    assert decide(alone, policy).reasons[0].detail == "order details"


def test_all_reasons_that_hold_are_listed_in_order() -> None:
    """The order is that of precedence."""
    subject = turn(
        "Waar blijft mijn pakketje toch?",
        of=understood(
            "billing_dispute",
            label="angry",
            intensity=0.9,
            language="nl",
            signals=(
                ("legal", "advocaat"),
                ("harm", "brand"),
                ("asked_for_person", "een mens"),
                ("not_helped", "dat helpt niet"),
            ),
        ),
        history=(bot(),),
    )
    held = ["harm", "asked_for_person", "legal", "strong_emotion", "sensitive_intent", "language"]
    assert list(codes(subject)) == [*held, "bot_failed"]


def test_the_order_of_precedence_is_that_of_the_policy() -> None:
    """The order of the policy's keys is the precedence."""
    assert list(POLICY.reasons.model_dump()) == list(Reasons.model_fields)


@pytest.mark.parametrize(
    ("moods", "now", "fell"),
    [
        ((0.0, 0.0, 0.0), 0.7, False),
        ((0.05, 0.3, 0.6), 0.74, True),
        ((0.6, 0.7), 0.7, True),
        ((0.7,), 0.7, False),
        ((0.7, 0.7, 0.2), 0.2, False),
    ],
)
def test_a_steep_fall_of_the_mood_brings_a_person(
    moods: tuple[float, ...], now: float, fell: bool
) -> None:
    """The arc counts where no single message does; one bad message is not enough."""
    history = tuple(
        customer(f"words {n}", of=understood("x", 0.1, label="frustrated", distress=d))
        for n, d in enumerate(moods)
    )
    subject = turn(of=understood(label="frustrated", intensity=0.3, distress=now), history=history)
    assert ("strong_emotion" in codes(subject)) == fell
    calm = subject.replace(understanding=understood(label="calm", distress=now))
    assert "strong_emotion" not in codes(calm)


@pytest.mark.parametrize(("confidence", "escalates"), [(0.95, False), (0.6, True)])
def test_an_assisted_language_needs_a_confident_intent(confidence: float, escalates: bool) -> None:
    """In an assisted language the bot answers only what it is sure of."""
    rules: dict[str, Any] = {"language": {"served": ["en"], "assisted": ["nl"]}}
    policy = Policy.model_validate({"reasons": rules})
    subject = turn("Waar blijft mijn pakketje toch?", of=understood("delivery", confidence,
                                                                language="nl"))  # fmt: skip
    assert (codes(subject, policy) == ("language",)) == escalates


@pytest.mark.parametrize(
    ("code", "detail", "line"),
    [
        ("low_confidence", "the best guess is praise at 0.05", reason_label("low_confidence")),
        ("out_of_scope", "nothing the bot knows of (0.31)", reason_label("out_of_scope")),
        ("question_left", "not answered yet: “Is it dry?”", "not answered yet: “Is it dry?”"),
        ("transferred", "", reason_label("transferred")),
    ],
)
def test_the_history_tells_reasons_without_figures(code: str, detail: str, line: str) -> None:
    assert reason_line(Reason(code=code, detail=detail)) == line


def test_every_reason_has_a_label_for_agents() -> None:
    """Codes of the policy and of the gateway have labels; a plugin's code is its own."""
    assert all(reason_label(code) != code for code in Reasons.model_fields)
    assert reason_label("unclaimed") == "Nobody took it in time"
    assert reason_label("my_plugin.broken_thing") == "My plugin broken thing"
