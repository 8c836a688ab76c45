"""Parsing of recorded mail, as real mail programs write it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from channels.email import parse
from channels.email.charsets import decode
from channels.email.headers import normalize_address
from channels.email.parse import ParseLimits
from gateway import Fact

from .conftest import OURS, mail


@pytest.mark.parametrize(
    ("name", "text"),
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
def test_the_customers_own_text_is_kept(name: str, text: str) -> None:
    """Quotations and signatures are removed, the customer's own words stay, in any charset."""
    parsed = parse(mail(name), own_addresses=OURS)
    assert parsed.text == text
    assert parsed.unreadable is None
    assert parsed.automatic is None


def test_a_forwarded_mail_without_comment_stays_whole() -> None:
    """When all of the text is a quotation, the customer wants us to read it."""
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
def test_sender_name_and_subject(name: str, sender: str, shown: str | None, subject: str) -> None:
    """The address is the one to reply to, lower-case; names and subjects are decoded."""
    parsed = parse(mail(name), own_addresses=OURS)
    assert (parsed.sender, parsed.name, parsed.subject) == (sender, shown, subject)


def test_the_thread_is_listed_nearest_first() -> None:
    """In-Reply-To first, then References from the newest; each id once."""
    parsed = parse(mail("gmail"))
    assert parsed.thread == ("<a1@lindenhof.example>", "<q1@example.org>")
    assert parsed.remote_id == "<q2@example.org>"
    assert parsed.at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_mail_without_an_id_is_identified_by_its_bytes() -> None:
    """Equal bytes have the same id, other bytes another."""
    raw = mail("no_message_id")
    assert parse(raw).remote_id == parse(raw).remote_id
    assert parse(raw).remote_id != parse(raw + b"x").remote_id


def test_files_are_kept_with_safe_names() -> None:
    """Inline images, attachments and enclosed mails become files; a name contains no path."""
    parsed = parse(mail("nested"))
    assert [(file.name, file.media_type) for file in parsed.files] == [
        ("lamp.png", "image/png"),
        ("Rechnung für Anna.pdf", "application/pdf"),
        ("mail.eml", "message/rfc822"),
    ]
    assert parsed.files[1].data == b"%PDF-1.4 not really"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vacation", "Auto-Submitted"),
        ("mailing_list", "Precedence"),
        ("bounce_delayed", "Auto-Submitted"),
    ],
)
def test_automatic_mail_is_recognised(name: str, why: str) -> None:
    """RFC 3834: automatic mail is parsed, with the reason why it is not answered."""
    parsed = parse(mail(name), own_addresses=OURS)
    assert parsed.automatic is not None
    assert why in parsed.automatic
    assert parsed.bounces == ()


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
def test_each_sign_of_automatic_mail_is_enough(header: str, envelope: str | None) -> None:
    """One sign makes a mail automatic; without it the same mail is a person's."""
    rest = "From: Anna <anna@example.org>\r\nSubject: Hi\r\n\r\nHello\r\n"
    assert parse(f"{header}\r\n{rest}".encode(), envelope=envelope).automatic
    assert parse(rest.encode(), envelope="anna@example.org").automatic is None


def test_auto_submitted_no_is_not_automatic() -> None:
    """RFC 3834 section 5: "no" means that a person sent the mail."""
    raw = b"Auto-Submitted: no\r\nFrom: a@b.example\r\n\r\nHello\r\n"
    assert parse(raw).automatic is None


def test_mail_from_our_own_address_is_automatic() -> None:
    """Mail from ourselves is never answered: it would loop."""
    raw = b"From: help@lindenhof.example\r\n\r\nHello\r\n"
    assert parse(raw, own_addresses=OURS).automatic


@pytest.mark.parametrize(
    ("name", "number", "detail"),
    [
        ("bounce", 2, "550 5.1.1 <anna.berg@example.org>: Recipient address rejected"),
        ("bounce_exim", 3, "not delivered to anna.berg@example.org"),
    ],
)
def test_a_bounce_identifies_the_mail_that_failed(name: str, number: int, detail: str) -> None:
    """RFC 3464 reports, and Exim's older form, lead to our mail, not to another one that they
    merely refer to."""
    (bounce,) = parse(mail(name), own_addresses=OURS).bounces
    assert bounce.remote_id == f"<{number:032d}.warmline@lindenhof.example>"
    assert not bounce.delivered
    assert detail in bounce.detail


def test_a_report_on_other_mail_is_not_our_bounce() -> None:
    """A report that names no mail of ours is ordinary automatic mail."""
    parsed = parse(mail("bounce").replace(b".warmline@", b".other@"))
    assert parsed.bounces == ()
    assert parsed.automatic


def test_an_encrypted_mail_is_unreadable() -> None:
    """An encrypted mail says why it could not be read, so that it goes to a person."""
    assert parse(mail("encrypted")).unreadable == "it is encrypted"


@pytest.mark.parametrize(
    ("data", "charset", "text"),
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
def test_charsets_are_decoded_as_browsers_do(data: bytes | str, charset: str, text: str) -> None:
    """Old, wrong and invented charset labels still give the intended text."""
    raw = data.encode() if isinstance(data, str) else data
    if charset == "utf-8":
        raw += "größer".encode() * 2
        text += "größer" * 2
    assert decode(raw, charset) == text


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
def test_addresses_are_normalised_or_refused(spec: str, key: str | None) -> None:
    """A valid address becomes the customer's key; an invalid one gives None."""
    assert normalize_address(spec) == key


def test_files_beyond_the_limit_are_named_within_alternatives() -> None:
    """The agent learns which files were left out, also when the pictures belong to the HTML."""
    message = EmailMessage()
    message.set_content("See the photos.")
    message.add_alternative("<p>See the photos.</p>", subtype="html")
    for name in ("one.png", "two.png"):
        html = message.get_payload(1)
        assert isinstance(html, EmailMessage)
        html.add_related(b"png", maintype="image", subtype="png", filename=name)
    parsed = parse(message.as_bytes(), limits=ParseLimits(files=1))
    assert [file.name for file in parsed.files] == ["one.png"]
    assert Fact(name="left out", value="two.png") in parsed.facts


@pytest.mark.parametrize(
    ("subject", "body", "text"),
    [
        (
            "Fwd: Rechnung LL-881",
            (
                "---------- Forwarded message ---------\nVon: Lampenhaus <rechnung@shop.example>\n"
                "Date: Mo., 2. März 2026 um 09:20 Uhr\nSubject: Rechnung\n\nZwei Lampen, 80 Euro."
            ),
            None,
        ),
        (
            "Lampe",
            "Die Lampe flackert seit gestern abend sehr."
            + " Sie riecht auch." * 90
            + "\n\nWas nun?",
            None,
        ),
        (
            "Re: Lampa",
            "Nie ma jej.\n\nW dniu 02.03.2026 o 09:20, Lampy pisze:\n\n> " + "Idzie do Pani. " * 90,
            "Nie ma jej.",
        ),
        (
            "Adresse",
            "Bonjour,\n\nlivrez :\n\nDe : 3 rue du Lac\nÀ : 9 quai du Port\n\nPas avant lundi.",
            None,
        ),
        (
            "Re: Lampada",
            (
                "Non c'è.\n\nIl giorno lun 2 mar 2026 alle ore 09:20 Lampade <\nhelp@shop.example> "
                "ha scritto:\n\n> Arriva."
            ),
            "Non c'è.",
        ),
        ("Lâmpada", "Quando chega?\n\nEnviado do meu iPhone", "Quando chega?"),
        (
            "Skärm",
            "Skicka en ny, tack.\n\nMed vänliga hälsningar\nMira Holt\n\nPS: Ring 070-555 01 47.",
            "Skicka en ny, tack.\n\nPS: Ring 070-555 01 47.",
        ),
    ],
    ids=["forward", "long line", "long quoted line", "from-to", "wrapped", "phone", "postscript"],
)
def test_small_mails_are_read_right(subject: str, body: str, text: str | None) -> None:
    """What the customer wrote and forwarded, and nothing else; ``text`` None: all of it."""
    message = EmailMessage()
    message["From"], message["Subject"] = "Mira <mira@mail.example>", subject
    message.set_content(body)
    assert parse(message.as_bytes()).text == (body.strip() if text is None else text)


@pytest.mark.parametrize("body", ["\u200b", "\u00a0\n\u200c\u00ad \n"])
def test_a_text_of_invisible_characters_is_none(body: str) -> None:
    """Some programs write them into an empty mail; the subject is the message then."""
    message = EmailMessage()
    message["From"], message["Subject"] = "Mira <mira@mail.example>", "Cancel it"
    message.set_content(body)
    assert parse(message.as_bytes()).text == "Cancel it"


def test_a_text_over_the_limit_ends_between_words() -> None:
    """No word is cut in two."""
    message = EmailMessage()
    message["From"] = "Mira <mira@mail.example>"
    message.set_content("lamp " * 30)
    parsed = parse(message.as_bytes(), limits=ParseLimits(text=33))
    assert parsed.text == "lamp lamp lamp lamp lamp lamp"


FORWARDED = (
    "---------- Forwarded message ---------\nFrom: Ana <Ana@example.org>\nSubject: Lamp\n\nHi"
)


@pytest.mark.parametrize(
    ("subject", "text", "authors"),
    [
        ("Fwd: Lamp", FORWARDED, ("ana@example.org",)),
        ("Look at this", f"Please see:\n\n{FORWARDED}", ("ana@example.org",)),
        ("WG: Lampe", "Von: Ana <ana@example.org>\nBetreff: Lampe\n\nHallo", ("ana@example.org",)),
        ("TR: Lampe", "De : Ana <ana@example.org>\nObjet : Lampe\n\nSalut", ("ana@example.org",)),
        (
            "Fwd: Lamp",
            "Am 3. März 2026 schrieb Ana <ana@example.org>:\n> Hallo",
            ("ana@example.org",),
        ),
        ("Fwd: Lamp", "From: Us <help@lindenhof.example>\nSubject: Lamp\n\nHi", ()),
        ("Fwd: Lamp", "It is broken.", ()),
        ("Re: Lamp", "Write to ana@example.org.", None),
        ("From: ana@example.org", "From: ana@example.org\nI have a new address.", None),
    ],
)
def test_whose_mail_a_forward_passes_on(
    subject: str, text: str, authors: tuple[str, ...] | None
) -> None:
    """By the headers and introductions in it; never we ourselves. An answer passes on nothing."""
    head = f"From: Cleo <cleo@office.example>\nSubject: {subject}\nMessage-ID: <f@office.example>"
    kind = "Content-Type: text/plain; charset=utf-8"
    assert parse(f"{head}\n{kind}\n\n{text}\n".encode(), own_addresses=OURS).forwards == authors


def test_whose_mail_is_attached_to_a_forward() -> None:
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "Ana <ana@example.org>", "Lamp"
    inner.set_content("Hi")
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "cleo@office.example", "For you"
    outer.set_content("See the attached mail.")
    outer.add_attachment(inner)
    assert parse(outer.as_bytes(), own_addresses=OURS).forwards == ("ana@example.org",)
