"""Our reader of replies, and the libraries that it is compared with where they are installed.

The libraries are no dependencies of the project: install those that shall be measured.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from channels.email.html import html_to_text
from channels.email.reply import extract_reply

Reader = Callable[[str, bool], str]
"""Takes a text, and whether it is HTML."""
_LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "sv", "da", "pl", "pt"]


def ours(text: str, html: bool) -> str:
    return extract_reply(html_to_text(text) if html else text)


def _mail_parser_reply(module: Any) -> Reader:
    def read(text: str, html: bool) -> str:
        plain = html_to_text(text) if html else text
        reply = module.EmailReplyParser(languages=_LANGUAGES).parse_reply(plain)
        return str(reply or "")

    return read


def _talon(module: Any) -> Reader:
    def read(text: str, html: bool) -> str:
        if html:
            return html_to_text(str(module.extract_from_html(text)))
        return str(module.extract_from_plain(text))

    return read


def _quotequail(module: Any) -> Reader:
    """The parts that it would show, up to its first quotation."""

    def read(text: str, html: bool) -> str:
        if html:
            parts = module.quote_html(text)
            return html_to_text("".join(part for shown, part in parts if shown))
        return "\n".join(part for shown, part in module.quote(text) if shown)

    return read


def _email_reply_parser(module: Any) -> Reader:
    def read(text: str, html: bool) -> str:
        plain = html_to_text(text) if html else text
        return str(module.EmailReplyParser.parse_reply(plain))

    return read


_LIBRARIES: dict[str, tuple[str, Callable[[Any], Reader]]] = {
    "mail-parser-reply": ("mailparser_reply", _mail_parser_reply),
    "talon": ("talon.quotations", _talon),
    "quotequail": ("quotequail", _quotequail),
    "email-reply-parser": ("email_reply_parser", _email_reply_parser),
}


def readers() -> dict[str, Reader | None]:
    """Name: reader, or None when the library is not installed."""
    found: dict[str, Reader | None] = {"ours": ours}
    for name, (module, adapt) in _LIBRARIES.items():
        try:
            found[name] = adapt(import_module(module))
        except ImportError:
            found[name] = None
    return found
