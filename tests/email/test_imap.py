"""The mailbox watcher with a real Dovecot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ..conftest import until
from .conftest import Fakes, channel, mail, running
from .dovecot import PASSWORD, USER, Dovecot, dovecot, free_port
from .test_listener import certificate


@pytest.fixture
async def server() -> AsyncIterator[Dovecot]:
    async with dovecot() as running_server:
        yield running_server


def mailbox(port: int, **more: Any) -> dict[str, Any]:
    account = {"host": "127.0.0.1", "port": port, "user": USER, "password": PASSWORD}
    return {**account, "tls": False, "poll": 1000, "timeout": 10, **more}


def numbered(number: int) -> bytes:
    return mail("plain").replace(b"<q1@", f"<q{number}@".encode())


async def test_idle_announces_a_new_mail(tmp_path: Path, fakes: Fakes, server: Dovecot) -> None:
    """New mail is stored at once; the poll interval is 1000 s."""
    async with running(channel(tmp_path, imap=mailbox(server.port)), fakes.services):
        for number in (1, 2, 3):
            await asyncio.to_thread(server.deliver, numbered(number))
            await fakes.intake.until(lambda n=number: len(fakes.intake.accepted) == n)
        await until(lambda: server.flags() == ["\\Seen"] * 3)
    assert [message.remote_id for message in fakes.intake.accepted] == [
        "<q1@example.org>",
        "<q2@example.org>",
        "<q3@example.org>",
    ]
    assert fakes.files.kept[fakes.intake.accepted[0].raw or ""] == numbered(1)


async def test_unread_mail_at_the_start_is_stored_in_order(
    tmp_path: Path, fakes: Fakes, server: Dovecot
) -> None:
    """Mail that came while we were down is stored once, oldest first."""
    for number in range(12):
        await asyncio.to_thread(server.deliver, numbered(number))
    for _ in range(2):
        async with running(channel(tmp_path, imap=mailbox(server.port)), fakes.services):
            await fakes.intake.until(lambda: len(fakes.intake.accepted) == 12)
            await until(lambda: server.flags() == ["\\Seen"] * 12)
    assert [message.remote_id for message in fakes.intake.accepted] == [
        f"<q{number}@example.org>" for number in range(12)
    ]
    assert fakes.intake.offered == 12


async def test_a_mail_is_marked_only_after_it_was_accepted(
    tmp_path: Path, fakes: Fakes, server: Dovecot
) -> None:
    """Until the inbox has committed, the mail stays unread in the mailbox."""
    fakes.intake.may_commit.clear()
    await asyncio.to_thread(server.deliver, numbered(1))
    email = channel(tmp_path, imap=mailbox(server.port))
    task = asyncio.create_task(email.watch(fakes.services))
    await fakes.intake.until(lambda: fakes.intake.offered)
    assert server.flags() == [""]
    task.cancel()
    await asyncio.wait([task])
    assert server.flags() == [""]
    fakes.intake.may_commit.set()
    async with running(channel(tmp_path, imap=mailbox(server.port)), fakes.services):
        await until(lambda: server.flags() == ["\\Seen"])
    assert len(fakes.intake.accepted) == 1


async def test_a_mail_that_was_not_committed_is_offered_again(
    tmp_path: Path, fakes: Fakes, server: Dovecot
) -> None:
    """Order is kept: the next mail waits for the one that failed."""
    fakes.intake.failures = 2
    for number in (1, 2):
        await asyncio.to_thread(server.deliver, numbered(number))
    async with running(channel(tmp_path, imap=mailbox(server.port)), fakes.services):
        await until(lambda: server.flags() == ["\\Seen"] * 2)
    assert [message.remote_id for message in fakes.intake.accepted] == [
        "<q1@example.org>",
        "<q2@example.org>",
    ]
    assert len(fakes.clock.slept) == 2


async def test_stored_mail_can_be_moved(tmp_path: Path, fakes: Fakes, server: Dovecot) -> None:
    """The folder is created when it is missing."""
    imap = mailbox(server.port, move_to="Stored mail")
    await asyncio.to_thread(server.deliver, numbered(1))
    async with running(channel(tmp_path, imap=imap), fakes.services):
        await until(lambda: server.flags('"Stored mail"') == ["\\Seen"])
    assert server.flags() == []
    await asyncio.to_thread(server.deliver, numbered(2))
    async with running(channel(tmp_path, imap=imap), fakes.services):
        await until(lambda: len(server.flags('"Stored mail"')) == 2)


async def test_the_watcher_reconnects(tmp_path: Path, fakes: Fakes, server: Dovecot) -> None:
    """The readiness probe names the problem until the connection is back."""
    async with running(channel(tmp_path, imap=mailbox(server.port)), fakes.services) as email:
        await server.stop()

        async def has_problem() -> bool:
            return "127.0.0.1" in (await email.trouble() or "")

        await until(has_problem)
        await server.start()
        await asyncio.to_thread(server.deliver, numbered(1))
        await fakes.intake.until(lambda: fakes.intake.accepted)

        async def is_ready() -> bool:
            return await email.trouble() is None

        await until(is_ready)
    assert all(0.5 <= slept <= 60 for slept in fakes.clock.slept)


async def test_a_mail_over_the_limit_is_fetched_in_part(
    tmp_path: Path, fakes: Fakes, server: Dovecot
) -> None:
    """It neither fills the memory nor blocks later mail, and it goes to a person."""
    big = numbered(1) + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 1_000
    await asyncio.to_thread(server.deliver, big)
    await asyncio.to_thread(server.deliver, numbered(2))
    email = channel(tmp_path, imap=mailbox(server.port), max_size=20_000)
    async with running(email, fakes.services):
        await fakes.intake.until(lambda: len(fakes.intake.accepted) == 2)
    cut, whole = fakes.intake.accepted
    assert (cut.kind, whole.kind) == ("unreadable", "message")
    assert fakes.files.kept[cut.raw or ""] == big[:20_000]


async def test_mail_that_looks_like_imap_arrives_unchanged(
    tmp_path: Path, fakes: Fakes, server: Dovecot
) -> None:
    """Every mail arrives byte for byte, even with IMAP syntax in it."""
    odd = [mail(name) for name in ("nested", "japanese", "mislabelled", "broken_encoding")]
    odd.append(b"Subject: )\r\n\r\n* BYE {3}\r\n) A1 OK (\r\n{99999}\r\n")
    for raw in odd:
        await asyncio.to_thread(server.deliver, raw)
    async with running(channel(tmp_path, imap=mailbox(server.port)), fakes.services):
        await fakes.intake.until(lambda: len(fakes.intake.accepted) == len(odd))
    assert [fakes.files.kept[message.raw or ""] for message in fakes.intake.accepted] == odd


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"password": "wrong"}, "cannot log in"), ({"folder": "Nowhere"}, "cannot open the folder")],
)
async def test_wrong_settings_show_in_the_readiness_probe(
    tmp_path: Path, fakes: Fakes, server: Dovecot, wrong: dict[str, str], says: str
) -> None:
    """The watcher keeps trying, and the probe shows the server's answer, never the password."""
    email = channel(tmp_path, imap=mailbox(server.port, **wrong))
    task = asyncio.create_task(email.watch(fakes.services))

    async def reported() -> bool:
        return says in (await email.trouble() or "")

    await until(reported, 20)
    assert "wrong" not in (await email.trouble() or "")
    task.cancel()
    await asyncio.wait([task])


async def test_the_watcher_stops_at_whatever_moment_it_is_told(
    tmp_path: Path, fakes: Fakes
) -> None:
    """Told to stop at any step of a session, also as an answer arrives, the watcher stops."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        with suppress(ConnectionError):
            while line := await reader.readline():
                tag, command, *_ = line.split()
                if command == b"CAPABILITY":
                    writer.write(b"* CAPABILITY IMAP4rev1\r\n")
                answer = b" NO no such folder" if command == b"SELECT" else b" OK done"
                writer.write(tag + answer + b"\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as imap:
        port = imap.sockets[0].getsockname()[1]
        for steps in range(150):
            email = channel(tmp_path / str(steps), imap=mailbox(port))
            task = asyncio.create_task(email.watch(fakes.services))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            done, _pending = await asyncio.wait([task], timeout=5)
            assert done, f"still running when told to stop after {steps} steps"


async def test_an_unreachable_server_is_retried(tmp_path: Path, fakes: Fakes) -> None:
    """A refused connection shows in the probe; the pauses between attempts grow."""
    email = channel(tmp_path, imap=mailbox(free_port()))
    task = asyncio.create_task(email.watch(fakes.services))
    await until(lambda: len(fakes.clock.slept) >= 5)
    assert not task.done()
    assert await email.trouble()
    assert fakes.clock.slept[4] > fakes.clock.slept[0]
    task.cancel()
    await asyncio.wait([task])


async def test_the_servers_certificate_is_checked(tmp_path: Path, fakes: Fakes) -> None:
    """A certificate of a known authority is accepted; of an unknown one, refused."""
    cert, key = certificate(tmp_path)
    async with dovecot((cert, key)) as server:
        known = mailbox(server.port, tls=True, ca_file=cert)
        async with running(channel(tmp_path, imap=known), fakes.services):
            pass
        email = channel(tmp_path, imap=mailbox(server.port, tls=True))
        task = asyncio.create_task(email.watch(fakes.services))

        async def reported() -> bool:
            return "CERTIFICATE_VERIFY_FAILED" in (await email.trouble() or "")

        await until(reported)
        task.cancel()
        await asyncio.wait([task])


async def test_a_mail_that_always_fails_does_not_block_the_others(
    tmp_path: Path, fakes: Fakes, server: Dovecot
) -> None:
    """After a few failures it is retried behind the others; it stays unread, and the probe
    reports it."""
    refused = "<q1@example.org>"
    fakes.intake.always_refused.add(refused)
    for number in (1, 2, 3):
        await asyncio.to_thread(server.deliver, numbered(number))
    email = channel(tmp_path, imap=mailbox(server.port))
    task = asyncio.create_task(email.watch(fakes.services))
    await fakes.intake.until(lambda: len(fakes.intake.accepted) == 2)
    await until(lambda: server.flags() == ["", "\\Seen", "\\Seen"])
    assert "database" in (await email.trouble() or "")
    fakes.intake.always_refused.clear()
    await until(lambda: server.flags() == ["\\Seen"] * 3)
    task.cancel()
    await asyncio.wait([task])
