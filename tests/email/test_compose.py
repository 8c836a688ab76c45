"""Composed mail: readable by any mail program and answered by no robot."""

from __future__ import annotations

import email
import html
import re
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.email import compose, parse
from channels.email.composing import MAX_QUOTE, PERSON, YOU_WROTE, MailLook, message_id
from channels.email.settings import EmailSettings
from gateway import Address, File, Outbound, SurveyQuestion, Undeliverable, WarmlineError

from .conftest import ADDRESS, OURS, outbound

SECTION = {"address": ADDRESS, "smtp_port": 0, "maildir": "x"}
LOOK = MailLook.from_settings(EmailSettings.model_validate(SECTION))
LOGO = File(name="logo.png", media_type="image/png", data=b"\x89PNG logo")
FOOTER = "Lindenhof Shop, 3 Quay Street\n+49 30 555 0147 <b>"
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "ar", "ja")


def composed(
    message: Outbound, files: tuple[File, ...] = (), look: MailLook = LOOK
) -> EmailMessage:
    """The mail as its reader gets it: serialised and parsed again."""
    mail = compose(message, files, look)
    parsed = email.message_from_bytes(mail.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_reply_stays_in_its_thread() -> None:
    """In-Reply-To names the newest message, References all of them, oldest first; ids that are
    not Message-IDs are left out."""
    mail = composed(outbound(thread=("<q2@x>", "sha256:abc", "<a1@x>", "<q1@x>")))
    assert mail["In-Reply-To"] == "<q2@x>"
    assert mail["References"] == "<q1@x> <a1@x> <q2@x>"
    assert mail["From"] == "Lindenhof Shop <help@lindenhof.example>"
    assert mail["To"] == "anna.berg@example.org"


def test_every_attempt_has_the_same_message_id_and_date() -> None:
    """A mail program that has the mail already recognises a second copy."""
    once, again = composed(outbound()), composed(outbound(attempt=3))
    assert once["Message-ID"] == again["Message-ID"]
    assert once["Date"] == again["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"
    assert once["Message-ID"] != composed(outbound(key="out-8"))["Message-ID"]


@pytest.mark.parametrize(
    ("subject", "thread", "shown"),
    [
        ("Where is it?", ("<q@x>",), "Re: Where is it?"),
        ("Re: Where is it?", ("<q@x>",), "Re: Where is it?"),
        ("AW: RE: Re[2]: Where is it?", ("<q@x>",), "Re: Where is it?"),
        ("RES: Antwort: Where is it?", ("<q@x>",), "Re: Where is it?"),
        ("رد: Where is it?", ("<q@x>",), "Re: Where is it?"),
        ("Where is it?", (), "Where is it?"),
        ("Größe M – für Jörg", ("<q@x>",), "Re: Größe M – für Jörg"),
        (None, (), "Your message"),
        ("Re:", ("<q@x>",), "Your message"),
        ("Return of my lamp", ("<q@x>",), "Re: Return of my lamp"),
    ],
)
def test_the_subject_is_kept_with_one_re(
    subject: str | None, thread: tuple[str, ...], shown: str
) -> None:
    """Reply prefixes of any language become one "Re:"."""
    assert composed(outbound(subject=subject, thread=thread))["Subject"] == shown


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "auto-replied"),
        ({"thread": ()}, "auto-generated"),
        ({"survey": SurveyQuestion()}, "auto-generated"),
        ({"author": "agent", "automatic": False}, None),
    ],
)
def test_automatic_mail_is_marked(changes: dict[str, object], says: str | None) -> None:
    """RFC 3834: the bot's replies and follow-ups are marked, a person's answer is not."""
    mail = composed(outbound(**changes))
    assert mail["Auto-Submitted"] == says
    assert mail["X-Auto-Response-Suppress"] == ("All" if says else None)


def test_our_own_mail_sent_back_is_automatic() -> None:
    """Our own Message-IDs mark a loop at the first mail."""
    raw = compose(outbound(automatic=False), (), LOOK).as_bytes()
    back = raw.replace(b"From: Lindenhof Shop <help@lindenhof.example>", b"From: <a@b.example>")
    assert parse(back, own_addresses=OURS).automatic == "it is our own mail, sent back to us"
    assert re.fullmatch(r"<[0-9a-f]{32}\.warmline@x\.example>", message_id("k", "x.example"))


def test_the_text_comes_as_plain_text_and_as_html() -> None:
    """The same words twice; in HTML escaped, with links, and nothing else."""
    mail = composed(outbound("Dear <Anna> & co,\nsee https://shop.example/a?b=1&c=2.\n\nBye"))
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().replace("\r", "") == (
        "Dear <Anna> & co,\nsee https://shop.example/a?b=1&c=2.\n\nBye\n"
    )
    page = rich.get_content()
    assert "Dear &lt;Anna&gt; &amp; co,<br>" in page
    assert ">https://shop.example/a?b=1&amp;c=2</a>." in page
    assert page.count("<p") == 2


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r", "")


def html_of(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def test_the_customers_words_stand_below_the_answer() -> None:
    """In the language of the mail, marked as a quotation, and cut when they are long."""
    mail = composed(outbound("It is on its way.", question="Where is it?\n\n<b>Anna</b>"))
    assert text_of(mail) == "It is on its way.\n\nYou wrote:\n> Where is it?\n>\n> <b>Anna</b>\n"
    page = html_of(mail)
    assert page.index("It is on its way.") < page.index("<blockquote") < page.index("Where is it?")
    assert "&lt;b&gt;Anna" in page
    long = text_of(composed(outbound("Yes.", question="a word " * 1000)))
    assert len(long) < MAX_QUOTE + 50
    assert long.endswith("a word ...\n")


def test_a_survey_quotes_nothing() -> None:
    """It asks about the whole conversation; nor does a mail with `quote` switched off."""
    survey = outbound("How was it?", question="Thanks!", survey=SurveyQuestion())
    assert text_of(composed(survey)) == "How was it?\n"
    off = replace(LOOK, quote=False)
    assert text_of(composed(outbound("Yes.", question="Really?"), look=off)) == "Yes.\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_of_the_bot_says_how_to_reach_a_person(language: str) -> None:
    """In every language, unless a person has the conversation or is coming."""
    mail = composed(outbound("Yes.", language=language, with_bot=True, question="?"))
    assert PERSON[language] in text_of(mail)
    assert PERSON[language] in html.unescape(html_of(mail))
    assert YOU_WROTE[language] in text_of(mail)
    assert PERSON[language] not in text_of(composed(outbound("Yes.", language=language)))
    direction = "rtl" if language == "ar" else "ltr"
    assert f'lang="{language}" dir="{direction}"' in html_of(mail)


def test_a_mail_shows_the_name_or_the_logo() -> None:
    """The logo comes with the mail: no mail program has to fetch it."""
    assert ">Lindenhof Shop</td>" in re.sub(r"\s+<", "<", html_of(composed(outbound())))
    mail = composed(outbound(), look=replace(LOOK, logo=LOGO))
    assert '<img src="cid:logo" alt="Lindenhof Shop"' in html_of(mail)
    [image] = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert (image["Content-ID"], image.get_content()) == ("<logo>", LOGO.data)
    assert not list(mail.iter_attachments())


def test_the_footer_is_a_signature() -> None:
    """Below the line that mail programs know, so that they hide it in answers."""
    mail = composed(outbound("Yes.", question="Really?"), look=replace(LOOK, footer=FOOTER))
    assert text_of(mail) == f"Yes.\n\n-- \n{FOOTER}\n\nYou wrote:\n> Really?\n"
    assert "3 Quay Street<br>" in html_of(mail)
    assert "&lt;b&gt;" in html_of(mail)


def test_all_styles_stand_at_their_tags() -> None:
    """Gmail keeps no classes of ours in a forwarded mail, and Outlook lays out only tables."""
    page = html_of(composed(outbound("See https://a.example", question="b", with_bot=True)))
    body = page[page.index("<body") :]
    for tag in re.findall(r"<(?:td|p|a|blockquote)[ >][^>]*", body):
        assert "style=" in tag or tag.startswith("<td><![endif]"), tag  # only for Outlook
    assert "<div" not in body


@pytest.mark.parametrize(
    ("name", "size", "problem"),
    [
        ("logo.svg", 10, "mail programs show .png, .jpg, .jpeg, .gif"),
        ("logo.png", 100_001, "at most 100000"),
        ("none.png", 0, "No such file"),
    ],
)
def test_a_logo_that_cannot_be_shown_is_refused(
    tmp_path: Path, name: str, size: int, problem: str
) -> None:
    """With what to use instead."""
    if size:
        (tmp_path / name).write_bytes(b"x" * size)
    section = SECTION | {"look": {"logo": str(tmp_path / name)}}
    with pytest.raises((ValidationError, WarmlineError), match=re.escape(problem)):
        MailLook.from_settings(EmailSettings.model_validate(section))


def test_attachments_are_sent_unchanged() -> None:
    """Bytes are unchanged; types that a mail program would interpret become octet-stream."""
    files = (
        File(name="Rechnung für Anna.pdf", media_type="application/pdf", data=b"%PDF\r\n.\r\n\x00"),
        File(name="x.eml\r\nX-Evil: 1", media_type="message/rfc822", data=b"Subject: a\n"),
        File(name="", media_type="a/b/c; d=e", data=b"z"),
    )
    got = [
        (part.get_filename(), part.get_content_type(), part.get_content())
        for part in composed(outbound(), files).iter_attachments()
    ]
    assert got == [
        ("Rechnung für Anna.pdf", "application/pdf", files[0].data),
        ("x.eml X-Evil: 1", "application/octet-stream", files[1].data),
        ("file", "application/octet-stream", b"z"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "anna",
        "a b@c.example",
        "a@b.example\r\nBcc: c@d.example",
        "=?utf-8?q?=0ABcc:_x?=@d.example",
    ],
)
def test_an_invalid_address_is_undeliverable(value: str) -> None:
    """The message is undeliverable, and the address unreachable."""
    message = outbound(address=Address(channel="email", value=value))
    with pytest.raises(Undeliverable) as refused:
        composed(message)
    assert refused.value.unreachable


_any = st.text(st.characters(exclude_categories=[]), max_size=80) | st.sampled_from(
    [
        "a\r\nBcc: evil@x.example",
        "a\nX: y\n\nbody",
        "=?utf-8?q?=0ABcc:_x?=",
        "<=?utf-8?q?=0AX:y?=@x>",
        "=??Q?=0A0:",
        "\x00",
    ]
)

_files = st.builds(File, name=_any, media_type=_any, data=st.just(b"d"))


@settings(max_examples=120, deadline=None)
@given(subject=_any, text=_any, language=_any, remote=_any, file=_files)
def test_no_text_can_add_a_header(
    subject: str, text: str, language: str, remote: str, file: File
) -> None:
    """Whatever a text contains, a mail has only our headers and one recipient."""
    message = outbound(text, subject=subject, language=language, thread=(remote, "<q@x>"))
    mail = composed(message, (file,))
    assert set(mail.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
        *("Auto-Submitted", "X-Auto-Response-Suppress", "Content-Language"),
        *("MIME-Version", "Content-Type"),
    }
    assert len(mail.keys()) == len(set(mail.keys()))
    assert mail["To"] == "anna.berg@example.org"
    assert len(list(mail.iter_attachments())) == 1


@settings(max_examples=120, deadline=None)
@given(
    text=st.text()
    | st.sampled_from(["<script>x</script>", 'https://x.example/"onclick="y', "&#60;"])
)
def test_html_contains_only_text_and_links(text: str) -> None:
    """Markup in the text, in the footer and in the customer's words is escaped."""
    page = html_of(composed(outbound(text, question=text), look=replace(LOOK, footer=text)))
    plain = html_of(composed(outbound("a", question="b"), look=replace(LOOK, footer="c")))
    tags = set(re.findall(r"<\s*(\w+)", page))
    assert tags <= set(re.findall(r"<\s*(\w+)", plain)) | {"br", "a"}
    for attributes in re.findall(r"<a ([^>]*)>", page):
        assert re.fullmatch(
            r'href="https?://[^"<>]*" (class="link" |style="color:#1f5c4d" |rel="[a-z ]*" ?)+',
            attributes + " ",
        )


def test_a_titled_link() -> None:
    """A link in the HTML part, title and address in the plain one; a customer's stays as it is."""
    text = 'See [our <b> "page"](https://shop.example/a?b=1&c=2) [x](javascript:alert(1))'
    mail = composed(outbound(text, question="[Pay](https://evil.example)"))
    plain, rich = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert rich is not None
    assert 'See our <b> "page": https://shop.example/a?b=1&c=2 [x](java' in plain.get_content()
    markup = re.sub(r"\s+", " ", rich.get_content())
    links = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', markup)
    assert ("https://shop.example/a?b=1&amp;c=2", 'our &lt;b&gt; "page"') in links
    assert "Pay" not in [title for _, title in links]
    assert not any("javascript" in url for url, _ in links)
