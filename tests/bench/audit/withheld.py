"""A shop's last month is withheld: does what the months before forecast hold there?"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from gateway import Value
from gateway.cli.common import open_services
from plugins.history.audit.judging import Vectors, encode, judge
from plugins.history.audit.model import AuditedMatter, Estimate
from plugins.history.audit.report import forecast
from plugins.history.audit.topics import find_topics, with_topics
from plugins.history.audit.walk import replay_cases
from tests.bench.audit.shops import MONTHS, SimulatedPast

FIGURES = ("wrong", "step_backs", "automatable")


class Withheld(Value, frozen=True, kw_only=True):
    """A forecast and what came. ``plain`` is the width that the withheld month's own chance alone
    would give: no honest interval is narrower."""

    seed: int
    figure: str
    truth: float
    forecast: Estimate
    plain: float

    @property
    def holds(self) -> bool:
        return self.forecast.low <= self.truth <= self.forecast.high

    @property
    def width(self) -> float:
        return self.forecast.high - self.forecast.low


class Judged(Value, frozen=True, kw_only=True):
    """How many answers of the bot were rightly or wrongly called wrong, and how many could not be
    told."""

    found: int = 0
    missed: int = 0
    accused: int = 0
    cleared: int = 0
    untold: int = 0


async def replayed(past: SimulatedPast) -> tuple[list[AuditedMatter], Vectors]:
    """What the shop's own gateway makes of its past: the matter that opened each conversation, and
    the embeddings of its texts."""
    with tempfile.TemporaryDirectory(prefix="warmline-audit-") as folder:
        async with open_services(past.write(Path(folder))) as (services, _):
            cases = await replay_cases(services.trials, past.cases)
            matters = [case.matters[0] for case in cases if case.matters]
            return matters, await encode(services.encoder, matters)


def withheld_month(
    past: SimulatedPast, matters: Sequence[AuditedMatter], vectors: Vectors
) -> tuple[list[Withheld], Judged]:
    """The forecast of each figure from all months but the last, and the truth of the last."""
    last = MONTHS - 1
    early = [m for m in matters if past.ledger[m.conversation].month < last]
    late = [m for m in matters if past.ledger[m.conversation].month == last]
    early = judge(early, vectors)
    topics = find_topics(early, vectors)
    found = forecast(with_topics(early, topics), topics, coming=len(late))
    assert found is not None
    truths = {
        "wrong": sum(is_wrong(past, m) for m in late),
        "step_backs": sum(m.verdict != "answer" for m in late),
        "automatable": sum(past.is_automatable(m.conversation) for m in late),
    }
    made = []
    for name in FIGURES:
        share = truths[name] / len(late)
        middle = min(max(share, 1 / len(late)), 1 - 1 / len(late))
        made.append(
            Withheld(
                seed=past.seed,
                figure=name,
                truth=share,
                forecast=getattr(found, name),
                plain=2 * 1.96 * (middle * (1 - middle) / len(late)) ** 0.5,
            )
        )
    return made, _judged(past, early)


def is_wrong(past: SimulatedPast, matter: AuditedMatter) -> bool:
    """Whether the bot would truly answer wrongly."""
    return matter.verdict == "answer" and past.is_wrong(matter.conversation, matter.intent)


def _judged(past: SimulatedPast, matters: Sequence[AuditedMatter]) -> Judged:
    answers = [m for m in matters if m.verdict == "answer" and m.person]
    told = [m for m in answers if m.wrong or m.agreement != "cannot_tell"]
    return Judged(
        found=sum(m.wrong and is_wrong(past, m) for m in told),
        missed=sum(not m.wrong and is_wrong(past, m) for m in told),
        accused=sum(m.wrong and not is_wrong(past, m) for m in told),
        cleared=sum(not m.wrong and not is_wrong(past, m) for m in told),
        untold=len(answers) - len(told),
    )
