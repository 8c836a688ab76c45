"""The e-mail channel: customers write to an address of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Self

import structlog

from channels.email.automatic import LoopGuard
from channels.email.composing import MailLook, compose
from channels.email.headers import normalize_address
from channels.email.imap import MailboxWatcher, check_login
from channels.email.intake import MailboxNames, MailIntake, MailReceiver
from channels.email.listener import SmtpListener
from channels.email.outgoing import (
    AlarmMails,
    DigestMails,
    MaildirTransport,
    MailTransport,
    SmtpTransport,
)
from channels.email.parse import ParseLimits
from channels.email.settings import EmailSettings, LookSettings
from gateway import (
    Address,
    Clock,
    Digest,
    File,
    FileLimits,
    HealthProblem,
    Json,
    Outbound,
    RefusedByChannel,
    Sent,
    Services,
    Settings,
    Traits,
    TryLater,
    WarmlineError,
    channel_key,
)

log = structlog.get_logger(__name__)
MAX_FILES_TOTAL = 18_000_000
"""Bytes of all files of a mail. Gmail and many others take mails of 25 MB (Google Workspace Admin
Help, "Gmail sending limits"), and base64 makes four bytes of three (RFC 2045, 6.8)."""


class Email:
    """Customers reach us by e-mail: through a mailbox we watch, a port we listen on, or both."""

    name = "email"
    traits = Traits(
        attachments=True,
        files=FileLimits(most=20, total=MAX_FILES_TOTAL),
        copies=True,
        subjects=True,
        unsure="resend",
        at_once=8,
        quotes=True,
        suspends=True,
    )

    def __init__(
        self,
        settings: EmailSettings,
        *,
        transport: MailTransport,
        max_bytes: int,
        max_text: int,
        support_address: str = "",
        mailboxes: Mapping[str, Email] | None = None,
        brand: str = "",
    ) -> None:
        """``mailboxes``: the further ones, for whose mail this one is the way in. ``brand``: the
        name of its brand as people read it, if it has one."""
        self.support_address, self._mailboxes = support_address, mailboxes or {}
        self._settings, self._transport, self._max_bytes = settings, transport, max_bytes
        self.look = MailLook.from_settings(settings, brand)
        self._limits = ParseLimits(
            parts=settings.max_parts, files=settings.max_attachments, text=max_text
        )
        self._loop_guard = LoopGuard(max_mails=settings.loop_mails, window=settings.loop_window)
        self._services: Services | None = None
        self._digest_mails: DigestMails | None = None
        self._watcher: MailboxWatcher | None = None
        self._watched_elsewhere = False
        self._listener: SmtpListener | None = None
        self._listener_problem: str | None = "the mail listener is not open yet"
        self.smtp_port: int | None = None
        """The port that the listener is bound to, while it is."""

    @property
    def receives_alarms(self) -> bool:
        """Whether alarms are mailed to somebody; see `AlarmReceiver`."""
        return bool(self._settings.alarm_to)

    def receives_digests(self, brand: str) -> bool:
        """Whether digests about all are mailed to somebody; see `DigestReceiver`."""
        return bool(self._settings.digest_to) and not brand

    async def receive_digest(self, digest: Digest, services: Services) -> None:
        """Store a digest for those who get it by mail; see `DigestReceiver`."""
        await self._digests(services).add(digest)

    def _digests(self, services: Services) -> DigestMails:
        if self._digest_mails is None:
            self._digest_mails = DigestMails(
                services,
                transport=self._transport,
                sender=self._settings.mailbox,
                recipients=self._settings.digest_to,
            )
        return self._digest_mails

    @classmethod
    def all_from_settings(cls, section: EmailSettings, settings: Settings) -> list[Self]:
        """One channel for each mailbox, the first one last: it gets mail for the others."""
        named = {
            name: cls.from_settings(
                _with_own_look(account, name, section, settings), settings, support_address=name
            )
            for name, account in section.accounts().items()
            if name
        }
        return [*named.values(), cls.from_settings(section, settings, mailboxes=named)]

    @classmethod
    def from_settings(
        cls,
        section: EmailSettings,
        settings: Settings,
        *,
        support_address: str = "",
        mailboxes: Mapping[str, Email] | None = None,
    ) -> Self:
        """Build the channel. Certificate paths are relative to the configuration file, the
        Maildir to the data directory."""
        limits = settings.core.limits
        section = section.with_paths(settings.path)
        brands = settings.brands
        brand = brands.by_key(channel_key(cls.name, support_address))
        transport: MailTransport
        if section.outgoing:
            transport = SmtpTransport(section.outgoing)
        elif section.maildir:
            transport = MaildirTransport(settings.data_dir / section.maildir)
        else:
            raise WarmlineError("channels.email: set either `outgoing` or `maildir`")
        return cls(
            section,
            transport=transport,
            max_bytes=min(section.max_size, limits.attachment),
            max_text=limits.text,
            support_address=support_address,
            mailboxes=mailboxes,
            brand=brands.title(brand),
        )

    async def open(self) -> None:
        """Bind the listener's port, if any. Raises WarmlineError when it is taken."""
        if self._settings.smtp_port is None:
            return
        try:
            self._listener = SmtpListener.bind(self._settings)
        except WarmlineError as error:
            self._listener_problem = str(error)
            raise
        self.smtp_port = self._listener.socket.getsockname()[1]

    def hints(self, url: str) -> Iterable[str]:  # noqa: ARG002  (mail does not come by HTTP)
        """Where to send mail to try the channel."""
        if self.smtp_port is not None:
            protocol = "LMTP" if self._settings.lmtp else "SMTP"
            recipient = self._settings.mailbox.addr_spec
            yield f"Write  {protocol} {self._settings.smtp_host}:{self.smtp_port}, to {recipient}"

    async def run(self, services: Services) -> None:
        """Take mail at our port until cancelled. Raises WarmlineError when it is taken."""
        self._services = services
        async with AsyncExitStack() as stack:
            if services.serves_http:
                await self._listen(self._receiver(services), stack)
            else:
                self._listener_problem = None
            await asyncio.get_running_loop().create_future()

    async def watch(self, services: Services) -> None:
        """Store mail from the mailbox, if there is one, and mail alarms and digests, until
        cancelled."""
        self._watched_elsewhere = False
        try:
            await self._watch_all(services)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # it names what is wrong; the group does not

    async def _watch_all(self, services: Services) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_mailbox(services))
            if self.receives_alarms:
                alarms = AlarmMails(
                    services,
                    transport=self._transport,
                    sender=self._settings.mailbox,
                    recipients=self._settings.alarm_to,
                )
                group.create_task(alarms.run())
            if self._settings.digest_to:
                group.create_task(self._digests(services).run())

    async def _watch_mailbox(self, services: Services) -> None:
        if self._settings.imap is None:
            await asyncio.get_running_loop().create_future()
            return
        store = self._receiver(services).store_watched
        self._watcher = MailboxWatcher(
            self._settings.imap, store, services.clock, max_bytes=self._max_bytes
        )
        try:
            await self._watcher.run()
        finally:
            self._watcher = None

    def stand_by(self) -> None:
        self._watched_elsewhere = True

    async def send(self, message: Outbound) -> Sent:
        """Send one message; every attempt has the same Message-ID."""
        files = await self._files(message)
        mail = await asyncio.to_thread(compose, message, files, self.look)
        sender = self.look.sender.addr_spec
        await self._transport.send(
            mail, sender=sender, recipient=message.address.value, copies=message.copies
        )
        return Sent(remote_id=str(mail["Message-ID"]))

    async def first_contact(
        self,
        address: Address,
        *,
        known: bool,  # noqa: ARG002  (part of FirstContact)
        files: bool = False,  # noqa: ARG002
    ) -> Address:
        """``address`` in lower case. We may write to any mail address that is not ours."""
        value = normalize_address(address.value)
        if value is None or not _has_domain(value):
            raise RefusedByChannel(f"{address.value[:80]} is not a mail address.")
        if value in self._settings.every_address:
            raise RefusedByChannel(f"{value} is our own address.")
        return address.replace(value=value)

    async def trouble(self) -> str | None:
        """Why customers' mail does not come in, or None."""
        if self._settings.smtp_port is not None and self._listener_problem:
            return self._listener_problem
        if self._settings.imap and not self._watched_elsewhere:
            return self._watcher.problem if self._watcher else "the mailbox is not watched yet"
        return None

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (part of HealthCheck)
        """Whether the mailbox and the mail server accept our passwords."""
        problems = []
        if self._settings.imap and (problem := await check_login(self._settings.imap)):
            problems.append(problem)
        if isinstance(self._transport, SmtpTransport):
            try:
                await self._transport.check_login()
            except TryLater as error:
                problems.append(str(error))
        advice = "check its host, port, user and password in `channels.email`"
        return [HealthProblem(what=problem, fix=advice) for problem in problems]

    async def export_customer(self, addresses: Sequence[Address]) -> Json:
        """The mails to them that lie in our Maildir."""
        transport = self._transport
        if not isinstance(transport, MaildirTransport):
            return []
        own, others = self._own(addresses), self._other_mailboxes
        found = await asyncio.to_thread(lambda: list(transport.find(own, others)))
        return [content.decode("utf-8", "replace") for _, content in found]

    async def erase_customer(self, addresses: Sequence[Address]) -> int:
        """Delete them. (What was sent by a mail server lies with the customer.)"""
        if not isinstance(self._transport, MaildirTransport):
            return 0
        own, others = self._own(addresses), self._other_mailboxes
        return await asyncio.to_thread(self._transport.remove, own, others)

    def _own(self, addresses: Sequence[Address]) -> frozenset[str]:
        key = channel_key(self.name, self.support_address)
        return frozenset(a.value for a in addresses if a.channel_key == key)

    @property
    def _other_mailboxes(self) -> frozenset[str]:
        return self._settings.every_address - self.own_addresses

    @property
    def own_addresses(self) -> frozenset[str]:
        """The addresses of this mailbox, lower-case."""
        return self._settings.own_addresses

    def _receiver(self, services: Services) -> MailReceiver:
        mailboxes = {"": self, **self._mailboxes}
        large = asyncio.Semaphore(1)
        return MailReceiver(
            default=self.intake(services, large),
            intakes={name: mailbox.intake(services, large) for name, mailbox in mailboxes.items()},
            names=MailboxNames({n: mailbox.own_addresses for n, mailbox in mailboxes.items()}),
        )

    def intake(self, services: Services, large: asyncio.Semaphore) -> MailIntake:
        """Stores mail that was written to this mailbox. See `MailIntake.large`."""
        return MailIntake(
            services=services,
            channel=self.name,
            support_address=self.support_address,
            own_addresses=self._settings.every_address,
            limits=self._limits,
            max_bytes=self._max_bytes,
            loop_guard=self._loop_guard,
            large=large,
        )

    async def _listen(self, receiver: MailReceiver, stack: AsyncExitStack) -> None:
        if self._listener is None:
            await self.open()
        listener, self._listener = self._listener, None
        if listener is None:
            return

        def close() -> None:
            self.smtp_port, self._listener_problem = None, "the mail listener is closed"

        serving = listener.serve(receiver.store, self._settings, self._max_bytes)
        await stack.enter_async_context(serving)
        self._listener_problem = None
        stack.callback(close)
        protocol = "lmtp" if self._settings.lmtp else "smtp"
        log.info("mail.listening", host=self._settings.smtp_host, port=self.smtp_port, by=protocol)

    async def _files(self, message: Outbound) -> tuple[File, ...]:
        if not message.attachments:
            return ()
        if self._services is None:
            raise TryLater("the e-mail channel has not started yet")
        files = self._services.files
        return tuple(
            [
                File(
                    name=attachment.name,
                    media_type=attachment.media_type,
                    data=await files.open(attachment.digest),
                )
                for attachment in message.attachments
            ]
        )


def _has_domain(value: str) -> bool:
    """Whether the domain can be one of the internet: mail is not sent to `localhost`."""
    return "." in value.rpartition("@")[2]


def _with_own_look(
    account: EmailSettings, name: str, first: EmailSettings, settings: Settings
) -> EmailSettings:
    """``account`` without the logo and the footer of the first mailbox, if that is another
    brand's."""
    brands = settings.brands
    same = brands.by_key("email") == brands.by_key(channel_key("email", name))
    if same or first.mailboxes[name].look is not None:
        return account
    return account.model_copy(update={"look": LookSettings(quote=first.look.quote)})
