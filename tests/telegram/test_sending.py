"""Sending, and what happens for each answer of Telegram."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from channels.telegram import TelegramSettings
from channels.telegram.channel import Telegram as Channel
from channels.telegram.send import split_text, without_pings
from gateway import Address, File, Outbound, TryLater, Undeliverable, Unsure, WarmlineError

from .conftest import SECRET, Start, TelegramClient
from .fake_bot_api import TOKEN, BotApiFailure, FakeBotApi
from .updates import CARLA, text_update

CHAT = CARLA["id"]


def outbound(text: str = "Hello", **more: Any) -> Outbound:
    return Outbound(
        id=1,
        key="k1",
        message=1,
        address=Address(channel="telegram", value=str(CHAT)),
        text=text,
        author="bot",
        at=datetime(2026, 3, 2, tzinfo=UTC),
        **more,
    )


def channel(base: str, **more: Any) -> Channel:
    settings = TelegramSettings(
        bot_token=SecretStr(TOKEN), secret=SecretStr(SECRET), api_base=base, **more
    )
    return Channel(settings, url="https://shop.example/x", largest=1_000_000)


@pytest.mark.parametrize(
    ("failure", "error", "attributes"),
    [
        ("busy", TryLater, {"after": 40.0}),
        ("broken", TryLater, {}),
        ("html", TryLater, {}),
        ("token", TryLater, {}),
        ("never", Undeliverable, {"unreachable": True}),
        ("blocked", Undeliverable, {"unreachable": True}),
        ("cut", Unsure, {}),
        ("hang", Unsure, {}),
    ],
)
async def test_every_failure_becomes_an_error_of_ours(
    api: FakeBotApi, failure: BotApiFailure, error: type[WarmlineError], attributes: dict[str, Any]
) -> None:
    """No error contains the token, also not in its cause."""
    api.fail_next(failure)
    telegram = channel(api.base, timeout=0.3)
    with pytest.raises(error) as caught:
        await telegram.send(outbound())
    assert {name: getattr(caught.value, name) for name in attributes} == attributes
    assert TOKEN.partition(":")[2] not in str(caught.value)
    assert caught.value.__suppress_context__
    assert (await telegram.send(outbound())).remote_id == f"{CHAT}:{api.sent[-1]['message_id']}"


async def test_a_refused_connection_is_retried(unused_tcp_port: int) -> None:
    """Nothing was sent."""
    with pytest.raises(TryLater, match="cannot be reached: ConnectError"):
        await channel(f"http://127.0.0.1:{unused_tcp_port}/bot").send(outbound())


async def test_a_wrong_token_makes_the_channel_unready(api: FakeBotApi) -> None:
    """Until Telegram accepts it."""
    telegram = channel(api.base)
    api.fail_next("token")
    with pytest.raises(TryLater):
        await telegram.send(outbound())
    assert "does not know this bot token" in str(await telegram.trouble())
    await telegram.send(outbound())
    assert "does not know" not in str(await telegram.trouble())


@pytest.mark.parametrize(
    ("description", "unreachable"),
    [
        ("Bad Request: chat not found", True),
        ("Bad Request: PEER_ID_INVALID", True),
        ("Bad Request: not enough rights to send text messages to the chat", False),
        ("Bad Request: message text is empty", False),
    ],
)
async def test_an_error_about_the_chat_means_unreachable(
    api: FakeBotApi, monkeypatch: pytest.MonkeyPatch, description: str, unreachable: bool
) -> None:
    """Any other error is about the message."""
    from .fake_bot_api import BotApiError  # noqa: PLC0415  (only here)

    async def refuse(given: dict[str, Any]) -> Any:
        raise BotApiError(400, description)

    refuse.__name__ = "_do_send_message"
    monkeypatch.setattr(api, "_do_send_message", refuse, raising=True)
    with pytest.raises(Undeliverable) as caught:
        await channel(api.base).send(outbound())
    assert caught.value.unreachable is unreachable


async def test_a_split_message_continues_where_it_failed(api: FakeBotApi) -> None:
    """Parts that arrived are not sent again."""
    telegram = channel(api.base)
    long = outbound("a" * 4_000 + " " + "b" * 4_000 + " " + "c" * 4_000)
    await telegram.send(outbound("first").replace(key="k0"))
    api.fail_next("busy")
    with pytest.raises(TryLater):
        await telegram.send(long)
    await telegram.send(long)
    assert [text[0] for text in api.texts(CHAT)] == ["f", "a", "b", "c"]
    again = long.replace(key="k2")
    api.fail_next("none", "cut")
    with pytest.raises(Unsure):
        await telegram.send(again)
    sent = await telegram.send(again)
    # The part that was cut off is sent again (`unsure: resend`), the first is not.
    assert [text[0] for text in api.texts(CHAT)[4:]] == ["a", "b", "b", "c"]
    assert sent.remote_id == f"{CHAT}:{api.sent[4]['message_id']}"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ({"message_id": 900, "date": "soon", "chat": 7}, True),
        ({"message_id": 900}, True),
        ({"message_id": "900", "chat": {"id": CHAT, "type": "from next year"}}, True),
        ({"message_id": 900, "from": {"id": None}, "entities": "none", "photo": {}}, True),
        (b'{"ok":true,"result":{"message_id":900,"from":{"id":48395', True),
        (b'{"ok": true, "result": {"message_id": 900, "text": "\xff\xfe"}}', True),
        ({"message_id": 2**80}, True),
        (True, False),
        ({}, False),
        (["odd"], False),
        ({"message_id": {}}, False),
        (b'{"ok":true,"re', False),
    ],
)
async def test_what_telegram_took_is_sent_once_whatever_its_answer(
    api: FakeBotApi, start: Start, answer: Any, named: bool
) -> None:
    """``ok: true`` says that it was taken. The id is kept where there is one."""
    api.odd_answers = [answer]
    async with start() as gw:
        await TelegramClient(gw).deliver(text_update("hello"))
        await gw.pass_time(600)
        assert api.texts(CHAT) == ["hello"]
        [ours] = [m for m in (await gw.services.desk.card(1)).messages if m.author == "bot"]
        assert (ours.status, bool(ours.remote_id)) == ("sent", named)


@pytest.mark.parametrize("answer", [b"<html>welcome</html>", b"", b"[]", b'{"result": {}}'])
async def test_an_answer_that_says_nothing_is_unsure(
    api: FakeBotApi, start: Start, answer: bytes
) -> None:
    """Telegram cannot be asked: it is sent once more, and then a person decides."""
    api.odd_answers = [answer] * 9
    async with start() as gw:
        await TelegramClient(gw).deliver(text_update("hello"))
        await gw.pass_time(600)
        assert api.texts(CHAT) == ["hello", "hello"]
        [letter] = await gw.gateway.store.outbox.list()
        assert letter.state == "unsure"


async def test_a_refusal_with_status_200_is_a_refusal(api: FakeBotApi) -> None:
    """Some proxies and servers of the Bot API answer so."""
    for code, error in ((429, TryLater), (403, Undeliverable), (400, Undeliverable)):
        refused = {"ok": False, "error_code": code, "description": "no"}
        api.odd_answers = [json.dumps(refused).encode()]
        with pytest.raises(error):
            await channel(api.base).send(outbound())


async def test_a_cut_off_message_is_sent_again(api: FakeBotApi, start: Start) -> None:
    """Telegram cannot be asked whether it arrived. Twice is better than never."""
    async with start() as gw:
        api.fail_next("cut")
        await TelegramClient(gw).deliver(text_update("hello"))
        await gw.pass_time(300)
        assert api.texts(CHAT) == ["hello", "hello"]
        assert await gw.gateway.store.outbox.list() == ()


@pytest.mark.parametrize("rejected", [False, True])
async def test_a_picture_is_sent_as_a_photo_or_a_file(
    api: FakeBotApi, start: Start, rejected: bool
) -> None:
    """A picture that Telegram rejects as a photo is sent as a document."""
    api.reject_photos = rejected
    async with start() as gw:
        await TelegramClient(gw).deliver(text_update("person"))
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        picture = File(name="label.png", media_type="image/png", data=b"\x89PNG...")
        kept = await gw.services.files.keep(picture)
        await ana.answer(card, "", attachments=(kept,))
        assert api.uploads == [(CHAT, picture.data)]
        assert ("document" if rejected else "photo") in api.sent[-1]


@given(st.text(alphabet=st.sampled_from("ab \n🧶é"), max_size=60), st.integers(4, 12))
def test_parts_fit_the_limit_and_lose_no_word(text: str, limit: int) -> None:
    """Telegram counts UTF-16 code units."""
    parts = split_text(text, limit)
    assert all(0 < len(part.encode("utf-16-le")) // 2 <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", []), (" \n", []), ("one", ["one"]), ("one two three", ["one two", "three"])],
)
def test_parts_end_between_words(text: str, parts: list[str]) -> None:
    """Where there is a space."""
    assert split_text(text, 9) == parts


def test_a_name_after_an_at_sign_notifies_nobody() -> None:
    """A mail address stays as it is."""
    assert without_pings("@ana a@b.example @") == "@\N{WORD JOINER}ana a@b.example @"


async def test_the_token_is_never_logged(
    api: FakeBotApi,
    start: Start,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither by us nor by a library, at any level, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    async with start(timeout=0.5) as gw:
        api.fail_next("html", "cut", "hang", "token", "broken")
        await TelegramClient(gw).deliver(text_update("hello, a word of mine"))
        for _ in range(6):
            await gw.pass_time(300)
    # The fake server's own access log contains the addresses.
    lines = [line for line in caplog.text.splitlines() if "aiohttp.access" not in line]
    written = "\n".join([*lines, capsys.readouterr().out])
    assert "telegram.accepted" in written
    for secret in (TOKEN.partition(":")[2], SECRET, "a word of mine"):
        assert secret not in written
