"""Links with titles: what is one, what is refused, and what plain text makes of it."""

from __future__ import annotations

import pytest

from gateway import plain_link, titled_links, why_unsafe_link, with_titled_links

SHOP = "https://shop.example/returns"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"See [our returns page]({SHOP}) first.", f"See our returns page: {SHOP} first."),
        (f"[{SHOP}]({SHOP})", SHOP),
        ("[a](https://x.example/b_(c)) and [d](http://y.example)",
         "a: https://x.example/b_(c) and d: http://y.example"),
        ("[see above](page 3) [x](y) [z]", "[see above](page 3) [x](y) [z]"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
    ],
)  # fmt: skip
def test_plain_text_has_title_and_address(text: str, shown: str) -> None:
    """Only an address of http or https is a link; everything else stays as it was written."""
    assert with_titled_links(text, plain_link) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"See [our returns page]({SHOP}).",
        f"[shop.example]({SHOP}) [www.shop.example]({SHOP}) [shop.example](https://eu.shop.example)",
        f"[label.pdf]({SHOP}) [Version 2.0, e.g. in No.4471]({SHOP}) [SHOP.example]({SHOP})",
        "[what the customer said] (https is fine) [x](y)",
        "[umlaut](https://müller.example/ü?q=1#top) [port](https://shop.example:8443/)",
    ],
)
def test_harmless_links_are_sent(text: str) -> None:
    """Words, file names, numbers and the link's own host are good titles."""
    assert why_unsafe_link(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[x](javascript:alert(1))", "must lead to an address that begins with https://"),
        ("[x](data:text/html,hi)", "must lead to"),
        ("[x](//evil.example)", "must lead to"),
        ("[x](ftp://shop.example/a)", "must lead to"),
        ("[www.bank.example](https://evil.example)", "names bank.example but leads to evil"),
        ("[https://bank.example/login](https://evil.example)", "names bank.example"),
        ("[Go to bank.example now](https://bank.example.evil.example)", "names bank.example"),
        ("[bаnk.example](https://bank.example)", "names bаnk.example"),
        ("[bank\u2024example](https://evil.example)", "names bank.example"),
        ("[bank。example](https://evil.example)", "names bank.example"),
        ("[..bank.example.](https://evil.example)", "names bank.example"),
        ("[192.0.2.7](https://evil.example)", "names 192.0.2.7"),
        ("[x](https://bank.example@evil.example)", "has a user name"),
        ("[x](https://evil.example\\@bank.example)", "not lead to a valid address"),
        ("[a\u202egnp.exe](https://evil.example)", "invisible character"),
        ("[ ](https://evil.example)", "has no title"),
        ("[x](https://)", "not lead to a valid address"),
        ("[x](https://shop.example:99999/)", "not lead to a valid address"),
    ],
)
def test_misleading_links_are_refused(text: str, why: str) -> None:
    """Other schemes, other hosts in the title, look-alike letters, and tricks in the address."""
    assert why in (why_unsafe_link(f"Hello, {text} please") or "")


def test_a_long_text_takes_no_time() -> None:
    """Brackets without end are read once."""
    assert titled_links("[" * 50_000 + "](" * 20_000) == ()
