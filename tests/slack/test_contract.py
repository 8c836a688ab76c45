"""The channels' contract, over Slack: signed events in, the Web API out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import channels.slack.customers
from gateway import Address, File
from gateway.testing import Check, ProviderSimulator, RunningGateway, Trouble, checks, post_raw
from tests.slack.server import SlackServer, escaped

QUALITY = Path(channels.slack.__file__).with_name("quality.yaml")
DMS = {"carla": ("D1", "U1"), "dario": ("D2", "U2")}


class Workspace:
    """Customers who write to our app in a DM."""

    hostile: Sequence[str] = (
        "<!channel> <!here> <!everyone>",
        "<@U1> and <@U0BOT> and <#C1|general>",
        "<!subteam^S123|@support> <!date^1392734382^{date}|today>",
        "<https://evil.example|https://bank.example>",
        "*bold* _it_ ~no~ `code` ```more``` > quote",
        "&lt;!channel&gt; &amp;amp; &#60; < > & \"'",
        ":tada: :8080: @channel @here #general",
    )
    largest = 1_000_000

    def __init__(self, slack: SlackServer, gw: RunningGateway) -> None:
        self.slack, self.gw = slack, gw
        self.secrets = (slack.signing_secret, slack.bot_token)
        self._sent: dict[str, dict[str, object]] = {}

    def address(self, name: str) -> Address:
        return Address(channel="slack", value=f"{self.slack.team}/{DMS[name][0]}")

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        again = id in self._sent
        if not again:
            shared = [self.slack.add_file(file.name, file.media_type, file.data) for file in files]
            more = {"files": shared, "subtype": "file_share"} if shared else {}
            self._sent[id] = self.slack.message(*DMS[name], escaped(text), **more)
        event_id = f"Ev{id}"
        status, _ = await self.slack.event(self._sent[id], retry=int(again), event_id=event_id)
        return status

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        body = text.encode()
        headers: dict[str, str | bytes] = {**self.slack.signed(body, secret="guessed")}
        if proof != b"guessed":
            headers["X-Slack-Signature"] = proof
        return await post_raw(self.slack.events_url, body, headers)

    async def post(self, body: bytes) -> int:
        headers = {**self.slack.signed(body), "Content-Type": "application/json"}
        return (await self.slack.post(body, headers))[0]

    async def heard(self, name: str = "carla") -> list[str]:
        return self.slack.read(DMS[name][0])

    async def files(self, name: str = "carla") -> list[bytes]:
        said = self.slack.said(DMS[name][0])
        shared = [file for message in said for file in message.get("files", ())]
        return [self.slack.uploads[file["id"]]["data"] for file in shared]

    def trouble(self, *kinds: Trouble) -> None:
        for kind in kinds:
            self.slack.trouble("error" if kind == "never" else kind)

    @property
    def calls(self) -> int:
        return len(self.slack.made("chat.postMessage"))


@pytest.fixture
def far_end(slack: SlackServer, gw: RunningGateway) -> ProviderSimulator:
    return Workspace(slack, gw)


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_contract(check: Check, far_end: ProviderSimulator) -> None:
    """What every channel must do."""
    await check(far_end)
