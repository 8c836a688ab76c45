"""Files from customers: told by their content, never by what they are called."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import PurePosixPath

from gateway import TooLarge

SIGNATURES = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBPVP", re.DOTALL)),
    ("application/pdf", re.compile(rb"%PDF-")),
)
"""The byte patterns of the WHATWG MIME Sniffing Standard, sections 6.1 and 7.1."""

BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""Its "binary data bytes" (section 3), which no text has."""

ENDINGS = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "application/pdf": (".pdf",),
    "text/plain": (".txt", ".text", ".log", ".csv", ".md"),
}
UNFIT = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"<>|:*?\\/]'
)
"""Control characters, those that turn the direction of writing, and what file systems forbid."""


def sniff(data: bytes) -> str | None:
    """The media type that ``data`` shows to be, None for any that we do not know."""
    for media_type, signature in SIGNATURES:
        if signature.match(data):
            return media_type
    if not data or BINARY.search(data):
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "text/plain"


def safe_name(name: str, media_type: str) -> str:
    """``name`` fit to be saved on any system, ending as its content says."""
    base = UNFIT.sub("", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    endings = ENDINGS[media_type]
    if PurePosixPath(base.lower()).suffix in endings:
        stem, ending = base[: -len(PurePosixPath(base).suffix)], PurePosixPath(base).suffix
    else:
        stem, ending = base, endings[0]
    return (stem[: 100 - len(ending)].strip(" .") or "file") + ending


async def read(chunks: AsyncIterator[bytes], most: int, announced: int | None = None) -> bytes:
    """All of ``chunks``; raises TooLarge as soon as more than ``most`` bytes came, or are
    ``announced``."""
    data = bytearray()
    if announced is None or announced <= most:
        async for chunk in chunks:
            data += chunk
            if len(data) > most:
                break
        else:
            return bytes(data)
    raise TooLarge(f"at most {most} bytes are taken")
