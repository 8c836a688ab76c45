"""The handlers: hand-over, clarifying question and fallback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from channels.email import composing
from gateway import Context, Fact, MoodLabel, Reason, Reply, Route, Turn, packaged_yaml
from gateway.cli.main import command
from gateway.pipeline import consent, verification
from gateway.pipeline.by_mail import mail_words
from plugins.escalation import Escalation, EscalationSettings, Fallback, HandoverTexts
from plugins.escalation.texts import ALONE, EMAIL_TITLES, HARM_KINDS, OPTIONAL, TEXTS
from plugins.faq.handler import UNANSWERED
from tests.routing.builders import bot, customer, person, turn, understood

SPOKEN = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "ar", "ja")
PLACEHOLDER = re.compile(r"{(\w{1,20})}")
MONDAY = "2026-11-30T09:00:00+01:00"


def handlers(**known: Any) -> tuple[Escalation, Fallback]:
    settings = EscalationSettings.model_validate(known)
    texts = HandoverTexts(settings.words, settings.emergency_numbers)
    return Escalation(
        texts=texts,
        titles=settings.titles,
        never_offer=settings.never_offer,
        choices=settings.choices,
        least=settings.least,
    ), Fallback(texts=texts)


def escalated(*codes: str, **known: Any) -> Turn:
    reasons = tuple(Reason(code=code) for code in codes or ("asked_for_person",))
    return turn(**known).replace(route=Route(action="escalate", tier="front", reasons=reasons))


def clarified(**known: Any) -> Turn:
    return turn(**known).replace(route=Route(action="clarify"))


async def reply_to(of: Turn, **settings: Any) -> Reply:
    reply = await handlers(**settings)[0].handle(of)
    assert reply is not None
    return reply


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("label", get_args(MoodLabel))
async def test_a_hand_over_is_one_text_without_cheer(language: str, label: MoodLabel) -> None:
    """In each language and mood it has no exclamation mark, and leaves the opener to the voice."""
    reply = await reply_to(escalated(of=understood(label=label, intensity=0.9, language=language)))
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
async def test_the_text_fits_the_mood(label: MoodLabel, words: str) -> None:
    """An angry customer gets another text than a worried one."""
    reply = await reply_to(escalated(of=understood(label=label)))
    assert words in reply.body[0]


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (("plugin_failed", "strong_emotion"), "went wrong on our side"),
        (("unreadable", "low_confidence"), "could not open your message"),
        (("no_words",), "A person in our team will look at it"),
        (("strong_emotion", "plugin_failed"), "passing you to a person"),
    ],
)
async def test_our_own_failures_are_admitted(codes: tuple[str, ...], words: str) -> None:
    """When something on our side failed first, the customer is told so."""
    reply = await reply_to(escalated(*codes))
    assert words in reply.body[0]


@pytest.mark.parametrize(
    ("language", "when"),
    [
        ("en", "Monday 30 November at 09:00"),
        ("de", "Montag, 30. November, 09:00 Uhr"),
        ("fr", "lundi 30 novembre à 09:00"),
        ("es", "lunes 30 de noviembre a las 9:00"),
        ("ar", "الإثنين 30 نوفمبر الساعة 09:00"),
        ("it", "lunedì 30 novembre alle 09:00"),
        ("pt", "segunda-feira, 30 de novembro, às 09:00"),
        ("nl", "maandag 30 november om 09:00"),
    ],
)
async def test_the_next_opening_is_a_fact(language: str, when: str) -> None:
    """Outside opening hours the reply gives the next opening, in the time zone of the business."""
    reply = await reply_to(escalated(of=understood(language=language), opening=MONDAY))
    assert reply.facts == (Fact(name="opening", value=when),)
    assert when in reply.body[1]


async def test_the_same_opening_is_given_once() -> None:
    """A customer who knows the next opening is not told again; another opening is given."""
    given = bot("handover", text="We are back on Monday 30 November at 09:00.")
    again = escalated(opening=MONDAY, history=(customer(), given, person()))
    assert len((await reply_to(again)).body) == 1
    later = again.replace(opening="2026-12-01T09:00:00+01:00")
    assert len((await reply_to(later)).body) == 2


async def test_a_language_without_words_gets_english() -> None:
    """A customer who writes Danish gets the hand-over in English."""
    reply = await reply_to(escalated(of=understood(language="da")))
    assert (reply.language, reply.body[0]) == ("en", TEXTS["handover"]["en"])


@pytest.mark.parametrize("language", SPOKEN)
async def test_an_unserved_language_is_named_in_that_language(language: str) -> None:
    """The text has no opener in another language. The next opening is given in the best language
    there is."""
    reply = await reply_to(escalated("language", of=understood(language=language)))
    assert (reply.language, reply.opener) == (language, "")
    assert reply.body == (TEXTS["not_served"][language],)
    late = await reply_to(escalated("language", of=understood(language=language), opening=MONDAY))
    assert len(late.body) == 2


# -- harm ----------------------------------------------------------------------------------------

EUROPEAN = ("de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr")
WHEN: dict[str, Any] = {
    "open": {},
    "closed": {"opening": MONDAY},
    "alerted": {"opening": MONDAY, "alarms": True},
}


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("when", WHEN)
async def test_harm_has_words_of_its_own(language: str, when: str) -> None:
    """In every language that we know words of harm in: first whether they are safe and whom to
    call, then who has the message; without opener, cheer or a promise that nobody keeps."""
    of = understood(language=language, label="pleased", intensity=0.9)
    reply = await reply_to(escalated("harm", "language", of=of, **WHEN[when]))
    assert (reply.language, reply.opener, reply.purpose) == (language, "", "handover")
    safe, now = reply.body
    number = "112" if language in EUROPEAN else TEXTS["harm_number"][language]
    assert {"?", "؟", "。"} & set(safe)
    assert number in safe
    assert not {"!", "¡", "！", "{", "}"} & set(safe + now)
    assert (number in now) == (when != "open")
    assert ("09:00" in now or "9:00" in now) == (when == "closed")
    assert ("112" in {fact.value for fact in reply.facts}) == (language in EUROPEAN)


@pytest.mark.parametrize("code", ["plugin_failed", "unreadable", "language", "strong_emotion"])
async def test_the_text_about_harm_wins(code: str) -> None:
    """Over the texts for our failures, other languages and moods."""
    reply = await reply_to(escalated(code, "harm", of=understood(label="angry", language="it")))
    assert reply.body[0].startswith("È al sicuro?")


@pytest.mark.parametrize(
    ("numbers", "language", "country", "number"),
    [
        ({}, "de", None, "112"),
        ({}, "en", None, "your local emergency number"),
        ({"en": "999"}, "en", None, "999"),
        ({"default": "911"}, "es", None, "911"),
        ({"default": "911"}, "en", None, "911"),
        ({"default": "911", "es": "112"}, "es", None, "112"),
        ({"CH": "144", "de": "112"}, "de", "ch", "144"),
        ({"CH": "144"}, "de", "AT", "112"),
        ({"default": "000"}, "ko", None, "000"),
    ],
)
async def test_the_emergency_number_comes_from_the_settings(
    numbers: dict[str, str], language: str, country: str | None, number: str
) -> None:
    """The number of the customer's country, of the language, the shop's own, or none."""
    facts = (Fact(name="country", value=country),) if country else ()
    subject = escalated("harm", of=understood(language=language), context=Context(facts=facts))
    reply = await reply_to(subject, emergency_numbers=numbers)
    assert number in reply.body[0]


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ({"de": "one one two"}, "is not a phone number; write it as"),
        ({"de": ""}, "is not a phone number"),
        ({"de": "112 "}, "is not a phone number"),
        ({"german": "112"}, "`german` is no language"),
        ({"Us": "911"}, "`Us` is no language"),
    ],
)
def test_invalid_emergency_numbers_are_refused(numbers: dict[str, str], problem: str) -> None:
    """They are found at start-up, not in an emergency."""
    with pytest.raises(ValidationError, match=problem):
        EscalationSettings(emergency_numbers=numbers)


async def test_own_words_about_harm() -> None:
    """The shop's text for its language; the others stay as packaged."""
    words = {"handover_harm": {"en": "Put it outside. Call {number}. Is anybody hurt?"}}
    numbers = {"en": "999"}
    reply = await reply_to(escalated("harm"), words=words, emergency_numbers=numbers)
    assert reply.body == (
        "Put it outside. Call 999. Is anybody hurt?",
        TEXTS["harm_told"]["en"],
    )


@pytest.mark.parametrize("closed", [False, True])
async def test_an_own_text_needs_no_closing_time(closed: bool) -> None:
    """A shop that added only ``not_served`` in a language gets it alone, in place of a failure."""
    words = {"not_served": {"da": "Vi svarer snart."}}
    if closed:
        words |= {"closed": {"da": "Luk igen: {when}."}, "opening": {"da": "dddd D"}}
    reply = await reply_to(
        escalated("language", of=understood(language="da"), opening=MONDAY), words=words
    )
    assert reply.body == ("Vi svarer snart.", *(["Luk igen: mandag 30."] if closed else []))


# -- failures --------------------------------------------------------------------------------------


async def test_a_failed_timer_is_silent() -> None:
    """A customer who did not write hears nothing of a failed follow-up."""
    reply = await reply_to(escalated("plugin_failed", kind="timer", name="followup"))
    assert (reply.body, reply.next_step, reply.opener) == ((), None, None)


@pytest.mark.parametrize("action", ["automate", "pass"])
async def test_other_routes_are_ignored(action: Any) -> None:
    """Turns that the bot may answer or a person has are left to other handlers."""
    assert await handlers()[0].handle(turn().replace(route=Route(action=action))) is None


# -- clarifying question ---------------------------------------------------------------------------


async def test_the_question_offers_the_likeliest_intents() -> None:
    """They are buttons, with titles from the settings or from the names of the intents."""
    titles = {"delivery": {"en": "When will it arrive?", "de": "Wann kommt es?"}, "returns": "Back"}
    ranking = understood("delivery", 0.3, others=("greeting", "returns", "gift_card", "sizes"))
    reply = await reply_to(clarified(of=ranking), titles=titles)
    assert reply.purpose == "clarify"
    assert [(b.title, b.payload) for b in reply.buttons] == [
        ("When will it arrive?", "When will it arrive?"),
        ("Back", "Back"),
        ("Gift card", "Gift card"),
    ]
    assert sum("?" in line for line in reply.body) == 1


@pytest.mark.parametrize("language", SPOKEN)
async def test_an_open_question_without_likely_intents(language: str) -> None:
    """With fewer than two intents to offer it asks the customer to rephrase, without buttons."""
    reply = await reply_to(clarified(of=understood("delivery", 0.1, language=language)))
    assert (reply.body, reply.buttons) == ((TEXTS["clarify_open"][language],), ())


async def test_titles_in_the_customers_language() -> None:
    """An intent without a title in the language is not offered. The name of one without any is
    offered in English only: a question is in one language."""
    ranking = understood("delivery", 0.3, others=("returns", "help/me_now"), language="de")
    titles = {"delivery": {"de": "Wann kommt es?"}, "returns": {"en": "Returns"}}
    reply = await reply_to(clarified(of=ranking), titles=titles)
    assert reply.buttons == ()
    english = understood("returns", 0.3, others=("delivery", "help/me_now"))
    reply = await reply_to(clarified(of=english), titles=titles)
    assert [b.title for b in reply.buttons] == ["Returns", "Help me now"]


async def test_unlikely_intents_are_not_offered() -> None:
    """An intent below the least confidence gets no button."""
    ranking = understood("delivery", 0.3, others=("returns", "sizes"))
    assert (await reply_to(clarified(of=ranking), least=0.31)).buttons == ()


# -- fallback --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", SPOKEN)
async def test_the_fallback_offers_a_person(language: str) -> None:
    """The first time without an answer, the bot says so and offers a person."""
    reply = await handlers()[1].handle(turn(of=understood(language=language)))
    assert reply
    assert (reply.purpose, reply.escalate, reply.language) == ("fallback", (), language)
    assert [b.title for b in reply.buttons] == [TEXTS["person_button"][language]]


async def test_the_second_fallback_is_a_hand_over() -> None:
    """A person who had the conversation in between resets the count."""
    again = turn(history=(customer(), bot("fallback"), customer(ago=3)))
    reply = await handlers()[1].handle(again)
    assert reply
    assert reply.purpose == "handover"
    assert [reason.code for reason in reply.escalate] == ["bot_failed"]
    anew = await handlers()[1].handle(turn(history=(bot("fallback"), person())))
    assert anew
    assert anew.purpose == "fallback"


@pytest.mark.parametrize(
    "of", [turn(kind="event", name="resolved"), turn(kind="timer", name="x"), escalated()]
)
async def test_the_fallback_answers_messages_only(of: Turn) -> None:
    """Timers, events and hand-overs are ignored."""
    assert await handlers()[1].handle(of) is None


def test_the_fallback_comes_last() -> None:
    """The hand-over comes before all answers, the fallback after all."""
    first, last = handlers()
    assert first.priority < 50 < last.priority


# -- texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_every_text_exists_in_every_language(kind: str) -> None:
    """In each with the same placeholders, so no reply mixes languages or leaves something out."""
    assert set(TEXTS[kind]) == set(SPOKEN)
    names = {language: PLACEHOLDER.findall(text) for language, text in TEXTS[kind].items()}
    assert {tuple(sorted(found)) for found in names.values()} == {tuple(sorted(names["en"]))}


def test_no_text_is_that_of_another_language() -> None:
    """None was copied and left untranslated, but for patterns of dates."""
    for kind in TEXTS.keys() - {"opening"}:
        assert len(set(TEXTS[kind].values())) == len(SPOKEN), kind


async def test_settings_replace_single_texts() -> None:
    """The other texts stay as packaged."""
    words = {"handover": {"en": "Ana will answer you."}, "closed": {"en": "Back on {when}."}}
    reply = await reply_to(escalated(opening=MONDAY), words=words)
    assert reply.body == ("Ana will answer you.", "Back on Monday 30 November at 09:00.")


async def test_settings_can_add_a_language() -> None:
    """A language that has every text is used. Those of `OPTIONAL` may be missing, and those about
    harm may stay as packaged."""
    apart = {*OPTIONAL, *HARM_KINDS}
    words = {kind: {"da": "Et øjeblik."} for kind in TEXTS if kind not in apart}
    words["closed"] = {"da": "Tilbage {when}."}
    words["opening"] = {"da": "dddd D MMMM HH:mm"}
    reply = await reply_to(escalated(of=understood(language="da"), opening=MONDAY), words=words)
    assert reply.body == ("Et øjeblik.", "Tilbage mandag 30 november 09:00.")


@pytest.mark.parametrize("language", SPOKEN)
async def test_one_own_text_works_alone(language: str) -> None:
    """In every packaged language, without the other kinds."""
    words = {"handover": {language: "Ana."}}
    reply = await reply_to(escalated(of=understood(language=language)), words=words)
    assert (reply.language, reply.body) == (language, ("Ana.",))


@pytest.mark.parametrize(
    ("words", "warned", "lacking"),
    [
        ({"handover": {"pt": "Ana."}, "not_served": {"da": "Vi svarer."}}, [], ""),
        (
            {"handover": {"da": "Ana svarer."}, "matter": {"da": "{matter}"}},
            ["handover.da"],
            "lacks handover_upset, handover_worried, handover_urgent, not_served, failed",
        ),
        ({kind: {"da": TEXTS[kind]["sv"]} for kind in TEXTS}, [], ""),
        (
            {kind: {"da": TEXTS[kind]["sv"]} for kind in TEXTS if kind != "failed"},
            [f"{kind}.da" for kind in TEXTS if kind not in ALONE | {"failed"}],
            "lacks failed; ",
        ),
    ],
)
def test_texts_that_wait_for_others_are_warned_of(
    tmp_path: Path, words: dict[str, dict[str, str]], warned: list[str], lacking: str
) -> None:
    """`warmline check` names the text that nobody reads, and the kinds that are missing."""
    file = tmp_path / "warmline.yaml"
    tree = {"data_dir": str(tmp_path), "plugins": {"escalation": {"words": words}}}
    file.write_text(json.dumps(tree), "utf-8")
    result = CliRunner().invoke(command(), ["check", "--config", str(file)])
    assert result.exit_code == 0
    found = re.findall(r"plugins\.escalation\.words\.([\w.]{1,40}): (.{1,300})", result.output)
    assert [key for key, _ in found if key.endswith("da")] == warned
    for _, message in found:
        assert lacking in message


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"goodbye": {"en": "Bye"}}, "unknown kind of text `goodbye`"),
        ({"closed": {"en": "Closed."}}, "put {when} where the date belongs"),
        ({"matter": {"en": "Noted."}}, "put {matter} where it belongs"),
        ({"ask": {"en": "Tell me more."}}, "put {details} where it belongs"),
        ({"handover_harm": {"en": "Call 911."}}, "put {number} where it belongs"),
        ({"harm_alerted": {"en": "Back on {when}."}}, "has a brace"),
        ({"handover": {"en": "Hello {name}"}}, "has a brace"),
        ({"opening": {"xx": "dddd"}}, "Unsupported locale"),
    ],
)
def test_invalid_texts_are_refused(words: dict[str, dict[str, str]], problem: str) -> None:
    """A text that cannot be rendered is found at start-up, not at a hand-over."""
    with pytest.raises(ValidationError, match=problem):
        EscalationSettings(words=words)


def other_texts() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every other packaged table that customers read, by its name."""
    yield "e-mail titles", EMAIL_TITLES
    yield "verification", verification.TEXTS
    yield "consent", consent.CONFIRMED
    yield "consent again", consent.RESUMED
    for name, of in (("question", 0), ("questions", 1)):
        yield f"unanswered {name}", {code: says[of] for code, says in UNANSWERED.items()}
    yield "mail's subject", mail_words.SUBJECT
    yield "mail", mail_words.MAIL
    yield "mail's person", composing.PERSON
    yield "mail's quotation", composing.YOU_WROTE
    asked = packaged_yaml("plugins.knowledge.answering", "texts.yaml")
    for kind in ("elsewhere", "updated", "date", "from", "which", "this", "languages"):
        yield f"sources {kind}", asked[kind]
    survey = packaged_yaml("plugins.followup", "texts.yaml")
    yield from ((f"survey {name}", texts) for name, texts in _tables(survey))


def _tables(tree: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    if "en" in tree:
        yield name, tree
    else:
        for key, below in tree.items():
            yield from _tables(below, f"{name}.{key}")


@pytest.mark.parametrize(("name", "texts"), [*other_texts()])
def test_the_other_texts_exist_in_every_language(name: str, texts: Mapping[str, Any]) -> None:
    """Those of sources, surveys, consent and mails too, with the same placeholders."""
    assert set(texts) == set(SPOKEN), name
    found = {language: sorted(PLACEHOLDER.findall(str(text))) for language, text in texts.items()}
    assert found == dict.fromkeys(SPOKEN, found["en"])
