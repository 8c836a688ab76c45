"""Follows the conversations: the work of each person, what customers wait for, and praise.

All of it is derived from what is stored anyway, so it may be derived again at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from gateway import (
    MOOD_SCALE,
    UPSET_AT,
    CaseRecord,
    Handoff,
    LoadLedger,
    Message,
    Pace,
    Services,
    StoredValue,
    Value,
    WorkStep,
    count_words,
    is_plain_thanks,
    upset_minutes,
    work_steps,
)
from plugins.agents_desk.access.accounts import PLUGIN, stored_entries
from plugins.agents_desk.staff.care import BREAK_SECONDS
from plugins.agents_desk.staff.storage import LOAD, WORK, StaffStorage
from plugins.agents_desk.staff.values import LoadSummary, PraiseNote

log = structlog.get_logger()

LOOK_BACK = timedelta(days=7)
"""Work before that weighs less than 1 % of what it did (`NIGHT_HALVES`)."""
CASES = 200
_UNSENT = frozenset({"failed", "discarded"})
WARM = 0.5
"""The intensity of `pleased` from which thanks to a person are praise, and the confidence of the
intent `praise`."""
MOST_PRAISE_WORDS = 60
TOP_SCORE = 5


class Handled(Value, frozen=True, kw_only=True):
    """A time in which somebody had a conversation. ``mood``: the customer's when they took it, on
    `MOOD_SCALE`."""

    begin: float
    mood: int
    steps: tuple[WorkStep, ...] = ()


class CaseFollower:
    """Call `catch_up` regularly, in one process at a time."""

    def __init__(self, services: Services, storage: StaffStorage) -> None:
        self._services, self._storage = services, storage

    async def catch_up(self) -> tuple[PraiseNote, ...]:
        """Take in what changed, and return new praise."""
        found: list[PraiseNote] = []
        changed: set[str] = set()
        cursor = await self._storage.cursor()
        if cursor is None:
            cursor = await self._begin(changed)
        records = self._services.records
        while (page := await records.changed_cases(message=cursor, claimed=True)).message != cursor:
            ids = page.conversations
            for start in range(0, len(ids), CASES):
                cases = await records.cases_by_id(ids[start : start + CASES])
                found += await self._take(cases, changed)
            cursor = page.message
        for agent in changed:
            await self._sum_up(agent)
        await self._storage.keep_cursor(cursor)  # last: what is cut off is taken in again
        return tuple(found)

    async def _begin(self, changed: set[str]) -> int:
        """The first time: what was opened in the last days. Returns the newest message of before
        this began: in what was read first people may write while the rest is read."""
        newest, after, pace = 0, 0, Pace()
        begun = self._services.clock.now()
        since = begun - LOOK_BACK
        while cases := await self._services.records.cases(since=since, after=after, limit=CASES):
            await self._take(cases, changed)
            # A provider's clock dates customers' messages, ours all others.
            ours = (m for case in cases for m in case.messages if m.author != "customer")
            newest = max([newest, *(m.id for m in ours if m.at < begun)])
            after = cases[-1].conversation.id
            await pace.rest()
        return newest

    async def _take(self, cases: Iterable[CaseRecord], changed: set[str]) -> list[PraiseNote]:
        rows: list[StoredValue] = []
        praise: list[PraiseNote] = []
        for case in cases:
            number = case.conversation.id
            for agent, handled in handled_by(case).items():
                text = msgspec.json.encode(handled).decode()
                key = f"{WORK}{agent}/{number:015}"
                rows.append(StoredValue(key=key, value=text, version=0, conversation=number))
                changed.add(agent)
            praise += praise_in(case)
        if rows:
            await self._storage.rows.put_many(PLUGIN, rows)
        return [note for note in praise if await self._storage.keep_praise(note)]

    async def _sum_up(self, agent: str) -> None:
        """Bring the summary of a person up to date, and delete work that weighs nothing."""
        now = self._services.clock.now()
        oldest = (now - LOOK_BACK).timestamp()
        handled: list[Handled] = []
        async for row in stored_entries(self._storage.rows, f"{WORK}{agent}/"):
            times = msgspec.json.decode(row.value, type=tuple[Handled, ...])
            if all(max([t.begin, *(s.at for s in t.steps)]) < oldest for t in times):
                await self._storage.drop(row.key)
            else:
                handled += times
        summary = sum_up(handled)
        await self._storage.change(LOAD + agent, LoadSummary, lambda _: summary)


def sum_up(handled: Iterable[Handled]) -> LoadSummary:
    """The ledger of one person from all times in which they had a conversation. Pure."""
    times = sorted(handled, key=lambda one: one.begin)
    ledger, last, upset = LoadLedger(), 0.0, set[int]()
    steps = sorted((s.at, s, n) for n, time in enumerate(times) for s in time.steps)
    for at, step, number in steps:
        if at - step.seconds - last >= BREAK_SECONDS:
            upset.clear()
        ledger.work(step)
        if upset_minutes(step):
            upset.add(number)
        last = max(last, at)
    row = 0
    for time in times:
        row = row + 1 if time.mood <= UPSET_AT else 0
    return LoadSummary(
        fleeting=ledger.fleeting,
        lasting=ledger.lasting,
        unbroken=ledger.unbroken,
        at=last,
        upset_in_a_row=row,
        upset_since_break=len(upset),
        last_given=times[-1].begin if times else 0.0,
    )


def handled_by(case: CaseRecord) -> dict[str, tuple[Handled, ...]]:
    """Who had the conversation, and when, by the id of the agent. Pure."""
    found: defaultdict[str, list[Handled]] = defaultdict(list)
    heard = [m for m in case.messages if m.author == "customer" and m.status not in _UNSENT]
    for handoff in case.handoffs:
        if handoff.agent is not None and handoff.claimed_at is not None:
            found[handoff.agent.id].append(_handled(handoff, handoff.claimed_at, case, heard))
    return {agent: tuple(times) for agent, times in found.items()}


def praise_in(case: CaseRecord) -> Iterator[PraiseNote]:
    """What customers said in praise of a person: warm thanks after an answer of theirs, or the best
    score with words. Pure."""
    last: Message | None = None
    for message in case.messages:
        if message.author == "agent" and not message.internal and message.status not in _UNSENT:
            last = message
        elif message.author == "customer" and last is not None and _is_praise(message):
            yield _note(case, last, message.at, message.id)
    for survey in case.surveys:
        answer = survey.answer
        if last is None or answer is None or survey.answered_at is None:
            continue
        if answer.score == TOP_SCORE and answer.comment.strip():
            heard = [m for m in case.messages if m.author == "customer"]
            heard = [m for m in heard if survey.asked_at <= m.at <= survey.answered_at]
            if heard and not _is_praise(heard[-1]):
                yield _note(case, last, survey.answered_at, heard[-1].id, answer.score)


def _is_praise(message: Message) -> bool:
    read = message.understanding
    if read is None or not 2 <= count_words(message.text) <= MOST_PRAISE_WORDS:
        return False
    if is_plain_thanks(message.text):
        return False
    meant = read.intent.name == "praise" and read.intent.confidence >= WARM
    warm = read.emotion.label == "pleased" and read.emotion.intensity >= WARM
    return meant or (warm and read.intent.name in ("thanks", "praise"))


def _note(
    case: CaseRecord, answer: Message, at: datetime, message: int, score: int | None = None
) -> PraiseNote:
    if answer.agent is None:
        raise ValueError(f"message {answer.id} of an agent names none")
    return PraiseNote(
        agent=answer.agent.id,
        name=answer.agent.name,
        at=at,
        conversation=case.conversation.id,
        message=message,
        score=score,
    )


def _handled(
    handoff: Handoff, begin: datetime, case: CaseRecord, heard: Sequence[Message]
) -> Handled:
    end, agent = handoff.closed_at, handoff.agent
    own = [
        m
        for m in case.messages
        if m.author == "agent"
        and m.agent is not None
        and agent is not None
        and m.agent.id == agent.id
        and m.at >= begin
        and (end is None or m.at <= end)
    ]
    before = [m for m in heard if m.at < begin][-1:]
    during = [m for m in heard if m.at >= begin and (end is None or m.at <= end)]
    moods = [MOOD_SCALE[m.understanding.emotion.label] for m in before if m.understanding]
    return Handled(
        begin=begin.timestamp(),
        mood=moods[-1] if moods else 0,
        steps=tuple(work_steps(begin, end, own, [*before, *during])),
    )
