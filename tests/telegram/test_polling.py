"""We ask Telegram: long polling, through the real gateway."""

from __future__ import annotations

from typing import Any

from gateway import NotAccepted
from gateway.adapters.standalone import SystemClock

from ..conftest import until
from .conftest import PATH, Start
from .server import BotApi
from .updates import CARLA, message, said, user

CHAT = CARLA["id"]


class Impatient(SystemClock):
    """The real time, in which nobody sleeps long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(min(seconds, 0.02))


async def test_a_question_is_answered(api: BotApi, start: Start) -> None:
    """Without a secret we poll: whatever webhook there was is taken away, and nothing dropped."""
    api.webhook = {"url": "https://an.old.example/hook"}
    api.queue(said("waiting since yesterday", update=100))
    async with start(secret=None, poll_timeout=1, clock=Impatient()) as gw:
        await until(lambda: api.texts(CHAT) == ["waiting since yesterday"])
        api.queue(said("and now", id=2, update=101))
        await until(lambda: api.texts(CHAT)[1:] == ["and now"])
        await until(lambda: api.confirmed == 101)
        async with gw.session() as session, session.post(PATH, json=said("x")) as response:
            assert response.status == 404


async def test_only_what_is_committed_is_confirmed(api: BotApi, start: Start) -> None:
    """While the store is down nothing is confirmed; afterwards all comes again, once."""
    clock = Impatient()
    async with start(secret=None, poll_timeout=1, clock=clock) as gw:
        inbox = gw.gateway.store.inbox
        real = inbox.accept
        offered = []

        async def refuse(inbound: Any, *_: object) -> Any:
            offered.append(inbound.text)
            raise NotAccepted("the disk is full")

        inbox.accept = refuse  # type: ignore[method-assign]
        api.queue(*(said(f"number {n}", id=n, update=200 + n) for n in range(1, 4)))
        await until(lambda: len(offered) >= 3)
        assert set(offered) == {"number 1"}, "what is behind it waits its turn"
        assert api.confirmed < 201
        async with gw.session() as session, session.get("/readyz") as response:
            assert response.status == 503
        inbox.accept = real  # type: ignore[method-assign]
        await until(lambda: len(api.texts(CHAT)) == 3)
        assert api.texts(CHAT) == ["number 1", "number 2", "number 3"]
        await until(lambda: api.confirmed == 203)
        assert clock.slept[0] < max(clock.slept)


async def test_one_customers_trouble_is_not_anothers(api: BotApi, start: Start) -> None:
    """A file that does not come delays its own chat alone, and its chat's order holds."""
    api.store("d", b"data")
    api.file_troubles = [500, 500]
    document = {"file_id": "d", "file_unique_id": "u", "file_size": 4}
    bob = user(6_002, "Bob")
    api.queue(
        {"update_id": 301, "message": message(1, document=document, caption="my bill")},
        said("as I said", id=2, update=302),
        {"update_id": 303, "message": message(1, by=bob, text="hello")},
    )
    async with start(secret=None, poll_timeout=1, clock=Impatient()):
        await until(lambda: len(api.texts(CHAT)) == 2 and api.texts(6_002))
        assert api.texts(CHAT) == ["my bill", "as I said"]
        assert api.texts(6_002) == ["hello"]
        await until(lambda: api.confirmed == 303)


async def test_an_odd_update_stops_nobody(api: BotApi, start: Start) -> None:
    """What no SDK can parse is kept or dropped, and what came with it is taken."""
    api.queue(
        {"update_id": 400, "message": "nonsense"},
        {"update_id": 401, "message": {**message(), "text": {}}},
        said("hello", id=2, update=402),
    )
    async with start(secret=None, poll_timeout=1, clock=Impatient()) as gw:
        await until(lambda: api.confirmed == 402)
        await gw.settled()
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "unreadable"


async def test_telegram_goes_away_and_comes_back(api: BotApi, start: Start) -> None:
    """We ask again, later each time, and say so on /readyz; nothing is lost."""
    clock = Impatient()
    async with start(secret=None, poll_timeout=1, clock=clock) as gw:
        api.down = True
        api.queue(said("are you there?", update=500))
        await until(lambda: len(clock.slept) > 5)
        async with gw.session() as session, session.get("/readyz") as response:
            told = await response.json()
            assert response.status == 503
            assert told["checks"]["channel telegram"].startswith("Telegram answered: ")
        api.down = False
        await until(lambda: api.texts(CHAT) == ["are you there?"])


async def test_another_program_on_the_same_bot(api: BotApi, start: Start) -> None:
    """Somebody sets a webhook meanwhile: it is taken away again, and polling goes on."""
    async with start(secret=None, poll_timeout=1, clock=Impatient()):
        api.webhook = {"url": "https://somebody.example"}
        await until(lambda: api.webhook["url"] == "")
        api.queue(said("hello", update=600))
        await until(lambda: api.texts(CHAT) == ["hello"])


async def test_a_restart_repeats_nothing(api: BotApi, start: Start) -> None:
    """What was committed but not yet confirmed is offered again after a restart, and known."""
    update = said("hello", update=700)
    api.queue(update)
    async with start(secret=None, poll_timeout=1, clock=Impatient()):
        await until(lambda: api.confirmed == 700)
    api.confirmed, asked = 0, len(api.calls("get_updates"))
    api.queue(update, said("again", id=2, update=701))
    async with start(secret=None, poll_timeout=1, clock=Impatient()):
        await until(lambda: api.confirmed == 701)
        await until(lambda: len(api.texts(CHAT)) == 2)
    assert api.texts(CHAT) == ["hello", "again"]
    assert len(api.calls("get_updates")) > asked
