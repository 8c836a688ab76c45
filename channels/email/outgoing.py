"""Mail that we send: handed to a mail server or a Maildir, once for each message, alarm or
digest."""

from __future__ import annotations

import asyncio
import hashlib
import mailbox
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

import aiosmtplib
import msgspec
import structlog

from channels.email.composing import MAIL_POLICY, message_id
from channels.email.settings import OutgoingSettings
from gateway import (
    Digest,
    Message,
    Outdated,
    QueueItem,
    Services,
    StoredValue,
    TryLater,
    Undeliverable,
    Unsure,
    Value,
    priority_label,
    private_folder,
    reason_label,
)

log = structlog.get_logger(__name__)

_STORAGE = "channels.email"
_LOOK_EVERY = 60.0
"""Seconds between looks for alarms and digests that no event announced."""

# Enhanced codes (RFC 3463) that say the recipient's address is of no use: bad mailbox, bad
# system, bad syntax, moved, null MX (RFC 7505). The other 5.1.x are about the sender.
_UNREACHABLE = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")


# -- sending --------------------------------------------------------------------------------------


class MailTransport(Protocol):
    """Sends one mail, to the ``recipient`` and those who get a copy. Raises TryLater, Undeliverable
    or Unsure."""

    async def send(
        self, mail: EmailMessage, *, sender: str, recipient: str, copies: Sequence[str] = ()
    ) -> None: ...


class SmtpTransport:
    """Sends mail through a mail server by SMTP, with one connection for each mail."""

    def __init__(self, settings: OutgoingSettings) -> None:
        self._settings = settings
        self._tls_context = settings.tls_context()

    async def send(
        self, mail: EmailMessage, *, sender: str, recipient: str, copies: Sequence[str] = ()
    ) -> None:
        """One transaction for all: either everybody gets it or nobody. So no repetition reaches
        somebody twice, and nobody is left out unseen."""
        data = mail.as_bytes()
        async with self._connect() as server:
            try:
                ascii_only = all(address.isascii() for address in (recipient, *copies))
                options = [] if ascii_only else ["SMTPUTF8"]
                encoding = "utf-8" if options else "ascii"
                await server.mail(sender, options=options, encoding=encoding)
                await server.rcpt(recipient, encoding=encoding)
                for copy in copies:
                    await _rcpt_copy(server, copy, encoding)
            except aiosmtplib.SMTPResponseException as error:
                raise _rejection(error) from error
            except (aiosmtplib.SMTPException, OSError) as error:
                raise TryLater(f"the connection to the mail server broke: {error}") from error
            await self._send_data(server, data)

    async def check_login(self) -> None:
        """Connect and log in, and send nothing. Raises TryLater."""
        async with self._connect():
            pass

    async def _send_data(self, server: aiosmtplib.SMTP, data: bytes) -> None:
        """From here on a broken connection leaves it open whether the server has the mail."""
        try:
            await server.data(data)
        except aiosmtplib.SMTPResponseException as error:
            raise _rejection(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unsure(f"the connection to the mail server broke after DATA: {error}") from error
        with suppress(aiosmtplib.SMTPException, OSError):
            # The server has the mail; a failed QUIT does not matter.
            await server.quit(timeout=1)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[aiosmtplib.SMTP]:
        settings = self._settings
        # With a password STARTTLS is required: an attacker in between could hide the server's
        # offer of it to get the password in the clear.
        starttls = True if settings.starttls is None and settings.user else settings.starttls
        server = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.user,
            password=settings.password.get_secret_value() if settings.password else None,
            use_tls=settings.tls,
            start_tls=False if settings.tls else starttls,
            tls_context=self._tls_context,
            timeout=settings.timeout,
        )
        try:
            try:
                await server.connect()
            except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                # A refused password too: it is our mistake, not the customer's address.
                raise TryLater(f"mail server {settings.host}:{settings.port}: {error}") from error
            yield server
        finally:
            server.close()


class MaildirTransport:
    """Writes mail into a Maildir, for a demo or for another program to fetch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()

    async def send(
        self,
        mail: EmailMessage,
        *,
        sender: str,
        recipient: str,
        copies: Sequence[str] = (),  # noqa: ARG002  (its Cc names them: there is one file)
    ) -> None:
        mail["Return-Path"] = f"<{sender}>"
        mail["Delivered-To"] = recipient
        async with self._lock:
            try:
                await asyncio.to_thread(self._write, mail.as_bytes())
            except (OSError, mailbox.Error) as error:
                raise TryLater(f"maildir {self._path}: {error}") from error

    def find(
        self, recipients: Collection[str], others: Collection[str] = ()
    ) -> Iterator[tuple[str, bytes]]:
        """The key and the bytes of each mail to one of ``recipients``, but none that left from
        ``others``: mailboxes of ours that may share the Maildir."""
        if not self._path.is_dir():
            return
        folder = self._open()
        for key in folder.keys():  # noqa: SIM118  (a Maildir iterates over its mails)
            with suppress(KeyError, OSError):  # another program moved or deleted it
                content = folder.get_bytes(key)
                headers = BytesHeaderParser().parsebytes(content)
                sender = str(headers["Return-Path"] or "").strip("<>").lower()
                if str(headers["Delivered-To"] or "") in recipients and sender not in others:
                    yield key, content

    def remove(self, recipients: Collection[str], others: Collection[str] = ()) -> int:
        """Delete these mails; return their number."""
        keys = [key for key, _ in self.find(recipients, others)]
        for key in keys:
            self._open().discard(key)
        return len(keys)

    def _write(self, data: bytes) -> None:
        folder = self._open()
        key = folder.add(data)
        with suppress(FileNotFoundError):  # another program may have taken it already
            (self._path / "new" / key).chmod(0o600)

    def _open(self) -> mailbox.Maildir:
        # Maildir makes none of them where the directory exists: a crash could leave a part.
        for name in ("tmp", "new", "cur"):
            private_folder(self._path / name)
        return mailbox.Maildir(self._path)


async def _rcpt_copy(server: aiosmtplib.SMTP, copy: str, encoding: str) -> None:
    """Raises Undeliverable that names the copy: the customer's own address is not to blame."""
    try:
        await server.rcpt(copy, encoding=encoding)
    except aiosmtplib.SMTPResponseException as error:
        if error.code < 500:
            raise
        answer = " ".join(f"{error.code} {error.message}".split())[:400]
        raise Undeliverable(f"the copy to {copy} was refused: {answer}") from error


def _rejection(error: aiosmtplib.SMTPResponseException) -> TryLater | Undeliverable:
    answer = " ".join(f"{error.code} {error.message}".split())[:500]
    if error.code < 500:
        return TryLater(answer)
    enhanced_code = error.message.split(maxsplit=1)[0] if error.message.strip() else ""
    about_sender = isinstance(error, aiosmtplib.SMTPSenderRefused)
    return Undeliverable(answer, unreachable=enhanced_code in _UNREACHABLE and not about_sender)


# -- alarms ---------------------------------------------------------------------------------------


class AlarmMails:
    """Mails alarms to the people who are named in the settings, each once.

    The desk's queue says which alarms there are, so none is lost by a crash. What was mailed is
    stored. A mail whose fate is not known is sent again, with the same Message-ID.
    """

    def __init__(
        self,
        services: Services,
        *,
        transport: MailTransport,
        sender: MailAddress,
        recipients: Sequence[str],
    ) -> None:
        self._services, self._transport = services, transport
        self._sender, self._recipients = sender, recipients
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled: at each alarm, and regularly for what no event announced."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look_regularly())
            group.create_task(self._work())

    async def send_due(self) -> None:
        """Send every alarm of the queue that was not sent yet."""
        for item in await self._services.desk.queue():
            if all(reason.code != "harm" for reason in item.handoff.reasons):
                continue
            card = await self._services.desk.card(item.conversation.id)
            for message in card.messages:
                if message.purpose == "alarm":
                    for recipient in self._recipients:
                        await self._send(message, item, recipient)

    async def _listen(self) -> None:
        async with self._services.events.listen("desk") as events:
            async for event in events:
                if event.name == "alarm":
                    self._wake.set()

    async def _look_regularly(self) -> None:
        while True:
            self._wake.set()
            await self._services.clock.sleep(_LOOK_EVERY)

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.send_due()
            except Exception:
                log.exception("mail.alarm_failed")  # the next round tries again

    async def _send(self, message: Message, item: QueueItem, recipient: str) -> None:
        key = f"alarm/{message.id}/{hashlib.sha256(recipient.encode()).hexdigest()[:16]}"
        storage, conversation = self._services.storage, item.conversation.id
        if await storage.get(_STORAGE, key) is not None:
            return
        mail = alarm_mail(message, item, sender=self._sender, recipient=recipient)
        try:
            await self._transport.send(mail, sender=self._sender.addr_spec, recipient=recipient)
        except Undeliverable as error:
            log.error("mail.alarm_refused", conversation=conversation, error=str(error))  # noqa: TRY400
        except (TryLater, Unsure) as error:
            log.warning("mail.alarm_later", conversation=conversation, error=str(error))
            return
        await storage.put(_STORAGE, key, "sent", conversation=conversation)


def alarm_mail(
    message: Message, item: QueueItem, *, sender: MailAddress, recipient: str
) -> EmailMessage:
    """The mail about one alarm: ids and reasons, none of the customer's words."""
    conversation, handoff = item.conversation, item.handoff
    mail = EmailMessage(policy=MAIL_POLICY)
    mail["From"] = sender
    mail["To"] = MailAddress(addr_spec=recipient)
    mail["Subject"] = f"Alarm: conversation {conversation.id} speaks of harm"
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = message_id(f"alarm {message.id} {recipient}", sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Importance"] = "high"
    reasons = ", ".join(reason_label(reason.code) for reason in handoff.reasons)
    mail.set_content(
        f"{message.text}.\n\n"
        f"Conversation: {conversation.id}, on {conversation.address.channel}\n"
        f"Waiting since: {item.waiting_since:%Y-%m-%d %H:%M} UTC\n"
        f"Priority: {priority_label(handoff.priority)}\n"
        f"Reasons: {reasons}\n\n"
        "Please claim it at the desk and answer.\n",
        cte="quoted-printable",
    )
    return mail


# -- digests --------------------------------------------------------------------------------------


class WaitingDigest(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A digest that is to be mailed, and to whom it was. Once all have it only ``done`` is left."""

    title: str = ""
    lines: tuple[str, ...] = ()
    url: str = ""
    at: datetime | None = None
    sent: tuple[str, ...] = ()
    done: bool = False


class DigestMails:
    """Mails digests to the people who are named in the settings, each once. They are stored first,
    so an outage of the mail server only delays them."""

    def __init__(
        self,
        services: Services,
        *,
        transport: MailTransport,
        sender: MailAddress,
        recipients: Sequence[str],
    ) -> None:
        self._services, self._transport = services, transport
        self._sender, self._recipients = sender, recipients
        self._wake = asyncio.Event()

    async def add(self, digest: Digest) -> None:
        """Store a digest; a second one with the same id is ignored."""
        waiting = WaitingDigest(
            title=digest.title, lines=digest.lines, url=digest.url, at=self._services.clock.now()
        )
        with suppress(Outdated):
            await self._services.storage.put(
                _STORAGE, f"digest/{digest.id}", msgspec.json.encode(waiting).decode()
            )
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled: at each digest, and regularly for what another process stored."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_regularly())
            group.create_task(self._work())

    async def send_due(self) -> None:
        """Send every digest to everybody who has not got it yet."""
        after = ""
        while page := await self._services.storage.scan(_STORAGE, "digest/", after=after):
            for entry in page:
                waiting = msgspec.json.decode(entry.value, type=WaitingDigest)
                if not waiting.done:
                    await self._send(entry, waiting)
            after = page[-1].key

    async def _look_regularly(self) -> None:
        while True:
            self._wake.set()
            await self._services.clock.sleep(_LOOK_EVERY)

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.send_due()
            except Exception:
                log.exception("mail.digest_failed")  # the next round tries again

    async def _send(self, entry: StoredValue, waiting: WaitingDigest) -> None:
        for recipient in self._recipients:
            if recipient in waiting.sent:
                continue
            mail = digest_mail(waiting, entry.key, sender=self._sender, recipient=recipient)
            try:
                await self._transport.send(mail, sender=self._sender.addr_spec, recipient=recipient)
            except Undeliverable as error:
                log.error("mail.digest_refused", id=entry.key, error=str(error))  # noqa: TRY400
            except (TryLater, Unsure) as error:
                log.warning("mail.digest_later", id=entry.key, error=str(error))
                continue
            waiting = waiting.replace(sent=(*waiting.sent, recipient))
            entry = await self._keep(entry, waiting)
        if set(self._recipients) <= set(waiting.sent):
            await self._keep(entry, WaitingDigest(done=True))

    async def _keep(self, entry: StoredValue, waiting: WaitingDigest) -> StoredValue:
        value = msgspec.json.encode(waiting).decode()
        return await self._services.storage.put(_STORAGE, entry.key, value, version=entry.version)


def digest_mail(
    waiting: WaitingDigest, key: str, *, sender: MailAddress, recipient: str
) -> EmailMessage:
    """A digest as a mail; every attempt has the same Message-ID."""
    mail = EmailMessage(policy=MAIL_POLICY)
    mail["From"] = sender
    mail["To"] = MailAddress(addr_spec=recipient)
    mail["Subject"] = waiting.title
    mail["Date"] = format_datetime(waiting.at or datetime.now(UTC))
    mail["Message-ID"] = message_id(f"{key} {recipient}", sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    rest = f"\nThe whole report: {waiting.url}\n" if waiting.url else ""
    text = "".join(f"- {line}\n" for line in waiting.lines)
    mail.set_content(f"{waiting.title}\n\n{text}{rest}", cte="quoted-printable")
    return mail
