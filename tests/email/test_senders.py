"""Who wrote a mail, by headers as real mail programs and mail lists write them."""

from __future__ import annotations

import pytest

from channels.email import ParsedMail, parse
from channels.email.parse import UNKNOWN_SENDER

from .conftest import OURS

OUR_ID = f"<{7:032x}.warmline@lindenhof.example>"


def read(
    *headers: str, body: str = "The lamp is broken.", envelope: str | None = None
) -> ParsedMail:
    raw = "\r\n".join([*headers, "", body, ""]).encode("utf-8", "surrogateescape")
    return parse(raw, own_addresses=OURS, envelope=envelope)


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("Ines Roth <ines@post.example>", "Ines Roth", "ines@post.example"),
        ("somebody@else.example <ines@post.example>", None, "ines@post.example"),
        ('"somebody@else.example" <ines@post.example>', None, "ines@post.example"),
        ('"<somebody@else.example>" <ines@post.example>', None, "ines@post.example"),
        ("somebody@else.example, Ines Roth <ines@post.example>", "Ines Roth", "ines@post.example"),
        ("somebody@else.example)ines <ines@post.example>", None, "ines@post.example"),
        ('"Roth \\"somebody@else.example\\" Ines" <ines@post.example>',
         "Roth Ines", "ines@post.example"),
        ("(somebody@else.example) ines@post.example", None, "ines@post.example"),
        ("=?utf-8?Q?somebody=40else.example?= <ines@post.example>", None, "ines@post.example"),
        ("=?utf-8?Q?somebody=40else.example=2C?= <ines@post.example>", None, "ines@post.example"),
        ("=?utf-8?Q?R=C3=B6th,_Ines?= <ines@post.example>", "Röth, Ines", "ines@post.example"),
        ("=?iso-8859-1?Q?N=FA=F1ez;_Ana?= <ana@post.example>", "Núñez; Ana", "ana@post.example"),
        ("=?utf-8*es?Q?Mu=C3=B1oz?= <ines@post.example>", "Muñoz", "ines@post.example"),
        ("Roth, Ines <ines@post.example>", "Roth, Ines", "ines@post.example"),
        ("'Ines Roth' <ines@post.example>", "Ines Roth", "ines@post.example"),
        ("ines@post.example", None, "ines@post.example"),
        ("Ines Roth ines@post.example", "Ines Roth", "ines@post.example"),
        ("ines@post.example (Ines Roth)", "Ines Roth", "ines@post.example"),
        ("ines@post.example <Ines Roth>", "Ines Roth", "ines@post.example"),
        ("Ines Roth <ines@post.example", "Ines Roth", "ines@post.example"),
        ('"Ines Roth <ines@post.example>', "Ines Roth", "ines@post.example"),
        ("Ines <mailto:ines@post.example>", "Ines", "ines@post.example"),
        ("Ines < ines@post.example. >", "Ines", "ines@post.example"),
        ("<@relay.example:ines@post.example>", None, "ines@post.example"),
        ("Team: Ines <ines@post.example>;", "Ines", "ines@post.example"),
        ("=?utf-8?B?SW5lcyA8aW5lc0Bwb3N0LmV4YW1wbGU+?=", "Ines", "ines@post.example"),
        ("Zoë 你好 =?utf-8?Q?R=C3=B6th?= <zoe@post.example>", "Zoë 你好 Röth", "zoe@post.example"),
        ("\x1b$B;3ED2V;R\x1b(B <ines@post.example>", "山田花子", "ines@post.example"),
    ],
)  # fmt: skip
def test_the_sender_is_the_address_in_angle_brackets(
    value: str, name: str | None, address: str
) -> None:
    """Never an address of the display name; a name that is an address is not shown as one."""
    mail = read(f"From: {value}")
    assert (mail.name, mail.sender) == (name, address)


@pytest.mark.parametrize(
    "value",
    [
        "a@one.example b@two.example",
        "Ines <a@one.example> <b@two.example>",
        "Ines",
        "<ines>",
        "@",
        "",
    ],
)
def test_a_mail_whose_sender_is_unclear_goes_to_a_person(value: str) -> None:
    """Where several addresses could be meant, none is guessed."""
    mail = read(f"From: {value}")
    assert mail.sender == UNKNOWN_SENDER
    assert mail.unreadable == "its sender is missing or malformed"


def test_two_from_headers_that_differ_name_no_sender() -> None:
    """A forger adds one; the same address twice is one sender."""
    assert read("From: Ines <a@one.example>", "From: b@two.example").sender == UNKNOWN_SENDER
    assert read("From: Ines <a@one.example>", "From: A@one.example").sender == "a@one.example"


@pytest.mark.parametrize(
    "stray",
    [
        "X-Spam: AbC\r\nDeF0123+/==",
        "X-Long: one\r\ntwo three\r\nfour",
        "Received: from mx\r\n(HELO x) by mx.shop.example",
        "Sender : Mira",
        "X-A: 1\r\n: 2",
    ],
)
def test_a_stray_line_among_the_headers_hides_none(stray: str) -> None:
    """The headers after it, and the text, are read as without it."""
    mail = read(stray, "From: Ines <ines@post.example>", "Subject : Broken lamp")
    assert (mail.sender, mail.subject, mail.text) == (
        "ines@post.example",
        "Broken lamp",
        "The lamp is broken.",
    )


def test_blank_lines_before_the_headers_hide_none() -> None:
    """Some gateways put an empty line or a byte order mark first."""
    raw = b"\xef\xbb\xbf\r\n\r\nFrom: ines@post.example\r\nSubject: Lamp\r\n\r\nBroken.\r\n"
    mail = parse(raw)
    assert (mail.sender, mail.subject, mail.text) == ("ines@post.example", "Lamp", "Broken.")


def test_a_text_that_looks_like_headers_stays_text() -> None:
    """Only lines before the first empty line are headers."""
    mail = read("From: ines@post.example", body="My address:\r\n9 Harbour Street\r\nTo: 4th floor")
    assert "9 Harbour Street" in mail.text
    assert "4th floor" in mail.text


@pytest.mark.parametrize(
    "header",
    [
        f"In-Reply-To: {OUR_ID}",
        f"In-Reply-To: {OUR_ID[1:-1]}",
        f"References: <x@post.example> {OUR_ID[:20]}\r\n {OUR_ID[20:]}",
        f"References: x@post.example {OUR_ID[1:-1]}",
        f'In-Reply-To: Your message of "Mon, 4 Mar" {OUR_ID}',
    ],
)
def test_the_thread_is_found_however_an_id_is_written(header: str) -> None:
    """Without angle brackets, and folded in the middle."""
    assert OUR_ID in read("From: ines@post.example", header).thread


@pytest.mark.parametrize(
    "names",
    [
        ["List-Post: <mailto:help@lindenhof.example>"],
        ["Mailing-list: list help@lindenhof.example; contact help+owners@lindenhof.example"],
        ["X-BeenThere: help@lindenhof.example", "List-Unsubscribe: <https://lists.example/u>"],
    ],
)
def test_a_mailing_list_at_our_own_address_is_no_machine(names: list[str]) -> None:
    """A Google Group or a Mailman list that is our help address hands us what people wrote."""
    headers = ["From: Ines <ines@post.example>", "Precedence: list", "List-Id: <help.lindenhof>"]
    assert read(*headers, *names).automatic is None
    other = [name.replace("help@lindenhof", "talk@elsewhere") for name in names]
    assert read(*headers, *other).automatic
    assert read(*headers, *names, "Auto-Submitted: auto-replied").automatic


@pytest.mark.parametrize("kept", ["X-Original-From: Ines Roth <ines@post.example>",
                                  "X-Original-Sender: ines@post.example",
                                  "Reply-To: Ines Roth <ines@post.example>"])  # fmt: skip
def test_our_list_that_puts_itself_into_from_hides_no_customer(kept: str) -> None:
    """Google Groups write "Name via Group" where DMARC would reject the author's address."""
    mail = read(
        "From: 'Ines Roth' via Help <help@lindenhof.example>",
        "Mailing-list: list help@lindenhof.example; contact help+owners@lindenhof.example",
        "List-Post: <https://groups.example/post>, <mailto:help@lindenhof.example>",
        "Precedence: list",
        kept,
    )
    assert (mail.sender, mail.automatic) == ("ines@post.example", None)
    assert mail.name in ("Ines Roth", "'Ines Roth' via Help")


def test_a_stranger_cannot_name_another_author() -> None:
    """X-Original-From counts only in mail of our own list, from our own address."""
    mail = read("From: eve@post.example", "X-Original-From: ines@post.example")
    assert mail.sender == "eve@post.example"
