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
PARALLEL = 3
"""Mails of the largest size that may arrive at once. Each costs some five times its size."""
LEAST_BUDGET = 20_000_000
USUAL_SIZE = 100_000
"""Bytes that a mail of undeclared size counts for; nearly every mail server declares it."""
WAIT = 120.0
"""Seconds that a mail waits for others, of the five minutes that its sender has (RFC 5321, section
4.5.3.2.2)."""
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
        budget = ByteBudget(max(PARALLEL * max_bytes, LEAST_BUDGET))
        handler = SmtpHandler(store=store, settings=settings, budget=budget)
        connections: set[_LimitedSmtp] = set()
        protocol = _LimitedLmtp if settings.lmtp else _LimitedSmtp

        def connect() -> SMTP:
            return protocol(
                handler,
                connections=connections,
                max_connections=settings.smtp_connections,
                max_each=settings.smtp_connections_each,
                budget=budget,
                data_size_limit=max_bytes,
                enable_SMTPUTF8=True,
                hostname=settings.mailbox.domain,
                ident="Warmline",
                tls_context=self.tls,
                # The default is what RFC 5321, section 4.5.3.2.7, asks for: five minutes.
                timeout=settings.smtp_silence,
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
    budget: ByteBudget

    async def handle_MAIL(  # noqa: N802  (aiosmtpd calls it by this name)
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not await self.budget.reserve(server, _declared_size(options)):
            return "452 4.3.1 Too many large mails at once; please try again later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

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
        finally:
            self.budget.release(server)
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


def _declared_size(options: list[str]) -> int:
    """The size that the client declares (RFC 1870), else a usual one."""
    for option in options:
        name, _, value = option.partition("=")
        if name.upper() == "SIZE" and value.isdecimal() and len(value) < 12:
            return int(value)
    return USUAL_SIZE


class ByteBudget:
    """How many bytes of mail may be on their way into memory at once. A mail waits for its share;
    one that is larger than ``most`` waits until it is alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[object, int] = {}
        self._released = asyncio.Event()

    async def reserve(self, owner: object, size: int) -> bool:
        """Reserve ``size`` bytes for the next mail of ``owner``; False when others have not made
        room within `WAIT` seconds."""
        self.release(owner)
        size = min(size, self._most)
        try:
            async with asyncio.timeout(WAIT):
                while sum(self._held.values()) + size > self._most:
                    self._released.clear()
                    await self._released.wait()
        except TimeoutError:
            return False
        self._held[owner] = size
        return True

    def release(self, owner: object) -> None:
        """Its mail is stored or given up."""
        if self._held.pop(owner, None) is not None:
            self._released.set()


class _LimitedSmtp(SMTP):
    """Limits the connections, also of each address, and accepts the long lines of real mail."""

    line_length_limit = _MAX_LINE

    def __init__(
        self,
        handler: SmtpHandler,
        *,
        connections: set[_LimitedSmtp],
        max_connections: int,
        max_each: int,
        budget: ByteBudget,
        **options: Any,
    ) -> None:
        self._connections, self._max_connections = connections, max_connections
        self._max_each, self._budget = max_each, budget
        self.address: str | None = None
        super().__init__(handler, **options)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else None
        if self not in self._connections and self._is_full():
            if isinstance(transport, asyncio.WriteTransport):
                transport.write(b"421 4.7.0 Too many connections; please try again later\r\n")
            transport.close()
            return
        self._connections.add(self)
        super().connection_made(transport)

    def _is_full(self) -> bool:
        of_address = sum(other.address == self.address for other in self._connections)
        return len(self._connections) >= self._max_connections or of_address >= self._max_each

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._connections:
            self._connections.discard(self)
            self._budget.release(self)
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return bool(super().eof_received()) if self in self._connections else False


class _LimitedLmtp(_LimitedSmtp, LMTP):
    pass
