"""What a failed call of Slack means for the message that was sent.

docs.slack.dev, "chat.postMessage" (errors) and "Rate limits" (429 with Retry-After).
"""

from __future__ import annotations

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from gateway import TryLater, Undeliverable, Unsure, WarmlineError

TOKEN = frozenset(
    {
        "invalid_auth", "not_authed", "token_revoked", "token_expired", "missing_scope",
        "no_permission", "not_allowed_token_type", "ekm_access_denied", "org_login_required",
        "access_denied",
    }
)  # fmt: skip
"""Something is wrong with our installation: it can be mended, and then the message goes."""
LATER = frozenset(
    {
        "ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable",
        "team_added_to_org", "accesslimited", "two_factor_setup_required",
    }
)  # fmt: skip
HALF = frozenset({"internal_error", "fatal_error", "request_timeout"})
"""Slack: "it's possible some aspect of the operation succeeded before the error was raised"."""
GONE = frozenset(
    {
        "channel_not_found", "is_archived", "account_inactive", "not_in_channel", "user_not_found",
        "user_disabled", "cannot_dm_bot", "messages_tab_disabled", "user_is_restricted",
    }
)  # fmt: skip
"""Nothing reaches this address any more."""


AWAY, MENDING = 5.0, 60.0
"""Seconds to wait when Slack is out of reach, and when a person must mend our settings."""


class BadToken(TryLater):
    """Slack refuses our token: a person has to look at the settings."""


def fault(error: Exception) -> WarmlineError:
    """``error`` of a call that sends, in our words."""
    if isinstance(error, WarmlineError):
        return error
    if isinstance(error, SlackApiError):
        return _refused(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return TryLater("Slack cannot be reached", after=AWAY)
    if isinstance(error, (aiohttp.ClientError, TimeoutError, OSError)):
        return Unsure(f"the call of Slack was cut off: {type(error).__name__}")
    if isinstance(error, SlackClientError):
        return TryLater(f"Slack did not take it: {type(error).__name__}")
    raise error


def code(error: SlackApiError) -> str:
    """Slack's word for what is wrong; empty when its answer has none."""
    data = getattr(error.response, "data", None)
    return str(data.get("error", "")) if isinstance(data, dict) else ""


def _refused(error: SlackApiError) -> WarmlineError:
    status, word = _status(error), code(error)
    if status == 429 or word in LATER:
        return TryLater(f"Slack asks us to wait: {word or status}", after=_retry_after(error))
    if word in TOKEN:
        return BadToken(f"Slack refuses our token: {word}", after=MENDING)
    if status >= 500 or word in HALF or not word:
        return Unsure(f"Slack answered {status} {word}".rstrip())
    return Undeliverable(f"Slack said: {word}", unreachable=word in GONE)


def _status(error: SlackApiError) -> int:
    response = error.response
    found = getattr(response, "status_code", None) or getattr(response, "status", None)
    return found if isinstance(found, int) else 0


def _retry_after(error: SlackApiError) -> float | None:
    headers = getattr(error.response, "headers", None) or {}
    told = str(headers.get("Retry-After", headers.get("retry-after", "")))
    return float(told) if told.isdecimal() else None
