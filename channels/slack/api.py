"""Slack's Web API: calls, their pace, and what an error means.

docs.slack.dev, "Web API methods" (the errors of each method) and "Rate limits".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from gateway import Clock, TryLater, Undeliverable, Unsure, WarmlineError, retry_after

ErrorKind = Literal[
    "later", "unsure", "token", "unreachable", "message_gone", "bad_blocks", "refused"
]
CODES: dict[ErrorKind, tuple[str, ...]] = {
    # A pause that ends by itself.
    "later": (
        "ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable",
        "team_added_to_org", "accesslimited", "two_factor_setup_required",
    ),
    # Slack: "it's possible some aspect of the operation succeeded before the error was raised".
    "unsure": ("internal_error", "fatal_error", "request_timeout"),
    # Our installation is at fault: once a person has fixed it, the call succeeds.
    "token": (
        "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive",
        "missing_scope", "no_permission", "not_allowed_token_type", "access_denied",
        "ekm_access_denied", "org_login_required", "team_access_not_granted",
    ),
    # Nothing reaches this channel or user.
    "unreachable": (
        "channel_not_found", "is_archived", "not_in_channel", "user_not_found", "user_disabled",
        "cannot_dm_bot", "messages_tab_disabled", "user_is_restricted",
    ),
    "message_gone": ("message_not_found", "thread_not_found"),
    "bad_blocks": ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"),
}  # fmt: skip
KINDS = {code: kind for kind, codes in CODES.items() for code in codes}
"""The meaning of each error code. A code that is not listed is ``refused``."""

PAUSES = {
    "chat.postMessage": 1.0,
    "files.completeUploadExternal": 1.0,
    "chat.update": 1.2,
    "reactions.add": 1.2,
    "conversations.history": 1.2,
    "conversations.replies": 1.2,
    "chat.postEphemeral": 0.6,
    "views.publish": 0.6,
}
"""Seconds between two calls of a method: one post a second to a channel, tier 3 is 50 calls a
minute, tier 4 is 100. Methods that are not listed answer a request that waits, and never wait."""
BURST = 3
"""Calls that may follow at once after a silence."""
IDENTIFY_WITHIN = 1.0
"""Seconds to ask Slack whose token ours is while it waits for our answer to an event, three seconds
at most."""
UNREACHABLE_AFTER = 5.0
"""Seconds until the next attempt when Slack cannot be reached."""


class SlackRefused(WarmlineError):
    """Slack did not do it. Only kind ``token`` succeeds later, once a person has fixed it."""

    def __init__(self, method: str, code: str, *, token_name: str = "bot_token") -> None:  # noqa: S107
        self.method, self.code = method, code
        self.kind: ErrorKind = KINDS.get(code, "refused")
        if self.kind == "token":
            super().__init__(f"Slack refuses our token: {code} ({token_name})")
        else:
            super().__init__(f"Slack refused {method}: {code}")


class CallPace:
    """Spaces out the calls of each method. ``factor`` multiplies every pause; 0 switches it off."""

    def __init__(self, clock: Clock, factor: float) -> None:
        self._clock, self._factor = clock, factor
        self._next: dict[str, float] = {}

    async def wait(self, method: str) -> None:
        """Wait until ``method`` may be called."""
        pause = PAUSES.get(method, 0.0) * self._factor
        if pause <= 0:
            return
        now = self._clock.now().timestamp()
        start = max(self._next.get(method, 0.0), now - pause * (BURST - 1))
        self._next[method] = start + pause
        if start > now:
            await self._clock.sleep(start - now)


class SlackApi:
    """Calls with one bot token. ``timeout`` is in seconds; ``token_name`` is the setting that
    holds the token.

    Each call raises TryLater (not done, try again), Unsure (perhaps done) or SlackRefused.
    """

    def __init__(
        self,
        *,
        token: str,
        api_base: str,
        timeout: float,
        token_name: str = "bot_token",  # noqa: S107  (the name of a setting)
        pace: CallPace | None = None,
    ) -> None:
        self.token, self.api_base, self.timeout = token, api_base, timeout
        # Retries of the SDK would post a message twice when the first answer is lost.
        self.client = AsyncWebClient(
            token=token,
            base_url=api_base,
            timeout=timeout,  # type: ignore[arg-type]  # passed to aiohttp, which takes fractions
            retry_handlers=[],
        )
        self.installed_in: frozenset[str] | None = None
        """The ids of the workspace or organisation that the token is of; None until Slack has told
        us (``auth.test``)."""
        self._token_name, self._pace = token_name, pace
        self._problems: dict[str, str] = {}

    @property
    def trouble(self) -> str | None:
        """The newest reported refusal whose method has not succeeded since."""
        return next(reversed(self._problems.values()), None)

    def report(self, refused: SlackRefused) -> None:
        """Show ``refused`` as trouble until its method succeeds."""
        self._problems.pop(refused.method, None)
        self._problems[refused.method] = str(refused)

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call ``method`` at its pace."""
        do = getattr(self.client, method.replace(".", "_"))
        return (await self._call(method, do(**arguments))).data  # type: ignore[return-value]

    async def pages(
        self, method: str, *, most: int | None = None, **arguments: Any
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The pages of a list, ``most`` at most."""
        while most is None or most > 0:
            page = await self.call(method, **arguments)
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
            arguments["cursor"] = cursor
            most = most and most - 1

    async def upload(
        self, channel: str, thread: str | None, files: Sequence[dict[str, Any]]
    ) -> None:
        """Share ``files`` in one message: ``filename``, ``title`` and ``content`` of each. Slack
        refuses an empty file."""
        upload = self.client.files_upload_v2(
            channel=channel, thread_ts=thread, file_uploads=list(files)
        )
        await self._call("files.completeUploadExternal", upload)

    async def clock_offset(self, now: datetime) -> float:
        """Check the token; the seconds by which ``now`` is ahead of Slack's clock."""
        answer = await self._call("auth.test", self.client.auth_test())
        # With an installation in a whole organisation the token is of each of its workspaces.
        names = ("team_id", *(("enterprise_id",) if answer.get("is_enterprise_install") else ()))
        self.installed_in = frozenset(str(answer[name]) for name in names if answer.get(name))
        return _offset(answer.headers, now)

    async def _call(self, method: str, call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
        if self._pace is not None:
            await self._pace.wait(method)
        try:
            answer = await call
        except SlackApiError as error:
            raise self._convert(method, error) from error
        except aiohttp.ClientConnectorError as error:
            raise TryLater("Slack cannot be reached", after=UNREACHABLE_AFTER) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unsure(f"{method} was cut off: {type(error).__name__}") from error
        except SlackClientError as error:
            raise TryLater(f"Slack did not take {method}: {type(error).__name__}") from error
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            # The SDK checks no types: the answer is neither a JSON object nor an error.
            raise Unsure(f"Slack's answer to {method} could not be read") from error
        self._problems.pop(method, None)
        self._problems.pop("auth.test", None)  # any success proves the token
        return answer

    def _convert(self, method: str, error: SlackApiError) -> WarmlineError:
        response = error.response
        status = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
        data = getattr(response, "data", None)
        code = str(data.get("error", "")) if isinstance(data, dict) else ""
        kind = KINDS.get(code, "refused")
        if status == 429 or kind == "later":
            headers = {k.lower(): v for k, v in (getattr(response, "headers", None) or {}).items()}
            wait = retry_after(headers.get("retry-after"))
            return TryLater(f"Slack asks us to wait: {code or status}", after=wait)
        if status >= 500 or kind == "unsure" or not code:
            return Unsure(f"Slack answered {status} {code}".rstrip())
        return SlackRefused(method, code, token_name=self._token_name)


class Workspaces:
    """The APIs of an app that is installed in several workspaces."""

    def __init__(self, default: SlackApi, teams: Mapping[str, SlackApi]) -> None:
        self.default, self._teams = default, teams

    def api_for(self, team: str) -> SlackApi:
        """The API for ``team``: ``T1``, or ``E1.T1`` in an Enterprise organisation. Raises
        Undeliverable for a workspace whose token we do not have: another's would write in the
        wrong place, or not at all."""
        parts = team.split(".")
        own = next((self._teams[part] for part in reversed(parts) if part in self._teams), None)
        if own is not None:
            return own
        home = self.default.installed_in
        if home is None or not home.isdisjoint(parts):
            return self.default
        setting = f"channels.slack.teams.{parts[-1]}"
        raise Undeliverable(f"there is no token for the Slack workspace {team}; set {setting}")

    async def serves(self, team: str, now: datetime) -> bool:
        """Whether we have a token for ``team``. Slack is asked once whose the default one is; while
        it does not tell, that one counts as everybody's."""
        if self.default.installed_in is None and not {*team.split(".")} & {*self._teams}:
            with contextlib.suppress(WarmlineError, TimeoutError):
                async with asyncio.timeout(IDENTIFY_WITHIN):
                    await self.default.clock_offset(now)
        try:
            return self.api_for(team) is not None
        except Undeliverable:
            return False

    @property
    def trouble(self) -> str | None:
        """Which token Slack refuses, and why."""
        troubles = (api.trouble for api in (self.default, *self._teams.values()))
        return next((trouble for trouble in troubles if trouble), None)

    async def check(self, now: datetime) -> float:
        """Check every token; a refused one shows as trouble. Returns the seconds by which ``now``
        is ahead of Slack's clock. Raises WarmlineError when Slack cannot be asked."""
        offset = 0.0
        for api in (self.default, *self._teams.values()):
            try:
                offset = await api.clock_offset(now)
            except SlackRefused as refused:
                if refused.kind != "token":
                    raise
                api.report(refused)
        return offset


def display_name(user: Mapping[str, Any]) -> str | None:
    """What people see of a ``users.info`` user: display_name, or real_name where it is empty."""
    profile = user.get("profile") or {}
    for name in (profile.get("display_name"), profile.get("real_name"), user.get("real_name")):
        if isinstance(name, str) and name.strip():
            return " ".join(name.split())[:80]
    return None


def _offset(headers: Mapping[str, str], now: datetime) -> float:
    """By the Date header (RFC 9110, 6.6.1); 0 when there is none that can be parsed."""
    date = next((value for name, value in headers.items() if name.lower() == "date"), "")
    try:
        return (now - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
