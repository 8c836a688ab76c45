"""The e-mail channel: customers write to an address of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Self

import structlog

from channels.email.compose import compose
from channels.email.imap import Watcher, knock
from channels.email.listener import Opened, listening, open_door
from channels.email.outgoing import MaildirOut, Out, SmartHost
from channels.email.parse import Bounds
from channels.email.receive import LoopGuard, Receiver
from channels.email.settings import EmailSettings
from gateway import (
    Clock,
    File,
    HealthProblem,
    Outbound,
    Sent,
    Services,
    Settings,
    Traits,
    TryLater,
    WarmlineError,
)

log = structlog.get_logger(__name__)


class Email:
    """Customers reach us by e-mail: through a mailbox we watch, a port we listen on, or both."""

    name = "email"
    traits = Traits(attachments=True, unsure="resend", at_once=8)

    def __init__(
        self, settings: EmailSettings, *, out: Out, largest: int, longest_text: int
    ) -> None:
        self._settings, self._out, self._largest = settings, out, largest
        self._bounds = Bounds(
            parts=settings.max_parts, files=settings.max_attachments, text=longest_text
        )
        self._loops = LoopGuard(most=settings.loop_mails, window=settings.loop_window)
        self._services: Services | None = None
        self._watcher: Watcher | None = None
        self._door: Opened | None = None
        self._door_trouble: str | None = "the mail door is not open yet"
        self._elsewhere = False
        self.smtp_port: int | None = None
        """The port that the listener is bound to, while it is."""

    @classmethod
    def from_settings(cls, settings: EmailSettings, all_of_them: Settings) -> Self:
        """Build it. Certificates are relative to the configuration, the Maildir to our data."""
        limits = all_of_them.core.limits
        settings = settings.with_paths(all_of_them.path)
        out: Out
        if settings.outgoing:
            out = SmartHost(settings.outgoing)
        elif settings.maildir:
            out = MaildirOut(all_of_them.data_dir / settings.maildir)
        else:
            raise WarmlineError("channels.email: set either `outgoing` or `maildir`")
        return cls(
            settings,
            out=out,
            largest=min(settings.max_size, limits.attachment),
            longest_text=limits.text,
        )

    async def open(self) -> None:
        """Claim the port of the mail door, if any. Raises WarmlineError when it is taken."""
        if self._settings.smtp_port is None:
            return
        try:
            self._door = open_door(self._settings)
        except WarmlineError as error:
            self._door_trouble = str(error)
            raise
        self.smtp_port = self._door.socket.getsockname()[1]

    def hints(self, url: str) -> Iterable[str]:  # noqa: ARG002  (mail has a door of its own)
        """Where mail comes in by itself."""
        if self.smtp_port is not None:
            by = "LMTP" if self._settings.lmtp else "SMTP"
            to = self._settings.mailbox.addr_spec
            yield f"Write  {by} {self._settings.smtp_host}:{self.smtp_port}, to {to}"

    async def run(self, services: Services) -> None:
        """Take mail in at our port until cancelled. Raises WarmlineError when it is taken."""
        self._services = services
        async with AsyncExitStack() as stack:
            if services.serves_http:
                await self._open_door(self._receiver(services), stack)
            else:
                self._door_trouble = None
            await asyncio.get_running_loop().create_future()

    async def watch(self, services: Services) -> None:
        """Take in what comes to the mailbox, if there is one, until cancelled."""
        self._elsewhere = False
        if self._settings.imap is None:
            await asyncio.get_running_loop().create_future()
            return
        take = self._receiver(services).take
        self._watcher = Watcher(self._settings.imap, take, services.clock, largest=self._largest)
        try:
            await self._watcher.run()
        finally:
            self._watcher = None

    def stand_by(self) -> None:
        self._elsewhere = True

    async def send(self, message: Outbound) -> Sent:
        """Hand one message on, always under the same Message-ID."""
        files = await self._files(message)
        mailbox = self._settings.mailbox
        mail = await asyncio.to_thread(
            compose, message, files, sender=mailbox, subject=self._settings.subject
        )
        await self._out.pass_on(mail, sender=mailbox.addr_spec, recipient=message.address.value)
        return Sent(remote_id=str(mail["Message-ID"]))

    async def trouble(self) -> str | None:
        """What keeps customers' mail from coming in."""
        if self._settings.smtp_port is not None and self._door_trouble:
            return self._door_trouble
        if self._settings.imap and not self._elsewhere:
            return self._watcher.trouble if self._watcher else "the mailbox is not watched yet"
        return None

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (a Checkup)
        """Whether the mailbox and the mail server take our passwords."""
        fix = "see its host, port, user and password in `channels.email`"
        found = []
        if self._settings.imap and (trouble := await knock(self._settings.imap)):
            found.append(HealthProblem(what=trouble, fix=fix))
        if isinstance(self._out, SmartHost):
            try:
                await self._out.greet()
            except TryLater as error:
                found.append(HealthProblem(what=str(error), fix=fix))
        return found

    def _receiver(self, services: Services) -> Receiver:
        return Receiver(
            services,
            channel=self.name,
            ours=self._settings.ours,
            bounds=self._bounds,
            largest=self._largest,
            loops=self._loops,
        )

    async def _open_door(self, receiver: Receiver, stack: AsyncExitStack) -> None:
        if self._door is None:
            await self.open()
        if self._door is None:
            return
        door, self._door = self._door, None

        async def take(raw: bytes, envelope: str) -> None:
            await receiver.take(raw, envelope=envelope)

        def shut() -> None:
            self.smtp_port, self._door_trouble = None, "the mail door is shut"

        await stack.enter_async_context(listening(door, take, self._settings, self._largest))
        self._door_trouble = None
        stack.callback(shut)
        protocol = "lmtp" if self._settings.lmtp else "smtp"
        log.info("mail.listening", host=self._settings.smtp_host, port=self.smtp_port, by=protocol)

    async def _files(self, message: Outbound) -> tuple[File, ...]:
        if not message.attachments:
            return ()
        if self._services is None:
            raise TryLater("the e-mail channel has not started yet")
        return tuple(
            [
                File(
                    name=one.name,
                    media_type=one.media_type,
                    data=await self._services.files.open(one.digest),
                )
                for one in message.attachments
            ]
        )
