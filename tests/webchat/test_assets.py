"""The widget's files as they are served."""

from __future__ import annotations

import re

from channels.webchat.channel import widget_assets
from tests.webchat.conftest import ROOT, Chat

MAX_BYTES = 24_000
"""Compressed size of all scripts and styles that a page loads."""


async def test_the_widget_stays_small(chat: Chat) -> None:
    """All scripts and styles together stay below 24 kB, compressed; of the languages a page loads
    English and its own."""
    async with chat.http.get(f"{chat.url}{ROOT}/widget.js") as answer:
        loader = await answer.text()
    version = re.search(r"\./assets/(\w+)/chat\.js", loader)
    assert version
    total, longest = 0, 0
    for name in widget_assets().names:
        path = f"/assets/{version[1]}/{name}"
        headers = {"Accept-Encoding": "gzip"}
        url = chat.url + ROOT + path
        async with chat.http.get(url, headers=headers) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            size = int(answer.headers["Content-Length"])
        if name.startswith("texts-"):
            longest = max(longest, size)
        else:
            total += size
    total += longest
    assert 5_000 < total < MAX_BYTES


async def test_files_have_content_types_and_cache_headers(chat: Chat) -> None:
    """The loader is cached for minutes, the versioned files for a year."""
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
    """A browser that has the file gets 304 and no body."""
    first = await _headers(chat, "/widget.js")
    url, have = f"{chat.url}{ROOT}/widget.js", {"If-None-Match": first["ETag"]}
    async with chat.http.get(url, headers=have) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


async def test_an_old_version_gets_the_current_file_uncached(chat: Chat) -> None:
    """A page with an old loader still works."""
    headers = await _headers(chat, "/assets/0123456789abcdef/chat.js")
    assert headers["Cache-Control"] == "no-store"


async def test_only_the_widgets_files_are_served(chat: Chat) -> None:
    """Any other path is 404."""
    for name in ("channel.py", "..%2fchannel.py", "%2e%2e%2fsettings.py"):
        assert (await chat.get(f"/assets/x/{name}"))[0] == 404


async def _paths(chat: Chat, *names: str) -> list[str]:
    version = widget_assets().version
    return ["/widget.js", *(f"/assets/{version}/{name}" for name in names)]


async def _headers(chat: Chat, path: str):
    async with chat.http.get(f"{chat.url}{ROOT}{path}") as answer:
        assert answer.status == 200
        return answer.headers
