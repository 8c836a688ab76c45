"""Recorded mail, as mail programs write it, becomes what the customer said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from channels.email import parse
from channels.email.headers import decode, normal

from .conftest import OURS, mail


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "plain",
            "Hello,\n\nI ordered a lamp on Friday and it has not arrived.\nWhere is my parcel?",
        ),
        (
            "gmail",
            "Thanks, but the tracking page shows nothing.\n\nCan somebody look at it?",
        ),
        ("outlook", "It still has not arrived. The café next door did not get it either."),
        ("german", "Guten Tag,\n\nich möchte die Jacke in Größe M zurückgeben."),
        ("inline", "My answers are below.\n\nSize 42, please.\n\nBlue. Is that in stock?"),
        ("phone", "Still nothing:\n- no mail\n- no parcel"),
        ("japanese", "荷物はいつ届きますか。"),
        ("mislabelled", "Der „Gutschein“ über 20 € geht nicht – warum?"),
        ("eight_bit_headers", "Er jakken stor i størrelsen?"),
        ("nested", "The lamp came broken, see the photos."),
        (
            "html_only",
            """The lamp is broken & I want a refund.

Order 4711

You can help by paying me back.""",
        ),
        ("subject_only", "When do you open tomorrow?"),
        ("broken_encoding", "Half of =ZZ this =E is broken"),
    ],
)
def test_what_the_customer_wrote(name: str, said: str) -> None:
    """Quotations and signatures go, the customer's own words stay, in any charset."""
    read = parse(mail(name), ours=OURS)
    assert read.text == said
    assert read.trouble is None
    assert read.automatic is None


def test_a_forwarded_mail_without_a_word_stays_whole() -> None:
    """When all of it is a quotation, it is what the customer wants us to read."""
    assert "Your invoice of 30 euros is due." in parse(mail("forwarded")).text


@pytest.mark.parametrize(
    ("name", "sender", "shown", "subject"),
    [
        ("plain", "anna.berg@example.org", "Anna Berg", "Where is my parcel?"),
        ("outlook", "anna.berg@example.org", "Berg, Anna", "AW: Where is my parcel?"),
        ("german", "joerg@example.de", "Jörg Müller", "AW: Rückgabe der Größe M"),
        ("japanese", "hanako@example.jp", "山田花子", "荷物について"),
        ("eight_bit_headers", "soren@example.dk", "Søren Kjær", "Størrelse på jakken"),
        ("no_message_id", "anna.berg@example.org", None, "No id"),
        ("contact_form", "anna.berg@example.org", "Anna Berg", "Contact form"),
    ],
)
def test_who_wrote_and_about_what(name: str, sender: str, shown: str | None, subject: str) -> None:
    """The address is the one to answer to, lower-case; names and subjects are decoded."""
    read = parse(mail(name), ours=OURS)
    assert (read.sender, read.name, read.subject) == (sender, shown, subject)


def test_a_thread_is_named_nearest_first() -> None:
    """In-Reply-To first, then References from the newest; each id once."""
    read = parse(mail("gmail"))
    assert read.thread == ("<a1@lindenhof.example>", "<q1@example.org>")
    assert read.remote_id == "<q2@example.org>"
    assert read.at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_mail_without_an_id_is_known_by_its_bytes() -> None:
    """The same bytes have the same id, other bytes another."""
    raw = mail("no_message_id")
    assert parse(raw).remote_id == parse(raw).remote_id
    assert parse(raw).remote_id != parse(raw + b"x").remote_id


def test_files_are_kept_with_safe_names() -> None:
    """Inline images, attachments and enclosed mails are files; a name never holds a path."""
    read = parse(mail("nested"))
    assert [(one.name, one.media_type) for one in read.files] == [
        ("lamp.png", "image/png"),
        ("Rechnung für Anna.pdf", "application/pdf"),
        ("mail.eml", "message/rfc822"),
    ]
    assert read.files[1].data == b"%PDF-1.4 not really"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vacation", "Auto-Submitted"),
        ("mailing_list", "Precedence"),
        ("bounce_delayed", "Auto-Submitted"),
    ],
)
def test_a_machine_is_recognised(name: str, why: str) -> None:
    """RFC 3834: what a machine sent is taken in, and says why it will not be answered."""
    read = parse(mail(name), ours=OURS)
    assert read.automatic is not None
    assert why in read.automatic
    assert read.bounces == ()


@pytest.mark.parametrize(
    ("header", "envelope"),
    [
        ("Auto-Submitted: auto-generated", None),
        ("Precedence: junk", None),
        ("List-Id: <x.example>", None),
        ("X-Autoreply: yes", None),
        ("X-Auto-Response-Suppress: DR, AutoReply", None),
        ("Return-Path: <>", None),
        ("X-Nothing: here", "<>"),
        ("Message-ID: <0123456789abcdef0123456789abcdef.warmline@lindenhof.example>", None),
        ("Reply-To: no-reply@example.org", None),
        ("Reply-To: MAILER-DAEMON@example.org", None),
        ("Reply-To: bounces+anna=x.example@example.org", None),
        ("Content-Type: multipart/report; boundary=x", None),
    ],
)
def test_each_sign_of_a_machine_counts(header: str, envelope: str | None) -> None:
    """Any one of the signs is enough, and without it the same mail is a person's."""
    rest = "From: Anna <anna@example.org>\r\nSubject: Hi\r\n\r\nHello\r\n"
    assert parse(f"{header}\r\n{rest}".encode(), envelope=envelope).automatic
    assert parse(rest.encode(), envelope="anna@example.org").automatic is None


def test_auto_submitted_no_is_a_person() -> None:
    """RFC 3834 section 5: "no" says that a person sent it."""
    raw = b"Auto-Submitted: no\r\nFrom: a@b.example\r\n\r\nHello\r\n"
    assert parse(raw).automatic is None


def test_our_own_address_is_a_loop() -> None:
    """Mail from ourselves is never answered."""
    raw = b"From: help@lindenhof.example\r\n\r\nHello\r\n"
    assert parse(raw, ours=OURS).automatic


@pytest.mark.parametrize(
    ("name", "number", "detail"),
    [
        ("bounce", 2, "550 5.1.1 <anna.berg@example.org>: Recipient address rejected"),
        ("bounce_exim", 3, "not delivered to anna.berg@example.org"),
    ],
)
def test_a_bounce_names_the_mail_that_failed(name: str, number: int, detail: str) -> None:
    """RFC 3464 reports, and Exim's older form, lead to the mail of ours; not to one that it
    merely refers to."""
    (bounce,) = parse(mail(name), ours=OURS).bounces
    assert bounce.remote_id == f"<{number:032d}.warmline@lindenhof.example>"
    assert not bounce.delivered
    assert detail in bounce.detail


def test_a_report_on_somebody_elses_mail_is_no_bounce_of_ours() -> None:
    """A report that names no mail of ours is taken in as automatic mail."""
    read = parse(mail("bounce").replace(b".warmline@", b".other@"))
    assert read.bounces == ()
    assert read.automatic


def test_an_encrypted_mail_goes_to_a_person() -> None:
    """What we cannot read we do not pretend to understand."""
    assert parse(mail("encrypted")).trouble == "it is encrypted"


@pytest.mark.parametrize(
    ("data", "charset", "read"),
    [
        ("naïve €".encode("cp1252"), "iso-8859-1", "naïve €"),
        ("naïve €".encode("cp1252"), "us-ascii", "naïve €"),
        ("Größe".encode(), "iso-8859-1", "Größe"),
        ("привет".encode("koi8_r"), "koi8-r", "привет"),
        ("안녕하세요".encode("cp949"), "ks_c_5601-1987", "안녕하세요"),
        ("你好".encode("gb18030"), "gb2312", "你好"),
        ("שלום".encode("iso8859-8"), "iso-8859-8-i", "שלום"),
        ("plain", "idna", "plain"),
        (b"good \xff " + "größer".encode(), "utf-8", "good \ufffd größer"),
        (b"a", "base64", "a"),
    ],
)
def test_charsets_are_read_as_browsers_read_them(
    data: bytes | str, charset: str, read: str
) -> None:
    """Labels of old, wrong and invented charsets lead to the text that was meant."""
    raw = data.encode() if isinstance(data, str) else data
    if charset == "utf-8":
        raw += "größer".encode() * 2
        read += "größer" * 2
    assert decode(raw, charset) == read


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        ("Anna@Example.ORG", "anna@example.org"),
        ("o'neil+x@sub.example.org", "o'neil+x@sub.example.org"),
        ("jörg@müller.example", "jörg@müller.example"),
        ("a b@example.org", None),
        ("anna@", None),
        ("anna@-x.example", None),
        ("anna@example.org\r\nBcc: x@y.example", None),
        ("anna", None),
    ],
)
def test_addresses_are_normal_or_refused(spec: str, key: str | None) -> None:
    """One customer is one key; what is no address is none."""
    assert normal(spec) == key
