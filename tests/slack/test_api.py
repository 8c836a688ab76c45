"""Where our token may be sent, and what Slack's errors mean for both sides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from channels.slack.api import CODES, CallPace, SlackApi, SlackRefused, Workspaces
from channels.slack.files import may_send_token
from gateway import TryLater, Undeliverable, Unsure
from gateway.testing import FakeClock
from tests.slack.server import Kind, SlackServer

SLACK = "https://slack.com/api/"
GOVSLACK = "https://slack-gov.com/api/"
LOOPBACK = "http://127.0.0.1:8080/api/"


@pytest.mark.parametrize(
    ("url", "api_base"),
    [
        ("https://files.slack.com/files-pri/T1-F1/download/a.txt", SLACK),
        ("https://FILES.slack.com:443/a.txt", SLACK),
        ("https://slack.com/files/a.txt", SLACK),
        ("https://files.slack-gov.com/a.txt", GOVSLACK),
        ("http://127.0.0.1:8080/files-pri/a.txt", LOOPBACK),
    ],
)
def test_our_token_goes_to_slack(url: str, api_base: str) -> None:
    """To Slack's file server by https, and to the origin of the configured API."""
    assert may_send_token(url, api_base)


@pytest.mark.parametrize(
    ("url", "api_base"),
    [
        ("http://files.slack.com/a.txt", SLACK),
        ("http://slack.com/a.txt", SLACK),
        ("https://files.slack.com:8443/a.txt", SLACK),
        ("https://evil.slack.com/a.txt", SLACK),
        ("https://hooks.slack.com/a.txt", SLACK),
        ("https://files.slack.com.evil.example/a.txt", SLACK),
        ("https://evil-files.slack.com/a.txt", SLACK),
        ("https://files.slack.com./a.txt", SLACK),
        ("https://files.slack.com@evil.example/a.txt", SLACK),
        ("https://evil.example/@files.slack.com", SLACK),
        ("https://evil.example#@files.slack.com", SLACK),
        ("https://evil.example\\@files.slack.com/a.txt", SLACK),
        ("https://user@files.slack.com/a.txt", SLACK),
        ("https://:secret@files.slack.com/a.txt", SLACK),
        ("https://f\u0131les.slack.com/a.txt", SLACK),
        ("https://files.slack-gov.com/a.txt", SLACK),
        ("//files.slack.com/a.txt", SLACK),
        ("files.slack.com/a.txt", SLACK),
        ("ftp://files.slack.com/a.txt", SLACK),
        ("https://files.slack.com:port/a.txt", SLACK),
        ("", SLACK),
        ("https://files.slack.com/a.txt", LOOPBACK),
        ("https://127.0.0.1:8080/a.txt", LOOPBACK),
        ("http://127.0.0.1:8081/a.txt", LOOPBACK),
        ("http://user@127.0.0.1:8080/a.txt", LOOPBACK),
        ("http://127.0.0.1:8080.evil.example/a.txt", LOOPBACK),
        ("http://localhost:8080/a.txt", LOOPBACK),
    ],
)
def test_our_token_goes_nowhere_else(url: str, api_base: str) -> None:
    """Not without TLS, not to another host, port or subdomain, not to what only looks alike."""
    assert not may_send_token(url, api_base)


def test_every_error_code_has_one_meaning() -> None:
    codes = [code for group in CODES.values() for code in group]
    assert len(codes) == len(set(codes))


# -- over HTTP -------------------------------------------------------------------------------------


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        server.add_user("U1", "Carla")
        server.add_channel("D1", im="U1")
        yield server


@pytest.fixture
def api(slack: SlackServer) -> SlackApi:
    return SlackApi(token=slack.bot_token, api_base=slack.api_base, timeout=0.5)


async def post(api: SlackApi) -> None:
    await api.call("chat.postMessage", channel="D1", text="hello")


@pytest.mark.parametrize("code", CODES["later"])
async def test_a_pause_is_tried_again(slack: SlackServer, api: SlackApi, code: str) -> None:
    slack.trouble("error", error=code)
    with pytest.raises(TryLater):
        await post(api)


@pytest.mark.parametrize("code", CODES["unsure"])
async def test_half_done_is_unsure(slack: SlackServer, api: SlackApi, code: str) -> None:
    slack.trouble("error", error=code)
    with pytest.raises(Unsure):
        await post(api)


@pytest.mark.parametrize("kind", ["broken", "cut", "drop", "hang"])
async def test_a_lost_answer_is_unsure(slack: SlackServer, api: SlackApi, kind: Kind) -> None:
    """Slack may have posted the message."""
    slack.trouble(kind)
    with pytest.raises(Unsure):
        await post(api)
    slack.release()


async def test_retry_after_is_passed_on(slack: SlackServer, api: SlackApi) -> None:
    slack.trouble("busy", after=17)
    with pytest.raises(TryLater) as later:
        await post(api)
    assert later.value.after == 17


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_auth", "token"),
        ("account_inactive", "token"),
        ("missing_scope", "token"),
        ("channel_not_found", "unreachable"),
        ("thread_not_found", "message_gone"),
        ("invalid_blocks", "bad_blocks"),
        ("something_new", "refused"),
    ],
)
async def test_a_refusal_has_a_kind(
    slack: SlackServer, api: SlackApi, code: str, kind: str
) -> None:
    slack.trouble("error", error=code)
    with pytest.raises(SlackRefused) as refused:
        await post(api)
    assert (refused.value.code, refused.value.kind) == (code, kind)


async def test_trouble_ends_when_its_method_succeeds(slack: SlackServer, api: SlackApi) -> None:
    """The success of another method does not hide a missing scope."""
    slack.trouble("error", error="missing_scope")
    with pytest.raises(SlackRefused) as refused:
        await post(api)
    api.report(refused.value)
    assert api.trouble == "Slack refuses our token: missing_scope (bot_token)"
    await api.call("users.info", user="U1")
    assert api.trouble is not None
    await post(api)
    assert api.trouble is None


def test_each_workspace_has_its_own_token() -> None:
    """Known by its team or its organisation; others use the home one until we know whose it is."""

    def api(name: str) -> SlackApi:
        return SlackApi(token=name, api_base=SLACK, timeout=1, token_name=name)

    workspaces = Workspaces(api("home"), {"T2": api("two"), "E3": api("three")})
    teams = ("T1", "T2", "E3.T2", "E3.T9", "E9.T9")
    assert [workspaces.api_for(team).token for team in teams] == [
        "home",
        "two",
        "two",
        "three",
        "home",
    ]


@pytest.mark.parametrize(
    ("answer", "served", "refused"),
    [
        ({"team_id": "T1", "enterprise_id": "E1"}, ("T1", "E1.T1"), ("T9", "E1.T9")),
        (
            {"team_id": "E1", "enterprise_id": "E1", "is_enterprise_install": True},
            ("E1.T1", "E1.T9"),
            ("T9", "E2.T9"),
        ),
    ],
)
async def test_a_token_serves_its_own_workspace(
    api: SlackApi,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    served: tuple[str, ...],
    refused: tuple[str, ...],
) -> None:
    """Or, installed in a whole organisation, each of its workspaces."""

    class Answer(dict[str, Any]):
        headers: ClassVar[dict[str, str]] = {}

    async def auth_test() -> Any:
        return Answer(answer)

    monkeypatch.setattr(api.client, "auth_test", auth_test)
    workspaces, now = Workspaces(api, {}), datetime(2026, 3, 2, tzinfo=UTC)
    assert [team for team in (*served, *refused) if await workspaces.serves(team, now)] == [*served]
    for team in refused:
        with pytest.raises(Undeliverable, match=f"no token for the Slack workspace {team}"):
            workspaces.api_for(team)


async def test_calls_keep_their_pace() -> None:
    """Three at once after a silence, then one a second; methods that are not listed never wait."""
    clock = FakeClock()
    pace = CallPace(clock, 1.0)
    begun = clock.now()
    for _ in range(3):
        await pace.wait("chat.postMessage")
    for _ in range(10):
        await pace.wait("users.info")
    assert clock.now() == begun
    assert await _waits(clock, pace) == pytest.approx(1.0)


async def _waits(clock: FakeClock, pace: CallPace) -> float:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    clock.sleep = sleep  # type: ignore[method-assign]
    await pace.wait("chat.postMessage")
    return sum(waits)
