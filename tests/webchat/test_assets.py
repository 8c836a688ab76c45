"""The widget's files as they are served."""

from __future__ import annotations

import re

from channels.webchat.assets import Assets
from tests.webchat.conftest import ROOT, Chat

MOST = 20_000
"""Bytes, compressed, of all the script and style that a page may have to load."""


async def test_the_whole_widget_is_small(chat: Chat) -> None:
    """All script and style together, as they go over the wire, stay below 20 kB."""
    async with chat.http.get(f"{chat.url}{ROOT}/widget.js") as answer:
        loader = await answer.text()
    version = re.search(r"\./assets/(\w+)/chat\.js", loader)
    assert version
    total = 0
    for name in Assets("channels.webchat").names:
        path = f"/assets/{version[1]}/{name}"
        headers = {"Accept-Encoding": "gzip"}
        url = chat.url + ROOT + path
        async with chat.http.get(url, headers=headers) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            total += int(answer.headers["Content-Length"])
    assert 5_000 < total < MOST


async def test_files_say_what_they_are_and_how_long_they_keep(chat: Chat) -> None:
    """Right types; the loader is asked for again, its parts are kept for ever."""
    loader, module, style = [
        await _headers(chat, path) for path in await _paths(chat, "chat.js", "chat.css")
    ]
    assert loader["Content-Type"] == module["Content-Type"] == "text/javascript; charset=utf-8"
    assert style["Content-Type"] == "text/css; charset=utf-8"
    assert loader["Cache-Control"] == "public, max-age=300"
    assert "immutable" in module["Cache-Control"]
    assert module["Access-Control-Allow-Origin"] == "*"
    assert module["X-Content-Type-Options"] == "nosniff"


async def test_an_unchanged_file_is_not_sent_again(chat: Chat) -> None:
    """A browser that has the file is told that it is still good."""
    first = await _headers(chat, "/widget.js")
    url, have = f"{chat.url}{ROOT}/widget.js", {"If-None-Match": first["ETag"]}
    async with chat.http.get(url, headers=have) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


async def test_a_page_with_an_older_loader_still_works(chat: Chat) -> None:
    """Another version's address gives the present file, which is not kept."""
    headers = await _headers(chat, "/assets/0123456789abcdef/chat.js")
    assert headers["Cache-Control"] == "no-store"


async def test_nothing_else_is_served(chat: Chat) -> None:
    """There are no other files, whatever path is tried."""
    for name in ("channel.py", "..%2fchannel.py", "%2e%2e%2fsettings.py"):
        assert (await chat.get(f"/assets/x/{name}"))[0] == 404


async def _paths(chat: Chat, *names: str) -> list[str]:
    version = Assets("channels.webchat").version
    return ["/widget.js", *(f"/assets/{version}/{name}" for name in names)]


async def _headers(chat: Chat, path: str):
    async with chat.http.get(f"{chat.url}{ROOT}{path}") as answer:
        assert answer.status == 200
        return answer.headers
