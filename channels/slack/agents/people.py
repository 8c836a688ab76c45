"""Who the people in the workspace are, and which of them may answer customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from channels.slack.agents.line import Line, Refused
from gateway import Agent, Clock, TryLater, Unsure, Value, WarmlineError

AGAIN = timedelta(seconds=10)
"""Somebody may have joined just now: the list is read again for a stranger, so often at most."""
SLACKBOT = "USLACKBOT"


class Known(Value, frozen=True, kw_only=True):
    """A user as Slack told at ``at``; ``full`` is a member of this workspace, no guest, no bot."""

    id: str
    name: str
    full: bool
    at: datetime


class People:
    """An agent is who ``listed`` names, or else a full member of the channel
    (``conversations.members``, ``users.info``). Believed for ``fresh`` seconds."""

    def __init__(
        self,
        line: Line,
        clock: Clock,
        *,
        channel: str,
        listed: tuple[str, ...] | None,
        fresh: float,
    ) -> None:
        self._line, self._clock = line, clock
        self._channel = channel
        self._listed = frozenset(listed) if listed is not None else None
        self._fresh = timedelta(seconds=fresh)
        self._known: dict[str, Known] = {}
        self._members: frozenset[str] = frozenset()
        self._members_at: datetime | None = None
        self._home: tuple[str, str] | None = None
        self.archive = ""
        """The address below which the channel's messages are; known once Slack was asked."""

    async def agent(self, user: str) -> Agent | None:
        """None: this is no agent. Raises WarmlineError when Slack cannot be asked."""
        if self._listed is not None:
            if user not in self._listed:
                return None
            names = await self.names((user,))
            return Agent(id=f"slack:{user}", name=names.get(user, user))
        if user == SLACKBOT or not await self._is_member(user):
            return None
        known = await self._look(user)
        return Agent(id=f"slack:{user}", name=known.name) if known.full else None

    async def names(self, users: Iterable[str]) -> Mapping[str, str]:
        """Display names of those whom Slack tells us now: a name is no reason to wait."""
        found: dict[str, str] = {}
        for user in users:
            try:
                found[user] = (await self._look(user)).name
            except WarmlineError:
                continue
        return found

    def forget(self, user: str | None = None) -> None:
        """Somebody joined, left or changed: ask again."""
        self._members_at = None
        if user is not None:
            self._known.pop(user, None)

    async def _is_member(self, user: str) -> bool:
        now = self._clock.now()
        age = now - self._members_at if self._members_at else None
        if age is None or age > self._fresh or (user not in self._members and age > AGAIN):
            try:
                self._members = frozenset(await self._read_members())
                self._members_at = now
            except (TryLater, Unsure):
                if user not in self._members:
                    raise  # an outage makes nobody a stranger, and nobody an agent
        return user in self._members

    async def _read_members(self) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = await self._line.now(
                "conversations.members", channel=self._channel, limit=500, **more
            )
            found += page["members"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return found

    async def _look(self, user: str) -> Known:
        now = self._clock.now()
        known = self._known.get(user)
        if known is not None and now - known.at <= self._fresh:
            return known
        try:
            told = (await self._line.now("users.info", user=user))["user"]
        except Refused:
            fresh = Known(id=user, name=user, full=False, at=now)
        except (TryLater, Unsure):
            if known is None:
                raise
            return known  # an outage makes nobody a stranger
        else:
            fresh = Known(id=user, name=name(told), full=await self._full(told), at=now)
        self._known[user] = fresh
        return fresh

    async def _full(self, told: Mapping[str, Any]) -> bool:
        flags = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
        if any(told.get(flag) for flag in (*flags, "is_app_user")):
            return False
        team, enterprise = self._home or await self._ask_home()
        theirs = str((told.get("enterprise_user") or {}).get("enterprise_id") or "")
        return told.get("team_id") == team or bool(enterprise and theirs == enterprise)

    async def _ask_home(self) -> tuple[str, str]:
        us = await self._line.now("auth.test")
        self._home = (str(us.get("team_id", "")), str(us.get("enterprise_id") or ""))
        self.archive = f"{str(us.get('url', '')).rstrip('/')}/archives/{self._channel}"
        return self._home


def name(user: Mapping[str, Any]) -> str:
    """display_name is what people see; real_name stands in where it is empty."""
    profile = user.get("profile") or {}
    for one in (profile.get("display_name"), profile.get("real_name"), user.get("real_name")):
        if isinstance(one, str) and one.strip():
            return " ".join(one.split())[:80]
    return str(user.get("id", ""))
