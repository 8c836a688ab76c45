"""What is said between the server and the process that reads for it: frames of MessagePack.

A frame is its length (four bytes, big-endian) and so many bytes. The first one asks for the
readers to be loaded; each is answered by one `Told` with its ``id``, in their order.
"""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from gateway import Insight

from .asking import Said

LONGEST = 64 * 2**20
"""Bytes of a frame; a batch of long messages stays far below."""


class Setup(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Load the readers for ``languages``; ``closed``, ``house`` and ``folder`` as in `Readers`;
    ``semantic`` names an encoder for them."""

    id: int = 0
    languages: tuple[str, ...]
    closed: bool = False
    semantic: str | None = None
    services: dict[str, dict[str, tuple[str, ...]]] = {}
    folder: str | None = None


class Learn(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Tell intents by the model in this file from now on; without one there are none."""

    id: int = 0
    model: str | None


class Read(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Tell all that can be told of each of these."""

    id: int = 0
    said: tuple[Said, ...]


Asked = Setup | Learn | Read


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """``insights`` of a `Read`; ``error`` in words when it could not be done, ``unusable`` when
    that is because of the model's file."""

    id: int
    insights: tuple[Insight, ...] = ()
    error: str | None = None
    unusable: bool = False


_TOLD = msgspec.msgpack.Decoder(Told)
_ASKED: msgspec.msgpack.Decoder[Asked] = msgspec.msgpack.Decoder(Asked)
_ENCODER = msgspec.msgpack.Encoder()


def frame(value: Asked | Told) -> bytes:
    """``value`` as it is sent."""
    body = _ENCODER.encode(value)
    return len(body).to_bytes(4, "big") + body


def size(head: bytes) -> int:
    """The length that the first four bytes of a frame tell. Raises ValueError."""
    found = int.from_bytes(head, "big")
    if found > LONGEST:
        raise ValueError(f"a frame of {found} bytes")
    return found


def told(body: bytes) -> Told:
    """Raises `msgspec.DecodeError`."""
    return _TOLD.decode(body)


def asked(source: BinaryIO) -> Asked | None:
    """The next one; None at the end."""
    head = source.read(4)
    if len(head) < 4:
        return None
    return _ASKED.decode(source.read(size(head)))
