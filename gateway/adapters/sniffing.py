"""What a file is, by its content: a sender's word is not enough."""

from __future__ import annotations

import re

import filetype

ACTIVE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,512}<(?:!doctype|html|head|body|script|svg|iframe|\?xml)",
    re.IGNORECASE,
)
UNKNOWN = "application/octet-stream"
PASSIVE = ("image/", "audio/", "video/", "application/pdf", "font/")
KIN = {
    # A container, and what is made of it: the narrower word of the sender is believed.
    "application/zip": (
        "application/vnd.",
        "application/epub",
        "application/x-zip",
        "application/java",
    ),
    "video/mp4": ("audio/mp4", "audio/m4a", "audio/x-m4a", "video/quicktime", "image/hei"),
    "video/webm": ("audio/webm", "video/x-matroska", "audio/x-matroska"),
    "video/x-matroska": ("audio/webm", "video/webm", "audio/x-matroska"),
    "audio/ogg": ("video/ogg", "application/ogg"),
    "application/gzip": ("application/x-gzip", "application/x-tgz"),
}


def believed(said: str, data: bytes) -> str:
    """The media type under which ``data`` is kept: what it shows to be where that is another
    family than ``said``; ``application/octet-stream`` for a page or a program in disguise.

    Nothing is served inline anyway; this keeps channels and colleagues' programs from being told
    that a page is a picture.
    """
    found = filetype.guess_mime(data[:8192])
    if found is None:
        disguised = said.startswith(PASSIVE) and ACTIVE.match(data[:1024]) is not None
        return UNKNOWN if disguised else said
    if _family(found) == _family(said) or said.startswith(KIN.get(found, ())) or said == UNKNOWN:
        return said
    return str(found)


def _family(media_type: str) -> str:
    """Pictures are one family; other types are each its own."""
    major, _, minor = media_type.partition("/")
    return major if major in ("image", "audio", "video") else f"{major}/{minor.removeprefix('x-')}"
