"""The third durable wait: what other systems are to hear, in order for each conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import hooks
from gateway.adapters.sql.units import AnyDatabase
from gateway.store import NotBefore, WebhookDelivery, WebhookEntry


class SqlHooks:
    """See `store.Hooks`."""

    def __init__(self, database: AnyDatabase) -> None:
        self._db = database

    async def take(
        self, lane: str, at: datetime, lease: timedelta
    ) -> WebhookDelivery | NotBefore | None:
        return await self._db.write(lambda c: _take(c, lane, at, lease), key=f"hooks:{lane}")

    async def sent(self, id: int) -> None:
        await self._change(id, state="sent", error=None)

    async def later(self, id: int, error: str, due: datetime) -> None:
        await self._change(id, error=error, due_at=rows.ms(due))

    async def dead(self, id: int, error: str) -> None:
        await self._change(id, state="dead", error=error)

    async def lanes(self) -> tuple[str, ...]:
        waiting = (
            select(hooks.c.endpoint, hooks.c.conversation_id)
            .where(hooks.c.state == "ready")
            .distinct()
        )
        return await self._db.read(
            lambda c: tuple(f"{row.endpoint}:{row.conversation_id}" for row in c.execute(waiting))
        )

    async def list(self) -> tuple[WebhookEntry, ...]:
        chosen = select(hooks).where(hooks.c.state == "dead").order_by(hooks.c.id).limit(1000)
        return await self._db.read(
            lambda c: tuple(
                WebhookEntry(
                    id=row.id,
                    event=row.event,
                    endpoint=row.endpoint,
                    name=row.name,
                    conversation=row.conversation_id,
                    attempts=row.attempts,
                    error=row.error,
                    created_at=rows.when(row.created_at),
                )
                for row in c.execute(chosen)
            )
        )

    async def retry(self, ids: Sequence[int] | None) -> int:
        chosen: ColumnElement[bool] = hooks.c.state == "dead"
        return await self._again(chosen if ids is None else chosen & hooks.c.id.in_(ids))

    async def replay(self, since: datetime, endpoint: str | None) -> int:
        chosen = (hooks.c.created_at >= rows.ms(since)) & (hooks.c.state != "ready")
        return await self._again(
            chosen if endpoint is None else chosen & (hooks.c.endpoint == endpoint)
        )

    async def _again(self, chosen: ColumnElement[bool]) -> int:
        again = update(hooks).where(chosen).values(state="ready", attempts=0, due_at=0, error=None)
        return await self._db.write(lambda c: c.execute(again).rowcount)

    async def _change(self, id: int, **values: object) -> None:
        change = update(hooks).where(hooks.c.id == id).values(values)
        await self._db.write(lambda c: c.execute(change).rowcount)


def _take(
    connection: Connection, lane: str, at: datetime, lease: timedelta
) -> WebhookDelivery | NotBefore | None:
    """The head of the lane, which nobody else takes for as long as the lease holds."""
    endpoint, _, conversation = lane.partition(":")
    head = (
        select(hooks)
        .where(
            hooks.c.state == "ready",
            hooks.c.endpoint == endpoint,
            hooks.c.conversation_id == int(conversation),
        )
        .order_by(hooks.c.id)
        .limit(1)
        .with_for_update()
    )
    row = connection.execute(head).one_or_none()
    if row is None:
        return None
    if row.due_at > rows.ms(at):
        return NotBefore(at=rows.when(row.due_at))
    taken = update(hooks).where(hooks.c.id == row.id)
    connection.execute(taken.values(due_at=rows.ms(at + lease), attempts=row.attempts + 1))
    return WebhookDelivery(
        id=row.id,
        event=row.event,
        endpoint=row.endpoint,
        name=row.name,
        payload=rows.opened(connection, "hooks.payload", row.conversation_id, row.payload),
        attempts=row.attempts + 1,
    )
