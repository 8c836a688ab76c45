"""An audit log in memory, for tests that build a `House` by hand."""

from __future__ import annotations

from datetime import datetime

from structlog.contextvars import get_contextvars

from gateway.ports import AuditLine, Clock


class MemoryAudit:
    """As `ports.Audit` says, until it is gone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.kept: list[AuditLine] = []

    async def record(
        self,
        who: str,
        what: str,
        *,
        conversation: int | None = None,
        customer: int | None = None,
        origin: str | None = None,
        detail: str = "",
    ) -> None:
        known = str(get_contextvars().get("origin", "")) if origin is None else origin
        self.kept.append(
            AuditLine(
                id=len(self.kept) + 1,
                at=self._clock.now(),
                who=who,
                what=what,
                conversation=conversation,
                customer=customer,
                origin=known,
                detail=detail,
            )
        )

    async def lines(
        self,
        *,
        conversation: int | None = None,
        who: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 200,
    ) -> tuple[AuditLine, ...]:
        found = [
            line
            for line in reversed(self.kept)
            if (conversation is None or line.conversation == conversation)
            and (who is None or line.who == who)
            and (since is None or line.at >= since)
            and (before is None or line.id < before)
        ]
        return tuple(found[:limit])
