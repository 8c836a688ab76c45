"""The page on which a new shop tries its chat, at the gateway's own address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

from gateway import BadConfig, Problem, Services, site_origin


class FirstPage:
    """Serves one HTML file at ``/``, read again for every visitor."""

    name = "first page"

    def __init__(self, file: Path, *, public_url: str) -> None:
        """Raises BadConfig when there is no such file."""
        self._file = file
        origin = site_origin(public_url)
        socket = origin.replace("http", "ws", 1)
        # The page is the team's own, with styles in it; scripts are the gateway's alone.
        self._policy = (
            f"default-src 'self'; script-src 'self' {origin}; style-src 'self' {origin} "
            f"'unsafe-inline'; connect-src 'self' {origin} {socket}; img-src * blob: data:; "
            "frame-ancestors 'none'"
        )
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
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": self._policy}
        return web.Response(text=text, content_type="text/html", headers=headers)
