"""Answering, drafting, and reloading changed files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import structlog

from channels import rest
from gateway import BadConfig, Guess, Insight, Language, Question, Slot, Turn
from gateway.testing import FakeUnderstander, running
from plugins import faq
from plugins.faq import Faq, load
from plugins.faq.answers import OverlaidAnswers
from tests.faq.conftest import Write, turn

TEXT = """\
answers:
  shipping:
    facts: {days: 2-3}
    links: [{title: Delivery, url: https://shop.example/delivery}]
    say:
      en:
        opener: {angry: That should not have happened., otherwise: Good question.}
        body: "It takes {days} days."
        next_step: Tell me where to.
        buttons: [{title: Cost?}]
      de: {body: "Es dauert {days} Tage."}
  lost:
    facts: {wait: 2 days, office: 7}
    say:
      en:
        body: "Our office {office} asks the courier, within {wait}."
        personal: "I asked the courier. They answer within {wait}."
  overview:
    sources_first: true
    say: {en: {body: We are open most days.}}
  hello:
    suggest: false
    say: {en: {opener: "", body: Hello.}}
drafts:
  en:
    opener: {angry: I am sorry., otherwise: Thank you for waiting.}
    next_step: Write to me here.
"""


def handler(path: Path, *, look_every: float = 0.0) -> Faq:
    read = partial(load, public_url="", slots={"order"})
    answers = OverlaidAnswers([path], read, name="faq", every=look_every)
    return Faq(answers=answers, suggest_confidence=0.35)


@pytest.fixture
def known(write: Write) -> Faq:
    return handler(write(TEXT))


async def test_a_known_question_is_answered(known: Faq) -> None:
    """In the customer's language, with purpose and facts."""
    reply = await known.handle(turn("shipping", language="de"))
    assert reply
    assert (reply.body, reply.language, reply.purpose) == (
        ("Es dauert 2-3 Tage.",),
        "de",
        "answer",
    )
    assert [fact.value for fact in reply.facts] == ["2-3"]
    assert reply.general


@pytest.mark.parametrize(
    ("intent", "language", "mood", "opener"),
    [
        ("shipping", "en", "angry", "That should not have happened."),
        ("shipping", "en", "calm", "Good question."),
        ("shipping", "de", "angry", None),
        ("hello", "en", "pleased", ""),
    ],
)
async def test_the_opener_fits_the_mood(
    known: Faq, intent: str, language: str, mood: str, opener: str | None
) -> None:
    """The file's opener for the mood, else the one for all others, else the voice's; "" is none."""
    reply = await known.handle(turn(intent, language=language, mood=mood))
    assert reply
    assert reply.opener == opener


def asking(*intents: str, language: str = "en") -> Turn:
    """A message with a question about each of ``intents``."""
    message = turn(intents[0], language=language)
    questions = tuple(
        Question(text=f"{name}?", start=0, end=0, guess=Guess(name=name, confidence=0.9))
        for name in intents
    )
    understanding = message.understanding.replace(questions=questions)
    return message.replace(understanding=understanding)


async def test_two_questions_get_both_answers(known: Faq) -> None:
    """In one reply, in order, with the facts and links of both."""
    reply = await known.handle(asking("shipping", "lost"))
    assert reply
    assert reply.body == (
        "It takes 2-3 days.",
        "Tell me where to.",
        "Our office 7 asks the courier, within 2 days.",
    )
    assert {fact.value for fact in reply.facts} == {"2-3", "7", "2 days"}
    assert (reply.opener, reply.next_step, reply.buttons) == ("Good question.", None, ())
    assert [link.title for link in reply.links] == ["Delivery"]
    assert reply.escalate == ()


@pytest.mark.parametrize(
    ("intents", "language", "next_step"),
    [
        (("shipping", "warranty"), "en", "A colleague will answer your other question."),
        (("warranty", "shipping"), "en", "A colleague will answer your other question."),
        (("a", "shipping", "b"), "en", "A colleague will answer your other questions."),
        (("shipping", "a"), "de", "Ihre andere Frage beantwortet eine Kollegin oder ein Kollege."),
    ],
)
async def test_unanswered_questions_go_to_a_person(
    known: Faq, intents: tuple[str, ...], language: str, next_step: str
) -> None:
    """The other questions are answered; the reply and the reason name what is left."""
    reply = await known.handle(asking(*intents, language=language))
    assert reply
    assert "2-3" in reply.body[0]
    assert reply.next_step == next_step
    (reason,) = reply.escalate
    assert reason.code == "question_left"
    assert all(f"“{name}?”" in reason.detail for name in intents if name != "shipping")


async def test_an_answer_beside_an_unanswered_question_stays(known: Faq) -> None:
    """A later handler's answer must not take the hand-over of the other question with it."""
    alone = await known.handle(turn("overview"))
    assert alone
    assert alone.only_if_unanswered
    beside = await known.handle(asking("overview", "weather"))
    assert beside
    assert not beside.only_if_unanswered
    assert beside.escalate


@pytest.mark.parametrize("slots", [(), (Slot(name="order", value="4711"),)])
async def test_words_about_the_customers_own_case_may_promise(
    write: Write, slots: tuple[Slot, ...]
) -> None:
    """With the order's number it is no answer for everybody."""
    known = handler(
        write("""\
answers:
  address:
    say:
      en:
        body: We deliver anywhere.
        next_step: To where?
        next_step_known: "We write about {order} by tomorrow."
""")
    )
    asked = turn("address")
    asked = asked.replace(understanding=asked.understanding.replace(slots=slots))
    reply = await known.handle(asked)
    assert reply
    assert reply.general is not bool(slots)


async def test_unknown_questions_are_left_to_other_handlers(known: Faq) -> None:
    """If none of the questions has an answer."""
    assert await known.handle(asking("weather", "jazz")) is None


@pytest.mark.parametrize(
    "other",
    [
        turn("weather"),
        turn("shipping", action="escalate"),
        turn("shipping", action="clarify"),
        turn("shipping", action="pass"),
        turn("shipping", kind="timer"),
        turn("shipping", kind="event"),
    ],
)
async def test_other_turns_are_left_to_other_handlers(known: Faq, other: Turn) -> None:
    """Unknown intents, other routes, timers and events."""
    assert await known.handle(other) is None


async def test_a_draft_has_personal_words(known: Faq) -> None:
    """It has the `personal` body, the opener and next step of drafts, and no buttons."""
    draft = await known.suggest(turn("lost", action="escalate", mood="angry"))
    assert draft
    assert draft.opener == "I am sorry."
    assert draft.body == ("I asked the courier. They answer within 2 days.",)
    assert draft.next_step == "Write to me here."
    assert [fact.value for fact in draft.facts] == ["2 days"]
    plain = await known.suggest(turn("shipping", action="pass"))
    assert plain
    assert (plain.opener, plain.body, plain.buttons) == (
        "Thank you for waiting.",
        ("It takes 2-3 days.",),
        (),
    )


@pytest.mark.parametrize(
    "doubtful",
    [
        turn("lost", sure=0.2, action="escalate"),
        turn("hello", action="pass"),
        turn("weather", action="escalate"),
        turn("lost", kind="event"),
        turn("person", action="escalate", reasons=("asked_for_person",)),
        turn("hello", action="pass", about="shipping"),
    ],
)
async def test_no_draft_without_a_fitting_answer(known: Faq, doubtful: Turn) -> None:
    """Too little confidence, an answer that no person gives, or no answer."""
    assert await known.suggest(doubtful) is None


async def test_a_request_for_a_person_gets_a_draft_on_the_topic(known: Faq) -> None:
    """The draft is about the intent of the conversation."""
    asked = turn("person", action="escalate", reasons=("asked_for_person",), about="shipping")
    draft = await known.suggest(asked)
    assert draft
    assert draft.body == ("It takes 2-3 days.",)


async def test_a_changed_file_is_reloaded(write: Write) -> None:
    """No restart is needed."""
    faq_handler = handler(write(TEXT))
    write(TEXT.replace("It takes", "Reckon with"))
    reply = await faq_handler.handle(turn("shipping"))
    assert reply
    assert reply.body == ("Reckon with 2-3 days.",)


async def test_a_broken_file_is_refused_and_logged(write: Write) -> None:
    """The old answers stay until the file is valid again; each broken state is logged once."""
    path = write(TEXT)
    faq_handler = handler(path)
    write("answers: [")
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            reply = await faq_handler.handle(turn("shipping"))
            assert reply
            assert reply.body == ("It takes 2-3 days.",)
    assert [entry["event"] for entry in logs] == ["faq.refused"]
    assert logs[0]["problems"][0].startswith(f"{path}:1: : not YAML")
    path.unlink()
    assert await faq_handler.handle(turn("shipping"))
    write(TEXT.replace("It takes", "At last"))
    reply = await faq_handler.handle(turn("shipping"))
    assert reply
    assert reply.body == ("At last 2-3 days.",)


async def test_files_are_checked_at_intervals(write: Write) -> None:
    """Between two checks the answers stay as they were."""
    faq_handler = handler(write(TEXT), look_every=3600)
    write("answers: {}")
    assert await faq_handler.handle(turn("shipping"))


def test_a_broken_file_is_refused_at_start_up(write: Write) -> None:
    """There are no old answers to keep."""
    with pytest.raises(BadConfig):
        handler(write("answers: [broken"))


def text_is_intent(text: str) -> Insight:
    """Takes the text of a message for the name of its intent."""
    return Insight(
        language=Language(code="en", confidence=1.0),
        ranking=(Guess(name=text, confidence=0.95),),
    )


async def test_a_customer_gets_an_answer(write: Write, tmp_path: Path) -> None:
    """Enabled by its section alone, the package answers through the whole gateway."""
    write(TEXT)
    config = {"channels": {"rest": {"open": True}}, "plugins": {"faq": {"answers": "answers.yaml"}}}
    async with running(
        faq, rest, FakeUnderstander(text_is_intent), config=config, tmp_path=tmp_path
    ) as gw:
        sam = gw.customer("rest", "sam")
        await sam.say("shipping")
        assert "It takes 2-3 days." in " ".join(sam.heard)
