"""The webhook, through the real gateway, over real HTTP, with the real SDK."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import Address, Button, File, Message, Reply, SurveyQuestion, Turn
from gateway.testing import FakeClock, FakeHandler

from ..conftest import until
from .conftest import PATH, SECRET, Start, TelegramClient
from .fake_bot_api import FakeBotApi
from .updates import CARLA, GROUP, member, mention, message, press, text_update, user

CHAT = CARLA["id"]
ADDRESS = Address(channel="telegram", value=str(CHAT))


async def stored_messages(client: TelegramClient, address: Address = ADDRESS) -> list[Message]:
    """The customer's messages, as stored."""
    reading = client.gw.gateway.store.queries
    found = await reading.messages(address, own=True, limit=1000)
    return [message for message in found if message.author == "customer"]


async def card_messages(client: TelegramClient) -> list[Message]:
    """The customer's messages on the only card in the queue, edits included."""
    [item] = await client.gw.services.desk.queue()
    card = await client.gw.services.desk.card(item.conversation.id)
    return [message for message in card.messages if message.author == "customer"]


async def test_the_webhook_is_set_at_the_start(api: FakeBotApi, start: Start) -> None:
    """With our address, the secret, and the kinds of updates that we want."""
    async with start():
        assert api.webhook == {
            "url": f"http://127.0.0.1{PATH}",
            "secret_token": SECRET,
            "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
            "max_connections": 40,
        }


async def test_a_removed_webhook_is_set_again(api: FakeBotApi, start: Start) -> None:
    """Within a quarter of an hour."""
    async with start() as gw:
        api.webhook = {"url": ""}
        await gw.pass_time(901)
        await until(lambda: api.webhook["url"])


@pytest.mark.parametrize("secret", [None, "", "guessed", SECRET[:-1], SECRET + "x", "ünïcode"])
async def test_a_wrong_secret_is_a_401(start: Start, secret: str | None) -> None:
    """Nothing is stored."""
    async with start() as gw:
        client = TelegramClient(gw)
        assert await client.deliver_one(text_update("let me in"), secret=secret) == 401
        assert await stored_messages(client) == []


async def test_a_repeated_update_is_handled_once(api: FakeBotApi, start: Start) -> None:
    """Its file is not fetched twice."""
    api.store("p", b"jpeg")
    photo = [{"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 4}]
    update = {"update_id": 3, "message": message(photo=photo, caption="Torn")}
    async with start() as gw:
        client = TelegramClient(gw)
        await client.deliver(update, update)
        assert len(api.calls("get_file")) == 1
        assert api.texts(CHAT) == ["Torn"]


async def test_an_edit_is_shown_and_not_answered(api: FakeBotApi, start: Start) -> None:
    """It is on the card as an edit."""
    edited = {"update_id": 2, "edited_message": message(1, text="person, order 12", edit_date=9)}
    async with start() as gw:
        client = TelegramClient(gw)
        await client.deliver(text_update("person"), edited, edited)
        assert api.texts(CHAT) == ["A person comes."]
        assert [(message.text, message.edited) for message in await card_messages(client)] == [
            ("person", False),
            ("person, order 12", True),
        ]


async def test_a_recording_goes_to_a_person(api: FakeBotApi, start: Start) -> None:
    """No bot can hear it. The person gets the recording."""
    api.store("v", b"OggS")
    voice = {"file_id": "v", "file_unique_id": "u", "duration": 5, "file_size": 4}
    async with start() as gw:
        client = TelegramClient(gw)
        await client.deliver({"update_id": 1, "message": message(voice=voice)})
        [item] = await gw.services.desk.queue()
        assert [reason.code for reason in item.handoff.reasons] == ["no_words"]
        [recording] = await card_messages(client)
        assert recording.text == "(voice message, 0:05)"
        assert await gw.services.files.open(recording.attachments[0].digest) == b"OggS"


@pytest.mark.parametrize("size", [60_000_000, None])
async def test_a_file_over_the_limit_is_left_out(
    api: FakeBotApi, start: Start, size: int | None
) -> None:
    """Whether Telegram gives its size or not. The text arrives, and the card names the file."""
    api.store("big", b"x" * 5_001)
    document = {"file_id": "big", "file_unique_id": "u", "file_name": "all.zip"}
    document |= {"file_size": size} if size else {}
    update = {"update_id": 1, "message": message(document=document, caption="person")}
    async with start(max_file_size=5_000) as gw:
        client = TelegramClient(gw)
        await client.deliver(update)
        [received] = await card_messages(client)
        assert (received.text, received.attachments) == ("person", ())
        [left_out] = [fact.value for fact in received.facts if fact.name == "left out"]
        assert left_out.startswith("all.zip: ")


async def test_a_full_disk_does_not_stop_the_bot(
    api: FakeBotApi, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telegram delivers an update again before it delivers the next ones, of all customers."""
    api.store("d", b"data")
    document = {"file_id": "d", "file_unique_id": "u", "file_name": "bill.pdf", "file_size": 4}
    update = {"update_id": 1, "message": message(document=document, caption="person")}
    async with start() as gw:
        client = TelegramClient(gw)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
        assert [await client.deliver_one(update) for _ in range(3)] == [503, 503, 200]
        await gw.settled()
        [received] = await card_messages(client)
        assert (received.text, received.attachments) == ("person", ())
        assert "no room" in str(received.facts)


async def test_a_failed_download_is_retried_by_redelivery(api: FakeBotApi, start: Start) -> None:
    """A 503 makes Telegram deliver again. After three attempts the message is received without
    its file and goes to a person."""
    api.store("d", b"data")
    document = {"file_id": "d", "file_unique_id": "u", "file_name": "bill.pdf", "file_size": 4}
    update = {"update_id": 1, "message": message(document=document)}
    async with start() as gw:
        client = TelegramClient(gw)
        api.file_failures = [500]
        assert [await client.deliver_one(update) for _ in range(2)] == [503, 200]
        api.file_failures = [500, 404, 500]
        again = {"update_id": 2, "message": message(2, document=document)}
        assert [await client.deliver_one(again) for _ in range(3)] == [503, 503, 200]
        await gw.settled()
        first, second = await stored_messages(client)
        assert [file.name for file in first.attachments] == ["bill.pdf"]
        assert (second.text, second.attachments) == ("(a file that could not be fetched)", ())
        assert first.route is not None
        assert first.route.reasons[0].code == "no_words"


PHOTO = [{"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 4}]


@pytest.mark.parametrize("captioned", [None, 1, 2, 3])
async def test_an_album_is_answered_once(
    api: FakeBotApi, start: Start, captioned: int | None
) -> None:
    """Wherever its caption stands. All pictures and the caption are one message."""
    api.store("p", b"jpeg")
    answer = FakeHandler(lambda turn: Reply(opener="", body=(turn.message.text or "Thank you",)))
    async with start(answer) as gw:
        client = TelegramClient(gw)
        for n in (1, 2, 3):
            more = {"caption": "Which thread is this?"} if n == captioned else {}
            picture = message(n, photo=PHOTO, media_group_id="77", **more)
            await client.deliver({"update_id": n, "message": picture})
            await gw.pass_time(1)
        assert api.texts(CHAT) == []
        await gw.pass_time(4)
        assert api.texts(CHAT) == ["Which thread is this?" if captioned else "Thank you"]
        [album] = await stored_messages(client)
        assert len(album.attachments) == 3


async def test_a_late_picture_of_an_album_is_shown_and_not_answered(
    api: FakeBotApi, start: Start
) -> None:
    """The album was answered before it came."""
    api.store("p", b"jpeg")
    answer = FakeHandler(lambda turn: Reply(opener="", body=("Thank you",)))
    async with start(answer) as gw:
        client = TelegramClient(gw)
        for n in (1, 2):
            picture = message(n, photo=PHOTO, media_group_id="77")
            await client.deliver({"update_id": n, "message": picture})
            await gw.pass_time(30)
        assert api.texts(CHAT) == ["Thank you"]
        assert [len(found.attachments) for found in await stored_messages(client)] == [1, 1]


async def test_a_stop_during_an_album_loses_nothing(api: FakeBotApi, start: Start) -> None:
    """What came is handled after the next start."""
    api.store("p", b"jpeg")
    async with start() as gw:
        client = TelegramClient(gw)
        for n in (1, 2):
            more = {"caption": "torn"} if n == 2 else {}
            picture = message(n, photo=PHOTO, media_group_id="77", **more)
            await client.deliver({"update_id": n, "message": picture})
        assert api.texts(CHAT) == []
    async with start(clock=FakeClock(gw.clock.now() + timedelta(minutes=1))) as again:
        await again.settled()
        assert api.texts(CHAT) == ["torn"]


@pytest.mark.parametrize("captioned", [1, 2])
async def test_an_album_in_a_group_is_read_when_one_picture_mentions_us(
    api: FakeBotApi, start: Start, captioned: int
) -> None:
    """Whole, and once. An album that mentions nobody is not even fetched."""
    api.store("p", b"jpeg")
    bob, caption = user(6_002, "Bob"), "@lantern_loom_bot torn"
    async with start() as gw:
        client = TelegramClient(gw)
        for n in (1, 2):
            more = {"caption": caption, "caption_entities": mention(caption)}
            picture = message(
                n, by=bob, chat=GROUP, photo=PHOTO, media_group_id="77",
                **(more if n == captioned else {}),
            )  # fmt: skip
            await client.deliver({"update_id": n, "message": picture})
            other = message(n + 10, by=bob, chat=GROUP, photo=PHOTO, media_group_id="78")
            await client.deliver({"update_id": n + 10, "message": other})
        await gw.pass_time(5)
        assert api.texts(GROUP["id"]) == ["torn"]
        address = Address(channel="telegram", value=f"{GROUP['id']}:6002")
        [album] = await stored_messages(client, address)
        assert len(album.attachments) == 2
        assert len(api.calls("get_file")) == 2


async def test_a_place_goes_to_a_person_with_a_link_to_a_map(api: FakeBotApi, start: Start) -> None:
    """No engine reads the description."""
    place = {"latitude": 52.5163, "longitude": 13.3777}
    async with start() as gw:
        client = TelegramClient(gw)
        await client.deliver({"update_id": 1, "message": message(location=place)})
        [item] = await gw.services.desk.queue()
        assert [reason.code for reason in item.handoff.reasons] == ["no_words"]
        [received] = await card_messages(client)
        assert "52.516300, 13.377700 https://www.openstreetmap.org/" in received.text


async def test_files_go_into_the_topic_of_the_conversation(api: FakeBotApi, start: Start) -> None:
    """So does every text, also after a restart, which forgets what we sent."""
    api.topics = {55}
    bob, text = user(6_002, "Bob"), "@lantern_loom_bot person"
    asked = message(
        8, by=bob, chat={**GROUP, "is_forum": True}, text=text, entities=mention(text),
        message_thread_id=55, is_topic_message=True,
    )  # fmt: skip
    async with start() as gw:
        await TelegramClient(gw).deliver({"update_id": 1, "message": asked})
        card = await gw.desk_agent("ana").claim()
    async with start() as gw:
        kept = await gw.services.files.keep(
            File(name="label.pdf", media_type="application/pdf", data=b"%PDF")
        )
        ana = gw.desk_agent("ana")
        card = await gw.services.desk.card(card.conversation.id)
        await ana.answer(card, "", attachments=(kept,))
        await ana.answer(card, "Print this.")
        sent = [(m.get("message_thread_id"), m["chat"]["id"]) for m in api.sent]
        assert sent == [(55, GROUP["id"])] * 3
        api.topics = set()
        await ana.answer(card, "The topic is gone.")
        assert "message_thread_id" not in api.sent[-1]


async def test_an_update_that_we_did_not_ask_for_is_counted(start: Start) -> None:
    """By its kind."""
    async with start() as gw:
        client = TelegramClient(gw)
        await client.deliver({"update_id": 1, "message_reaction": {"chat": {"id": 1}}})
        await client.deliver({"update_id": 2, "from_next_year": {}})
        for why in ("update message_reaction", "update other"):
            assert gw.metric("warmline_ignored_total", channel="telegram", why=why) == 1


LONG = "I want to send back what I ordered, because the colour is not the one that I saw. 🧶"


def ask_with(*buttons: Button, survey: SurveyQuestion | None = None) -> FakeHandler:
    """Answer "ask" with ``buttons`` and ``survey``; repeat anything else."""

    def answer(turn: Turn) -> Reply:
        if turn.message.text != "ask":
            return Reply(opener="", body=(f"You said: {turn.message.text}",))
        return Reply(opener="", body=("Which?",), buttons=buttons, survey=survey)

    return FakeHandler(answer)


@pytest.mark.parametrize("payload", ["refund", "ü" * 32, LONG, "#1.0", ""])
async def test_a_pressed_button_sends_its_payload(
    api: FakeBotApi, start: Start, payload: str
) -> None:
    """Of any length. The spinner stops, the buttons go, and the press is handled once."""
    async with start(ask_with(Button(title="Send back", payload=payload))) as gw:
        client = TelegramClient(gw)
        await client.deliver(text_update("ask"))
        [shown] = api.sent
        [[button]] = shown["reply_markup"]["inline_keyboard"]
        assert button["text"] == "Send back"
        update = press(dict(shown), button["callback_data"])
        await client.deliver(update, update, {**update, "update_id": 10})
        assert api.texts(CHAT) == ["Which?", f"You said: {payload or 'Send back'}"]
        assert api.answered[0] == {"callback_query_id": "77001", "text": "✓ Send back"}
        assert "reply_markup" not in shown


async def test_a_made_up_button_reveals_nothing(api: FakeBotApi, start: Start) -> None:
    """It refers to another customer's button."""
    async with start(ask_with(Button(title="Mine", payload=LONG))) as gw:
        client = TelegramClient(gw)
        await client.deliver(text_update("ask"))
        [[button]] = api.sent[0]["reply_markup"]["inline_keyboard"]
        bob = user(6_002, "Bob")
        shown = message(400, by=bob, text="Hi")
        await client.deliver(press(shown, button["callback_data"], by=bob, id="too old"))
        assert api.texts(6_002) == ["You said: (a button)"]


@pytest.mark.parametrize(
    ("scale", "titles"), [("stars", "1★ 2★ 3★ 4★ 5★"), ("number", "1 2 3 4 5")]
)
async def test_survey_buttons(api: FakeBotApi, start: Start, scale: Any, titles: str) -> None:
    """They are in one row and send a number."""
    async with start(ask_with(survey=SurveyQuestion(scale=scale))) as gw:
        client = TelegramClient(gw)
        await client.deliver(text_update("ask"))
        [row] = api.sent[0]["reply_markup"]["inline_keyboard"]
        assert " ".join(button["text"] for button in row) == titles
        await client.deliver(press(dict(api.sent[0]), row[3]["callback_data"]))
        assert api.texts(CHAT)[-1] == "You said: 4"


async def test_a_group_member_is_answered_in_the_group(api: FakeBotApi, start: Start) -> None:
    """With a reply to their message that notifies nobody else. Messages to others are not
    stored."""
    bob, ana = user(6_002, "Bob"), user(6_003, "Ana")
    text = "@lantern_loom_bot is @ana there? a@b.example"
    async with start() as gw:
        client = TelegramClient(gw)
        await client.deliver(
            {"update_id": 1, "message": message(7, by=ana, chat=GROUP, text="just between us")},
            {
                "update_id": 2,
                "message": message(8, by=bob, chat=GROUP, text=text, entities=mention(text)),
            },
        )
        [sent] = api.sent
        assert sent["text"] == "is @\N{WORD JOINER}ana there? a@b.example"
        assert (sent["chat"]["id"], sent["answers"]) == (GROUP["id"], 8)
        assert (
            await stored_messages(client, Address(channel="telegram", value=f"{GROUP['id']}:6003"))
            == []
        )


async def test_a_migrated_group_is_followed(api: FakeBotApi, start: Start) -> None:
    """A group that becomes a supergroup has a new id. The answer goes there."""
    api.migrated = {-500: -1_000_500}
    old = {"id": -500, "type": "group", "title": "Weavers"}
    text = "@lantern_loom_bot hi"
    async with start() as gw:
        client = TelegramClient(gw)
        update = {
            "update_id": 1,
            "message": message(8, chat=old, text=text, entities=mention(text)),
        }
        await client.deliver(update)
        assert api.texts(-1_000_500) == ["hi"]


async def test_a_customer_who_blocked_the_bot_gets_no_messages(
    api: FakeBotApi, start: Start
) -> None:
    """Until they come back. Telegram is not even called."""
    async with start() as gw:
        client = TelegramClient(gw)
        await client.deliver(text_update("person"))
        await client.deliver(member("kicked"))
        [item] = await gw.services.desk.queue()
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        before = api.send_calls
        await ana.answer(card, "Hello?")
        assert api.send_calls == before
        [letter] = await gw.gateway.store.outbox.list()
        assert letter.state == "dead"
        assert letter.error == "the customer blocked the bot, or the group removed it"
        await client.deliver(member("member", update=21), text_update("I am back", id=2, update=22))
        await ana.answer(await gw.services.desk.card(item.conversation.id), "Good!")
        assert api.texts(CHAT) == ["A person comes.", "Good!"]


@pytest.mark.parametrize(
    "broken",
    [
        {"text": {"a": "b"}},
        {"text": "x", "date": "yesterday"},
        {"text": "x", "from": {"id": 5_001}},
        {"text": "x", "message_id": {}},
        {"document": {"file_id": 7, "file_unique_id": "u", "file_size": "many"}},
        {"text": "\ud800"},
    ],
)
async def test_an_unreadable_update_goes_to_a_person(
    api: FakeBotApi, start: Start, broken: dict[str, Any]
) -> None:
    """It is kept as it came."""
    update = {"update_id": 1, "message": {**message(), **broken}}
    async with start() as gw:
        client = TelegramClient(gw)
        await client.deliver(update)
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "unreadable"
        files = list((gw.gateway.settings.data_dir / "files").rglob("*"))
        stored = [json.loads(file.read_bytes()) for file in files if file.is_file()]
        assert stored == [json.loads(json.dumps(update))]


@pytest.mark.parametrize(
    "update",
    [{"update_id": 1, "message": "hi"}, {"update_id": "1"}, {"update_id": -1}, [1], "hi", 1.5],
)
async def test_an_update_without_a_customer_is_a_400(start: Start, update: Any) -> None:
    """Or JSON that is not an update."""
    async with start() as gw:
        assert await TelegramClient(gw).deliver_one(update) == 400


@pytest.mark.parametrize("depth", [400, 600, 900, 100_000])
async def test_deep_nesting_is_never_a_5xx(start: Start, depth: int) -> None:
    """Python's JSON parser has a recursion limit."""
    nested = '{"a":' * depth + "1" + "}" * depth
    body = (
        '{"update_id": 1, "message": {"chat": {"id": 1, "type": "private"}, "a": ' + nested + "}}"
    )
    async with start() as gw, gw.session() as session:
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        async with session.post(PATH, data=body, headers=headers) as response:
            assert response.status in (200, 400)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["private", "supergroup", "/start", "@lantern_loom_bot", "kicked", "mention"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
PLACES = st.sampled_from(
    [
        "message", "message.text", "message.from", "message.from.id", "message.chat",
        "message.chat.id", "message.chat.type", "message.message_id", "message.date",
        "message.entities", "message.caption", "message.photo", "message.document", "message.voice",
        "message.reply_to_message", "message.forward_origin", "message.poll", "message.location",
        "message.media_group_id", "message.sender_chat", "edited_message", "callback_query",
        "callback_query.data", "callback_query.id", "callback_query.from", "callback_query.message",
        "callback_query.message.chat", "callback_query.message.chat.id", "my_chat_member",
        "my_chat_member.chat", "my_chat_member.chat.id", "my_chat_member.new_chat_member",
        "my_chat_member.new_chat_member.status", "update_id", "poll", "",
    ]
)  # fmt: skip


def _with_values(places: dict[str, Any]) -> Any:
    """A valid update with other values at some places."""
    shown = message(40, text="Which?")
    update: Any = {**text_update("hi"), **press(shown, "x"), **member("kicked"), "update_id": 1}
    update = json.loads(json.dumps(update))
    for place, value in places.items():
        *way, last = place.split(".")
        at = update
        for step in way:
            at = at.get(step) if isinstance(at, dict) else None
        if place == "":
            update = value
        elif isinstance(at, dict):
            at[last] = value
    return update


@given(
    updates=st.lists(
        st.dictionaries(PLACES, JSON, max_size=3).map(_with_values) | JSON, min_size=25, max_size=25
    ),
    kind=st.sampled_from(["message", "callback_query", "my_chat_member", None]),
)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_update_is_a_5xx(start: Start, updates: list[Any], kind: str | None) -> None:
    """Any JSON with the right secret is accepted or refused."""
    async with start() as gw:
        client = TelegramClient(gw)
        for number, update in enumerate(updates):
            if isinstance(update, dict) and update.get("update_id") == 1:
                update["update_id"] = number
                for other in {"message", "callback_query", "my_chat_member"} - {kind}:
                    if kind:
                        update.pop(other, None)
            assert await client.deliver_one(update) in (200, 400), update
        await gw.settled()
