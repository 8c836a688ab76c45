"""The help centre of an invented shop, on a server of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

CENTRE = Path(__file__).parents[1] / "knowledge" / "helpcentre"


@asynccontextmanager
async def help_centre() -> AsyncIterator[str]:
    """The help centre on a server of this machine, and its address."""

    async def serve(request: web.Request) -> web.Response:
        file = CENTRE / request.path.lstrip("/")
        if not file.is_file() or file.suffix in (".py", ".yaml", ".md"):
            raise web.HTTPNotFound
        data = await asyncio.to_thread(file.read_bytes)
        types = {".html": "text/html", ".xml": "application/xml", ".txt": "text/plain"}
        if file.suffix in types:
            data = data.replace(b"{{base}}", f"{request.scheme}://{request.host}".encode())
        return web.Response(
            body=data, content_type=types.get(file.suffix, "application/octet-stream")
        )

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")
