"""Our app in each workspace: a client with its token, and who the people there are."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from channels.slack.api import TOKEN, BadToken, code, fault
from channels.slack.customers.settings import SlackSettings
from gateway import Clock, WarmlineError

log = structlog.get_logger(__name__)
KNOWN = 10_000
FRESH, STALE = timedelta(hours=6), timedelta(minutes=1)
"""How long a name is believed, and how long that there is none."""


class Accounts:
    """Clients by workspace, and what Slack last said of their tokens."""

    def __init__(self, settings: SlackSettings) -> None:
        self._home = _client(settings, settings.bot_token.get_secret_value())
        self._teams = {
            team: _client(settings, token.get_secret_value())
            for team, token in settings.teams.items()
        }
        self._trouble: dict[str, str] = {}

    def of(self, team: str) -> AsyncWebClient:
        """The client for a team as in `Place`: ``T1``, or ``E1.T1``. A workspace without a token
        of its own is the home one."""
        for part in reversed(team.split(".")):
            if part in self._teams:
                return self._teams[part]
        return self._home

    @property
    def home(self) -> AsyncWebClient:
        return self._home

    @property
    def trouble(self) -> str | None:
        """Which token Slack refuses, and why."""
        return next(iter(self._trouble.values()), None)

    def heard(self, team: str, error: Exception | None) -> None:
        """Remember what a call with the token of ``team`` said of it."""
        name = self._name(team)
        if isinstance(error, BadToken):
            self._trouble[name] = f"{error} ({name})"
        elif error is None:
            self._trouble.pop(name, None)

    async def check(self, clock: Clock) -> float:
        """Ask Slack whether it knows our tokens; gives how many seconds our clock is ahead of
        Slack's. Raises WarmlineError when it cannot be asked."""
        ahead = 0.0
        for team in ("", *self._teams):
            try:
                answer = await self.of(team).auth_test()
            except SlackApiError as error:
                if code(error) not in TOKEN:
                    raise fault(error) from error
                self.heard(team, fault(error))
            except Exception as error:
                raise fault(error) from error
            else:
                self.heard(team, None)
                ahead = _ahead(answer.headers, clock.now())
        return ahead

    def _name(self, team: str) -> str:
        found = [part for part in reversed(team.split(".")) if part in self._teams]
        return f"teams.{found[0]}" if found else "bot_token"


def _ahead(headers: Mapping[str, str], now: datetime) -> float:
    """By the Date of an answer (RFC 9110, 6.6.1); 0 where there is none that can be read."""
    try:
        told = parsedate_to_datetime(next(v for k, v in headers.items() if k.lower() == "date"))
        return (now - told).total_seconds()
    except (StopIteration, TypeError, ValueError):
        return 0.0


class Names:
    """Display names, remembered for some hours. Who cannot be looked up has none for a minute."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known: OrderedDict[tuple[str, str], tuple[datetime, str | None]] = OrderedDict()

    async def of(
        self, team: str, users: Iterable[str], clock: Clock, *, within: float
    ) -> dict[str, str]:
        """The names that are known within ``within`` seconds; never raises."""
        wanted = dict.fromkeys(users)
        unknown = [user for user in wanted if not self._fresh((team, user), clock.now())]
        if unknown:
            tasks = [asyncio.create_task(self._ask(team, user, clock)) for user in unknown]
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                task.cancel()
            for user, task in zip(unknown, tasks, strict=True):
                if task in late:
                    self._keep((team, user), None, clock.now())
        found = {user: self._known.get((team, user), (None, None))[1] for user in wanted}
        return {user: name for user, name in found.items() if name}

    def _fresh(self, key: tuple[str, str], now: datetime) -> bool:
        if key not in self._known:
            return False
        at, name = self._known[key]
        return now - at < (FRESH if name else STALE)

    async def _ask(self, team: str, user: str, clock: Clock) -> None:
        name = None
        try:
            answer = await self._accounts.of(team).users_info(user=user)
            name = _name(answer.get("user"))
        except Exception as error:  # noqa: BLE001  (a name is a courtesy; the message goes on)
            log.info("slack.no_name", user=user, error=_why(error))
        self._keep((team, user), name, clock.now())

    def _keep(self, key: tuple[str, str], name: str | None, now: datetime) -> None:
        self._known[key] = (now, name)
        self._known.move_to_end(key)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)


def _client(settings: SlackSettings, token: str) -> AsyncWebClient:
    # No retries of the SDK's own: they would post a message twice that was cut off.
    return AsyncWebClient(
        token=token,
        base_url=settings.api_base,
        timeout=max(1, round(settings.timeout)),
        retry_handlers=[],
    )


def _name(user: object) -> str | None:
    """display_name is what people see; real_name stands in where it is empty."""
    if not isinstance(user, dict):
        return None
    profile = user.get("profile") or {}
    for name in (profile.get("display_name"), profile.get("real_name"), user.get("real_name")):
        if isinstance(name, str) and name.strip():
            return name.strip()
    return None


def _why(error: Exception) -> str:
    try:
        return str(fault(error))
    except WarmlineError as known:
        return str(known)
    except Exception:  # noqa: BLE001  (what `fault` does not know it raises again)
        return type(error).__name__
