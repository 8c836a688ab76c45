"""Mail that another server hands to us, by SMTP and by LMTP."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from gateway import WarmlineError

from ..conftest import needs, until
from .conftest import Fakes, channel, mail, running

ANNA, SHOP = "anna.berg@example.org", "help@lindenhof.example"


def client(port: int | None, **more: Any) -> aiosmtplib.SMTP:
    told = {"start_tls": False, "timeout": 10, **more}
    return aiosmtplib.SMTP(hostname="127.0.0.1", port=port, **told)


async def talk(port: int | None, lines: list[bytes]) -> list[bytes]:
    """Say ``lines`` one by one; the last line of each answer."""
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


async def test_a_mail_is_taken_in(tmp_path: Path, fakes: Fakes) -> None:
    """What the server sends arrives in the inbox, its bytes unchanged and kept."""
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
    """While the inbox has not committed, the server has no OK and keeps its copy."""
    fakes.intake.gate.clear()
    async with (
        running(channel(tmp_path), fakes.services) as email,
        client(email.smtp_port) as server,
    ):
        sending = asyncio.create_task(server.sendmail(ANNA, [SHOP], mail("plain")))
        await fakes.intake.until(lambda: fakes.intake.offered)
        assert not sending.done()
        fakes.intake.gate.set()
        await sending
    assert len(fakes.intake.accepted) == 1


async def test_a_mail_that_is_not_committed_is_refused_for_now(
    tmp_path: Path, fakes: Fakes
) -> None:
    """451: the server tries again, and then it is taken in once."""
    fakes.intake.refuse = 1
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


async def test_a_mistake_of_ours_is_451_too(tmp_path: Path, fakes: Fakes) -> None:
    """A full disk must not cost a mail."""
    fakes.files.broken = OSError(28, "No space left on device")
    async with (
        running(channel(tmp_path), fakes.services) as email,
        client(email.smtp_port) as server,
    ):
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await server.sendmail(ANNA, [SHOP], mail("plain"))
        assert refused.value.code == 451
        assert "space" not in refused.value.message


@pytest.mark.parametrize(
    ("recipient", "taken"),
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
async def test_only_mail_for_us_is_taken(
    tmp_path: Path, fakes: Fakes, recipient: str, taken: bool
) -> None:
    """We are no relay: other recipients are refused before the mail is sent."""
    email = channel(tmp_path, also=["service@lindenhof.example"])
    async with running(email, fakes.services):
        *_, answer = await talk(
            email.smtp_port,
            [b"EHLO x", b"MAIL FROM:<a@b.example>", f"RCPT TO:<{recipient}>".encode()],
        )
    assert answer.startswith(b"250" if taken else b"550 5.1.1")


async def test_a_demo_may_take_mail_for_everyone(tmp_path: Path, fakes: Fakes) -> None:
    """`any_recipient` opens the door, where nobody but us can reach it."""
    email = channel(tmp_path, any_recipient=True)
    async with running(email, fakes.services), client(email.smtp_port) as server:
        await server.sendmail(ANNA, ["anyone@anywhere.example"], mail("plain"))
    assert len(fakes.intake.accepted) == 1


async def test_the_size_limit_is_announced_and_enforced(tmp_path: Path, fakes: Fakes) -> None:
    """RFC 1870: who asks is told; who does not is stopped."""
    big = mail("plain") + b"x" * 900 + b"\r\n"
    big += (b"y" * 900 + b"\r\n") * 20
    async with running(channel(tmp_path, max_size=10_000), fakes.services) as email:
        async with client(email.smtp_port) as server:
            await server.ehlo()
            assert server.esmtp_extensions["size"] == "10000"
            with pytest.raises(aiosmtplib.SMTPSenderRefused) as asked:
                await server.sendmail(ANNA, [SHOP], big)
        async with client(email.smtp_port) as server:
            await server.ehlo()
            await server.mail(ANNA)
            await server.rcpt(SHOP)
            with pytest.raises(aiosmtplib.SMTPDataError) as unasked:
                await server.data(big)
    assert (asked.value.code, unasked.value.code) == (552, 552)
    assert fakes.intake.offered == 0


async def test_long_lines_and_leading_dots_survive(tmp_path: Path, fakes: Fakes) -> None:
    """Mail that breaks RFC 5321's line limit is common, and no reason to lose it."""
    raw = mail("plain") + b".\r\n..\r\n" + b"z" * 5_000 + b"\r\n"
    async with (
        running(channel(tmp_path), fakes.services) as email,
        client(email.smtp_port) as server,
    ):
        await server.sendmail(ANNA, [SHOP], raw)
    assert fakes.files.kept[fakes.intake.accepted[0].raw or ""] == raw


async def test_the_null_sender_is_taken_and_not_answered(tmp_path: Path, fakes: Fakes) -> None:
    """A bounce comes from <>; one that concerns us becomes a report, another is kept."""
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
    """RFC 2033: LHLO instead of EHLO, and one answer to a recipient after the data."""
    email = channel(tmp_path, lmtp=True, also=["service@lindenhof.example"])
    async with running(email, fakes.services):
        reader, writer = await asyncio.open_connection("127.0.0.1", email.smtp_port)
        await reader.readline()
        said = (
            b"EHLO x\r\nLHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<help@lindenhof.example>\r\n"
        )
        said += b"RCPT TO:<no@lindenhof.example>\r\nRCPT TO:<service@lindenhof.example>\r\nDATA\r\n"
        writer.write(said + mail("plain") + b".\r\nQUIT\r\n")
        answers = [line.strip()[:4] async for line in reader]
        writer.close()
        await writer.wait_closed()
    assert answers[0] == b"500 "
    assert b" ".join(answers[-8:]) == b"250  250  550  250  354  250  250  221 "
    assert len(fakes.intake.accepted) == 1


async def test_a_taken_port_is_named(tmp_path: Path, fakes: Fakes) -> None:
    """Somebody else's port is an error that says which; the probe says so too."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        email = channel(tmp_path, smtp_port=port)
        with pytest.raises(WarmlineError, match=f"port {port} of 127.0.0.1 is taken"):
            await email.run(fakes.services)
    assert f"{port}" in (await email.trouble() or "")


async def test_more_connections_than_allowed_wait_outside(tmp_path: Path, fakes: Fakes) -> None:
    """421 to those beyond; when one goes the next may come."""
    async with running(channel(tmp_path, smtp_connections=1), fakes.services) as email:
        async with client(email.smtp_port):
            assert (await talk(email.smtp_port, []))[0].startswith(b"421")

        async def welcome() -> bool:
            return (await talk(email.smtp_port, []))[0].startswith(b"220")

        await until(welcome)


async def test_a_broken_connection_leaves_nothing_behind(tmp_path: Path, fakes: Fakes) -> None:
    """A mail cut off in the middle is not a mail; the next one is served."""
    async with running(channel(tmp_path), fakes.services) as email:
        reader, writer = await asyncio.open_connection("127.0.0.1", email.smtp_port)
        writer.write(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<help@lindenhof.example>\r\n")
        writer.write(b"DATA\r\nSubject: half")
        await reader.readuntil(b"354")
        writer.transport.abort()
        async with client(email.smtp_port) as server:
            await server.sendmail(ANNA, [SHOP], mail("plain"))
    assert [one.subject for one in fakes.intake.accepted] == ["Where is my parcel?"]


async def test_starttls_with_our_certificate(tmp_path: Path, fakes: Fakes) -> None:
    """With a certificate the door offers STARTTLS, and a client that checks it is content."""
    cert, key = certificate(tmp_path)
    email = channel(tmp_path, smtp_tls={"cert": cert, "key": key})
    context = ssl.create_default_context(cafile=cert)
    async with running(email, fakes.services):
        server = client(email.smtp_port, start_tls=True, tls_context=context)
        async with server:
            await server.sendmail(ANNA, [SHOP], mail("plain"))
    assert len(fakes.intake.accepted) == 1


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    told = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=here"
    command = [needs("openssl"), *told.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key
