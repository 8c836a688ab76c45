"""Who looked at what: a line in the audit log, once while somebody keeps looking."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from gateway import AuditLog, Clock, ContextCard
from plugins.agents_desk.sessions import Session

AGAIN = timedelta(minutes=15)
MOST = 10_000


class Views:
    """An open page looks again at every change, which is not worth a line each time; but no
    header of the page's own can keep the first look out of the log."""

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit, self._clock = audit, clock
        self._seen: OrderedDict[tuple[str, str, int], datetime] = OrderedDict()

    async def record(self, session: Session, what: str, card: ContextCard) -> None:
        """Before the page is shown: what cannot be recorded is not shown."""
        key = (session.id, what, card.conversation.id)
        now = self._clock.now()
        last = self._seen.get(key)
        if last is not None and now - last < AGAIN:
            return
        await self._audit.record(
            session.agent.id, what, conversation=card.conversation.id, customer=card.customer.id
        )
        self._seen[key] = now
        self._seen.move_to_end(key)
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)
