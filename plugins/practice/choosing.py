"""Chooses the team's hard conversations each day, in one process at a time."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from gateway import CaseRecord, Pace, Records, Services
from plugins.practice.settings import PracticeSettings
from plugins.practice.storage import PracticeStorage
from plugins.practice.team import hardness, shared_words, team_scenario
from plugins.practice.values import PracticeScenario

log = structlog.get_logger(__name__)
EVERY = 24 * 3600.0
"""Seconds between two choices."""
PAGE = 200
MOST_CASES = 20_000
"""The most conversations that one choice reads: minutes of work beside the server's own."""
MOST_WORDS = 3_000
"""Conversations of one brand and language whose words are counted: enough for all common words."""


@dataclass(kw_only=True)
class _Pool:
    """The conversations of one brand in one language."""

    hard: list[tuple[float, int, CaseRecord]] = field(default_factory=list)
    cases: list[CaseRecord] = field(default_factory=list)

    def take(self, case: CaseRecord, most: int) -> None:
        if len(self.cases) < MOST_WORDS:
            self.cases.append(case)
        if (hard := hardness(case)) > 0:
            heapq.heappush(self.hard, (hard, case.conversation.id, case))
            if len(self.hard) > most:
                heapq.heappop(self.hard)

    async def read_again(self, records: Records) -> None:
        """Read the hard ones anew: words of theirs may have been erased while others were read."""
        found = await records.cases_by_id([id for _, id, _ in self.hard])
        now = {case.conversation.id: case for case in found}
        self.hard = [(hard, id, now[id]) for hard, id, _ in self.hard if id in now]

    def scenarios(self) -> list[PracticeScenario]:
        """The hardest first."""
        common = shared_words([*self.cases, *(case for _, _, case in self.hard)])
        found = (team_scenario(case, common) for _, _, case in sorted(self.hard, reverse=True))
        return [scenario for scenario in found if scenario]


@dataclass(kw_only=True)
class ScenarioChoice:
    """Makes scenarios of the hardest conversations of the last days, for each brand and language.
    One that somebody has practised with stays until its customer is erased.

    Implements `ExclusiveTask`.
    """

    settings: PracticeSettings

    async def watch(self, services: Services) -> None:
        while True:
            await self.choose(services)
            await services.clock.sleep(EVERY)

    def stand_by(self) -> None:
        """Another process chooses."""

    async def choose(self, services: Services) -> None:
        """Choose once."""
        storage = PracticeStorage(services.storage)
        chosen = await self._chosen(services) if self.settings.own_conversations else []
        used = await storage.sweep()  # now: somebody may have begun while this looked
        for scenario in chosen:
            if scenario.id not in used:  # what was practised with stays as it was then
                await storage.keep_scenario(scenario)
        keep = used | {scenario.id for scenario in chosen}
        for scenario in await storage.scenarios():
            if scenario.id not in keep:
                await storage.drop_scenario(scenario.id)
        log.info("practice.chosen", scenarios=len(chosen))

    async def _chosen(self, services: Services) -> list[PracticeScenario]:
        since = services.clock.now() - timedelta(days=self.settings.days)
        pools: dict[tuple[str, str], _Pool] = {}
        after = read = 0
        pace = Pace()
        while read < MOST_CASES:
            page = await services.records.cases(since=since, after=after, limit=PAGE)
            if not page:
                break
            for case in page:
                about = case.conversation
                pool = pools.setdefault((about.brand, about.language or ""), _Pool())
                pool.take(case, self.settings.most)
            after, read = page[-1].conversation.id, read + len(page)
            await pace.rest()
        found: list[PracticeScenario] = []
        for pool in pools.values():
            await pool.read_again(services.records)
            found += await asyncio.to_thread(pool.scenarios)
        return found
