"""The REST channel over real HTTP."""

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
from gateway import Button, Event, Reply, Turn
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


class SlowHandler(FakeHandler):
    """Waits for ``go`` before it answers."""

    def __init__(self) -> None:
        super().__init__(answers)
        self.go = asyncio.Event()

    async def handle(self, turn: Turn) -> Reply | None:
        await self.go.wait()
        return await super().handle(turn)


def config(folder: Path, **rest: Any) -> dict[str, Any]:
    (folder / "policy.yaml").write_text(POLICY, "utf-8")
    rest = {"open": "token" not in rest and "identity_secret" not in rest, **rest}
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
    """The answer has Rasa's keys, with the messages in order and their buttons."""
    async with gw.session() as session:
        answer = await post(session, sender="ana", message="hi", metadata={"page": "/cart"})
        assert [(message["recipient_id"], message["text"]) for message in answer] == [
            ("ana", "First."),
            ("ana", "Then hi."),
        ]
        assert answer[-1]["buttons"] == [{"title": "Yes", "payload": "/yes"}]


async def test_all_messages_can_be_fetched(gw: RunningGateway) -> None:
    """``after=0`` gives all messages, including answers already returned; ids grow."""
    async with gw.session() as session:
        first = await post(session, sender="ana", message="one")
        await post(session, sender="ben", message="other")
        second = await post(session, sender="ana", message="two")
        async with session.get(MESSAGES, params={"sender": "ana", "after": "0"}) as response:
            fetched = await response.json()
        assert [message["id"] for message in fetched] == [
            message["id"] for message in (*first, *second)
        ]
        assert [int(message["id"]) for message in fetched] == sorted(
            int(message["id"]) for message in fetched
        )
        assert {message["author"] for message in fetched} == {"bot"}
        after = first[-1]["id"]
        async with session.get(MESSAGES, params={"sender": "ana", "after": after}) as response:
            assert [message["text"] for message in await response.json()] == ["First.", "Then two."]


async def test_the_same_message_id_gets_the_same_answer(gw: RunningGateway) -> None:
    """A repeated message is handled once; its new body is ignored."""
    async with gw.session() as session:
        once = await post(session, sender="ana", message="one", message_id="m1")
        again = await post(session, sender="ana", message="changed", message_id="m1")
        other = await post(session, sender="ben", message="one", message_id="m1")
    assert again == once
    assert other != once


async def test_a_concurrent_repeat_waits_for_the_same_answer(tmp_path: Path) -> None:
    """Two concurrent requests with one message id are one turn, and both get its answer."""
    slow = SlowHandler()
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
    """After ``answer_timeout`` the answer is 200 and empty, with the header for a pending turn."""
    slow = SlowHandler()
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
        assert [message["text"] for message in await waiting] == ["First.", "Then hi."]
        async with session.post(WEBHOOK, json=body) as response:
            assert len(await response.json()) == 2
            assert "Warmline-Turn" not in response.headers


async def _wait(session: ClientSession) -> Any:
    params = {"sender": "ana", "after": "0", "wait": "10"}
    async with session.get(MESSAGES, params=params) as response:
        return await response.json()


async def test_an_agents_answer_is_fetched(gw: RunningGateway) -> None:
    """A later answer of an agent is fetched, with its author."""
    async with gw.session() as session:
        answer = await post(session, sender="ana", message="hi")
        conversation = (await gw.customer("rest", "ana").messages())[0].conversation
        await gw.desk_agent("una").claim(await gw.services.desk.card(conversation))
        assert await post(session, sender="ana", message="hello?") == []
        waiting = asyncio.create_task(
            session.get(MESSAGES, params={"sender": "ana", "after": answer[-1]["id"], "wait": "10"})
        )
        card = await gw.services.desk.card(conversation)
        await gw.desk_agent("una").answer(card, "Una here.")
        async with await waiting as response:
            [message] = await response.json()
        assert (message["author"], message["text"]) == ("agent", "Una here.")


async def test_requests_need_the_token(tmp_path: Path) -> None:
    """With ``token`` set both routes refuse requests without it."""
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
        (b'{"sender": true, "message": "x"}', 400),
        (b'{"sender": ["a"], "message": "x"}', 400),
        (b'{"sender": "a", "message": null}', 400),
        (b"\xff\xfe", 400),
        (b'{"sender": "a", "message": "' + b"x" * 1_100_000 + b'"}', 413),
    ],
)
async def test_a_bad_body_is_refused_with_an_error(
    gw: RunningGateway, body: bytes, status: int
) -> None:
    """The error has the usual shape, is never a 500, and is counted."""
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
def test_any_json_is_stored_or_refused(
    bodies: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any JSON body gives 200 and is stored, or 400; never a 500."""
    asyncio.run(_any_json(bodies, tmp_path_factory.mktemp("any")))


async def _any_json(bodies: list[Any], folder: Path) -> None:
    async with (
        running(channels.rest, FakeHandler(answers), config=config(folder), tmp_path=folder) as gw,
        gw.session() as session,
    ):
        stored = {}
        for body in bodies:
            async with session.post(WEBHOOK, data=json.dumps(body)) as response:
                assert response.status in (200, 400), body
                if response.status == 200:
                    stored[str(body["sender"])] = str(body["message"])
        for sender, text in stored.items():
            messages = await gw.services.mailbox.messages(
                gw.customer("rest", sender).address, own=True, limit=1000
            )
            kept = [m.text for m in messages if m.author == "customer"]
            assert kept[-1] == text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


class CallbackServer:
    """A program that receives callbacks. It answers ``statuses`` first, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.received: list[dict[str, Any]] = []

    async def receive(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.received.append(await request.json())
        return web.Response(status=status, headers={"Retry-After": "0"})


async def test_all_messages_are_pushed_to_the_callback(tmp_path: Path) -> None:
    """Each message is posted in order, and again while the receiver is down."""
    receiver = CallbackServer(503)
    app = web.Application()
    app.add_routes([web.post("/callback", receiver.receive)])
    async with TestServer(app, skip_url_asserts=True) as server:
        url = str(server.make_url("/callback"))
        more = config(tmp_path, callback_url=url) | {"delivery": {"backoff_most": 0.5}}
        async with (
            running(channels.rest, FakeHandler(answers), config=more, tmp_path=tmp_path) as gw,
            gw.session() as session,
        ):
            await post(session, sender="ana", message="hi")
            await until(lambda: len(receiver.received) == 2)
            messages = await gw.services.mailbox.messages(gw.customer("rest", "ana").address)
    assert [message["id"] for message in receiver.received] == [str(each.id) for each in messages]
    assert receiver.received[0] == {
        "recipient_id": "ana",
        "text": "First.",
        "id": str(messages[0].id),
        "author": "bot",
    }


async def test_a_push_has_buttons_and_replaces_the_answer(tmp_path: Path) -> None:
    """With ``callback_url`` the answer is empty, and the push has the buttons, as Rasa's callback
    channel has them; its own paths answer as Rasa does."""
    receiver = CallbackServer()
    app = web.Application()
    app.add_routes([web.post("/callback", receiver.receive)])
    async with TestServer(app, skip_url_asserts=True) as server:
        more = config(tmp_path, callback_url=str(server.make_url("/callback")))
        async with (
            running(channels.rest, FakeHandler(answers), config=more, tmp_path=tmp_path) as gw,
            gw.session() as session,
        ):
            assert await post(session, sender="ana", message="hi") == []
            body = {"sender": "ana", "message": "hi again"}
            async with session.post("/webhooks/callback/webhook", json=body) as response:
                assert (response.status, await response.text()) == (200, "success")
            async with session.get("/webhooks/callback/") as response:
                assert await response.json() == {"status": "ok"}
            await until(lambda: len(receiver.received) == 4)
    assert [message["text"] for message in receiver.received][1::2] == [
        "Then hi.",
        "Then hi again.",
    ]
    assert receiver.received[1]["buttons"] == [{"title": "Yes", "payload": "/yes"}]


async def test_the_channel_says_that_it_is_there(gw: RunningGateway) -> None:
    """``GET /webhooks/rest/`` answers as Rasa does."""
    async with gw.session() as session, session.get("/webhooks/rest/") as response:
        assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_a_stream_has_one_message_in_each_line(gw: RunningGateway) -> None:
    """``?stream=true`` gives lines of JSON with Rasa's content type."""
    async with gw.session() as session:
        body = {"sender": "ana", "message": "hi"}
        async with session.post(WEBHOOK, json=body, params={"stream": "true"}) as response:
            assert response.content_type == "text/event-stream"
            lines = (await response.text()).splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["First.", "Then hi."]


@pytest.mark.parametrize(("sender", "text"), [(4711, "4711"), (2**70, str(2**70)), (1.5, "1.5")])
async def test_a_number_is_taken_as_text(gw: RunningGateway, sender: float, text: str) -> None:
    """A numeric sender, message and message_id mean the same as their text."""
    async with gw.session() as session:
        first = await post(session, sender=sender, message=7, message_id=1)
        assert [message["recipient_id"] for message in first] == [text, text]
        assert first[1]["text"] == "Then 7."
        assert await post(session, sender=text, message="other", message_id="1") == first


@pytest.mark.parametrize(
    "body", [{"message": "hi"}, {"sender": None, "message": "hi"}, {"sender": "ana"}]
)
async def test_an_error_names_what_is_missing(gw: RunningGateway, body: dict[str, object]) -> None:
    """A missing sender or message is a 400 that names it."""
    missing = "sender" if body.get("sender") is None else "message"
    async with gw.session() as session, session.post(WEBHOOK, json=body) as response:
        assert response.status == 400
        assert missing in (await response.json())["error"]["message"]


@pytest.mark.parametrize("params", [{}, {"wait": "0"}])
async def test_an_empty_poll_that_did_not_wait_asks_for_a_pause(
    gw: RunningGateway, params: dict[str, str]
) -> None:
    """Else a client that asks again at once would spin."""
    async with (
        gw.session() as session,
        session.get(MESSAGES, params={"sender": "ana", **params}) as response,
    ):
        assert await response.json() == []
        assert response.headers["Retry-After"] == "1"


async def test_typing_does_not_wake_a_poll(gw: RunningGateway) -> None:
    """A poll looks for messages only when there may be one."""
    lane = gw.customer("rest", "ana").address.lane
    async with gw.session() as session:
        poll = asyncio.create_task(_wait(session))
        for _ in range(50):
            gw.services.events.publish(Event(topic=lane, name="typing"))
            await asyncio.sleep(0)
        await post(session, sender="ana", message="hi")
        assert [message["text"] for message in await poll] == ["First.", "Then hi."]


async def test_a_token_of_invalid_bytes_is_refused(tmp_path: Path) -> None:
    """Header bytes that are not text are a wrong token, not an error of ours."""
    token = config(tmp_path, token="s3cret")
    async with running(channels.rest, FakeHandler(answers), config=token, tmp_path=tmp_path) as gw:
        host = gw.url.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(
            b"POST /webhooks/rest/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer \xff\xfe\r\nContent-Length: 2\r\n\r\n{}"
        )
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 401 ")
        writer.close()


async def test_a_wrong_method_gets_the_allow_header(gw: RunningGateway) -> None:
    """405 lists the allowed methods (RFC 9110, section 15.5.6)."""
    async with gw.session() as session, session.get(WEBHOOK) as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "OPTIONS,POST"
        assert (await answer.json())["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/nowhere", "//", "/a%0Ab", "/%ff", WEBHOOK + "/"])
async def test_an_unknown_path_is_not_found(gw: RunningGateway, path: str) -> None:
    """404 in JSON with the usual headers; all unknown paths share one metric series."""
    async with gw.session() as session, session.get(URL(path, encoded=True)) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "not_found"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert gw.metric("warmline_refused_requests_total", path="unknown", status="404") == 1


async def test_a_poll_after_the_stop_does_not_wait(gw: RunningGateway) -> None:
    """A poll that comes while the server stops is answered at once."""
    await gw.gateway.stop_background()
    async with ClientSession() as http, asyncio.timeout(10):
        answer = await http.get(f"{gw.url}{MESSAGES}?sender=ana&wait=60")
        assert await answer.json() == []
        assert answer.headers["Retry-After"] == "1"
