"""The channels' contract, over SMS and over WhatsApp."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from aiohttp import ClientSession

import channels.sms
from gateway import Address, File
from gateway.testing import (
    Check,
    FakeClock,
    ProviderSimulator,
    RunningGateway,
    Trouble,
    checks,
    echo,
    post_raw,
)

from .conftest import PUBLIC, SmsGateway, running_sms
from .fake_twilio import TOKEN, FakeTwilio, TwilioFailure, post_signed, signature

QUALITY = Path(channels.sms.__file__).parent / "quality.yaml"
WEBHOOK = "/channels/sms/webhook"
FAILURES: dict[Trouble, TwilioFailure] = {"broken": "down", "never": "refuse", "cut": "cut after"}


LINK = re.compile(rf"{re.escape(PUBLIC)}/channels/sms/f/\S+")
"""A file that the customer gets as a link."""


class TwilioFarEnd:
    """Customers' phones, with the fake Twilio between them and us."""

    secrets: Sequence[str] = (TOKEN,)
    hostile: Sequence[str] = (
        "</Message><Message>two</Message>",
        "a&Body=b&To=%2B15550000000",
        "{{1}} %s {0} ${x}",
        "*bold* _italic_ ~gone~ ```code```",
        "line\r\nBody: other",
        "<https://evil.example|click>",
    )
    largest = 1_000_000

    def __init__(self, sms: SmsGateway, channel: str) -> None:
        self.gw: RunningGateway = sms.gw
        self._sms, self._channel = sms, channel

    def address(self, name: str) -> Address:
        number = f"+1555010{sum(name.encode()) % 10_000:04}"
        return Address(channel=self._channel, value=number)

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        more = {"MessageSid": f"SM{id}", "NumMedia": str(len(files))}
        for index, file in enumerate(files):
            more[f"MediaUrl{index}"] = self._sms.twilio.keep(file.media_type, file.data)
            more[f"MediaContentType{index}"] = file.media_type
        form = self._sms.twilio.message(text, self._number(name), **more)
        return (await self._sms.post(form))[0]

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        form = self._sms.twilio.message(text, self._number("carla"))
        if proof == b"guessed":
            other = "https://somebody.example" + WEBHOOK
            return (await post_signed(self.gw.url + WEBHOOK, form, signed_for=other))[0]
        media = "application/x-www-form-urlencoded"
        headers = {"X-Twilio-Signature": proof, "Content-Type": media.encode()}
        return await post_raw(self.gw.url + WEBHOOK, urlencode(form).encode(), headers)

    async def post(self, body: bytes) -> int:
        form = dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": signature(PUBLIC + WEBHOOK, form),
        }
        async with (
            ClientSession() as session,
            session.post(self.gw.url + WEBHOOK, data=body, headers=headers) as answer,
        ):
            return answer.status

    async def heard(self, name: str = "carla") -> list[str]:
        return [message["body"] for message in self._sent_to(name)]

    async def files(self, name: str = "carla") -> list[bytes]:
        found = []
        async with ClientSession() as session:
            sent = self._sent_to(name)
            links = [link for message in sent for link in LINK.findall(message["body"])]
            for url in (*(url for message in sent for url in message["media"]), *links):
                async with session.get(self.gw.url + url.removeprefix(PUBLIC)) as answer:
                    found.append(await answer.read())
        return found

    def trouble(self, *kinds: Trouble) -> None:
        for kind in kinds:
            if kind == "busy":
                self._sms.twilio.fail_next("busy", after=40)
            else:
                self._sms.twilio.fail_next(FAILURES[kind], code=21614)

    @property
    def calls(self) -> int:
        return self._sms.twilio.send_calls

    def _number(self, name: str) -> str:
        value = self.address(name).value
        return f"whatsapp:{value}" if self._channel == "whatsapp" else value

    def _sent_to(self, name: str) -> list[dict[str, list[str]]]:
        return [m for m in self._sms.twilio.sent if m["to"] == self._number(name)]


@pytest.fixture(params=["sms", "whatsapp"])
async def far_end(
    request: pytest.FixtureRequest, twilio: FakeTwilio, tmp_path: Path
) -> AsyncIterator[ProviderSimulator]:
    async with running_sms(twilio, tmp_path, echo(), clock=FakeClock()) as sms:
        yield TwilioFarEnd(sms, request.param)


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_contract(check: Check, far_end: ProviderSimulator) -> None:
    """What every channel must do."""
    await check(far_end)
