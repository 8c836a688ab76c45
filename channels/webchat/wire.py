"""The frames of the web chat: one JSON object each, distinguished by its ``type``.

The socket and the long-poll fallback use the same frames.
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


class WebchatFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """One frame; its class decides its ``type``."""


# -- sent by the page ----------------------------------------------------------------------------


class HelloFrame(WebchatFrame, frozen=True, kw_only=True, tag="hello"):
    """The first frame. ``token`` is the session's, absent at the first visit; ``identity`` is the
    site's own token; ``after`` is the last message id that the page has."""

    token: Token | None = None
    identity: Token | None = None
    after: Id = 0


class SayFrame(WebchatFrame, frozen=True, kw_only=True, tag="say"):
    """A message from the customer. The page makes ``id``: a frame sent again with it is still one
    message.

    ``attachments`` are references that an upload returned; ``language`` is the page's.
    """

    id: ClientId
    text: str = ""
    attachments: Annotated[list[Token], msgspec.Meta(max_length=10)] = []
    language: LanguageTag | None = None
    page: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class TypingFrame(WebchatFrame, frozen=True, kw_only=True, tag="typing"):
    """Someone is typing. The page sends it at most every few seconds."""

    author: Author = "customer"
    name: str | None = None


class DeliveredFrame(WebchatFrame, frozen=True, kw_only=True, tag="delivered"):
    """The page has these messages."""

    ids: Ids


class ReadFrame(WebchatFrame, frozen=True, kw_only=True, tag="read"):
    """These messages were on the screen."""

    ids: Ids


class PingFrame(WebchatFrame, frozen=True, kw_only=True, tag="ping"):
    """A check of the connection, answered by a pong: a page cannot see a socket's own pings."""


class NewFrame(WebchatFrame, frozen=True, kw_only=True, tag="new"):
    """The customer begins a new conversation. Answered by `BegunFrame`."""


class TranscriptFrame(WebchatFrame, frozen=True, kw_only=True, tag="transcript"):
    """The customer wants what was said by mail. Answered by `MailedFrame`."""


# -- sent by the gateway -------------------------------------------------------------------------


class PageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that the page checks before it sends."""

    text: int
    file_size: int
    file_types: tuple[str, ...]


class ReadyFrame(WebchatFrame, frozen=True, kw_only=True, tag="ready"):
    """The answer to hello. The page keeps ``token``; ``fresh`` marks a session other than that of
    its hello: a new one, or the one that a logged-in user has on other devices. ``person`` is the
    agent who has the conversation."""

    token: str
    session: str
    fresh: bool
    limits: PageLimits
    name: str | None = None
    person: str | None = None


class AcceptedFrame(WebchatFrame, frozen=True, kw_only=True, tag="accepted"):
    """The message ``id`` is stored, now or (``duplicate``) when it was first sent."""

    id: str
    turn: int
    duplicate: bool = False


class FileReference(msgspec.Struct, frozen=True, kw_only=True):
    """A file; ``ref`` fetches it (``GET files/REF``) or attaches it to a message."""

    ref: str
    name: str
    media_type: str
    size: int


class MessageFrame(WebchatFrame, frozen=True, kw_only=True, tag="message"):
    """A message of the conversation; messages come in the order of ``id``. ``client`` is the id
    that the page gave its own message; ``name`` is the agent's."""

    id: int
    author: Author
    text: str
    at: datetime
    status: Status
    name: str | None = None
    client: str | None = None
    buttons: tuple[Button, ...] = ()
    survey: SurveyQuestion | None = None
    attachments: tuple[FileReference, ...] = ()


class PersonFrame(WebchatFrame, frozen=True, kw_only=True, tag="person"):
    """The agent ``name`` has the conversation now; without a name nobody has it any more."""

    name: str | None = None


class BegunFrame(WebchatFrame, frozen=True, kw_only=True, tag="begun"):
    """The next message begins a new conversation. With ``person`` it does not: a person has, or
    will get, the one that is open, and the next message reaches them."""

    person: bool = False


class MailedFrame(WebchatFrame, frozen=True, kw_only=True, tag="mailed"):
    """The transcript is on its way to the customer's address ``to``, which is not shown whole."""

    to: str


class LiveFrame(WebchatFrame, frozen=True, kw_only=True, tag="live"):
    """All missed messages have been sent; later ones are new."""


class StatusFrame(WebchatFrame, frozen=True, kw_only=True, tag="status"):
    """A message's status changed, perhaps in another tab of the same session."""

    id: int
    status: Status


class PongFrame(WebchatFrame, frozen=True, kw_only=True, tag="pong"):
    """The answer to a ping."""


class ErrorFrame(WebchatFrame, frozen=True, kw_only=True, tag="error"):
    """A frame was refused. ``id`` is that of the message it was about; ``retry_after`` is in
    seconds, where trying again makes sense."""

    code: str
    message: str
    id: str | None = None
    retry_after: float | None = None


PageFrame: TypeAlias = (
    SayFrame | TypingFrame | DeliveredFrame | ReadFrame | PingFrame | NewFrame | TranscriptFrame
)
"""Frames that the page sends after hello."""
GatewayFrame: TypeAlias = (
    ReadyFrame
    | AcceptedFrame
    | MessageFrame
    | LiveFrame
    | StatusFrame
    | TypingFrame
    | PersonFrame
    | BegunFrame
    | MailedFrame
    | PongFrame
    | ErrorFrame
)
"""Frames that the gateway sends."""


class BadFrame(Exception):
    """The input is not a valid frame; the message says why, for a developer."""


_decoder: msgspec.json.Decoder[HelloFrame | PageFrame] = msgspec.json.Decoder(
    HelloFrame | PageFrame
)
encode = msgspec.json.Encoder().encode


def decode(data: str | bytes) -> HelloFrame | PageFrame:
    """Parse one frame from the page; raises BadFrame."""
    try:
        return _decoder.decode(data)
    except RecursionError:
        raise BadFrame("the frame is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise BadFrame(str(error)) from None


def schemas(prefix: str) -> dict[str, Json]:
    """The JSON Schemas of all frames by name; ``PageFrame`` and ``GatewayFrame`` are the unions of
    the two sides."""
    (page, gateway, _), parts = msgspec.json.schema_components(
        [HelloFrame | PageFrame, GatewayFrame, FileReference],
        ref_template=f"#/components/schemas/{prefix}{{name}}",
    )
    named = {"PageFrame": page, "GatewayFrame": gateway, **parts}
    return {prefix + name: schema for name, schema in named.items()}
