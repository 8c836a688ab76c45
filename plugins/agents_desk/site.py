"""Joins the parts of the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from gateway import Json, Services, packaged_yaml
from plugins.agents_desk.accounts import Accounts
from plugins.agents_desk.assets import Assets
from plugins.agents_desk.deeds import Deeds
from plugins.agents_desk.guard import Guard
from plugins.agents_desk.live import Live
from plugins.agents_desk.managing import Managing
from plugins.agents_desk.office import Office
from plugins.agents_desk.pages import Pages
from plugins.agents_desk.paper import Paper
from plugins.agents_desk.people import People, demo_password, fixed
from plugins.agents_desk.sessions import Sessions
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.signing import Signing
from plugins.agents_desk.tries import Tries

if TYPE_CHECKING:
    from plugins.agents_desk.slack import SlackSignIn

HOUR = 3600.0


class WebDesk:
    """The web desk at ``/desk``: people see who waits, take over, and answer.

    ``public_url`` tells whether cookies travel by https alone; ``longest`` is how many
    characters an answer may have.
    """

    def __init__(
        self, *, settings: DeskSettings, data_dir: Path, public_url: str, longest: int
    ) -> None:
        self._settings, self._data_dir, self._longest = settings, data_dir, longest
        self._public_url = public_url
        self._secure = public_url.startswith("https://")
        self._tidies: tuple[Callable[[], Awaitable[None]], ...] = ()
        self._closing = asyncio.Event()

    async def run(self, services: Services) -> None:
        """Forgets each hour what is over; when the house closes it ends the open streams, so that
        nobody waits for them."""
        self._closing.clear()
        try:
            while True:
                for tidy in self._tidies:
                    await tidy()
                await services.clock.sleep(HOUR)
        finally:
            self._closing.set()

    def routes(self, services: Services) -> list[web.RouteDef]:
        """Also makes the demo user's password when there is none yet."""
        wanted = self._settings
        assets = Assets()
        paper = Paper(services.clock, assets)
        accounts = Accounts(services.storage, fixed(wanted, self._data_dir))
        sessions = Sessions(
            services.storage,
            accounts,
            clock=services.clock,
            idle=wanted.idle,
            absolute=wanted.absolute,
            secure=self._secure,
        )
        guard = Guard(sessions, paper, behind_proxy=wanted.behind_proxy)
        pages = Pages(services, wanted, paper, guard, accounts)
        tries = Tries(services.storage, services.clock)
        slack = self._slack(services, accounts, sessions, guard, paper)
        signing = Signing(
            people=People(accounts),
            sessions=sessions,
            tries=tries,
            paper=paper,
            guard=guard,
            audit=services.audit,
            slack=slack is not None,
        )
        managing = Managing(accounts, services.audit)
        self._tidies = (sessions.tidy, tries.tidy, *((slack.tidy,) if slack else ()))
        return [
            *assets.routes(),
            *signing.routes(),
            *pages.routes(),
            *(slack.routes() if slack else ()),
            *Office(services, paper, guard, accounts, managing).routes(),
            *Deeds(services, pages, guard, accounts, longest=self._longest).routes(),
            *Live(services, sessions, guard, self._closing).routes(),
        ]

    def _slack(
        self, services: Services, accounts: Accounts, sessions: Sessions, guard: Guard, paper: Paper
    ) -> SlackSignIn | None:
        if self._settings.slack_client_id is None:
            return None
        from plugins.agents_desk.slack import SlackSignIn  # noqa: PLC0415  (the SDK is slow to load)

        return SlackSignIn(
            self._settings,
            storage=services.storage,
            accounts=accounts,
            sessions=sessions,
            guard=guard,
            paper=paper,
            audit=services.audit,
            clock=services.clock,
            public_http=services.public_http,
            public_url=self._public_url,
        )

    def describe(self) -> Mapping[str, Json]:
        """What its doors take and answer, for ``/openapi.json``."""
        part: dict[str, Json] = packaged_yaml("plugins.agents_desk", "openapi.yaml")
        return part

    def hints(self, url: str) -> Iterable[str]:
        """Where the desk is, and how the demo user signs in."""
        user = self._settings.demo_user
        yield f"Desk   {url}/desk" + (
            f"   user {user}, password {demo_password(self._data_dir)}" if user else ""
        )
