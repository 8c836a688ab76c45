"""Adds a batch of imported conversations in one transaction.

What is known already is found by the keys of its messages, in ``messages.remote_id``: those of
other imports, and those of what our own channels took in or sent. So an import that was cut off is
begun again from the start, and what it had stored is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.dialect import IMPORT_LOCK, lock
from gateway.adapters.sql.imported.new_ids import new_ids
from gateway.adapters.sql.schema import (
    conversation_labels,
    conversations,
    customers,
    identities,
    imports,
    messages,
    surveys,
)
from gateway.model import (
    AddedHistory,
    Address,
    Agent,
    ImportedConversation,
    ImportedMessage,
    Message,
    imported_lane,
)
from gateway.ports import NotFound

AT_ONCE = 500
"""Values in one statement: SQLite takes at least 999 (https://sqlite.org/limits.html)."""
HANDLER = "imported"
Row = dict[str, Any]


class StoredKey(NamedTuple):
    """A key that is stored, and where. ``imported``: it came with an import."""

    channel: str
    conversation: int
    imported: bool


def find_keys(connection: Connection, keys: Collection[str]) -> Mapping[str, tuple[StoredKey, ...]]:
    """Where ``keys`` are stored."""
    found: dict[str, tuple[StoredKey, ...]] = {}
    wanted = list(keys)
    for start in range(0, len(wanted), AT_ONCE):
        query = (
            select(
                messages.c.remote_id,
                messages.c.conversation_id,
                conversations.c.channel,
                conversations.c.import_id,
            )
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(messages.c.remote_id.in_(wanted[start : start + AT_ONCE]))
        )
        for row in connection.execute(query):
            place = StoredKey(row.channel, row.conversation_id, row.import_id is not None)
            found[row.remote_id] = (*found.get(row.remote_id, ()), place)
    return found


def add_batch(
    connection: Connection, id: int, batch: Sequence[ImportedConversation]
) -> AddedHistory:
    """See `PastConversations.add_many`."""
    lock(connection, IMPORT_LOCK, ("history",))
    label = connection.execute(select(imports.c.label).where(imports.c.id == id)).scalar()
    if label is None:
        raise NotFound(f"there is no import {id}; `warmline history list` shows them")
    batch = [_storable_conversation(one) for one in batch]
    stored = find_keys(connection, {key for one in batch for key in _keys_of(one)})
    adding = _Batch(connection, id, label)
    for one in batch:
        places = [
            place
            for key in _keys_of(one)
            for place in stored.get(key, ())
            if place.channel == one.address.channel
        ]
        here = {
            m.key
            for m in one.messages
            if any(place.channel == one.address.channel for place in stored.get(m.key, ()))
        }
        new = adding.unseen(one, here)
        if not new:
            continue
        extended = min((place.conversation for place in places if place.imported), default=0)
        adding.place(one, new, extended)
    adding.store()
    return adding.added


@dataclass
class _Batch:
    """The conversations of a batch, each with the messages that are not stored yet."""

    connection: Connection
    id: int
    label: str
    new: list[tuple[ImportedConversation, list[ImportedMessage]]] = field(default_factory=list)
    extended: list[tuple[int, ImportedConversation, list[ImportedMessage]]] = field(
        default_factory=list
    )
    added: AddedHistory = field(default_factory=AddedHistory)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _places: dict[tuple[str, str], int] = field(default_factory=dict)
    """Where in ``new`` a key is."""

    def place(self, one: ImportedConversation, new: list[ImportedMessage], extended: int) -> None:
        """Add ``new`` to the stored conversation ``extended``, to one of this batch, or to none."""
        if extended:
            self.extended.append((extended, one, new))
            return
        keys = [(one.address.channel, key) for key in _keys_of(one)]
        known = next((self._places[key] for key in keys if key in self._places), None)
        if known is None:
            known = len(self.new)
            self.new.append((one, new))
        else:
            first, earlier = self.new[known]
            joined = sorted((*earlier, *new), key=lambda message: message.at)
            self.new[known] = (first, joined)
        for message in new:
            self._places[one.address.channel, message.key] = known

    def unseen(self, one: ImportedConversation, known: Collection[str]) -> list[ImportedMessage]:
        found: list[ImportedMessage] = []
        for message in one.messages:
            key = (one.address.channel, message.key)
            if message.key not in known and key not in self._seen:
                self._seen.add(key)
                found.append(message)
        count = len(one.messages) - len(found)
        self.added = self.added.replace(known=self.added.known + count)
        return sorted(found, key=lambda message: message.at)

    def store(self) -> None:
        # An extended conversation may occur twice: each time it has what was stored before.
        for id, one, new in self.extended:
            _extend(self.connection, id, one, new)
        self._store_new()
        count = sum(len(new) for _, new in self.new) + sum(len(new) for *_, new in self.extended)
        self.added = self.added.replace(
            conversations=len(self.new),
            extended=len({id for id, *_ in self.extended}),
            messages=count,
        )

    def _store_new(self) -> None:
        if not self.new:
            return
        connection = self.connection
        owners = _customers(connection, [one for one, _ in self.new])
        ids = new_ids(connection, conversations, len(self.new))
        rows_of_conversations: list[Row] = []
        rows_of_messages: list[Row] = []
        rows_of_labels: list[Row] = []
        rows_of_surveys: list[Row] = []
        for id, (one, new) in zip(ids, self.new, strict=True):
            labels = sorted({self.label, *one.labels})
            rows_of_conversations.append(
                self._conversation_values(id, owners[one.address], one, new, labels)
            )
            rows_of_messages += (_message_values(connection, id, one.address, m) for m in new)
            rows_of_labels += ({"conversation_id": id, "label": label} for label in labels)
            if one.score is not None:
                rows_of_surveys.append(_survey_values(id, one.score, new[-1].at))
        for row, id in zip(
            rows_of_messages, new_ids(connection, messages, len(rows_of_messages)), strict=True
        ):
            row["id"] = id
        for table, values in (
            (conversations, rows_of_conversations),
            (messages, rows_of_messages),
            (conversation_labels, rows_of_labels),
            (surveys, rows_of_surveys),
        ):
            for start in range(0, len(values), AT_ONCE):
                connection.execute(insert(table), values[start : start + AT_ONCE])

    def _conversation_values(
        self,
        id: int,
        customer: int,
        one: ImportedConversation,
        new: Sequence[ImportedMessage],
        labels: Sequence[str],
    ) -> Row:
        lane = imported_lane(one.address)
        return {
            "id": id,
            "customer_id": customer,
            "channel": one.address.channel,
            "address": one.address.value,
            "support_address": one.address.support_address,
            "lane": lane,
            "state": "resolved",
            "epoch": 0,
            "tier": "bot",
            "mood": "calm",
            "language": one.language,
            "subject": rows.encrypted(
                self.connection, "conversations.subject", lane, one.subject or None
            ),
            "brand": one.brand,
            "labels": " ".join(labels),
            "import_id": self.id,
            **_period(new[0].at, new),
        }


def _keys_of(one: ImportedConversation) -> Iterable[str]:
    return (*(message.key for message in one.messages), *one.related)


def _period(opened: datetime, written: Sequence[ImportedMessage]) -> Row:
    """The columns that tell when it was opened and closed, and who had the last word."""
    last = written[-1]
    shown = next((m for m in reversed(written) if not m.internal), last)
    return {
        "opened_at": rows.to_ms(opened),
        "resolved_at": rows.to_ms(last.at),
        "last_at": rows.to_ms(shown.at),
        "last_from": shown.author,
    }


def _extend(
    connection: Connection,
    id: int,
    one: ImportedConversation,
    new: Sequence[ImportedMessage],
) -> None:
    """Add ``new`` to the conversation ``id``. A message is shown in the order of ids: where older
    ones are added, all get new ids."""
    stored = connection.execute(select(conversations).where(conversations.c.id == id)).one()
    known = [
        dict(row)
        for row in connection.execute(
            select(messages).where(messages.c.conversation_id == id).order_by(messages.c.id)
        ).mappings()
    ]
    address = Address(
        channel=stored.channel, value=stored.address, support_address=stored.support_address
    )
    values = [_message_values(connection, id, address, message) for message in new]
    if known and values[0]["at"] < known[-1]["at"]:
        connection.execute(delete(messages).where(messages.c.conversation_id == id))
        values = sorted((*known, *values), key=lambda row: row["at"])
        known = []
    for row, number in zip(values, new_ids(connection, messages, len(values)), strict=True):
        row["id"] = number
    connection.execute(insert(messages), values)
    every = (*known, *values)
    shown = [row for row in every if not row["internal"]] or every
    connection.execute(
        update(conversations)
        .where(conversations.c.id == id)
        .values(
            opened_at=every[0]["at"],
            resolved_at=every[-1]["at"],
            last_at=shown[-1]["at"],
            last_from=shown[-1]["author"],
            language=stored.language or one.language,
        )
    )


def _message_values(
    connection: Connection, conversation: int, address: Address, message: ImportedMessage
) -> Row:
    written = Message(
        id=0,
        conversation=conversation,
        author=message.author,
        text=message.text,
        at=message.at,
        status="received" if message.author == "customer" else "sent",
        internal=message.internal,
        purpose="answer" if message.author == "bot" else "message",
        agent=Agent(id=HANDLER, name=message.name) if message.author == "agent" else None,
        handler=HANDLER if message.author == "bot" else None,
        remote_id=message.key,
        facts=message.facts,
        subject=message.subject,
    )
    return rows.message_values(connection, written, imported_lane(address))


def _survey_values(conversation: int, score: int, at: datetime) -> Row:
    return {
        "conversation_id": conversation,
        "kind": "csat",
        "scale": "number",
        "asked_at": rows.to_ms(at),
        "answered_at": rows.to_ms(at),
        "score": score,
    }


def _customers(
    connection: Connection, new: Sequence[ImportedConversation]
) -> Mapping[Address, int]:
    """The customer at each address, made if need be."""
    firsts = {one.address: one for one in reversed(new)}
    found: dict[Address, int] = {}
    keys = [tuple(rows.address_values(address).values()) for address in firsts]
    columns = (identities.c.channel, identities.c.value, identities.c.support_address)
    for start in range(0, len(keys), AT_ONCE // 3):
        chosen = tuple_(*columns).in_(keys[start : start + AT_ONCE // 3])
        for row in connection.execute(select(identities).where(chosen)):
            found[rows.address(row)] = row.customer_id
    unknown = [one for address, one in firsts.items() if address not in found]
    ids = new_ids(connection, customers, len(unknown))
    people: list[Row] = []
    for id, one in zip(ids, unknown, strict=True):
        found[one.address] = id
        people.append(
            {
                "id": id,
                "name": rows.encrypted(connection, "customers.name", "", one.name or None),
                "language": one.language,
                "opted_out": False,
                "created_at": rows.to_ms(one.messages[0].at),
                "brand": one.brand,
            }
        )
    for start in range(0, len(people), AT_ONCE):
        connection.execute(insert(customers), people[start : start + AT_ONCE])
        connection.execute(
            insert(identities),
            [
                {"customer_id": found[one.address], **rows.address_values(one.address)}
                for one in unknown[start : start + AT_ONCE]
            ],
        )
    return found


def _storable_conversation(one: ImportedConversation) -> ImportedConversation:
    """Without what PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
    return one.replace(
        name=_storable(one.name),
        subject=_storable(one.subject or "") or None,
        address=one.address.replace(value=_storable(one.address.value)),
        messages=tuple(
            message.replace(
                key=_storable(message.key),
                text=_storable(message.text),
                name=_storable(message.name),
                subject=_storable(message.subject or "") or None,
            )
            for message in one.messages
        ),
        related=tuple(map(_storable, one.related)),
    )


def _storable(text: str) -> str:
    if text.isascii() and "\x00" not in text:
        return text
    replaced = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return replaced.encode("utf-8", "replace").decode()
