"""Brings the stored facts up to date with the database: all of them once, then what changed."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Container,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway import CaseRecord, Services
from plugins.insights.facts.case_facts import CaseFacts, Contact, Returns
from plugins.insights.facts.derive import DETECTORS, TextDetectors
from plugins.insights.facts.deriving import WORTH_WORKERS, InProcesses, InThread
from plugins.insights.facts.meaning import first_words, same_matter, unlike_pairs
from plugins.insights.facts.returns import (
    LONGEST_RETURN,
    SameMatter,
    find_returns,
    same_intent,
)
from plugins.insights.facts.store import FactState, FactStore

AT_ONCE = 500
"""Conversations that are read and derived at once."""
RECHECKED = timedelta(days=3)
"""Conversations that are so young are derived again every `RECHECK_EVERY`, for what changes
without a message: a delivery that failed, a suggestion that was ignored."""
RECHECK_EVERY = timedelta(hours=1)
MOST_CONTACTS = 200
"""The newest conversations of one customer that are joined."""
_MONTH = timedelta(seconds=LONGEST_RETURN)
MOST_COMPARED = 5_000
"""Pairs of conversations that are compared by meaning when all facts are derived, the newest."""
OnDays = Callable[[frozenset[str]], Awaitable[None]]
"""Brings what rests on the facts of some days up to date."""


class FactRefresh:
    """Derives facts from the records of conversations and stores them.

    Records are read on a connection that no turn needs, and derived in a thread, some hundred at a
    time.
    """

    def __init__(
        self,
        store: FactStore,
        services: Services,
        timezone: str,
        detectors: TextDetectors = DETECTORS,
    ) -> None:
        self._store = store
        self._records = services.records
        self._clock = services.clock
        self._encoder = services.encoder
        self._timezone = timezone
        self._zone = ZoneInfo(timezone)
        self._thread = InThread(self._zone, detectors)
        self._may_spawn = detectors is DETECTORS
        self._running = asyncio.Lock()

    async def run(self, on_days: OnDays) -> None:
        """Bring the facts up to date, then call ``on_days`` with the days on which some changed,
        appeared or vanished (erased, or too old). How far this got is stored last: what is cut off
        is done again."""
        async with self._running:
            before = await self._store.state()
            if before is None or before.timezone != self._timezone:
                await self._store.clear()
                state, days = await self._build()
                days |= set(before.days) if before else set()
            else:
                state, days = await self._update(before)
            now = await self._store.days()
            known = state.days
            days |= {day for day in {*known, *now} if known.get(day) != now.get(day)}
            await on_days(frozenset(days))
            await self._store.keep_state(_with_days(state, now))

    async def _build(self) -> tuple[FactState, set[str]]:
        """Derive all facts."""
        began = self._clock.now()
        _, newest = await self._changed(0)
        first_claims: dict[str, float] = {}
        contacts: defaultdict[int, list[Contact]] = defaultdict(list)
        days: set[str] = set()
        async with aclosing(self._derived(first_claims)) as pages:
            async for facts in pages:
                await self._store.put(facts)
                for case in facts:
                    contacts[case.customer].append(case.contact)
                    days.add(case.day)
        await self._join(contacts)
        return (
            FactState(
                timezone=self._timezone,
                message=newest,
                rechecked=began.timestamp(),
                first_claims=first_claims,
            ),
            days,
        )

    async def _derived(
        self, first_claims: dict[str, float]
    ) -> AsyncGenerator[list[CaseFacts], None]:
        """The facts of all conversations, page by page. Pages are read while others are derived;
        a long history is derived in other processes."""
        running: deque[asyncio.Task[list[CaseFacts]]] = deque()
        processes: InProcesses | None = None
        after = read = 0
        try:
            while page := await self._records.cases(after=after, limit=AT_ONCE):
                after, read = page[-1].conversation.id, read + len(page)
                _note_claims(page, first_claims)
                if processes is None and read > WORTH_WORKERS and self._may_spawn:
                    processes = InProcesses(self._timezone, self._thread)
                where = processes or self._thread
                running.append(asyncio.create_task(where.derive(page, dict(first_claims))))
                while len(running) > (processes.workers if processes else 0) + 1:
                    yield await running.popleft()
            while running:
                yield await running.popleft()
        finally:
            for task in running:
                task.cancel()
            if processes is not None:
                processes.stop()

    async def _join(self, contacts: Mapping[int, Sequence[Contact]]) -> None:
        """Store the returns of all customers who came back."""
        several = [of_customer for of_customer in contacts.values() if len(of_customer) > 1]
        same = await self._judge(several)
        by_day: defaultdict[str, dict[int, Returns]] = defaultdict(dict)
        for of_customer in several:
            found = find_returns(of_customer, same)
            for contact in of_customer:
                if contact.conversation in found:
                    day = self._day(contact.opened)
                    by_day[day][contact.conversation] = found[contact.conversation]
        for day, returns in by_day.items():
            await self._store.set_returns(day, returns)

    async def _judge(self, several: Sequence[Sequence[Contact]]) -> SameMatter:
        """What is the same matter among the contacts of each customer; by meaning only for the
        newest, since their texts must be read again."""
        if self._encoder is None:
            return same_intent
        pairs = [pair for of_customer in several for pair in unlike_pairs(of_customer)]
        pairs.sort(key=lambda pair: -pair[1].opened)
        pairs = pairs[:MOST_COMPARED]
        ids = sorted({contact.conversation for pair in pairs for contact in pair})
        texts: dict[int, str] = {}
        for start in range(0, len(ids), AT_ONCE):
            cases = await self._records.cases_by_id(ids[start : start + AT_ONCE])
            texts |= {case.conversation.id: first_words(case) for case in cases}
        return await same_matter(self._encoder, pairs, texts)

    async def _update(self, state: FactState) -> tuple[FactState, set[str]]:
        """Derive the facts of what changed, and of those who came back with it."""
        now = self._clock.now()
        changed, newest = await self._changed(state.message)
        rechecks = now - datetime.fromtimestamp(state.rechecked, now.tzinfo) >= RECHECK_EVERY
        if rechecks:
            changed |= await self._young(now)
        first_claims = dict(state.first_claims)
        days: set[str] = set()
        ids = sorted(changed)
        for start in range(0, len(ids), AT_ONCE):
            chosen = ids[start : start + AT_ONCE]
            facts = await self._with_relatives(chosen, first_claims)
            await self._store.put(facts)
            days |= {case.day for case in facts}
        return (
            FactState(
                timezone=self._timezone,
                message=newest,
                rechecked=now.timestamp() if rechecks else state.rechecked,
                first_claims=first_claims,
                days=state.days,
            ),
            days,
        )

    async def _changed(self, message: int) -> tuple[set[int], int]:
        """The conversations with messages after ``message``, and the newest message."""
        found: set[int] = set()
        while True:
            page = await self._records.changed_cases(message=message)
            if page.message == message:
                return found, message
            found.update(page.conversations)
            message = page.message

    async def _young(self, now: datetime) -> set[int]:
        found: set[int] = set()
        after = 0
        while page := await self._records.cases(since=now - RECHECKED, after=after, limit=AT_ONCE):
            found.update(case.conversation.id for case in page)
            after = page[-1].conversation.id
        return found

    async def _with_relatives(
        self, ids: Sequence[int], first_claims: dict[str, float]
    ) -> list[CaseFacts]:
        """The facts of ``ids``, and of the conversations of the same customers that are a month or
        less away: their returns may have changed."""
        chosen = await self._records.cases_by_id(ids)
        known = {case.conversation.id for case in chosen}
        of_customers: defaultdict[int, list[datetime]] = defaultdict(list)
        for case in chosen:
            of_customers[case.customer].append(case.conversation.opened_at)
        near: set[int] = set()
        for customer, changed in of_customers.items():
            for past in await self._records.earlier(customer, limit=MOST_CONTACTS):
                # What is up to two months away is needed to join what is up to one month away.
                if any(abs(past.opened_at - at) <= 2 * _MONTH for at in changed):
                    near.add(past.id)
        others = await self._records.cases_by_id(sorted(near.difference(known)))
        _note_claims((*chosen, *others), first_claims)
        facts = await self._thread.derive((*chosen, *others), first_claims)
        texts = {case.conversation.id: first_words(case) for case in (*chosen, *others)}
        groups: defaultdict[int, list[Contact]] = defaultdict(list)
        for case_facts in facts:
            groups[case_facts.customer].append(case_facts.contact)
        pairs = [pair for of_customer in groups.values() for pair in unlike_pairs(of_customer)]
        same = await same_matter(self._encoder, pairs, texts)
        return _joined(facts, known, same)

    def _day(self, at: float) -> str:
        return datetime.fromtimestamp(at, self._zone).date().isoformat()


def _with_days(state: FactState, days: dict[str, int]) -> FactState:
    return FactState(
        timezone=state.timezone,
        message=state.message,
        rechecked=state.rechecked,
        first_claims=state.first_claims,
        days=days,
    )


def _note_claims(cases: Iterable[CaseRecord], first_claims: dict[str, float]) -> None:
    """Add to ``first_claims`` what ``cases`` know of it."""
    for case in cases:
        for handoff in case.handoffs:
            if handoff.agent is not None and handoff.claimed_at is not None:
                at, agent = handoff.claimed_at.timestamp(), handoff.agent.id
                first_claims[agent] = min(at, first_claims.get(agent, at))


def _joined(
    facts: Sequence[CaseFacts], changed: Container[int], same: SameMatter
) -> list[CaseFacts]:
    """Those of ``facts`` that are a month or less from one of the ``changed`` conversations of
    their customer, with their returns."""
    of_customers: defaultdict[int, list[CaseFacts]] = defaultdict(list)
    for case in facts:
        of_customers[case.customer].append(case)
    joined: list[CaseFacts] = []
    for cases in of_customers.values():
        returns = find_returns([case.contact for case in cases], same)
        times = [case.opened for case in cases if case.conversation in changed]
        joined += [
            case.replace(returns=returns.get(case.conversation, Returns()))
            for case in cases
            if any(abs(case.opened - at) <= LONGEST_RETURN for at in times)
        ]
    return joined
