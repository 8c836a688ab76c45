"""Files that an agent attaches: uploaded, shown, removed, sent, expired, erased."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from gateway import Address
from plugins.agents_desk.outgoing.unsent import media_type_of, shown_name
from tests.agents_desk.conftest import Visit

from .conftest import PDF, OutgoingGateway, answer, attach, claimed, png

HOUR = 3600.0


def photo() -> bytes:
    """A photo that says where it was taken."""
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    written = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(written, "JPEG", exif=exif)
    return written.getvalue()


async def test_a_file_goes_out_with_the_answer(gw: OutgoingGateway, ana: Visit) -> None:
    """With its bytes, the type that they show, and the text that was typed meanwhile."""
    path = await claimed(gw, ana)
    await attach(ana, path, ("label.pdf", PDF), text="Print this.")
    assert "label.pdf" in ana.page
    assert "Print this." in ana.page
    await answer(ana, path, "Print this.")
    assert await gw.sent_files(gw.chat) == [("label.pdf", "application/pdf", PDF)]
    assert gw.chat.sent[-1].text == "Print this."
    assert ana.field("files", 'id="answer-form"') == ""


async def test_a_file_needs_no_words(gw: OutgoingGateway, ana: Visit) -> None:
    """An answer of files alone goes out; one of nothing does not."""
    path = await claimed(gw, ana)
    response = await answer(ana, path, "  ")
    assert response.status == 422
    await attach(ana, path, ("a.pdf", PDF))
    await answer(ana, path, "")
    assert [name for name, _, _ in await gw.sent_files(gw.chat)] == ["a.pdf"]


async def test_a_form_that_is_sent_twice_sends_its_files_once(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """As for text alone."""
    path = await claimed(gw, ana)
    await attach(ana, path, ("a.pdf", PDF))
    page = ana.page
    for _ in range(2):
        ana.page = page
        response = await answer(ana, path, "Here.")
        assert response.status == 200
    assert len(await gw.sent_files(gw.chat)) == 1


async def test_a_removed_file_is_not_sent(gw: OutgoingGateway, ana: Visit) -> None:
    """The others are."""
    path = await claimed(gw, ana)
    await attach(ana, path, ("wrong.pdf", PDF), ("right.pdf", b"%PDF-1.4 right"))
    first = ana.field("files", 'id="answer-form"').split(",")[0]
    await ana.send(f"{path}/detach", file=first)
    await answer(ana, path, "Here.")
    assert [name for name, _, _ in await gw.sent_files(gw.chat)] == ["right.pdf"]


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PDF, "application/pdf"),
        (png(), "image/png"),
        (b"<html><script>alert(1)</script>", "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain"),
        ("Grüße".encode(), "text/plain"),
        ("Grüße".encode("latin-1"), "application/octet-stream"),
        (b"BEGIN:VCARD\r\nEND:VCARD", "text/vcard"),
        (b"\x00\x01\x02", "application/octet-stream"),
        (b"MZ" + bytes(80), "application/x-msdownload"),
    ],
)
def test_the_type_is_what_the_bytes_show(data: bytes, media_type: str) -> None:
    """Never what the name or the browser says."""
    assert media_type_of(data) == media_type


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\Rechnung März.pdf", "Rechnung März.pdf"),
        ("in\u202evoice\r\n.pdf", "invoice.pdf"),
        ('a"b<c>.png', "abc.png"),
        ("", "file"),
        ("...", "file"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ],
)
def test_a_name_is_made_safe(name: str, shown: str) -> None:
    """It keeps its extension."""
    assert shown_name(name) == shown


async def test_the_place_leaves_a_photo_before_it_is_sent(gw: OutgoingGateway, ana: Visit) -> None:
    """The customer does not learn where the agent took it."""
    path = await claimed(gw, ana)
    await attach(ana, path, ("door.jpg", photo()))
    await answer(ana, path, "Our door.")
    [(_, _, data)] = await gw.sent_files(gw.chat)
    with Image.open(io.BytesIO(data)) as sent:
        assert not sent.getexif().get_ifd(0x8825)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([("a.pdf", PDF)] * 3, "at most 2 files"),
        ([("a.bin", b"\x00\x01")], "a type that cannot be sent here"),
        ([("a.txt", b"x" * 300_000)], "at most 0.2 MB"),
    ],
)
async def test_what_the_channel_does_not_take_is_said_before_sending(
    gw: OutgoingGateway, ana: Visit, files: list[tuple[str, bytes]], why: str
) -> None:
    """In the composer; and sending it all the same changes nothing."""
    path = await claimed(gw, ana)
    await attach(ana, path, *files)
    assert why in ana.page
    before = len(gw.chat.sent)
    response = await answer(ana, path, "Here.")
    assert response.status == 422
    assert why in ana.page
    assert "Here." in ana.page
    await gw.running.settled()
    assert len(gw.chat.sent) == before


async def test_too_large_and_empty_files_are_refused(gw: OutgoingGateway, ana: Visit) -> None:
    """At the upload, in words; a script gets the same as JSON."""
    path = await claimed(gw, ana)
    response = await attach(ana, path, ("big.bin", bytes(10_000_001)), script=True)
    assert response.status == 422
    assert "larger than 10 MB" in (await response.json())["error"]["message"]
    response = await attach(ana, path, ("empty.txt", b""))
    assert "empty.txt is empty" in ana.page


async def test_an_upload_needs_the_token_and_the_right(
    gw: OutgoingGateway, ana: Visit, ben: Visit
) -> None:
    """Neither another site nor a colleague without the right adds a file."""
    path = await claimed(gw, ben)
    await ana.open("/desk")
    assert (await attach(ana, path, ("a.pdf", PDF))).status == 404  # Ben has it
    await ben.open(path)
    assert (await attach(ben, path, ("a.pdf", PDF), csrf="0" * 32)).status == 403
    response = await ben.http.post(f"{ben.url}{path}/attach", data=b"x")
    assert response.status == 400
    await ben.open(path)
    assert ben.field("files", 'id="answer-form"') == ""


@pytest.mark.parametrize(
    "body",
    [
        b'--x\r\nContent-Disposition: form-data; name="\x02\x11"\r\n\r\n{}\r\n--x--\r\n',
        b"--x\r\nno header\r\n",
        b"--x--\r\n",
        b"",
        b"--y\r\n\r\n",
        b"--x\r\nContent-Disposition: form-data; name=csrf; filename=f\r\n\r\nabc\r\n--x--\r\n",
    ],
)
async def test_a_body_that_no_browser_sends_is_a_400(
    gw: OutgoingGateway, ana: Visit, body: bytes
) -> None:
    """Never a 500."""
    path = await claimed(gw, ana)
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    response = await ana.http.post(f"{ana.url}{path}/attach", data=body, headers=kind)
    assert response.status == 400


async def test_an_unknown_conversation_is_a_404(gw: OutgoingGateway, ana: Visit) -> None:
    """For a file as for everything else."""
    await ana.open("/desk/new")
    assert (await attach(ana, "/desk/c/999", ("a.pdf", PDF))).status == 404


async def test_each_agent_has_their_own(gw: OutgoingGateway, ana: Visit, ben: Visit) -> None:
    """A colleague neither sees nor sends what is not theirs."""
    path = await claimed(gw, ana)
    await attach(ana, path, ("a.pdf", PDF))
    files = ana.field("files", 'id="answer-form"')
    await ben.open(path)
    await ben.send(f"{path}/claim", epoch=ben.field("epoch"))
    assert ben.field("files", 'id="answer-form"') == ""
    response = await answer(ben, path, "Mine?", files=files)
    assert response.status == 422
    assert "no longer there" in ben.page


async def test_an_unsent_file_expires(gw: OutgoingGateway, ana: Visit) -> None:
    """After 20 hours it is gone from the composer, and its bytes with the next clean-up."""
    path = await claimed(gw, ana)
    await attach(ana, path, ("a.pdf", PDF))
    await gw.running.pass_time(21 * HOUR)
    await ana.sign_in("ana")
    await ana.open(path)
    assert ana.field("files", 'id="answer-form"') == ""
    assert await gw.services.storage.scan("agents_desk", "unsent/") == ()


async def test_an_unsent_file_is_exported_and_erased_with_the_customer(
    gw: OutgoingGateway, ana: Visit
) -> None:
    """It may hold something about them."""
    path = await claimed(gw, ana)
    await attach(ana, path, ("about-maria.pdf", PDF))
    [stored] = await gw.services.storage.scan("agents_desk", "unsent/")
    digest = stored.value.partition('"digest":"')[2][:64]
    data = gw.running.gateway.customer_data
    address = Address(channel="fake", value="maria")
    assert digest in str(await data.export(address))
    await data.erase(address)
    assert await gw.services.storage.scan("agents_desk", "unsent/") == ()
    with pytest.raises(Exception, match="no file"):
        await gw.services.files.open(digest)


async def test_pictures_are_shown_as_copies(gw: OutgoingGateway, ana: Visit) -> None:
    """Small in the history, larger on demand; never the bytes that somebody sent."""
    picture = await gw.keep("IMG_1234.png", png(900, 600), "image/png")
    path = await claimed(gw, ana, attachments=(picture,))
    assert 'alt="Picture: IMG 1234"' in ana.page
    for size, side in (("thumbnail", 320), ("preview", 900)):
        response = await ana.http.get(f"{ana.url}{path}/files/{picture.digest}/{size}")
        assert response.status == 200
        assert response.content_type == "image/webp"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        with Image.open(io.BytesIO(await response.read())) as copy:
            assert max(copy.size) == side


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(PDF, "application/pdf"), (b"<svg/>", "image/svg+xml")],
)
async def test_what_is_no_picture_has_no_copy(
    gw: OutgoingGateway, ana: Visit, data: bytes, media_type: str
) -> None:
    """It can only be saved."""
    kept = await gw.keep("x", data, media_type)
    path = await claimed(gw, ana, attachments=(kept,))
    response = await ana.http.get(f"{ana.url}{path}/files/{kept.digest}/thumbnail")
    assert response.status == 404
    download = await ana.http.get(f"{ana.url}{path}/files/{kept.digest}")
    assert download.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("data", [b"broken", png()[:60], b""])
async def test_a_damaged_picture_says_so(gw: OutgoingGateway, ana: Visit, data: bytes) -> None:
    """It is there, and can be saved; only its copy cannot be made."""
    kept = await gw.keep("x.png", data, "image/png")
    path = await claimed(gw, ana, attachments=(kept,))
    response = await ana.open(f"{path}/files/{kept.digest}/preview")
    assert response.status == 422
    assert "It is damaged" in ana.page
    download = await ana.http.get(f"{ana.url}{path}/files/{kept.digest}")
    assert (download.status, await download.read()) == (200, data)


async def test_a_colleague_gets_no_copy(gw: OutgoingGateway, ana: Visit, ben: Visit) -> None:
    """Nor of another conversation's picture, by its digest."""
    picture = await gw.keep("a.png", png(), "image/png")
    path = await claimed(gw, ben, attachments=(picture,))
    address = f"{path}/files/{picture.digest}/thumbnail"
    assert (await ana.http.get(ana.url + address)).status == 403
    await gw.running.customer("fake", "tom").say("Hello, a person please")
    other = await gw.services.desk.card(2)
    address = f"/desk/c/{other.conversation.id}/files/{picture.digest}/thumbnail"
    assert (await ana.http.get(ana.url + address)).status == 404
