"""Who sends an HTTP request, from which site, and how often they may."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiolimiter import AsyncLimiter
from cachetools import LRUCache

from gateway.ports import UnsafeSetting, WarmlineError

if TYPE_CHECKING:
    from aiohttp import web

MAX_KEYS = 10_000
"""Clients whose rate is remembered; the least recently seen are forgotten."""


def client_address(request: web.Request, proxies: int) -> str:
    """The IP address of the client that sent ``request``, as the outermost of our proxies saw it.

    ``proxies`` is how many trusted proxies in front of us each append one entry to
    ``X-Forwarded-For``. All lines of that header are one list (RFC 9110, section 5.3), of which the
    client may have written the beginning: only the last ``proxies`` entries count. An entry may
    have a port and brackets (RFC 7239, section 6). Without proxies, or without the header, it is
    the address of the peer; empty when the connection is gone.
    """
    lines = request.headers.getall("X-Forwarded-For", [])
    entries = [entry for line in lines for entry in map(str.strip, line.split(",")) if entry]
    if not proxies or not entries:
        return request.remote or ""
    return _without_port(entries[-min(proxies, len(entries))])[:64]


def _without_port(entry: str) -> str:
    entry = entry.strip('"')
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def untrusted_proxy(public_url: str, proxies: int) -> Iterator[UnsafeSetting]:
    """What is unsafe when a proxy must be in front of us, because we serve no TLS ourselves, and
    none is trusted: a plugin that limits clients reports it."""
    if proxies == 0 and public_url.startswith("https://"):
        yield UnsafeSetting(
            key="proxies",
            what="`public_url` is https, which a proxy or load balancer in front of us serves, but "
            "none is trusted: all clients count as one address, and share its limits",
            fix="set `proxies` to how many add to X-Forwarded-For (usually 1)",
        )


def client_network(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 network of one IPv6 subscriber
    (RFC 6177). Text that is no IP address stays as it is."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip), 64), strict=False))


def site_origin(url: str) -> str:
    """The origin of ``url`` as browsers write it (RFC 6454, section 6.2)."""
    parts = urlsplit(url.strip().lower())
    return f"{parts.scheme}://{parts.netloc}"


def check_origin(text: str) -> str:
    """``text`` as an origin, for a setting. Raises ValueError that says how to write one."""
    parts = urlsplit(text.strip().lower())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise ValueError("write an origin as https://host or https://host:port, without a path")
    return site_origin(text)


class TooMany(WarmlineError):
    """A limit is reached; the caller may try again in ``after`` seconds."""

    def __init__(self, message: str, *, after: float) -> None:
        super().__init__(message)
        self.after = after


class RateLimit:
    """Limits each key to ``most`` events in ``seconds`` (a minute), and to a burst of as many. Each
    process counts for itself."""

    def __init__(self, most: int, *, what: str, seconds: float = 60.0) -> None:
        self._most, self._what, self._seconds = most, what, seconds
        self._limiters: MutableMapping[str, AsyncLimiter] = LRUCache(MAX_KEYS)

    async def take(self, key: str) -> None:
        """Count one event; raises TooMany at once instead of waiting."""
        if (limiter := self._limiters.get(key)) is None:
            limiter = self._limiters[key] = AsyncLimiter(self._most, self._seconds)
        if not limiter.has_capacity():
            after = self._seconds / self._most
            raise TooMany(f"too many {self._what}; slow down a little", after=after)
        await limiter.acquire()
