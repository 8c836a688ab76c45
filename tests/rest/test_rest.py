"""The REST channel, over real HTTP, in Rasa's protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

import channels.rest
from gateway import Button, Reply, Turn
from gateway.testing import FakeHandler, RunningGateway, running
from tests.conftest import until

WEBHOOK = "/webhooks/rest/webhook"
MESSAGES = "/channels/rest/messages"
POLICY = """
reasons:
  low_confidence: {enabled: false}
  bot_failed: {enabled: false}
  loop: {enabled: false}
"""


def answers(turn: Turn) -> Reply | None:
    if turn.kind != "message":
        return None
    yes = Button(title="Yes", payload="/yes")
    return Reply(body=("First.", f"Then {turn.message.text}."), buttons=(yes,))


class Slow(FakeHandler):
    """Waits until it is let go."""

    def __init__(self) -> None:
        super().__init__(answers)
        self.go = asyncio.Event()

    async def handle(self, turn: Turn) -> Reply | None:
        await self.go.wait()
        return await super().handle(turn)


def config(folder: Path, **rest: Any) -> dict[str, Any]:
    (folder / "policy.yaml").write_text(POLICY, "utf-8")
    return {"policy": str(folder / "policy.yaml"), "channels": {"rest": rest}}


@pytest.fixture
async def gw(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    async with running(
        channels.rest, FakeHandler(answers), config=config(tmp_path), tmp_path=tmp_path
    ) as gateway:
        yield gateway


async def post(session: ClientSession, **body: object) -> Any:
    async with session.post(WEBHOOK, json=body) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_a_rasa_client_is_answered(gw: RunningGateway) -> None:
    """The answer has Rasa's keys, in the order in which it was said, with buttons."""
    async with gw.session() as session:
        said = await post(session, sender="ana", message="hi", metadata={"page": "/cart"})
        assert [(one["recipient_id"], one["text"]) for one in said] == [
            ("ana", "First."),
            ("ana", "Then hi."),
        ]
        assert said[-1]["buttons"] == [{"title": "Yes", "payload": "/yes"}]


async def test_all_that_was_said_can_be_fetched(gw: RunningGateway) -> None:
    """``after=0`` gives everything, answers already returned included; ids grow."""
    async with gw.session() as session:
        first = await post(session, sender="ana", message="one")
        await post(session, sender="ben", message="other")
        second = await post(session, sender="ana", message="two")
        async with session.get(MESSAGES, params={"sender": "ana", "after": "0"}) as response:
            fetched = await response.json()
        assert [one["id"] for one in fetched] == [one["id"] for one in (*first, *second)]
        assert [int(one["id"]) for one in fetched] == sorted(int(one["id"]) for one in fetched)
        assert {one["author"] for one in fetched} == {"bot"}
        after = first[-1]["id"]
        async with session.get(MESSAGES, params={"sender": "ana", "after": after}) as response:
            assert [one["text"] for one in await response.json()] == ["First.", "Then two."]


async def test_the_same_message_id_gets_the_same_answer(gw: RunningGateway) -> None:
    """A repeated delivery is handled once; its new body is ignored."""
    async with gw.session() as session:
        once = await post(session, sender="ana", message="one", message_id="m1")
        again = await post(session, sender="ana", message="changed", message_id="m1")
        other = await post(session, sender="ben", message="one", message_id="m1")
    assert again == once
    assert other != once


async def test_a_repeat_meanwhile_waits_for_the_same_answer(tmp_path: Path) -> None:
    """Two deliveries of one message at once: one turn, and both get its answer."""
    slow = Slow()
    async with (
        running(channels.rest, slow, config=config(tmp_path), tmp_path=tmp_path) as gw,
        gw.session() as session,
    ):
        both = [
            asyncio.create_task(post(session, sender="ana", message="hi", message_id="m1"))
            for _ in range(2)
        ]
        await until(lambda: gw.metric("warmline_duplicates_total", channel="rest") == 1)
        slow.go.set()
        one, two = await asyncio.gather(*both)
        assert one == two != []
        assert len(slow.turns) == 1


async def test_a_slow_turn_is_pending_and_fetched_later(tmp_path: Path) -> None:
    """After ``answer_timeout`` the answer is 200, empty, and says that the turn is pending."""
    slow = Slow()
    async with (
        running(
            channels.rest, slow, config=config(tmp_path, answer_timeout=0.05), tmp_path=tmp_path
        ) as gw,
        gw.session() as session,
    ):
        body = {"sender": "ana", "message": "hi", "message_id": "m1"}
        async with session.post(WEBHOOK, json=body) as response:
            assert (response.status, await response.json()) == (200, [])
            assert response.headers["Warmline-Turn"] == "pending"
        waiting = asyncio.create_task(_wait(session))
        slow.go.set()
        assert [one["text"] for one in await waiting] == ["First.", "Then hi."]
        async with session.post(WEBHOOK, json=body) as response:
            assert len(await response.json()) == 2
            assert "Warmline-Turn" not in response.headers


async def _wait(session: ClientSession) -> Any:
    params = {"sender": "ana", "after": "0", "wait": "10"}
    async with session.get(MESSAGES, params=params) as response:
        return await response.json()


async def test_a_person_answers_and_the_customer_fetches_it(gw: RunningGateway) -> None:
    """What a person says later comes by the messages' address, with its author."""
    async with gw.session() as session:
        said = await post(session, sender="ana", message="hi")
        conversation = (await gw.customer("rest", "ana").messages())[0].conversation
        await gw.desk_agent("una").claim(await gw.services.desk.card(conversation))
        assert await post(session, sender="ana", message="hello?") == []
        waiting = asyncio.create_task(
            session.get(MESSAGES, params={"sender": "ana", "after": said[-1]["id"], "wait": "10"})
        )
        card = await gw.services.desk.card(conversation)
        await gw.desk_agent("una").answer(card, "Una here.")
        async with await waiting as response:
            [one] = await response.json()
        assert (one["author"], one["text"]) == ("agent", "Una here.")


async def test_the_token_is_asked_for(tmp_path: Path) -> None:
    """With ``token`` set both addresses refuse whoever does not have it."""
    async with (
        running(
            channels.rest,
            FakeHandler(answers),
            config=config(tmp_path, token="open sesame"),
            tmp_path=tmp_path,
        ) as gw,
        gw.session() as session,
    ):
        for wrong in ({}, {"Authorization": "Bearer nope"}, {"Authorization": "öpen sesame"}):
            async with session.post(
                WEBHOOK, json={"sender": "a", "message": "b"}, headers=wrong
            ) as response:
                assert response.status == 401
                assert (await response.json())["error"]["code"] == "unauthorized"
            async with session.get(MESSAGES, params={"sender": "a"}, headers=wrong) as response:
                assert response.status == 401
        right = {"Authorization": "Bearer open sesame"}
        async with session.post(
            WEBHOOK, json={"sender": "a", "message": "b"}, headers=right
        ) as response:
            assert len(await response.json()) == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"sender": "a"}', 400),
        (b'{"sender": "", "message": "x"}', 400),
        (b'{"sender": 5, "message": "x"}', 400),
        (b'{"sender": "a", "message": null}', 400),
        (b"\xff\xfe", 400),
        (b'{"sender": "a", "message": "' + b"x" * 1_100_000 + b'"}', 413),
    ],
)
async def test_a_bad_body_is_refused_in_our_shape(
    gw: RunningGateway, body: bytes, status: int
) -> None:
    """Never a 500, always an error that says what is wrong, and a counter."""
    async with gw.session() as session, session.post(WEBHOOK, data=BytesIO(body)) as response:
        assert response.status == status
        assert set((await response.json())["error"]) == {"code", "message"}
    assert gw.metric("warmline_refused_requests_total", path=WEBHOOK, status=str(status)) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
BODIES = JSON | st.fixed_dictionaries(
    {"sender": st.text(min_size=1) | JSON, "message": st.text() | JSON},
    optional={"metadata": JSON, "message_id": st.text(min_size=1) | JSON, "more": JSON},
)


@given(bodies=st.lists(BODIES, min_size=1, max_size=20))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_json_is_taken_or_refused(
    bodies: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any JSON as a webhook: 200 and then it is stored, or 400; never a 500."""
    asyncio.run(_any_json(bodies, tmp_path_factory.mktemp("any")))


async def _any_json(bodies: list[Any], folder: Path) -> None:
    async with (
        running(channels.rest, FakeHandler(answers), config=config(folder), tmp_path=folder) as gw,
        gw.session() as session,
    ):
        taken = {}
        for body in bodies:
            async with session.post(WEBHOOK, data=json.dumps(body)) as response:
                assert response.status in (200, 400), body
                if response.status == 200:
                    taken[body["sender"]] = body["message"]
        for sender, text in taken.items():
            said = await gw.services.mailbox.messages(
                gw.customer("rest", sender).address, own=True, limit=1000
            )
            kept = [m.text for m in said if m.author == "customer"]
            assert kept[-1] == text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


class Receiver:
    """A program that takes callbacks, and is down at first."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.got.append(await request.json())
        return web.Response(status=status, headers={"Retry-After": "0"})


async def test_everything_said_is_pushed_to_the_callback(tmp_path: Path) -> None:
    """With ``callback_url`` each message is posted in order, again while the receiver is down."""
    receiver = Receiver(503)
    app = web.Application()
    app.add_routes([web.post("/callback", receiver.take)])
    async with TestServer(app, skip_url_asserts=True) as server:
        url = str(server.make_url("/callback"))
        more = config(tmp_path, callback_url=url) | {"delivery": {"backoff_most": 0.5}}
        async with (
            running(channels.rest, FakeHandler(answers), config=more, tmp_path=tmp_path) as gw,
            gw.session() as session,
        ):
            said = await post(session, sender="ana", message="hi")
            await until(lambda: len(receiver.got) == 2)
    assert [one["id"] for one in receiver.got] == [one["id"] for one in said]
    assert receiver.got[0] == {
        "recipient_id": "ana",
        "text": "First.",
        "id": said[0]["id"],
        "author": "bot",
    }


async def test_a_token_of_any_bytes_is_a_wrong_token(tmp_path: Path) -> None:
    """Header bytes that are no text are refused like any other guess."""
    token = config(tmp_path, token="s3cret")
    async with running(channels.rest, FakeHandler(answers), config=token, tmp_path=tmp_path) as gw:
        host = gw.url.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(
            b"POST /webhooks/rest/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer \xff\xfe\r\nContent-Length: 2\r\n\r\n{}"
        )
        told = await reader.read()
        assert told.startswith(b"HTTP/1.1 401 ")
        writer.close()


async def test_a_refusal_keeps_its_headers(gw: RunningGateway) -> None:
    """A wrong method is told the right ones (RFC 9110, section 15.5.6)."""
    async with gw.session() as session, session.get(WEBHOOK) as told:
        assert told.status == 405
        assert told.headers["Allow"] == "POST"
        assert (await told.json())["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/nowhere", "//", "/a%0Ab", "/%ff", WEBHOOK + "/"])
async def test_an_address_without_a_door_has_our_shape(gw: RunningGateway, path: str) -> None:
    """404 in JSON with the headers of every answer, and one series for all of them."""
    async with gw.session() as session, session.get(URL(path, encoded=True)) as told:
        assert told.status == 404
        assert (await told.json())["error"]["code"] == "not_found"
        assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert gw.metric("warmline_refused_requests_total", path="unknown", status="404") == 1


async def test_who_asked_as_the_server_stopped_waited_their_time_out(gw: RunningGateway) -> None:
    """Nobody waits for news of a gateway whose work has ended, however late they ask."""
    await gw.gateway.quiesce()
    async with ClientSession() as http, asyncio.timeout(10):
        answer = await http.get(f"{gw.url}{MESSAGES}?sender=ana&wait=60")
        assert await answer.json() == []
