"""What only one channel has: two Slack apps, receipts of a number, two bots that poll."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import channels.sms
import channels.telegram
from channels.slack import PATH, customers
from channels.webchat.tokens import SessionTokens
from gateway import SupportAddressChannel
from gateway.app.infrastructure import plugin_name
from gateway.plugins import PluginRegistry
from gateway.testing import (
    FakeClock,
    PlainVoice,
    RunningGateway,
    as_plugins,
    echo,
    running,
    settings_for,
)
from tests.slack.server import SlackServer
from tests.sms.conftest import ANA, running_sms
from tests.sms.fake_twilio import NUMBER, FakeTwilio, running_twilio

SOUTH = "+15550100300"
TOKEN, SECRET, TEAM = "xoxb-south-token", "shhh-south-secret", "T0SOUTH"


async def _event(slack: SlackServer, gw: RunningGateway, path: str, secret: str, text: str) -> int:
    """A customer writes in the DM ``D1`` of the workspace of the south."""
    event = slack.message("D1", "U1", text)
    body = {
        "type": "event_callback",
        "team_id": TEAM,
        "event_id": "Ev1",
        "event": event,
        "authorizations": [{"team_id": TEAM, "user_id": slack.bot_user, "is_bot": True}],
    }
    raw = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **slack.signed(raw, secret=secret)}
    async with slack.session.post(gw.url + path, data=raw, headers=headers) as response:
        return response.status


async def test_two_slack_apps(tmp_path: Path) -> None:
    """Each has an endpoint, a secret and a token; one's signature is nothing to the other."""
    clock = FakeClock()
    async with SlackServer(now=lambda: clock.now().timestamp()) as slack:
        slack.add_user("U1", "Carla")
        slack.add_channel("D1", im="U1")
        slack.add_team(TEAM, TOKEN)
        section = {
            "bot_token": slack.bot_token,
            "signing_secret": slack.signing_secret,
            "api_base": slack.api_base,
            "apps": {"south": {"bot_token": TOKEN, "signing_secret": SECRET}},
        }
        config = {"channels": {"slack": section}}
        async with running(customers, echo(), config=config, tmp_path=tmp_path, clock=clock) as gw:
            south = "/channels/slack/south/events"
            assert await _event(slack, gw, PATH, SECRET, "hello") == 401
            assert await _event(slack, gw, south, slack.signing_secret, "hello") == 401
            assert await _event(slack, gw, south, SECRET, "hello") == 200
            await gw.settled()
            card = await gw.services.desk.card(1)
        assert card.conversation.address.channel_key == "slack/south"
        assert {call.token for call in slack.made("chat.postMessage")} == {TOKEN}


@pytest.fixture
async def twilio() -> FakeTwilio:
    async with running_twilio() as account:
        yield account


async def test_a_status_is_that_of_the_number_it_left_from(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """Its callback names the support address."""
    numbers = {"south": {"from": SOUTH}}
    async with running_sms(twilio, tmp_path, numbers=numbers) as sms:
        await sms.text("hello", To=SOUTH)
        assert twilio.sent[0]["from"] == SOUTH
        assert "support_address=south&message=" in twilio.sent[0]["status_callback"]
        assert (await sms.send_status("delivered"))[0] == 204
        [answer] = await sms.our_messages()
    assert answer.status == "delivered"


async def test_a_template_at_another_number(twilio: FakeTwilio, tmp_path: Path) -> None:
    """Its status names the number and the template."""
    twilio.templates = {f"HX{1:032}": "{{1}}"}
    more = {"numbers": {"south": {"from": SOUTH}}, "whatsapp_templates": {"en": f"HX{1:032}"}}
    async with running_sms(twilio, tmp_path, **more) as sms:
        await sms.text("hello", sender=f"whatsapp:{ANA}", To=f"whatsapp:{SOUTH}")
        assert twilio.sent[0]["from"] == f"whatsapp:{SOUTH}"
        await sms.send_status("failed", ErrorCode="63016")
        assert "support_address=south&message=" in twilio.sent[1]["status_callback"]
        assert twilio.sent[1]["status_callback"].endswith("&template=1")
        assert twilio.sent[1]["from"] == f"whatsapp:{SOUTH}"


async def test_two_forms_of_a_number_are_one_customer_of_one_of_ours(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """The form known at one number says nothing about the other."""
    old, new = "+5215512345678", "+525512345678"
    async with running_sms(twilio, tmp_path, numbers={"south": {"from": SOUTH}}) as sms:
        await sms.text("hello", sender=old, To=NUMBER)
        await sms.text("hello", sender=new, To=SOUTH)
        await sms.text("hello again", sender=old, To=SOUTH)
        cards = [await sms.gw.services.desk.card(number) for number in (1, 2)]
    assert [card.conversation.address.lane for card in cards] == [f"sms:{old}", f"sms/south:{new}"]
    assert len(cards[1].messages) == 4


def test_a_user_of_two_sites_has_two_homes() -> None:
    """Each site numbers its own users: one's files are not the other's."""
    homes = {
        SessionTokens(secret="s" * 32, identity_secret=None, session_days=1, site=site).home("7")
        for site in ("", "south", "east")
    }
    assert len(homes) == 3


async def test_an_opt_out_at_one_number_leaves_the_other(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    async with running_sms(twilio, tmp_path, numbers={"south": {"from": SOUTH}}) as sms:
        await sms.text("STOP", To=SOUTH)
        await sms.text("hello", To=SOUTH)
        await sms.text("hello", To=NUMBER)
    assert [(sent["from"], sent["body"]) for sent in twilio.sent] == [(NUMBER, "You said hello")]


async def test_a_number_of_another_account_is_signed_by_that_account(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """The first account's token proves nothing for it."""
    other = {"from": SOUTH, "account_sid": "AC2", "auth_token": "another-token"}
    async with running_sms(twilio, tmp_path, numbers={"south": other}) as sms:
        status, _ = await sms.post(twilio.message("hello", ANA, To=SOUTH))
        assert status == 403
        assert (await sms.post(twilio.message("hello", ANA, To=NUMBER)))[0] == 200


def test_each_bot_has_tasks_of_its_own(tmp_path: Path) -> None:
    """Else only one of two bots would be polled."""
    section = {"bot_token": "1:first", "bots": {"south": {"bot_token": "2:second"}}}
    plugins = as_plugins([channels.telegram, PlainVoice()])
    settings = settings_for(plugins, {"channels": {"telegram": section}}, tmp_path)
    found = PluginRegistry(plugins).registrations(settings)
    assert list(found.channels) == ["telegram", "telegram/south"]
    assert [plugin_name(bot) for bot in found.channels.values()] == ["telegram", "telegram/south"]
    assert all(isinstance(bot, SupportAddressChannel) for bot in found.channels.values())
