"""The far ends of all channels, each with the gateway it talks to: the providers' test servers and
the customers behind them, as the channels' contracts use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import ModuleType
from typing import Any, Protocol

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP

import channels.email
import channels.rest
import channels.slack.customers
import channels.sms
import channels.telegram
import channels.webchat
from channels.email import Email
from gateway.testing import FakeClock, ProviderSimulator, RunningGateway
from tests.conftest import until
from tests.email.test_contract import OURS, PostOffice
from tests.rest.test_contract import TOKEN as REST_TOKEN
from tests.rest.test_contract import RestClient
from tests.slack.server import SlackServer
from tests.slack.test_contract import DMS, Workspace
from tests.sms import fake_twilio as twilio
from tests.sms.conftest import PUBLIC, SmsGateway
from tests.sms.test_contract import TwilioFarEnd
from tests.telegram import fake_bot_api as telegram_api
from tests.telegram.conftest import SECRET as TELEGRAM_SECRET
from tests.telegram.test_contract import TelegramFarEnd
from tests.webchat.test_contract import SECRET as WEBCHAT_SECRET
from tests.webchat.test_contract import Browsers


class Open(Protocol):
    """Opens a gateway with one channel: its module, and its section by name. The agents answer
    from ``workspace``."""

    workspace: SlackServer

    def __call__(
        self, channel: ModuleType, **sections: Any
    ) -> AbstractAsyncContextManager[RunningGateway]: ...


Far = AbstractAsyncContextManager[ProviderSimulator]


@asynccontextmanager
async def rest(opened: Open, clock: FakeClock) -> AsyncIterator[ProviderSimulator]:
    client = RestClient()
    app = web.Application()
    app.add_routes([web.post("/callback", client.receive)])
    async with TestServer(app, skip_url_asserts=True) as server:
        section = {"token": REST_TOKEN, "callback_url": str(server.make_url("/callback"))}
        proof = {"Authorization": f"Bearer {REST_TOKEN}"}
        async with (
            opened(channels.rest, rest=section) as client.gw,
            ClientSession(client.gw.url, headers=proof) as client.session,
        ):
            yield client


@asynccontextmanager
async def webchat(opened: Open, clock: FakeClock) -> AsyncIterator[ProviderSimulator]:
    browsers = Browsers()
    async with (
        opened(channels.webchat, webchat={"secret": WEBCHAT_SECRET}) as browsers.gw,
        ClientSession(browsers.gw.url) as browsers.http,
    ):
        await browsers.meet("carla")
        yield browsers


@asynccontextmanager
async def email(opened: Open, clock: FakeClock) -> AsyncIterator[ProviderSimulator]:
    post = PostOffice()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(post, hostname="far.example", loop=loop), "127.0.0.1", 0
    )
    section = {
        "address": f"Magpie Panniers <{OURS}>",
        "smtp_port": 0,
        "outgoing": {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1]},
    }
    async with server, opened(channels.email, email=section) as post.gw:
        channel = post.gw.gateway.registrations.channels["email"]
        assert isinstance(channel, Email)
        post.port = await until(lambda: channel.smtp_port)
        yield post


def texting(channel: str) -> Callable[[Open, FakeClock], Far]:
    """SMS, or WhatsApp: the same Twilio, the same section."""

    @asynccontextmanager
    async def far(opened: Open, clock: FakeClock) -> AsyncIterator[ProviderSimulator]:
        async with twilio.running_twilio() as account:
            section = {
                "account_sid": twilio.SID,
                "auth_token": twilio.TOKEN,
                "from": twilio.NUMBER,
                "api_base": account.url,
            }
            async with opened(channels.sms, public_url=PUBLIC, sms=section) as gw:
                yield TwilioFarEnd(SmsGateway(gw, account), channel)

    return far


@asynccontextmanager
async def telegram(opened: Open, clock: FakeClock) -> AsyncIterator[ProviderSimulator]:
    api = telegram_api.FakeBotApi()
    async with TestServer(api.app(), skip_url_asserts=True) as server:
        api.base = str(server.make_url("/bot"))
        section = {
            "bot_token": telegram_api.TOKEN,
            "api_base": api.base,
            "secret": TELEGRAM_SECRET,
        }
        async with (
            opened(channels.telegram, telegram=section) as gw,
            ClientSession(gw.url) as session,
        ):
            yield TelegramFarEnd(gw, api, session)
        api.release()
    assert api.violations == []


@asynccontextmanager
async def slack(opened: Open, clock: FakeClock) -> AsyncIterator[ProviderSimulator]:
    """The customer writes to the same workspace that the agents answer from."""
    dm, user = DMS["carla"]
    opened.workspace.add_user(user, "Carla")
    opened.workspace.add_channel(dm, im=user)
    async with opened(channels.slack.customers, slack={}) as gw:
        yield Workspace(opened.workspace, gw)


FAR_ENDS: dict[str, Callable[[Open, FakeClock], Far]] = {
    "rest": rest,
    "webchat": webchat,
    "email": email,
    "sms": texting("sms"),
    "whatsapp": texting("whatsapp"),
    "telegram": telegram,
    "slack": slack,
}
