"""What runs beside the desk, in one process: gives cases to people, takes back what they did not
open, and proposes breaks."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from gateway import (
    MOOD_SCALE,
    UPSET_AT,
    Agent,
    Conflict,
    Event,
    NotFound,
    QueueItem,
    QueuePage,
    Services,
)
from plugins.agents_desk.access.accounts import DeskAccounts
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.staff.assignment import (
    CHATS,
    Assignment,
    PushMode,
    StaffLoad,
    StaffMember,
    WaitingCase,
    assign,
    in_order,
)
from plugins.agents_desk.staff.care import load_now, may_propose, needs_relief, team_care
from plugins.agents_desk.staff.follow import CaseFollower
from plugins.agents_desk.staff.pulse import Pulse
from plugins.agents_desk.staff.storage import TEAM, StaffStorage
from plugins.agents_desk.staff.team import StaffTeam, TeamMember
from plugins.agents_desk.staff.values import GivenCase, LoadSummary, PraiseNote, TeamCare

log = structlog.get_logger()
INTERVAL = 10.0
"""Seconds between two looks when no event calls for one: presence and shifts change by themselves,
and a case that is held back waits for less than a minute."""
MOST_WAITING = 200
"""Waiting cases that are looked at: more than a team can take at once."""
NOTICE = "notice"
"""The name of the event of topic ``desk`` that is for one person alone."""
TEAM_EVERY = timedelta(hours=1)


class StaffRunner:
    """One `step` does all that is due."""

    def __init__(self, services: Services, accounts: DeskAccounts, settings: DeskSettings) -> None:
        self._services, self._settings = services, settings
        self._storage = StaffStorage(services.storage)
        self._team = StaffTeam(self._storage, accounts, settings)
        self._follower = CaseFollower(services, self._storage)
        self._pulse = Pulse(self._storage)
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._go_on())

    async def _listen(self) -> None:
        async with self._services.events.listen("desk") as events:
            async for event in events:
                if self._settings.assignment != "pull" and event.name != NOTICE:
                    self._changed.set()

    async def _go_on(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self.step()
            except Exception:
                log.exception("staff.failed")  # the next round tries again
            waits = (
                asyncio.ensure_future(self._services.clock.sleep(INTERVAL)),
                asyncio.ensure_future(self._changed.wait()),
            )
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def step(self) -> None:
        """Follow the conversations; take back, give, propose; and tell people."""
        now = self._services.clock.now()
        for note in await self._follower.catch_up():
            self._praise(note, now)
        members = await self._team.members(now)
        unopened = await self._storage.unopened()
        mode = self._settings.assignment
        if mode != "pull" or unopened:
            page = await self._services.desk.queue_page(most=MOST_WAITING)
            if await self._take_back(unopened, page, members, now):
                members = await self._team.members(now)
                page = await self._services.desk.queue_page(most=MOST_WAITING)
            if mode != "pull" and page.waiting:
                await self._give(page, members, mode, now)
        await self._propose_breaks(members, now)
        await self._look_at_team(members, now)

    # -- cases -------------------------------------------------------------------------------------

    async def _give(
        self, page: QueuePage, members: Sequence[TeamMember], mode: PushMode, now: datetime
    ) -> None:
        loads = _loads(page, members, now)
        people = [_member(member) for member in members]
        items = {item.conversation.id: item for item in page.waiting}
        cases = [await self._waiting_case(item) for item in items.values()]
        for case in in_order(cases):
            refused: set[str] = set()
            while True:
                free = [person for person in people if person.agent.id not in refused]
                chosen = assign(case, free, loads, now, mode=mode)
                if chosen.agent is None:
                    break
                try:
                    await self._hand(items[case.conversation], case, chosen, mode)
                except Conflict:
                    break  # somebody took it meanwhile
                except NotFound:
                    refused.add(chosen.agent.id)  # they may not see it any more
                    continue
                given = loads.get(chosen.agent.id, StaffLoad())
                loads[chosen.agent.id] = _with(given, case, now)
                break

    async def _hand(
        self, item: QueueItem, case: WaitingCase, chosen: Assignment, mode: PushMode
    ) -> None:
        """Claim the case for the person. Raises Conflict when somebody took it meanwhile."""
        agent, now, conversation = chosen.agent, self._services.clock.now(), case.conversation
        if agent is None:
            raise ValueError(f"conversation {conversation} is given to nobody")
        card = await self._services.desk.claim(conversation, agent, epoch=item.conversation.epoch)
        await self._storage.keep_given(
            GivenCase(
                conversation=conversation,
                agent=agent.id,
                name=agent.name,
                at=now,
                epoch=card.conversation.epoch,
                mode=mode,
                reasons=chosen.reasons,
                tried=tuple(sorted(case.tried)),
            )
        )
        await self._services.audit.record(
            "desk", "given", conversation=conversation, detail=f"to {agent.id} by {mode}"
        )
        self._tell(agent.id, "given", conversation=conversation)

    async def _take_back(
        self,
        unopened: Sequence[GivenCase],
        page: QueuePage,
        members: Sequence[TeamMember],
        now: datetime,
    ) -> bool:
        """Let what was given and not opened wait again; return whether anything was."""
        held = {item.conversation.id: item.conversation for item in page.held}
        wrote = {member.id: member.load.at for member in members if member.load}
        taken = False
        for given in unopened:
            conversation = held.get(given.conversation)
            owner = conversation.owner if conversation else None
            if (
                conversation is None
                or owner is None
                or owner.id != given.agent
                or (
                    wrote.get(given.agent, 0.0) > given.at.timestamp()
                    and await self._answered(given)
                )
            ):
                await self._storage.opened(given.conversation)
            elif now - given.at >= timedelta(seconds=self._settings.open_within):
                taken = await self._put_back(given, owner, conversation.epoch, now) or taken
        return taken

    async def _put_back(self, given: GivenCase, owner: Agent, epoch: int, now: datetime) -> bool:
        """Let the case wait again, for others first; whoever did not open it is away."""
        minutes = max(1, round(self._settings.open_within / 60))
        try:
            await self._services.desk.put_back(
                given.conversation, owner, epoch=epoch, reason=f"not opened within {minutes} min"
            )
        except (Conflict, NotFound):
            return False  # it changed meanwhile: the next round looks again
        await self._storage.not_opened(given)
        await self._storage.change_presence(
            given.agent, now, lambda p: p.replace(state="away", since=now, missed=True)
        )
        self._tell(given.agent, "missed", conversation=given.conversation)
        return True

    async def _answered(self, given: GivenCase) -> bool:
        """Whether the person wrote in the conversation since: in Slack nobody sees it opened."""
        card = await self._services.desk.card(given.conversation)
        return any(
            m.at >= given.at and m.author == "agent" and m.agent and m.agent.id == given.agent
            for m in card.messages
        )

    async def _waiting_case(self, item: QueueItem) -> WaitingCase:
        given = await self._storage.given(item.conversation.id)
        return WaitingCase(
            conversation=item.conversation.id,
            channel=item.conversation.address.channel,
            brand=item.conversation.brand,
            language=item.conversation.language or item.customer.language,
            skills=item.handoff.skills,
            tier=item.handoff.tier,
            priority=item.handoff.priority,
            harm=any(reason.code == "harm" for reason in item.handoff.reasons),
            upset=_is_upset(item),
            waiting_since=item.handoff.created_at,
            tried=frozenset(given.tried) if given else frozenset(),
        )

    # -- care --------------------------------------------------------------------------------------

    async def _propose_breaks(self, members: Sequence[TeamMember], now: datetime) -> None:
        care = self._settings.care
        for member in members:
            if not member.at_work or not needs_relief(member.load, now, care):
                continue
            if not may_propose(member.presence, now, care):
                continue
            await self._storage.change_presence(member.id, now, lambda p: p.replace(proposed=now))
            self._tell(member.id, "break")

    async def _look_at_team(self, members: Sequence[TeamMember], now: datetime) -> None:
        """Once an hour: what leads may know, and the pulse of weeks that are over."""
        before = await self._storage.team()
        if before is not None and now - before.at < TEAM_EVERY:
            return
        loads = [
            (load_now(m.load, now), needs_relief(m.load, now, self._settings.care))
            for m in members
            if m.at_work and not m.profile.share_load
        ]
        await self._storage.change(TEAM, TeamCare, lambda _: team_care(loads, now))
        await self._pulse.delete_small(now)

    def _praise(self, note: PraiseNote, now: datetime) -> None:
        if now - note.at < timedelta(days=1):
            self._tell(note.agent, "praise", conversation=note.conversation)

    def _tell(self, agent: str, kind: str, *, conversation: int = 0) -> None:
        """Tell the open pages of one person. There are no words in it: the page fetches them."""
        self._services.events.publish(
            Event(
                topic="desk",
                name=NOTICE,
                conversation=conversation,
                data={"to": agent, "kind": kind},
            )
        )


def _loads(page: QueuePage, members: Sequence[TeamMember], now: datetime) -> dict[str, StaffLoad]:
    opened: defaultdict[str, Counter[str]] = defaultdict(Counter)
    upset: Counter[str] = Counter()
    for item in page.held:
        owner, channel = item.conversation.owner, item.conversation.address.channel
        if owner is not None and (channel in CHATS or item.customer_waits):
            opened[owner.id][channel] += 1
            upset[owner.id] += item.customer_waits and _is_upset(item)
    return {
        member.id: StaffLoad(
            open=dict(opened[member.id]),
            open_upset=upset[member.id],
            load=load_now(member.load, now),
            upset_in_a_row=member.load.upset_in_a_row if member.load else 0,
            last_given=_last_given(member.load),
        )
        for member in members
    }


def _member(member: TeamMember) -> StaffMember:
    profile, agent = member.profile, member.account.agent
    return StaffMember(
        agent=agent,
        skills=frozenset((*agent.skills, *profile.skills)),
        languages=frozenset(profile.languages),
        capacity=profile.capacity,
        most=profile.most,
        at_work=member.at_work,
        available=member.at_work and member.presence.state == "available",
    )


def _with(load: StaffLoad, case: WaitingCase, now: datetime) -> StaffLoad:
    """``load`` after ``case`` was given to that person."""
    opened: Mapping[str, int] = load.open
    return load.replace(
        open={**opened, case.channel: opened.get(case.channel, 0) + 1},
        open_upset=load.open_upset + case.upset,
        upset_in_a_row=load.upset_in_a_row + 1 if case.upset else 0,
        last_given=now,
    )


def _is_upset(item: QueueItem) -> bool:
    return MOOD_SCALE[item.mood.label] <= UPSET_AT


def _last_given(load: LoadSummary | None) -> datetime | None:
    return datetime.fromtimestamp(load.last_given, UTC) if load and load.last_given else None
