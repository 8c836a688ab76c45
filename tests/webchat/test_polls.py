"""The protocol over plain HTTP, and files."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from channels.webchat.http_api import safe_name, sniff
from gateway import Attachment, Event
from tests.conftest import until
from tests.webchat.conftest import ROOT, Chat, Start
from tests.webchat.fakes import ANA

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


async def greet(chat: Chat, **hello: Any) -> tuple[str, str]:
    """Say hello by a plain request; gives token and session."""
    status, ready = await chat.post("/messages", json={"type": "hello", **hello})
    assert (status, ready["type"]) == (200, "ready")
    return ready["token"], ready["session"]


async def test_a_conversation_over_http(chat: Chat) -> None:
    """A message is sent, accepted and answered without a socket."""
    token, session = await greet(chat)
    frame = {"type": "say", "id": "message-0001", "text": "When do you open?"}
    status, accepted = await chat.post("/messages", token, json=frame)
    assert (status, accepted["type"], accepted["id"]) == (200, "accepted", "message-0001")
    _, again = await chat.post("/messages", token, json=frame)
    assert again["duplicate"]
    chat.gateway.put(chat.gateway.accepted[0].address, "At nine.")
    _, body = await chat.get("/messages?after=0", token)
    assert [frame["text"] for frame in body["frames"]] == ["When do you open?", "At nine."]
    assert chat.gateway.accepted[0].address.value == session


async def test_a_poll_waits_for_a_new_message(chat: Chat) -> None:
    """It answers as soon as there is a message, and with an empty list when its time is up."""
    token, session = await greet(chat)
    address = (await _tab_of(chat, token)).address
    assert address.value == session
    waiting = asyncio.create_task(chat.get("/messages?after=0&wait=10", token))
    await until(lambda: chat.gateway.listeners(address) == 2)
    chat.gateway.put(address, "Ana here.", author="agent", agent=ANA)
    _, body = await waiting
    assert [frame["text"] for frame in body["frames"]] == ["Ana here."]
    last = body["frames"][-1]["id"]
    _, body = await chat.get(f"/messages?after={last}&wait=0.05", token)
    assert body == {"frames": []}


async def test_typing_ends_a_poll(chat: Chat) -> None:
    """A typing event ends the wait, as a message does."""
    token, _ = await greet(chat)
    address = (await _tab_of(chat, token)).address
    waiting = asyncio.create_task(chat.get("/messages?wait=10", token))
    await until(lambda: chat.gateway.listeners(address) == 2)
    chat.gateway.publish(Event(topic=address.lane, name="typing", data={"author": "agent"}))
    _, body = await waiting
    assert body["frames"] == [{"type": "typing", "author": "agent"}]


async def test_receipts_get_no_answer(chat: Chat) -> None:
    """A read receipt is answered with 204."""
    token, _ = await greet(chat)
    assert await chat.post("/messages", token, json={"type": "read", "ids": [1]}) == (204, None)
    assert chat.gateway.receipts[0].ids == ("1",)


@pytest.mark.parametrize(
    ("frame", "status", "code"),
    [
        (b"not JSON", 400, "malformed"),
        (b"\xff\xfe", 400, "malformed"),
        (b'{"type":"shout"}', 400, "malformed"),
        (b'{"type":"say","id":"message-0001","text":" "}', 400, "empty"),
        (b'{"type":"say","id":"message-0001","text":"' + b"x" * 4001 + b'"}', 413, "too_long"),
        (b"x" * 70_000, 413, "too_large"),
        (b'{"type":"hello","token":"a.b.c"}', 401, "bad_session"),
        (b'{"type":"hello","identity":"a.b.c"}', 401, "bad_identity"),
    ],
)
async def test_errors_have_a_code_and_a_status(
    chat: Chat, frame: bytes, status: int, code: str
) -> None:
    """Errors have the gateway's usual shape; none is a 500."""
    token, _ = await greet(chat)
    got, body = await chat.post("/messages", token, data=frame)
    assert (got, body["error"]["code"]) == (status, code)
    assert body["error"]["message"]


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "wait=1e9", "wait=nan", "after=" + "9" * 40]
)
async def test_wrong_numbers_are_refused(chat: Chat, query: str) -> None:
    """A poll's numbers have limits."""
    token, _ = await greet(chat)
    assert (await chat.get(f"/messages?{query}", token))[0] == 400


async def test_every_request_needs_a_token(chat: Chat) -> None:
    """Polls, messages and files all need the session's token."""
    say = {"type": "say", "id": "message-0001", "text": "Hello"}
    assert (await chat.get("/messages"))[0] == 401
    assert (await chat.post("/messages", json=say))[0] == 401
    assert (await chat.post("/files?name=a.png", data=PNG))[0] == 401
    assert (await chat.get("/files/a.b.c"))[0] == 401
    assert not chat.gateway.accepted


async def test_limits_hold_for_polls(start: Start) -> None:
    """Too many messages or waiting polls are 429 with Retry-After."""
    chat = await start(messages_per_minute=1, lines_per_session=1)
    token, _ = await greet(chat)
    say = {"type": "say", "text": "Hello"}
    await chat.post("/messages", token, json={**say, "id": uuid4().hex})
    auth = {"Authorization": f"Bearer {token}"}
    body = {**say, "id": uuid4().hex}
    async with chat.http.post(chat.url + ROOT + "/messages", json=body, headers=auth) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    address = chat.gateway.accepted[0].address
    waiting = asyncio.create_task(chat.get("/messages?after=99&wait=10", token))
    await until(lambda: chat.gateway.listeners(address) == 1)
    assert (await chat.get("/messages", token))[0] == 429
    chat.gateway.put(address, "done", author="agent", agent=ANA)
    for _ in range(99):
        chat.gateway.put(address, "done")
    await waiting


async def test_a_file_is_uploaded_sent_and_downloaded(chat: Chat) -> None:
    """An upload gives a reference, the message carries the file, and its owner can download it."""
    token, _ = await greet(chat)
    status, file = await chat.post("/files?name=receipt.png", token, data=PNG)
    assert (status, file["name"], file["media_type"], file["size"]) == (
        200,
        "receipt.png",
        "image/png",
        len(PNG),
    )
    say = {"type": "say", "id": "message-0001", "attachments": [file["ref"]]}
    await chat.post("/messages", token, json=say)
    [kept] = chat.gateway.accepted[0].attachments
    assert (kept.name, kept.size) == ("receipt.png", len(PNG))
    _, body = await chat.get("/messages", token)
    [shown] = body["frames"][0]["attachments"]
    url = f"{chat.url}{ROOT}/files/{shown['ref']}"
    async with chat.http.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert await answer.read() == PNG
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''receipt.png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_a_file_belongs_to_its_session(chat: Chat) -> None:
    """Another session can neither fetch a file by its reference nor attach it."""
    token, _ = await greet(chat)
    _, file = await chat.post("/files?name=receipt.png", token, data=PNG)
    other, _ = await greet(chat)
    assert (await chat.get(f"/files/{file['ref']}", other))[0] == 403
    say = {"type": "say", "id": "message-0001", "attachments": [file["ref"]]}
    status, body = await chat.post("/messages", other, json=say)
    assert (status, body["error"]["code"]) == (403, "bad_file")
    assert (await chat.get(f"/files/{token}", token))[0] == 403
    assert not chat.gateway.accepted


async def test_a_deleted_file_is_not_found(chat: Chat) -> None:
    """A reference to a file that is no longer kept gives 404."""
    token, _ = await greet(chat)
    tab = await _tab_of(chat, token)
    lost = Attachment(name="a.png", media_type="image/png", size=1, digest="0" * 64)
    chat.gateway.put(tab.address, "Here", attachments=(lost,))
    ref = (await tab.next("message"))["attachments"][0]["ref"]
    assert (await chat.get(f"/files/{ref}", token))[0] == 404


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"MZ\x90\x00" + b"\0" * 60, 415),
        (b"PK\x03\x04" + b"\0" * 60, 415),
        (b"", 415),
        (b"\xff\xd8\xff\xe0" + b"\0" * 60, 200),
        (b"GIF89a" + b"\0" * 60, 413),
    ],
    ids=["program", "archive", "empty", "photo", "large"],
)
async def test_files_are_checked_by_content_and_size(
    start: Start, data: bytes, status: int
) -> None:
    """A file's name does not decide whether it is accepted."""
    chat = await start(file_size=64 + 1000)
    token, _ = await greet(chat)
    body = data if status != 413 else data + b"\0" * 2000
    assert (await chat.post("/files?name=photo.png", token, data=body))[0] == status


async def test_an_upload_without_a_length_is_limited(start: Start) -> None:
    """A body of unknown length is read only up to the limit."""
    chat = await start(file_size=1000)
    token, _ = await greet(chat)

    async def body():
        for _ in range(5):
            yield b"x" * 500

    assert (await chat.post("/files?name=a.txt", token, data=body()))[0] == 413


async def test_uploads_a_minute_are_limited(start: Start) -> None:
    """Uploads have a rate limit of their own."""
    chat = await start(files_per_minute=1)
    token, _ = await greet(chat)
    codes = [(await chat.post("/files?name=a.png", token, data=PNG))[0] for _ in range(2)]
    assert codes == [200, 429]


@pytest.mark.parametrize(
    ("name", "media_type", "safe"),
    [
        ("Rechnung März.pdf", "application/pdf", "Rechnung März.pdf"),
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        (r"C:\evil.exe", "application/pdf", "evil.exe.pdf"),
        ("photo.JPEG", "image/jpeg", "photo.JPEG"),
        ("gpj.\u202eexe.png", "image/png", "gpj.exe.png"),
        ('a"b\r\nc.png', "image/png", "abc.png"),
        ("", "image/png", "file.png"),
        ("...", "image/png", "file.png"),
        ("x" * 300 + ".png", "image/png", "x" * 96 + ".png"),
        ("a\ud800.png", "image/png", "a.png"),
    ],
)
def test_file_names_are_made_safe(name: str, media_type: str, safe: str) -> None:
    """A name loses dangerous characters, and its suffix fits its content."""
    assert safe_name(name, media_type) == safe


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        ("Grüße".encode(), "text/plain"),
        (b"<script>alert(1)</script>", "text/plain"),
        ("Grüße".encode("latin-1"), None),
        (b"text\0binary", None),
    ],
)
def test_content_is_recognised(data: bytes, media_type: str | None) -> None:
    """Known signatures and UTF-8 text are recognised; anything else is unknown."""
    assert sniff(data) == media_type


async def _tab_of(chat: Chat, token: str):
    tab = await chat.tab()
    await tab.hello(token=token)
    return tab


async def test_uploads_of_one_address_are_limited_over_all_sessions(start: Start) -> None:
    """A new session costs nothing, so it must not bring a new limit."""
    chat = await start(files_per_minute_ip=2)
    codes = []
    for _ in range(3):
        token, _ = await greet(chat)
        codes.append((await chat.post("/files?name=a.png", token, data=PNG))[0])
    assert codes == [200, 200, 429]
