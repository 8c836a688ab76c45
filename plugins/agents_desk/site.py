"""The desk as a whole: builds its parts, and runs what runs beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from gateway import (
    DeskPage,
    Json,
    Services,
    ShadowPeriod,
    StaticAssets,
    UnsafeSetting,
    packaged_yaml,
    untrusted_proxy,
)
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.account_links import AccountLinks
from plugins.agents_desk.access.account_page import AccountPage
from plugins.agents_desk.access.accounts import DeskAccounts, accounts_from_settings, demo_password
from plugins.agents_desk.access.admin import AccountManager
from plugins.agents_desk.access.audit_pages import AuditPages
from plugins.agents_desk.access.joining import AccountJoining, JoinPage
from plugins.agents_desk.access.second_factor_pages import SecondFactorPages
from plugins.agents_desk.access.sessions import DeskSession, DeskSessions
from plugins.agents_desk.access.sign_in import SignInPage
from plugins.agents_desk.access.throttle import SignInThrottle
from plugins.agents_desk.access.user_pages import UserPages
from plugins.agents_desk.actions import ConversationActions
from plugins.agents_desk.case.actions import CaseActions
from plugins.agents_desk.case.promises import PromiseBoard
from plugins.agents_desk.composing.companions import ConversationCompanions
from plugins.agents_desk.composing.reply_pages import ReplyPages
from plugins.agents_desk.composing.saved_replies import SavedReplies
from plugins.agents_desk.guard import RequestGuard, RequestHandler
from plugins.agents_desk.html import HtmlRenderer
from plugins.agents_desk.lists.bulk import BulkActs
from plugins.agents_desk.lists.navigation import ListNavigator
from plugins.agents_desk.lists.pages import ListPages
from plugins.agents_desk.lists.views import SavedViews
from plugins.agents_desk.live import LiveStreams
from plugins.agents_desk.marks.part import DeskMarks
from plugins.agents_desk.outgoing.part import Outgoing
from plugins.agents_desk.pages import DeskPages
from plugins.agents_desk.plugin_pages import PluginPages, check_free, collect_pages, describe_pages
from plugins.agents_desk.queue import QueueBoards
from plugins.agents_desk.search import SearchPages
from plugins.agents_desk.settings import DeskSettings
from plugins.agents_desk.staff.pages import staff_routes
from plugins.agents_desk.staff.runner import StaffRunner
from plugins.agents_desk.staff.standing import StandingReader
from plugins.agents_desk.staff.storage import StaffStorage
from plugins.agents_desk.staff.team import StaffTeam

CLEAN_UP_INTERVAL = 3600.0


class WebDesk:
    """The web desk at ``/desk``, where people see who is waiting, take conversations over and
    answer.

    With an https ``public_url`` the cookies are sent over https only. ``longest`` is how many
    characters an answer may have, ``largest`` how many bytes a file of an agent, and ``proxies``
    how many trusted proxies are in front of us.
    """

    def __init__(
        self,
        *,
        settings: DeskSettings,
        data_dir: Path,
        public_url: str,
        longest: int,
        largest: int,
        proxies: int = 0,
    ) -> None:
        self._settings, self._data_dir, self._longest = settings, data_dir, longest
        self._largest = largest
        self._public_url = public_url
        self._proxies = proxies or int(settings.behind_proxy)
        self._clean_ups: list[Callable[[], Awaitable[None]]] = []
        self._live: LiveStreams | None = None
        self._acts: BulkActs | None = None
        self._marks: DeskMarks | None = None
        self._plugin_pages: tuple[DeskPage, ...] = ()

    async def run(self, services: Services) -> None:
        """Keep open pages current, and delete expired entries every hour."""
        async with asyncio.TaskGroup() as group:
            if self._live is not None:
                group.create_task(self._live.run())
            if self._acts is not None:
                group.create_task(self._acts.run())
            if self._marks is not None:
                group.create_task(self._marks.run())
            group.create_task(self._clean_up(services))

    async def _clean_up(self, services: Services) -> None:
        while True:
            for clean_up in self._clean_ups:
                await clean_up()
            await services.clock.sleep(CLEAN_UP_INTERVAL)

    async def watch(self, services: Services) -> None:
        """Give cases to people and look after them, in one process at a time: `ExclusiveTask`."""
        fixed = accounts_from_settings(self._settings, self._data_dir)
        accounts = DeskAccounts(services.storage, fixed)
        await StaffRunner(services, accounts, self._settings).run()

    def stand_by(self) -> None:
        """Another process does what `watch` does."""

    def routes(self, services: Services) -> list[web.RouteDef]:
        """The routes of the desk. Creates the demo user's password if there is none yet."""
        settings, storage = self._settings, services.storage
        assets = StaticAssets("plugins.agents_desk")
        self._plugin_pages = plugin_pages = collect_pages(services)
        accounts = DeskAccounts(storage, accounts_from_settings(settings, self._data_dir))
        staff = StaffStorage(storage)
        team = StaffTeam(staff, accounts, settings)
        promises = PromiseBoard(services, team.is_at_work, colleagues=settings.read_colleagues)
        self._marks = marks = DeskMarks(services, accounts, [promises])
        html = HtmlRenderer(
            services.clock,
            asset_url=lambda name: f"/desk/static/{assets.version}/{name}",
            brands=services.brands,
            menu=[page for page in plugin_pages if page.title],
            shared={**marks.shared, "shadow": partial(_shadow, services)},
        )
        sessions = DeskSessions(
            storage,
            accounts,
            clock=services.clock,
            idle=settings.idle,
            absolute=settings.absolute,
            secure=self._public_url.startswith("https://"),
            second_factor=settings.second_factor,
        )
        standing = StandingReader(staff, services.clock, settings)
        guard = RequestGuard(
            sessions=sessions,
            html=html,
            proxies=self._proxies,
            prepare=marks.views.prepare,
            standing=standing.complete,
        )
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
        boards = QueueBoards(services)
        self._live = live = LiveStreams(services=services, sessions=sessions, boards=boards)
        second_factor = SecondFactorPages(
            accounts=accounts,
            sessions=sessions,
            throttle=throttle,
            html=html,
            guard=guard,
            audit=services.audit,
            clock=services.clock,
            public_url=self._public_url,
        )
        views = SavedViews(storage)
        navigator = ListNavigator(
            services=services, boards=boards, views=views, everybody=settings.read_colleagues
        )
        outgoing = Outgoing(services)
        replies = SavedReplies(storage)
        pages = DeskPages(
            services=services,
            settings=settings,
            html=html,
            guard=guard,
            accounts=accounts,
            boards=boards,
            navigator=navigator,
            outgoing=outgoing,
            staff=staff,
            replies=replies,
            presence=live.presence,
            opened=live.opened,
            marks=marks,
        )
        actions = ConversationActions(
            services=services,
            pages=pages,
            html=html,
            guard=guard,
            accounts=accounts,
            longest=self._longest,
            marks=marks.actions,
            outgoing=outgoing,
            replies=replies,
            undo_send=settings.undo_send,
        )
        composing = (
            ReplyPages(services=services, html=html, guard=guard, replies=replies),
            ConversationCompanions(
                services=services, html=html, guard=guard, presence=live.presence
            ),
        )
        self._acts = acts = BulkActs(services=services, accounts=accounts, changed=boards.outdate)
        lists = ListPages(
            services=services,
            settings=settings,
            html=html,
            guard=guard,
            accounts=accounts,
            pages=pages,
            navigator=navigator,
            views=views,
            acts=acts,
        )
        data = PersonData(storage, accounts, services.audit, services)
        manager = AccountManager(
            accounts=accounts, audit=services.audit, data=data, keep_admin=True
        )
        links = AccountLinks(storage, accounts, services.clock)
        joining = AccountJoining(
            accounts=accounts,
            links=links,
            audit=services.audit,
            clock=services.clock,
            public_url=self._public_url,
        )
        people = (
            AuditPages(services=services, html=html, guard=guard),
            UserPages(services=services, html=html, guard=guard, manager=manager, joining=joining),
            JoinPage(
                joining=joining,
                sessions=sessions,
                throttle=throttle,
                html=html,
                guard=guard,
                audit=services.audit,
            ),
            AccountPage(
                storage=storage,
                accounts=accounts,
                sessions=sessions,
                throttle=throttle,
                html=html,
                guard=guard,
                audit=services.audit,
            ),
        )
        self._clean_ups = [
            sessions.delete_expired,
            throttle.delete_expired,
            links.delete_expired,
            *outgoing.clean_ups,
        ]
        routes = [
            assets.route("/desk/static"),
            web.get("/desk/live", guard.read(live.serve)),
            *sign_in.routes(),
            *second_factor.routes(),
            *pages.routes(),
            *actions.routes(),
            *CaseActions(services=services, pages=pages, html=html, guard=guard).routes(),
            *outgoing.routes(
                html=html, guard=guard, pages=pages, largest=self._largest, longest=self._longest
            ),
            *SearchPages(
                services=services, html=html, guard=guard, colleagues=settings.read_colleagues
            ).routes(),
            *lists.routes(),
            *marks.routes(html, guard, live, colleagues=settings.read_colleagues),
            *staff_routes(
                services=services, settings=settings, html=html, guard=guard, accounts=accounts
            ),
            *(route for part in (*composing, *people) for route in part.routes()),
        ]
        if settings.slack_client_id is not None:
            from plugins.agents_desk.access.slack_sign_in import (  # noqa: PLC0415  (the SDK is slow to load)
                SlackSignIn,
            )

            slack = SlackSignIn(
                settings=settings,
                storage=storage,
                accounts=accounts,
                sessions=sessions,
                throttle=throttle,
                guard=guard,
                html=html,
                audit=services.audit,
                clock=services.clock,
                public_http=services.public_http,
                public_url=self._public_url,
            )
            self._clean_ups.append(slack.delete_expired)
            routes += slack.routes()
        check_free(plugin_pages, routes)
        routes += PluginPages(pages=plugin_pages, html=html, guard=guard).routes()
        return [*routes, web.get("/desk/{any:(?s:.*)}", _not_found(html, guard))]

    def describe(self) -> Mapping[str, Json]:
        """The routes and their responses, for ``/openapi.json``; with the pages of other plugins
        once `routes` was called."""
        part: dict[str, Any] = packaged_yaml("plugins.agents_desk", "openapi.yaml")
        part["paths"].update(describe_pages(self._plugin_pages))
        return part

    def unsafe_settings(self) -> Iterable[UnsafeSetting]:
        """What is unsafe in public."""
        if self._settings.demo_user:
            yield UnsafeSetting(
                key="plugins.agents_desk.demo_user",
                what="the desk has a demo user, an admin whose password is in a file and in the "
                "output of every start",
                fix="remove it, and add people with `warmline desk user add`",
            )
        yield from untrusted_proxy(self._public_url, self._proxies)

    def hints(self, url: str) -> Iterable[str]:
        """Where the desk is, and how the demo user signs in."""
        user = self._settings.demo_user
        yield f"Desk   {url}/desk" + (
            f"   user {user}, password {demo_password(self._data_dir)}" if user else ""
        )


def _not_found(html: HtmlRenderer, guard: RequestGuard) -> RequestHandler:
    """Answers GET for what is no page: a browser gets a page with a way back, whoever else asks the
    gateway's JSON."""

    async def show(_request: web.Request, _session: DeskSession) -> web.StreamResponse:
        text = "There is no such page at the desk. The link may be old, or mistyped."
        return html.message("Not found", text, status=404)

    shown = guard.read(show)

    async def handle(request: web.Request) -> web.StreamResponse:
        if "text/html" not in request.headers.get("Accept", ""):
            raise web.HTTPNotFound
        return await shown(request)

    return handle


def _shadow(services: Services) -> ShadowPeriod | None:
    """The time in shadow mode that lasts, for the banner on each page."""
    return services.shadow.known.current if services.shadow else None
