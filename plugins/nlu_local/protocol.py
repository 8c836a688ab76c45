"""The protocol between the server and the process that reads messages for it.

A frame is its length (four bytes, big-endian) and that many bytes of MessagePack. The first request
loads the reader. The worker answers each request, in order, with a `WorkerReply` of its ``id``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

import msgspec

from gateway import Insight, WarmlineError

MAX_FRAME_BYTES = 64 * 2**20
"""A batch of long messages stays far below."""


UNIVERSAL = "universal"
"""The name of the packaged sentence encoder."""

OUT_OF_SCOPE = "oos"

PACKAGED_OUTSIDE = f"{OUT_OF_SCOPE}/"
"""The names of the packaged examples of what is out of scope begin so. ``oos/price`` and the like
are what other businesses are asked, by topic: what a shop without such an intent cannot answer. A
training (`intent_training`) leaves out those that are near to examples of the shop."""

ANYTHING = f"{PACKAGED_OUTSIDE}anything"
"""What no business is asked. It is no topic."""

PACKAGED_INTENTS: Mapping[str, tuple[str, ...]] = {
    "greeting": ("greet", "hello"),
    "thanks": ("thank", "thank_you"),
    "goodbye": ("bye", "say_goodbye"),
    "are_you_a_bot": ("bot_challenge", "are_you_human"),
    "what_can_you_do": ("capabilities",),
    "ask_person": ("ask_for_person", "talk_to_human"),
    "praise": ("compliment",),
    OUT_OF_SCOPE: ("out_of_scope", "nlu_fallback"),
}
"""The intents of the package, with other names for the same: where the shop has an intent of such a
name, the packaged examples are examples of that one."""


class UnusableModel(ValueError):
    """The file of a trained model cannot be used. The message says why."""


class EncoderUnavailable(WarmlineError):
    """A sentence encoder cannot be loaded. The message says why and what to do."""


class ReadingFailed(WarmlineError):
    """The worker process could not read the messages, or has ended."""


MAX_PREVIOUS = 3
"""Earlier messages of the customer in which the matter of a follow-up is looked for."""


class MessageInContext(NamedTuple):
    """A message, the language of its conversation so far, and the customer's messages before it:
    the newest first, at most `MAX_PREVIOUS`."""

    text: str
    known_language: str | None = None
    previous_texts: tuple[str, ...] = ()


class ReaderSetup(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Load a `MessageReader` with these values. ``semantic`` names a sentence-transformers model
    for intents; ``universal`` says whether the packaged encoder reads moods, and intents without
    ``semantic``. ``courtesies`` are greetings and thanks that may stand around a question."""

    id: int = 0
    languages: tuple[str, ...]
    closed: bool = False
    semantic: str | None = None
    universal: bool = False
    courtesies: tuple[str, ...] = ()
    custom_phrases: dict[str, dict[str, tuple[str, ...]]] = {}
    folder: str | None = None

    @property
    def encoder(self) -> str | None:
        """The name of the encoder for intents, as `load_encoder` wants it."""
        return self.semantic or (UNIVERSAL if self.universal else None)


class LoadIntents(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From now on rank intents with the model in this file; None: without intents."""

    id: int = 0
    model: str | None


class UsePhrases(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From now on look for these phrases of the guide; see `ReaderSetup.custom_phrases`."""

    id: int = 0
    custom_phrases: dict[str, dict[str, tuple[str, ...]]]


class ReadMessages(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Read these messages."""

    id: int = 0
    messages: tuple[MessageInContext, ...]


class EncodeTexts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Encode these texts."""

    id: int = 0
    texts: tuple[str, ...]


WorkerRequest = ReaderSetup | LoadIntents | UsePhrases | ReadMessages | EncodeTexts


class WorkerReply(msgspec.Struct, frozen=True, kw_only=True):
    """``insights`` answer a `ReadMessages`, ``embeddings`` (32-bit floats each) an `EncodeTexts`.
    ``error`` says why the request failed;
    ``unusable_model`` is true when the file of the intent model is the reason."""

    id: int
    insights: tuple[Insight, ...] = ()
    embeddings: tuple[bytes, ...] = ()
    error: str | None = None
    unusable_model: bool = False


decode_reply = msgspec.msgpack.Decoder(WorkerReply).decode
"""Raises `msgspec.DecodeError`."""

_REQUEST_DECODER: msgspec.msgpack.Decoder[WorkerRequest] = msgspec.msgpack.Decoder(WorkerRequest)
_ENCODER = msgspec.msgpack.Encoder()


def encode_frame(value: WorkerRequest | WorkerReply) -> bytes:
    body = _ENCODER.encode(value)
    return len(body).to_bytes(4, "big") + body


def frame_size(header: bytes) -> int:
    """The length in the first four bytes of a frame. Raises ValueError when it is too large."""
    size = int.from_bytes(header, "big")
    if size > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {size} bytes is larger than {MAX_FRAME_BYTES}")
    return size


def read_request(source: BinaryIO) -> WorkerRequest | None:
    """The next request; None at the end."""
    header = source.read(4)
    if len(header) < 4:
        return None
    return _REQUEST_DECODER.decode(source.read(frame_size(header)))
