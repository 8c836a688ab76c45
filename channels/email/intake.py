"""From a mail's bytes to the inbox: keep the original, parse it, keep its files, accept it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from channels.email.automatic import LoopGuard
from channels.email.parse import ParsedMail, ParseLimits, parse
from gateway import Address, Attachment, Fact, File, Inbound, Receipt, Services, TooLarge

log = structlog.get_logger(__name__)

_INLINE_BYTES = 64_000
"""Mail up to this size is parsed on the event loop; larger mail is parsed in a thread."""
_MAX_AGE = timedelta(days=30)


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
    support_address: str = ""

    async def store(self, raw: bytes, envelope: str | None = None) -> None:
        """Store the mail ``raw`` and return once it, or what it reports, is committed.

        ``envelope`` is its SMTP sender where that is known. Raises NotAccepted when the commit
        failed: the caller must then offer the mail again. A mail longer than ``max_bytes`` is
        kept cut off, and goes to a person.
        """
        kept = raw[: self.max_bytes]
        original = await self.services.files.keep(
            File(name="mail.eml", media_type="message/rfc822", data=kept)
        )
        mail = await self._parse(kept, envelope)
        if len(raw) > self.max_bytes:
            mail = mail.replace(files=(), bounces=(), unreadable=f"over {self.max_bytes} bytes")
        if mail.bounces:
            await self._report(mail)
        else:
            await self._accept(mail, original.digest)

    async def _parse(self, raw: bytes, envelope: str | None) -> ParsedMail:
        def read() -> ParsedMail:
            return parse(
                raw, envelope=envelope, own_addresses=self.own_addresses, limits=self.limits
            )

        return read() if len(raw) <= _INLINE_BYTES else await asyncio.to_thread(read)

    async def _report(self, mail: ParsedMail) -> None:
        for bounce in mail.bounces:
            await self.services.intake.report(
                Receipt(
                    channel=self.channel,
                    ids=(bounce.remote_id,),
                    status="delivered" if bounce.delivered else "failed",
                    at=self.services.clock.now(),
                    detail=bounce.detail,
                )
            )
            log.info("mail.reported", remote_id=bounce.remote_id, delivered=bounce.delivered)

    async def _accept(self, mail: ParsedMail, raw: str) -> None:
        now = self.services.clock.now()
        attachments, left_out = await self._keep(mail.files)
        automatic = mail.automatic or self.loop_guard.reason(mail.sender, now)
        notes = (("not answered", automatic), ("not read", mail.unreadable))
        facts = tuple(Fact(name=name, value=value) for name, value in notes if value)
        accepted = await self.services.intake.accept(
            Inbound(
                address=Address(
                    channel=self.channel,
                    value=mail.sender,
                    support_address=self.support_address,
                ),
                text=mail.text,
                at=_plausible_date(mail.at, now),
                remote_id=mail.remote_id,
                kind="unreadable" if mail.unreadable else "message",
                name=mail.name,
                subject=mail.subject or "",  # never None: mail has threads even without a subject
                thread=mail.thread,
                attachments=attachments,
                automatic=automatic is not None,
                raw=raw,
                facts=mail.facts + facts + left_out,
            )
        )
        if not accepted.duplicate:
            self.loop_guard.count(mail.sender, now)
        log.info("mail.accepted", turn=accepted.turn, duplicate=accepted.duplicate, raw=raw)

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


def _plausible_date(at: datetime | None, now: datetime) -> datetime:
    """The mail's own date, or ``now`` when that date is missing, in the future or too old."""
    return at if at and now - _MAX_AGE < at <= now else now
