"""What Telegram says of our webhook, for the doctor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from telegram import WebhookInfo

from gateway import Symptom

RECENT = timedelta(hours=1)
MANY = 100


def hook_symptoms(stands: WebhookInfo, ours: str) -> Sequence[Symptom]:
    """Is it set to ``ours``, and does it take what Telegram brings?"""
    if stands.url != ours:
        where = stands.url or "nowhere"
        what = f"Telegram calls {where}, and not {ours}"
        mend = "a running server sets it; else see `public_url`, or whether another program took it"
        return [Symptom(what=what, mend=mend)]
    found = []
    since = stands.last_error_date
    if stands.last_error_message and since and datetime.now(UTC) - since < RECENT:
        what = f"Telegram could not call us: {stands.last_error_message[:200]}"
        mend = f"see that {ours} can be reached from outside, with a valid certificate"
        found.append(Symptom(what=what, since=since, mend=mend))
    if stands.pending_update_count > MANY:
        what = f"{stands.pending_update_count} updates wait at Telegram"
        found.append(Symptom(what=what, severity="warning", mend="see whether a server is running"))
    return found


def hook_in_the_way(stands: WebhookInfo) -> Sequence[Symptom]:
    """We poll, and Telegram lets nobody poll while a webhook is set."""
    what = f"we poll, but Telegram calls a webhook at {stands.url}"
    mend = "a running server takes it away; else another program uses this bot"
    return [Symptom(what=what, severity="warning", mend=mend)]
