"""What other systems are to hear is written down by the transaction that did it.

So an event is told when, and only when, what it tells of was committed. Nothing is sent from here:
`services.webhooks` does that, from the rows. Where no endpoint is configured nothing is asked and
nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, insert, select

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import conversations, customers, hooks, messages, outbox
from gateway.model import Message, Value
from gateway.store import CommittedTurn, TurnOutcome

MOVES = {
    "bot": "handed_back",
    "waiting": "transferred",
    "resolved": "resolved",
    "person": "claimed",
}


class Wish(Value, frozen=True, kw_only=True):
    """What one endpoint wants to hear. ``events``: their names, or what these begin with up to a
    dot (``message``); none: all. ``texts``: what was written too."""

    endpoint: str
    events: tuple[str, ...] = ()
    texts: bool = False

    def wants(self, name: str) -> bool:
        return not self.events or name in self.events or name.partition(".")[0] in self.events


class Herald:
    """Writes rows for the endpoints that want them."""

    def __init__(
        self,
        wishes: Sequence[Wish] = (),
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._wishes = tuple(wishes)
        self._now = now

    def turn(
        self, connection: Connection, outcome: TurnOutcome, committed: CommittedTurn, at: datetime
    ) -> CommittedTurn:
        """A turn was committed; gives ``committed`` back."""
        if self._wishes:
            self._tell_turn(connection, outcome, committed, at)
        return committed

    def moved(
        self, connection: Connection, conversation: int, name: str, at: datetime, **data: Any
    ) -> None:
        """A conversation changed hands: ``conversation.NAME``."""
        self._tell(connection, f"conversation.{name}", conversation, at, data)

    def sent(self, connection: Connection, outbox_id: int, name: str, **data: Any) -> None:
        """Something became of what was sent: ``message.NAME``."""
        if not self._wishes:
            return
        its = select(outbox.c.message_id).where(outbox.c.id == outbox_id).scalar_subquery()
        row = connection.execute(select(messages).where(messages.c.id == its)).one_or_none()
        if row is not None:  # else the customer was erased meanwhile
            self.message(connection, rows.message(connection, row), name, self._now(), **data)

    def message(
        self, connection: Connection, message: Message, name: str, at: datetime, **data: Any
    ) -> None:
        """``message.NAME``; its text is told only to those who may have it."""
        if self._wishes:
            known = {"message": message.id, "turn": message.turn, "author": message.author, **data}
            said = {"text": message.text}
            self._tell(connection, f"message.{name}", message.conversation, at, known, said=said)

    def _tell_turn(
        self, connection: Connection, outcome: TurnOutcome, committed: CommittedTurn, at: datetime
    ) -> None:
        id = committed.conversation.id
        if not outcome.conversation.id:
            self._closed_by_new(connection, committed, at)
            self._tell(connection, "conversation.opened", id, at, {})
        elif outcome.reopen and not committed.dropped:
            self._tell(connection, "conversation.reopened", id, at, {})
        if committed.message is not None and committed.message.author == "customer":
            self.message(connection, committed.message, "received", at, **_meant(committed.message))
        self._survey(connection, outcome, id, at)
        if outcome.handoff is not None and not committed.dropped:
            codes = [reason.code for reason in outcome.handoff.reasons]
            tier = {"tier": outcome.handoff.tier, "reasons": codes}
            self._tell(connection, "conversation.escalated", id, at, tier)
        if outcome.mailbox:
            for reply in committed.replies:
                self.message(connection, reply, "sent", at)

    def _closed_by_new(
        self, connection: Connection, committed: CommittedTurn, at: datetime
    ) -> None:
        """A new matter ends those that were left with the bot, in the same commit."""
        here = committed.conversation
        closed = select(conversations.c.id).where(
            conversations.c.lane == here.address.lane,
            conversations.c.id < here.id,
            conversations.c.resolved_at == rows.ms(at),
        )
        for id in connection.execute(closed).scalars().all():
            self._tell(connection, "conversation.resolved", id, at, {"by": "idle"})

    def _survey(
        self, connection: Connection, outcome: TurnOutcome, conversation: int, at: datetime
    ) -> None:
        answer, survey = outcome.answered, outcome.work.survey
        if answer is None or survey is None:
            return
        told = {"kind": survey.ask.kind, "score": answer.score, "solved": answer.solved}
        said = {"comment": answer.comment}
        self._tell(connection, "survey.answered", conversation, at, told, said=said)

    def _tell(
        self,
        connection: Connection,
        name: str,
        conversation: int,
        at: datetime,
        data: Mapping[str, Any],
        *,
        said: Mapping[str, Any] | None = None,
    ) -> None:
        wishes = [wish for wish in self._wishes if wish.wants(name)]
        if not wishes:
            return
        about = _about(connection, conversation)
        event = f"msg_{uuid4().hex}"
        for wish in wishes:
            told = {**about, **data, **((said or {}) if wish.texts else {})}
            body = {"type": name, "timestamp": at.isoformat(), "data": told}
            row = {
                "conversation_id": conversation,
                "event": event,
                "endpoint": wish.endpoint,
                "name": name,
                "payload": rows.sealed(
                    connection, "hooks.payload", conversation, msgspec.json.encode(body).decode()
                ),
                "created_at": rows.ms(at),
            }
            connection.execute(insert(hooks), row)


def _about(connection: Connection, conversation: int) -> dict[str, Any]:
    """Whose it is, by ids and by the company's own reference; never an address."""
    chosen = (
        select(conversations.c.channel, customers.c.id, customers.c.ref)
        .join(customers, conversations.c.customer_id == customers.c.id)
        .where(conversations.c.id == conversation)
    )
    row = connection.execute(chosen).one()
    return {
        "conversation": conversation,
        "channel": row.channel,
        "customer": row.id,
        "customer_ref": row.ref,
    }


def _meant(message: Message) -> dict[str, Any]:
    heard, route = message.understanding, message.route
    return {
        "intent": heard.intent.name if heard else None,
        "emotion": heard.emotion.label if heard else None,
        "action": route.action if route else None,
    }
