"""Two brands in one process: two support addresses of each channel, and two support channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import yaml
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP

import brand_voice
import channels.email
import channels.rest
import channels.slack.agents
import channels.slack.customers
import channels.sms
import channels.telegram
import channels.webchat
from channels.email import Email
from channels.slack import PATH
from gateway import Emotion, Guess, Insight, Language
from gateway.testing import POLICY, FakeClock, RunningGateway, running
from plugins import escalation, faq, followup
from tests.agents_slack.support_channel import (
    SUPPORT,
    KeywordUnderstander,
    SupportChannel,
    workspace,
)
from tests.conftest import until
from tests.email.test_contract import PostOffice
from tests.slack.server import SlackServer
from tests.sms.conftest import PUBLIC, SmsGateway
from tests.sms.fake_twilio import NUMBER, SID, TOKEN, FakeTwilio, running_twilio
from tests.telegram import fake_bot_api as telegram_api
from tests.telegram.conftest import SECRET as TELEGRAM_SECRET
from tests.telegram.test_contract import TelegramFarEnd
from tests.webchat.test_contract import SECRET, Browsers

SOUTH_NUMBER, SOUTH_TOKEN = "+15550100300", "5550100300:AAsouthsouthsouthsouthsouthsouth"
SOUTH_SECRET = "another-Secret_nobody_guesses"
SOUTH_CHANNEL = "C0SOUTH"
REST_TOKENS = {"north": "token-of-the-north", "south": "token-of-the-south"}
KEYS = ("sms", "whatsapp", "telegram", "email", "rest", "webchat")
ANSWERS = {"north": "North opens at nine.", "south": "South opens at ten."}
OPENERS = {"north": "Ahoy.", "south": "Howdy."}


class FarEnd(Protocol):
    """The customers of one support address."""

    async def say(self, text: str, *, id: str) -> int: ...
    async def heard(self) -> list[str]: ...


class ByNumber:
    """Customers who text one of our numbers."""

    def __init__(self, sms: SmsGateway, number: str, prefix: str = "") -> None:
        self._sms, self._number, self._prefix = sms, number, prefix

    async def say(self, text: str, *, id: str) -> int:
        form = self._sms.twilio.message(
            text,
            f"{self._prefix}+15550109999",
            To=self._prefix + self._number,
            MessageSid=f"SM{id:0>32}",
        )
        status, _ = await self._sms.post(form)
        return status

    async def heard(self) -> list[str]:
        ours = self._prefix + self._number
        return [str(sent["body"]) for sent in self._sms.twilio.sent if sent["from"] == ours]


class ByRest:
    """Customers behind one program."""

    def __init__(self, session: ClientSession, site: str, token: str) -> None:
        self._session, self._site = session, site
        self._proof = {"Authorization": f"Bearer {token}"}

    async def say(self, text: str, *, id: str) -> int:
        body = {"sender": "carla", "message": text, "message_id": id}
        url = f"/webhooks/rest{self._site}/webhook"
        async with self._session.post(url, json=body, headers=self._proof) as response:
            return response.status

    async def heard(self) -> list[str]:
        url = f"/channels/rest{self._site}/messages?sender=carla&after=0"
        async with self._session.get(url, headers=self._proof) as response:
            return [message["text"] for message in await response.json()]


class Keywords(KeywordUnderstander):
    """Also knows the question that each brand answers in its own way."""

    def _insight(self, text: str) -> Insight:
        if "open" not in text:
            return super()._insight(text)
        ranking = (Guess(name="opening_hours", confidence=0.98),)
        english = Language(code="en", confidence=1.0)
        return Insight(language=english, ranking=ranking, emotion=Emotion())


class TwoBrands:
    """The gateway, both ends of each channel, and both support channels."""

    def __init__(self, gw: RunningGateway, slack: SlackServer, clock: FakeClock) -> None:
        self.gw, self.slack, self.clock = gw, slack, clock
        self.far: dict[str, tuple[FarEnd, FarEnd]] = {}
        self.support = (
            SupportChannel(gw, slack, clock),
            SupportChannel(gw, slack, clock, channel=SOUTH_CHANNEL),
        )


def _config(folder: Path, slack: SlackServer, twilio: FakeTwilio, bots: str, mail: Sequence[int]):  # type: ignore[no-untyped-def]
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    brands: dict[str, Any] = {}
    for name, own in (("north", ""), ("south", "/south")):
        answers = {"opening_hours": {"say": {"en": {"opener": "", "body": ANSWERS[name]}}}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"answers": answers}), "utf-8")
        brands[name] = {
            "title": f"{name.capitalize()} Outdoor",
            "support_addresses": [f"{key}{own}" for key in KEYS],
            "answers": f"{name}.yaml",
        }
    brands["south"] |= {
        "support_channel": SOUTH_CHANNEL,
        "survey": {"kind": "csat", "delay_minutes": 0},
        "widget": {"title": "South Chat", "accent": "#aa3300"},
    }
    return {
        "policy": "policy.yaml",
        "public_url": PUBLIC,
        "brand_voice": {},
        "brands": brands,
        "channels": {
            "sms": {
                "account_sid": SID,
                "auth_token": TOKEN,
                "from": NUMBER,
                "api_base": twilio.url,
                "numbers": {"south": {"from": SOUTH_NUMBER}},
            },
            "telegram": {
                "bot_token": telegram_api.TOKEN,
                "secret": TELEGRAM_SECRET,
                "api_base": bots,
                "bots": {"south": {"bot_token": SOUTH_TOKEN, "secret": SOUTH_SECRET}},
            },
            "email": {
                "address": "North <help@north.example>",
                "smtp_port": 0,
                "outgoing": {"host": "127.0.0.1", "port": mail[0]},
                "mailboxes": {
                    "south": {
                        "address": "South <help@south.example>",
                        "outgoing": {"host": "127.0.0.1", "port": mail[1]},
                    }
                },
            },
            "rest": {
                "token": REST_TOKENS["north"],
                "sites": {"south": {"token": REST_TOKENS["south"]}},
            },
            "webchat": {"secret": SECRET, "sites": {"south": {}}},
            "slack": {
                "bot_token": slack.bot_token,
                "signing_secret": slack.signing_secret,
                "api_base": slack.api_base,
                "customers": False,
            },
        },
        "plugins": {
            "faq": {"answers": "north.yaml", "packaged": False},
            "escalation": {},
            "followup": {"delay_minutes": 0, "quiet": None},
            "agents_slack": {
                "channel": SUPPORT,
                "bot_token": slack.bot_token,
                "api_base": slack.api_base,
                "pace": 0,
                "grace": 0,
            },
        },
    }


@asynccontextmanager
async def two_brands(folder: Path) -> AsyncIterator[TwoBrands]:
    """One process with everything twice."""
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(workspace(clock))
        slack.add_channel(SOUTH_CHANNEL, name="south", members=("UBEN",))
        twilio = await stack.enter_async_context(running_twilio())
        api, other = telegram_api.FakeBotApi(), telegram_api.FakeBotApi(SOUTH_TOKEN)
        api.others[SOUTH_TOKEN] = other
        server = TestServer(api.app(), skip_url_asserts=True)
        await stack.enter_async_context(server)
        posts = PostOffice("help@north.example"), PostOffice("help@south.example")
        ports = [await stack.enter_async_context(_post_office(post)) for post in posts]
        config = _config(folder, slack, twilio, str(server.make_url("/bot")), ports)
        modules = (
            *(brand_voice, faq, escalation, followup, Keywords()),
            *(channels.sms, channels.telegram, channels.email, channels.rest, channels.webchat),
            *(channels.slack.agents, channels.slack.customers),
        )
        gw = await stack.enter_async_context(
            running(*modules, config=config, tmp_path=folder, clock=clock)
        )
        slack.events_url = gw.url + PATH
        session = await stack.enter_async_context(ClientSession(gw.url))
        both = TwoBrands(gw, slack, clock)
        sms = SmsGateway(gw, twilio)
        both.far["sms"] = ByNumber(sms, NUMBER), ByNumber(sms, SOUTH_NUMBER)
        both.far["whatsapp"] = (
            ByNumber(sms, NUMBER, "whatsapp:"),
            ByNumber(sms, SOUTH_NUMBER, "whatsapp:"),
        )
        both.far["telegram"] = (
            TelegramFarEnd(gw, api, session),
            TelegramFarEnd(
                gw, other, session, path="/channels/telegram/south/webhook", secret=SOUTH_SECRET
            ),
        )
        mailbox = gw.gateway.registrations.channels["email"]
        assert isinstance(mailbox, Email)
        port = await until(lambda: mailbox.smtp_port)
        for post in posts:
            post.gw, post.port = gw, port
        both.far["email"] = posts
        both.far["rest"] = (
            ByRest(session, "", REST_TOKENS["north"]),
            ByRest(session, "/south", REST_TOKENS["south"]),
        )
        chats = Browsers(), Browsers("/channels/webchat/sites/south")
        for chat in chats:
            chat.gw, chat.http = gw, session
            await chat.meet("carla")
        both.far["webchat"] = chats
        yield both
        api.release()
        other.release()
        assert (slack.faults, api.violations, other.violations) == ([], [], [])


@asynccontextmanager
async def _post_office(post: PostOffice) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(post, hostname="far.example", loop=loop), "127.0.0.1", 0
    )
    async with server:
        yield int(server.sockets[0].getsockname()[1])
