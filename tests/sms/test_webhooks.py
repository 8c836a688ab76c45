"""Who may call the webhooks, and with which forms."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession

from .conftest import ANA, PUBLIC, SmsGateway, running_sms
from .fake_twilio import FakeTwilio, post_signed, signature

WEBHOOK = "/channels/sms/webhook"
STATUS = "/channels/sms/status"


async def post_raw(sms: SmsGateway, path: str, data: bytes, **headers: str) -> tuple[int, str]:
    sent_headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    async with (
        ClientSession() as session,
        session.post(sms.gw.url + path, data=data, headers=sent_headers) as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize("path", [WEBHOOK, STATUS])
@pytest.mark.parametrize(
    "signed",
    [
        {},
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"X-Twilio-Signature": "Ümläut"},
        {"X-Twilio-Signature": "x" * 4000},
    ],
    ids=["absent", "empty", "wrong", "not ascii", "long"],
)
async def test_a_wrong_signature_is_a_403_and_stores_nothing(
    sms: SmsGateway, path: str, signed: dict[str, str]
) -> None:
    """Both webhooks answer 403 in our error format."""
    form = sms.twilio.message("hello", ANA)
    async with (
        ClientSession() as session,
        session.post(sms.gw.url + path, data=form, headers=signed) as answer,
    ):
        assert answer.status == 403
        assert (await answer.json())["error"]["code"] == "forbidden"
    await sms.gw.settled()
    assert (await sms.gw.gateway.store.inbox.lanes(), sms.sent_texts) == ((), [])


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
    ids=["token", "path", "host", "scheme", "changed text", "field left out"],
)
async def test_a_signature_covers_token_address_and_form(sms: SmsGateway, forge: object) -> None:
    """A difference in any of them is a 403."""
    form = sms.twilio.message("hello", ANA)
    headers = {"X-Twilio-Signature": forge(form)}  # type: ignore[operator]
    async with (
        ClientSession() as session,
        session.post(sms.gw.url + WEBHOOK, data=form, headers=headers) as answer,
    ):
        assert answer.status == 403


async def test_a_port_in_the_address_does_not_matter(sms: SmsGateway) -> None:
    """Twilio signs with and without the standard port; the SDK's validator accepts both."""
    form = sms.twilio.message("hello", ANA)
    signed = "https://warmline.example:443" + WEBHOOK
    assert (await post_signed(sms.gw.url + WEBHOOK, form, signed_for=signed))[0] == 200


async def test_the_signature_covers_the_query(sms: SmsGateway) -> None:
    """The signed address includes the query."""
    form = sms.twilio.message("hello", ANA)
    path = WEBHOOK + "?shop=1"
    assert (await post_signed(sms.gw.url + path, form, signed_for=PUBLIC + path))[0] == 200
    assert (await post_signed(sms.gw.url + path, form, signed_for=PUBLIC + WEBHOOK))[0] == 403


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
async def test_forwarded_headers_count_only_from_trusted_proxies(
    proxies: list[str],
    headers: dict[str, str],
    status: int,
    *,
    twilio: FakeTwilio,
    tmp_path: Path,
) -> None:
    """Twilio called https://other.example. We believe only a trusted proxy that says so."""
    async with running_sms(twilio, tmp_path, trusted_proxies=proxies) as sms:
        form = twilio.message("hello", ANA)
        answer = await post_signed(
            sms.gw.url + WEBHOOK,
            form,
            signed_for="https://other.example" + WEBHOOK,
            **headers,
        )
        assert answer[0] == status


async def test_behind_a_proxy_the_public_address_stays_valid(
    twilio: FakeTwilio, tmp_path: Path
) -> None:
    """The forwarded address is tried as well, not instead."""
    async with running_sms(twilio, tmp_path, trusted_proxies=["127.0.0.1"]) as sms:
        form = twilio.message("hello", ANA)
        assert (await sms.post(form, **FORWARDED))[0] == 200


# -- forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"a=%zz", b"=&=&;"])
async def test_a_signed_form_without_a_sender_is_a_400(sms: SmsGateway, body: bytes) -> None:
    """There is no customer whom a person could answer."""
    form = dict(part.split("=") for part in body.decode().split("&") if part.count("=") == 1)
    form = {} if b"%" not in body else {"a": "%zz"}
    signed = {"X-Twilio-Signature": signature(PUBLIC + WEBHOOK, form)}
    status, _ = await post_raw(sms, WEBHOOK, body, **signed)
    assert status in (400, 403)
    assert await sms.gw.gateway.store.inbox.lanes() == ()


async def test_a_body_that_is_not_a_form_is_a_403(sms: SmsGateway) -> None:
    """Twilio never sends non-ASCII bytes or hundreds of fields."""
    for body in (b"\xff\xfe\x00", b"a=1&" * 600, b"Body=%ff%fe"):
        signed = {"X-Twilio-Signature": signature(PUBLIC + WEBHOOK, {})}
        assert (await post_raw(sms, WEBHOOK, body, **signed))[0] == 403


async def test_a_form_over_the_limit_is_a_413(sms: SmsGateway) -> None:
    """It is refused before its signature is checked."""
    body = b"Body=" + b"x" * 1_000_001
    assert (await post_raw(sms, WEBHOOK, body, **{"X-Twilio-Signature": "x"}))[0] == 413


@pytest.mark.parametrize(
    "odd",
    [
        {"MessageSid": "", "SmsSid": "", "SmsMessageSid": ""},
        {"NumMedia": "many"},
        {"NumMedia": "2"},
        {"NumMedia": "²"},
    ],
    ids=["no id", "count is text", "no address", "count is not ASCII"],
)
async def test_an_unreadable_form_goes_to_a_person(sms: SmsGateway, odd: dict[str, str]) -> None:
    """The form is kept as it came. A second delivery is the same message."""
    form = sms.twilio.message("hello", ANA, **odd)
    for _ in range(2):
        assert (await sms.post(form))[0] == 200
    await sms.gw.settled()
    [item] = await sms.queue()
    assert item.handoff.reasons[0].code == "unreadable"
    [message] = [m for m in await sms.messages() if m.author == "customer"]
    assert message.turn == 1


async def test_older_names_of_the_id_are_known(sms: SmsGateway) -> None:
    """SmsMessageSid and SmsSid mean MessageSid."""
    form = sms.twilio.message("hello", ANA)
    del form["MessageSid"]
    assert (await sms.post(form))[0] == 200
    del form["SmsMessageSid"]
    assert (await sms.post(form))[0] == 200
    await sms.gw.settled()
    assert sms.sent_texts == ["You said hello"]


async def test_texts_numbers_and_the_token_are_not_logged(
    sms: SmsGateway, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong."""
    caplog.set_level(0)
    sms.twilio.refusals[ANA] = (400, 21211)
    await sms.text("my secret words")
    sms.twilio.fail_next("garbage")
    await sms.text("my secret words", sender="+15550108888")
    await post_raw(sms, WEBHOOK, b"Body=my+secret+words", **{"X-Twilio-Signature": "x"})
    captured = capsys.readouterr()
    written = captured.out + captured.err + caplog.text
    assert "delivery.over" in written
    for private in ("secret", "5up3rs3cr3t", ANA, "+15550108888"):
        assert private not in written


async def test_an_id_that_no_database_stores_is_a_400(sms: SmsGateway) -> None:
    """Twilio sends none; trying it again for ever would not help."""
    status, _ = await sms.text("hello", MessageSid="SM\x00" + "0" * 31)
    assert status == 400
    await sms.gw.settled()
    assert await sms.gw.gateway.store.inbox.lanes() == ()
