"""The Slack server of our tests refuses what Slack refuses, through the real SDK over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack.server import SlackServer, readable, signature


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        server.add_user("U1", "Carla")
        server.add_channel("D1", im="U1")
        server.add_channel("C1", members=("U1",))
        yield server


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_base, retry_handlers=[])


async def test_a_post_is_read_back_with_its_metadata(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    """History and replies give what was posted; metadata only when asked for."""
    metadata = {"event_type": "test", "event_payload": {"key": "k1"}}
    root = await client.chat_postMessage(channel="C1", text="root &amp; all", metadata=metadata)
    await client.chat_postMessage(channel="C1", text="below", thread_ts=root["ts"])
    history = await client.conversations_history(channel="C1", include_all_metadata=True)
    assert [m["metadata"] for m in history["messages"]] == [metadata]
    plain = await client.conversations_history(channel="C1")
    assert "metadata" not in plain["messages"][0]
    replies = await client.conversations_replies(channel="C1", ts=root["ts"])
    assert [m["text"] for m in replies["messages"]] == ["root &amp; all", "below"]
    assert slack.read("C1") == ["root & all", "below"]
    assert slack.faults == []


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({}, "no_text"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        (
            {
                "text": "x",
                "blocks": [
                    {"type": "section", "text": {"type": "plain_text", "text": "y" * 3001}},
                ],
            },
            "invalid_blocks",
        ),
        (
            {
                "text": "x",
                "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "y" * 151}}],
            },
            "invalid_blocks",
        ),
        ({"text": "x", "metadata": {"event_type": "t"}}, "invalid_metadata_format"),
        ({"text": "x", "colour": "red"}, "invalid_arguments"),
        ({"text": "x", "token": "xoxb-guessed"}, "invalid_auth"),
    ],
)
@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")
async def test_a_wrong_call_is_refused_and_recorded(
    slack: SlackServer, client: AsyncWebClient, call: dict[str, object], error: str
) -> None:
    """Limits, unknown arguments and wrong tokens are Slack's errors, and faults of the test."""
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel="C1", **call)  # type: ignore[arg-type]
    assert refused.value.response["error"] == error
    assert len(slack.faults) == 1


async def test_rate_limits_of_a_tier(slack: SlackServer, client: AsyncWebClient) -> None:
    """Too many calls within a minute get 429 with Retry-After."""
    slack.tiers = True
    for _ in range(20):
        await client.conversations_list()
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_list()
    assert refused.value.response.status_code == 429
    assert 0 < int(refused.value.response.headers["Retry-After"]) <= 61


async def test_mentions_are_recorded(slack: SlackServer, client: AsyncWebClient) -> None:
    """Whomever the app pings."""
    await client.chat_postMessage(channel="C1", text="&lt;!channel&gt; <!here> and <@U1>")
    assert slack.pings == ["<!here>", "<@U1>"]


async def test_a_file_is_uploaded(slack: SlackServer, client: AsyncWebClient) -> None:
    """The three steps of an upload end in a message with the file."""
    await client.files_upload_v2(channel="D1", content=b"abc", filename="a.txt", title="A")
    [message] = slack.said("D1")
    [file] = message["files"]
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with slack.session.get(file["url_private_download"], headers=headers) as response:
        assert await response.read() == b"abc"
    assert slack.faults == []


def test_signatures_are_the_sdks_own() -> None:
    """Our signing helper and the SDK's verifier agree."""
    theirs = SignatureVerifier("secret").generate_signature(timestamp="1700", body=b"{}")
    assert signature("secret", "1700", b"{}") == theirs


def test_markup_is_read_as_a_person_reads_it() -> None:
    """Links by label, entities undone."""
    assert readable("&lt;b&gt; <https://x.example|here> <https://y.example>") == (
        "<b> here https://y.example"
    )
