"""What must hold with Rasa beside us: of the server played in `far_rasa` and of a real one.

A module that takes these tests in has a fixture ``rasa`` with the server's address and token.
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
from plugins.nlu_rasa import Client, NluRasa, RasaDialogue
from plugins.nlu_rasa.client import RasaError

from .making import NOW, turn
from .shop import open_shop


class Server(msgspec.Struct, frozen=True):
    url: str
    token: str


def engine(rasa: Server) -> NluRasa:
    return NluRasa(client(rasa), at_once=4)


def client(rasa: Server) -> Client:
    return Client(rasa.url, token=SecretStr(rasa.token), timeout=10)


def settings(rasa: Server, folder: Path, **more: Any) -> dict[str, Any]:
    config = open_shop(folder)
    config["plugins"]["nlu_rasa"] = {"url": rasa.url, "token": rasa.token, **more}
    return config


@pytest.mark.parametrize(("said", "meant"), [
    ("what time do you open on sunday", "opening_hours"),
    ("i want a refund for my order", "refund"),
    ("wie lange dauert der Versand nach Berlin", "delivery_time"),
])  # fmt: skip
async def test_intents(rasa: Server, said: str, meant: str) -> None:
    """The best intent and the whole ranking are as the server tells them, and nothing else is."""
    [insight] = await engine(rasa).understand([turn(said)])
    assert insight.ranking is not None
    assert insight.ranking[0].name == meant
    assert len(insight.ranking) == 5
    assert insight.ranking[0].confidence > insight.ranking[1].confidence
    assert insight.emotion is None
    assert insight.language is None


async def test_a_customer_chooses_no_intent(rasa: Server) -> None:
    """Rasa would take `/refund` at its word; a customer's slash is not handed on."""
    for said in ("/refund", " \u00a0/ /refund", "//refund"):
        [insight] = await engine(rasa).understand([turn(said)])
        assert (insight.ranking or ())[0].confidence < 1.0


async def test_a_button_may_choose(rasa: Server) -> None:
    """What a button of our last message sends is handed on as it is."""
    asked = Message(
        id=1, conversation=1, author="bot", text="Which?", at=NOW,
        buttons=(Button(title="Money back", payload="/refund"),),
    )  # fmt: skip
    [insight] = await engine(rasa).understand([turn("/refund", history=(asked,))])
    assert insight.ranking is not None
    assert (insight.ranking[0].name, insight.ranking[0].confidence) == ("refund", 1.0)


async def test_a_wrong_token_is_an_error(rasa: Server) -> None:
    """It is told, without the token."""
    wrong = NluRasa(client(Server(rasa.url, "not-the-token")), at_once=1)
    with pytest.raises(RasaError, match="answered 401"):
        await wrong.understand([turn("hello")])


async def test_beside_the_embedded_engine(rasa: Server, tmp_path: Path) -> None:
    """Rasa's intent is believed; language, mood and signals are the embedded engine's."""
    seen: list[Turn] = []
    guests = (nlu_local, nlu_rasa, FakeChannel(), FakeHandler(seen.append))
    async with running(*guests, config=settings(rasa, tmp_path), tmp_path=tmp_path) as gw:
        await gw.customer("fake", "ana").say("how do I get a refund for my order?")
        understood = seen[0].understanding
        assert understood.ranked_by == "nlu_rasa"
        assert understood.engines == ("nlu_rasa", "nlu_local")
        assert understood.intent.name == "refund"
        assert understood.language.code == "en"
        await gw.customer("fake", "ben").say("I am furious, you LOST my parcel!!!")
        card = await gw.desk_agent("mia").next_card()
        mood = card.messages[0].understanding
        assert mood is not None
        assert mood.emotion.label == "angry"


async def test_its_dialogue_answers(rasa: Server, tmp_path: Path) -> None:
    """Each customer in their language, with the exported words; their buttons come along."""
    config = settings(rasa, tmp_path, dialogue=True)
    async with running(nlu_local, nlu_rasa, FakeChannel(), config=config, tmp_path=tmp_path) as gw:
        ana, ben = gw.customer("fake", "ana"), gw.customer("fake", "ben")
        await ana.say("opening hours please")
        await ben.say("wie sind die Öffnungszeiten")
        assert ana.heard == ["We are open from 9:00 to 17:30, Monday to Friday."]
        assert ben.heard == ["Wir haben von 9:00 bis 17:30 geöffnet, montags bis freitags."]
        [said] = await ana.messages()
        assert said.handler == "rasa_dialogue"
        assert [one.title for one in said.buttons] == ["Delivery"]


async def test_its_dialogue_hands_over(rasa: Server, tmp_path: Path) -> None:
    """What the exported rules leave to a person goes to one, and the customer is told."""
    config = settings(rasa, tmp_path, dialogue=True)
    async with running(nlu_local, nlu_rasa, FakeChannel(), config=config, tmp_path=tmp_path) as gw:
        ana = gw.customer("fake", "ana")
        await ana.say("how do I get a refund")
        assert ana.heard == ["I am giving this to a colleague, who will answer you here."]
        card = await gw.desk_agent("mia").next_card()
        assert card.handoff is not None
        assert [reason.code for reason in card.handoff.reasons] == ["rasa_handover"]


async def test_the_dialogue_is_asked_when_the_bot_may_answer(rasa: Server) -> None:
    """A turn on its way to a person is none of its business."""
    handler = RasaDialogue(client(rasa))
    away = turn("opening hours please")
    away = away.replace(route=away.route.replace(action="escalate"))
    assert await handler.handle(away) is None
