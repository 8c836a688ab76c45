"""Makes conversations of the tickets of other systems. Pure: worker processes run it.

Each system's module reads its own shape into a `Ticket`; what follows is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from gateway import Address, ImportedConversation, ImportedMessage, Json, MailReader
from plugins.history.importing.language import language_of
from plugins.history.importing.masking import mask
from plugins.history.importing.tickets.freshdesk import read_freshdesk
from plugins.history.importing.tickets.intercom import read_intercom
from plugins.history.importing.tickets.table import read_row_group
from plugins.history.importing.tickets.ticket import LeftOut, ReadWords, Ticket
from plugins.history.importing.tickets.zendesk import read_zendesk
from plugins.history.importing.values import (
    EMPTY,
    NO_CUSTOMER,
    NO_DATE,
    TOO_OLD,
    UNREADABLE,
    Converted,
    Scope,
    Skipped,
)

TicketFormat: TypeAlias = Literal["zendesk", "freshdesk", "intercom", "table"]
READERS: dict[str, Callable[[Json, ReadWords], Ticket]] = {
    "zendesk": read_zendesk,
    "freshdesk": read_freshdesk,
    "intercom": read_intercom,
    "table": read_row_group,
}
LONGEST_NAME = 200
MOST_LABELS = 5
MOST_MESSAGES = 1_000
"""Of one ticket."""


def convert_tickets(
    kind: TicketFormat, records: Sequence[Json], scope: Scope, reader: MailReader
) -> Converted:
    """The conversation of each of ``records``."""
    conversations: list[ImportedConversation] = []
    skipped: list[Skipped] = []

    def words(text: str, *, html: bool, answers: bool) -> str:
        return reader.read_words(text, html=html, answers=answers)

    for number, record in enumerate(records):
        place = _place(record, number)
        try:
            ticket = READERS[kind](record, words)
            conversations.append(_conversation(ticket, scope))
        except LeftOut as left:
            skipped.append(Skipped(reason=left.reason, place=place))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            skipped.append(Skipped(reason=UNREADABLE, place=place))
    return Converted(conversations=tuple(conversations), skipped=tuple(skipped))


def _place(record: Json, number: int) -> str:
    id = record.get("id") or record.get("display_id") if isinstance(record, dict) else None
    return f"ticket {id}" if id is not None else f"record {number + 1}"


def _conversation(ticket: Ticket, scope: Scope) -> ImportedConversation:
    """Raises LeftOut."""
    if not ticket.customer:
        raise LeftOut(NO_CUSTOMER)
    written = [m for m in ticket.messages if m.text.strip()][:MOST_MESSAGES]
    if not any(not message.internal for message in written):
        raise LeftOut(EMPTY)
    dated = [m for m in written if scope.newest > m.at]
    if not dated:
        raise LeftOut(NO_DATE)
    dated.sort(key=lambda message: message.at)
    if dated[-1].at < scope.oldest:
        raise LeftOut(TOO_OLD)
    mine = ticket.channel == "email"
    own = [m.text for m in dated if m.author == "customer"]
    made = ImportedConversation(
        address=Address(
            channel=ticket.channel,
            value=ticket.customer[:LONGEST_NAME],
            support_address=scope.support_address if mine else "",
        ),
        name=ticket.name[:LONGEST_NAME],
        subject=ticket.subject or None,
        language=language_of(own or [m.text for m in dated]),
        brand=scope.brand_of(scope.support_address),
        messages=_each_once(dated),
        labels=ticket.labels[:MOST_LABELS],
        score=ticket.score,
        related=ticket.related,
    )
    return mask(made, scope.secret) if scope.secret else made


def _each_once(messages: Sequence[ImportedMessage]) -> tuple[ImportedMessage, ...]:
    return tuple({message.key: message for message in reversed(messages)}.values())[::-1]
