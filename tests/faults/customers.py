"""The customers of tests/crash, at the doors of several processes; and one with a telephone."""

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
CALM = 10
"""Waiting messages and replies for which customers write half as fast: what is tried are faults,
not how much this machine can do."""
PATIENCE = 0.3
WEBHOOK = "/channels/sms/webhook"


class SmsCustomer(ProviderCustomer):
    """Twilio calls for them, with its signature, until it hears OK."""

    twilio: FakeTwilio
    public: str

    def called(self, base: str, number: int) -> str:
        return f"{base}{number:05}"

    async def post(self, session: aiohttp.ClientSession, id: str, text: str) -> None:
        sid = "SM" + hashlib.sha256(id.encode()).hexdigest()[:32]
        form = self.twilio.message(text, self.name, MessageSid=sid)
        headers = {"X-Twilio-Signature": signature(self.public + WEBHOOK, form)}
        url = self.where() + WEBHOOK
        async with session.post(url, data=form, headers=headers) as response:
            response.raise_for_status()


def customers(
    ledger: Ledger, stop: object, twilio: FakeTwilio, urls: tuple[str, ...], each: int
) -> list[Customer]:
    """``each`` of every channel; each tries the doors in another order."""
    found: list[Customer] = []
    for i in range(each):
        turned = (*urls[i % len(urls) :], *urls[: i % len(urls)])
        sms = SmsCustomer("sms", f"+1555{i:02}", ledger, stop, *turned)  # type: ignore[arg-type]
        sms.twilio, sms.public = twilio, urls[0]
        found += [
            RestCustomer(f"rest{i}", ledger, stop, *turned),  # type: ignore[arg-type]
            WebchatCustomer(f"chat{i}", ledger, stop, *turned),  # type: ignore[arg-type]
            ProviderCustomer("pigeon", f"pigeon{i}", ledger, stop, *turned),  # type: ignore[arg-type]
            ProviderCustomer("parrot", f"parrot{i}", ledger, stop, *turned),  # type: ignore[arg-type]
            sms,
        ]
    for one in found:
        one.pause, one.patience = PAUSE, PATIENCE
    return found


async def keep_pace(everybody: Sequence[Customer], waiting: Callable[[], Awaitable[int]]) -> None:
    """Let them write no faster than they are answered; until cancelled."""
    while True:
        with suppress(Exception):  # the database is away: they are refused meanwhile
            pause = PAUSE * (1 + await waiting() / CALM)
            for one in everybody:
                one.pause = pause
        await asyncio.sleep(0.5)
