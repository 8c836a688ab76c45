"""What is said over the socket: one JSON object a frame, told apart by its ``type``.

The long-poll fallback speaks the same frames over plain HTTP.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec

from gateway import Author, Button, Json, Status, SurveyQuestion

Id = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
ClientId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Token = Annotated[str, msgspec.Meta(max_length=6_000)]
LanguageTag = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")]
Ids = Annotated[list[Id], msgspec.Meta(min_length=1, max_length=200)]


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """One frame; its class is its ``type``."""


# -- what a customer's browser says --------------------------------------------------------------


class Hello(Frame, frozen=True, kw_only=True, tag="hello"):
    """The first frame. ``token`` is the session's, absent at the very first visit; ``identity``
    the site's own; ``after`` the last message id the page has."""

    token: Token | None = None
    identity: Token | None = None
    after: Id = 0


class Say(Frame, frozen=True, kw_only=True, tag="say"):
    """A message. ``id`` is made by the page: said again, it is still one message.

    ``attachments`` are references that an upload gave; ``language`` is the page's.
    """

    id: ClientId
    text: str = ""
    attachments: Annotated[list[Token], msgspec.Meta(max_length=10)] = []
    language: LanguageTag | None = None
    page: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class Typing(Frame, frozen=True, kw_only=True, tag="typing"):
    """Someone writes. The page says it at most every few seconds."""

    author: Author = "customer"
    name: str | None = None


class Delivered(Frame, frozen=True, kw_only=True, tag="delivered"):
    """These messages are on the page."""

    ids: Ids


class Read(Frame, frozen=True, kw_only=True, tag="read"):
    """These messages were on the screen."""

    ids: Ids


class Ping(Frame, frozen=True, kw_only=True, tag="ping"):
    """Is the line still there? Answered by a pong: a page cannot see a socket's own pings."""


# -- what we say ---------------------------------------------------------------------------------


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the page should not even try."""

    text: int
    file_size: int
    file_types: tuple[str, ...]


class Ready(Frame, frozen=True, kw_only=True, tag="ready"):
    """The answer to hello. Keep ``token``; with ``fresh`` it is a new session without a past."""

    token: str
    session: str
    fresh: bool
    limits: Limits
    name: str | None = None


class Accepted(Frame, frozen=True, kw_only=True, tag="accepted"):
    """The message ``id`` is safely stored, now or (``duplicate``) when it was first said."""

    id: str
    turn: int
    duplicate: bool = False


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """A file; ``ref`` fetches it (``GET files/REF``) or sends it along with a message."""

    ref: str
    name: str
    media_type: str
    size: int


class Message(Frame, frozen=True, kw_only=True, tag="message"):
    """A message of the conversation, in the order of ``id``. ``client`` is the id that the
    page gave to its own; ``name`` the agent's."""

    id: int
    author: Author
    text: str
    at: datetime
    status: Status
    name: str | None = None
    client: str | None = None
    buttons: tuple[Button, ...] = ()
    survey: SurveyQuestion | None = None
    attachments: tuple[Attached, ...] = ()


class Live(Frame, frozen=True, kw_only=True, tag="live"):
    """All that was missed has been said; what follows is new."""


class StatusNow(Frame, frozen=True, kw_only=True, tag="status"):
    """A message's status changed, perhaps by another tab of the same session."""

    id: int
    status: Status


class Pong(Frame, frozen=True, kw_only=True, tag="pong"):
    """The line is there."""


class Error(Frame, frozen=True, kw_only=True, tag="error"):
    """Something was refused. ``id`` is that of the message it was about; ``retry_after``
    seconds, where trying again makes sense."""

    code: str
    message: str
    id: str | None = None
    retry_after: float | None = None


Heard: TypeAlias = Say | Typing | Delivered | Read | Ping
Said: TypeAlias = Ready | Accepted | Message | Live | StatusNow | Typing | Pong | Error


class Malformed(Exception):
    """Not a frame we know; the text says why, in words for a developer."""


_frames: msgspec.json.Decoder[Hello | Heard] = msgspec.json.Decoder(Hello | Heard)
encode = msgspec.json.Encoder().encode


def decode(data: str | bytes) -> Hello | Heard:
    """Parse one frame; raises Malformed."""
    try:
        return _frames.decode(data)
    except RecursionError:
        raise Malformed("the frame is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Malformed(str(error)) from None


def schemas(prefix: str) -> dict[str, Json]:
    """The JSON Schemas of all frames by name: ``Heard`` and ``ReplayReply`` are those of the two sides."""
    (heard, said, _), parts = msgspec.json.schema_components(
        [Hello | Heard, Said, Attached], ref_template=f"#/components/schemas/{prefix}{{name}}"
    )
    named = {"Heard": heard, "Said": said, **parts}
    return {prefix + name: schema for name, schema in named.items()}
