"""What comes in by the door and is a customer's: read, taken in, and answered only then."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import msgspec
import structlog

from channels.slack.customers.events import Heard, Place, bot_user, hear, installed, press
from channels.slack.customers.post import chosen
from channels.slack.customers.receive import Receiver
from channels.slack.customers.workspaces import Accounts
from channels.slack.endpoint import Payload
from channels.slack.payloads import Callback, Click, Posted
from gateway import File, House, Inbound

log = structlog.get_logger(__name__)


class Hearing:
    """Reads payloads that no tenant took."""

    def __init__(self, accounts: Accounts, receiver: Receiver, *, customers: bool) -> None:
        self._accounts, self._receiver, self._customers = accounts, receiver, customers
        self._background: set[asyncio.Task[None]] = set()

    async def hear(self, payload: Payload, house: House, retry: int) -> bool:
        """Take it in; False when it cannot be read. Raises NotAccepted."""
        if not self._customers:
            return True
        if payload["type"] == "block_actions":
            return await self._clicked(payload, house)
        callback = msgspec.convert(payload, Callback)
        if callback.event.type not in ("message", "app_mention"):
            return True
        try:
            heard = hear(callback, msgspec.convert(payload["event"], Posted))
        except msgspec.ValidationError:
            return await self._unreadable(callback, payload, house)
        if heard is not None:
            await self._receiver.take(heard, house, retry=retry)
        return True

    def stop(self) -> None:
        """Give up what only decorates."""
        for task in self._background:
            task.cancel()

    async def _clicked(self, payload: Payload, house: House) -> bool:
        try:
            click = msgspec.convert(payload, Click)
            heard = press(click)
        except (msgspec.ValidationError, ValueError):
            # Someone else's button, in a view or in a message that is not ours.
            return True
        if heard is not None:
            await self._receiver.take(heard, house)
            self._later(self._show(click, heard))
        return True

    async def _show(self, click: Click, heard: Heard) -> None:
        """Put the choice in the place of the buttons."""
        try:
            await self._accounts.of(heard.place.team).chat_update(**chosen(click))
        except Exception as error:  # noqa: BLE001  (the choice is safe; only its mark is missing)
            log.info("slack.choice_not_shown", error=type(error).__name__)

    async def _unreadable(self, callback: Callback, payload: Payload, house: House) -> bool:
        """Keep what nobody can read for a person, when it is known who wrote it to us."""
        event = payload["event"]
        channel, user = event.get("channel"), event.get("user")
        if not isinstance(channel, str) or not isinstance(user, str) or not channel.startswith("D"):
            return False
        if user == bot_user(callback) or event.get("bot_id"):
            return True
        raw = msgspec.json.encode(payload)
        kept = await house.files.keep(
            File(name="slack.json", media_type="application/json", data=raw)
        )
        await house.intake.accept(
            Inbound(
                address=Place(team=installed(callback), channel=channel).address,
                text="",
                at=house.clock.now(),
                remote_id=callback.event_id,
                kind="unreadable",
                raw=kept.digest,
            )
        )
        return True

    def _later(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
