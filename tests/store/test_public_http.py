"""Requests to addresses from messages never reach our own network."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from gateway.adapters.public_http import PublicNetworkHttp, is_public


@pytest.fixture
async def inner() -> AsyncIterator[TestServer]:
    """An internal service."""

    async def secret(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["to"]})

    app = web.Application()
    app.add_routes([web.get("/secret", secret), web.get("/away", away)])
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.9.9.9", "0.0.0.0",  # noqa: S104
    "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1", "localhost", "example.com", "", "127.1", "0x7f000001", "2130706433",
])  # fmt: skip
def test_internal_addresses_are_not_public(host: str) -> None:
    """Private, loopback, link-local, shared, reserved, multicast, mapped, or not a number."""
    assert not is_public(host)


@pytest.mark.parametrize("host", ["93.184.215.14", "8.8.8.8", "2606:4700:4700::1111",
                                  "::ffff:8.8.8.8", "64:ff9b::808:808"])  # fmt: skip
def test_public_addresses_are_public(host: str) -> None:
    """Also when mapped to IPv6."""
    assert is_public(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"])  # noqa: S104
async def test_an_internal_service_is_not_reachable(inner: TestServer, host: str) -> None:
    """Neither by number nor by name."""
    async with PublicNetworkHttp().session() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://{host}:{inner.port}/secret")


async def test_a_configured_address_is_reachable(inner: TestServer) -> None:
    """An address from the settings may be internal; only with its own port."""
    for host in ("127.0.0.1", "localhost"):
        url = f"http://{host}:{inner.port}"
        async with (
            PublicNetworkHttp().session(own=(f"{url}/api/",)) as session,
            session.get(f"{url}/secret") as answer,
        ):
            assert await answer.text() == "secret"
    async with PublicNetworkHttp().session(own=("http://127.0.0.1:1/",)) as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://127.0.0.1:{inner.port}/secret")


async def test_a_redirect_to_an_internal_address_is_refused(inner: TestServer) -> None:
    """Every connection is checked."""
    other = web.Application()
    reached: list[str] = []

    async def hit(_: web.Request) -> web.Response:
        reached.append("hit")
        return web.Response()

    other.add_routes([web.get("/", hit)])
    server = TestServer(other)
    await server.start_server()
    own = f"http://127.0.0.1:{inner.port}"
    async with PublicNetworkHttp().session(own=(own,)) as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{own}/away", params={"to": f"http://127.0.0.1:{server.port}/"})
    assert reached == []
    await server.close()


class RebindingResolver(AbstractResolver):
    """Resolves every name to our own address."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        return [{"hostname": host, "host": "127.0.0.1", "port": port,
                 "family": socket.AF_INET, "proto": 0, "flags": 0}]  # fmt: skip

    async def close(self) -> None:
        return None


async def test_dns_rebinding_is_refused(inner: TestServer) -> None:
    """The check uses the address that the connection goes to."""
    async with PublicNetworkHttp().session() as session:
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        connector._resolver._resolver = RebindingResolver()  # type: ignore[attr-defined]
        with pytest.raises(aiohttp.ClientConnectorError, match="not public"):
            await session.get(f"http://innocent.example:{inner.port}/secret")


async def test_cookies_are_not_kept() -> None:
    """No request sends a cookie of an earlier one."""
    async with PublicNetworkHttp().session() as session:
        assert isinstance(session.cookie_jar, aiohttp.DummyCookieJar)
