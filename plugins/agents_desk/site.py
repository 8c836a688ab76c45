"""The desk as a whole: builds its parts, and streams events to open pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from gateway import Json, Services, StaticAssets, packaged_yaml
from plugins.agents_desk.accounts import DeskAccounts, accounts_from_settings, demo_password
from plugins.agents_desk.actions import ConversationActions
from plugins.agents_desk.admin import AccountManager, AdminPages
from plugins.agents_desk.guard import RequestGuard
from plugins.agents_desk.html import SECURITY_HEADERS, HtmlRenderer
from plugins.agents_desk.pages import DeskPages
from plugins.agents_desk.sessions import DeskSession, DeskSessions
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.sign_in import SignInPage, SignInThrottle

CLEAN_UP_INTERVAL = 3600.0
SESSION_CHECK_INTERVAL = 15.0
"""Seconds between two checks of whether the session of an event stream is still open."""


class WebDesk:
    """The web desk at ``/desk``, where people see who is waiting, take conversations over and
    answer.

    With an https ``public_url`` the cookies are sent over https only. ``longest`` is how many
    characters an answer may have.
    """

    def __init__(
        self, *, settings: DeskSettings, data_dir: Path, public_url: str, longest: int
    ) -> None:
        self._settings, self._data_dir, self._longest = settings, data_dir, longest
        self._public_url = public_url
        self._clean_ups: list[Callable[[], Awaitable[None]]] = []
        self._closing = asyncio.Event()

    async def run(self, services: Services) -> None:
        """Delete expired entries every hour. When the gateway stops, end the open event streams,
        so that the server does not wait for them."""
        self._closing.clear()
        try:
            while True:
                for clean_up in self._clean_ups:
                    await clean_up()
                await services.clock.sleep(CLEAN_UP_INTERVAL)
        finally:
            self._closing.set()

    def routes(self, services: Services) -> list[web.RouteDef]:
        """The routes of the desk. Creates the demo user's password if there is none yet."""
        settings, storage = self._settings, services.storage
        assets = StaticAssets("plugins.agents_desk")
        html = HtmlRenderer(
            services.clock,
            asset_url=lambda name: f"/desk/static/{assets.version}/{name}",
            brands=services.brands,
        )
        accounts = DeskAccounts(storage, accounts_from_settings(settings, self._data_dir))
        sessions = DeskSessions(
            storage,
            accounts,
            clock=services.clock,
            idle=settings.idle,
            absolute=settings.absolute,
            secure=self._public_url.startswith("https://"),
        )
        guard = RequestGuard(sessions=sessions, html=html, behind_proxy=settings.behind_proxy)
        throttle = SignInThrottle(storage, services.clock)
        sign_in = SignInPage(
            accounts=accounts,
            sessions=sessions,
            throttle=throttle,
            html=html,
            guard=guard,
            audit=services.audit,
            slack=settings.slack_client_id is not None,
        )
        pages = DeskPages(
            services=services, settings=settings, html=html, guard=guard, accounts=accounts
        )
        actions = ConversationActions(
            services=services,
            pages=pages,
            html=html,
            guard=guard,
            accounts=accounts,
            longest=self._longest,
        )
        manager = AccountManager(accounts=accounts, audit=services.audit)
        admin = AdminPages(services=services, html=html, guard=guard, manager=manager)
        stream = EventStream(services=services, sessions=sessions, closing=self._closing)
        self._clean_ups = [sessions.delete_expired, throttle.delete_expired]
        routes = [
            web.get("/desk/static/{version}/{name}", _asset_handler(assets)),
            web.get("/desk/live", guard.read(stream.serve)),
            *sign_in.routes(),
            *pages.routes(),
            *actions.routes(),
            *admin.routes(),
        ]
        if settings.slack_client_id is not None:
            from plugins.agents_desk.slack_sign_in import (  # noqa: PLC0415  (the SDK is slow to load)
                SlackSignIn,
            )

            slack = SlackSignIn(
                settings=settings,
                storage=storage,
                accounts=accounts,
                sessions=sessions,
                guard=guard,
                html=html,
                audit=services.audit,
                clock=services.clock,
                public_http=services.public_http,
                public_url=self._public_url,
            )
            self._clean_ups.append(slack.delete_expired)
            routes += slack.routes()
        return routes

    def describe(self) -> Mapping[str, Json]:
        """The routes and their responses, for ``/openapi.json``."""
        part: dict[str, Json] = packaged_yaml("plugins.agents_desk", "openapi.yaml")
        return part

    def hints(self, url: str) -> Iterable[str]:
        """Where the desk is, and how the demo user signs in."""
        user = self._settings.demo_user
        yield f"Desk   {url}/desk" + (
            f"   user {user}, password {demo_password(self._data_dir)}" if user else ""
        )


def _asset_handler(assets: StaticAssets) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        try:
            version = request.match_info["version"]
            return assets.serve(request, request.match_info["name"], version=version)
        except KeyError:
            return web.Response(status=404, text="There is no such file.\n")

    return serve


@dataclass(kw_only=True)
class EventStream:
    """Server-sent events that tell an open page to refresh, and nothing else: the page fetches
    what its session may see.

    A stream ends when the browser disconnects, when the session ends and when ``closing`` is set.
    """

    services: Services
    sessions: DeskSessions
    closing: asyncio.Event

    async def serve(self, request: web.Request, session: DeskSession) -> web.StreamResponse:
        response = EventSourceResponse()
        response.headers.update(SECURITY_HEADERS)
        await response.prepare(request)
        async with response:
            endings = [
                asyncio.ensure_future(ending)
                for ending in (
                    self._send_events(response, session),
                    self._session_ends(session),
                    self.closing.wait(),
                    response.wait(),
                )
            ]
            try:
                await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for ending in endings:
                    ending.cancel()
                await asyncio.gather(*endings, return_exceptions=True)
        return response

    async def _send_events(self, response: EventSourceResponse, session: DeskSession) -> None:
        async with self.services.events.listen("desk") as events:
            await response.send("{}", event="hello", retry=2000)
            async for event in events:
                if event.name == "typing":
                    if session.agent.brands:
                        continue  # it may be another brand's customer
                    lane = json.dumps({"lane": event.data.get("lane", "")})
                    await response.send(lane, event="typing")
                else:
                    await response.send("{}", event="changed")

    async def _session_ends(self, session: DeskSession) -> None:
        while await self.sessions.is_open(session):
            await self.services.clock.sleep(SESSION_CHECK_INTERVAL)
