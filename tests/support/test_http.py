"""Retry-After headers, and downloads of a limited size."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from gateway import TooLarge, read_bounded, retry_after

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("value", "seconds"), [
    ("0", 0.0), ("120", 120.0), (" 7 ", 7.0), ("9" * 40, 999_999_999.0),
    ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0),
    ("Sunday, 01-Mar-26 12:00:05 GMT", 5.0),
    ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
    (None, None), ("", None), ("-5", None), ("1.5", None), ("٣", None), ("soon", None),
    ("Sun, 99 Mar 2026 12:00:00 GMT", None), ("Sun, 01 Mar 2026 12:01:30 -0000", None),
])  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    """Never negative; None for what RFC 9110 does not allow."""
    assert retry_after(value, NOW) == seconds


def test_a_date_is_compared_with_the_system_clock_by_default() -> None:
    """A date of long ago means now."""
    assert retry_after("Thu, 01 Jan 2015 00:00:00 GMT") == 0.0


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize("parts", [(), (b"",), (b"ab", b"cd"), (b"abcd",)])
async def test_a_body_within_the_limit_is_joined(parts: tuple[bytes, ...]) -> None:
    """Exactly the limit is allowed."""
    assert await read_bounded(chunks(*parts), 4) == b"".join(parts)


async def test_a_larger_body_is_refused_before_it_is_read_to_its_end() -> None:
    """Nothing after the first byte too many is asked for."""
    asked: list[bytes] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            asked.append(b"xx")
            yield b"xx"

    with pytest.raises(TooLarge, match="larger than 5 bytes"):
        await read_bounded(endless(), 5)
    assert len(asked) == 3
