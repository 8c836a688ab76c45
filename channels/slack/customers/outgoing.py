"""What we say: posted once, however often it is tried."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from channels.slack.api import AWAY, fault
from channels.slack.customers.events import Place
from channels.slack.customers.post import arguments, key_of
from channels.slack.customers.workspaces import Accounts
from channels.slack.files import upload
from gateway import (
    Address,
    Clock,
    File,
    Files,
    NotFound,
    Outbound,
    Sent,
    TryLater,
    Undeliverable,
    Unsure,
    WarmlineError,
)

log = structlog.get_logger(__name__)
SKEW = timedelta(minutes=5)
"""How much Slack's clock may differ from ours when we look for a message."""
Said = Mapping[str, Any]


class Outgoing:
    """Posts messages, and finds those whose posting was cut off."""

    def __init__(self, accounts: Accounts, files: Files, clock: Clock) -> None:
        self._accounts, self._files, self._clock = accounts, files, clock
        self._pauses: dict[str, datetime] = {}

    async def send(self, message: Outbound) -> Sent:
        """Post one message, files first. What was tried before is looked for."""
        place = place_of(message.address)
        self._may_call(place)
        before: tuple[Said, ...] = ()
        if message.attempt > 1:
            before = await self._looked_up(message, place)
            if found := _ours(before, message, place):
                return found
        try:
            await self._attach(message, place, before)
            return await self._post(message, place)
        except Exception as error:
            raise self._told(place, fault(error)) from error

    async def find(self, message: Outbound) -> Sent | None:
        """Whether it stands in the channel, by the key in its metadata. None also when Slack
        cannot tell: `send` asks once more before it posts again."""
        place = place_of(message.address)
        try:
            before = await self._looked_up(message, place)
        except TryLater as later:
            log.info("slack.not_looked_up", outbox=message.id, error=str(later))
            return None
        return _ours(before, message, place)

    async def _looked_up(self, message: Outbound, place: Place) -> tuple[Said, ...]:
        """What was said there. When Slack cannot tell, nothing is posted."""
        try:
            return await self._before(message, place)
        except Exception as error:
            told = fault(error)
            if isinstance(told, Unsure):
                told = TryLater(str(told), after=AWAY)
            raise self._told(place, told) from error

    def _told(self, place: Place, told: WarmlineError) -> WarmlineError:
        self._accounts.heard(place.team, told)
        if isinstance(told, TryLater) and told.after:
            self._pauses[place.channel] = self._clock.now() + timedelta(seconds=told.after)
        return told

    async def _post(self, message: Outbound, place: Place) -> Sent:
        if not message.text:
            return Sent()
        answer = await self._accounts.of(place.team).chat_postMessage(**arguments(message, place))
        self._accounts.heard(place.team, None)
        return Sent(remote_id=f"{place.channel}:{answer['ts']}")

    async def _attach(self, message: Outbound, place: Place, before: Iterable[Said]) -> None:
        names = [one.name for one in message.attachments]
        if not names or any(_shows(one, names) for one in before):
            return
        try:
            files = [
                File(
                    name=one.name,
                    media_type=one.media_type,
                    data=await self._files.open(one.digest),
                )
                for one in message.attachments
            ]
        except NotFound as gone:
            raise Undeliverable(f"a file to send is gone: {gone}") from gone
        client = self._accounts.of(place.team)
        await upload(client, files, channel=place.channel, thread=place.thread)

    async def _before(self, message: Outbound, place: Place) -> tuple[Said, ...]:
        """What was said there since the message was written. Raises when Slack cannot tell."""
        oldest = f"{(message.at - SKEW).timestamp():.6f}"
        return tuple([one async for one in self._history(place, oldest)])

    async def _history(self, place: Place, oldest: str) -> AsyncIterator[Said]:
        client = self._accounts.of(place.team)
        cursor = ""
        while True:
            span: dict[str, Any] = {
                "channel": place.channel,
                "oldest": oldest,
                "limit": 200,
                "include_all_metadata": True,
                **({"cursor": cursor} if cursor else {}),
            }
            if place.thread:
                answer = await client.conversations_replies(ts=place.thread, **span)
            else:
                answer = await client.conversations_history(**span)
            for message in answer.get("messages") or []:
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _may_call(self, place: Place) -> None:
        """Slack counts a channel's messages together: one that must wait stops its neighbours."""
        until = self._pauses.get(place.channel)
        if until is None:
            return
        left = (until - self._clock.now()).total_seconds()
        if left > 0:
            raise TryLater("Slack asks us to wait", after=left)
        del self._pauses[place.channel]


def place_of(address: Address) -> Place:
    """Raises Undeliverable when it is no address of Slack's."""
    try:
        return Place.of(address)
    except ValueError as error:
        raise Undeliverable(str(error), unreachable=True) from None


def _ours(before: Iterable[Said], message: Outbound, place: Place) -> Sent | None:
    for one in before:
        if key_of(one) == message.key:
            return Sent(remote_id=f"{place.channel}:{one.get('ts')}")
    return None


def _shows(message: Said, names: list[str]) -> bool:
    """Whether ``message`` is our upload of files with these names."""
    shown = [file.get("title") for file in message.get("files") or []]
    return bool(message.get("bot_id")) and shown == names
