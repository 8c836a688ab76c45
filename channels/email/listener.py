"""The way in by SMTP or LMTP: aiosmtpd's protocol on our own event loop.

aiosmtpd's Controller would run a second loop in a thread; what we call (`Receiver.take`) belongs
to this one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.email.settings import EmailSettings
from channels.email.tls import offering
from gateway import NotAccepted, WarmlineError

log = structlog.get_logger(__name__)

Take = Callable[[bytes, str], Awaitable[None]]

_LONGEST_LINE = 65_536
_LATER = "451 4.3.0 Not taken in; please try again later"


class Door:
    """What aiosmtpd asks while a mail comes in."""

    def __init__(self, take: Take, settings: EmailSettings) -> None:
        self._take, self._settings = take, settings

    async def handle_RCPT(  # noqa: N802  (aiosmtpd calls it by this name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self._is_ours(address):
            return "550 5.1.1 No such mailbox here"
        if len(envelope.rcpt_tos) >= 100:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802  (aiosmtpd calls it by this name)
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        try:
            await self._take(envelope.original_content or b"", envelope.mail_from or "<>")
        except NotAccepted as error:
            log.warning("mail.not_accepted", error=str(error))
            answer = _LATER
        else:
            answer = "250 2.0.0 Taken in"
        # LMTP answers for each recipient (RFC 2033 section 4.2), SMTP once.
        times = len(envelope.rcpt_tos) if isinstance(server, LMTP) else 1
        return "\r\n".join([answer] * times)

    async def handle_exception(self, error: Exception) -> str:
        log.error("mail.door_failed", exc_info=error)
        return _LATER

    def _is_ours(self, address: str) -> bool:
        local, _, domain = address.lower().rpartition("@")
        plain = f"{local.partition('+')[0]}@{domain}"  # a detail is ours too: RFC 5233
        # RFC 5321 section 4.5.1: everyone must take mail for the postmaster.
        postmaster = plain in {"@postmaster", f"postmaster@{self._settings.mailbox.domain.lower()}"}
        return self._settings.any_recipient or plain in self._settings.ours or postmaster


@asynccontextmanager
async def listening(
    opened: Opened, take: Take, settings: EmailSettings, largest: int
) -> AsyncIterator[None]:
    """Serve who connects while the context is open, and close the door then. ``largest`` bytes
    is announced and enforced."""
    # aiosmtpd logs every command, customers' addresses included, as information.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    door = Door(take, settings)
    open_now: set[_Counted] = set()
    protocol = _Lmtp if settings.lmtp else _Smtp

    def connect() -> SMTP:
        return protocol(
            door,
            open_now=open_now,
            most=settings.smtp_connections,
            data_size_limit=largest,
            enable_SMTPUTF8=True,
            hostname=settings.mailbox.domain,
            ident="Warmline",
            tls_context=opened.tls,
            timeout=300,  # RFC 5321 section 4.5.3.2.7: at least five minutes
            loop=loop,
        )

    server = await loop.create_server(connect, sock=opened.socket)
    try:
        yield
    finally:
        server.close()
        for one in tuple(open_now):
            if one.transport is not None:
                one.transport.close()
        await server.wait_closed()


class _Counted(SMTP):
    """Refuses connections beyond a number, and takes the long lines that mail really has."""

    line_length_limit = _LONGEST_LINE

    def __init__(self, door: Door, *, open_now: set[_Counted], most: int, **told: Any) -> None:
        self._open_now, self._most = open_now, most
        super().__init__(door, **told)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self not in self._open_now and len(self._open_now) >= self._most:
            self._refuse(transport)
            return
        self._open_now.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._open_now:
            self._open_now.discard(self)
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return bool(super().eof_received()) if self in self._open_now else False

    def _refuse(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(b"421 4.7.0 Too many connections; please come back\r\n")
        transport.close()


class _Smtp(_Counted):
    pass


class _Lmtp(_Counted, LMTP):
    pass


class Opened(NamedTuple):
    """A socket that listens, and what it offers by STARTTLS; connections wait for `listening`."""

    socket: socket.socket
    tls: ssl.SSLContext | None


def open_door(settings: EmailSettings) -> Opened:
    """Raises WarmlineError when the port is taken, or the certificate cannot be used."""
    told = settings.smtp_tls
    tls = offering(told.cert, told.key, key="channels.email.smtp_tls") if told else None
    return Opened(_bind(settings.smtp_host, settings.smtp_port or 0), tls)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=100)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} of {host} is taken; free it, or set another (0: any free one)"
        else:
            why = f"cannot listen on {host} port {port}: {error.strerror or error}"
        raise WarmlineError(f"channels.email.smtp_port: {why}") from error
