"""What Telegram says of our webhook, for the doctor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from telegram import WebhookInfo

from gateway import HealthProblem

RECENT = timedelta(hours=1)
MANY = 100


def hook_symptoms(stands: WebhookInfo, ours: str) -> Sequence[HealthProblem]:
    """Is it set to ``ours``, and does it take what Telegram brings?"""
    if stands.url != ours:
        where = stands.url or "nowhere"
        what = f"Telegram calls {where}, and not {ours}"
        fix = "a running server sets it; else see `public_url`, or whether another program took it"
        return [HealthProblem(what=what, fix=fix)]
    found = []
    since = stands.last_error_date
    if stands.last_error_message and since and datetime.now(UTC) - since < RECENT:
        what = f"Telegram could not call us: {stands.last_error_message[:200]}"
        fix = f"see that {ours} can be reached from outside, with a valid certificate"
        found.append(HealthProblem(what=what, since=since, fix=fix))
    if stands.pending_update_count > MANY:
        what = f"{stands.pending_update_count} updates wait at Telegram"
        found.append(
            HealthProblem(what=what, severity="warning", fix="see whether a server is running")
        )
    return found


def hook_in_the_way(stands: WebhookInfo) -> Sequence[HealthProblem]:
    """We poll, and Telegram lets nobody poll while a webhook is set."""
    what = f"we poll, but Telegram calls a webhook at {stands.url}"
    fix = "a running server takes it away; else another program uses this bot"
    return [HealthProblem(what=what, severity="warning", fix=fix)]
