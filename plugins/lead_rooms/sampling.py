"""Looks at the newest conversations, newest day first, for a bounded number of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway import CaseRecord, Services

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class RecentCases:
    """The conversations of the last ``days`` days, at most ``most`` of them."""

    services: Services
    days: int
    most: int

    async def newest_first(self, brands: Sequence[str] = ()) -> AsyncIterator[CaseRecord]:
        """Day by day backwards, within a day in their order; with ``brands`` only theirs. What is
        beyond ``most`` is older."""
        now, seen = self.services.clock.now(), 0
        for back in range(self.days):
            until = now - back * DAY
            after = 0
            while page := await self.services.records.cases(
                since=until - DAY, until=until, after=after
            ):
                for case in page:
                    if brands and case.conversation.brand not in brands:
                        continue
                    yield case
                    seen += 1
                    if seen == self.most:
                        return
                after = page[-1].conversation.id
