"""Office files are ZIP archives of XML: their size is bounded before anything is unpacked."""

from __future__ import annotations

import io
import zipfile

from plugins.knowledge.readers.blocks import UnreadableDocument

MOST_UNPACKED = 100_000_000
"""Bytes of all parts together. A handbook of 500 pages without its pictures has about 5 MB."""
MOST_PART = 40_000_000
"""Bytes of one XML part. Parsed, it takes about ten times as much memory."""
MOST_PARTS = 5_000
MOST_RATIO = 200
"""XML shrinks to a tenth or a twentieth; a bomb to a thousandth."""
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".tif", ".tiff", ".bin", ".mp4")


def check_archive(data: bytes, what: str) -> None:
    """Raises UnreadableDocument for what is no ZIP archive, or unpacks to too much; ``what`` is the
    kind of file, such as ``DOCX file``."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            bomb = _why_too_large(parts)
            if bomb:
                raise UnreadableDocument(f"the {what} {bomb}; save it anew, or split it")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _check_part(archive, part, what)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UnreadableDocument(
            f"the {what} is damaged or protected by a password ({error}); save it anew without one"
        ) from error


def _why_too_large(parts: list[zipfile.ZipInfo]) -> str:
    if len(parts) > MOST_PARTS:
        return f"has more than {MOST_PARTS} parts"
    kept = [part for part in parts if not part.filename.lower().endswith(_PICTURES)]
    unpacked = sum(part.file_size for part in kept)
    if unpacked > MOST_UNPACKED:
        return f"unpacks to {unpacked:,} bytes, more than {MOST_UNPACKED:,}"
    for part in kept:
        if part.file_size > MOST_PART:
            return f"has a part of {part.file_size:,} bytes, more than {MOST_PART:,}"
        if part.file_size > 1_000_000 and part.file_size > MOST_RATIO * max(1, part.compress_size):
            return f"has a part that is packed {MOST_RATIO} times over, as attacks are"
    return ""


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, what: str) -> None:
    """Office programs write no document type, and an entity could read files or grow without end
    (https://owasp.org/www-community/vulnerabilities/XML_External_Entity_(XXE)_Processing). The
    sizes in the archive's index may lie, so what is read is counted."""
    read = 0
    with archive.open(part) as stream:
        while chunk := stream.read(1_000_000):
            odd = not read and b"\0" in chunk[:8]  # UTF-16 would hide what is looked for
            if odd or b"<!DOCTYPE" in chunk or b"<!ENTITY" in chunk:
                raise UnreadableDocument(
                    f"the {what} declares a document type or entities in {part.filename}, which "
                    "office programs do not; save it anew with one"
                )
            read += len(chunk)
            if read > MOST_PART:
                raise UnreadableDocument(f"the {what} unpacks to more than it says; save it anew")
