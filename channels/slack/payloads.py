"""What Slack sends, as far as we read it: typed at the door. Unknown keys are ignored.

docs.slack.dev, "Events API", "message event", "block_actions payload".
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Stamp = Annotated[str, msgspec.Meta(pattern=r"^\d{1,12}\.\d{1,8}$")]


class Authorization(msgspec.Struct, frozen=True):
    """For which installation of our app an event comes; ``user_id`` is our bot there."""

    enterprise_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    is_bot: bool = False


class Happened(msgspec.Struct, frozen=True):
    """The part of an event that all events have."""

    type: str


class Callback(msgspec.Struct, frozen=True):
    """The envelope of an event."""

    event: Happened
    team_id: str | None = None
    enterprise_id: str | None = None
    event_id: str | None = None
    authorizations: list[Authorization] = []


class Shared(msgspec.Struct, frozen=True):
    """A file in a message. In a shared channel it may be an id alone, with
    ``file_access: check_file_info``."""

    id: Id
    name: str | None = None
    mimetype: str | None = None
    size: int = 0
    mode: str = "hosted"
    url_private: str | None = None
    url_private_download: str | None = None
    file_access: str | None = None


class Edited(msgspec.Struct, frozen=True):
    ts: Stamp


class Profile(msgspec.Struct, frozen=True):
    display_name: str | None = None
    real_name: str | None = None


class Written(msgspec.Struct, frozen=True):
    """A message as it stands in a channel."""

    ts: Stamp
    text: str = ""
    user: str | None = None
    bot_id: str | None = None
    subtype: str | None = None
    thread_ts: Stamp | None = None
    files: list[Shared] = []
    blocks: list[dict[str, Any]] = []
    edited: Edited | None = None
    user_team: str | None = None
    team: str | None = None
    user_profile: Profile | None = None


class Posted(Written, frozen=True, kw_only=True):
    """An event ``message`` or ``app_mention``; of a changed or deleted one it has what was."""

    type: str
    channel: Id
    channel_type: str | None = None
    message: Written | None = None
    previous_message: Written | None = None
    deleted_ts: Stamp | None = None


class Named(msgspec.Struct, frozen=True):
    id: Id
    team_id: str | None = None


class Action(msgspec.Struct, frozen=True):
    action_id: str
    action_ts: Stamp
    block_id: str = ""
    value: str = ""
    text: dict[str, Any] = {}


class Click(msgspec.Struct, frozen=True):
    """A button was pressed in a message."""

    user: Named
    channel: Named
    message: Written
    actions: Annotated[list[Action], msgspec.Meta(min_length=1)]
