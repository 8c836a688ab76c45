"""Mail that another server delivers by SMTP or LMTP: aiosmtpd's protocol on our own event loop.

aiosmtpd's Controller would run a second loop in a thread, but `MailIntake.store` belongs to ours.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.email.settings import EmailSettings
from gateway import NotAccepted, WarmlineError

log = structlog.get_logger(__name__)

StoreEnveloped = Callable[[bytes, str, Sequence[str]], Awaitable[None]]
"""Stores a mail with its SMTP sender and recipients; returns once it is committed, or raises
NotAccepted."""

_MAX_LINE = 65_536
_TRY_LATER = "451 4.3.0 Not stored; please try again later"


class SmtpListener(NamedTuple):
    """A bound socket and the TLS context for STARTTLS. Connections wait until `serve`."""

    socket: socket.socket
    tls: ssl.SSLContext | None

    @classmethod
    def bind(cls, settings: EmailSettings) -> SmtpListener:
        """Bind the configured port. Raises WarmlineError when it is taken, or when the
        certificate cannot be used."""
        tls = settings.smtp_tls.tls_context() if settings.smtp_tls else None
        host, port = settings.smtp_host, settings.smtp_port or 0
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return cls(socket.create_server((host, port), family=family, backlog=100), tls)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"port {port} of {host} is taken; free it, or set another (0: any free one)"
            else:
                why = f"cannot listen on {host} port {port}: {error.strerror or error}"
            raise WarmlineError(f"channels.email.smtp_port: {why}") from error

    @asynccontextmanager
    async def serve(
        self, store: StoreEnveloped, settings: EmailSettings, max_bytes: int
    ) -> AsyncIterator[None]:
        """Serve connections while the context is open, then close the socket. A mail may have
        ``max_bytes``: the limit is announced and enforced."""
        # aiosmtpd logs every command, customers' addresses included, as information.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        handler = SmtpHandler(store=store, settings=settings)
        connections: set[_LimitedSmtp] = set()
        protocol = _LimitedLmtp if settings.lmtp else _LimitedSmtp

        def connect() -> SMTP:
            return protocol(
                handler,
                connections=connections,
                max_connections=settings.smtp_connections,
                data_size_limit=max_bytes,
                enable_SMTPUTF8=True,
                hostname=settings.mailbox.domain,
                ident="Warmline",
                tls_context=self.tls,
                timeout=300,  # RFC 5321 section 4.5.3.2.7: at least five minutes
                loop=loop,
            )

        server = await loop.create_server(connect, sock=self.socket)
        try:
            yield
        finally:
            server.close()
            for connection in tuple(connections):
                if connection.transport is not None:
                    connection.transport.close()
            await server.wait_closed()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpHandler:
    """Answers aiosmtpd's questions while a mail arrives."""

    store: StoreEnveloped
    settings: EmailSettings

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
            content = envelope.original_content or b""
            await self.store(content, envelope.mail_from or "<>", envelope.rcpt_tos)
        except NotAccepted as error:
            log.warning("mail.not_accepted", error=str(error))
            answer = _TRY_LATER
        else:
            answer = "250 2.0.0 Stored"
        # LMTP answers for each recipient (RFC 2033 section 4.2), SMTP once.
        times = len(envelope.rcpt_tos) if isinstance(server, LMTP) else 1
        return "\r\n".join([answer] * times)

    async def handle_exception(self, error: Exception) -> str:
        log.error("mail.listener_failed", exc_info=error)
        return _TRY_LATER

    def _is_ours(self, address: str) -> bool:
        local, _, domain = address.lower().rpartition("@")
        plain = f"{local.partition('+')[0]}@{domain}"  # without the detail (RFC 5233)
        # RFC 5321 section 4.5.1: everyone must take mail for the postmaster.
        postmaster = plain in {"@postmaster", f"postmaster@{self.settings.mailbox.domain.lower()}"}
        return self.settings.any_recipient or plain in self.settings.every_address or postmaster


class _LimitedSmtp(SMTP):
    """Limits the number of connections, and accepts the long lines that real mail has."""

    line_length_limit = _MAX_LINE

    def __init__(
        self,
        handler: SmtpHandler,
        *,
        connections: set[_LimitedSmtp],
        max_connections: int,
        **options: Any,
    ) -> None:
        self._connections, self._max_connections = connections, max_connections
        super().__init__(handler, **options)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self not in self._connections and len(self._connections) >= self._max_connections:
            if isinstance(transport, asyncio.WriteTransport):
                transport.write(b"421 4.7.0 Too many connections; please try again later\r\n")
            transport.close()
            return
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._connections:
            self._connections.discard(self)
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return bool(super().eof_received()) if self in self._connections else False


class _LimitedLmtp(_LimitedSmtp, LMTP):
    pass
