"""The desk on a gateway with a chat that takes some files and a mailbox that takes any."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, FormData
from PIL import Image

from gateway import (
    Address,
    Attachment,
    File,
    FileLimits,
    Reason,
    RefusedByChannel,
    Reply,
    Traits,
    Turn,
)
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from plugins import agents_desk
from tests.agents_desk.conftest import CSRF_FIELD, PASSWORD, Visit, as_config, user

LIMITS = FileLimits(most=2, size=200_000, types=("image/", "application/pdf", "text/"))
PDF = b"%PDF-1.7 <script>alert(1)</script>"


class FakeMail(FakeChannel):
    """A mailbox: we may write to anybody first."""

    def __init__(self) -> None:
        traits = Traits(
            attachments=True, files=FileLimits(most=20), copies=True, subjects=True, suspends=True
        )
        super().__init__("email", traits=traits)

    async def first_contact(self, address: Address, *, known: bool, files: bool = False) -> Address:
        if "@" not in address.value:
            raise RefusedByChannel(f"{address.value} is not a mail address.")
        return address.replace(value=address.value.lower())


class OutgoingGateway:
    """The running gateway and its two channels."""

    def __init__(self, running: RunningGateway, chat: FakeChannel, mail: FakeChannel) -> None:
        self.running, self.chat, self.mail = running, chat, mail

    @property
    def services(self) -> Any:
        return self.running.services

    async def sent_files(self, channel: FakeChannel) -> list[tuple[str, str, bytes]]:
        """The name, type and bytes of each file that this channel sent."""
        await self.running.settled()
        return [
            (file.name, file.media_type, await self.services.files.open(file.digest))
            for message in channel.sent
            for file in message.attachments
        ]

    async def keep(self, name: str, data: bytes, media_type: str) -> Attachment:
        kept: Attachment = await self.services.files.keep(
            File(name=name, media_type=media_type, data=data)
        )
        return kept


def hand_over(turn: Turn) -> Reply | None:
    """Everything goes to a person."""
    if turn.kind != "message":
        return None
    reasons = (Reason(code="asked_for_person", detail="“a person”"),)
    return Reply(body=("A colleague will answer you.",), purpose="handover", escalate=reasons)


def png(width: int = 60, height: int = 40) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(written, "PNG")
    return written.getvalue()


@pytest.fixture
def undo_send() -> int:
    """Seconds for which an answer can be taken back."""
    return 0


@pytest.fixture
async def gw(tmp_path: Path, undo_send: int) -> AsyncIterator[OutgoingGateway]:
    chat = FakeChannel("fake", traits=Traits(attachments=True, files=LIMITS))
    mail = FakeMail()
    users = [as_config(user("ana", "agent")), as_config(user("ben"))]
    config = {"plugins": {"agents_desk": {"users": users, "undo_send": undo_send}}}
    plugins = (agents_desk, chat, mail, FakeHandler(hand_over))
    async with running(*plugins, config=config, tmp_path=tmp_path, clock=FakeClock()) as gateway:
        yield OutgoingGateway(gateway, chat, mail)


@pytest.fixture
async def ana(gw: OutgoingGateway) -> AsyncIterator[Visit]:
    browser = Visit(ClientSession(cookie_jar=CookieJar(unsafe=True)), gw.running.url)
    await browser.sign_in("ana", PASSWORD)
    yield browser
    await browser.http.close()


@pytest.fixture
async def ben(gw: OutgoingGateway) -> AsyncIterator[Visit]:
    browser = Visit(ClientSession(cookie_jar=CookieJar(unsafe=True)), gw.running.url)
    await browser.sign_in("ben", PASSWORD)
    yield browser
    await browser.http.close()


async def claimed(gw: OutgoingGateway, browser: Visit, channel: str = "fake", **more: Any) -> str:
    """A customer asks for a person, and the agent has the conversation; its path."""
    value = "maria@example.org" if channel == "email" else "maria"
    await gw.running.customer(channel, value).say("Where is my lamp?", name="Maria", **more)
    path = f"/desk/c/{await newest(gw)}"
    await browser.open(path)
    await browser.send(f"{path}/claim", epoch=browser.field("epoch"))
    assert "With you" in browser.page
    return path


async def newest(gw: OutgoingGateway) -> int:
    return max(item.conversation.id for item in await gw.services.desk.queue())


async def attach(
    browser: Visit, path: str, *files: tuple[str, bytes], script: bool = False, **fields: str
) -> ClientResponse:
    """Upload files as the form does; ``script``: as the page's script does."""
    form = FormData(default_to_multipart=True)
    token = CSRF_FIELD.search(browser.page)
    form.add_field("csrf", fields.pop("csrf", token[1] if token else ""))
    for name, value in fields.items():
        form.add_field(name, value)
    for name, data in files:
        form.add_field("upload", io.BytesIO(data), filename=name, content_type="text/html")
    headers = {"Accept": "application/json"} if script else {}
    response = await browser.http.post(f"{browser.url}{path}/attach", data=form, headers=headers)
    if not script:
        browser.page = await response.text()
    return response


async def answer(browser: Visit, path: str, text: str, **fields: str) -> ClientResponse:
    form = 'id="answer-form"'
    names = ("key", "files", "epoch", "state", "last")
    sent = {name: browser.field(name, form) for name in names}
    return await browser.send(f"{path}/answer", **{**sent, "text": text, **fields})
