"""Small copies of images, and photos without the place where they were taken."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from gateway import File, thumbnail, without_place
from gateway.support import images

GPS = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>52,31N</exif:GPSLatitude></x:xmpmeta>'
MIME = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


def picture(width: int = 80, height: int = 40, mode: str = "RGB") -> Image.Image:
    """A picture that is red on the left and blue on the right."""
    image = Image.new(mode, (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


def photo(kind: str, *, place: bool = True, turn: int = 6, **options: Any) -> File:
    exif = Image.Exif()
    exif[0x0112] = turn
    exif[0x010F] = "Camera maker"
    if place:
        exif[0x8825] = GPS
    written = io.BytesIO()
    picture().save(written, kind, exif=exif, **options)
    return File(name="photo", media_type=MIME[kind], data=written.getvalue())


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_place_leaves_the_photo(kind: str) -> None:
    """The turn, the size and the pixels stay."""
    file = photo(kind)
    assert opened(file.data).getexif().get_ifd(0x8825)
    cleaned = without_place(file)
    found = opened(cleaned.data)
    assert not found.getexif().get_ifd(0x8825)
    assert b"Camera maker" not in cleaned.data
    assert found.getexif()[0x0112] == 6
    assert found.size == (80, 40)
    red, green, blue = found.convert("RGB").getpixel((10, 10))
    assert (red > 240, green < 15, blue < 15) == (True, True, True)


def test_a_place_in_xmp_leaves_too() -> None:
    """Programs that edit photos keep it there."""
    for kind in ("JPEG", "WEBP"):
        cleaned = without_place(photo(kind, place=False, xmp=XMP))
        assert b"GPSLatitude" not in cleaned.data, kind
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    assert b"GPSLatitude" not in without_place(photo("PNG", place=False, pnginfo=info)).data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_photo_without_a_place_keeps_every_byte(kind: str) -> None:
    """It is not written anew."""
    written = io.BytesIO()
    picture().save(written, kind)
    file = File(name="photo", media_type=MIME[kind], data=written.getvalue())
    assert without_place(file) is file


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff\xe1broken", b"<svg onload=alert(1)>", b"%PDF"]
)
def test_what_is_no_image_stays_as_it_is(data: bytes) -> None:
    """And has no small copy."""
    file = File(name="x.jpg", media_type="image/jpeg", data=data)
    assert without_place(file) is file
    assert thumbnail(data, 320) is None


def test_a_small_copy_is_turned_and_has_no_metadata() -> None:
    """As the camera was held."""
    found = opened(thumbnail(photo("JPEG").data, 40))
    assert (found.format, found.size) == ("WEBP", (20, 40))
    assert not found.getexif()


def test_a_small_copy_keeps_what_is_clear() -> None:
    """A logo without a background stays one."""
    written = io.BytesIO()
    Image.new("RGBA", (300, 300), (255, 0, 0, 0)).save(written, "PNG")
    assert opened(thumbnail(written.getvalue(), 40)).mode == "RGBA"


def test_an_animation_shows_its_first_picture() -> None:
    written = io.BytesIO()
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("green", "red")]
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:])
    found = opened(thumbnail(written.getvalue(), 40)).convert("RGB").getpixel((5, 5))
    assert found[1] > 100 > found[0]


def test_an_image_of_too_many_pixels_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file can claim to be a huge picture."""
    monkeypatch.setattr(images, "MOST_PIXELS", 100)
    assert thumbnail(photo("PNG").data, 40) is None
    assert without_place(photo("PNG")).data == photo("PNG").data
