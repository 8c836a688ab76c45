"""The page on which a new shop tries its chat, at the gateway's own address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

from gateway import BadConfig, Problem, Services


class FirstPage:
    """Serves one HTML file at ``/``, read again for every visitor."""

    name = "first page"

    def __init__(self, file: Path) -> None:
        """Raises BadConfig when there is no such file."""
        self._file = file
        if not file.is_file():
            problem = Problem(file=str(file), line=0, key="", message="cannot be read")
            raise BadConfig([problem])

    def routes(self, services: Services) -> Iterable[web.RouteDef]:  # noqa: ARG002  (part of HttpRoutes)
        return [web.get("/", self._serve)]

    def hints(self, url: str) -> Iterable[str]:
        """See `StartupHints`."""
        yield f"Your page with the chat   {url}/"
        yield f"The desk                  {url}/desk"

    async def _serve(self, _: web.Request) -> web.Response:
        try:
            text = await asyncio.to_thread(self._file.read_text, "utf-8")
        except OSError:
            raise web.HTTPNotFound from None
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=text, content_type="text/html", headers=headers)
