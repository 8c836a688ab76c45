"""Who may call the webhooks, and what they may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession

from .conftest import ANA, PUBLIC, Line, texting
from .server import Twilio, call, signature

WEBHOOK = "/channels/sms/webhook"
STATUS = "/channels/sms/status"


async def raw(line: Line, path: str, data: bytes, **headers: str) -> tuple[int, str]:
    given = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    async with (
        ClientSession() as session,
        session.post(line.gw.url + path, data=data, headers=given) as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize("path", [WEBHOOK, STATUS])
@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"X-Twilio-Signature": "Ümläut"},
        {"X-Twilio-Signature": "x" * 4000},
    ],
    ids=["absent", "empty", "wrong", "not ascii", "long"],
)
async def test_without_a_right_signature_nothing_is_stored(
    line: Line, path: str, proof: dict[str, str]
) -> None:
    """403, in our shape of errors, on both doors."""
    form = line.twilio.message("hello", ANA)
    async with (
        ClientSession() as session,
        session.post(line.gw.url + path, data=form, headers=proof) as answer,
    ):
        assert answer.status == 403
        assert (await answer.json())["error"]["code"] == "forbidden"
    await line.gw.settled()
    assert (await line.gw.gateway.store.inbox.lanes(), line.heard) == ((), [])


@pytest.mark.parametrize(
    "forge",
    [
        lambda form: signature(PUBLIC + WEBHOOK, form, token="somebody else's"),
        lambda form: signature(PUBLIC + STATUS, form),
        lambda form: signature("https://evil.example" + WEBHOOK, form),
        lambda form: signature("http://warmline.example" + WEBHOOK, form),
        lambda form: signature(PUBLIC + WEBHOOK, form | {"Body": "other words"}),
        lambda form: signature(PUBLIC + WEBHOOK, form | {"Extra": "1"}),
    ],
    ids=["token", "path", "host", "scheme", "changed words", "field left out"],
)
async def test_a_signature_is_for_one_token_address_and_form(line: Line, forge: object) -> None:
    """Whatever of them is another, it is 403."""
    form = line.twilio.message("hello", ANA)
    headers = {"X-Twilio-Signature": forge(form)}  # type: ignore[operator]
    async with (
        ClientSession() as session,
        session.post(line.gw.url + WEBHOOK, data=form, headers=headers) as answer,
    ):
        assert answer.status == 403


async def test_a_port_in_the_address_does_not_matter(line: Line) -> None:
    """Twilio signs with and without the standard port; the SDK's validator takes both."""
    form = line.twilio.message("hello", ANA)
    signed = "https://warmline.example:443" + WEBHOOK
    assert (await call(line.gw.url + WEBHOOK, form, signed_for=signed))[0] == 200


async def test_the_query_is_signed_too(line: Line) -> None:
    """An address with a query counts as a whole."""
    form = line.twilio.message("hello", ANA)
    path = WEBHOOK + "?shop=1"
    assert (await call(line.gw.url + path, form, signed_for=PUBLIC + path))[0] == 200
    assert (await call(line.gw.url + path, form, signed_for=PUBLIC + WEBHOOK))[0] == 403


# -- proxies -------------------------------------------------------------------------------------

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "other.example"}


@pytest.mark.parametrize(
    ("proxies", "headers", "status"),
    [
        ([], FORWARDED, 403),
        (["10.0.0.0/8"], FORWARDED, 403),
        (["127.0.0.0/8", "::1/128"], FORWARDED, 200),
        (["127.0.0.1"], FORWARDED | {"X-Forwarded-Proto": "http"}, 403),
        (["127.0.0.1"], FORWARDED | {"X-Forwarded-Proto": "javascript"}, 403),
        (["127.0.0.1"], FORWARDED | {"X-Forwarded-Host": "evil.example, other.example"}, 200),
        (["127.0.0.1"], FORWARDED | {"X-Forwarded-Host": "other.example, evil.example"}, 403),
        (["127.0.0.1"], FORWARDED | {"X-Forwarded-Host": "other.example:x"}, 403),
        (["127.0.0.1"], {}, 403),
    ],
)
async def test_forwarded_headers_count_from_trusted_proxies_alone(
    proxies: list[str],
    headers: dict[str, str],
    status: int,
    *,
    twilio: Twilio,
    tmp_path: Path,
) -> None:
    """Twilio called https://other.example; only a proxy that we trust may tell us so."""
    async with texting(twilio, tmp_path, trusted_proxies=proxies) as line:
        form = twilio.message("hello", ANA)
        answer = await call(
            line.gw.url + WEBHOOK,
            form,
            signed_for="https://other.example" + WEBHOOK,
            **headers,
        )
        assert answer[0] == status


async def test_behind_a_proxy_the_public_address_stays_good(twilio: Twilio, tmp_path: Path) -> None:
    """What the proxy forwards is tried as well, not instead."""
    async with texting(twilio, tmp_path, trusted_proxies=["127.0.0.1"]) as line:
        form = twilio.message("hello", ANA)
        assert (await line.post(form, **FORWARDED))[0] == 200


# -- shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"a=%zz", b"=&=&;"])
async def test_a_signed_form_that_says_nothing_is_400(line: Line, body: bytes) -> None:
    """Nobody wrote it, so nobody can be given it."""
    form = dict(part.split("=") for part in body.decode().split("&") if part.count("=") == 1)
    form = {} if b"%" not in body else {"a": "%zz"}
    proof = {"X-Twilio-Signature": signature(PUBLIC + WEBHOOK, form)}
    status, _ = await raw(line, WEBHOOK, body, **proof)
    assert status in (400, 403)
    assert await line.gw.gateway.store.inbox.lanes() == ()


async def test_what_is_no_form_is_403(line: Line) -> None:
    """Bytes beyond ASCII, or thousands of fields, Twilio never sent."""
    for body in (b"\xff\xfe\x00", b"a=1&" * 600, b"Body=%ff%fe"):
        proof = {"X-Twilio-Signature": signature(PUBLIC + WEBHOOK, {})}
        assert (await raw(line, WEBHOOK, body, **proof))[0] == 403


async def test_a_form_that_is_too_large_is_413(line: Line) -> None:
    """Before its signature is looked at."""
    body = b"Body=" + b"x" * 1_000_001
    assert (await raw(line, WEBHOOK, body, **{"X-Twilio-Signature": "x"}))[0] == 413


@pytest.mark.parametrize(
    "odd",
    [
        {"MessageSid": "", "SmsSid": "", "SmsMessageSid": ""},
        {"NumMedia": "many"},
        {"NumMedia": "2"},
        {"NumMedia": "²"},
    ],
    ids=["no id", "no number", "no address", "a digit that is none"],
)
async def test_what_cannot_be_read_goes_to_a_person(line: Line, odd: dict[str, str]) -> None:
    """With the form as it came; delivered again it is the same one."""
    form = line.twilio.message("hello", ANA, **odd)
    for _ in range(2):
        assert (await line.post(form))[0] == 200
    await line.gw.settled()
    [item] = await line.queue()
    assert item.handoff.reasons[0].code == "unreadable"
    [said] = [m for m in await line.messages() if m.author == "customer"]
    assert said.turn == 1


async def test_an_id_may_stand_under_its_older_names(line: Line) -> None:
    """SmsMessageSid and SmsSid are MessageSid."""
    form = line.twilio.message("hello", ANA)
    del form["MessageSid"]
    assert (await line.post(form))[0] == 200
    del form["SmsMessageSid"]
    assert (await line.post(form))[0] == 200
    await line.gw.settled()
    assert line.heard == ["You said hello"]


async def test_words_stay_out_of_the_log(
    line: Line, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is the token in it, or a number, whatever goes wrong."""
    caplog.set_level(0)
    line.twilio.refusals[ANA] = (400, 21211)
    await line.text("my secret words")
    line.twilio.next("garbage")
    await line.text("my secret words", sender="+15550108888")
    await raw(line, WEBHOOK, b"Body=my+secret+words", **{"X-Twilio-Signature": "x"})
    told = capsys.readouterr()
    written = told.out + told.err + caplog.text
    assert "delivery.over" in written
    for private in ("secret", "5up3rs3cr3t", ANA, "+15550108888"):
        assert private not in written
