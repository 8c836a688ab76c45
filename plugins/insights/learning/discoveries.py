"""What the report's findings say about the last weeks, for the loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from gateway import CaseRecord, Services
from plugins.insights.findings import FindingInputs, LabelledText, find
from plugins.insights.learning.loop import Discover
from plugins.insights.model import Discovery

PERIOD, PAST = timedelta(days=28), timedelta(days=42)
PAGE = 200


def discover_with(services: Services) -> Discover:
    """Looks at the last four weeks, against the six weeks before them."""

    async def discover(now: datetime) -> Sequence[Discovery]:
        since = now - PERIOD
        rows = await services.trials.examples_of_shop()
        inputs = FindingInputs(
            encoder=services.encoder,
            voice=services.voice,
            examples=[
                LabelledText(text=text, intent=intent.partition("/")[0]) for text, intent in rows
            ],
        )
        pages = _pages(services, since - PAST, now)
        return await find(pages, since=since, until=now, inputs=inputs)

    return discover


async def _pages(
    services: Services, since: datetime, until: datetime
) -> AsyncIterator[Sequence[CaseRecord]]:
    after = 0
    while page := await services.records.cases(since=since, until=until, after=after, limit=PAGE):
        yield page
        after = page[-1].conversation.id
