"""Finds that somebody carries far more upset conversations than the rest of the team.

A lead learns that it is so and what to do, and never who: the finding names nobody, has no
examples (a conversation would tell whose it was) and ranks nobody. Each agent sees their own load
on the desk.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import NamedTuple

import numpy as np

from gateway import CaseRecord
from plugins.insights.model import Discovery

from .replies import UPSET, is_said
from .statistics import discoveries

TEAM = 4
"""People who must have worked: in a smaller team everybody would know who is meant."""
DAYS = 5
"""Days on which somebody must have worked."""
TIMES = 2.0
"""So many times the median of the others, per day at work, is far more."""
UPSET_TIMES = 1.25
"""The share of upset conversations must be above so many times that of the others: who answers
more of everything is busy, which the measures show."""


class AgentWork(NamedTuple):
    """What one person handled: conversations, those with an upset customer, days at work."""

    handled: int
    upset: int
    days: int


class WorkLog:
    """Who handled what in a period."""

    def __init__(self) -> None:
        self._handled: defaultdict[str, int] = defaultdict(int)
        self._upset: defaultdict[str, int] = defaultdict(int)
        self._days: defaultdict[str, set[date]] = defaultdict(set)

    def add(self, case: CaseRecord) -> None:
        handled, upset = set(), set()
        mood = None
        for message in case.messages:
            if message.author == "customer" and message.understanding:
                mood = message.understanding.emotion.label
            elif message.author == "agent" and message.agent and is_said(message):
                agent = message.agent.id
                handled.add(agent)
                self._days[agent].add(message.at.date())
                if mood in UPSET:
                    upset.add(agent)
        for agent in handled:
            self._handled[agent] += 1
        for agent in upset:
            self._upset[agent] += 1

    def work(self) -> dict[str, AgentWork]:
        """By agent, of those who worked on enough days."""
        return {
            agent: AgentWork(self._handled[agent], self._upset[agent], len(days))
            for agent, days in self._days.items()
            if len(days) >= DAYS
        }


def overloaded_agents(work: dict[str, AgentWork]) -> dict[str, float]:
    """The p-value of each agent whose load is out of range.

    Two exact one-sided tests must both speak: upset conversations per day at work against `TIMES`
    the median of the others (Poisson; here against `UPSET_TIMES` as what chance may do), and the
    share of upset ones among all of theirs against that of the others (binomial).
    """
    from scipy import stats  # noqa: PLC0415  (slow to import)

    if len(work) < TEAM:
        return {}
    agents = sorted(work)
    p_values = []
    for agent in agents:
        own = work[agent]
        others = [work[other] for other in agents if other != agent]
        usual = max(float(np.median([o.upset / o.days for o in others])), 1 / own.days)
        share = sum(o.upset for o in others) / max(1, sum(o.handled for o in others))
        by_day = float(stats.poisson.sf(own.upset - 1, UPSET_TIMES * usual * own.days))
        if own.upset / own.days < TIMES * usual:
            by_day = 1.0
        chance = min(1.0, UPSET_TIMES * max(share, 1e-3))
        by_share = float(stats.binom.sf(own.upset - 1, own.handled, chance))
        p_values.append(max(by_day, by_share))
    chosen = discoveries(p_values, "overload")
    return {
        agent: p for agent, p, yes in zip(agents, p_values, chosen.tolist(), strict=True) if yes
    }


def overload_discoveries(work: dict[str, AgentWork]) -> list[Discovery]:
    """At most one finding, on the team as a whole."""
    found = overloaded_agents(work)
    if not found:
        return []
    people = "One person" if len(found) == 1 else f"{len(found)} people"
    verb = "carries" if len(found) == 1 else "carry"
    return [
        Discovery(
            kind="overload",
            title=f"{people} of the team {verb} more than {TIMES:g} times as many upset "
            "conversations a day as the others. Spread them: let claims of upset customers take "
            "turns, plan a break after each, and ask the whole team how they are",
            evidence={
                "people": len(found),
                "team": len(work),
                "median_upset_per_day": round(
                    float(np.median([own.upset / own.days for own in work.values()])), 2
                ),
                "times": TIMES,
                "p": max(found.values()),
            },
        )
    ]
