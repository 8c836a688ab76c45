"""What Telegram answers when we send, and what becomes of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from channels.telegram.channel import Telegram as Channel
from channels.telegram.outgoing import pieces, unpinged
from channels.telegram.settings import TelegramSettings
from gateway import Address, File, Outbound, TryLater, Undeliverable, Unsure, WarmlineError

from .conftest import SECRET, Start, Telegram
from .server import TOKEN, BotApi, Trouble
from .updates import CARLA, said

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
    ("trouble", "error", "what"),
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
async def test_what_goes_wrong_is_ours_to_tell(
    api: BotApi, trouble: Trouble, error: type[WarmlineError], what: dict[str, Any]
) -> None:
    """Each failure becomes one of the house's own; none holds or hides the token."""
    api.trouble(trouble)
    telegram = channel(api.base, timeout=0.3)
    with pytest.raises(error) as caught:
        await telegram.send(outbound())
    assert {name: getattr(caught.value, name) for name in what} == what
    assert TOKEN.partition(":")[2] not in str(caught.value)
    assert caught.value.__suppress_context__
    assert (await telegram.send(outbound())).remote_id == f"{CHAT}:{api.sent[-1]['message_id']}"


async def test_a_server_that_is_away(unused_tcp_port: int) -> None:
    """A refused connection has sent nothing: later."""
    with pytest.raises(TryLater, match="cannot be reached: ConnectError"):
        await channel(f"http://127.0.0.1:{unused_tcp_port}/bot").send(outbound())


async def test_a_wrong_token_is_told(api: BotApi) -> None:
    """A token that Telegram does not know keeps the channel from being ready, until it does."""
    telegram = channel(api.base)
    api.trouble("token")
    with pytest.raises(TryLater):
        await telegram.send(outbound())
    assert "does not know this bot token" in str(await telegram.trouble())
    await telegram.send(outbound())
    assert "does not know" not in str(await telegram.trouble())


@pytest.mark.parametrize(
    ("said_by_telegram", "unreachable"),
    [
        ("Bad Request: chat not found", True),
        ("Bad Request: PEER_ID_INVALID", True),
        ("Bad Request: not enough rights to send text messages to the chat", False),
        ("Bad Request: message text is empty", False),
    ],
)
async def test_who_cannot_be_reached(
    api: BotApi, monkeypatch: pytest.MonkeyPatch, said_by_telegram: str, unreachable: bool
) -> None:
    """Only what speaks of the chat itself says that nothing will ever reach it."""
    from .server import Refused  # noqa: PLC0415  (only here)

    async def refuse(given: dict[str, Any]) -> Any:
        raise Refused(400, said_by_telegram)

    refuse.__name__ = "_do_send_message"
    monkeypatch.setattr(api, "_do_send_message", refuse, raising=True)
    with pytest.raises(Undeliverable) as caught:
        await channel(api.base).send(outbound())
    assert caught.value.unreachable is unreachable


async def test_a_long_answer_goes_on_where_it_stopped(api: BotApi) -> None:
    """A text of several messages, failing in between: what arrived is not said again."""
    telegram = channel(api.base)
    long = outbound("a" * 4_000 + " " + "b" * 4_000 + " " + "c" * 4_000)
    await telegram.send(outbound("first").replace(key="k0"))
    api.trouble("busy")
    with pytest.raises(TryLater):
        await telegram.send(long)
    await telegram.send(long)
    assert [text[0] for text in api.texts(CHAT)] == ["f", "a", "b", "c"]
    again = long.replace(key="k2")
    api._troubles = [None, "cut"]  # type: ignore[list-item]
    with pytest.raises(Unsure):
        await telegram.send(again)
    sent = await telegram.send(again)
    # The piece whose line was cut is said again, as `unsure: resend` has it; the first is not.
    assert [text[0] for text in api.texts(CHAT)[4:]] == ["a", "b", "b", "c"]
    assert sent.remote_id == f"{CHAT}:{api.sent[4]['message_id']}"


async def test_what_was_cut_off_is_sent_again(api: BotApi, start: Start) -> None:
    """Nobody can ask Telegram what arrived: a customer rather hears it twice than never."""
    async with start() as gw:
        api.trouble("cut")
        await Telegram(gw).told(said("hello"))
        await gw.pass_time(300)
        assert api.texts(CHAT) == ["hello", "hello"]
        assert await gw.gateway.store.outbox.list() == ()


@pytest.mark.parametrize("odd", [False, True])
async def test_pictures(api: BotApi, start: Start, odd: bool) -> None:
    """A person's picture is shown in the chat; one that Telegram will not show comes as a file."""
    api.odd_photos = odd
    async with start() as gw:
        await Telegram(gw).told(said("person"))
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        picture = File(name="label.png", media_type="image/png", data=b"\x89PNG...")
        kept = await gw.services.files.keep(picture)
        await ana.answer(card, "", attachments=(kept,))
        assert api.uploads == [(CHAT, picture.data)]
        assert ("document" if odd else "photo") in api.sent[-1]


@given(st.text(alphabet=st.sampled_from("ab \n🧶é"), max_size=60), st.integers(4, 12))
def test_pieces(text: str, most: int) -> None:
    """No piece is longer than Telegram takes, in UTF-16 units, and no word is lost."""
    found = pieces(text, most)
    assert all(0 < len(piece.encode("utf-16-le")) // 2 <= most for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "found"),
    [("", []), (" \n", []), ("one", ["one"]), ("one two three", ["one two", "three"])],
)
def test_pieces_end_at_words(text: str, found: list[str]) -> None:
    """A text is cut between words where there is one."""
    assert pieces(text, 9) == found


def test_nobody_is_pinged() -> None:
    """A name after an @ calls nobody; a mail address stays one."""
    assert unpinged("@ana a@b.example @") == "@\N{WORD JOINER}ana a@b.example @"


async def test_the_token_is_in_no_log(
    api: BotApi, start: Start, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong, and at any level, no log line of ours or of a library's has it."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    async with start(timeout=0.5) as gw:
        api.trouble("html", "cut", "hang", "token", "broken")
        await Telegram(gw).told(said("hello, a word of mine"))
        for _ in range(6):
            await gw.pass_time(300)
    # The test server's own access log has the addresses that it was asked for.
    lines = [line for line in caplog.text.splitlines() if "aiohttp.access" not in line]
    written = "\n".join([*lines, capsys.readouterr().out])
    assert "telegram.accepted" in written
    for secret in (TOKEN.partition(":")[2], SECRET, "a word of mine"):
        assert secret not in written
