"""Customers' files: fetched with our token from Slack alone, within bounds and Slack's time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway import Address, Message
from gateway.testing import RunningGateway
from tests.conftest import until
from tests.slack.conftest import Gateway
from tests.slack.server import SlackServer

VCARD = b"BEGIN:VCARD\nVERSION:3.0\nFN:Bo Weaver\nTEL:+1 555 0100\nEND:VCARD\n"
DM = Address(channel="slack", value="T0HOME/D1")
PDF = b"%PDF-1.7 " + bytes(range(256))


async def the_message(gw: RunningGateway, address: Address = DM) -> Message:
    """The one message of the customer."""
    await gw.settled()
    found = await gw.gateway.store.queries.messages(address, own=True)
    [message] = [message for message in found if message.author == "customer"]
    return message


def missing(message: Message) -> list[str]:
    """The missing files that the card names, with the reason."""
    [value] = [fact.value for fact in message.facts if fact.name == "files not fetched"]
    return value.split("; ")


async def test_a_file_without_text(slack: SlackServer, gw: RunningGateway) -> None:
    """It is stored byte for byte with its name and type, and fetched with our token."""
    file = slack.add_file("bill.pdf", "application/pdf", PDF)
    await slack.say("D1", "U1", "", files=[file], subtype="file_share")
    message = await the_message(gw)
    [kept] = message.attachments
    assert (kept.name, kept.media_type, message.text) == ("bill.pdf", "application/pdf", "")
    assert await gw.services.files.open(kept.digest) == PDF
    assert [call.token for call in slack.made("download")] == [slack.bot_token]


@pytest.mark.parametrize(
    ("name", "media_type", "data", "text"),
    [
        ("voice.m4a", "audio/mp4", b"....ftypM4A", ""),
        ("torn.png", "image/png", b"\x89PNG", ""),
        ("bo.vcf", "text/x-vcard", VCARD, "Contact: Bo Weaver, +1 555 0100"),
    ],
)
async def test_a_file_without_words_goes_to_a_person(
    slack: SlackServer, gw: RunningGateway, *, name: str, media_type: str, data: bytes, text: str
) -> None:
    """Who gets the file; of a contact card also what stands on it."""
    file = slack.add_file(name, media_type, data)
    await slack.say("D1", "U1", "", files=[file], subtype="file_share")
    await gw.settled()
    [item] = await gw.services.desk.queue()
    assert [reason.code for reason in item.handoff.reasons] == ["no_words"]
    message = await the_message(gw)
    assert (message.text, [kept.name for kept in message.attachments]) == (text, [name])


async def test_a_file_in_a_shared_channel(slack: SlackServer, gw: RunningGateway) -> None:
    """Slack Connect sends its id alone; the rest is asked for."""
    file = slack.add_file("bill.pdf", "application/pdf", PDF)
    bare = {"id": file["id"], "mode": "file_access", "file_access": "check_file_info"}
    root = slack.message("C1", "U1", "<@U0BOT> this", files=[bare], subtype="file_share")
    await slack.event(root)
    message = await the_message(gw, Address(channel="slack", value=f"T0HOME/C1/{root['ts']}"))
    assert [kept.name for kept in message.attachments] == ["bill.pdf"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda file: file.update(size=10**9), "over the limit of 10000000"),
        (lambda file: file.update(size=0), "it has more than 10000000 bytes"),
        (
            lambda file: file.update(url_private_download="https://files.slack.com/x"),
            "is not stored at Slack",
        ),
        (lambda file: file.update(url_private_download=None, url_private=None), "not stored at"),
    ],
)
async def test_files_that_are_never_fetched(
    slack: SlackServer, gw: RunningGateway, change: Callable[[dict[str, Any]], None], why: str
) -> None:
    """The message is taken, and the card names the file and the reason."""
    file = slack.add_file("huge.bin", "application/octet-stream", b"x" * 10_000_001)
    change(file)
    await slack.say("D1", "U1", "see", files=[file], subtype="file_share")
    message = await the_message(gw)
    assert message.attachments == ()
    assert len(missing(message)) == 1
    assert why in missing(message)[0]


@pytest.mark.parametrize(
    ("kind", "why"), [("error", "Slack answered 404"), ("drop", "could not be fetched")]
)
async def test_a_failed_download_does_not_lose_the_message(
    slack: SlackServer, gw: RunningGateway, kind: Any, why: str
) -> None:
    """The card names the file and the reason."""
    file = slack.add_file("bill.pdf", "application/pdf", PDF)
    slack.trouble(kind, times=2, method="download")  # aiohttp asks again by itself
    await slack.say("D1", "U1", "see", files=[file], subtype="file_share")
    message = await the_message(gw)
    assert (message.text, message.attachments) == ("see", ())
    assert why in missing(message)[0]


async def test_our_token_goes_to_no_other_host(slack: SlackServer, gw: RunningGateway) -> None:
    """Whatever address a message names; see also test_api.py."""
    asked: list[str | None] = []

    async def record(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        return web.Response(body=b"x")

    app = web.Application()
    app.add_routes([web.get("/{tail:.*}", record)])
    async with TestServer(app, skip_url_asserts=True) as other_host:
        file = slack.add_file("x.txt", "text/plain", b"x")
        file["url_private_download"] = str(other_host.make_url("/x.txt"))
        userinfo = slack.url.replace("http://", "http://u@") + "/files-pri/x/download/x"
        other = {**file, "id": "F2", "url_private_download": userinfo}
        await slack.say("D1", "U1", "see", files=[file, other], subtype="file_share")
        message = await the_message(gw)
    assert asked == []
    assert len(missing(message)) == 2


async def test_a_missing_scope_is_named(slack: SlackServer, gateway: Gateway) -> None:
    """Without it Slack answers with its sign-in page, which is not stored as the file."""
    slack.tokens["xoxb-other"] = slack.team
    async with gateway(bot_token="xoxb-other") as gw:
        del slack.tokens["xoxb-other"]
        file = slack.add_file("bill.pdf", "application/pdf", PDF)
        await slack.say("D1", "U1", "see", files=[file], subtype="file_share")
        message = await the_message(gw)
    assert message.attachments == ()
    assert "files:read" in missing(message)[0]
    slack.faults.clear()


async def test_a_file_may_be_a_web_page(slack: SlackServer, gw: RunningGateway) -> None:
    """It is not taken for Slack's sign-in page."""
    file = slack.add_file("page.html", "text/html", b"<p>hello</p>")
    await slack.say("D1", "U1", "see", files=[file], subtype="file_share")
    [kept] = (await the_message(gw)).attachments
    assert await gw.services.files.open(kept.digest) == b"<p>hello</p>"


async def test_a_slow_file_arrives_with_a_later_delivery(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """The download goes on after Slack has given up waiting."""
    file = slack.add_file("bill.pdf", "application/pdf", PDF)
    slack.slow_downloads.clear()
    event = slack.message("D1", "U1", "see", files=[file], subtype="file_share")
    assert (await slack.event(event))[0] == 500
    assert (await slack.event(event, retry=1))[0] == 500
    slack.slow_downloads.set()
    await until(lambda: slack.served)
    assert (await slack.event(event, retry=2))[0] == 200
    message = await the_message(gw)
    assert [kept.name for kept in message.attachments] == ["bill.pdf"]
    assert len(slack.made("download")) == 1


async def test_the_last_delivery_is_taken_without_its_file(
    slack: SlackServer, gw: RunningGateway
) -> None:
    """The text is not lost for a file."""
    file = slack.add_file("bill.pdf", "application/pdf", PDF)
    slack.slow_downloads.clear()
    event = slack.message("D1", "U1", "see", files=[file], subtype="file_share")
    assert (await slack.event(event, retry=3))[0] == 200
    message = await the_message(gw)
    assert message.attachments == ()
    assert missing(message) == ["bill.pdf: it took too long"]
    slack.slow_downloads.set()
