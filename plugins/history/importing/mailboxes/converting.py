"""Makes conversations of mails. Pure: worker processes run it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway import (
    Address,
    Fact,
    ImportedConversation,
    ImportedMessage,
    MailHead,
    MailReader,
    ReadMail,
    Value,
)
from plugins.history.importing.language import language_of
from plugins.history.importing.masking import mask
from plugins.history.importing.values import (
    AUTOMATIC,
    BOUNCE,
    EMPTY,
    NO_CUSTOMER,
    NO_DATE,
    SPAM,
    TOO_OLD,
    UNREADABLE,
    Converted,
    Scope,
    Skipped,
)

CHANNEL = "email"
MOST_FILES = 20
"""Names of files that one message tells."""
NOREPLY = "@sender.invalid"


class RawMail(Value, frozen=True, kw_only=True):
    """A mail to convert. ``number`` and ``place`` say where it is; ``cut``: the end is missing."""

    number: int
    key: str
    place: str
    raw: bytes
    at: datetime | None = None
    spam: bool = False
    cut: bool = False


def outsider(head: MailHead, own: frozenset[str]) -> tuple[str, str]:
    """The address and the name of who of the mail's people is not we; empty when nobody is."""
    if not head.own:
        return ("", "") if head.sender.endswith(NOREPLY) else (head.sender, head.name)
    for address, name in zip(head.recipients, head.recipient_names, strict=True):
        if not is_ours(address, own):
            return address, name
    return "", ""


def is_ours(address: str, own: frozenset[str]) -> bool:
    return address in own or f"@{address.rpartition('@')[2]}" in own


def convert_mails(
    threads: Sequence[Sequence[RawMail]], scope: Scope, reader: MailReader
) -> Converted:
    """The conversation of each of ``threads``, whose mails are in the order of time."""
    conversations: list[ImportedConversation] = []
    skipped: list[Skipped] = []
    again: list[int] = []
    for number, thread in enumerate(threads):
        reading = _Thread(thread, scope, reader)
        found = reading.conversation()
        if reading.cut:
            again.append(number)
            continue
        skipped += reading.skipped
        if found is not None:
            conversations.append(found)
    return Converted(conversations=tuple(conversations), skipped=tuple(skipped), again=tuple(again))


class _Thread:
    """One conversation in the making."""

    def __init__(self, mails: Sequence[RawMail], scope: Scope, reader: MailReader) -> None:
        self._mails, self._scope, self._reader = mails, scope, reader
        self.skipped: list[Skipped] = []
        self.cut = False
        self._places: dict[str, int] = {}

    def conversation(self) -> ImportedConversation | None:
        kept: list[tuple[RawMail, MailHead, ReadMail]] = []
        for mail in self._mails:
            read = self._reader.read_mail(mail.raw, self._scope.own)
            head = read.head
            if reason := self._why_not(mail, head, read):
                if mail.cut and reason in (EMPTY, UNREADABLE):
                    self.cut = True
                    return None
                self.skipped.append(Skipped(reason=reason, place=mail.place))
                continue
            kept.append((mail, head, read))
        customer, name = self._customer([head for _, head, _ in kept])
        people = [one for one in kept if not one[1].own or not one[2].automatic]
        if not customer or not people:
            reason = NO_CUSTOMER if not customer else AUTOMATIC
            self.skipped += (Skipped(reason=reason, place=mail.place) for mail, *_ in kept)
            return None
        if self._last(kept) < self._scope.oldest:
            self.skipped += (Skipped(reason=TOO_OLD, place=mail.place) for mail, *_ in kept)
            return None
        return self._made(kept, customer, name)

    def _why_not(self, mail: RawMail, head: MailHead, read: ReadMail) -> str:
        """Why the mail is left out; empty when it is kept."""
        if mail.spam or head.spam:
            return SPAM
        if mail.at is None:
            return NO_DATE
        if read.bounce and not head.own:
            return BOUNCE
        if read.automatic and not head.own:
            return AUTOMATIC
        if read.unreadable:
            return UNREADABLE if mail.raw.strip() else EMPTY
        return "" if read.text.strip() or read.files else EMPTY

    def _customer(self, heads: Sequence[MailHead]) -> tuple[str, str]:
        """Who wrote first of those who are not we, else whom we wrote to."""
        outside = [head for head in heads if not head.own]
        for head in (*outside, *heads):
            address, name = outsider(head, self._scope.own)
            if address:
                return address, name
        return "", ""

    def _last(self, kept: Sequence[tuple[RawMail, MailHead, ReadMail]]) -> datetime:
        return max(mail.at for mail, *_ in kept if mail.at is not None)

    def _made(
        self, kept: Sequence[tuple[RawMail, MailHead, ReadMail]], customer: str, name: str
    ) -> ImportedConversation:
        messages: list[ImportedMessage] = []
        subject = ""
        for mail, head, read in kept:
            new = head.base_subject if head.base_subject != subject else ""
            subject = head.base_subject or subject
            messages.append(_message(mail, head, read, customer, new if messages else ""))
        place = self._support_address([head for _, head, _ in kept])
        first = next((head.subject for _, head, _ in kept if head.subject), "")
        keys = {mail.key for mail, *_ in kept}
        made = ImportedConversation(
            address=Address(channel=CHANNEL, value=customer, support_address=place),
            name=name,
            subject=first or None,
            language=language_of(
                [m.text for m in messages if m.author == "customer"] or [m.text for m in messages]
            ),
            brand=self._scope.brand_of(place),
            messages=tuple(messages),
            related=tuple(
                dict.fromkeys(id for _, head, _ in kept for id in head.thread if id not in keys)
            ),
        )
        return mask(made, self._scope.secret) if self._scope.secret else made

    def _support_address(self, heads: Sequence[MailHead]) -> str:
        """The name of the mailbox of ours that the conversation was with."""
        for head in heads:
            for address in (head.own, *head.recipients):
                if address in self._scope.places:
                    return self._scope.places[address]
        return self._scope.support_address


def _message(
    mail: RawMail, head: MailHead, read: ReadMail, customer: str, subject: str
) -> ImportedMessage:
    assert mail.at is not None  # noqa: S101  (others were left out)
    facts = [Fact(name="left out", value=name) for name in read.files[:MOST_FILES]]
    author, name = "customer", ""
    if head.own:
        author = "bot" if read.automatic else "agent"
        name = head.name or head.own.partition("@")[0]
    elif head.sender != customer:
        facts.append(Fact(name="written by", value=head.sender))
        name = head.name
    return ImportedMessage(
        key=mail.key,
        author=author,  # type: ignore[arg-type]  # one of the three
        text=read.text or f"({', '.join(read.files)})",
        at=mail.at,
        name=name,
        subject=subject or None,
        facts=tuple(facts),
    )
