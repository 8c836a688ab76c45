"""The customers of tests/crash for several processes, and customers who send SMS."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import aiohttp

from tests.crash.customers import (
    Customer,
    ProviderCustomer,
    RestCustomer,
    WebchatCustomer,
)
from tests.crash.ledger import Ledger
from tests.sms.fake_twilio import FakeTwilio, signature

PAUSE = 0.15
"""Seconds between two messages of one customer, while nothing waits for an answer."""
HALF_SPEED = 10
"""With this many waiting rows customers write half as fast: this test is about faults, not load."""
RETRY_DELAY = 0.3
WEBHOOK = "/channels/sms/webhook"


class SmsCustomer(ProviderCustomer):
    """A customer whose SMS Twilio delivers with its signature, until it gets OK."""

    twilio: FakeTwilio
    public: str

    def numbered(self, base: str, number: int) -> str:
        return f"{base}{number:05}"

    async def post(self, session: aiohttp.ClientSession, id: str, text: str) -> None:
        sid = "SM" + hashlib.sha256(id.encode()).hexdigest()[:32]
        form = self.twilio.message(text, self.name, MessageSid=sid)
        headers = {"X-Twilio-Signature": signature(self.public + WEBHOOK, form)}
        url = self.next_url() + WEBHOOK
        async with session.post(url, data=form, headers=headers) as response:
            response.raise_for_status()


def customers(
    ledger: Ledger, stop: object, twilio: FakeTwilio, urls: tuple[str, ...], each: int
) -> list[Customer]:
    """``each`` customers on every channel. Each uses the URLs in another order."""
    everybody: list[Customer] = []
    for i in range(each):
        rotated = (*urls[i % len(urls) :], *urls[: i % len(urls)])
        sms = SmsCustomer("sms", f"+1555{i:02}", ledger, stop, *rotated)  # type: ignore[arg-type]
        sms.twilio, sms.public = twilio, urls[0]
        everybody += [
            RestCustomer(f"rest{i}", ledger, stop, *rotated),  # type: ignore[arg-type]
            WebchatCustomer(f"chat{i}", ledger, stop, *rotated),  # type: ignore[arg-type]
            ProviderCustomer("ask", f"ask{i}", ledger, stop, *rotated),  # type: ignore[arg-type]
            ProviderCustomer("resend", f"resend{i}", ledger, stop, *rotated),  # type: ignore[arg-type]
            sms,
        ]
    for customer in everybody:
        customer.pause, customer.retry_delay = PAUSE, RETRY_DELAY
    return everybody


async def throttle(everybody: Sequence[Customer], waiting: Callable[[], Awaitable[int]]) -> None:
    """Slow customers down when their messages wait; until cancelled."""
    while True:
        with suppress(Exception):  # the database is away, and the gateway refuses messages
            pause = PAUSE * (1 + await waiting() / HALF_SPEED)
            for customer in everybody:
                customer.pause = pause
        await asyncio.sleep(0.5)
