"""What becomes of a reply: on which channel, in which mood."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from brand_voice.rewriting import EMOJI
from gateway import Button, Fact, Link, Rendered, Reply, SurveyAsk, Voice

from .builders import CHANNELS, MOODS, SERIOUS, occasion

Say = Callable[..., Rendered]

PARCEL = Reply(
    body=("Order A-10293 left our warehouse on 5 December.", "It needs 2 to 3 working days."),
    next_step="Great news: if it is late, we send a new one!",
    links=(Link(title="Track your parcel", url="https://shop.example/track?id=A-10293"),),
    facts=(Fact(name="order", value="A-10293"),),
    buttons=(Button(title="Track it", payload="track"), Button(title="A person", payload="human")),
)


@pytest.mark.parametrize(
    ("mood", "written", "heard"),
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
def test_words_follow_the_mood(say: Say, mood: str, written: str, heard: str) -> None:
    """Cheer, noise and filler go where they do not fit; facts and quotations stay."""
    assert say(written, mood=mood).parts == (heard,)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar", "it"])
@pytest.mark.parametrize("mood", SERIOUS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_never_cheerful_at_someone_upset(
    voice: Voice, channel: str, mood: str, language: str
) -> None:
    """At a serious mood no exclamation mark or emoji leaves, in any language, on any channel."""
    reply = PARCEL.replace(language=language, survey=SurveyAsk())
    heard = "\n".join(
        voice.render(reply, occasion(channel, mood, first=True, customer="Ana")).parts
    )
    assert "!" not in heard
    assert not EMOJI.search(heard)
    assert "A-10293" in heard


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ar"])
def test_openers_differ_by_mood_and_stay_the_same(voice: Voice, language: str) -> None:
    """A mood has first sentences of its own; the same reply always gets the same one."""
    seen = {}
    for mood in MOODS:
        reply = Reply(body=("42.",), language=language)
        once, again = (voice.render(reply, occasion("webchat", mood)).parts for _ in range(2))
        assert once == again
        seen[mood] = once[0].removesuffix("42.")
    assert seen.pop("calm") == ""
    assert len(set(seen.values())) == len(MOODS) - 1
    assert all(seen.values())


def test_openers_vary(voice: Voice) -> None:
    """Different replies to one mood do not all begin alike."""
    heard = {
        voice.render(Reply(body=(f"Line {n}.",)), occasion("webchat", "angry"))
        .parts[0]
        .split("Line")[0]
        for n in range(30)
    }
    assert len(heard) == 3


@pytest.mark.parametrize(
    ("opener", "mood", "heard"),
    [
        ("", "angry", "It left."),
        ("Thank you for waiting.", "angry", "Thank you for waiting. It left."),
        ("Awesome!", "calm", "Awesome! It left."),
    ],
)
def test_a_handlers_opener_is_its_own(say: Say, opener: str, mood: str, heard: str) -> None:
    """An opener that fits is kept, an empty one means none."""
    assert say(Reply(opener=opener, body=("It left.",)), mood=mood).parts == (heard,)


def test_a_cheerful_opener_gives_way(say: Say) -> None:
    """A handler's cheer is replaced by the guide's calm words, and the card can say so."""
    said = say(Reply(opener="Awesome!", body=("It left.",)), mood="angry")
    assert said.parts[0].endswith("It left.")
    assert "sorry" in said.parts[0]
    assert {"cheer", "opener"} <= {one.rule for one in said.applied}


@pytest.mark.parametrize("purpose", ["fallback", "handover"])
def test_a_dead_end_is_no_pleasure(say: Say, purpose: str) -> None:
    """A mood may have first sentences for answers alone."""
    assert say(Reply(body=("A line.",), purpose=purpose), mood="pleased").parts == ("A line.",)
    assert say(Reply(body=("A line.",)), mood="pleased").parts != ("A line.",)


def test_sorry_is_said_once(say: Say) -> None:
    """A body that apologises is not preceded by another apology."""
    said = say(Reply(body=("I am sorry about the broken cup.",)), mood="angry")
    assert said.parts == ("I am sorry about the broken cup.",)


@pytest.mark.parametrize("purpose", ["survey", "thanks", "notice", "message"])
def test_other_purposes_have_no_opener(say: Say, purpose: str) -> None:
    """Only what answers the customer begins with a word about their mood."""
    assert say(Reply(body=("A line.",), purpose=purpose), mood="angry").parts == ("A line.",)


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
def test_the_first_words_greet(
    say: Say, channel: str, mood: str, customer: str | None, start: str
) -> None:
    """The first reply greets where it fits, by name if it is one, and says that it is a bot."""
    said = say("Open 9 to 5.", channel=channel, mood=mood, customer=customer, first=True)
    assert said.parts[0].startswith(start)
    assert say("Open.", channel=channel, mood=mood, customer=customer).parts[0].startswith("Open")


def test_nobody_is_greeted_twice(say: Say) -> None:
    """A reply that greets by itself gets no second greeting."""
    said = say("Hello. What can I do for you?", first=True, customer="Ana")
    assert said.parts == ("Hello. What can I do for you?",)


def test_a_letter_is_signed_by_a_machine(say: Say) -> None:
    """A bot's mail says at its end that a machine wrote it; an agent signs as they like."""
    assert say("Open.", channel="email").parts == (
        "Open.\n\nKind regards\nThe automated assistant",
    )
    assert say("Open.", channel="email", author="agent").parts == ("Open.",)


def test_buttons_in_words(say: Say) -> None:
    """Where a channel has no buttons the choice is a line of text."""
    assert "You can answer: Track it or A person." in say(PARCEL, channel="sms").parts[0]
    assert "You can answer" not in say(PARCEL, channel="webchat").parts[0]
    asked = PARCEL.replace(buttons=(Button(title="What does it cost?", payload="cost"),))
    assert 'You can answer: "What does it cost?".\n\nKind' in say(asked, channel="email").parts[0]
    three = PARCEL.replace(buttons=(*PARCEL.buttons, Button(title="Nothing", payload="no")))
    assert "answer: Track it, A person or Nothing." in say(three, channel="email").parts[0]


@pytest.mark.parametrize(
    ("channel", "scale", "line"),
    [
        ("sms", "stars", " Please answer with a number from 1 (not at all) to 5 (completely)."),
        ("email", "number", "\n\nPlease answer with a number from 1 (not at all) to 5"),
        ("sms", "text", " A few words are enough."),
        ("webchat", "stars", ""),
    ],
)
def test_how_to_answer_a_survey(say: Say, channel: str, scale: str, line: str) -> None:
    """Where a channel has no stars one line says how to answer."""
    ask = Reply(body=("Did you feel heard?",), purpose="survey", survey=SurveyAsk(scale=scale))
    assert say(ask, channel=channel).parts[0].startswith(f"Did you feel heard?{line}")


def test_links_by_channel(say: Say) -> None:
    """An SMS has the bare address, others its title; one that was said is not said again."""
    url = "https://shop.example/a"
    reply = Reply(opener="", body=("Look.",), links=(Link(title="Our shop", url=url),))
    assert say(reply, channel="sms").parts == (f"Look. {url}",)
    assert say(reply, channel="email").parts[0].startswith(f"Look.\n\nOur shop: {url}\n")
    said = reply.replace(body=(f"Look at {url}.",))
    assert say(said, channel="sms").parts == (f"Look at {url}.",)
    longer = reply.replace(body=(f"Look at {url}/b.",))
    assert say(longer, channel="sms").parts == (f"Look at {url}/b. {url}",)


def test_a_silent_reply_stays_silent(say: Say) -> None:
    """Effects without words make no greeting, opener or signature."""
    assert say(Reply(), channel="email", mood="angry", first=True).parts == ()


def test_every_change_is_explained(say: Say) -> None:
    """`applied` names the rule, and the words before and after it."""
    said = say(PARCEL, channel="sms", mood="angry")
    rules = {one.rule: (one.before, one.after) for one in said.applied}
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


def test_sms_in_cheap_letters_where_faithful(say: Say) -> None:
    """Typography is spelled plainly; a fact or a name keeps its letters, and costs UCS-2."""
    said = say("It’s “open” – daily…", channel="sms")
    assert said.parts == ('It\'s "open" - daily...',)
    assert (said.encoding, said.segments) == ("GSM-7", 1)
    assert "transliteration" in {one.rule for one in said.applied}
    named = say("It’s for François.", channel="sms")
    assert (named.parts, named.encoding) == (("It’s for François.",), "UCS-2")
    fact = Reply(opener="", body=("Room 9–12.",), facts=(Fact(name="room", value="9–12"),))
    assert say(fact, channel="sms").parts == ("Room 9–12.",)
    assert say("Open 9–12.", channel="sms").parts == ("Open 9-12.",)
    assert say("It’s", channel="webchat").encoding is None


def test_parts_end_with_sentences(say: Say) -> None:
    """A long SMS is cut between sentences, never inside an amount, a date or an address."""
    line = "Item {} costs EUR 20.50 until 5. Dezember 2026, see https://a.example/x.y?z=1. "
    said = say("".join(line.format(n) for n in range(10)), channel="sms")
    assert len(said.parts) > 1
    assert all(part.startswith("Item ") and part.endswith("z=1.") for part in said.parts)
    assert said.segments is not None
    assert said.segments <= 3 * len(said.parts)


def test_the_house_words_go_first_when_it_is_tight(say: Say) -> None:
    """What is too long loses our own opener before it takes a part more; facts stay."""
    body = tuple(
        f"Step {n}: enter code {n * 1111} and wait for the light to turn green." for n in range(22)
    )
    said = say(Reply(body=body), channel="sms", mood="frustrated")
    assert len(said.parts) <= 3 or "more-parts" in {one.rule for one in said.applied}
    assert "shortened" in {one.rule for one in said.applied}
    assert all(str(n * 1111) in " ".join(said.parts) for n in range(22))
    assert said.parts[0].startswith("Step 0")


def test_a_long_sentence_is_cut_at_a_semicolon(say: Say) -> None:
    """Two whole sentences joined by a semicolon become two where the channel is brisk."""
    text = (
        "We send the parcel again at no cost to you at all; the old one can simply go back "
        "to the shop where it came from."
    )
    assert say(text, channel="sms").parts == (text.replace("; the", ". The"),)
    listed = (
        "We take all of these and some more besides, if asked: "
        "cards; PayPal; invoice; cash; gift cards; cheques."
    )
    assert say(listed, channel="sms").parts == (listed,)


def test_an_agents_words_are_the_agents(say: Say) -> None:
    """An agent is advised and not corrected."""
    text = "GREAT!!! You should have utilised the **form** 🙂\n\n  See you."
    said = say(text, channel="webchat", mood="angry", author="agent")
    assert said.parts == (text,)
    assert said.applied == ()
    assert {"blame", "exclamation", "emoji", "formatting"} <= {one.rule for one in said.advice}


def test_an_agents_sms_is_spelled_cheaply(say: Say) -> None:
    """What the channel needs is done to an agent's words too: letters, and parts."""
    said = say("It’s here – at last!", channel="sms", mood="angry", author="agent")
    assert said.parts == ("It's here - at last!",)
    long = say("A line of words that goes on. " * 40, channel="sms", author="agent")
    assert len(long.parts) == 3
    assert all(part.endswith("goes on.") for part in long.parts)


def test_a_language_we_have_no_words_for(say: Say) -> None:
    """The guide's own words fall back to English; a region is its language."""
    ask = Reply(opener="", body=("Va bene?",), survey=SurveyAsk(), language="it", purpose="survey")
    assert say(ask, channel="sms").parts[0].startswith("Va bene? Please answer with a number")
    swiss = ask.replace(language="de-CH", body=("Gut?",))
    assert say(swiss, channel="sms").parts[0].startswith("Gut? Bitte mit einer Zahl")


def test_a_usual_reply_takes_no_time(voice: Voice) -> None:
    """Best of many, a usual reply is rendered in well under half a millisecond."""
    where = occasion("sms", "angry", first=True, customer="Ana")
    best = float("inf")
    for _ in range(200):
        begun = time.perf_counter()
        voice.render(PARCEL, where)
        best = min(best, time.perf_counter() - begun)
    assert best < 0.0005
