"""The channels' contract, over e-mail: SMTP in, SMTP out to a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import yaml
from aiosmtpd.smtp import SMTP, Envelope, Session

import channels.email
from channels.email import Email
from channels.email.composing import PERSON, YOU_WROTE
from gateway import Address, File
from gateway.testing import (
    POLICY,
    Check,
    FakeClock,
    ProviderSimulator,
    RunningGateway,
    Trouble,
    checks,
    echo,
    running,
)

from ..conftest import until

QUALITY = Path(channels.email.__file__).parent / "quality.yaml"
OURS = "help@lindenhof.example"
PASSWORD = "a-password-nobody-guesses"
REPLIES = {"busy": "451 busy", "broken": "451 out of order", "never": "550 5.1.1 no such user"}


class PostOffice:
    """The customers' mail server: receives our mail, and delivers theirs to our listener."""

    secrets: Sequence[str] = (PASSWORD,)
    hostile: Sequence[str] = (
        "<b>bold</b> <script>alert(1)</script> &amp; &lt;",
        "Bcc: everybody@example.org",
        "=?utf-8?q?not_a_header?= =3D =20",
        "..two dots begin this line",
        "http://example.org/?a=1&b=<2>",
    )
    largest = 200_000

    def __init__(self, ours: str = OURS) -> None:
        self.ours = ours
        self.calls = 0
        self._troubles: list[Trouble] = []
        self._got: dict[str, dict[str, EmailMessage]] = {}
        self._last: dict[str, str] = {}
        self.gw: RunningGateway
        self.port = 0

    def address(self, name: str) -> Address:
        return Address(channel="email", value=f"{name}@example.org")

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        mail = EmailMessage()
        mail["From"], mail["To"] = f"{name}@example.org", self.ours
        mail["Subject"], mail["Message-ID"] = "A question", f"<{id}@example.org>"
        if name in self._last:
            mail["In-Reply-To"] = self._last[name]
        mail.set_content(text)
        for file in files:
            kind, _, sub = file.media_type.partition("/")
            mail.add_attachment(file.data, maintype=kind, subtype=sub, filename=file.name)
        self._last[name] = mail["Message-ID"]
        return await self.post(mail.as_bytes(policy=policy.SMTP), name)

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        return 403

    async def post(self, body: bytes, name: str = "carla") -> int:
        """The HTTP status that means the same as SMTP's answer. Lines have SMTP's length
        (RFC 5321, section 4.5.3.1.6)."""
        if b"\n" not in body:
            body = b"\r\n".join(body[i : i + 900] for i in range(0, len(body), 900))
        try:
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port) as client:
                await client.mail(f"{name}@example.org")
                await client.rcpt(self.ours)
                await client.data(body)
        except aiosmtplib.SMTPResponseException as error:
            return {552: 413, 550: 400, 554: 400}.get(error.code, 503)
        return 200

    async def heard(self, name: str = "carla") -> list[str]:
        mails = self._got.get(f"{name}@example.org", {}).values()
        return [text for mail in mails if (text := _text(mail))]

    async def files(self, name: str = "carla") -> list[bytes]:
        mails = self._got.get(f"{name}@example.org", {}).values()
        return [part.get_content() for mail in mails for part in mail.iter_attachments()]

    def trouble(self, *kinds: Trouble) -> None:
        self._troubles += kinds

    async def handle_DATA(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep one mail for each Message-ID, as mail programs show it."""
        self.calls += 1
        trouble = self._troubles.pop(0) if self._troubles else None
        if trouble in REPLIES:
            return REPLIES[trouble]
        assert isinstance(envelope.content, bytes)
        mail: Any = message_from_bytes(envelope.content, policy=policy.default)
        for recipient in envelope.rcpt_tos:
            self._got.setdefault(recipient, {})[mail["Message-ID"]] = mail
        if trouble == "cut":
            server.transport.abort()
        return "250 taken"


def _text(mail: EmailMessage) -> str:
    """What was answered: what stands around it is `compose`'s."""
    body = mail.get_body(("plain",))
    assert body is not None
    text = str(body.get_content()).replace("\r", "")
    for below in (YOU_WROTE["en"], PERSON["en"]):
        text = text.partition(f"\n\n{below}")[0]
    return text.rstrip("\n")


@pytest.fixture
async def far_end(tmp_path: Path) -> AsyncIterator[ProviderSimulator]:
    post_office = PostOffice()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(post_office, hostname="far.example", loop=loop), "127.0.0.1", 0
    )
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    section = {
        "address": f"Lindenhof <{OURS}>",
        "smtp_port": 0,
        "max_size": post_office.largest,
        "loop_mails": 1000,
        "outgoing": {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1]},
    }
    config = {"policy": "policy.yaml", "channels": {"email": section}}
    async with (
        server,
        running(
            channels.email, echo(), config=config, tmp_path=tmp_path, clock=FakeClock()
        ) as post_office.gw,
    ):
        channel = post_office.gw.gateway.registrations.channels["email"]
        assert isinstance(channel, Email)
        post_office.port = await until(lambda: channel.smtp_port)
        yield post_office


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_contract(check: Check, far_end: ProviderSimulator) -> None:
    """The channel meets the contract of all channels."""
    await check(far_end)
