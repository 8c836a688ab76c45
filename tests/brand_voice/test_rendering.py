"""How a reply is rendered, by channel and mood."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from brand_voice import load
from brand_voice.compiled import CompiledGuide
from brand_voice.rewriting import EMOJI
from gateway import Button, Fact, Link, Rendered, Reply, SurveyQuestion, Voice
from plugins.escalation.texts import TEXTS
from plugins.followup.texts import TEXTS as SURVEY

from .builders import CHANNELS, MOODS, SERIOUS, render_context

Render = Callable[..., Rendered]

PARCEL = Reply(
    body=("Order A-10293 left our warehouse on 5 December.", "It needs 2 to 3 working days."),
    next_step="Great news: if it is late, we send a new one!",
    links=(Link(title="Track your parcel", url="https://shop.example/track?id=A-10293"),),
    facts=(Fact(name="order", value="A-10293"),),
    buttons=(Button(title="Track it", payload="track"), Button(title="A person", payload="human")),
)


@pytest.mark.parametrize(
    ("mood", "written", "rendered"),
    [
        ("calm", "Your refund is on its way!", "Your refund is on its way!"),
        ("calm", "Done!!!", "Done!"),
        ("angry", "Your refund is on its way!", "Your refund is on its way."),
        (
            "angry",
            "Great news! Your refund of 20 € is on its way!!",
            "Your refund of 20 € is on its way.",
        ),
        ("angry", "Great, your refund of 20 € left.", "Your refund of 20 € left."),
        ("angry", "Your refund left - have a great day!", "Your refund left."),
        ("frustrated", "We are delighted to refund 20 €! 🎉", "We can refund 20 €."),
        ("anxious", "Really?!", "Really?"),
        ("urgent", "¡Hola! Ya está.", "Hola. Ya está."),
        ("frustrated", "C'est fait !", "C'est fait."),
        ("angry", 'The sign says "Great news!" in red.', 'The sign says "Great news!" in red.'),
        ("angry", "This is a great service for you.", "This is a great service for you."),
        ("angry", "Awesome, A-17.", "A-17."),
        ("angry", "It left, awesome: A-17!", "It left, awesome: A-17."),
        ("angry", "Well - great 42!", "Well - great 42."),
        ("calm", "Great news! It left.", "Great news! It left."),
        ("calm", "Please note that returns are free.", "Returns are free."),
        ("calm", "You can utilise the form. Utilise it.", "You can use the form. Use it."),
        ("calm", "We apologise for any inconvenience. It left.", "It left."),
        ("calm", "I’m a human.", "I'm an automated assistant."),
        ("angry", "Great!", "Understood."),
        ("calm", "See [our page](https://a.example/b).", "See our page (https://a.example/b)."),
        ("calm", "It is **free**.", "It is free."),
    ],
)
def test_words_follow_the_mood(render: Render, mood: str, written: str, rendered: str) -> None:
    """Cheer, emphasis and filler are removed where they do not fit; facts and quotations stay."""
    assert render(written, mood=mood).parts == (rendered,)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar", "it"])
@pytest.mark.parametrize("mood", SERIOUS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_serious_moods_have_no_exclamation_mark_or_emoji(
    voice: Voice, channel: str, mood: str, language: str
) -> None:
    """In any language, on any channel."""
    reply = PARCEL.replace(language=language, survey=SurveyQuestion())
    rendered = "\n".join(
        voice.render(reply, render_context(channel, mood, first=True, customer="Ana")).parts
    )
    assert "!" not in rendered
    assert not EMOJI.search(rendered)
    assert "A-10293" in rendered


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar"])
def test_openers_differ_by_mood_and_stay_the_same(voice: Voice, language: str) -> None:
    """A mood has its own openers; the same reply always gets the same one."""
    seen = {}
    for mood in MOODS:
        reply = Reply(body=("42.",), language=language)
        once, again = (voice.render(reply, render_context("webchat", mood)).parts for _ in range(2))
        assert once == again
        seen[mood] = once[0].removesuffix("42.")
    assert seen.pop("calm") == ""
    assert len(set(seen.values())) == len(MOODS) - 1
    assert all(seen.values())


def test_openers_vary(voice: Voice) -> None:
    """Different replies to one mood do not all begin alike."""
    rendered = {
        voice.render(Reply(body=(f"Line {n}.",)), render_context("webchat", "angry"))
        .parts[0]
        .split("Line")[0]
        for n in range(30)
    }
    assert len(rendered) == 3


@pytest.mark.parametrize(
    ("opener", "mood", "rendered"),
    [
        ("", "angry", "It left."),
        ("Thank you for waiting.", "angry", "Thank you for waiting. It left."),
        ("Awesome!", "calm", "Awesome! It left."),
    ],
)
def test_a_handlers_opener_is_kept(render: Render, opener: str, mood: str, rendered: str) -> None:
    """If it fits the mood; an empty one means none."""
    assert render(Reply(opener=opener, body=("It left.",)), mood=mood).parts == (rendered,)


def test_a_cheerful_opener_is_replaced(render: Render) -> None:
    """At a serious mood the guide's opener replaces it, and `applied` says so."""
    rendered = render(Reply(opener="Awesome!", body=("It left.",)), mood="angry")
    assert rendered.parts[0].endswith("It left.")
    assert "sorry" in rendered.parts[0]
    assert {"cheer", "opener"} <= {applied.rule for applied in rendered.applied}


@pytest.mark.parametrize("purpose", ["fallback", "handover"])
def test_a_mood_can_have_openers_for_answers_only(render: Render, purpose: str) -> None:
    """A pleased customer gets no cheerful opener before a fallback or a hand-over."""
    assert render(Reply(body=("A line.",), purpose=purpose), mood="pleased").parts == ("A line.",)
    assert render(Reply(body=("A line.",)), mood="pleased").parts != ("A line.",)


@pytest.mark.parametrize(
    ("language", "body"),
    [
        ("en", "I am sorry about the broken cup."),
        ("de", "Wir bitten um Entschuldigung."),
        ("de", "Bitte entschuldigen Sie den Fehler."),
    ],
)
def test_a_reply_apologises_once(render: Render, language: str, body: str) -> None:
    """A body that apologises gets no opener that apologises."""
    reply = Reply(body=(body,), language=language)
    assert render(reply, mood="angry").parts == (body,)


@pytest.mark.parametrize("purpose", ["survey", "thanks", "notice", "message"])
def test_other_purposes_have_no_opener(render: Render, purpose: str) -> None:
    """Surveys, thanks and notices have no word about the mood."""
    assert render(Reply(body=("A line.",), purpose=purpose), mood="angry").parts == ("A line.",)


@pytest.mark.parametrize(
    ("channel", "mood", "customer", "start"),
    [
        ("webchat", "calm", "Ana Pérez", "Hello Ana, this is the automated assistant. Open"),
        ("webchat", "calm", None, "Hello, this is the automated assistant. Open"),
        ("webchat", "calm", "<b>free money</b>", "Hello, this is the automated assistant. Open"),
        ("webchat", "calm", "Win 100 € at https://x.example", "Hello, this is the automated"),
        ("webchat", "angry", "Ana", "Open"),
        ("email", "calm", "Ana", "Hello Ana,\n\nOpen"),
        ("email", "angry", "Ana", "Hello Ana,\n\nOpen"),
        ("sms", "calm", "Ana", "Open"),
    ],
)
def test_the_first_reply_greets(
    render: Render, channel: str, mood: str, customer: str | None, start: str
) -> None:
    """Where it fits, with the customer's name if it looks like one; it says that it is a bot."""
    rendered = render("Open 9 to 5.", channel=channel, mood=mood, customer=customer, first=True)
    assert rendered.parts[0].startswith(start)
    assert (
        render("Open.", channel=channel, mood=mood, customer=customer).parts[0].startswith("Open")
    )


def test_a_reply_greets_once(render: Render) -> None:
    """A reply that already greets gets no second greeting."""
    rendered = render("Hello. What can I do for you?", first=True, customer="Ana")
    assert rendered.parts == ("Hello. What can I do for you?",)


def test_the_bot_signs_mails_as_a_machine(render: Render) -> None:
    """An agent's mail gets no signature."""
    assert render("Open.", channel="email").parts == (
        "Open.\n\nKind regards\nThe automated assistant",
    )
    assert render("Open.", channel="email", author="agent").parts == ("Open.",)


def test_numbered_buttons_become_lines(render: Render) -> None:
    """Titles that are numbered stand one below the other where there are no buttons."""
    titles = ("1. Returning sale goods", "2. Refunds")
    asked = PARCEL.replace(buttons=tuple(Button(title=each, payload=each) for each in titles))
    lines = "\n".join(render(asked, channel="email").parts)
    assert "\n1. Returning sale goods\n2. Refunds" in lines
    assert "1. Returning" not in "\n".join(render(asked, channel="webchat").parts)


def test_buttons_become_a_line_of_text(render: Render) -> None:
    """On a channel without buttons."""
    assert "You can answer: Track it or A person." in render(PARCEL, channel="sms").parts[0]
    assert "You can answer" not in render(PARCEL, channel="webchat").parts[0]
    asked = PARCEL.replace(buttons=(Button(title="What does it cost?", payload="cost"),))
    assert (
        'You can answer: "What does it cost?".\n\nKind' in render(asked, channel="email").parts[0]
    )
    three = PARCEL.replace(buttons=(*PARCEL.buttons, Button(title="Nothing", payload="no")))
    assert "answer: Track it, A person or Nothing." in render(three, channel="email").parts[0]


@pytest.mark.parametrize(
    ("channel", "scale", "line"),
    [
        ("sms", "stars", " Please answer with a number from 1 (not at all) to 5 (completely)."),
        ("email", "number", "\n\nPlease answer with a number from 1 (not at all) to 5"),
        ("sms", "text", " A few words are enough."),
        ("webchat", "stars", "\n\n1 means not at all, 5 means completely."),
        ("rest", "number", "\n\n1 means not at all, 5 means completely."),
        ("rest", "text", "\n\nA few words are enough."),
    ],
)
def test_a_line_says_how_to_answer_a_survey(
    render: Render, channel: str, scale: str, line: str
) -> None:
    """With a number where nothing can be clicked; elsewhere what the ends of the scale mean."""
    ask = Reply(body=("Did you feel heard?",), purpose="survey", survey=SurveyQuestion(scale=scale))
    assert render(ask, channel=channel).parts[0].startswith(f"Did you feel heard?{line}")


def test_links_follow_the_channel(render: Render) -> None:
    """An SMS has the bare address, others the title; an address in the text is not repeated."""
    url = "https://shop.example/a"
    reply = Reply(opener="", body=("Look.",), links=(Link(title="Our shop", url=url),))
    assert render(reply, channel="sms").parts == (f"Look. {url}",)
    assert render(reply, channel="email").parts[0].startswith(f"Look.\n\nOur shop: {url}\n")
    shown = reply.replace(body=(f"Look at {url}.",))
    assert render(shown, channel="sms").parts == (f"Look at {url}.",)
    longer = reply.replace(body=(f"Look at {url}/b.",))
    assert render(longer, channel="sms").parts == (f"Look at {url}/b. {url}",)


def test_a_reply_without_words_has_no_parts(render: Render) -> None:
    """It gets no greeting, opener or signature either."""
    assert render(Reply(), channel="email", mood="angry", first=True).parts == ()


def test_every_change_is_explained(render: Render) -> None:
    """`applied` names each rule, and the words before and after it."""
    rendered = render(PARCEL, channel="sms", mood="angry")
    rules = {applied.rule: (applied.before, applied.after) for applied in rendered.applied}
    assert rules["cheer"] == (
        "Great news: if it is late, we send a new one!",
        "If it is late, we send a new one!",
    )
    assert rules["exclamation"] == (
        "If it is late, we send a new one!",
        "If it is late, we send a new one.",
    )
    assert rules["buttons"] == ("", "You can answer: Track it or A person.")
    assert rules["opener"][0] == ""


def test_an_sms_is_spelled_in_gsm7_if_possible(render: Render) -> None:
    """Typography becomes plain; a fact or a name keeps its letters, which may need UCS-2."""
    rendered = render("It’s “open” – daily…", channel="sms")
    assert rendered.parts == ('It\'s "open" - daily...',)
    assert (rendered.encoding, rendered.segments) == ("GSM-7", 1)
    assert "transliteration" in {applied.rule for applied in rendered.applied}
    named = render("It’s for François.", channel="sms")
    assert (named.parts, named.encoding) == (("It’s for François.",), "UCS-2")
    fact = Reply(opener="", body=("Room 9–12.",), facts=(Fact(name="room", value="9–12"),))
    assert render(fact, channel="sms").parts == ("Room 9–12.",)
    assert render("Open 9–12.", channel="sms").parts == ("Open 9-12.",)
    assert render("It’s", channel="webchat").encoding is None


def test_parts_end_with_sentences(render: Render) -> None:
    """A long SMS is split between sentences, never within an amount, a date or an address."""
    line = "Item {} costs EUR 20.50 until 5. Dezember 2026, see https://a.example/x.y?z=1. "
    rendered = render("".join(line.format(n) for n in range(10)), channel="sms")
    assert len(rendered.parts) > 1
    assert all(part.startswith("Item ") and part.endswith("z=1.") for part in rendered.parts)
    assert rendered.segments is not None
    assert rendered.segments <= 3 * len(rendered.parts)


def test_the_guides_own_texts_are_removed_first(render: Render) -> None:
    """A reply that is too long loses its opener before it takes more parts; facts stay."""
    body = tuple(
        f"Step {n}: enter code {n * 1111} and wait for the light to turn green." for n in range(22)
    )
    rendered = render(Reply(body=body), channel="sms", mood="frustrated")
    assert len(rendered.parts) <= 3 or "more-parts" in {
        applied.rule for applied in rendered.applied
    }
    assert "shortened" in {applied.rule for applied in rendered.applied}
    assert all(str(n * 1111) in " ".join(rendered.parts) for n in range(22))
    assert rendered.parts[0].startswith("Step 0")


def test_a_long_sentence_is_cut_at_a_semicolon(render: Render) -> None:
    """If both halves are whole sentences; a list is left alone."""
    text = (
        "We send the parcel again at no cost to you at all; the old one can simply go back "
        "to the shop where it came from."
    )
    assert render(text, channel="sms").parts == (text.replace("; the", ". The"),)
    listed = (
        "We take all of these and some more besides, if asked: "
        "cards; PayPal; invoice; cash; gift cards; cheques."
    )
    assert render(listed, channel="sms").parts == (listed,)


def test_an_agents_words_do_not_change(render: Render) -> None:
    """The agent gets advice instead."""
    text = "GREAT!!! You should have utilised the **form** 🙂\n\n  See you."
    rendered = render(text, channel="webchat", mood="angry", author="agent")
    assert rendered.parts == (text,)
    assert rendered.applied == ()
    assert {"blame", "exclamation", "emoji", "formatting"} <= {
        applied.rule for applied in rendered.advice
    }


def test_an_agents_sms_is_respelled_and_split(render: Render) -> None:
    """What the channel requires applies to an agent's words, too."""
    rendered = render("It’s here – at last!", channel="sms", mood="angry", author="agent")
    assert rendered.parts == ("It's here - at last!",)
    long = render("A line of words that goes on. " * 40, channel="sms", author="agent")
    assert len(long.parts) == 3
    assert all(part.endswith("goes on.") for part in long.parts)


def test_the_guides_texts_fall_back_to_english(render: Render) -> None:
    """Where they cannot be left out, as how to answer a survey; a region counts as its language."""
    ask = Reply(
        opener="", body=("Er det OK?",), survey=SurveyQuestion(), language="da", purpose="survey"
    )
    assert render(ask, channel="sms").parts[0].startswith("Er det OK? Please answer with a number")
    swiss = ask.replace(language="de-CH", body=("Gut?",))
    assert render(swiss, channel="sms").parts[0].startswith("Gut? Bitte mit einer Zahl")


def test_a_usual_reply_is_rendered_fast(voice: Voice) -> None:
    """In less than half a millisecond, as the best of many."""
    where = render_context("sms", "angry", first=True, customer="Ana")
    best = float("inf")
    for _ in range(200):
        begun = time.perf_counter()
        voice.render(PARCEL, where)
        best = min(best, time.perf_counter() - begun)
    assert best < 0.0005


LINK = "[our returns page](https://shop.example/returns?order=4471)"
PLAIN_LINK = "our returns page: https://shop.example/returns?order=4471"


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_agents_titled_link(render: Render, channel: str) -> None:
    """The channel gets it where it makes a link of it; elsewhere the title and the address."""
    rendered = render(f"Please see {LINK}, Maria.", channel=channel, author="agent")
    shown = LINK if channel in ("webchat", "email") else PLAIN_LINK
    assert rendered.parts == (f"Please see {shown}, Maria.",)


def test_a_titled_link_is_never_cut(render: Render) -> None:
    """Wherever the text is split, each link stays whole."""
    for words in range(170, 240):
        text = "word " * words + LINK + " word" * 200
        parts = render(text, channel="webchat", author="agent").parts
        assert len(parts) > 1
        assert sum(LINK in part for part in parts) == 1


@pytest.mark.parametrize(
    ("language", "said", "heard"),
    [
        ("de", "Vielen Dank für das Foto.", "Guten Tag,\n\nvielen Dank für das Foto."),
        ("de", "Schicken Sie uns das Foto.", "Guten Tag,\n\nschicken Sie uns das Foto."),
        ("de", "Die Lampe ist da.", "Guten Tag,\n\ndie Lampe ist da."),
        ("de", "Sie bekommen das Geld.", "Guten Tag,\n\nSie bekommen das Geld."),
        ("de", "Ihre Lampe ist da.", "Guten Tag,\n\nIhre Lampe ist da."),
        ("de", "Lampen senden wir versichert.", "Guten Tag,\n\nLampen senden wir versichert."),
        ("de", "Fragen beantworten wir gern.", "Guten Tag,\n\nFragen beantworten wir gern."),
        ("de", "Morgen kommt das Paket.", "Guten Tag,\n\nMorgen kommt das Paket."),
        ("de", "Magpie ist ein Laden.", "Guten Tag,\n\nMagpie ist ein Laden."),
        ("de", "Waren sind unterwegs.", "Guten Tag,\n\nWaren sind unterwegs."),
        ("de", "Kurz ist unser Techniker.", "Guten Tag,\n\nKurz ist unser Techniker."),
        ("de", "Per Holm ruft an.", "Guten Tag,\n\nPer Holm ruft an."),
        ("de", "Waren Sie zu Hause?", "Guten Tag,\n\nwaren Sie zu Hause?"),
        ("de", "Per E-Mail geht es.", "Guten Tag,\n\nper E-Mail geht es."),
        ("de", "DAS ist neu.", "Guten Tag,\n\nDAS ist neu."),
        ("pl", "Dziękujemy za zdjęcie.", "Dzień dobry,\n\ndziękujemy za zdjęcie."),
        ("pl", "Państwa paczka jest w drodze.", "Dzień dobry,\n\nPaństwa paczka jest w drodze."),
        ("fr", "Merci pour la photo.", "Bonjour,\n\nMerci pour la photo."),
        ("es", "Gracias por la foto.", "Hola:\n\nGracias por la foto."),
        ("it", "Grazie per la foto.", "Buongiorno,\n\nGrazie per la foto."),
        ("nl", "Dank u voor de foto.", "Hallo,\n\nDank u voor de foto."),
        ("sv", "Tack för bilden.", "Hej,\n\nTack för bilden."),
        ("pt", "Obrigado pela foto.", "Olá,\n\nObrigado pela foto."),
        ("tr", "Fotoğraf için teşekkürler.", "Merhaba,\n\nFotoğraf için teşekkürler."),
        ("en", "The photo is here.", "Hello,\n\nThe photo is here."),
    ],
)
def test_a_letter_goes_on_as_its_language_wants(
    render: Render, language: str, said: str, heard: str
) -> None:
    """German and Polish go on with a small letter after the comma, but for nouns and names."""
    reply = Reply(opener="", body=(said,), language=language)
    assert render(reply, channel="email", first=True).parts[0].startswith(heard)


def test_a_small_letter_follows_a_comma_alone(render: Render) -> None:
    """In a chat, and in a later mail, the text begins a sentence; the change is recorded."""
    reply = Reply(opener="", body=("Das Foto ist da.",), language="de")
    assert "Assistent. Das Foto" in render(reply, channel="webchat", first=True).parts[0]
    assert render(reply, channel="email").parts[0].startswith("Das Foto")
    applied = render(reply, channel="email", first=True).applied
    assert ("small-letter", "Das Foto ist da.", "das Foto ist da.") in [
        (rule.rule, rule.before, rule.after) for rule in applied
    ]


CAPITAL = re.compile(r"(?:Sie|Ihre?|Państwo)(?!\w)")


@pytest.mark.parametrize("language", ["de", "pl"])
def test_it_is_known_how_our_texts_begin(language: str) -> None:
    """Whichever sentence follows the greeting of a letter, its first letter is right."""
    guide = load(None)
    known = CompiledGuide(guide).language(language)
    texts = [text for by in guide.openers.moods.values() for text in by.get(language, ())]
    kinds = ("handover", "handover_upset", "handover_worried", "handover_urgent", "fallback")
    spoken = [TEXTS[kind] for kind in kinds]
    spoken += [*SURVEY.thanks.values(), *SURVEY.reopened.values(), *SURVEY.openers.values()]
    texts += [by[language] for by in spoken]
    unknown = [x for x in texts if known.continued(x) == x and not CAPITAL.match(x)]
    assert unknown == []
