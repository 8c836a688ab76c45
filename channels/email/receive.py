"""From a mail's bytes to the inbox: keep the raw, read it, keep its files, accept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from datetime import datetime, timedelta

import structlog

from channels.email.parse import Bounds, Mail, parse
from gateway import Accepted, Address, Attachment, Fact, File, Inbound, Receipt, Services, TooLarge

log = structlog.get_logger(__name__)

_AT_ONCE = 64_000
"""Bytes of a mail that is read on the event loop; a larger one is read in a thread."""
_OLDEST = timedelta(days=30)
_SENDERS = 10_000


class Receiver:
    """Takes mail in. `take` returns when the mail, or what it reports, is safely committed."""

    def __init__(
        self,
        services: Services,
        *,
        channel: str,
        ours: frozenset[str],
        bounds: Bounds,
        largest: int,
        loops: LoopGuard,
    ) -> None:
        self._services, self._channel, self._ours = services, channel, ours
        self._bounds, self._largest, self._loops = bounds, largest, loops

    async def take(self, raw: bytes, *, envelope: str | None = None) -> None:
        """Take the mail ``raw``; ``envelope`` is its SMTP sender where that is known.

        Raises NotAccepted when it could not be committed: it must then be offered again. A mail
        longer than the bound is kept cut off, and goes to a person.
        """
        cut = len(raw) > self._largest
        kept = await self._services.files.keep(
            File(name="mail.eml", media_type="message/rfc822", data=raw[: self._largest])
        )
        mail = await self._read(raw[: self._largest], envelope)
        if cut:
            mail = mail.replace(files=(), bounces=(), trouble=f"over {self._largest} bytes")
        if mail.bounces:
            await self._report(mail)
        else:
            await self._accept(mail, kept.digest)

    async def _read(self, raw: bytes, envelope: str | None) -> Mail:
        def read() -> Mail:
            return parse(raw, envelope=envelope, ours=self._ours, bounds=self._bounds)

        return read() if len(raw) <= _AT_ONCE else await asyncio.to_thread(read)

    async def _report(self, mail: Mail) -> None:
        for bounce in mail.bounces:
            await self._services.intake.report(
                Receipt(
                    channel=self._channel,
                    ids=(bounce.remote_id,),
                    status="delivered" if bounce.delivered else "failed",
                    at=self._services.clock.now(),
                    detail=bounce.detail,
                )
            )
            log.info("mail.reported", remote_id=bounce.remote_id, delivered=bounce.delivered)

    async def _accept(self, mail: Mail, raw: str) -> Accepted:
        now = self._services.clock.now()
        files, left_out = await self._keep(mail.files)
        automatic = mail.automatic or self._loops.over(mail.sender, now)
        notes = (("not answered", automatic), ("not read", mail.trouble))
        facts = tuple(Fact(name=name, value=value) for name, value in notes if value)
        accepted = await self._services.intake.accept(
            Inbound(
                address=Address(channel=self._channel, value=mail.sender),
                text=mail.text,
                at=_plausible(mail.at, now),
                remote_id=mail.remote_id,
                kind="unreadable" if mail.trouble else "message",
                name=mail.name,
                subject=mail.subject or "",  # never None: mail has threads, also without one
                thread=mail.thread,
                attachments=files,
                automatic=automatic is not None,
                raw=raw,
                facts=mail.facts + facts + left_out,
            )
        )
        if not accepted.duplicate:
            self._loops.note(mail.sender, now)
        log.info("mail.accepted", turn=accepted.turn, duplicate=accepted.duplicate, raw=raw)
        return accepted

    async def _keep(
        self, files: tuple[File, ...]
    ) -> tuple[tuple[Attachment, ...], tuple[Fact, ...]]:
        kept: list[Attachment] = []
        left_out: list[Fact] = []
        for file in files:
            try:
                kept.append(await self._services.files.keep(file))
            except TooLarge:
                left_out.append(Fact(name="left out", value=file.name))
        return tuple(kept), tuple(left_out)


class LoopGuard:
    """Counts mails by sender: a robot that does not say so shows by writing too often."""

    def __init__(self, *, most: int, window: float) -> None:
        self._most, self._window = most, timedelta(seconds=window)
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()

    def over(self, sender: str, now: datetime) -> str | None:
        """Why one more mail of ``sender`` is not answered, or None."""
        seen = self._seen.get(sender, ())
        if sum(1 for at in seen if at > now - self._window) < self._most:
            return None
        return f"its sender wrote {self._most} mails in {int(self._window.total_seconds())} s"

    def note(self, sender: str, now: datetime) -> None:
        """Count a mail. Only the last senders are remembered."""
        self._seen.setdefault(sender, deque(maxlen=self._most)).append(now)
        self._seen.move_to_end(sender)
        while len(self._seen) > _SENDERS:
            self._seen.popitem(last=False)


def _plausible(at: datetime | None, now: datetime) -> datetime:
    """A mail's own date, unless it cannot be true."""
    return at if at and now - _OLDEST < at <= now else now
