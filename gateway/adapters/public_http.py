"""Calls to addresses that somebody outside told us: never into our own network.

The check stands where the connection is made, on the very address that it goes to: whatever a name
resolves to at that moment, wherever a redirect leads, and for numbers as well as names. So there is
no gap between looking and calling (DNS rebinding).
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from yarl import URL

NAT64 = ipaddress.ip_network("64:ff9b::/96")
TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10)


class AddressForbidden(OSError):
    """A connection to where no message may lead us."""


class PublicNetworkHttp:
    """See `ports.Outside`."""

    def session(
        self, *, own: Iterable[str] = (), timeout: aiohttp.ClientTimeout = TIMEOUT
    ) -> aiohttp.ClientSession:
        known = _Known(URL(one) for one in own)
        connector = aiohttp.TCPConnector(
            resolver=known, use_dns_cache=False, socket_factory=known.socket
        )
        return aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        )


class _Known(AbstractResolver):
    """Resolves names, remembers where our own configuration leads, and opens no other socket than
    to there or to the public network."""

    def __init__(self, own: Iterable[URL]) -> None:
        self._own = {(url.raw_host or "", url.port or 0) for url in own}
        self._resolver = aiohttp.DefaultResolver()
        self._allowed = {(host, port) for host, port in self._own if _is_number(host)}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if (host, port) in self._own:
            self._allowed |= {(one["host"], port) for one in found}
        return found

    async def close(self) -> None:
        await self._resolver.close()

    def socket(self, info: AddrInfoType) -> socket.socket:
        """A socket to the address in ``info``. Raises Forbidden."""
        family, kind, protocol, _, address = info
        host, port = str(address[0]), int(address[1])
        if (host, port) not in self._allowed and not is_public(host):
            raise AddressForbidden(
                errno.EACCES, "this address lies in a network that is not public"
            )
        return socket.socket(family, kind, protocol)


def is_public(host: str) -> bool:
    """Whether the numeric address ``host`` is one of the public network: not private, loopback,
    link-local, shared, reserved or multicast, also not when wrapped into IPv6."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            address = inner
        elif address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
