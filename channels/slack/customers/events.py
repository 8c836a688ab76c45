"""What was said to us: an event of Slack as something a customer did. Pure.

``remote_id`` is channel and timestamp, which Slack calls a message's identity: one message has
several events (``message`` and ``app_mention``, retries, thread broadcasts), and is handled once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from channels.slack.payloads import Authorization, Callback, Click, Posted, Shared, Written
from gateway import Address, Fact

CHANNEL = "slack"
SPOKEN = (None, "file_share", "thread_broadcast", "me_message")
"""Subtypes of messages that a person wrote; all others are joins, topics, bots and the like."""
REPLY = "warmline.reply"
"""How the ids of our buttons begin."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
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
    def of(cls, address: Address) -> Place:
        """Raises ValueError when the address is none of Slack's."""
        team, channel, thread = (*address.value.split("/"), "", "")[:3]
        if not team or not channel or address.value.count("/") > 2:
            raise ValueError(f"{address.value} is no place in Slack")
        return cls(team=team, channel=channel, thread=thread or None)


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person wrote, changed, deleted or pressed, markup and all."""

    place: Place
    user: str
    us: str
    """Our bot's user id, empty when Slack does not say."""
    text: str
    at: datetime
    remote_id: str
    kind: Literal["message", "edit"] = "message"
    deleted: bool = False
    addressed: bool = False
    """Said to us for certain: in a DM, with a mention of us, by our button."""
    plain: bool = False
    """``text`` has no markup: it is the payload of a button of ours."""
    files: tuple[Shared, ...] = ()
    blocks: tuple[object, ...] = ()
    profile: str | None = None
    facts: tuple[Fact, ...] = ()


def hear(callback: Callback, posted: Posted) -> Heard | None:
    """What the event says, or None when it is nothing that a customer did."""
    if posted.subtype == "message_changed":
        return _changed(callback, posted)
    if posted.subtype == "message_deleted":
        return _deleted(callback, posted)
    if posted.subtype not in SPOKEN or not _person(posted, callback):
        return None
    heard = _heard(callback, posted, posted)
    return heard and msgspec.structs.replace(heard, files=tuple(posted.files))


def press(click: Click) -> Heard | None:
    """What a click on one of our buttons says; None for others' buttons. The button knows its
    place: the payload's team is the clicker's, who may be of another company."""
    action = click.actions[0]
    if not action.action_id.startswith(REPLY):
        return None
    value = action.block_id.partition(":")[2]
    return Heard(
        place=Place.of(Address(channel=CHANNEL, value=value)),
        user=click.user.id,
        us="",
        text=action.value,
        at=_at(action.action_ts),
        # One message is answered by one button: whatever comes next is the same click again.
        remote_id=f"{click.channel.id}:{click.message.ts}:click",
        addressed=True,
        plain=True,
        facts=_facts(click.user.id, click.user.team_id),
    )


def bot_user(callback: Callback) -> str:
    """Our bot's user id in the workspace of the event; empty when it is not told."""
    return next((one.user_id for one in callback.authorizations if one.is_bot and one.user_id), "")


def _changed(callback: Callback, posted: Posted) -> Heard | None:
    """An edit by a person. Slack also tells of previews and of threads that grew."""
    now, before = posted.message, posted.previous_message
    if now is None or now.edited is None or not _person(now, callback):
        return None
    if before is not None and before.text == now.text:
        return None
    heard = _heard(callback, posted, now)
    remote_id = f"{posted.channel}:{now.ts}:{now.edited.ts}"
    at = _at(now.edited.ts)
    return heard and msgspec.structs.replace(heard, kind="edit", remote_id=remote_id, at=at)


def _deleted(callback: Callback, posted: Posted) -> Heard | None:
    gone = posted.previous_message
    if gone is None or gone.subtype not in SPOKEN or not _person(gone, callback):
        return None
    heard = _heard(callback, posted, gone)
    remote_id, at = f"{posted.channel}:{gone.ts}:deleted", _at(posted.ts)
    return heard and msgspec.structs.replace(
        heard, kind="edit", deleted=True, remote_id=remote_id, at=at
    )


def _heard(callback: Callback, posted: Posted, written: Written) -> Heard | None:
    us, user = bot_user(callback), written.user
    if user is None:
        return None
    direct = posted.channel_type == "im" or posted.channel.startswith("D")
    mention = posted.type == "app_mention" or bool(us and f"<@{us}" in written.text)
    profile = written.user_profile
    return Heard(
        place=_place(installed(callback), posted.channel, written, direct=direct),
        user=user,
        us=us,
        text=written.text,
        at=_at(written.ts),
        remote_id=f"{posted.channel}:{written.ts}",
        addressed=direct or mention,
        blocks=tuple(written.blocks),
        profile=(profile.display_name or profile.real_name) if profile else None,
        facts=_facts(user, written.user_team or written.team),
    )


def _person(written: Written, callback: Callback) -> bool:
    return written.bot_id is None and written.user not in (
        None, "USLACKBOT", bot_user(callback)
    )  # fmt: skip


def _place(team: str, channel: str, written: Written, *, direct: bool) -> Place:
    thread = None if direct else written.thread_ts or written.ts
    return Place(team=team, channel=channel, thread=thread)


def installed(callback: Callback) -> str:
    """The installation an event comes for: in a shared channel it is not the writer's team."""
    nobody = Authorization(team_id=callback.team_id, enterprise_id=callback.enterprise_id)
    by = callback.authorizations[0] if callback.authorizations else nobody
    return _team(by.enterprise_id, by.team_id or callback.team_id)


def _team(enterprise: str | None, team: str | None) -> str:
    return ".".join(part for part in (enterprise, team) if part) or "unknown"


def _facts(user: str, team: str | None) -> tuple[Fact, ...]:
    who = Fact(name="slack user", value=user)
    return (who, Fact(name="slack team", value=team)) if team else (who,)


def _at(stamp: str) -> datetime:
    return datetime.fromtimestamp(float(stamp), UTC)
