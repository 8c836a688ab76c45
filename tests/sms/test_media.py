"""Files from customers, fetched from Twilio only, and files that agents send."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

import channels.sms
from gateway import Address, File, Message, RefusedByChannel
from gateway.testing import FakeClock, running

from .conftest import ANA, PUBLIC, SmsGateway, config, running_sms
from .fake_twilio import API, SID, FakeTwilio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def with_files(sms: SmsGateway, *files: tuple[str, str], text: str = "see") -> dict[str, str]:
    """The form of a message with files, each an (address, type)."""
    form = sms.twilio.message(text, ANA, NumMedia=str(len(files)))
    for index, (url, kind) in enumerate(files):
        form |= {f"MediaUrl{index}": url, f"MediaContentType{index}": kind}
    return form


async def receive(sms: SmsGateway, *files: tuple[str, str], text: str = "see") -> Message:
    """The customer's message as it was stored."""
    assert (await sms.post(with_files(sms, *files, text=text)))[0] == 200
    await sms.gw.settled()
    [message] = [m for m in await sms.messages() if m.author == "customer"]
    return message


def missing(message: Message) -> list[str]:
    return [fact.value for fact in message.facts if fact.name == "file not kept"]


async def test_a_picture_is_kept_byte_for_byte(sms: SmsGateway) -> None:
    """The API gets the credentials, the store that it redirects to does not."""
    url = sms.twilio.keep("image/png", PNG)
    received = await receive(sms, (url, "image/png"))
    [kept] = received.attachments
    assert (kept.media_type, kept.size) == ("image/png", len(PNG))
    assert kept.name.endswith(".png")
    assert await sms.gw.services.files.open(kept.digest) == PNG
    assert [authorized for _, authorized in sms.twilio.fetched] == [True, False]


async def test_several_files_keep_their_order(sms: SmsGateway) -> None:
    """A picture, a contact and a sound, without text."""
    kinds = ["image/jpeg", "text/vcard", "audio/ogg; codecs=opus"]
    files = [(sms.twilio.keep(kind, kind.encode()), kind) for kind in kinds]
    received = await receive(sms, *files, text="")
    assert [file.media_type for file in received.attachments] == [
        "image/jpeg",
        "text/vcard",
        "audio/ogg",
    ]


async def test_a_full_disk_loses_no_message(
    sms: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twilio delivers it only once: the text arrives, and the card says what is missing."""
    url = sms.twilio.keep("image/png", PNG)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    received = await receive(sms, (url, "image/png"))
    assert (received.text, received.attachments) == ("see", ())
    assert "no room" in missing(received)[0]


async def test_twilios_address_is_mapped_to_the_overridden_api(sms: SmsGateway) -> None:
    """A proxy in front of the API needs this."""
    url = sms.twilio.keep("image/png", PNG).replace(sms.twilio.url, "https://api.twilio.com")
    received = await receive(sms, (url, "image/png"))
    assert len(received.attachments) == 1


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
async def test_no_other_address_is_called(sms: SmsGateway, url: str) -> None:
    """Neither from the form nor from a redirect. The message itself is answered."""
    received = await receive(sms, (url, "image/png"))
    assert received.attachments == ()
    assert len(missing(received)) == 1
    sms.twilio.redirect = url
    form = with_files(sms, (sms.twilio.keep("image/png", PNG), "image/png"), text="again")
    assert (await sms.post(form))[0] == 200
    await sms.gw.settled()
    again = [m for m in await sms.messages() if m.text == "again"]
    assert again[0].attachments == ()
    assert sms.sent_texts == ["You said see", "You said again"]


async def test_credentials_go_only_to_our_account(sms: SmsGateway) -> None:
    """A path of the API outside our account is called without them."""
    other = sms.twilio.keep("image/png", PNG).replace(SID, "AC" + "9" * 32)
    received = await receive(sms, (other, "image/png"))
    assert received.attachments == ()
    assert sms.twilio.fetched == [(other.removeprefix(sms.twilio.url), False)]


@asynccontextmanager
async def other_server() -> AsyncIterator[tuple[str, list[str]]]:
    """Another server on this machine, and the calls that it gets."""
    calls: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        calls.append(request.headers.get("Authorization", "nothing"))
        return web.Response(body=PNG)

    app = web.Application()
    app.add_routes([web.get("/{tail:.*}", answer)])
    async with TestServer(app) as server:
        yield str(server.make_url("/x")), calls


async def test_another_port_of_the_host_is_never_called(sms: SmsGateway) -> None:
    """It is another server."""
    async with other_server() as (url, calls):
        sms.twilio.redirect = url
        file = sms.twilio.keep("image/png", PNG)
        received = await receive(sms, (url, "image/png"), (file, "image/png"))
    assert (received.attachments, calls) == ((), [])
    assert missing(received)[0].endswith("the file's address is not Twilio's")


async def test_endless_redirects_are_given_up(sms: SmsGateway) -> None:
    """After three hops."""
    url = sms.twilio.keep("image/png", PNG)
    sms.twilio.redirect = url
    received = await receive(sms, (url, "image/png"))
    assert missing(received)[0].endswith("the file's address redirects too often")
    assert len(sms.twilio.fetched) == 3


@pytest.mark.parametrize("kind", ["text/html", "application/x-msdownload", "image", ""])
async def test_unwanted_types_are_not_fetched(sms: SmsGateway, kind: str) -> None:
    """The agent reads why."""
    received = await receive(sms, (sms.twilio.keep("text/html", b"<script>"), kind))
    assert received.attachments == ()
    assert missing(received)[0].endswith("files of this type are not accepted")
    assert sms.twilio.fetched == []


async def test_a_file_over_the_limit_is_not_kept(twilio: FakeTwilio, tmp_path: Path) -> None:
    """The message's other files are."""
    core = {"limits": {"attachment": 2000}}
    async with running_sms(twilio, tmp_path, core=core) as sms:
        large = (twilio.keep("image/png", b"x" * 200_000), "image/png")
        small = (twilio.keep("image/png", PNG), "image/png")
        received = await receive(sms, large, small)
        assert [file.size for file in received.attachments] == [len(PNG)]
        assert missing(received)[0].endswith("the file is larger than 2000 bytes")


async def test_a_missing_file_is_requested_twice(sms: SmsGateway) -> None:
    """A message may arrive before its file is there. It is answered in any case."""
    url = f"{sms.twilio.url}{API}/{SID}/Messages/MM1/Media/ME404"
    received = await receive(sms, (url, "image/png"))
    assert missing(received)[0].endswith("Twilio answered 404")
    assert len(sms.twilio.fetched) == 2
    assert sms.sent_texts == ["You said see"]


async def test_a_slow_store_does_not_delay_the_webhook(twilio: FakeTwilio, tmp_path: Path) -> None:
    """It answers within `media_timeout`."""

    async def hang(request: web.Request) -> web.Response:
        await stop.wait()
        return web.Response()

    stop = asyncio.Event()
    app = web.Application()
    app.add_routes([web.get("/{tail:.*}", hang)])
    async with TestServer(app) as server:
        base = str(server.make_url("")).rstrip("/")
        async with running_sms(twilio, tmp_path, media_timeout=0.2, api_base=base) as sms:
            url = f"{base}{API}/{SID}/Messages/MM1/Media/ME1"
            form = with_files(sms, (url, "image/png"))
            assert (await sms.post(form))[0] == 200
            stop.set()
            await sms.gw.settled()
            [message] = [m for m in await sms.messages() if m.author == "customer"]
            assert missing(message)[0].endswith("did not send the file within 0.2 s")


# -- files that an agent sends -------------------------------------------------------------------


WASHINGTON, BERLIN = "+12025550123", "+4915123456789"
TYPES = {"pdf": "application/pdf", "png": "image/png"}


async def answer_with(
    sms: SmsGateway, *names: str, text: str = "Print this.", data: bytes = b""
) -> None:
    """Answer with files, as an agent. Without ``data`` a file holds its name."""
    ana = sms.gw.desk_agent("ana")
    card = await ana.claim(await sms.gw.services.desk.card(1))
    kept = [
        await sms.gw.services.files.keep(
            File(name=n, media_type=TYPES[n[-3:]], data=data or n.encode())
        )
        for n in names
    ]
    await ana.answer(card, text, attachments=tuple(kept))


async def fetch(sms: SmsGateway, url: str) -> tuple[int, bytes]:
    """Fetch as Twilio does, without credentials."""
    async with ClientSession() as session, session.get(sms.gw.url + url[len(PUBLIC) :]) as answer:
        return answer.status, await answer.read()


async def test_a_picture_goes_as_mms_where_there_is_mms(twilio: FakeTwilio, tmp_path: Path) -> None:
    """From a number in the USA to one there; a document beside it goes as a link."""
    async with running_sms(twilio, tmp_path, **{"from": "+12025550100"}) as sms:
        await sms.text("hello", sender=WASHINGTON)
        await answer_with(sms, "a.png", "The label.pdf")
        sent = twilio.sent[-1]
        text, link = sent["body"].split("\n")
        assert text == "Print this."
        assert link.endswith("/The-label.pdf")
        assert [await fetch(sms, url) for url in sent["media"]] == [(200, b"a.png")]
        assert await fetch(sms, link) == (200, b"The label.pdf")


@pytest.mark.parametrize("size", [0, 5_000_001])
async def test_elsewhere_and_when_too_large_a_picture_goes_as_a_link(
    twilio: FakeTwilio, tmp_path: Path, size: int
) -> None:
    """MMS has 5 MB, and only two countries."""
    async with running_sms(twilio, tmp_path, **{"from": "+12025550100"}) as sms:
        await sms.text("hello", sender=WASHINGTON if size else BERLIN)
        await answer_with(sms, "a.png", data=b"\x89PNG\r\n\x1a\n" + bytes(size))
        assert twilio.sent[-1]["media"] == []
        assert twilio.sent[-1]["body"].endswith("/a.png")


async def test_five_links_and_a_long_text_fit_one_message(sms: SmsGateway) -> None:
    """However long the files' names are."""
    await sms.text("hello")
    names = [f"{n}{'very-long-name-' * 8}.pdf" for n in range(5)]
    await answer_with(sms, *names, text="word " * 90)
    [*_, sent] = sms.twilio.sent
    assert sent["body"].count("https://") == 5
    assert len(sent["body"]) <= 1600


async def test_a_file_needs_no_text(sms: SmsGateway) -> None:
    """On WhatsApp either."""
    await sms.text("hello", sender=f"whatsapp:{ANA}")
    await answer_with(sms, "a.pdf", text="")
    sent = sms.twilio.sent[-1]
    assert (sent["to"], sent["body"], len(sent["media"])) == (f"whatsapp:{ANA}", "", 1)


async def test_too_many_files_are_refused_at_once(sms: SmsGateway) -> None:
    """WhatsApp takes one. The agent reads why, and nothing is sent."""
    await sms.text("hello", sender=f"whatsapp:{ANA}")
    with pytest.raises(RefusedByChannel, match="at most one file"):
        await answer_with(sms, "a.pdf", "b.pdf")
    assert len(sms.twilio.sent) == 1


async def test_without_a_public_address_no_file_can_be_sent(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """Twilio could not fetch it: the agent is told before sending."""
    settings = config(tmp_path, "https://api.twilio.com") | {"public_url": "http://127.0.0.1"}
    async with running(channels.sms, config=settings, tmp_path=tmp_path) as gw:
        limits = gw.services.desk.file_limits(Address(channel="sms", value=ANA))
    assert limits.most == 0
    assert "WARMLINE_PUBLIC_URL" in limits.hint


async def test_a_changed_link_of_twilio_is_a_403(sms: SmsGateway) -> None:
    """A link is for one file, type and time."""
    await sms.text("hello", sender=f"whatsapp:{ANA}")
    await answer_with(sms, "a.pdf")
    [url] = sms.twilio.sent[-1]["media"]
    other = await sms.gw.services.files.keep(File(name="x", media_type="text/plain", data=b"x"))
    path, _, query = url.partition("?")
    parameters = dict(parse_qsl(query))
    for changed in (
        f"{PUBLIC}/channels/sms/files/{other.digest}?{query}",
        f"{path}?{urlencode(parameters | {'type': 'text/html'})}",
        f"{path}?{urlencode(parameters | {'until': '9999999999'})}",
        f"{path}?{urlencode(parameters | {'proof': 'x'})}",
        path,
    ):
        assert (await fetch(sms, changed))[0] == 403, changed


async def test_a_changed_link_of_a_customer_is_a_403(sms: SmsGateway) -> None:
    """It too is for one file, time and name; what it serves is only saved, never displayed."""
    await sms.text("hello")
    await answer_with(sms, "a.pdf", "b.pdf")
    _, first, second = sms.twilio.sent[-1]["body"].split("\n")
    *base, digest, until, proof, name = first.split("/")
    another = second.split("/")[-4]
    for parts in (
        (another, until, proof, name),
        (digest, "9999999999", proof, name),
        (digest, until, proof, "b.html"),
        (digest, until, "A" * 22, name),
    ):
        assert (await fetch(sms, "/".join((*base, *parts))))[0] == 403, parts
    async with (
        ClientSession() as session,
        session.get(sms.gw.url + first[len(PUBLIC) :]) as answer,
    ):
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("sender", "lifetime"), [(f"whatsapp:{ANA}", 86_400), (ANA, 1_209_600)])
async def test_a_link_expires(
    twilio: FakeTwilio, tmp_path: Path, sender: str, lifetime: int
) -> None:
    """Twilio's after a day, a customer's after 14: then it is a 410."""
    async with running_sms(twilio, tmp_path, clock=FakeClock()) as sms:
        await sms.text("hello", sender=sender)
        await answer_with(sms, "a.pdf")
        sent = twilio.sent[-1]
        [url] = sent["media"] or sent["body"].split("\n")[1:]
        await sms.gw.pass_time(lifetime - 400)
        assert (await fetch(sms, url))[0] == 200
        await sms.gw.pass_time(500)
        assert (await fetch(sms, url))[0] == 410


async def test_at_most_ten_files_are_fetched(sms: SmsGateway) -> None:
    """Twilio never sends more."""
    url = sms.twilio.keep("image/png", PNG)
    received = await receive(sms, *[(url, "image/png")] * 12)
    assert len(received.attachments) == 10
