"""Long polling, through the real gateway."""

from __future__ import annotations

from typing import Any

from gateway import NotAccepted
from gateway.adapters.standalone import SystemClock

from ..conftest import until
from .conftest import PATH, Start
from .fake_bot_api import FakeBotApi
from .updates import CARLA, message, text_update, user

CHAT = CARLA["id"]


class ShortSleeps(SystemClock):
    """Real time, in which no sleep is long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(min(seconds, 0.02))


async def test_polling_removes_the_webhook_and_drops_nothing(api: FakeBotApi, start: Start) -> None:
    """Without a secret we poll. Updates that waited are answered too."""
    api.webhook = {"url": "https://an.old.example/hook"}
    api.queue(text_update("waiting since yesterday", update=100))
    async with start(secret=None, poll_timeout=1, clock=ShortSleeps()) as gw:
        await until(lambda: api.texts(CHAT) == ["waiting since yesterday"])
        api.queue(text_update("and now", id=2, update=101))
        await until(lambda: api.texts(CHAT)[1:] == ["and now"])
        await until(lambda: api.confirmed == 101)
        async with gw.session() as session, session.post(PATH, json=text_update("x")) as response:
            assert response.status == 404


async def test_only_committed_updates_are_confirmed(api: FakeBotApi, start: Start) -> None:
    """While the store fails nothing is confirmed. Afterwards everything arrives once."""
    clock = ShortSleeps()
    async with start(secret=None, poll_timeout=1, clock=clock) as gw:
        inbox = gw.gateway.store.inbox
        accept = inbox.accept
        offered = []

        async def refuse(inbound: Any, *_: object) -> Any:
            offered.append(inbound.text)
            raise NotAccepted("the disk is full")

        inbox.accept = refuse  # type: ignore[method-assign]
        api.queue(*(text_update(f"number {n}", id=n, update=200 + n) for n in range(1, 4)))
        await until(lambda: len(offered) >= 3)
        assert set(offered) == {"number 1"}, "later updates wait for the first"
        assert api.confirmed < 201
        async with gw.session() as session, session.get("/readyz") as response:
            assert response.status == 503
        inbox.accept = accept  # type: ignore[method-assign]
        await until(lambda: len(api.texts(CHAT)) == 3)
        assert api.texts(CHAT) == ["number 1", "number 2", "number 3"]
        await until(lambda: api.confirmed == 203)
        assert clock.slept[0] < max(clock.slept)


async def test_a_failing_file_delays_only_its_own_chat(api: FakeBotApi, start: Start) -> None:
    """The order within that chat holds."""
    api.store("d", b"data")
    api.file_failures = [500, 500]
    document = {"file_id": "d", "file_unique_id": "u", "file_size": 4}
    bob = user(6_002, "Bob")
    api.queue(
        {"update_id": 301, "message": message(1, document=document, caption="my bill")},
        text_update("as I said", id=2, update=302),
        {"update_id": 303, "message": message(1, by=bob, text="hello")},
    )
    async with start(secret=None, poll_timeout=1, clock=ShortSleeps()):
        await until(lambda: len(api.texts(CHAT)) == 2 and api.texts(6_002))
        assert api.texts(CHAT) == ["my bill", "as I said"]
        assert api.texts(6_002) == ["hello"]
        await until(lambda: api.confirmed == 303)


async def test_an_unreadable_update_does_not_stop_polling(api: FakeBotApi, start: Start) -> None:
    """It is kept for a person or dropped, and the updates after it are received."""
    api.queue(
        {"update_id": 400, "message": "nonsense"},
        {"update_id": 401, "message": {**message(), "text": {}}},
        text_update("hello", id=2, update=402),
    )
    async with start(secret=None, poll_timeout=1, clock=ShortSleeps()) as gw:
        await until(lambda: api.confirmed == 402)
        await gw.settled()
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "unreadable"


async def test_polling_survives_an_outage_of_telegram(api: FakeBotApi, start: Start) -> None:
    """It waits longer each time, /readyz says why, and nothing is lost."""
    clock = ShortSleeps()
    async with start(secret=None, poll_timeout=1, clock=clock) as gw:
        api.down = True
        api.queue(text_update("are you there?", update=500))
        await until(lambda: len(clock.slept) > 5)
        async with gw.session() as session, session.get("/readyz") as response:
            body = await response.json()
            assert response.status == 503
            assert body["checks"]["channel telegram"].startswith("Telegram answered: ")
        api.down = False
        await until(lambda: api.texts(CHAT) == ["are you there?"])


async def test_a_webhook_set_by_another_program_is_removed(api: FakeBotApi, start: Start) -> None:
    """Polling goes on."""
    async with start(secret=None, poll_timeout=1, clock=ShortSleeps()):
        api.webhook = {"url": "https://somebody.example"}
        await until(lambda: api.webhook["url"] == "")
        api.queue(text_update("hello", update=600))
        await until(lambda: api.texts(CHAT) == ["hello"])


async def test_updates_are_handled_once_across_a_restart(api: FakeBotApi, start: Start) -> None:
    """An update that was committed but not confirmed comes again, and is known."""
    update = text_update("hello", update=700)
    api.queue(update)
    async with start(secret=None, poll_timeout=1, clock=ShortSleeps()):
        await until(lambda: api.confirmed == 700)
    api.confirmed, polls = 0, len(api.calls("get_updates"))
    api.queue(update, text_update("again", id=2, update=701))
    async with start(secret=None, poll_timeout=1, clock=ShortSleeps()):
        await until(lambda: api.confirmed == 701)
        await until(lambda: len(api.texts(CHAT)) == 2)
    assert api.texts(CHAT) == ["hello", "again"]
    assert len(api.calls("get_updates")) > polls
