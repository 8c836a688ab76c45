"""Files that customers send: fetched from Twilio, and from nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from gateway import File, Message
from gateway.testing import FakeClock

from .conftest import ANA, PUBLIC, Line, texting
from .server import API, SID, Twilio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def with_files(line: Line, *files: tuple[str, str], text: str = "see") -> dict[str, str]:
    """The form of a message with files: (address, type) each."""
    form = line.twilio.message(text, ANA, NumMedia=str(len(files)))
    for index, (url, kind) in enumerate(files):
        form |= {f"MediaUrl{index}": url, f"MediaContentType{index}": kind}
    return form


async def receive(line: Line, *files: tuple[str, str], text: str = "see") -> Message:
    """The customer's message as it was stored."""
    assert (await line.post(with_files(line, *files, text=text)))[0] == 200
    await line.gw.settled()
    [said] = [m for m in await line.messages() if m.author == "customer"]
    return said


def missing(message: Message) -> list[str]:
    return [fact.value for fact in message.facts if fact.name == "file not kept"]


async def test_a_picture_is_kept_byte_for_byte(line: Line) -> None:
    """The API gets the credentials, the store that it passes on to does not."""
    url = line.twilio.keep("image/png", PNG)
    said = await receive(line, (url, "image/png"))
    [kept] = said.attachments
    assert (kept.media_type, kept.size) == ("image/png", len(PNG))
    assert kept.name.endswith(".png")
    assert await line.gw.services.files.open(kept.digest) == PNG
    assert [proof for _, proof in line.twilio.fetched] == [True, False]


async def test_several_files_keep_their_order(line: Line) -> None:
    """A picture, a contact and a sound, without a word."""
    kinds = ["image/jpeg", "text/vcard", "audio/ogg; codecs=opus"]
    files = [(line.twilio.keep(kind, kind.encode()), kind) for kind in kinds]
    said = await receive(line, *files, text="")
    assert [one.media_type for one in said.attachments] == ["image/jpeg", "text/vcard", "audio/ogg"]


async def test_twilios_own_address_is_asked_at_the_overridden_one(line: Line) -> None:
    """As a proxy in front of the API needs it."""
    url = line.twilio.keep("image/png", PNG).replace(line.twilio.url, "https://api.twilio.com")
    said = await receive(line, (url, "image/png"))
    assert len(said.attachments) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/x",
        "http://localhost/x",
        "file:///etc/passwd",
        "https://api.twilio.com.evil.example/x",
        "https://evil.example/mms.twiliocdn.com",
        "https://mms.twiliocdn.com@evil.example/x",
        "http://mms.twiliocdn.com/x",
        "https://mms.twiliocdn.com:8443/x",
        "//evil.example/x",
        "ftp://mms.twiliocdn.com/x",
        "http://[::1",
        "x",
    ],
)
async def test_no_other_address_is_called(line: Line, url: str) -> None:
    """Neither told by the form nor by a redirect; the message itself is answered."""
    told = await receive(line, (url, "image/png"))
    assert told.attachments == ()
    assert len(missing(told)) == 1
    line.twilio.redirect = url
    form = with_files(line, (line.twilio.keep("image/png", PNG), "image/png"), text="again")
    assert (await line.post(form))[0] == 200
    await line.gw.settled()
    again = [m for m in await line.messages() if m.text == "again"]
    assert again[0].attachments == ()
    assert line.heard == ["You said see", "You said again"]


async def test_credentials_stay_with_our_account(line: Line) -> None:
    """A path of the API that is not the account's is asked without them."""
    other = line.twilio.keep("image/png", PNG).replace(SID, "AC" + "9" * 32)
    said = await receive(line, (other, "image/png"))
    assert said.attachments == ()
    assert line.twilio.fetched == [(other.removeprefix(line.twilio.url), False)]


@asynccontextmanager
async def stranger() -> AsyncIterator[tuple[str, list[str]]]:
    """Another server of this machine, and what it was asked."""
    asked: list[str] = []

    async def take(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", "nothing"))
        return web.Response(body=PNG)

    app = web.Application()
    app.add_routes([web.get("/{tail:.*}", take)])
    async with TestServer(app) as server:
        yield str(server.make_url("/x")), asked


async def test_a_neighbour_is_never_asked(line: Line) -> None:
    """Another port of the same host is another server."""
    async with stranger() as (url, asked):
        line.twilio.redirect = url
        file = line.twilio.keep("image/png", PNG)
        said = await receive(line, (url, "image/png"), (file, "image/png"))
    assert (said.attachments, asked) == ((), [])
    assert missing(said)[0].endswith("its address is not Twilio's")


async def test_a_redirect_that_never_ends_does(line: Line) -> None:
    """After three steps."""
    url = line.twilio.keep("image/png", PNG)
    line.twilio.redirect = url
    said = await receive(line, (url, "image/png"))
    assert missing(said)[0].endswith("it is passed on too often")
    assert len(line.twilio.fetched) == 3


@pytest.mark.parametrize("kind", ["text/html", "application/x-msdownload", "image", ""])
async def test_other_types_are_not_fetched(line: Line, kind: str) -> None:
    """The agent reads what it was."""
    said = await receive(line, (line.twilio.keep("text/html", b"<script>"), kind))
    assert said.attachments == ()
    assert missing(said)[0].endswith("files of this type are not taken")
    assert line.twilio.fetched == []


async def test_a_file_that_is_too_large_is_left(twilio: Twilio, tmp_path: Path) -> None:
    """The others of the message are kept."""
    core = {"limits": {"attachment": 2000}}
    async with texting(twilio, tmp_path, core=core) as line:
        large = (twilio.keep("image/png", b"x" * 200_000), "image/png")
        small = (twilio.keep("image/png", PNG), "image/png")
        said = await receive(line, large, small)
        assert [one.size for one in said.attachments] == [len(PNG)]
        assert missing(said)[0].endswith("it is larger than 2000 bytes")


async def test_a_file_that_is_not_there_is_asked_for_twice(line: Line) -> None:
    """The message is there before its file sometimes; and is answered in any case."""
    url = f"{line.twilio.url}{API}/{SID}/Messages/MM1/Media/ME404"
    said = await receive(line, (url, "image/png"))
    assert missing(said)[0].endswith("Twilio answered 404")
    assert len(line.twilio.fetched) == 2
    assert line.heard == ["You said see"]


async def test_a_slow_store_does_not_keep_twilio_waiting(twilio: Twilio, tmp_path: Path) -> None:
    """Within the time of the settings the webhook has its answer."""

    async def hang(request: web.Request) -> web.Response:
        await stop.wait()
        return web.Response()

    stop = asyncio.Event()
    app = web.Application()
    app.add_routes([web.get("/{tail:.*}", hang)])
    async with TestServer(app) as server:
        base = str(server.make_url("")).rstrip("/")
        async with texting(twilio, tmp_path, media_timeout=0.2, api_base=base) as line:
            url = f"{base}{API}/{SID}/Messages/MM1/Media/ME1"
            form = with_files(line, (url, "image/png"))
            assert (await line.post(form))[0] == 200
            stop.set()
            await line.gw.settled()
            [said] = [m for m in await line.messages() if m.author == "customer"]
            assert missing(said)[0].endswith("did not give it within 0.2 s")


# -- files that a person sends -------------------------------------------------------------------


async def answer_with(line: Line, *names: str, text: str = "Print this.") -> None:
    """An agent answers with files."""
    ana = line.gw.desk_agent("ana")
    card = await ana.claim(await line.gw.services.desk.card(1))
    kept = [
        await line.gw.services.files.keep(
            File(name=n, media_type="application/pdf", data=n.encode())
        )
        for n in names
    ]
    await ana.answer(card, text, attachments=tuple(kept))


async def fetch(line: Line, url: str) -> tuple[int, bytes]:
    """As Twilio fetches: by the address alone."""
    async with ClientSession() as session, session.get(line.gw.url + url[len(PUBLIC) :]) as answer:
        return answer.status, await answer.read()


async def test_a_person_sends_files(line: Line) -> None:
    """Twilio is told where they are, and finds them there."""
    await line.text("hello")
    await answer_with(line, "a.pdf", "b.pdf")
    sent = line.twilio.sent[-1]
    assert sent["body"] == "Print this."
    assert [await fetch(line, url) for url in sent["media"]] == [(200, b"a.pdf"), (200, b"b.pdf")]


async def test_a_file_may_come_without_words(line: Line) -> None:
    """On WhatsApp too."""
    await line.text("hello", sender=f"whatsapp:{ANA}")
    await answer_with(line, "a.pdf", text="")
    sent = line.twilio.sent[-1]
    assert (sent["to"], sent["body"], len(sent["media"])) == (f"whatsapp:{ANA}", "", 1)


async def test_more_files_than_the_channel_takes_are_refused(line: Line) -> None:
    """WhatsApp takes one; nothing is left out in silence."""
    await line.text("hello", sender=f"whatsapp:{ANA}")
    await answer_with(line, "a.pdf", "b.pdf")
    assert len(line.twilio.sent) == 1
    assert any("send them one by one" in note for note in await line.notes())


async def test_the_address_is_the_proof(line: Line) -> None:
    """Changed in any part it is none; and no other file can be had with it."""
    await line.text("hello")
    await answer_with(line, "a.pdf")
    [url] = line.twilio.sent[-1]["media"]
    other = await line.gw.services.files.keep(File(name="x", media_type="text/plain", data=b"x"))
    path, _, query = url.partition("?")
    asked = dict(parse_qsl(query))
    for changed in (
        f"{PUBLIC}/channels/sms/files/{other.digest}?{query}",
        f"{path}?{urlencode(asked | {'type': 'text/html'})}",
        f"{path}?{urlencode(asked | {'until': '9999999999'})}",
        f"{path}?{urlencode(asked | {'proof': 'x'})}",
        path,
    ):
        assert (await fetch(line, changed))[0] == 403, changed


async def test_the_address_is_good_for_a_day(twilio: Twilio, tmp_path: Path) -> None:
    """Then it is gone."""
    async with texting(twilio, tmp_path, clock=FakeClock()) as line:
        await line.text("hello")
        await answer_with(line, "a.pdf")
        [url] = twilio.sent[-1]["media"]
        await line.gw.pass_time(86_000)
        assert (await fetch(line, url))[0] == 200
        await line.gw.pass_time(500)
        assert (await fetch(line, url))[0] == 410


async def test_no_more_than_ten_are_fetched(line: Line) -> None:
    """That is what Twilio sends at most."""
    url = line.twilio.keep("image/png", PNG)
    said = await receive(line, *[(url, "image/png")] * 12)
    assert len(said.attachments) == 10
