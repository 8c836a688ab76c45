"""No test, and no process that a test starts, can reach another machine."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import aiohttp
import pytest
from loopback_only import NetworkBlocked
from pytest_socket import SocketConnectBlockedError

ELSEWHERE = "192.0.2.1"
"""An address of TEST-NET-1 (RFC 5737), which belongs to nobody."""

pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use socket")


async def test_asyncio_is_refused() -> None:
    """A connection of asyncio to another machine is refused."""
    with pytest.raises((SocketConnectBlockedError, NetworkBlocked)):
        await asyncio.open_connection(ELSEWHERE, 80)


async def test_a_client_is_refused() -> None:
    """So is one of the HTTP client that the gateway uses."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises((SocketConnectBlockedError, NetworkBlocked)):
            await session.get(f"http://{ELSEWHERE}/")


@pytest.mark.parametrize("how", ["connect", "connect_ex"])
def test_a_plain_socket_is_refused(how: str) -> None:
    """Both ways to connect are watched. Patching ``connect`` alone would miss the second."""
    with socket.socket() as one, pytest.raises((SocketConnectBlockedError, NetworkBlocked)):
        getattr(one, how)((ELSEWHERE, 80))


def test_a_datagram_is_refused() -> None:
    """Datagrams need no connection and are watched as well."""
    with socket.socket(type=socket.SOCK_DGRAM) as one, pytest.raises(NetworkBlocked):
        one.sendto(b"hello", (ELSEWHERE, 53))


def test_a_name_is_not_looked_up() -> None:
    """A name server is another machine, too."""
    with pytest.raises(NetworkBlocked):
        socket.getaddrinfo("warmline.example", 80)


def test_a_started_python_is_refused() -> None:
    """A server or command that a test starts is guarded as well."""
    code = f"import socket; socket.create_connection(({ELSEWHERE!r}, 80), timeout=5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "tests reach nothing but this machine" in done.stderr


async def test_this_machine_can_be_reached() -> None:
    """By address and by name."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        for host in ("127.0.0.1", "localhost"):
            reader, writer = await asyncio.open_connection(host, port)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
