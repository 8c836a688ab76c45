"""How updates reach us: by long polling, or by a webhook that we keep set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from telegram import WebhookInfo

from channels.telegram import TelegramSettings
from channels.telegram.api import UPDATE_KINDS, TelegramApi
from channels.telegram.parse import chat_of
from channels.telegram.receive import UnreadableUpdate
from gateway import (
    Backoff,
    Clock,
    HealthProblem,
    Json,
    NotAccepted,
    TryLater,
    Undeliverable,
    Unsure,
)

log = structlog.get_logger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds between attempts while Telegram cannot be reached."""
QUICK, PAUSE = 0.2, 0.5
"""Seconds. An empty answer to a poll is quick when it comes sooner: some servers of the Bot API do
not wait. The next poll then pauses."""
WEBHOOK_CHECK = 900.0
"""Seconds between two checks that our webhook is still set."""
RECENT = timedelta(hours=1)
MANY_PENDING = 100


class TelegramPolling:
    """Asks Telegram for updates, and confirms only those that are committed."""

    def __init__(
        self,
        api: TelegramApi,
        receive: Callable[[Json], Awaitable[None]],
        clock: Clock,
        *,
        wait: int,
    ) -> None:
        self._api, self._receive, self._clock, self._wait = api, receive, clock, wait
        self._offset: int | None = None
        self._webhook_removed = self._polled = False
        self.problem: str | None = "Telegram was not reached yet"

    async def run(self) -> None:
        """Poll until cancelled."""
        await _repeat(self._poll, self._report, self._clock, failed="telegram.poll_failed")

    def _report(self, problem: str | None) -> None:
        self.problem = problem
        if problem:
            self._webhook_removed = False

    async def _poll(self) -> None:
        wait = self._wait
        if not self._webhook_removed:
            # "You will not be able to receive updates using getUpdates for as long as an
            # outgoing webhook is set up" (Bot API). Waiting updates are not dropped.
            async with self._api.bot() as bot:
                await bot.delete_webhook(drop_pending_updates=False)
            self._webhook_removed = True
            wait = 0  # The first poll returns at once: we then know that polling works.
        asked = time.monotonic()
        if updates := await self._api.get_updates(self._offset, wait):
            await self._receive_all(updates)
        elif self._polled and time.monotonic() - asked < QUICK:
            await self._clock.sleep(PAUSE)  # it did not wait for us: not asked without pause
        self._polled = True

    async def _receive_all(self, updates: list[Json]) -> None:
        """Commit a batch: chats side by side, each in order. Telegram delivers the updates
        after the first failed one again; those already stored are recognised by their ids."""
        chats: dict[int, list[Json]] = {}
        for raw in updates:
            chat = chat_of(raw) if isinstance(raw, dict) else None
            chats.setdefault(chat.id if chat else 0, []).append(raw)
        results = await asyncio.gather(*(self._in_order(chat) for chat in chats.values()))
        done = set().union(*results)
        for raw in updates:
            if (id := _update_id(raw)) not in done:
                raise NotAccepted(f"update {id} could not be stored; Telegram delivers it again")
            self._offset = max(self._offset or 0, id + 1)

    async def _in_order(self, updates: list[Json]) -> set[int]:
        """The ids of the updates that are done, up to the first that failed."""
        done = set()
        for raw in updates:
            id = _update_id(raw)
            try:
                await self._receive(raw)
            except UnreadableUpdate as error:
                log.warning("telegram.dropped", update=id, why=str(error))
            except NotAccepted as error:
                log.warning("telegram.not_accepted", update=id, error=str(error))
                break
            except Exception:
                log.exception("telegram.update_failed", update=id)
                break
            done.add(id)
        return done


class TelegramWebhook:
    """Keeps the webhook set to ``url``."""

    def __init__(self, api: TelegramApi, settings: TelegramSettings, url: str) -> None:
        self._api, self._settings, self._url = api, settings, url
        self.problem: str | None = "the webhook is not set yet"

    async def run(self, clock: Clock) -> None:
        """Set the webhook, and check it every 15 minutes, until cancelled."""
        failed = "telegram.no_webhook"
        await _repeat(self._set, self._report, clock, failed=failed, interval=WEBHOOK_CHECK)

    def _report(self, problem: str | None) -> None:
        self.problem = problem and f"the webhook is not set: {problem}"

    async def _set(self) -> None:
        """Set the webhook unless it is set. At the start it is always set: the secret may be
        new."""
        secret = self._settings.secret
        async with self._api.bot() as bot:
            if self.problem is None:
                info = await bot.get_webhook_info()
                if info.last_error_message:
                    log.warning("telegram.webhook_failed", error=info.last_error_message)
                if info.url == self._url:
                    return
                log.warning("telegram.webhook_lost", pending=info.pending_update_count)
            await bot.set_webhook(
                self._url,
                secret_token=secret.get_secret_value() if secret else None,
                allowed_updates=list(UPDATE_KINDS),
                max_connections=self._settings.max_connections,
            )
        log.info("telegram.webhook_set", url=self._url)

    def problems(self, info: WebhookInfo) -> Sequence[HealthProblem]:
        """Whether the webhook is ours, and accepts what Telegram delivers."""
        if info.url != self._url:
            return [
                HealthProblem(
                    what=f"Telegram calls {info.url or 'no webhook'}, not {self._url}",
                    fix="start the server, which sets it; else check `public_url`, and whether"
                    " another program uses this bot",
                )
            ]
        found = []
        since = info.last_error_date
        if info.last_error_message and since and datetime.now(UTC) - since < RECENT:
            found.append(
                HealthProblem(
                    what=f"Telegram could not call us: {info.last_error_message[:200]}",
                    since=since,
                    fix=f"check that {self._url} can be reached from outside, with a valid"
                    " certificate",
                )
            )
        if info.pending_update_count > MANY_PENDING:
            found.append(
                HealthProblem(
                    what=f"{info.pending_update_count} updates wait at Telegram",
                    severity="warning",
                    fix="check that a server is running",
                )
            )
        return found


async def _repeat(
    step: Callable[[], Awaitable[None]],
    report: Callable[[str | None], None],
    clock: Clock,
    *,
    failed: str,
    interval: float = 0.0,
) -> None:
    """Run ``step`` every ``interval`` seconds, and after a failure with growing waits. ``report``
    gets each failure's message, or None for a success; ``failed`` is the name of the log event."""
    backoff = Backoff(FIRST_WAIT, LONGEST_WAIT)
    while True:
        try:
            await step()
        except (TryLater, Undeliverable, Unsure, NotAccepted) as error:
            wait = backoff.next(getattr(error, "after", None))
            report(str(error))
            log.warning(failed, error=str(error), again_in=wait)
            await clock.sleep(wait)
        else:
            backoff.reset()
            report(None)
            if interval:
                await clock.sleep(interval)


def polling_problems(info: WebhookInfo) -> Sequence[HealthProblem]:
    """Whether a webhook is set: Telegram lets nobody poll while one is."""
    if not info.url:
        return ()
    return [
        HealthProblem(
            what=f"we poll, but Telegram calls a webhook at {info.url}",
            severity="warning",
            fix="start the server, which removes it; else stop the other program with this bot",
        )
    ]


def _update_id(raw: Json) -> int:
    id = raw.get("update_id") if isinstance(raw, dict) else None
    return id if isinstance(id, int) else -1
