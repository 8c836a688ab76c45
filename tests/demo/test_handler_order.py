"""Who is asked for what in the demo: routing, a stranger's handler, escalation, the FAQ.

`docs/plugins.md` explains the order under "Who is asked when"; these dialogues show it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from gateway import Handler, Reply, Settings, Turn, hookimpl
from gateway.plugins import installed_plugins
from gateway.testing import running
from tests.conftest import until

from .test_visit import free_port, ready, the_demo


class Parcels:
    """A stranger's handler after escalation (10) and before the FAQ (50). It is sure of its matter
    when a message has a parcel's number, which no intent of the shop knows."""

    name, priority = "parcels", 40

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        """By which method it was asked, and for which action of the route."""

    async def knows(self, turn: Turn) -> Reply | None:
        self.asked.append(("knows", turn.route.action))
        return self._answer(turn)

    async def handle(self, turn: Turn) -> Reply | None:
        self.asked.append(("handle", turn.route.action))
        return self._answer(turn)

    def _answer(self, turn: Turn) -> Reply | None:
        known = turn.kind == "message" and "PX204113" in turn.message.text
        return Reply(opener="", body=("Parcel PX204113 is on its way.",)) if known else None

    @hookimpl
    def register_handlers(self, register: Callable[[Handler], None], settings: Settings) -> None:
        register(self)


class Observer:
    """A handler before escalation, which sees every turn and leaves it to the others."""

    name, priority = "observer", 1
    seen: ClassVar[list[str]] = []

    async def handle(self, turn: Turn) -> Reply | None:
        self.seen.append(turn.route.action)
        return None

    @hookimpl
    def register_handlers(self, register: Callable[[Handler], None], settings: Settings) -> None:
        register(self)


ON_ITS_WAY = "Parcel PX204113 is on its way."
DIALOGUES = [
    # What the customer writes; a part of the answer; how the parcels' handler was asked.
    # Nobody recognised it, so the bot would ask back: first it asks who knows the matter.
    ("Where is PX204113 now?", ON_ITS_WAY, [("knows", "clarify")]),
    # Nobody knows it either: escalation (10) asks back, and no later handler is asked.
    ("blorp 77", "I am not sure what you mean", [("knows", "clarify")]),
    # The FAQ's matter: handlers before it are asked in their order, and leave it.
    ("How long does delivery take?", "2-3 working days", [("handle", "automate")]),
    # The intent is clear, and the handler before the FAQ has something better.
    ("How long does delivery take for PX204113?", ON_ITS_WAY, [("handle", "automate")]),
    # A person, anger: no handler is asked whether it knows better; escalation hands over.
    ("I want to talk to a person about PX204113", "person", []),
    ("I am FURIOUS, PX204113 is late for the third time!!!", "person", []),
]


@pytest.mark.timeout(600)
async def test_who_is_asked_for_what(tmp_path: Path) -> None:
    """Each message gets the answer of the handler whose turn it is, and nobody else is asked."""
    parcels, observer = Parcels(), Observer()
    plugins = [guest.module for guest in installed_plugins()]
    demo = the_demo(tmp_path, free_port())
    del demo["plugins"]["nlu_local"]["knowledge"][1:]  # English is enough, and learnt sooner
    async with running(*plugins, parcels, observer, config=demo, tmp_path=tmp_path) as gw:
        await until(lambda: ready(gw), timeout=500, every=0.2)
        for number, (said, heard, asked) in enumerate(DIALOGUES):
            parcels.asked.clear()
            customer = gw.customer("rest", f"customer{number}")
            await customer.say(said)
            assert heard in " ".join(customer.heard), said
            assert parcels.asked == asked, said
        assert set(observer.seen) == {"clarify", "automate", "escalate"}

        card = await gw.desk_agent("ana").next_card()
        assert [item.preview for item in await gw.services.desk.queue()] == [
            said for said, _, asked in reversed(DIALOGUES) if not asked
        ]
        assert card.handoff is not None
