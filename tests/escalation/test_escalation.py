"""The bot steps back, asks back, or owns that it has no answer."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from gateway import Fact, MoodLabel, Reason, Reply, Route, Turn
from plugins.escalation import Escalation, EscalationSettings, Fallback, Words
from plugins.escalation.words import LINES
from tests.routing.builders import bot, customer, person, turn, understood

SPOKEN = ("en", "de", "fr", "es", "ar")
UNSERVED = ("it", "pt", "nl", "pl", "sv", "tr", "ja")
MONDAY = "2026-11-30T09:00:00+01:00"


def made(**known: Any) -> tuple[Escalation, Fallback]:
    mine = EscalationSettings.model_validate(known)
    words = Words(mine.words)
    return Escalation(
        words=words,
        titles=mine.titles,
        never_offer=mine.never_offer,
        choices=mine.choices,
        least=mine.least,
    ), Fallback(words=words)


def escalated(*codes: str, **known: Any) -> Turn:
    reasons = tuple(Reason(code=code) for code in codes or ("asked_for_person",))
    return turn(**known).replace(route=Route(action="escalate", tier="front", reasons=reasons))


def clarified(**known: Any) -> Turn:
    return turn(**known).replace(route=Route(action="clarify"))


async def said(of: Turn, **settings: Any) -> Reply:
    reply = await made(**settings)[0].handle(of)
    assert reply is not None
    return reply


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("label", get_args(MoodLabel))
async def test_a_hand_over_is_one_line_without_cheer(language: str, label: MoodLabel) -> None:
    """In each language and mood: one line, no exclamation mark, and the opener is the voice's."""
    reply = await said(escalated(of=understood(label=label, intensity=0.9, language=language)))
    assert (reply.purpose, reply.language, reply.opener) == ("handover", language, None)
    assert len(reply.body) == 1
    assert not {"!", "¡"} & set(reply.body[0])


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("calm", "passing you to a person"),
        ("frustrated", "do not have to explain it again"),
        ("angry", "do not have to explain it again"),
        ("anxious", "look at it with you"),
        ("urgent", "marked it as urgent"),
    ],
)
async def test_the_line_fits_the_mood(label: MoodLabel, words: str) -> None:
    """What helps an angry customer is not what helps a worried one."""
    reply = await said(escalated(of=understood(label=label)))
    assert words in reply.body[0]


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (("plugin_failed", "strong_emotion"), "went wrong on our side"),
        (("unreadable", "low_confidence"), "could not open your message"),
        (("strong_emotion", "plugin_failed"), "passing you to a person"),
    ],
)
async def test_our_own_failures_are_owned(codes: tuple[str, ...], words: str) -> None:
    """When something of ours failed, the customer is told so."""
    reply = await said(escalated(*codes))
    assert words in reply.body[0]


@pytest.mark.parametrize(
    ("language", "when"),
    [
        ("en", "Monday 30 November at 09:00"),
        ("de", "Montag, 30. November, 09:00 Uhr"),
        ("fr", "lundi 30 novembre à 09:00"),
        ("es", "lunes 30 de noviembre a las 9:00"),
        ("ar", "الإثنين 30 نوفمبر الساعة 09:00"),
    ],
)
async def test_out_of_hours(language: str, when: str) -> None:
    """A customer is told when people are back, on the clock of the business, as a fact."""
    reply = await said(escalated(of=understood(language=language), opening=MONDAY))
    assert reply.facts == (Fact(name="opening", value=when),)
    assert when in reply.body[1]


async def test_out_of_hours_is_told_once() -> None:
    """Who was told when people are back is not told again; another opening is news."""
    told = bot("handover", text="We are back on Monday 30 November at 09:00.")
    again = escalated(opening=MONDAY, history=(customer(), told, person()))
    assert len((await said(again)).body) == 1
    later = again.replace(opening="2026-12-01T09:00:00+01:00")
    assert len((await said(later)).body) == 2


async def test_a_language_without_words_gets_english() -> None:
    """Who writes Dutch is told in English that a person answers."""
    reply = await said(escalated(of=understood(language="nl")))
    assert (reply.language, reply.body[0]) == ("en", LINES["handover"]["en"])


@pytest.mark.parametrize("language", [*SPOKEN, *UNSERVED])
async def test_a_language_that_is_not_served_is_said_in_it(language: str) -> None:
    """Who writes in a language the bot does not serve is told so in that language, without an
    opener in another; out of hours, when is said in the best language there is."""
    reply = await said(escalated("language", of=understood(language=language)))
    assert (reply.language, reply.opener) == (language, "")
    assert reply.body == (LINES["not_served"][language],)
    late = await said(escalated("language", of=understood(language=language), opening=MONDAY))
    assert len(late.body) == 2


async def test_a_failed_timer_is_silent() -> None:
    """Nobody is written to out of the blue because a follow-up failed."""
    reply = await said(escalated("plugin_failed", kind="timer", name="followup"))
    assert (reply.body, reply.next_step, reply.opener) == ((), None, None)


@pytest.mark.parametrize("action", ["automate", "pass"])
async def test_it_keeps_out_of_the_rest(action: Any) -> None:
    """What the bot may answer, or a person has, is not the hand-over's."""
    assert await made()[0].handle(turn().replace(route=Route(action=action))) is None


# -- asking back ---------------------------------------------------------------------------------


async def test_asking_back_offers_the_likeliest() -> None:
    """One question with the best intents as buttons, titled by the settings or by their names."""
    titles = {"delivery": {"en": "When will it arrive?", "de": "Wann kommt es?"}, "returns": "Back"}
    ranking = understood("delivery", 0.3, others=("greeting", "returns", "gift_card", "sizes"))
    reply = await said(clarified(of=ranking), titles=titles)
    assert reply.purpose == "clarify"
    assert [(b.title, b.payload) for b in reply.buttons] == [
        ("When will it arrive?", "When will it arrive?"),
        ("Back", "Back"),
        ("Gift card", "Gift card"),
    ]
    assert sum("?" in line for line in reply.body) == 1


@pytest.mark.parametrize("language", SPOKEN)
async def test_asking_back_without_a_clue(language: str) -> None:
    """With fewer than two intents to offer it asks for other words, without buttons."""
    reply = await said(clarified(of=understood("delivery", 0.1, language=language)))
    assert (reply.body, reply.buttons) == ((LINES["clarify_open"][language],), ())


async def test_titles_in_the_customers_language() -> None:
    """An intent whose title lacks the language is not offered; one without titles has its name."""
    ranking = understood("delivery", 0.3, others=("returns", "help/me_now"), language="de")
    titles = {"delivery": {"de": "Wann kommt es?"}, "returns": {"en": "Returns"}}
    reply = await said(clarified(of=ranking), titles=titles)
    assert [b.title for b in reply.buttons] == ["Wann kommt es?", "Help me now"]


async def test_guesses_that_are_none_are_not_offered() -> None:
    """What is hardly likelier than chance is no help to who reads it."""
    ranking = understood("delivery", 0.3, others=("returns", "sizes"))
    assert (await said(clarified(of=ranking), least=0.31)).buttons == ()


# -- the dead end --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", SPOKEN)
async def test_no_answer_is_owned(language: str) -> None:
    """The first time the bot says so and offers a person."""
    reply = await made()[1].handle(turn(of=understood(language=language)))
    assert reply
    assert (reply.purpose, reply.escalate, reply.language) == ("fallback", (), language)
    assert [b.title for b in reply.buttons] == [LINES["person_button"][language]]


async def test_the_second_dead_end_is_a_hand_over() -> None:
    """Twice without an answer, a person takes over; a person between begins anew."""
    again = turn(history=(customer(), bot("fallback"), customer(ago=3)))
    reply = await made()[1].handle(again)
    assert reply
    assert reply.purpose == "handover"
    assert [reason.code for reason in reply.escalate] == ["bot_failed"]
    anew = await made()[1].handle(turn(history=(bot("fallback"), person())))
    assert anew
    assert anew.purpose == "fallback"


@pytest.mark.parametrize(
    "of", [turn(kind="event", name="resolved"), turn(kind="timer", name="x"), escalated()]
)
async def test_the_dead_end_is_for_messages_alone(of: Turn) -> None:
    """Timers and events that nobody handles are no dead end, nor is a hand-over."""
    assert await made()[1].handle(of) is None


def test_the_dead_end_comes_last() -> None:
    """The hand-over is asked before all answers, the dead end after all."""
    first, last = made()
    assert first.priority < 50 < last.priority


# -- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(LINES))
def test_every_line_is_there_in_every_language(kind: str) -> None:
    """No customer gets half of it in another language; that theirs is not served they are told
    in many more."""
    more = UNSERVED if kind == "not_served" else ()
    assert set(LINES[kind]) == {*SPOKEN, *more}


async def test_words_of_ones_own() -> None:
    """A line of the settings takes the place of ours; the others stay."""
    words = {"handover": {"en": "Ana will answer you."}, "closed": {"en": "Back on {when}."}}
    reply = await said(escalated(opening=MONDAY), words=words)
    assert reply.body == ("Ana will answer you.", "Back on Monday 30 November at 09:00.")


async def test_a_language_of_ones_own() -> None:
    """A language that has every line is spoken."""
    words = {kind: {"nl": "Even geduld."} for kind in LINES}
    words["closed"] = {"nl": "Terug op {when}."}
    words["opening"] = {"nl": "dddd D MMMM HH:mm"}
    reply = await said(escalated(of=understood(language="nl"), opening=MONDAY), words=words)
    assert reply.body == ("Even geduld.", "Terug op maandag 30 november 09:00.")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"goodbye": {"en": "Bye"}}, "no line is called `goodbye`"),
        ({"closed": {"en": "Closed."}}, "put {when} where the date belongs"),
        ({"handover": {"en": "Hello {name}"}}, "has a brace"),
        ({"opening": {"xx": "dddd"}}, "Unsupported locale"),
    ],
)
def test_wrong_words_stop_the_start(words: dict[str, dict[str, str]], problem: str) -> None:
    """A line that could not be said is found at start-up, not at a hand-over."""
    with pytest.raises(ValidationError, match=problem):
        EscalationSettings(words=words)
