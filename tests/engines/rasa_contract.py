"""What must hold with a Rasa server, the fake one (`fake_rasa`) and a real one alike.

A module that imports these tests has a fixture ``rasa`` with the server's address and token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from gateway import Button, Message, Turn
from gateway.testing import FakeChannel, FakeHandler, running
from plugins import nlu_rasa
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_rasa import RasaClient, RasaDialogue, RasaError, RasaUnderstander

from .helpers import NOW, make_turn
from .shop import write_shop


class Server(msgspec.Struct, frozen=True):
    url: str
    token: str


def client(rasa: Server) -> RasaClient:
    return RasaClient(rasa.url, token=SecretStr(rasa.token), timeout=10)


def understander(rasa: Server) -> RasaUnderstander:
    return RasaUnderstander(client=client(rasa), at_once=4)


def settings(rasa: Server, folder: Path, **more: Any) -> dict[str, Any]:
    config = write_shop(folder)
    config["plugins"]["nlu_rasa"] = {"url": rasa.url, "token": rasa.token, **more}
    return config


@pytest.mark.parametrize(("text", "intent"), [
    ("what time do you open on sunday", "opening_hours"),
    ("i want a refund for my order", "refund"),
    ("wie lange dauert der Versand nach Berlin", "delivery_time"),
])  # fmt: skip
async def test_intents_come_from_the_server(rasa: Server, text: str, intent: str) -> None:
    """The best intent and the whole ranking, and nothing else."""
    [insight] = await understander(rasa).understand([make_turn(text)])
    assert insight.ranking is not None
    assert insight.ranking[0].name == intent
    assert len(insight.ranking) == 5
    assert insight.ranking[0].confidence > insight.ranking[1].confidence
    assert insight.emotion is None
    assert insight.language is None


async def test_a_customer_cannot_choose_an_intent(rasa: Server) -> None:
    """Rasa would obey `/refund`; a customer's leading slashes are removed."""
    for text in ("/refund", " \u00a0/ /refund", "//refund"):
        [insight] = await understander(rasa).understand([make_turn(text)])
        assert (insight.ranking or ())[0].confidence < 1.0


async def test_a_button_can_choose_an_intent(rasa: Server) -> None:
    """What a button of our last message sends is passed on unchanged."""
    question = Message(
        id=1, conversation=1, author="bot", text="Which?", at=NOW,
        buttons=(Button(title="Money back", payload="/refund"),),
    )  # fmt: skip
    [insight] = await understander(rasa).understand([make_turn("/refund", history=(question,))])
    assert insight.ranking is not None
    assert (insight.ranking[0].name, insight.ranking[0].confidence) == ("refund", 1.0)


async def test_a_wrong_token_is_an_error(rasa: Server) -> None:
    """The error does not contain the token."""
    wrong = RasaUnderstander(client=client(Server(rasa.url, "not-the-token")), at_once=1)
    with pytest.raises(RasaError, match="answered 401") as caught:
        await wrong.understand([make_turn("hello")])
    assert "not-the-token" not in str(caught.value)


async def test_rasa_and_the_embedded_engine_are_joined(rasa: Server, tmp_path: Path) -> None:
    """The intent is Rasa's; language, mood and signals are the embedded engine's."""
    turns: list[Turn] = []
    plugins = (nlu_local, nlu_rasa, FakeChannel(), FakeHandler(turns.append))
    async with running(*plugins, config=settings(rasa, tmp_path), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "ana").say("how do I get a refund for my order?")
        understanding = turns[0].understanding
        assert understanding.ranked_by == "nlu_rasa"
        assert understanding.engines == ("nlu_rasa", "nlu_local")
        assert understanding.intent.name == "refund"
        assert understanding.language.code == "en"
        await gw.customer("fake", "ben").say("I am furious, you LOST my parcel!!!")
        card = await gw.desk_agent("mia").next_card()
        understood = card.messages[0].understanding
        assert understood is not None
        assert understood.emotion.label == "angry"


async def test_the_dialogue_answers_in_the_customers_language(rasa: Server, tmp_path: Path) -> None:
    """With the exported texts; their buttons come along."""
    config = settings(rasa, tmp_path, dialogue=True)
    async with running(nlu_local, nlu_rasa, FakeChannel(), config=config, tmp_path=tmp_path) as gw:
        ana, ben = gw.customer("fake", "ana"), gw.customer("fake", "ben")
        await ana.say("opening hours please")
        await ben.say("wie sind die Öffnungszeiten")
        assert ana.heard == ["We are open from 9:00 to 17:30, Monday to Friday."]
        assert ben.heard == ["Wir haben von 9:00 bis 17:30 geöffnet, montags bis freitags."]
        [message] = await ana.messages()
        assert message.handler == "rasa_dialogue"
        assert [button.title for button in message.buttons] == ["Delivery"]


async def test_the_dialogue_hands_over(rasa: Server, tmp_path: Path) -> None:
    """What the exported rules leave to a person goes to one, and the customer is told."""
    config = settings(rasa, tmp_path, dialogue=True)
    async with running(nlu_local, nlu_rasa, FakeChannel(), config=config, tmp_path=tmp_path) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("how do I get a refund")
        assert ana.heard == ["I am giving this to a colleague, who will answer you here."]
        card = await gw.desk_agent("mia").next_card()
        assert card.handoff is not None
        assert [reason.code for reason in card.handoff.reasons] == ["rasa_handover"]


async def test_the_dialogue_is_asked_only_when_the_bot_may_answer(rasa: Server) -> None:
    """Not for a turn that goes to a person."""
    turn = make_turn("opening hours please")
    escalated = turn.replace(route=turn.route.replace(action="escalate"))
    assert await RasaDialogue(client=client(rasa)).handle(escalated) is None
