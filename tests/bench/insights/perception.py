"""How far each figure of a report moves because moods and matters are read and not known.

A simulated month goes through the real gateway with its real readers. Then the same conversations
are measured a second time with what each message truly means, from the ledger. What happened is the
same in both, so what differs is due to the readers: it is the error of the figure.

    python -m tests.bench.insights.perception FOLDER

FOLDER is what `warmline simulate --perception real --out FOLDER` wrote.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway import MOOD_SCALE, UPSET_AT, CaseRecord, Emotion, Guess, Language, Message
from gateway.app import build_gateway
from gateway.cli.common import load_settings
from gateway.plugins import installed_plugins
from gateway.testing.simulation import LedgerRow, read_ledger
from plugins.insights.measures.values import MeasuredPeriod
from plugins.insights.model import Figure
from tests.bench.findings.effects import MonthsInMemory, sheets_of

PAGE = 200
LONG_AFTER = timedelta(days=60)
"""After the month, so that nothing waits for customers who may come back."""
ZONE = ZoneInfo("UTC")


class MovedFigure(NamedTuple):
    """A figure as it was read, and as it is in truth."""

    name: str
    read: Figure
    true: Figure


class ReadMoods(NamedTuple):
    """How moods were read: of ``messages`` so many ``right``. Of the ``upset`` ones so many were
    ``heard`` as upset, and of the others so many ``alarms`` were raised."""

    messages: int = 0
    right: int = 0
    upset: int = 0
    heard: int = 0
    alarms: int = 0


class ReadMonth(NamedTuple):
    """What the readers made of a month. ``left_out``: conversations whose messages are not those
    of the ledger, such as two messages that were joined."""

    figures: tuple[MovedFigure, ...]
    moods: ReadMoods
    intents_right: float
    conversations: int
    left_out: int


def read_month(folder: Path) -> ReadMonth:
    """Measure the month in ``folder`` as read and as it was."""
    rows = {row.conversation: row for row in read_ledger(folder / "ledger.jsonl")}
    cases = asyncio.run(simulated_cases(folder / "data"))
    pairs = [
        (case, true)
        for case in cases
        if (row := rows.get(case.conversation.id)) and (true := as_it_was(case, row)) is not None
    ]
    read, true = (_measured([pair[at] for pair in pairs]) for at in (0, 1))
    figures = tuple(
        MovedFigure(name, figure, true.figures[name]) for name, figure in read.figures.items()
    )
    messages = [
        (mine, theirs)
        for case, truth in pairs
        for mine, theirs in zip(_own(case), _own(truth), strict=True)
    ]
    right = sum(case.conversation.intent == truth.conversation.intent for case, truth in pairs)
    return ReadMonth(
        figures=figures,
        moods=_moods(messages),
        intents_right=right / max(1, len(pairs)),
        conversations=len(pairs),
        left_out=len(cases) - len(pairs),
    )


def as_it_was(case: CaseRecord, row: LedgerRow) -> CaseRecord | None:
    """``case`` with what each message of the customer truly means; None when its messages are not
    those of ``row``."""
    meant = [event for event in row.events if event.kind == "customer"]
    own = _own(case)
    if len(meant) != len(own):
        return None
    understood: dict[int, Message] = {}
    for message, event in zip(own, meant, strict=True):
        if message.understanding is None or event.mood is None:
            return None
        understood[message.id] = message.replace(
            understanding=message.understanding.replace(
                language=Language(code=row.language, confidence=0.99),
                ranking=(Guess(name=event.intent or "none", confidence=event.confidence or 0.0),),
                emotion=Emotion(
                    label=event.mood,
                    intensity=event.intensity or 0.0,
                    distress=event.distress or 0.0,
                ),
            )
        )
    return case.replace(
        conversation=case.conversation.replace(language=row.language, intent=row.last_intent),
        messages=tuple(understood.get(message.id, message) for message in case.messages),
    )


def _own(case: CaseRecord) -> list[Message]:
    return [m for m in case.messages if m.author == "customer" and not m.internal]


def _moods(messages: Iterable[tuple[Message, Message]]) -> ReadMoods:
    found = ReadMoods()
    for mine, theirs in messages:
        if mine.understanding is None or theirs.understanding is None:
            continue
        read, true = mine.understanding.emotion.label, theirs.understanding.emotion.label
        upset, heard = MOOD_SCALE[true] <= UPSET_AT, MOOD_SCALE[read] <= UPSET_AT
        found = ReadMoods(
            messages=found.messages + 1,
            right=found.right + (read == true),
            upset=found.upset + upset,
            heard=found.heard + (upset and heard),
            alarms=found.alarms + (heard and not upset),
        )
    return found


def _measured(cases: list[CaseRecord]) -> MeasuredPeriod:
    first = min(case.conversation.opened_at for case in cases)
    last = max(case.conversation.opened_at for case in cases)
    measures = MonthsInMemory(sheets_of(cases, ZONE), last + LONG_AFTER, ZONE)
    return asyncio.run(measures.between(first.date(), last.date()))


async def simulated_cases(data: Path) -> list[CaseRecord]:
    """All conversations of the database in ``data``."""
    settings = load_settings(None)
    core = settings.core.model_copy(
        update={"data_dir": data, "database_url": f"sqlite:///{data / 'warmline.db'}"}
    )
    gateway = build_gateway(installed_plugins(), settings.replace(core=core))
    await gateway.open_database()
    try:
        found: list[CaseRecord] = []
        while page := await gateway.services.records.cases(
            since=datetime(2000, 1, 1, tzinfo=UTC),
            after=found[-1].conversation.id if found else 0,
            limit=PAGE,
        ):
            found += page
        return found
    finally:
        await gateway.store.stop()


def as_table(month: ReadMonth) -> str:
    """The figures that differ, as lines of a table; the farthest off first."""
    head = f"{month.conversations} conversations ({month.left_out} left out)"
    lines = [f"{head}; intents right: {month.intents_right:.3f}; moods: {month.moods._asdict()}"]
    moved = [f for f in month.figures if f.read != f.true]
    for name, read, true in sorted(moved, key=_standard_distance, reverse=True):
        inside = None not in (read.low, read.high, true.value) and (
            float(read.low or 0) <= float(true.value or 0) <= float(read.high or 0)
        )
        lines.append(f"{name} | {_text(read)} | {_text(true)} | {'in' if inside else 'OUT'}")
    same = sorted(f.name for f in month.figures if f.read == f.true)
    return "\n".join([*lines, f"the same in both: {', '.join(same)}"])


def _standard_distance(figure: MovedFigure) -> float:
    """How far it moved, in widths of its interval."""
    read, true = figure.read, figure.true
    if None in (read.value, true.value, read.low, read.high):
        return 0.0
    width = float(read.high or 0) - float(read.low or 0)
    return abs(float(read.value or 0) - float(true.value or 0)) / max(width, 1e-9)


def _text(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return f"{figure.value} (n {figure.n})"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f}, n {figure.n})"


if __name__ == "__main__":
    print(as_table(read_month(Path(sys.argv[1]))))  # noqa: T201  (its output)
