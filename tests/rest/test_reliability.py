"""What a client hears when its ids are broken, and when the database goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import channels.rest
from gateway import Fact
from gateway.testing import FakeHandler, running
from tests.both import both
from tests.conftest import until
from tests.spine.conftest import echo

pytest_generate_tests = both
WEBHOOK = "/webhooks/rest/webhook"
NUL = "ana\x00ben"


@pytest.mark.parametrize(
    "ids",
    [{"sender": NUL}, {"sender": "ana", "message_id": NUL}, {"sender": "\ud800"}],
    ids=["sender", "message id", "half a character"],
)
async def test_an_id_that_no_database_stores_is_a_bad_request(
    ids: dict[str, str], tmp_path: Path, stored_in: str
) -> None:
    """Not 503, after which a client tries for ever; the same on both databases."""
    async with (
        running(channels.rest, FakeHandler(echo), config=config(), tmp_path=tmp_path) as gw,
        gw.session() as session,
    ):
        async with session.post(WEBHOOK, json={"message": "hi", **ids}) as response:
            assert response.status == 400, await response.text()
        async with session.get(
            "/channels/rest/messages", params={"sender": NUL, "after": "0"}
        ) as response:
            assert response.status == 400


async def test_texts_with_nul_are_stored_without_it(tmp_path: Path, stored_in: str) -> None:
    """A person's words are not refused for one character, nor their names and files."""
    async with (
        running(channels.rest, FakeHandler(echo), config=config(), tmp_path=tmp_path) as gw,
        gw.session() as session,
    ):
        body = {"sender": "ana", "message": "a\x00b", "metadata": {"page\x00": "x\x00y"}}
        async with session.post(WEBHOOK, json=body) as response:
            assert response.status == 200
        card = await gw.services.desk.card(1)
        assert card.messages[0].text == "a\N{REPLACEMENT CHARACTER}b"
        assert Fact(name="page\ufffd", value="x\ufffdy") in card.facts


async def test_a_taken_message_is_pending_when_the_database_goes_away(
    tmp_path: Path, stored_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is safe: the client must not send it anew, and fetches the answer later."""
    async with (
        running(
            channels.rest,
            FakeHandler(echo),
            config=config(answer_timeout=1.5),
            tmp_path=tmp_path,
        ) as gw,
        gw.session() as session,
    ):
        database, away = gw.gateway.database, asyncio.Event()
        for name in ("read", "write"):
            monkeypatch.setattr(database, name, failing(getattr(database, name), away))
        accept = gw.gateway.store.inbox.accept

        async def accept_and_lose(*args: Any) -> Any:
            accepted = await accept(*args)
            away.set()
            gw.gateway.reply_waiter.forget(accepted.turn)
            return accepted

        monkeypatch.setattr(gw.gateway.store.inbox, "accept", accept_and_lose)
        body = {"sender": "ana", "message": "hi", "message_id": "m1"}
        async with session.post(WEBHOOK, json=body) as response:
            assert response.status == 200, await response.text()
            assert response.headers["Warmline-Turn"] == "pending"
            assert await response.json() == []
        away.clear()
        await gw.gateway.scheduler.sweep()

        async def fetched() -> Any:
            async with session.get(
                "/channels/rest/messages", params={"sender": "ana", "after": "0"}
            ) as response:
                return await response.json()

        [answer] = await until(fetched)
        assert answer["text"] == "You said hi."


def failing(real: Callable[..., Any], away: asyncio.Event) -> Callable[..., Any]:
    """``real``, which fails while ``away`` is set."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        if away.is_set():
            raise ConnectionError("the database is away")
        return await real(*args, **kwargs)

    return call


def config(**rest: Any) -> dict[str, Any]:
    return {
        "channels": {"rest": {"open": True, "requests_per_address": None} | rest},
        "worker": {"attempts": 50},
    }
