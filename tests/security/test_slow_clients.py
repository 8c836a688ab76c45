"""A client that sends slowly does not hold a connection for ever."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web

import channels.rest
from gateway import Reply
from gateway.app import build_app, build_gateway
from gateway.testing import FakeHandler, PlainVoice, as_plugins, settings_for
from gateway.web import errors

GET = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
POST = (
    b"POST /webhooks/rest/webhook HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b"Content-Length: 500\r\n\r\n{"
)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[int]:
    """A gateway as `warmline serve` serves it; its port."""
    plugins = as_plugins(
        [channels.rest, FakeHandler(lambda _: Reply(body=("Yes.",))), PlainVoice()]
    )
    gateway = build_gateway(
        plugins, settings_for(plugins, {"channels": {"rest": {"open": True}}}, folder)
    )
    runner = web.AppRunner(build_app(gateway), shutdown_timeout=0.1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await errors.TimedSite(runner, listener).start()
    try:
        yield listener.getsockname()[1]
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "HEADER_TIMEOUT", 0.5)
    monkeypatch.setattr(errors, "BODY_TIMEOUT", 0.5)


async def drip(writer: asyncio.StreamWriter) -> None:
    """Headers that never end."""
    for byte in b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 1000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("before", [b"", GET], ids=["first request", "kept alive"])
@pytest.mark.parametrize("sent", ["nothing", "drips"])
async def test_headers_must_arrive_in_time(before: bytes, sent: str, tmp_path: Path) -> None:
    """Byte by byte does not help. An idle connection that was used before may stay open."""
    async with served(tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if before:
            writer.write(before)
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        dripping = asyncio.create_task(drip(writer)) if sent == "drips" else None
        try:
            async with asyncio.timeout(2):
                with suppress(ConnectionResetError):  # its last byte came too late
                    assert await reader.read() == b""
        except TimeoutError:
            assert (bool(before), sent) == (True, "nothing")
            writer.write(GET)
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        finally:
            if dripping:
                dripping.cancel()
                await asyncio.gather(dripping, return_exceptions=True)
            writer.close()


async def test_a_body_must_arrive_in_time(tmp_path: Path) -> None:
    """The answer is 408 in our format."""
    async with served(tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST)
        async with asyncio.timeout(5):
            answer = await reader.readuntil(b"}}")
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"request_timeout"' in answer
