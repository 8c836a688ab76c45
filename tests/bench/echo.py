"""The baseline: an aiohttp server that reads JSON, writes it back, and does nothing else.

Run as a process: ``python -m tests.bench.echo PORT``.
"""

from __future__ import annotations

import sys

import msgspec
from aiohttp import web


async def echo(request: web.Request) -> web.Response:
    value = msgspec.json.decode(await request.read())
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


async def ready(_: web.Request) -> web.Response:
    return web.Response()


def main() -> None:
    app = web.Application()
    app.add_routes([web.post("/echo", echo), web.get("/readyz", ready)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
