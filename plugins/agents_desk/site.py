"""Joins the parts of the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

import yaml
from aiohttp import web

from gateway import House, Json
from plugins.agents_desk.assets import Assets
from plugins.agents_desk.deeds import Deeds
from plugins.agents_desk.guard import Guard
from plugins.agents_desk.live import Live
from plugins.agents_desk.pages import Pages
from plugins.agents_desk.paper import Paper
from plugins.agents_desk.people import demo_password, people
from plugins.agents_desk.sessions import Sessions
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.signing import Signing
from plugins.agents_desk.tries import Tries


class WebDesk:
    """The web desk at ``/desk``: people see who waits, take over, and answer.

    ``public_url`` tells whether cookies travel by https alone; ``longest`` is how many
    characters an answer may have.
    """

    def __init__(
        self, *, settings: DeskSettings, data_dir: Path, public_url: str, longest: int
    ) -> None:
        self._settings, self._data_dir, self._longest = settings, data_dir, longest
        self._secure = public_url.startswith("https://")
        self._closing = asyncio.Event()

    async def run(self, house: House) -> None:  # noqa: ARG002  (a `Poller` is given the house)
        """Does nothing until the house closes; then it ends the open streams, so that nobody
        waits for them."""
        self._closing.clear()
        try:
            await asyncio.Event().wait()
        finally:
            self._closing.set()

    def routes(self, house: House) -> list[web.RouteDef]:
        """Also makes the demo user's password when there is none yet."""
        wanted = self._settings
        assets = Assets()
        paper = Paper(house.clock, assets)
        sessions = Sessions(
            clock=house.clock, idle=wanted.idle, absolute=wanted.absolute, secure=self._secure
        )
        guard = Guard(sessions, paper)
        pages = Pages(house, wanted, paper, guard)
        signing = Signing(
            people=people(wanted, self._data_dir),
            sessions=sessions,
            tries=Tries(house.clock),
            paper=paper,
            guard=guard,
            behind_proxy=wanted.behind_proxy,
        )
        return [
            *assets.routes(),
            *signing.routes(),
            *pages.routes(),
            *Deeds(house, pages, guard, longest=self._longest).routes(),
            *Live(house, sessions, guard, self._closing).routes(),
        ]

    def describe(self) -> Mapping[str, Json]:
        """What its doors take and answer, for ``/openapi.json``."""
        part: dict[str, Json] = yaml.safe_load(
            files("plugins.agents_desk").joinpath("openapi.yaml").read_text("utf-8")
        )
        return part

    def hints(self, url: str) -> Iterable[str]:
        """Where the desk is, and how the demo user signs in."""
        user = self._settings.demo_user
        yield f"Desk   {url}/desk" + (
            f"   user {user}, password {demo_password(self._data_dir)}" if user else ""
        )
