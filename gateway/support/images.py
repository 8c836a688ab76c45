"""Images: small copies for pages, and photos without the place where they were taken.

Pillow does the work. It is loaded when the first image comes: 0.2 s and 12 MB. Its calls take a
processor for a while: make them in a thread. Only four formats are read, which keeps the code that
meets strangers' bytes small; nothing of an original is ever shown in a page, only copies made here.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from gateway.model import File

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
"""The media types of `FORMATS`."""
UNREAD_PHOTOS = ("image/heic", "image/heif", "image/tiff", "image/avif")
"""Photos that we do not read: a place in them stays."""
MOST_PIXELS = 60_000_000
"""Pixels of an image that is unpacked, at 4 bytes each. Telephones make 12 to 50 million."""
THUMBNAIL_TYPE = "image/webp"
QUALITY = 80
"""Of a small copy (WebP, 0 to 100)."""
KEPT_QUALITY = 92
"""Of a WebP photo that is written anew. A JPEG keeps its own."""
GPS_IFD, ORIENTATION = 0x8825, 0x0112
"""Tags of Exif 2.32: the place, and how to turn the picture."""
_PLACE_WORDS = (b"GPS", b"Location", b"City")
"""In XMP and IPTC, how properties are called that say where a photo was taken."""


def is_image(media_type: str) -> bool:
    """Whether `thumbnail` can read this media type."""
    return media_type in IMAGE_TYPES


def thumbnail(data: bytes, side: int) -> bytes | None:
    """A copy of the image ``data``, WebP, whose longer side is at most ``side`` pixels; the first
    picture of an animation. None when it cannot be read or is too large to be unpacked."""
    from PIL import ImageOps  # noqa: PLC0415  (12 MB, for those who send images)

    try:
        with _opened(data) as image:
            image.draft("RGB", (side, side))  # a JPEG is unpacked at a fraction of its size
            small = ImageOps.exif_transpose(image)
            small.thumbnail((side, side))
            clear = "A" in small.getbands() or "transparency" in small.info
            written = io.BytesIO()
            small.convert("RGBA" if clear else "RGB").save(written, "WEBP", quality=QUALITY)
            return written.getvalue()
    except Exception:  # noqa: BLE001  (strangers' bytes: each format raises errors of its own)
        return None


def without_place(file: File) -> File:
    """``file``; if it is a photo that says where it was taken, without that and other metadata.

    The size, the turn and the colours stay. A JPEG is written with its own tables, which changes
    hardly a pixel. What cannot be read stays as it is.
    """
    if file.media_type not in IMAGE_TYPES:
        return file
    try:
        with _opened(file.data) as image:
            if not _has_place(image):
                return file
            return File(name=file.name, media_type=file.media_type, data=_rewritten(image))
    except Exception:  # noqa: BLE001  (as above)
        return file


def _opened(data: bytes) -> Image.Image:
    """Raises ValueError for more than `MOST_PIXELS`, and what Pillow raises."""
    from PIL import Image  # noqa: PLC0415  (as above)

    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"{image.width} by {image.height} pixels")
    return image


def _has_place(image: Image.Image) -> bool:
    if image.getexif().get_ifd(GPS_IFD):
        return True
    found = [image.info.get(name) for name in ("xmp", "XML:com.adobe.xmp", "photoshop", "comment")]
    return any(word in _bytes(value) for value in found for word in _PLACE_WORDS)


def _bytes(value: object) -> bytes:
    if isinstance(value, dict):  # the blocks of Photoshop, in which IPTC lies
        return b"".join(map(_bytes, value.values()))
    return value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else b""


def _rewritten(image: Image.Image) -> bytes:
    from PIL import Image  # noqa: PLC0415  (as above)

    exif = Image.Exif()
    if turn := image.getexif().get(ORIENTATION):
        exif[ORIENTATION] = turn
    kind = "JPEG" if image.format == "MPO" else image.format  # a JPEG with further ones behind it
    options: dict[str, Any] = {"exif": exif, "icc_profile": image.info.get("icc_profile")}
    if kind == "JPEG":
        image.format = kind
        options["quality"] = "keep"
    elif kind == "WEBP":
        options["quality"] = KEPT_QUALITY
    if kind != "JPEG" and getattr(image, "n_frames", 1) > 1:
        options["save_all"] = True
    image.info.pop("comment", None)
    image.info.pop("xmp", None)
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()
