"""Any bytes as a mail: nothing raises, nothing is lost, everything ends in bounded time."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.email import parse
from channels.email.automatic import LoopGuard
from channels.email.html import html_to_text
from channels.email.intake import MailIntake
from channels.email.parse import UNKNOWN_SENDER, ParsedMail, ParseLimits
from channels.email.reply import extract_reply

from .conftest import MAILS, OURS, Fakes, mail

HEAD = b"From: Anna <anna@example.org>\r\nMessage-ID: <h@example.org>\r\n"
_names = st.sampled_from(
    [
        "From",
        "Subject",
        "Date",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "Message-ID",
        "References",
        "Auto-Submitted",
        "Reply-To",
        "Return-Path",
        "X",
    ]
)
_values = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"multipart/mixed; boundary=x",
            b"message/rfc822",
            b"text/html; charset=utf-7",
            b"base64",
            b"quoted-printable",
            b"x-uuencode",
            b"multipart/report; boundary=x",
            b"message/delivery-status",
            b"=?utf-8?q?=ff?= <a@b.example>",
            b'attachment; filename*="',
            b"text/plain; charset=idna",
            b'image/png; name*0="a"; name*2="b"',
            b"<<>>@,;:",
        ]
    ),
)
_headers = st.lists(st.tuples(_names, _values), max_size=6).map(
    lambda pairs: b"".join(name.encode() + b": " + value + b"\r\n" for name, value in pairs)
)
_bodies = st.lists(
    st.one_of(st.binary(max_size=80), st.sampled_from([b"--x\r\n", b"--x--\r\n", b"\r\n\r\n"])),
    max_size=12,
).map(b"".join)
_parts = st.lists(st.tuples(_headers, _bodies), min_size=1, max_size=4).map(
    lambda parts: b"\r\n--x\r\n".join(head + b"\r\n" + body for head, body in parts)
)


def mail_intake(fakes: Fakes, max_bytes: int = 1_000_000) -> MailIntake:
    return MailIntake(
        services=fakes.services,
        channel="email",
        own_addresses=OURS,
        limits=ParseLimits(),
        max_bytes=max_bytes,
        loop_guard=LoopGuard(max_mails=20, window=3600),
    )


@settings(max_examples=150, deadline=None)
@given(raw=st.one_of(st.binary(max_size=400), _parts))
def test_any_bytes_are_stored(raw: bytes) -> None:
    """Every mail is accepted or reported, and its bytes are kept."""

    async def store() -> None:
        fakes = Fakes()
        await mail_intake(fakes).store(raw)
        assert len(fakes.intake.accepted) + len(fakes.intake.reported) == 1
        assert fakes.files.kept[hashlib.sha256(raw).hexdigest()] == raw
        for message in fakes.intake.accepted:
            assert message.raw == hashlib.sha256(raw).hexdigest()
            message.text.encode()

    asyncio.run(store())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_mail_is_parsed(data: st.DataObject) -> None:
    """A mail with missing or stray bytes never raises."""
    raw = mail(data.draw(st.sampled_from(sorted(path.stem for path in MAILS.glob("*.eml")))))
    at = data.draw(st.integers(0, len(raw)))
    parsed = parse(raw[:at] + data.draw(st.binary(max_size=20)) + raw[at + 3 :], own_addresses=OURS)
    assert parsed.remote_id


def nested(levels: int) -> bytes:
    opened = "".join(
        f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n' for n in range(levels)
    )
    return HEAD + opened.encode() + b"Content-Type: text/plain\r\n\r\nHello\r\n"


BOMBS = {
    "nested parts": nested(150),
    "nested beyond the stack": nested(5_000),
    "many parts": HEAD
    + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    + b"--x\r\n\r\na\r\n" * 50_000,
    "many headers": HEAD + b"X: y\r\n" * 50_000 + b"\r\nHello",
    "a huge header": HEAD + b"X: " + b"y" * 5_000_000 + b"\r\n\r\nHello",
    "a huge folded header": HEAD + b"X: y\r\n" + b" y\r\n" * 200_000 + b"\r\nHello",
    "a huge content type": HEAD + b'Content-Type: text/plain; a="' + b';"' * 50_000 + b"\r\n\r\n",
    "endless recipients": HEAD.replace(b"Anna", b"(" * 30_000) + b"\r\nHello",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_mail_bomb_goes_to_a_person_quickly(name: str, fakes: Fakes) -> None:
    """Mail with an excessive structure is not parsed further; it is kept, and goes to a person."""
    began = time.perf_counter()
    await mail_intake(fakes, max_bytes=10_000_000).store(BOMBS[name])
    assert time.perf_counter() - began < 10
    (message,) = fakes.intake.accepted
    assert message.kind == "unreadable" or name == "endless recipients"
    assert fakes.files.kept[message.raw or ""] == BOMBS[name]


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 200_000,
        "On " * 60_000 + "wrote:",
        "On a\n" * 40_000,
        "From: a\n" * 25_000,
        "Am a schrieb " * 15_000,
        "Disclaimer: mail " * 12_000,
        ">\n" * 100_000,
        " \t" * 100_000,
        "Sent from my a\n" * 15_000,
        "x\nThanks,\n" * 20_000,
        "Best regards\n" * 15_000,
        "a\n--\n" * 40_000,
        "Von: a@b.c\nAn: b\n" * 12_000,
        "On Mon, 2 Mar 2026 at 9:20\n" * 8_000,
        "-" * 200_000,
        "- " * 100_000,
        "a@" * 100_000,
        "a <b\n" * 40_000,
        "\u00a0" * 1_400_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_reply_extraction_ends_soon_on_any_text(text: str) -> None:
    """Texts made to slow regular expressions down are handled in bounded time."""
    began = time.perf_counter()
    extract_reply(text)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "x",
        "<blockquote>" * 40_000 + "x",
        "<table><tr><td>" + "w" * 100_000 + "</td></tr>" + "<tr><td>y</td></tr>" * 10_000,
        "<ul><li>" * 30_000 + "x",
        "<a href='" + "&amp;" * 90_000,
        "<!--" * 100_000,
        "<p>" + "\u00a0" * 1_400_000,
        "<p>" + "&amp;" * 100_000,
    ],
    ids=lambda html: html[:14],
)
def test_html_bombs_stay_small(html: str) -> None:
    """Deep nesting and wide tables give a text that is not much longer than the mail."""
    began = time.perf_counter()
    text = html_to_text(html)
    assert time.perf_counter() - began < 10
    assert len(text) < 3_000_000


DAEMON = b"From: MAILER-DAEMON@post.example\r\nSubject: undeliverable\r\n"
NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    for level in range(190)
)


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<blockquote>" * 240 + b"a<br>" * 90_000,
        HEAD
        + b"Content-Type: text/html\r\n\r\n"
        + b'<div class="yahoo_quoted">' * 240
        + b"a<br>" * 90_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b'<div id="divRplyFwdMsg">a</div>' * 14_000,
        DAEMON + b"\r\nundeliverable\nFrom: x\n" + b" " * 115_000 + b"\n",
        HEAD + NESTED + b"\r\n" + b"\n" * 900_000,
        HEAD
        + b"Content-Type: multipart/mixed; boundary=X\r\n\r\n--"
        + b" " * 900_000
        + b"\r\n--X\r\nContent-Type: multipart/mixed; boundary=absent\r\n\r\nhello\r\n" * 190
        + b"--X--\r\n",
    ],
    ids=["quotations", "wrapped", "siblings", "headers", "lines", "boundaries"],
)
def test_a_small_mail_does_not_take_long(raw: bytes) -> None:
    """A mail below 1 MB is read in seconds, whatever it nests, repeats or leaves out."""
    began = time.perf_counter()
    parse(raw)
    assert time.perf_counter() - began < 10


async def test_mail_of_any_size_is_read_off_the_event_loop(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other customers do not wait for the reading of a mail, not even of a small one."""
    threads: list[threading.Thread] = []

    def read(raw: bytes, **more: Any) -> ParsedMail:
        threads.append(threading.current_thread())
        return parse(raw, **more)

    monkeypatch.setattr("channels.email.intake.parse", read)
    await mail_intake(fakes).store(mail("plain"))
    assert threads
    assert threading.main_thread() not in threads


async def test_a_mail_over_the_limit_is_cut_and_goes_to_a_person(fakes: Fakes) -> None:
    """A person sees who wrote the mail, and that the rest is missing."""
    raw = mail("plain") + b"x" * 20_000
    await mail_intake(fakes, max_bytes=10_000).store(raw)
    (message,) = fakes.intake.accepted
    assert message.kind == "unreadable"
    assert message.address.value == "anna.berg@example.org"
    assert message.facts[-1].value == "over 10000 bytes"
    assert fakes.files.kept[message.raw or ""] == raw[:10_000]


async def test_files_beyond_the_limit_are_named(fakes: Fakes) -> None:
    """The agent sees the names of attachments that were not kept."""
    parsed = parse(mail("nested"), limits=ParseLimits(files=1))
    assert [file.name for file in parsed.files] == ["lamp.png"]
    assert [fact.value for fact in parsed.facts] == ["Rechnung für Anna.pdf", "mail.eml"]


async def test_a_file_that_is_too_large_is_named(fakes: Fakes) -> None:
    """When only a file is over its limit, the mail is accepted and names that file."""
    raw = mail("nested")
    fakes.files.max_bytes = 60
    fakes.files.exempt = "mail.eml"
    await mail_intake(fakes).store(raw)
    (message,) = fakes.intake.accepted
    assert ("left out", "lamp.png") in [(fact.name, fact.value) for fact in message.facts]
    assert "Rechnung für Anna.pdf" in [file.name for file in message.attachments]


async def test_mail_without_a_sender_goes_to_a_person(fakes: Fakes) -> None:
    """Without From the envelope's sender counts; without both, the mail is unreadable."""
    await mail_intake(fakes).store(b"Subject: Hi\r\n\r\nHello", envelope="<bob@example.org>")
    await mail_intake(fakes).store(b"Subject: Hi\r\n\r\nHello again")
    known, unknown = fakes.intake.accepted
    assert (known.address.value, known.kind) == ("bob@example.org", "message")
    assert (unknown.address.value, unknown.kind) == (UNKNOWN_SENDER, "unreadable")


async def test_an_unmarked_robot_is_answered_a_limited_number_of_times(fakes: Fakes) -> None:
    """Beyond the limit in the window a sender's mail is accepted but not answered."""
    intake = MailIntake(
        services=fakes.services,
        channel="email",
        own_addresses=OURS,
        limits=ParseLimits(),
        max_bytes=1_000_000,
        loop_guard=LoopGuard(max_mails=2, window=60),
    )
    for number in range(3):
        await intake.store(f"From: r@x.example\r\nMessage-ID: <{number}@x>\r\n\r\nHi".encode())
    await intake.store(b"From: other@x.example\r\nMessage-ID: <o@x>\r\n\r\nHi")
    assert [message.automatic for message in fakes.intake.accepted] == [False, False, True, False]


async def test_a_mail_offered_twice_is_stored_once(fakes: Fakes) -> None:
    """A mail offered again (we stopped before marking it) has the same id in the inbox."""
    for _ in range(2):
        await mail_intake(fakes).store(mail("no_message_id"))
    assert len(fakes.intake.accepted) == 1
