"""The ways out: a mail server, or a Maildir on disk."""

from __future__ import annotations

import asyncio
import mailbox
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

import aiosmtplib

from channels.email.settings import OutgoingSettings
from channels.email.tls import trusting
from gateway import TryLater, Undeliverable, Unsure

# Enhanced codes (RFC 3463) that say the recipient's address is of no use: bad mailbox, bad
# system, bad syntax, moved, null MX (RFC 7505). The other 5.1.x are about the sender.
_UNREACHABLE = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")


class Out(Protocol):
    """Passes one mail on. Raises TryLater, Undeliverable or Unsure."""

    async def pass_on(self, mail: EmailMessage, *, sender: str, recipient: str) -> None: ...


class SmartHost:
    """Hands mail to a server by SMTP, one connection to a mail."""

    def __init__(self, settings: OutgoingSettings) -> None:
        self._settings = settings
        self._context = trusting(settings.ca_file, key="channels.email.outgoing.ca_file")

    async def pass_on(self, mail: EmailMessage, *, sender: str, recipient: str) -> None:
        data = mail.as_bytes()
        async with self._connected() as server:
            try:
                options = ["SMTPUTF8"] if not recipient.isascii() else []
                encoding = "utf-8" if options else "ascii"
                await server.mail(sender, options=options, encoding=encoding)
                await server.rcpt(recipient, encoding=encoding)
            except aiosmtplib.SMTPResponseException as error:
                raise _refused(error) from error
            except (aiosmtplib.SMTPException, OSError) as error:
                raise TryLater(f"the mail server broke off: {error}") from error
            await self._data(server, data)

    async def greet(self) -> None:
        """Connect and log in, and send nothing. Raises TryLater."""
        async with self._connected():
            pass

    async def _data(self, server: aiosmtplib.SMTP, data: bytes) -> None:
        """From here on a broken connection leaves it open whether the mail was taken."""
        try:
            await server.data(data)
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unsure(f"the mail server broke off after DATA: {error}") from error
        with suppress(aiosmtplib.SMTPException, OSError):
            # It has taken the mail; how the goodbye goes does not matter.
            await server.quit(timeout=1)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        told = self._settings
        # A password must not depend on what somebody between us and the server lets us see.
        starttls = True if told.starttls is None and told.user else told.starttls
        server = aiosmtplib.SMTP(
            hostname=told.host,
            port=told.port,
            username=told.user,
            password=told.password.get_secret_value() if told.password else None,
            use_tls=told.tls,
            start_tls=False if told.tls else starttls,
            tls_context=self._context,
            timeout=told.timeout,
        )
        try:
            try:
                await server.connect()
            except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                # A refused password too: that is ours to mend, not the customer's address.
                raise TryLater(f"mail server {told.host}:{told.port}: {error}") from error
            yield server
        finally:
            server.close()


class MaildirOut:
    """Writes mail into a Maildir, for a demo or another program to fetch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one_at_a_time = asyncio.Lock()

    async def pass_on(self, mail: EmailMessage, *, sender: str, recipient: str) -> None:
        mail["Return-Path"] = f"<{sender}>"
        mail["Delivered-To"] = recipient
        async with self._one_at_a_time:
            try:
                await asyncio.to_thread(self._write, mail.as_bytes())
            except (OSError, mailbox.Error) as error:
                raise TryLater(f"maildir {self._path}: {error}") from error

    def _write(self, data: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        mailbox.Maildir(self._path, create=True).add(data)


def _refused(error: aiosmtplib.SMTPResponseException) -> TryLater | Undeliverable:
    said = " ".join(f"{error.code} {error.message}".split())[:500]
    if error.code < 500:
        return TryLater(said)
    enhanced = error.message.split(maxsplit=1)[0] if error.message.strip() else ""
    about_sender = isinstance(error, aiosmtplib.SMTPSenderRefused)
    return Undeliverable(said, unreachable=enhanced in _UNREACHABLE and not about_sender)
