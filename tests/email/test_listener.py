"""Mail that another server delivers to us by SMTP and LMTP."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from channels.email import listener
from channels.email.listener import ByteBudget
from gateway import WarmlineError

from ..conftest import needs, until
from .conftest import Fakes, channel, mail, running

ANNA, SHOP = "anna.berg@example.org", "help@lindenhof.example"


def client(port: int | None, **more: Any) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname="127.0.0.1", port=port, **{"start_tls": False, "timeout": 10, **more}
    )


async def exchange(port: int | None, lines: list[bytes]) -> list[bytes]:
    """Send ``lines`` one by one; gives the last line of each answer, the greeting first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = [await reader.readline()]
    for line in lines:
        writer.write(line + b"\r\n")
        while (answer := await reader.readline())[3:4] == b"-":
            pass
        answers.append(answer)
    writer.close()
    await writer.wait_closed()
    return answers


async def test_a_mail_is_stored(tmp_path: Path, fakes: Fakes) -> None:
    """The mail arrives in the inbox, and its original bytes are kept."""
    async with running(channel(tmp_path), fakes.services) as email:
        assert email.smtp_port
        async with client(email.smtp_port) as server:
            await server.sendmail(ANNA, [SHOP], mail("gmail"))
    (message,) = fakes.intake.accepted
    assert message.address.lane == "email:anna.berg@example.org"
    assert message.text.endswith("Can somebody look at it?")
    assert message.thread == ("<a1@lindenhof.example>", "<q1@example.org>")
    assert fakes.files.kept[message.raw or ""] == mail("gmail")
    assert email.smtp_port is None


async def test_250_comes_only_after_the_commit(tmp_path: Path, fakes: Fakes) -> None:
    """Until the inbox has committed, the server gets no OK and keeps its copy."""
    fakes.intake.may_commit.clear()
    async with (
        running(channel(tmp_path), fakes.services) as email,
        client(email.smtp_port) as server,
    ):
        sending = asyncio.create_task(server.sendmail(ANNA, [SHOP], mail("plain")))
        await fakes.intake.until(lambda: fakes.intake.offered)
        assert not sending.done()
        fakes.intake.may_commit.set()
        await sending
    assert len(fakes.intake.accepted) == 1


async def test_a_failed_commit_answers_451(tmp_path: Path, fakes: Fakes) -> None:
    """The server tries again, and the mail is stored once."""
    fakes.intake.failures = 1
    async with (
        running(channel(tmp_path), fakes.services) as email,
        client(email.smtp_port) as server,
    ):
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await server.sendmail(ANNA, [SHOP], mail("plain"))
        assert refused.value.code == 451
        await server.sendmail(ANNA, [SHOP], mail("plain"))
        await server.sendmail(ANNA, [SHOP], mail("plain"))
    assert len(fakes.intake.accepted) == 1


async def test_an_error_of_ours_answers_451(tmp_path: Path, fakes: Fakes) -> None:
    """A full disk must not lose a mail, nor show in the answer."""
    fakes.files.error = OSError(28, "No space left on device")
    async with (
        running(channel(tmp_path), fakes.services) as email,
        client(email.smtp_port) as server,
    ):
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await server.sendmail(ANNA, [SHOP], mail("plain"))
        assert refused.value.code == 451
        assert "space" not in refused.value.message


@pytest.mark.parametrize(
    ("recipient", "accepted"),
    [
        (SHOP, True),
        ("HELP@Lindenhof.Example", True),
        ("help+order-7@lindenhof.example", True),
        ("service@lindenhof.example", True),
        ("postmaster", True),
        ("postmaster@lindenhof.example", True),
        ("someone@lindenhof.example", False),
        ("help@elsewhere.example", False),
    ],
)
async def test_only_mail_for_our_addresses_is_accepted(
    tmp_path: Path, fakes: Fakes, recipient: str, accepted: bool
) -> None:
    """We are not a relay: other recipients are refused before the mail is sent."""
    email = channel(tmp_path, also=["service@lindenhof.example"])
    async with running(email, fakes.services):
        *_, answer = await exchange(
            email.smtp_port,
            [b"EHLO x", b"MAIL FROM:<a@b.example>", f"RCPT TO:<{recipient}>".encode()],
        )
    assert answer.startswith(b"250" if accepted else b"550 5.1.1")


async def test_any_recipient_accepts_every_address(tmp_path: Path, fakes: Fakes) -> None:
    """`any_recipient` is for demos, where only we can reach the listener."""
    email = channel(tmp_path, any_recipient=True)
    async with running(email, fakes.services), client(email.smtp_port) as server:
        await server.sendmail(ANNA, ["anyone@anywhere.example"], mail("plain"))
    assert len(fakes.intake.accepted) == 1


async def test_the_size_limit_is_announced_and_enforced(tmp_path: Path, fakes: Fakes) -> None:
    """RFC 1870: the limit is announced, and enforced for clients that ignore it."""
    big = mail("plain") + b"x" * 900 + b"\r\n"
    big += (b"y" * 900 + b"\r\n") * 20
    async with running(channel(tmp_path, max_size=10_000), fakes.services) as email:
        async with client(email.smtp_port) as server:
            await server.ehlo()
            assert server.esmtp_extensions["size"] == "10000"
            with pytest.raises(aiosmtplib.SMTPSenderRefused) as announced:
                await server.sendmail(ANNA, [SHOP], big)
        async with client(email.smtp_port) as server:
            await server.ehlo()
            await server.mail(ANNA)
            await server.rcpt(SHOP)
            with pytest.raises(aiosmtplib.SMTPDataError) as unannounced:
                await server.data(big)
    assert (announced.value.code, unannounced.value.code) == (552, 552)
    assert fakes.intake.offered == 0


async def test_long_lines_and_leading_dots_survive(tmp_path: Path, fakes: Fakes) -> None:
    """Mail with lines over RFC 5321's limit is common, and arrives unchanged."""
    raw = mail("plain") + b".\r\n..\r\n" + b"z" * 5_000 + b"\r\n"
    async with (
        running(channel(tmp_path), fakes.services) as email,
        client(email.smtp_port) as server,
    ):
        await server.sendmail(ANNA, [SHOP], raw)
    assert fakes.files.kept[fakes.intake.accepted[0].raw or ""] == raw


async def test_mail_from_the_null_sender_is_not_answered(tmp_path: Path, fakes: Fakes) -> None:
    """A bounce of our mail becomes a report; other mail from <> is accepted as automatic."""
    bounce = mail("bounce").partition(b"\r\n")[2]
    async with running(channel(tmp_path), fakes.services) as email:
        for raw in (bounce, mail("plain")):
            async with client(email.smtp_port) as server:
                await server.ehlo()
                assert (await server.execute_command(b"MAIL", b"FROM:<>")).code == 250
                await server.rcpt(SHOP)
                await server.data(raw)
    (receipt,) = fakes.intake.reported
    assert receipt.status == "failed"
    assert receipt.channel == "email"
    assert receipt.ids == ("<00000000000000000000000000000002.warmline@lindenhof.example>",)
    assert "User unknown" in (receipt.detail or "")
    (message,) = fakes.intake.accepted
    assert message.automatic


async def test_lmtp_answers_for_each_recipient(tmp_path: Path, fakes: Fakes) -> None:
    """RFC 2033: LHLO instead of EHLO, and one answer for each recipient after the data."""
    email = channel(tmp_path, lmtp=True, also=["service@lindenhof.example"])
    async with running(email, fakes.services):
        reader, writer = await asyncio.open_connection("127.0.0.1", email.smtp_port)
        await reader.readline()
        commands = (
            b"EHLO x\r\nLHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<help@lindenhof.example>\r\n"
        )
        commands += (
            b"RCPT TO:<no@lindenhof.example>\r\nRCPT TO:<service@lindenhof.example>\r\nDATA\r\n"
        )
        writer.write(commands + mail("plain") + b".\r\nQUIT\r\n")
        answers = [line.strip()[:4] async for line in reader]
        writer.close()
        await writer.wait_closed()
    assert answers[0] == b"500 "
    assert b" ".join(answers[-8:]) == b"250  250  550  250  354  250  250  221 "
    assert len(fakes.intake.accepted) == 1


async def test_a_taken_port_is_named(tmp_path: Path, fakes: Fakes) -> None:
    """The error and the readiness probe name the port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        email = channel(tmp_path, smtp_port=port)
        with pytest.raises(WarmlineError, match=f"port {port} of 127.0.0.1 is taken"):
            await email.run(fakes.services)
    assert f"{port}" in (await email.trouble() or "")


async def test_connections_beyond_the_limit_are_refused(tmp_path: Path, fakes: Fakes) -> None:
    """A connection over the limit gets 421; when one closes, the next is welcome."""
    async with running(channel(tmp_path, smtp_connections=1), fakes.services) as email:
        async with client(email.smtp_port):
            assert (await exchange(email.smtp_port, []))[0].startswith(b"421")

        async def welcome() -> bool:
            return (await exchange(email.smtp_port, []))[0].startswith(b"220")

        await until(welcome)


async def test_a_mail_cut_off_in_the_middle_is_not_stored(tmp_path: Path, fakes: Fakes) -> None:
    """After a broken connection the next mail is stored."""
    async with running(channel(tmp_path), fakes.services) as email:
        reader, writer = await asyncio.open_connection("127.0.0.1", email.smtp_port)
        writer.write(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<help@lindenhof.example>\r\n")
        writer.write(b"DATA\r\nSubject: half")
        await reader.readuntil(b"354")
        writer.transport.abort()
        async with client(email.smtp_port) as server:
            await server.sendmail(ANNA, [SHOP], mail("plain"))
    assert [message.subject for message in fakes.intake.accepted] == ["Where is my parcel?"]


async def test_starttls_with_our_certificate(tmp_path: Path, fakes: Fakes) -> None:
    """With a certificate the listener offers STARTTLS, and a client that verifies it connects."""
    cert, key = certificate(tmp_path)
    email = channel(tmp_path, smtp_tls={"cert": cert, "key": key})
    context = ssl.create_default_context(cafile=cert)
    async with running(email, fakes.services):
        server = client(email.smtp_port, start_tls=True, tls_context=context)
        async with server:
            await server.sendmail(ANNA, [SHOP], mail("plain"))
    assert len(fakes.intake.accepted) == 1


def certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=here"
    command = [needs("openssl"), *request.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


async def test_one_address_gets_no_more_than_its_share_of_connections(
    tmp_path: Path, fakes: Fakes
) -> None:
    """The others stay free for other servers."""
    settings = {"smtp_connections": 10, "smtp_connections_each": 2}
    async with running(channel(tmp_path, **settings), fakes.services) as email:
        async with client(email.smtp_port), client(email.smtp_port):
            assert (await exchange(email.smtp_port, []))[0].startswith(b"421")
        assert (await exchange(email.smtp_port, []))[0].startswith(b"220")


async def test_a_silent_client_is_disconnected(tmp_path: Path, fakes: Fakes) -> None:
    """After ``smtp_silence``; also one that stops in the middle of a mail."""
    async with running(channel(tmp_path, smtp_silence=1.0), fakes.services) as email:
        reader, writer = await asyncio.open_connection("127.0.0.1", email.smtp_port)
        writer.write(b"EHLO a.example\r\n")
        async with asyncio.timeout(10):
            assert (await reader.read(10_000)).startswith(b"220")
            while await reader.read(10_000):
                pass
        writer.close()


async def test_large_mails_wait_for_one_another() -> None:
    """Together they never take more than the budget; a small one takes its own share."""
    budget = ByteBudget(100)
    assert await budget.reserve("one", 80)
    assert await budget.reserve("small", 20)
    waiting = asyncio.create_task(budget.reserve("two", 500))
    await asyncio.sleep(0)
    budget.release("one")
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.release("small")
    assert await waiting


async def test_a_mail_that_gets_no_room_is_tried_again(
    tmp_path: Path, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """452: its server keeps it."""
    monkeypatch.setattr(listener, "WAIT", 0.01)
    monkeypatch.setattr(listener, "PARALLEL", 0)
    monkeypatch.setattr(listener, "LEAST_BUDGET", 1_000)
    async with running(channel(tmp_path), fakes.services) as email:
        lines = [b"EHLO a.example", b"MAIL FROM:<a@example.org> SIZE=1000"]
        reader, writer = await asyncio.open_connection("127.0.0.1", email.smtp_port)
        writer.write(b"\r\n".join(lines) + b"\r\n")
        assert (await reader.readuntil(b"2.1.0 OK\r\n")).startswith(b"220")
        assert (await exchange(email.smtp_port, lines))[-1].startswith(b"452")
        writer.close()
        await writer.wait_closed()
        await until(lambda: True)
        assert (await exchange(email.smtp_port, lines))[-1].startswith(b"250")
