"""Which item a reviewer gets next, and what waits for somebody else. Pure functions."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from gateway import Agent, Value
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.storage import ReviewSheet
from plugins.insights.review.values import Judgement, ReviewItem


class ReviewQueue(Value, frozen=True, kw_only=True):
    """What one reviewer may judge, next first. ``waiting``: the number of items that wait for
    somebody who reads their language, by language. ``done``: what this reviewer judged in the last
    seven days, and ``last`` the newest of all, which can be changed. ``drawn``: how many answers
    were drawn in these days, for whomever."""

    items: tuple[ReviewItem, ...] = ()
    waiting: Mapping[str, int] = {}
    done: int = 0
    last: Judgement | None = None
    drawn: int = 0


def first_open_day(today: date, settings: ReviewSettings) -> date:
    """Answers that were given before this day are no longer offered."""
    return today - timedelta(days=settings.days)


def may_judge(item: ReviewItem, agent: Agent) -> bool:
    """Nobody reviews their own answers, or those of a brand that they do not work for."""
    return item.agent != agent.id and agent.works_for(item.brand)


def review_queue(
    sheet: ReviewSheet, agent: Agent, settings: ReviewSettings, now: datetime
) -> ReviewQueue:
    """The queue of ``agent``. The oldest day comes first; within a day chance decides, and another
    chance for each reviewer."""
    by_item = sheet.by_item()
    mine, waiting = [], Counter[str]()
    for item in sheet.items:
        said = by_item.get(item.id, ())
        full = sum(not judgement.skipped for judgement in said) >= item.reviewers
        if full or not may_judge(item, agent):
            continue
        if not settings.reads(agent, item.language):
            waiting[item.language] += 1
        elif all(judgement.reviewer != agent.id for judgement in said):
            mine.append(item)
    own = [judgement for judgement in sheet.judgements if judgement.reviewer == agent.id]
    week = now - timedelta(days=7)
    return ReviewQueue(
        items=tuple(sorted(mine, key=lambda item: (item.day, _chance(item, agent)))),
        waiting=dict(sorted(waiting.items())),
        done=sum(judgement.at >= week and not judgement.skipped for judgement in own),
        last=max(own, key=lambda judgement: judgement.at, default=None),
        drawn=len(sheet.items),
    )


def _chance(item: ReviewItem, agent: Agent) -> str:
    return hashlib.sha256(f"{item.id} {agent.id}".encode()).hexdigest()
