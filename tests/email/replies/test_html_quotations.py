"""Quotations in HTML mail: recognised by how each mail program wraps them."""

from __future__ import annotations

import pytest

from channels.email import parse

HEADERS = (
    "<b>From:</b> Shop &lt;help@shop.example&gt;<br><b>Sent:</b> Monday, 2 March 2026 9:20<br>"
    "<b>To:</b> Mira<br><b>Subject:</b> Lamp"
)
OLD = "<div>Old text.</div>"
UNKNOWN = "<div>2/3 9:20, Shop:</div>"
"""An introduction that no list of wordings has: only its place tells."""

PROGRAMS = {
    "gmail": f'<div dir="ltr">Not yet.</div><br><div class="gmail_quote gmail_quote_container">'
    f'<div dir="ltr" class="gmail_attr">{UNKNOWN}</div><blockquote class="gmail_quote" '
    f'style="margin:0px 0px 0px 0.8ex;border-left:1px solid">{OLD}</blockquote></div>',
    "gmail on a phone": f'<div dir="auto">Not yet.</div><div class="gmail_quote">{UNKNOWN}{OLD}'
    "</div>",
    "apple mail": f'<div>Not yet.</div><div><br><blockquote type="cite">{UNKNOWN}{OLD}'
    "</blockquote></div>",
    "thunderbird": f'<p>Not yet.</p><div class="moz-cite-prefix">{UNKNOWN}</div>'
    f'<blockquote type="cite" cite="mid:1@shop.example">{OLD}</blockquote>',
    "outlook on the web": f'<div>Not yet.</div><div id="appendonsend"></div><hr>'
    f'<div id="divRplyFwdMsg" dir="ltr">{HEADERS}</div>{OLD}',
    "outlook in another language": f'<div>Not yet.</div><div id="appendonsend"></div><hr>'
    f'<div id="divRplyFwdMsg" dir="ltr"><b>Feladó:</b> Shop</div>{OLD}',
    "new outlook": f'<div>Not yet.</div><div id="mail-editor-reference-message-container">'
    f"{UNKNOWN}{OLD}</div>",
    "outlook on a phone": '<div>Not yet.</div><div class="ms-outlook-mobile-reference-message">'
    f"{UNKNOWN}{OLD}</div>",
    "outlook on a desk": '<div class="WordSection1"><p>Not yet.</p><div><div style="border:none;'
    f'border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p>{UNKNOWN}</p></div></div>'
    f"<p>Old text.</p></div>",
    "outlook on a mac": f'<div>Not yet.</div><span id="OLK_SRC_BODY_SECTION">{UNKNOWN}{OLD}</span>',
    "yahoo": '<div class="ydp1">Not yet.</div><div id="yahoo_quoted_1" class="yahoo_quoted">'
    f"{UNKNOWN}{OLD}</div>",
    "proton": '<div>Not yet.</div><div class="protonmail_quote">On Monday, March 2nd, 2026 at 9:20 '
    "AM, Shop &lt;help@shop.example&gt; wrote:<br><blockquote "
    f'class="protonmail_quote" type="cite">{OLD}</blockquote></div>',
    "zoho": f'<div>Not yet.</div><div class="zmail_extra">{UNKNOWN}{OLD}</div>',
    "gmx": f'<div>Not yet.</div><div name="quote">{UNKNOWN}{OLD}</div>',
    "spark": f'<div>Not yet.</div><div name="messageReplySection">{UNKNOWN}{OLD}</div>',
    "tuta": "<div>Not yet.</div><div>2 Mar 2026, 09:20 by help@shop.example:</div>"
    f'<blockquote class="tutanota_quote">{OLD}</blockquote>',
    "zimbra": f'<div>Not yet.<br></div><hr id="zwchr" data-marker="__DIVIDER__"><div>{UNKNOWN}'
    f"{OLD}</div>",
    "roundcube": f'<p>Not yet.</p><p id="reply-intro">2/3 9:20, Shop:</p><blockquote type="cite">'
    f"{OLD}</blockquote>",
}


def html_mail(html: str, subject: str = "Re: Lamp") -> bytes:
    return (
        f"From: Mira <mira@mail.example>\r\nSubject: {subject}\r\nMessage-ID: <1@mail.example>\r\n"
        f"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>{html}</body></html>"
    ).encode()


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_a_mail_program_wraps_is_quoted(program: str) -> None:
    """The structure decides, in whatever language the introduction is."""
    assert parse(html_mail(PROGRAMS[program])).text == "Not yet."


def test_answers_between_the_quoted_parts_stay() -> None:
    """Gmail keeps the answers inside of what it wraps."""
    html = (
        '<div dir="ltr">See below.</div><div class="gmail_quote"><div class="gmail_attr">On Mon, 2 '
        "Mar 2026 at 09:20, Shop &lt;help@shop.example&gt; wrote:</div><blockquote "
        'class="gmail_quote">Which size?</blockquote><div>42</div><blockquote class="gmail_quote">'
        "Which colour?</blockquote><div>Blue</div></div>"
    )
    assert parse(html_mail(html)).text == "See below.\n\n42\n\nBlue"


@pytest.mark.parametrize("style", ["margin:0 0 0 40px;border:none;padding:0px", "border-width: 0"])
def test_what_a_customer_indents_stays(style: str) -> None:
    """Indentation is a <blockquote>, too, but without the line of a quotation."""
    html = f'<p>I want:</p><blockquote style="{style}">two lamps</blockquote><p>Mira</p>'
    assert "two lamps" in parse(html_mail(html)).text
    assert ">" not in parse(html_mail(html)).text


@pytest.mark.parametrize("note", ["", "<div>Is this right?</div>"])
@pytest.mark.parametrize(
    ("subject", "html"),
    [
        (
            "Fwd: Lamp",
            (
                '<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message '
                "---------<br>From: <strong>Shop</strong></div><br>One brass lamp.</div>"
            ),
        ),
        (
            "FW: Lampe",
            (
                f'<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">{HEADERS}</div>'
                "<div>One brass lamp.</div>"
            ),
        ),
        (
            "WG: Lampe",
            (
                '<div style="border:none;border-top:solid #E1E1E1 1.0pt">'
                f"<p>{HEADERS}</p></div><p>One brass lamp.</p>"
            ),
        ),
        (
            "Fwd: Lamp",
            (
                '<blockquote type="cite"><div>Begin forwarded message:</div><div><b>From: </b>'
                "Shop</div><br><div>One brass lamp.</div></blockquote>"
            ),
        ),
    ],
)
def test_a_forward_in_html_keeps_its_words(subject: str, html: str, note: str) -> None:
    """With a note and without one: the forwarded words are what the customer shows us."""
    text = parse(html_mail(note + html, subject)).text
    assert "One brass lamp." in text
    assert text.startswith("Is this right?") == bool(note)


def test_a_signature_goes_and_what_is_written_into_it_stays() -> None:
    """Outlook puts the cursor into the signature: words there are the customer's."""
    signature = '<div>A new shade, please.</div><div class="gmail_signature">{}</div>'
    assert parse(html_mail(signature.format("Mira Holt<br>+1 202 555 0147"))).text == (
        "A new shade, please."
    )
    written = parse(html_mail(signature.format("Mira<br>And when do you open tomorrow?"))).text
    assert "when do you open tomorrow?" in written


def test_scripts_and_styles_are_no_text() -> None:
    """Only what a reader of the mail sees is read."""
    html = "<style>p {color: red}</style><p>Lamp &amp; shade</p><script>alert(1)</script>"
    assert parse(html_mail(html)).text == "Lamp & shade"


def test_words_behind_an_embedded_picture_stay() -> None:
    """A picture in the HTML itself takes no room from the words."""
    picture = '<img src="data:image/png;base64,' + "QUJD" * 200_000 + '">'
    raw = (
        "From: Mira <mira@post.example>\r\nContent-Type: text/html\r\n\r\n"
        f"<p>Before.</p>{picture}<p>Which lamp is it?</p>"
    )
    assert parse(raw.encode()).text == "Before.\n\nWhich lamp is it?"
