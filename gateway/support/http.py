"""HTTP helpers: Retry-After headers, downloads of a limited size, and long polls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gateway.ports import TooLarge


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """The seconds to wait that a Retry-After header asks for (RFC 9110, section 10.2.3).

    ``value`` is a whole number of seconds or an HTTP date; ``now`` (with a time zone; default: the
    system clock) is what a date is compared with. The result is never negative. None when there is
    no header or it cannot be parsed.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])  # 30 years; more digits would overflow a timedelta
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    if then.tzinfo is None:
        return None
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())


async def read_bounded(chunks: AsyncIterable[bytes], limit: int) -> bytes:
    """All of ``chunks`` joined, at most ``limit`` bytes. Raises TooLarge as soon as there are more.

    Pass aiohttp's ``response.content.iter_chunked(65_536)`` or httpx's ``response.aiter_bytes()``.
    Other tasks run between two chunks, even when the whole body has arrived already.
    """
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        await asyncio.sleep(0)
    return bytes(data)


class LongPolls:
    """The long polls of one channel. After `close` none of them waits any longer."""

    def __init__(self) -> None:
        self._timeouts: set[asyncio.Timeout] = set()
        self._closed = False

    @asynccontextmanager
    async def wait(self, seconds: float) -> AsyncIterator[None]:
        """Run the block for at most ``seconds``, or until `close`; then raise TimeoutError.

        After `close` the block ends at its first wait."""
        async with asyncio.timeout(seconds) as timeout:
            self._timeouts.add(timeout)
            if self._closed:
                timeout.reschedule(0)
            try:
                yield
            finally:
                self._timeouts.discard(timeout)

    def close(self) -> None:
        """End all polls that wait now, and all later ones."""
        self._closed = True
        for timeout in self._timeouts:
            if not timeout.expired():  # an expired one ends by itself and cannot be rescheduled
                timeout.reschedule(0)
