"""An album: several messages that were sent together are handled as one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway import ALBUM_WAIT, Attachment, Fact, File, Inbound, Reply, Turn
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    RunningGateway,
    SimulatedCustomer,
    running,
)


def answer(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    files = ", ".join(file.name for file in turn.message.attachments)
    return Reply(opener="", body=(f"{turn.message.text or 'nothing'} with {files or 'nothing'}",))


async def picture(gw: RunningGateway, number: int) -> Attachment:
    file = File(name=f"{number}.jpg", media_type="image/jpeg", data=bytes([number]))
    return await gw.services.files.keep(file)


async def send(
    gw: RunningGateway, customer: SimulatedCustomer, number: int, text: str = "", **more: Any
) -> None:
    kept = (await picture(gw, number),)
    more = {"album": "a1", "remote_id": f"m{number}", "attachments": kept} | more
    await customer.say(text, **more)


@pytest.mark.parametrize("captioned", [1, 2, 3])
async def test_an_album_is_one_message(
    tmp_path: Path, answer_all: dict[str, Any], captioned: int
) -> None:
    """With all its files, words and facts, in the order in which they came. A part that is
    delivered again changes nothing."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(answer), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        for number in (1, 2, 3):
            facts = (Fact(name="part", value=str(number)),)
            text = "torn" if number == captioned else ""
            for _ in range(2):
                await send(gw, carla, number, text, facts=facts)
            await gw.pass_time(ALBUM_WAIT - 1)
            assert fake.sent == []
        await gw.pass_time(ALBUM_WAIT)
        assert [m.text for m in fake.sent] == ["torn with 1.jpg, 2.jpg, 3.jpg"]
        [album] = [m for m in (await gw.services.desk.card(1)).messages if m.author == "customer"]
        assert album.facts == (Fact(name="part", value="1; 2; 3"),)
        assert await gw.gateway.store.inbox.lanes() == ()


async def test_other_messages_wait_behind_an_album(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Order holds; another album and another customer are apart."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(answer), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla, dario = gw.customer("fake", "carla"), gw.customer("fake", "dario")
        await send(gw, carla, 1, "one")
        await carla.say("between")
        await send(gw, carla, 2)
        await send(gw, carla, 3, "three", album="a2")
        await send(gw, dario, 4, "four")
        await gw.pass_time(2 * ALBUM_WAIT)
        of_carla = [m.text for m in fake.sent if m.address == carla.address]
        assert of_carla == ["one with 1.jpg, 2.jpg", "between with nothing", "three with 3.jpg"]
        assert [m.text for m in fake.sent if m.address == dario.address] == ["four with 4.jpg"]


@pytest.mark.parametrize("described", ["", "(video, 0:09)"])
async def test_an_album_without_words_goes_to_a_person_once(
    tmp_path: Path, answer_all: dict[str, Any], described: str
) -> None:
    """With all its files, also when the channel describes one of them."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(answer), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        carla = gw.customer("fake", "carla")
        await send(gw, carla, 1)
        await send(gw, carla, 2, described, wordless=bool(described))
        await gw.pass_time(2 * ALBUM_WAIT)
        [item] = await gw.services.desk.queue()
        [reason] = item.handoff.reasons
        assert (reason.code, reason.detail) == ("no_words", described or "1.jpg, 2.jpg")


async def test_a_part_that_comes_while_the_album_is_handled_is_not_lost(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """It is a message of its own then."""
    clock, entered, opened = FakeClock(), asyncio.Event(), asyncio.Event()

    class Slow(FakeHandler):
        async def handle(self, turn: Turn) -> Reply | None:
            entered.set()
            await opened.wait()
            return await super().handle(turn)

    fake = FakeChannel()
    async with running(fake, Slow(answer), config=answer_all, clock=clock, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await send(gw, carla, 1, "one")
        await clock.advance(2 * ALBUM_WAIT)
        await asyncio.wait_for(entered.wait(), 10)
        late = (await picture(gw, 2),)
        await gw.services.intake.accept(
            Inbound(address=carla.address, text="two", at=clock.now(), album="a1", attachments=late)
        )
        opened.set()
        await gw.pass_time(2 * ALBUM_WAIT)
        assert [m.text for m in fake.sent] == ["one with 1.jpg", "two with 2.jpg"]


async def test_a_failed_album_is_retried_whole(
    tmp_path: Path, answer_all: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every part stays in the inbox until the album is handled."""
    fake, clock = FakeChannel(), FakeClock()
    async with running(
        fake, FakeHandler(answer), config=answer_all, clock=clock, tmp_path=tmp_path
    ) as gw:
        real, failed = gw.gateway.store.inbox.commit, list[Any]()

        async def fail_once(*given: Any) -> Any:
            if not failed:
                failed.append(given)
                raise OSError("disk full")
            return await real(*given)

        monkeypatch.setattr(gw.gateway.store.inbox, "commit", fail_once)
        carla = gw.customer("fake", "carla")
        for number in (1, 2):
            await send(gw, carla, number, "torn" if number == 2 else "")
        await gw.pass_time(2 * ALBUM_WAIT)
        await gw.pass_time(60)
        assert [m.text for m in fake.sent] == ["torn with 1.jpg, 2.jpg"]
        assert await gw.gateway.store.inbox.lanes() == ()
