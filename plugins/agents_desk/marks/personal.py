"""What every page of one agent shows beside its subject: what is due, unread mentions, the team's
labels. Kept in memory for a moment, as each page and each refresh shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from cachetools import TTLCache

from gateway import Clock, Value
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.marks.mentions import Mention, Mentions
from plugins.agents_desk.marks.team_labels import TeamLabel, TeamLabels

LONGEST_AGE = 5.0
"""Seconds after which a page looks again: an event of another process may be lost."""
MOST_AGENTS = 2_000


class DueItem(Value, frozen=True, kw_only=True):
    """One line of the strip "Due now".

    ``key`` is what the source finds it by. ``words`` are the agent's own, or what was promised.
    ``acts``: the words are a reminder of the person's own, who may make them a draft answer, mark
    it as done and postpone it in the strip; a source without these acts has a page of its own.
    """

    key: str
    source: str
    conversation: int
    message: int = 0
    """The message that the line leads to; 0 for the conversation."""
    words: str
    due_at: datetime
    late: bool = False
    """It should have been done already, and somebody waits for it: shown before all others."""
    customer: str = ""
    """The name of the customer to whom it was promised."""
    by: str = ""
    """Who promised it: ``you``, a colleague's name, ``the bot``."""
    acts: bool = False


class DueSource(Protocol):
    """A part of the desk that knows of things to do by a time: reminders, promises.

    It is asked whenever a page is built whose copy of the answer is older than
    `LONGEST_AGE`, after an event of the topic ``desk`` that is named `name`, and after a
    change of any conversation.
    """

    @property
    def name(self) -> str:
        """The source's name, and that of the event which says that its answer has changed."""
        ...

    async def due(self, session: DeskSession, at: datetime) -> Sequence[DueItem]:
        """What the person of ``session`` is to be reminded of at ``at``."""
        ...


class PersonalView(Value, frozen=True, kw_only=True):
    """What one agent's pages show."""

    due: tuple[DueItem, ...] = ()
    unread: tuple[Mention, ...] = ()
    team_labels: tuple[TeamLabel, ...] = ()
    people: tuple[DeskAccount, ...] = ()
    """All accounts, whose names are highlighted in notes."""


class PersonalViews:
    """The views of all agents, loaded before a page is built."""

    def __init__(
        self,
        *,
        clock: Clock,
        sources: Sequence[DueSource],
        mentions: Mentions,
        labels: TeamLabels,
        accounts: DeskAccounts,
    ) -> None:
        self._clock, self._sources = clock, tuple(sources)
        self._mentions, self._labels, self._accounts = mentions, labels, accounts
        self._known: TTLCache[str, PersonalView] = TTLCache(
            MOST_AGENTS, ttl=LONGEST_AGE, timer=lambda: clock.now().timestamp()
        )
        self._team: TTLCache[str, PersonalView] = TTLCache(
            1, ttl=LONGEST_AGE, timer=lambda: clock.now().timestamp()
        )
        """What is the same for everybody."""

    async def prepare(self, session: DeskSession) -> None:
        """Load the view of whoever asks for a page."""
        if session.agent.id not in self._known:
            self._known[session.agent.id] = await self._load(session)

    def of(self, session: DeskSession) -> PersonalView:
        """As `prepare` loaded it."""
        return self._known.get(session.agent.id) or PersonalView()

    def outdate(self, agent: str = "") -> None:
        """What ``agent`` sees has changed; without one, what everybody sees."""
        if agent:
            self._known.pop(agent, None)
        else:
            self._known.clear()
            self._team.clear()

    def outdate_due(self) -> None:
        """A conversation has changed: something may be due that was not, for whomever."""
        self._known.clear()

    async def _load(self, session: DeskSession) -> PersonalView:
        now = self._clock.now()
        due = [item for source in self._sources for item in await source.due(session, now)]
        mentions = await self._mentions.of(session.agent.id)
        return (await self._shared()).replace(
            due=tuple(sorted(due, key=lambda item: (not item.late, item.due_at))),
            unread=tuple(mention for mention in mentions if mention.read_at is None),
        )

    async def _shared(self) -> PersonalView:
        """The labels and the people."""
        found = self._team.get("")
        if found is None:
            labels, people = await self._labels.all(), await self._accounts.all()
            found = self._team[""] = PersonalView(team_labels=labels, people=people)
        return found
