"""The card tells the case, and its buttons settle it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from gateway import Address, Context, Conversation, Customer, Fact, Message, Reply, Turn
from gateway.pipeline.case.story import shorten
from gateway.pipeline.case.told_once import without_known_questions
from plugins.agents_desk.composing.placeholders import with_proposal
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    ANA,
    HELLO,
    MARIA,
    PHONE,
    TOM,
    WEBCHAT,
    WHERE,
    DeskGateway,
)

PATH = f"/desk/c/{MARIA}"
TOLD = "My name is Maria Oliveira-Cruz and my order number is 4471."


def card_of(visit: Visit) -> str:
    return visit.page[visit.page.index('id="card"') :]


async def test_it_tells_what_is_wanted_from_first_to_last(ana: Visit, gw: DeskGateway) -> None:
    """In the customer's own words, each with its message; engine talk is behind "why?"."""
    await ana.open(PATH)
    card = card_of(ana)
    story = card[: card.index("Facts the customer gave")]
    assert story.index(WHERE) < story.index(HELLO)
    assert f'href="#m{await gw.message(WHERE)}"' in story
    why = card.index('id="why-here"')
    assert card.index("Strong feelings") < why < card.index("very frustrated")


async def test_one_click_confirms_a_fact(ana: Visit, gw: DeskGateway) -> None:
    """A name becomes the customer's; the audit log has no words of theirs."""
    await gw.write(WEBCHAT, TOLD)
    await gw.claim(MARIA, ANA)
    message = await gw.message("Oliveira-Cruz")
    await ana.open(PATH)
    name = "Maria Oliveira-Cruz"
    await ana.send(f"{PATH}/fact", name="name", value=name, message=str(message))
    card = await gw.desk.card(MARIA)
    assert card.customer.name == name
    assert [(f.name, f.value, f.agent.id) for f in card.confirmed] == [("name", name, "desk:ana")]
    [entry] = [e for e in await gw.audit() if e.what == "fact_confirmed"]
    assert entry.detail == f"name, message {message}"
    assert "✓ Ana" in card_of(ana)
    export = await gw.running.gateway.store.customers.export(WEBCHAT)
    assert isinstance(export, dict)
    assert export["confirmed_facts"][0]["value"] == name


async def test_what_the_customer_did_not_give_is_not_confirmed(ana: Visit, gw: DeskGateway) -> None:
    """A made-up form changes nothing."""
    await ana.open(PATH)
    response = await ana.send(f"{PATH}/fact", name="name", value="Eve", message="1")
    assert response.status == 422
    assert (await gw.desk.card(MARIA)).confirmed == ()


async def test_a_promise_is_settled_from_the_card(ana: Visit, gw: DeskGateway) -> None:
    """It stands above the queue until its button is pressed."""
    await gw.claim(MARIA, ANA)
    await gw.desk.answer(MARIA, ANA, "I will call you back at 14:30.", key="a")
    await gw.running.settled()
    await ana.open("/desk")
    assert "call you back at 14:30" in ana.page[: ana.page.index('id="queue"')]
    [promise] = (await gw.desk.card(MARIA)).promises
    await ana.open(PATH)
    await ana.send(f"{PATH}/promise", promise=str(promise.id), outcome="kept")
    await ana.open("/desk")
    assert "call you back at 14:30" not in ana.page[: ana.page.index('id="queue"')]


async def test_an_agent_about_to_ask_again_is_shown_the_fact(gw: DeskGateway) -> None:
    """With its value and its time; a confirmation of the value is no question."""
    await gw.write(WEBCHAT, TOLD)
    [advice] = await gw.desk.advise(MARIA, "Could you give me your order number, please?")
    assert advice.rule == "told_once"
    assert advice.message == "Maria Oliveira gave their order number 4471 at 14:20."
    assert await gw.desk.advise(MARIA, "Is your order number 4471?") == ()
    assert await gw.desk.advise(MARIA, "What is your e-mail address?") == ()


async def test_a_gap_is_refused_with_its_words(ana: Visit, gw: DeskGateway) -> None:
    """Nothing is sent, the text stays, and the page says what is missing."""
    await gw.claim(MARIA, ANA)
    await ana.open(PATH)
    text = "Hello! [… only if it was sent: I have posted it.]"
    response = await ana.send(f"{PATH}/answer", key="k", text=text, epoch="1")
    assert response.status == 422
    assert "Fill it in or remove it" in ana.page
    assert text in ana.page
    assert await gw.sent_answers() == []


async def test_what_a_customer_needs_has_an_answer_to_begin_with(
    ana: Visit, gw: DeskGateway
) -> None:
    """From the first sign that applies, in the customer's language, with gaps."""
    need = (await gw.desk.card(TOM)).story.need
    assert need.code == "harm"
    assert need.proposal.startswith("Geht es allen gut?")
    assert (await gw.desk.card(PHONE)).story.need.code == "anxious"
    await gw.claim(PHONE, ANA)
    await ana.open(f"/desk/c/{PHONE}?propose=1")
    box = re.search(r'<textarea id="answer"[^>]*>\n(.*?)</textarea>', ana.page, re.S)
    assert box
    assert "This is what is certain: […" in box[1]


async def test_the_proposed_answer_has_the_agents_name(gw: DeskGateway) -> None:
    """Nobody fills in what is known."""
    card = await gw.desk.card(MARIA)
    need = card.story.need.replace(proposal="I am {{agent}}. [… what you will do]")
    filled = with_proposal(card.replace(story=card.story.replace(need=need)), ANA)
    assert filled.story is not None
    assert filled.story.need is not None
    assert filled.story.need.proposal == "I am Ana. [… what you will do]"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("One. Two.", "One. Two."),
        ("One two three. " + "Four five six. " * 3, "One two three. Four five six. …"),
        ("word " * 20, "word word word word word word word…"),
    ],
)
def test_lines_end_with_sentences(text: str, short: str) -> None:
    """Only a sentence that is too long by itself is cut, at a word."""
    assert shorten(text, 38) == short


IN_LANGUAGES = {
    "en": ("I ordered a blue jacket, my order number is 4471.", "What is your order number?",
           "Which colour did you order?"),
    "de": ("Ich habe eine blaue Jacke bestellt, meine Bestellnummer ist 4471.",
           "Wie lautet Ihre Bestellnummer?", "Welche Farbe haben Sie bestellt?"),
    "fr": ("J'ai commandé une veste bleue, mon numéro de commande est le 4471.",
           "Quel est votre numéro de commande ?", "Quelle couleur avez-vous commandée ?"),
    "es": ("Pedí una chaqueta azul, mi número de pedido es el 4471.",
           "¿Cuál es su número de pedido?", "¿Qué color ha pedido?"),
}  # fmt: skip
PAIRS = [(told, asked) for told in IN_LANGUAGES for asked in IN_LANGUAGES if told != asked]


@pytest.mark.parametrize(("told", "asked"), PAIRS)
async def test_a_fact_told_in_another_language_is_shown_too(
    gw: DeskGateway, told: str, asked: str
) -> None:
    """Before it is asked for again, in whatever language the agent writes; and another one than
    that which was told is not."""
    await gw.write(WEBCHAT, IN_LANGUAGES[told][0])
    _, order, colour = IN_LANGUAGES[asked]
    [advice] = await gw.desk.advise(MARIA, order)
    assert advice.message == "Maria Oliveira gave their order number 4471 at 14:20."
    [advice] = await gw.desk.advise(MARIA, colour)
    assert advice.message.startswith("Maria Oliveira gave their colour ")
    phones = (
        "What is your phone number?",
        "Wie ist Ihre Telefonnummer?",
        "Quel est votre numéro de téléphone ?",
        "¿Cuál es su número de teléfono?",
    )
    assert [await gw.desk.advise(MARIA, question) for question in phones] == [()] * 4


@pytest.mark.parametrize(("told", "asked"), PAIRS)
def test_the_bot_does_not_ask_again_in_another_language(
    told_turn: Turn, told: str, asked: str
) -> None:
    """Whatever language each of the two messages has."""
    conversation = told_turn.conversation.replace(language=told)
    for spoken in (told, asked):
        turn = told_turn.replace(
            conversation=conversation.replace(language=spoken),
            message=told_turn.message.replace(text=IN_LANGUAGES[told][0]),
            history=(),
        )
        _, order, _ = IN_LANGUAGES[asked]
        reply = Reply(body=("OK.",), next_step=order, language=asked)
        assert without_known_questions(reply, turn).next_step is None
        other = reply.replace(next_step="What is your e-mail address?")
        assert without_known_questions(other, turn) == other


def test_the_bot_does_not_ask_for_what_it_was_told(told_turn: Turn) -> None:
    """The sentence is left out; the rest of the answer stays, and a bare question too."""
    ask = "Could you send me your order number, please?"
    reply = Reply(body=("Parcels take two days.",), next_step=ask)
    assert without_known_questions(reply, told_turn).next_step is None
    assert without_known_questions(Reply(body=(ask,)), told_turn).body == (ask,)
    other = Reply(body=("Sure.",), next_step="What is your e-mail address?")
    assert without_known_questions(other, told_turn) == other


@pytest.mark.parametrize(
    ("fact", "question", "left"),
    [
        ("address", "What is your new address?", "What is your new address?"),
        ("name", "What is your name?", "What is your name?"),
        ("phone", "What is your phone number?", None),
    ],
)
def test_a_record_answers_no_question_for_what_may_change(
    told_turn: Turn, fact: str, question: str, left: str | None
) -> None:
    """An address of a CRM is an old one to a customer who moves."""
    context = Context(facts=(Fact(name=fact, value="Old Street 1"),))
    turn = told_turn.replace(context=context, history=())
    reply = Reply(body=("We change it.",), next_step=question)
    assert without_known_questions(reply, turn).next_step == left


@pytest.fixture
def told_turn() -> Turn:
    """A turn of a customer who gave an order number before."""
    at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    say = Message(id=1, conversation=1, author="customer", text=TOLD, at=at)
    return Turn(
        id=2,
        at=at,
        message=say.replace(id=2, text="And when will it come?"),
        customer=Customer(),
        conversation=Conversation(address=Address(channel="fake", value="m"), opened_at=at),
        history=(say,),
    )
