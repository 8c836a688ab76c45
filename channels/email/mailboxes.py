"""Which of our mailboxes a mail was written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from email.utils import getaddresses

from channels.email.intake import MailIntake

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
