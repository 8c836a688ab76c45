"""Sending mail, to a real SMTP server whose answers each test chooses."""

from __future__ import annotations

import asyncio
import mailbox
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from gateway import Address, File, TryLater, Undeliverable, Unsure

from .conftest import Fakes, channel, outbound, running


class FakeMailServer:
    """A mail server. ``answers`` maps a command (MAIL, RCPT, DATA) to the answer."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.received: list[Envelope] = []

    async def handle_MAIL(  # noqa: N802  (aiosmtpd calls it by this name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802  (aiosmtpd calls it by this name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(  # noqa: N802  (aiosmtpd calls it by this name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.received.append(envelope)
        if self.answers.get("DATA") == "disconnect":
            assert server.transport is not None
            server.transport.close()
        if self.answers.get("DATA") == "hang":
            await asyncio.Event().wait()
        return self.answers.get("DATA", "250 OK")


@asynccontextmanager
async def served(protocol: Callable[[], asyncio.Protocol]) -> AsyncIterator[int]:
    """Serve ``protocol`` on a free port while the context is open."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def mail_server(**answers: str) -> AsyncIterator[tuple[FakeMailServer, int]]:
    """A running mail server, and its port."""
    server = FakeMailServer(**answers)
    loop = asyncio.get_running_loop()
    async with served(lambda: SMTP(server, hostname="far.example", loop=loop)) as port:
        yield server, port


def smart_host(port: int, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "timeout": 5, **more}


async def test_a_mail_arrives_unchanged(tmp_path: Path) -> None:
    """The server gets our sender, the customer's address, and the mail with our Message-ID."""
    async with mail_server() as (server, port):
        email = channel(tmp_path, outgoing=smart_host(port))
        sent = await email.send(outbound("One line.\n.\nA line after a dot."))
    (envelope,) = server.received
    assert envelope.mail_from == "help@lindenhof.example"
    assert envelope.rcpt_tos == ["anna.berg@example.org"]
    data = envelope.original_content or b""
    assert f"Message-ID: {sent.remote_id}".encode() in data
    assert b"One line.\r\n.\r\nA line after a dot.\r\n" in data


async def test_a_second_attempt_has_the_same_message_id(tmp_path: Path) -> None:
    """The reader's mail program can recognise a mail that was sent again after a crash."""
    async with mail_server() as (server, port):
        email = channel(tmp_path, outgoing=smart_host(port))
        first = await email.send(outbound())
        again = await email.send(outbound(attempt=2))
    assert first == again
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("answers", "error", "unreachable"),
    [
        ({"MAIL": "451 4.3.0 Busy"}, TryLater, None),
        ({"MAIL": "550 5.1.8 We do not know you"}, Undeliverable, False),
        ({"RCPT": "450 4.2.1 Greylisted"}, TryLater, None),
        ({"RCPT": "550 5.1.1 User unknown"}, Undeliverable, True),
        ({"RCPT": "552 5.2.2 Mailbox full"}, Undeliverable, False),
        ({"RCPT": "550 No such user"}, Undeliverable, False),
        ({"DATA": "421 4.3.2 Shutting down"}, TryLater, None),
        ({"DATA": "554 5.7.1 Looks like spam"}, Undeliverable, False),
        ({"DATA": "disconnect"}, Unsure, None),
    ],
    ids=str,
)
async def test_answers_map_to_delivery_errors(
    tmp_path: Path,
    answers: dict[str, str],
    error: type[Exception],
    unreachable: bool | None,
) -> None:
    """4xx is temporary, 5xx permanent, 5.1.x about the address; a break after DATA is unsure."""
    async with mail_server(**answers) as (_, port):
        email = channel(tmp_path, outgoing=smart_host(port))
        with pytest.raises(error) as raised:
            await email.send(outbound())
    if isinstance(raised.value, Undeliverable):
        assert raised.value.unreachable is unreachable


async def test_silence_after_data_is_unsure(tmp_path: Path) -> None:
    """A server that reads the mail and never answers may have stored it."""
    async with mail_server(DATA="hang") as (server, port):
        email = channel(tmp_path, outgoing=smart_host(port, timeout=0.5))
        with pytest.raises(Unsure):
            await email.send(outbound())
    assert len(server.received) == 1


class ClosingServer(asyncio.Protocol):
    """Accepts connections, sends ``greeting``, and closes at the first bytes it gets."""

    def __init__(self, greeting: bytes = b"") -> None:
        self._greeting = greeting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        self._transport.close()


@pytest.mark.parametrize("greeting", [b"", b"220 hi\r\n", b"554 go away\r\n", b"\xff\xff\r\n"])
async def test_a_failure_before_data_is_retried(tmp_path: Path, greeting: bytes) -> None:
    """A server that disconnects, or greets strangely, is tried again later."""
    async with served(lambda: ClosingServer(greeting)) as port:
        email = channel(tmp_path, outgoing=smart_host(port, timeout=0.5))
        with pytest.raises(TryLater):
            await email.send(outbound())


async def test_an_unreachable_server_is_retried(tmp_path: Path) -> None:
    """The error names the server, never the password."""
    async with served(ClosingServer) as port:
        pass
    outgoing = smart_host(port, user="shop", password="hunter2")
    email = channel(tmp_path, outgoing=outgoing)
    with pytest.raises(TryLater, match=f"127.0.0.1:{port}") as raised:
        await email.send(outbound())
    assert "hunter2" not in str(raised.value)


async def test_a_password_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    """A server that offers no TLS gets neither the password nor the mail, unless the settings
    allow it."""
    async with mail_server() as (server, port):
        outgoing = smart_host(port, user="shop", password="hunter2")
        with pytest.raises(TryLater, match="STARTTLS"):
            await channel(tmp_path, outgoing=outgoing).send(outbound())
    assert server.received == []


async def test_a_maildir_holds_the_sent_mail(tmp_path: Path) -> None:
    """Concurrent sends write complete mails that any mail program can open."""
    email = channel(tmp_path)
    await asyncio.gather(*(email.send(outbound(key=f"out-{n}")) for n in range(8)))
    found = list(mailbox.Maildir(tmp_path / "sent", create=False))
    assert len({mail["Message-ID"] for mail in found}) == 8
    assert {mail["Delivered-To"] for mail in found} == {"anna.berg@example.org"}


async def test_a_half_made_maildir_is_completed(tmp_path: Path) -> None:
    """A crash between two directories does not stop mail for good."""
    (tmp_path / "sent" / "tmp").mkdir(parents=True)
    await channel(tmp_path).send(outbound())
    (mail,) = mailbox.Maildir(tmp_path / "sent", create=False)
    assert mail["Delivered-To"] == "anna.berg@example.org"


async def test_attachments_are_read_from_the_gateways_files(tmp_path: Path, fakes: Fakes) -> None:
    """Kept files are attached; before the channel has started the message is retried."""
    kept = await fakes.files.keep(File(name="a.pdf", media_type="application/pdf", data=b"%PDF"))
    message = outbound(attachments=(kept,))
    email = channel(tmp_path)
    with pytest.raises(TryLater):
        await email.send(message)
    async with running(email, fakes.services):
        await email.send(message)
    (mail,) = mailbox.Maildir(tmp_path / "sent", create=False)
    assert mail.get_payload()[1].get_payload(decode=True) == b"%PDF"


async def test_an_international_address_needs_smtputf8(tmp_path: Path) -> None:
    """A server without SMTPUTF8 cannot take mail for jörg@: the message is undeliverable."""
    async with mail_server() as (_, port):
        email = channel(tmp_path, outgoing=smart_host(port))
        message = outbound(address=Address(channel="email", value="jörg@example.org"))
        with pytest.raises(Undeliverable):
            await email.send(message)
