"""Our messages in Slack: rendered, and posted once however many attempts it takes.

docs.slack.dev, "Block Kit reference": 3,000 characters in a section, 75 on a button, 2,000 in its
value, 25 buttons in a row, 50 blocks; "Truncating really long messages": 40,000 characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from channels.slack.api import UNREACHABLE_AFTER, SlackRefused, Workspaces
from channels.slack.customers.events import REPLY, MessageClick, SlackPlace
from channels.slack.markup import TOGETHER, escape, fit, pieces, size, with_links
from gateway import (
    Address,
    Button,
    Clock,
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
CLOCK_SKEW = timedelta(minutes=5)
"""How much Slack's clock may differ from ours when we look for a message."""
TOKEN_RETRY = 60.0
"""Seconds until the next attempt when Slack refuses our token."""
EVENT = "warmline_message"
"""The type of the metadata in which each message carries its key; see `key_of`."""
LONGEST = 40_000
STARS = tuple(Button(title=f"{n} ★", payload=str(n)) for n in range(1, 6))
NUMBERS = tuple(Button(title=str(n), payload=str(n)) for n in range(1, 6))
Arguments = dict[str, Any]
Posted = Mapping[str, Any]
"""A message as Slack returns it."""


class SlackSender:
    """Posts messages, and finds those whose posting was cut off."""

    def __init__(self, workspaces: Workspaces, files: Files, clock: Clock) -> None:
        self._workspaces, self._files, self._clock = workspaces, files, clock
        self._pauses: dict[str, datetime] = {}

    async def send(self, message: Outbound) -> Sent:
        """Post one message, files first. A repeated attempt first looks for the result of the
        earlier one."""
        place = place_of(message.address)
        await self._workspaces.serves(place.team, self._clock.now())
        self._check_pause(place)
        before: tuple[Posted, ...] = ()
        if message.attempt > 1:
            before = await self._read_back(message, place)
            if found := _find(before, message, place):
                return found
        try:
            await self._upload(message, place, before)
            return await self._post(message, place)
        except WarmlineError as error:
            raise self._failed(place, error) from error

    async def find(self, message: Outbound) -> Sent | None:
        """Where the message stands in the channel, by the key in its metadata. None also when Slack
        cannot say: `send` asks once more before it posts again."""
        place = place_of(message.address)
        try:
            before = await self._read_back(message, place)
        except TryLater as later:
            log.info("slack.not_read_back", outbox=message.id, error=str(later))
            return None
        return _find(before, message, place)

    async def _read_back(self, message: Outbound, place: SlackPlace) -> tuple[Posted, ...]:
        """What was posted there since ``message`` was written. When Slack cannot say, nothing is
        posted: raises TryLater or Undeliverable."""
        api = self._workspaces.api_for(place.team)
        span: Arguments = {
            "channel": place.channel,
            "oldest": f"{(message.at - CLOCK_SKEW).timestamp():.6f}",
            "limit": 200,
            "include_all_metadata": True,
        }
        if place.thread:
            pages = api.pages("conversations.replies", ts=place.thread, **span)
        else:
            pages = api.pages("conversations.history", **span)
        try:
            return tuple([posted async for page in pages for posted in page.get("messages") or ()])
        except Unsure as error:
            later = TryLater(str(error), after=UNREACHABLE_AFTER)
            raise self._failed(place, later) from error
        except WarmlineError as error:
            raise self._failed(place, error) from error

    def _failed(self, place: SlackPlace, error: WarmlineError) -> WarmlineError:
        """``error`` as delivery understands it. It shows as trouble when our token is refused, and
        pauses the channel when Slack asks for it."""
        failure = error
        if isinstance(error, SlackRefused) and error.kind == "token":
            self._workspaces.api_for(place.team).report(error)
            failure = TryLater(str(error), after=TOKEN_RETRY)
        elif isinstance(error, SlackRefused):
            failure = Undeliverable(str(error), unreachable=error.kind == "unreachable")
        if isinstance(failure, TryLater) and failure.after:
            self._pauses[place.channel] = self._clock.now() + timedelta(seconds=failure.after)
        return failure

    async def _post(self, message: Outbound, place: SlackPlace) -> Sent:
        if not message.text:
            return Sent()
        api = self._workspaces.api_for(place.team)
        answer = await api.call("chat.postMessage", **render(message, place))
        ts = answer.get("ts")
        if not isinstance(ts, str | float | int) or isinstance(ts, bool) or not ts:
            raise Unsure("Slack's answer to chat.postMessage names no message")
        return Sent(remote_id=f"{place.channel}:{ts}")

    async def _upload(self, message: Outbound, place: SlackPlace, before: Iterable[Posted]) -> None:
        """Share the files, all or none, unless they stand there already."""
        names = [attachment.name for attachment in message.attachments]
        if not names or any(_is_upload(posted, names) for posted in before):
            return
        try:
            files = [
                {"filename": a.name, "title": a.name, "content": await self._files.open(a.digest)}
                for a in message.attachments
            ]
        except NotFound as gone:
            raise Undeliverable(f"a file to send is gone: {gone}") from gone
        await self._workspaces.api_for(place.team).upload(place.channel, place.thread, files)

    def _check_pause(self, place: SlackPlace) -> None:
        """Raises TryLater during a pause. Slack counts the messages of a channel together, so one
        that must wait stops the others."""
        until = self._pauses.get(place.channel)
        if until is None:
            return
        left = (until - self._clock.now()).total_seconds()
        if left > 0:
            raise TryLater("Slack asks us to wait", after=left)
        del self._pauses[place.channel]


def place_of(address: Address) -> SlackPlace:
    """Raises Undeliverable when ``address`` is not in Slack."""
    try:
        return SlackPlace.from_address(address)
    except ValueError as error:
        raise Undeliverable(str(error), unreachable=True) from None


# -- the arguments of our calls; pure --------------------------------------------------------------


def render(message: Outbound, place: SlackPlace) -> Arguments:
    """``message`` for ``chat.postMessage``. Raises Undeliverable for a text too long for Slack."""
    text = escape(message.text)
    if len(text) > LONGEST:
        raise Undeliverable(f"Slack takes {LONGEST} characters, and this has {len(text)}")
    arguments: Arguments = {
        "channel": place.channel,
        "text": text,
        "metadata": {"event_type": EVENT, "event_payload": {"key": message.key}},
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    if place.thread:
        arguments["thread_ts"] = place.thread
    if buttons := _buttons(message):
        blocks = [*_sections(message.text), *_rows(buttons, place)]
        if size(blocks) <= TOGETHER:
            arguments["blocks"] = blocks
        else:  # the customer can write what a button says
            titles = "".join(f"\n• {escape(button.title)}" for button in buttons)
            arguments["text"] = f"{text}\n{titles}"[:LONGEST]
    return arguments


def with_choice(click: MessageClick) -> Arguments:
    """The message that was clicked, for ``chat.update``, with the choice in place of its buttons.
    Its texts are Slack's own, escaped."""
    title = click.actions[0].text.get("text")
    kept = [block for block in click.message.blocks if block.get("type") != "actions"]
    chosen = {"type": "plain_text", "text": f"✓ {title if isinstance(title, str) else ''}".strip()}
    return {
        "channel": click.channel.id,
        "ts": click.message.ts,
        "text": click.message.text or "✓",
        "blocks": [*kept, {"type": "context", "elements": [chosen]}],
    }


def key_of(posted: Posted) -> str | None:
    """The key under which we posted this message, if we did."""
    metadata = posted.get("metadata") or {}
    if metadata.get("event_type") != EVENT:
        return None
    key = (metadata.get("event_payload") or {}).get("key")
    return key if isinstance(key, str) else None


def _find(before: Iterable[Posted], message: Outbound, place: SlackPlace) -> Sent | None:
    for posted in before:
        if key_of(posted) == message.key:
            return Sent(remote_id=f"{place.channel}:{posted.get('ts')}")
    return None


def _is_upload(posted: Posted, names: list[str]) -> bool:
    """Whether this is our upload of files with these names."""
    titles = [file.get("title") for file in posted.get("files") or []]
    return bool(posted.get("bot_id")) and titles == names


def _buttons(message: Outbound) -> tuple[Button, ...]:
    if message.buttons:
        return message.buttons
    scale = message.survey.scale if message.survey else "text"
    return {"stars": STARS, "number": NUMBERS}.get(scale, ())


def _sections(text: str) -> list[Arguments]:
    if linked := with_links(text):
        return [{"type": "section", "text": {"type": "mrkdwn", "text": linked, "verbatim": True}}]
    return [
        {"type": "section", "text": {"type": "plain_text", "text": piece, "emoji": False}}
        for piece in pieces(text, 3000)
    ]


def _rows(buttons: tuple[Button, ...], place: SlackPlace) -> list[Arguments]:
    rows = [buttons[i : i + 25] for i in range(0, len(buttons), 25)]
    return [
        {
            "type": "actions",
            "block_id": f"{r}:{place.address.value}",
            "elements": [_button(button, f"{REPLY}.{r}.{i}") for i, button in enumerate(row)],
        }
        for r, row in enumerate(rows)
    ]


def _button(button: Button, action_id: str) -> Arguments:
    return {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": fit(button.title, 75), "emoji": False},
        "value": button.payload[:2000],
    }
