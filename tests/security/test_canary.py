"""No log holds what customers write or what our settings keep secret."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import channels.slack.customers
from gateway import Reply, Turn
from gateway.cli import common
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.settings.loading import DeclaredSection
from gateway.testing import FakeClock, FakeHandler, RunningGateway, running
from tests.agents_slack.support_channel import workspace
from tests.rest.test_contract import TOKEN as REST_TOKEN
from tests.slack.server import SlackServer
from tests.sms import fake_twilio as twilio
from tests.story.far_ends import FAR_ENDS
from tests.telegram import fake_bot_api as telegram_api
from tests.telegram.conftest import SECRET as TELEGRAM_SECRET
from tests.webchat.test_contract import SECRET as WEBCHAT_SECRET

SECRET = re.compile(r"(^|_)(token|secret|password|api_key|password_hash)$")
CANARY = "zanzibarquokka"
CARD = "4111 1111 1111 1111"
SECRETS = (
    *(CANARY, CARD, "quokka@canary.example"),
    *(REST_TOKEN, WEBCHAT_SECRET, TELEGRAM_SECRET, telegram_api.TOKEN, twilio.TOKEN),
)


def answer(turn: Turn) -> Reply | None:
    """Repeats the message, or fails: then a person gets it."""
    if "fail" in turn.message.text:
        raise RuntimeError("a plugin is broken")
    return Reply(body=(f"You said {turn.message.text}",))


class Opener:
    """Runs a gateway with one channel."""

    def __init__(self, folder: Path, slack: SlackServer, clock: FakeClock) -> None:
        self.workspace, self._folder, self._clock = slack, folder, clock

    @asynccontextmanager
    async def __call__(self, channel: ModuleType, **sections: Any) -> AsyncIterator[RunningGateway]:
        config: dict[str, Any] = {}
        if public_url := sections.pop("public_url", None):
            config["public_url"] = public_url
        if "slack" in sections:
            sections["slack"] = {
                "bot_token": self.workspace.bot_token,
                "signing_secret": self.workspace.signing_secret,
                "api_base": self.workspace.api_base,
                "customers": True,
            }
        config["channels"] = sections
        async with running(
            channel,
            FakeHandler(answer),
            config=config,
            tmp_path=self._folder,
            clock=self._clock,
        ) as gw:
            if channel is channels.slack.customers:
                self.workspace.events_url = f"{gw.url}/channels/slack/events"
            yield gw


@pytest.mark.parametrize("name", FAR_ENDS)
@pytest.mark.parametrize("style", ["json", "text"])
async def test_logs_hold_no_words_and_no_secrets(
    name: str,
    style: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A dialogue, a failing plugin and an agent's answer on each channel, with logs at the level
    DEBUG."""
    common.logs(style, logging.DEBUG)
    clock = FakeClock()
    async with workspace(clock) as slack:
        secrets = (*SECRETS, slack.bot_token, slack.signing_secret)
        async with FAR_ENDS[name](Opener(tmp_path, slack, clock), clock) as far:
            for number, said in enumerate(("hello", "fail now")):
                text = f"{said} {CANARY} {CARD} quokka@canary.example"
                assert await far.say(text, id=f"canary{number}") == 200
                await far.gw.settled()
            agent = far.gw.desk_agent("ben")
            card = await agent.claim()
            await agent.answer(card, f"My {CANARY} answer")
            await far.gw.services.desk.note(card.conversation.id, agent.agent, f"{CANARY} note")
            await far.gw.gateway.store.customers.export(far.address("carla"))
    captured = capsys.readouterr()
    logged = captured.err + captured.out
    assert "handler.failed" in logged
    for secret in secrets:
        assert secret not in logged, secret
    # The log also has the warnings and errors of libraries.
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    for secret in secrets:
        assert not any(secret in warning for warning in warnings), secret


@pytest.mark.parametrize(
    "declared", PluginRegistry(installed_plugins()).declared(), ids=lambda section: section.name
)
def test_settings_do_not_show_their_secrets(declared: DeclaredSection) -> None:
    """Sections may be printed: a field with the name of a secret is a SecretStr."""
    for name, field in declared.model.model_fields.items():
        if SECRET.search(name):
            assert "SecretStr" in str(field.annotation), f"{declared.name}.{name}"
