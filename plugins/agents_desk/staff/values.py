"""What is stored about the people of the desk, and what a page shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from gateway import Value
from plugins.agents_desk.staff.assignment import CAPACITY

PresenceState = Literal["available", "break", "away"]


class Shift(Value, frozen=True, kw_only=True):
    """Hours of work on a day: minutes since midnight there. One that ends at or before its
    beginning ends on the next day."""

    begin: int
    end: int


class StaffProfile(Value, frozen=True, kw_only=True):
    """When somebody works and what they can take.

    ``week``: the shifts of each day, 0 is Monday; a person without any works at any hour.
    ``exceptions``: the shifts of single days instead, none for a day off. ``languages`` none:
    nobody said which. ``most``: at most so many conversations on a channel.
    """

    agent: str
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    capacity: int = CAPACITY
    most: Mapping[str, int] = msgspec.field(default_factory=dict)
    timezone: str = "UTC"
    week: Mapping[str, tuple[Shift, ...]] = msgspec.field(default_factory=dict)
    exceptions: Mapping[date, tuple[Shift, ...]] = msgspec.field(default_factory=dict)
    peer: bool = False
    """They agreed to be asked by colleagues who need to talk."""
    peer_contact: str = ""
    share_load: bool = False
    """Leads may see how they are, by name."""
    share_praise: bool = False
    """Colleagues may read the praise they get."""


class Presence(Value, frozen=True, kw_only=True):
    """Whether somebody can be given a case, as they said last. ``missed``: they were set to away
    because they did not open what they were given."""

    state: PresenceState = "available"
    since: datetime
    missed: bool = False
    proposed: datetime | None = None
    """When a break was proposed last."""
    answered: datetime | None = None
    """When they took or declined it."""


class GivenCase(Value, frozen=True, kw_only=True):
    """A case that was given to somebody, and why. ``tried``: those who had it before and did not
    open it."""

    conversation: int
    agent: str
    name: str
    at: datetime
    epoch: int
    mode: str
    reasons: tuple[str, ...]
    tried: tuple[str, ...] = ()


class LoadSummary(Value, frozen=True, kw_only=True):
    """The ledger of one person after their last work, and what they took last. Times are seconds
    since 1970."""

    fleeting: float = 0.0
    lasting: float = 0.0
    unbroken: float = 0.0
    at: float = 0.0
    """Of the last step of work."""
    upset_in_a_row: int = 0
    upset_since_break: int = 0
    """Conversations with an upset customer since the last break."""
    last_given: float = 0.0


class PraiseNote(Value, frozen=True, kw_only=True):
    """A customer praised somebody. The words stay in the conversation, from where the page reads
    them: nothing of the customer is stored twice."""

    agent: str
    name: str
    at: datetime
    conversation: int
    message: int
    score: int | None = None


class TeamCare(Value, frozen=True, kw_only=True):
    """How a team is, as its lead may see it: none of ``relief`` and ``typical`` for fewer than five
    people at work who have not shared their own. Made once an hour, so that it cannot be watched
    change with one person's case."""

    at: datetime
    people: int
    relief: bool | None = None
    typical: Literal["light", "noticeable", "heavy"] | None = None


class Standing(Value, frozen=True, kw_only=True):
    """What the bar of every desk page says about the person who looks at it."""

    state: PresenceState = "available"
    missed: bool = False
    since: datetime | None = None
    proposal: bool = False
    """A break is proposed, and they have not answered yet."""
    given: tuple[GivenCase, ...] = ()
    """Cases that they were given and have not opened."""
    pulse: bool = False
    """This week's question is not answered yet."""
