"""An event or a click of Slack as something a customer did. Pure.

``remote_id`` is channel and timestamp, by which Slack identifies a message: one message has
several events (``message`` and ``app_mention``, retries, thread broadcasts) and is handled once.
docs.slack.dev, "Events API", "message event", "block_actions payload".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from channels.slack.endpoint import PERSON_SUBTYPES, Authorization, EventCallback
from channels.slack.files import SharedFile
from channels.slack.markup import shared_files, with_shares
from gateway import Address, Fact

CHANNEL = "slack"
REPLY = "warmline.reply"
"""How the ids of our buttons begin."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Timestamp = Annotated[str, msgspec.Meta(pattern=r"^\d{1,12}\.\d{1,8}$")]


# -- what Slack sends, as far as we read it; unknown keys are ignored ------------------------------


class EditMark(msgspec.Struct, frozen=True):
    ts: Timestamp


class UserProfile(msgspec.Struct, frozen=True):
    display_name: str | None = None
    real_name: str | None = None


class ChannelMessage(msgspec.Struct, frozen=True):
    """A message as it stands in a channel."""

    ts: Timestamp
    text: str = ""
    user: str | None = None
    bot_id: str | None = None
    subtype: str | None = None
    thread_ts: Timestamp | None = None
    files: list[SharedFile] = []
    blocks: list[dict[str, Any]] = []
    attachments: list[dict[str, Any]] = []
    """Forwarded messages and previews of links."""
    edited: EditMark | None = None
    user_team: str | None = None
    team: str | None = None
    user_profile: UserProfile | None = None


class MessageEvent(ChannelMessage, frozen=True, kw_only=True):
    """An event ``message`` or ``app_mention``. A change or deletion has the message before it."""

    type: str
    channel: Id
    channel_type: str | None = None
    message: ChannelMessage | None = None
    previous_message: ChannelMessage | None = None
    deleted_ts: Timestamp | None = None


class SlackRef(msgspec.Struct, frozen=True):
    """A user or channel, by id."""

    id: Id
    team_id: str | None = None


class BlockAction(msgspec.Struct, frozen=True):
    action_id: str
    action_ts: Timestamp
    block_id: str = ""
    value: str = ""
    text: dict[str, Any] = {}


class MessageClick(msgspec.Struct, frozen=True):
    """A button was pressed in a message."""

    user: SlackRef
    channel: SlackRef
    message: ChannelMessage
    actions: Annotated[list[BlockAction], msgspec.Meta(min_length=1)]


# -- what it means ---------------------------------------------------------------------------------


class SlackPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a customer writes: a DM, or a thread of a channel. ``team`` is ``T1``, or ``E1.T1``
    in an Enterprise organisation."""

    team: str
    channel: str
    thread: str | None = None

    @property
    def address(self) -> Address:
        """``T1/D1``, or ``T1/C1/1700000000.000100``."""
        parts = (self.team, self.channel, self.thread)
        return Address(channel=CHANNEL, value="/".join(part for part in parts if part))

    @classmethod
    def from_address(cls, address: Address) -> SlackPlace:
        """The place of ``address``. Raises ValueError when it is not an address in Slack."""
        team, channel, thread = (*address.value.split("/"), "", "")[:3]
        if not team or not channel or address.value.count("/") > 2:
            raise ValueError(f"{address.value} is not a place in Slack")
        return cls(team=team, channel=channel, thread=thread or None)


class CustomerAction(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person wrote, changed, deleted or pressed, in Slack's markup."""

    place: SlackPlace
    user: str
    bot_user: str = ""
    """Our bot's user id, empty when Slack does not say."""
    text: str
    at: datetime
    remote_id: str
    kind: Literal["message", "edit"] = "message"
    deleted: bool = False
    addressed: bool = False
    """Certainly meant for us: a DM, a mention of us, our button."""
    plain: bool = False
    """``text`` has no markup: it is the payload of our button."""
    files: tuple[SharedFile, ...] = ()
    blocks: tuple[object, ...] = ()
    profile_name: str | None = None
    facts: tuple[Fact, ...] = ()


def parse_event(callback: EventCallback, event: MessageEvent) -> CustomerAction | None:
    """What a person did, or None when no person did anything."""
    if event.subtype == "message_changed":
        return _parse_edit(callback, event)
    if event.subtype == "message_deleted":
        return _parse_deletion(callback, event)
    if event.subtype not in PERSON_SUBTYPES:
        return None
    shared = msgspec.convert(shared_files(event.attachments), list[SharedFile])
    return _action(callback, event, event, files=(*event.files, *shared))


def parse_click(click: MessageClick) -> CustomerAction | None:
    """What a click on our button says; None for buttons of others.

    The button knows its place: the payload's team is that of the person who clicked, who may be of
    another company. Raises ValueError when the button names no place.
    """
    action = click.actions[0]
    if not action.action_id.startswith(REPLY):
        return None
    return CustomerAction(
        place=SlackPlace.from_address(
            Address(channel=CHANNEL, value=action.block_id.partition(":")[2])
        ),
        user=click.user.id,
        text=action.value,
        at=_time(action.action_ts),
        # A message is answered by one button: every later click repeats the first.
        remote_id=f"{click.channel.id}:{click.message.ts}:click",
        addressed=True,
        plain=True,
        facts=_facts(click.user.id, click.user.team_id),
    )


def installation(callback: EventCallback) -> str:
    """The team whose installation gets the event; in a shared channel not always the writer's."""
    own = Authorization(team_id=callback.team_id, enterprise_id=callback.enterprise_id)
    by = callback.authorizations[0] if callback.authorizations else own
    parts = (by.enterprise_id, by.team_id or callback.team_id)
    return ".".join(part for part in parts if part) or "unknown"


def _parse_edit(callback: EventCallback, event: MessageEvent) -> CustomerAction | None:
    """An edit by a person. Slack also reports previews and threads that grew as changes."""
    now, before = event.message, event.previous_message
    if now is None or now.edited is None or (before is not None and before.text == now.text):
        return None
    remote_id = f"{event.channel}:{now.ts}:{now.edited.ts}"
    at = _time(now.edited.ts)
    return _action(callback, event, now, kind="edit", remote_id=remote_id, at=at)


def _parse_deletion(callback: EventCallback, event: MessageEvent) -> CustomerAction | None:
    gone = event.previous_message
    if gone is None or gone.subtype not in PERSON_SUBTYPES:
        return None
    remote_id, at = f"{event.channel}:{gone.ts}:deleted", _time(event.ts)
    return _action(callback, event, gone, kind="edit", deleted=True, remote_id=remote_id, at=at)


def _action(
    callback: EventCallback, event: MessageEvent, message: ChannelMessage, **changes: Any
) -> CustomerAction | None:
    """The action of the writer of ``message``, None when no person wrote it."""
    bot_user, user = callback.bot_user, message.user
    if user is None or user in ("USLACKBOT", bot_user) or message.bot_id is not None:
        return None
    direct = event.channel_type == "im" or event.channel.startswith("D")
    mention = event.type == "app_mention" or bool(bot_user and f"<@{bot_user}" in message.text)
    profile = message.user_profile
    action = CustomerAction(
        place=SlackPlace(
            team=installation(callback),
            channel=event.channel,
            thread=None if direct else message.thread_ts or message.ts,
        ),
        user=user,
        bot_user=bot_user,
        text=with_shares(message.text, message.attachments),
        at=_time(message.ts),
        remote_id=f"{event.channel}:{message.ts}",
        addressed=direct or mention,
        blocks=(*message.blocks, *message.attachments),
        profile_name=(profile.display_name or profile.real_name) if profile else None,
        facts=_facts(user, message.user_team or message.team),
    )
    return msgspec.structs.replace(action, **changes)


def _facts(user: str, team: str | None) -> tuple[Fact, ...]:
    who = Fact(name="slack user", value=user)
    return (who, Fact(name="slack team", value=team)) if team else (who,)


def _time(stamp: str) -> datetime:
    return datetime.fromtimestamp(float(stamp), UTC)
