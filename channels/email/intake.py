"""From a mail's bytes to the inbox: find the mailboxes that it was written to, keep the original,
parse it, keep its files, accept it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import policy
from email.parser import BytesHeaderParser
from email.utils import getaddresses

import structlog

from channels.email.automatic import LoopGuard
from channels.email.bounces import Bounce
from channels.email.parse import ParsedMail, ParseLimits, parse
from gateway import Address, Attachment, Fact, File, Inbound, Receipt, Services, TooLarge

log = structlog.get_logger(__name__)

_MAX_AGE = timedelta(days=30)


LARGE = 64_000
"""Bytes of a mail from which on it is large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailIntake:
    """Stores incoming mail: as messages, or as reports on mail that we sent.

    ``own_addresses`` are ours, lower-case; ``max_bytes`` of each mail are kept.
    """

    services: Services
    channel: str
    own_addresses: frozenset[str]
    limits: ParseLimits
    max_bytes: int
    loop_guard: LoopGuard
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """One large mail is parsed at a time: that takes ten times its size of memory, and several
    threads are no faster."""
    support_address: str = ""

    async def store(self, raw: bytes, envelope: str | None = None) -> None:
        """Store the mail ``raw`` and return once it, or what it reports, is committed.

        ``envelope`` is its SMTP sender where that is known. Raises NotAccepted when the commit
        failed: the caller must then offer the mail again. A mail longer than ``max_bytes`` is
        kept cut off, and goes to a person.
        """
        if len(raw) <= LARGE:
            await self._store(raw, envelope)
            return
        async with self.large:
            await self._store(raw, envelope)

    async def _store(self, raw: bytes, envelope: str | None) -> None:
        kept = raw[: self.max_bytes]
        original = await self.services.files.keep(
            File(name="mail.eml", media_type="message/rfc822", data=kept)
        )
        mail = await self._parse(kept, envelope)
        if len(raw) > self.max_bytes:
            mail = mail.replace(files=(), bounces=(), unreadable=f"over {self.max_bytes} bytes")
        if mail.bounces and await self._report(mail.bounces):
            return
        await self._accept(mail, original.digest)

    async def _parse(self, raw: bytes, envelope: str | None) -> ParsedMail:
        def read() -> ParsedMail:
            return parse(
                raw, envelope=envelope, own_addresses=self.own_addresses, limits=self.limits
            )

        # In a thread whatever the size: a small mail can take as long as a large one.
        return await asyncio.to_thread(read)

    async def _report(self, bounces: tuple[Bounce, ...]) -> bool:
        """Record what the mail reports; whether any of it is about mail that we sent."""
        known = False
        for bounce in bounces:
            address = self._address(bounce.address or "")
            receipt = Receipt(
                channel=self.channel,
                ids=(bounce.remote_id,) if bounce.remote_id else (),
                status="delivered" if bounce.delivered else "failed",
                at=self.services.clock.now(),
                detail=bounce.detail,
                address=None if bounce.remote_id else address,
                unreachable=bounce.hard,
                temporary=bounce.temporary,
                words=bounce.words,
            )
            if await self.services.intake.report(receipt) is not False:
                known = True
                log.info(
                    "mail.reported",
                    remote_id=bounce.remote_id,
                    delivered=bounce.delivered,
                    status=bounce.status,
                    hard=bounce.hard,
                )
        return known

    async def _accept(self, mail: ParsedMail, raw: str) -> None:
        now = self.services.clock.now()
        attachments, left_out = await self._keep(mail.files)
        automatic = mail.automatic or self.loop_guard.reason(mail.sender, now)
        notes = (("not answered", automatic), ("not read", mail.unreadable))
        facts = tuple(Fact(name=name, value=value) for name, value in notes if value)
        accepted = await self.services.intake.accept(
            Inbound(
                address=self._address(_without_nul(mail.sender)),
                text=mail.text,
                at=_plausible_date(mail.at, now),
                remote_id=_without_nul(mail.remote_id),
                kind="unreadable" if mail.unreadable else "message",
                name=mail.name,
                subject=mail.subject or "",  # never None: mail has threads even without a subject
                thread=mail.thread,
                attachments=attachments,
                copies=tuple(map(_without_nul, mail.copies)),
                forwards=mail.forwards,
                automatic=automatic is not None,
                raw=raw,
                facts=mail.facts + facts + left_out,
                fingerprint=_fingerprint(mail),
            )
        )
        if not accepted.duplicate:
            self.loop_guard.count(mail.sender, now)
        log.info("mail.accepted", turn=accepted.turn, duplicate=accepted.duplicate, raw=raw)

    def _address(self, value: str) -> Address:
        return Address(channel=self.channel, value=value, support_address=self.support_address)

    async def _keep(
        self, files: tuple[File, ...]
    ) -> tuple[tuple[Attachment, ...], tuple[Fact, ...]]:
        kept: list[Attachment] = []
        left_out: list[Fact] = []
        for file in files:
            try:
                kept.append(await self.services.files.keep(file))
            except TooLarge:
                left_out.append(Fact(name="left out", value=file.name))
        return tuple(kept), tuple(left_out)


def _fingerprint(mail: ParsedMail) -> str:
    """Of the words and files: some programs give every mail the same Message-ID."""
    words = " ".join(f"{mail.subject or ''} {mail.text}".split())
    files = (hashlib.sha256(file.data).hexdigest() for file in mail.files)
    return hashlib.sha256("\n".join((words, *files)).encode()).hexdigest()[:32]


def _without_nul(header: str) -> str:
    """A mail must not be lost for a broken header, as a message of another channel may be."""
    replaced = header.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return replaced.encode("utf-8", "replace").decode()


def _plausible_date(at: datetime | None, now: datetime) -> datetime:
    """The mail's own date, or ``now`` when that date is missing, in the future or too old."""
    return at if at and now - _MAX_AGE < at <= now else now


# -- mailboxes ----------------------------------------------------------------------------------

HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
"""Where a mail names its recipients, the surest first: what delivery wrote, then what the sender
wrote."""


class MailboxNames:
    """Finds the names of our mailboxes by their addresses. Of several mailboxes that a mail names,
    each gets it: it is a message to each."""

    def __init__(self, addresses: Mapping[str, Iterable[str]]) -> None:
        """``addresses``: name of the mailbox -> its addresses."""
        self._names = {address.lower(): name for name, own in addresses.items() for address in own}

    def of(self, recipients: Iterable[str]) -> tuple[str, ...]:
        """The mailboxes of an envelope's ``recipients``, in their order."""
        found = (self._names.get(_plain(recipient)) for recipient in recipients)
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def of_mail(self, raw: bytes) -> tuple[str, ...]:
        """The mailboxes that the headers of ``raw`` name: by the surest header that names one."""
        mail = BytesHeaderParser(policy=policy.compat32).parsebytes(raw)
        for header in HEADERS:
            values = [str(value) for value in mail.get_all(header, [])]
            if names := self.of(address for _, address in getaddresses(values)):
                return names
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReceiver:
    """Passes each mail to the mailboxes that it was written to, or to the one it came in by."""

    default: MailIntake
    intakes: Mapping[str, MailIntake]
    names: MailboxNames

    async def store(self, raw: bytes, envelope: str, recipients: Sequence[str]) -> None:
        """Store a mail that came by SMTP; see `MailIntake.store`."""
        for intake in self._intakes(self.names.of(recipients)):
            await intake.store(raw, envelope)

    async def store_watched(self, raw: bytes) -> None:
        """Store a mail from a mailbox that we watch; see `MailIntake.store`."""
        names = self.names.of_mail(raw) if len(self.intakes) > 1 else ()
        for intake in self._intakes(names):
            await intake.store(raw)

    def _intakes(self, names: tuple[str, ...]) -> Iterable[MailIntake]:
        return [self.intakes[name] for name in names] or [self.default]


def _plain(address: str) -> str:
    """``address`` in lower case, without the detail (RFC 5233)."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
