"""The line to Slack: the Web API through slack-sdk, at the pace Slack allows.

docs.slack.dev, "Rate limits": ``chat.postMessage`` one a second for each channel, with short
bursts; ``chat.update``, ``conversations.history`` and ``reactions.add`` tier 3 (50 a minute), the
others used here tier 4 (100 a minute); 429 comes with Retry-After.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from gateway import Clock, Outside, TryLater, Unsure, WarmlineError

PAUSES = {
    "chat.postMessage": 1.0,
    "files.completeUploadExternal": 1.0,
    "chat.update": 1.2,
    "reactions.add": 1.2,
    "conversations.history": 1.2,
    "conversations.replies": 1.2,
}
"""Seconds between two calls of a method, at a ``pace`` of 1."""
OTHERS = 0.6
BURST = 3
"""Calls that may come at once after a silence."""
LATER = frozenset({"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"})
HALF = frozenset({"internal_error", "fatal_error", "request_timeout"})
"""Slack: "it's possible some aspect of the operation succeeded before the error was raised"."""


class Refused(WarmlineError):
    """Slack did not do it, and will not: ``error`` is its word."""

    def __init__(self, method: str, error: str) -> None:
        super().__init__(f"Slack refused {method}: {error}")
        self.error = error


class Pace:
    """Lets calls through at a steady rate, a few at once after a silence."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until it is one's turn."""
        if self._seconds <= 0:
            return
        now = self._clock.now().timestamp()
        mine = max(self._next, now - self._seconds * (BURST - 1))
        self._next = mine + self._seconds
        if mine > now:
            await self._clock.sleep(mine - now)


class Line:
    """Calls of Slack. They raise `TryLater` (not done, come again), `Unsure` (perhaps done) or
    `Refused` (not done, and never will be)."""

    def __init__(
        self, *, token: str, api_base: str, timeout: float, pace: float, clock: Clock
    ) -> None:
        # The SDK's own retries would hide from us that a post was cut off.
        self._client = AsyncWebClient(
            token=token,
            base_url=api_base,
            timeout=timeout,  # type: ignore[arg-type]  # aiohttp, which gets it, takes fractions
            retry_handlers=[],
        )
        self._token, self._api_base, self._timeout = token, api_base, timeout
        self._paces = {method: Pace(clock, pause * pace) for method, pause in PAUSES.items()}
        self._other = Pace(clock, OTHERS * pace)
        self.trouble: str | None = None
        """What a person has to mend, in words."""

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call ``method`` when it is its turn."""
        await self._paces.get(method, self._other).turn()
        return await self.now(method, **arguments)

    async def now(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call ``method`` at once: for an answer that Slack waits for."""
        do = getattr(self._client, method.replace(".", "_"))
        return await self._tried(method, do(**arguments))

    async def upload(self, channel: str, thread: str, name: str, title: str, data: bytes) -> None:
        """Put a file into a thread. An empty one is refused by Slack."""
        await self._paces["files.completeUploadExternal"].turn()
        do = self._client.files_upload_v2(
            channel=channel, thread_ts=thread, filename=name, title=title, content=data
        )
        await self._tried("files.completeUploadExternal", do)

    async def download(self, url: str, most: int, outside: Outside) -> bytes:
        """A file that somebody put into Slack. Raises Refused when it is over ``most`` bytes, is
        not there, or would take our token elsewhere."""
        if not _at_slack(url, self._api_base):
            raise Refused("download", "not_at_slack")
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with (
                outside.session(own=(self._api_base,), timeout=timeout) as session,
                session.get(url, headers=headers, allow_redirects=False) as response,
            ):
                if response.status == 429 or response.status >= 500:
                    raise TryLater(f"Slack answered {response.status} for a file")
                if response.status != 200 or response.content_type == "text/html":
                    # A page is what Slack shows to those who may not have the file.
                    raise Refused("download", f"status_{response.status}")
                data = await response.content.read(most + 1)
                while len(data) <= most and (more := await response.content.read(most + 1)):
                    data += more
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryLater(f"a file could not be fetched: {type(error).__name__}") from error
        if len(data) > most:
            raise Refused("download", "too_large")
        return data

    async def _tried(self, method: str, call: Any) -> Mapping[str, Any]:
        try:
            answer = await call
        except SlackApiError as error:
            raise self._judged(method, error) from error
        except aiohttp.ClientConnectorError as error:
            raise TryLater("Slack cannot be reached") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unsure(f"{method} was cut off: {type(error).__name__}") from error
        except SlackClientError as error:
            raise TryLater(f"Slack did not take {method}: {type(error).__name__}") from error
        self.trouble = None
        data: Mapping[str, Any] = answer.data
        return data

    def _judged(self, method: str, error: SlackApiError) -> WarmlineError:
        response = error.response
        status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
        data = getattr(response, "data", None)
        word = str(data.get("error", "")) if isinstance(data, dict) else ""
        if status == 429 or word in LATER:
            told = str((getattr(response, "headers", None) or {}).get("Retry-After", ""))
            after = float(told) if told.isdecimal() else None
            return TryLater(f"Slack asks us to wait: {word or status}", after=after)
        if status >= 500 or word in HALF or not word:
            return Unsure(f"Slack answered {status} {word}".rstrip())
        return Refused(method, word)


def _at_slack(url: str, api_base: str) -> bool:
    """Whether our token may go there: Slack's own hosts over TLS, or where its API was put."""
    if url.startswith(api_base.partition("/api/")[0] + "/"):
        return True
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2].partition(":")[0]
    return scheme == "https" and host.endswith(".slack.com")
