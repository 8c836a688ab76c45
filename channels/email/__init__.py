"""E-mail: in by IMAP IDLE, SMTP or LMTP; out by SMTP or into a Maildir. See docs/email.md."""

from __future__ import annotations

from collections.abc import Callable

from channels.email.channel import Email
from channels.email.composing import compose
from channels.email.parse import ParsedMail, parse
from channels.email.reading import EmailReader
from channels.email.settings import EmailSettings
from gateway import Channel, MailReader, Section, Settings, hookimpl

__all__ = ["Email", "EmailReader", "EmailSettings", "ParsedMail", "compose", "parse"]


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.email", EmailSettings, {})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if account := settings.section(EmailSettings):
        for channel in Email.all_from_settings(account, settings):
            register(channel)


@hookimpl
def register_routes(register: Callable[[MailReader], None], settings: Settings) -> None:
    register(EmailReader.from_settings(settings.section(EmailSettings), settings))
