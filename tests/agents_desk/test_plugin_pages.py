"""Plugins show pages within the desk, under its session and its rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from gateway import (
    BadConfig,
    DeskPage,
    DeskPageProvider,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    NotFound,
    Services,
    Settings,
    hookimpl,
)
from gateway.testing import running
from plugins import agents_desk
from tests.agents_desk.conftest import Visit, as_config, user


class Notebook:
    """A page that shows what was written last, and a file of it."""

    path, title = "/desk/notebook/{name}", ""

    def __init__(self, right: DeskRight) -> None:
        self.right: DeskRight = right
        self.written = "nothing"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        if request.path["name"] == "lost":
            raise NotFound("There is no notebook lost")
        if request.query.get("as") == "csv":
            return DeskPageResult(file=b"a,b\r\n", file_name="n.csv", media_type="text/csv")
        form = (
            f'<form method="post"><input type="hidden" name="csrf" value="{request.csrf}"></form>'
        )
        return DeskPageResult(title="Notebook", html=f"<h1>{self.written}</h1>{form}")

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        self.written = request.value("text")
        return DeskPageResult(redirect="/desk/notebook/mine")


class NotebookPlugin:
    """Registers the page ``pages`` times."""

    def __init__(self, right: DeskRight = "see_all", pages: int = 1) -> None:
        self.page, self._pages = Notebook(right), pages

    def desk_pages(self, services: Services) -> Sequence[DeskPage]:
        return [self.page] * self._pages

    @hookimpl
    def register_desk_pages(
        self, register: Callable[[DeskPageProvider], None], settings: Settings
    ) -> None:
        register(self)


@asynccontextmanager
async def visiting(plugin: NotebookPlugin, tmp_path: Path) -> AsyncIterator[Visit]:
    """A browser at a desk with the pages of ``plugin``. Ana is a lead, Cleo an agent."""
    users = [as_config(user("ana")), as_config(user("cleo", "agent"))]
    config = {"plugins": {"agents_desk": {"users": users}}}
    async with (
        running(agents_desk, plugin, config=config, tmp_path=tmp_path) as gateway,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as http,
    ):
        yield Visit(http, gateway.url)


async def test_a_page_is_shown_in_the_frame_and_its_form_is_submitted(tmp_path: Path) -> None:
    async with visiting(NotebookPlugin(), tmp_path) as visit:
        await visit.sign_in("ana")
        await visit.open("/desk/notebook/mine")
        assert "<h1>nothing</h1>" in visit.page
        assert "Warmline desk" in visit.page
        response = await visit.send("/desk/notebook/mine", text="a line")
        assert response.status == 200
        assert "<h1>a line</h1>" in visit.page


async def test_a_form_without_the_sessions_token_is_refused(tmp_path: Path) -> None:
    plugin = NotebookPlugin()
    async with visiting(plugin, tmp_path) as visit:
        await visit.sign_in("ana")
        response = await visit.send("/desk/notebook/mine", csrf="00", text="forged")
    assert response.status == 403
    assert plugin.page.written == "nothing"


async def test_only_people_with_the_right_see_a_page(tmp_path: Path) -> None:
    async with visiting(NotebookPlugin(), tmp_path) as visit:
        stranger = await visit.open("/desk/notebook/mine")
        assert stranger.url.path == "/desk/sign-in"
        await visit.sign_in("cleo")
        assert (await visit.open("/desk/notebook/mine")).status == 403


async def test_a_page_may_answer_with_a_file_or_with_not_found(tmp_path: Path) -> None:
    async with visiting(NotebookPlugin("work"), tmp_path) as visit:
        await visit.sign_in("cleo")
        file = await visit.open("/desk/notebook/mine?as=csv")
        assert file.headers["Content-Disposition"] == 'attachment; filename="n.csv"'
        lost = await visit.open("/desk/notebook/lost")
        assert lost.status == 404
        assert "There is no notebook lost." in visit.page


async def test_a_path_that_is_registered_twice_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="registered twice"):
        async with visiting(NotebookPlugin(pages=2), tmp_path):
            pass


async def test_a_page_on_a_path_of_the_desk_stops_the_start(tmp_path: Path) -> None:
    """It would be hidden, and nobody would know why."""
    plugin = NotebookPlugin()
    plugin.page.path = "/desk/search"
    with pytest.raises(BadConfig, match="/desk/search is a page of the desk itself"):
        async with visiting(plugin, tmp_path):
            pass
