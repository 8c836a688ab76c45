"""Every kind of update is parsed. No server runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from telegram import Update, User

from channels.telegram.parse import TelegramUpdate, parse, unknown_kind

from .fake_bot_api import BOT
from .updates import AT, CARLA, GROUP, mention, message, press, text_update, user

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ME = User.de_json(BOT, None)


def parse_raw(update: dict[str, Any], *, groups: bool = True) -> TelegramUpdate | None:
    return parse(Update.de_json(update, None), me=ME, groups=groups, now=NOON)


def parse_private(**content: Any) -> TelegramUpdate:
    """A private message with ``content``, parsed."""
    found = parse_raw({"update_id": 1, "message": message(**content)})
    assert found is not None
    return found


def facts(found: TelegramUpdate) -> dict[str, str]:
    return {fact.name: fact.value for fact in found.inbound.facts}


def test_a_text_message() -> None:
    """It carries its sender, time, language, and an id that is unique with the chat's."""
    found = parse_raw(text_update("¿Dónde está mi pedido?", id=31))
    assert found is not None
    inbound = found.inbound
    assert (inbound.address.lane, inbound.remote_id) == ("telegram:5001", "5001:31")
    assert (inbound.text, inbound.name, inbound.language) == (
        "¿Dónde está mi pedido?",
        "Carla Núñez",
        "es",
    )
    assert inbound.at == datetime.fromtimestamp(AT, UTC)
    assert (inbound.kind, inbound.thread, facts(found)) == (
        "message",
        (),
        {"on Telegram": "@carla_n"},
    )


BRANDENBURG_GATE = (
    "Location: 52.516300, 13.377700 https://www.openstreetmap.org/"
    "?mlat=52.516300&mlon=13.377700#map=17/52.516300/13.377700"
)
LOOM_HOUSE = (
    "Location: Loom House, Weaver Lane 4 (1.500000, 2.500000) https://www.openstreetmap.org/"
    "?mlat=1.500000&mlon=2.500000#map=17/1.500000/2.500000"
)
PHOTOS = [
    {"file_id": f"p{w}", "file_unique_id": f"u{w}", "width": w, "height": h, "file_size": w * 10}
    for w, h in ((90, 60), (1280, 853), (320, 213))
]


def a_file(id: str, **more: Any) -> dict[str, Any]:
    return {"file_id": id, "file_unique_id": f"u{id}", "file_size": 2_000, **more}


@pytest.mark.parametrize(
    ("content", "kind", "text", "file"),
    [
        ({"photo": PHOTOS}, "message", "", ("p1280", "photo-1.jpg", "image/jpeg")),
        (
            {"photo": PHOTOS, "caption": "Torn!"},
            "message",
            "Torn!",
            ("p1280", "photo-1.jpg", "image/jpeg"),
        ),
        (
            {"document": a_file("d", file_name="in/../voice.pdf", mime_type="application/pdf")},
            "message",
            "",
            ("d", "in_.._voice.pdf", "application/pdf"),
        ),
        (
            {"document": a_file("d", mime_type="text/html; charset=x\r\nX: y")},
            "message",
            "",
            ("d", "document", "application/octet-stream"),
        ),
        (
            {
                "animation": a_file("a", duration=2, width=1, height=1),
                "document": a_file("a", file_name="cat.gif"),
            },
            "message",
            "",
            ("a", "animation.mp4", "video/mp4"),
        ),
        (
            {"voice": a_file("v", duration=72, mime_type="audio/ogg")},
            "message",
            "(voice message, 1:12)",
            ("v", "voice-1.ogg", "audio/ogg"),
        ),
        (
            {"video_note": a_file("n", duration=9, length=240)},
            "message",
            "(video message, 0:09)",
            ("n", "video-message-1.mp4", "video/mp4"),
        ),
        (
            {"video": a_file("f", duration=9, width=1, height=1), "caption": "Look"},
            "message",
            "Look",
            ("f", "video-1.mp4", "video/mp4"),
        ),
        (
            {"audio": a_file("m", duration=9, file_name="song.mp3", mime_type="audio/mpeg")},
            "message",
            "(audio file, 0:09)",
            ("m", "song.mp3", "audio/mpeg"),
        ),
    ],
)
def test_files_and_recordings(
    content: dict[str, Any], kind: str, text: str, file: tuple[str, str, str]
) -> None:
    """Files have safe names, a photo its largest size. A recording has no words."""
    found = parse_private(**content)
    assert (found.inbound.kind, found.inbound.text) == (kind, text)
    assert found.inbound.wordless is text.startswith("(")
    [parsed] = found.files
    assert (parsed.id, parsed.name, parsed.media_type) == file


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            {"location": {"latitude": 52.5163, "longitude": 13.3777}},
            BRANDENBURG_GATE,
        ),
        (
            {
                "location": {"latitude": 1.5, "longitude": 2.5},
                "venue": {
                    "location": {"latitude": 1.5, "longitude": 2.5},
                    "title": "Loom House",
                    "address": "Weaver Lane 4",
                },
            },
            LOOM_HOUSE,
        ),
        (
            {"contact": {"phone_number": "+34600111222", "first_name": "Ana"}},
            "Contact: Ana, +34600111222",
        ),
        (
            {
                "sticker": {
                    **a_file("s"),
                    "type": "regular",
                    "width": 1,
                    "height": 1,
                    "is_animated": False,
                    "is_video": False,
                    "emoji": "👍",
                }
            },
            "👍",
        ),
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
        (
            {
                "poll": {
                    "id": "1",
                    "question": "Which blue?",
                    "options": [
                        {"text": "Sky", "voter_count": 0, "persistent_id": "0"},
                        {"text": "Sea", "voter_count": 0, "persistent_id": "1"},
                    ],
                    "total_voter_count": 0,
                    "is_closed": False,
                    "is_anonymous": True,
                    "type": "regular",
                    "allows_multiple_answers": False,
                    "allows_revoting": False,
                    "members_only": False,
                }
            },
            "Poll: Which blue?\n- Sky\n- Sea",
        ),
    ],
)
def test_other_content_becomes_text(content: dict[str, Any], text: str) -> None:
    """Places, contacts, stickers, dice and polls get a description, a place with a link to a map.
    None of them are words of the customer."""
    found = parse_private(**content)
    assert (found.inbound.kind, found.inbound.text) == ("message", text)
    assert found.inbound.wordless


@pytest.mark.parametrize(
    ("more", "name", "media_type"),
    [
        ({}, "sticker-1.webp", "image/webp"),
        ({"is_video": True}, "sticker-1.webm", "video/webm"),
        ({"is_animated": True}, "sticker-1.tgs", "application/x-tgsticker"),
    ],
)
def test_a_sticker_comes_with_its_picture(more: dict[str, Any], name: str, media_type: str) -> None:
    """Its emoji alone may say little."""
    still = {"type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False}
    [file] = parse_private(sticker={**a_file("s"), **still, **more}).files
    assert (file.id, file.name, file.media_type) == ("s", name, media_type)


def test_data_of_a_mini_app_is_a_message() -> None:
    """What `Telegram.WebApp.sendData` sends, with the title of the button that opened the app."""
    data = {"data": '{"order": 4711, "size": "L"}', "button_text": "Choose a size"}
    found = parse_private(web_app_data=data)
    assert (found.inbound.text, found.inbound.wordless) == (data["data"], False)
    assert facts(found)["sent with"] == "Choose a size"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            {"users_shared": {"request_id": 1, "users": [{"user_id": 7, "first_name": "Ana"}]}},
            "Shared contacts: Ana",
        ),
        (
            {"chat_shared": {"request_id": 1, "chat_id": -100, "title": "Weavers"}},
            "Shared chat: Weavers",
        ),
        (
            {
                "successful_payment": {
                    "currency": "EUR",
                    "total_amount": 1250,
                    "invoice_payload": "order 4711",
                    "telegram_payment_charge_id": "t",
                    "provider_payment_charge_id": "p",
                }
            },
            "Paid: 1250 EUR (smallest unit), order 4711",
        ),
    ],
)
def test_what_a_customer_shared_or_paid_goes_to_a_person(
    content: dict[str, Any], text: str
) -> None:
    """Telegram reports it as its own message, but the customer did it."""
    found = parse_private(**content)
    assert (found.inbound.text, found.inbound.wordless) == (text, True)


@pytest.mark.parametrize(
    "content",
    [{}, {"something_new": {"a": 1}}, {"game": {"title": "x", "description": "y", "photo": []}}],
)
def test_unknown_content_goes_to_a_person(content: dict[str, Any]) -> None:
    """Nothing describes it."""
    assert parse_private(**content).inbound.kind == "unreadable"


@pytest.mark.parametrize(
    "content",
    [
        {"pinned_message": {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}},
        {"new_chat_members": [CARLA]},
        {"migrate_to_chat_id": -100},
        {"message_auto_delete_timer_changed": {"message_auto_delete_time": 86400}},
        {"group_chat_created": True},
    ],
)
def test_service_messages_are_ignored(content: dict[str, Any]) -> None:
    """They are events that Telegram itself reports in a chat."""
    assert parse_raw({"update_id": 1, "message": message(**content)}) is None


@pytest.mark.parametrize(
    ("language", "text"), [("de-AT", "Hallo"), ("fr", "Bonjour"), ("xx", "Hello"), (None, "Hello")]
)
def test_start_becomes_a_greeting(language: str | None, text: str) -> None:
    """In the language of the customer's app, with the parameter of a deep link as a fact."""
    by = {**CARLA, "language_code": language}
    found = parse_raw(text_update("/start spring_sale", by=by))
    assert found is not None
    assert (found.inbound.text, facts(found)["pressed"]) == (text, "Start spring_sale")


def test_each_edit_has_its_own_id() -> None:
    """It is derived from the message's id and the update's."""
    changed = message(31, text="Order 4711, sorry", edit_date=AT + 60)
    first = parse_raw({"update_id": 80, "edited_message": changed})
    second = parse_raw({"update_id": 81, "edited_message": changed})
    assert first is not None
    assert second is not None
    assert (first.inbound.kind, first.inbound.text) == ("edit", "Order 4711, sorry")
    assert first.inbound.at == datetime.fromtimestamp(AT + 60, UTC)
    assert [edit.inbound.remote_id for edit in (first, second)] == [
        "5001:31:edit:80",
        "5001:31:edit:81",
    ]


def test_a_moving_live_location_is_ignored() -> None:
    """Telegram edits the message to move it; that is not an edit by the customer."""
    moving = message(31, location={"latitude": 1, "longitude": 2, "live_period": 900})
    assert parse_raw({"update_id": 80, "edited_message": moving}) is None


def test_links_replies_and_forwards_are_facts() -> None:
    """The text stays as it was."""
    found = parse_private(
        text="see this",
        entities=[{"type": "text_link", "offset": 4, "length": 4, "url": "https://shop.example/a"}],
        reply_to_message=message(3, text="Which order?"),
        forward_origin={"type": "hidden_user", "date": AT, "sender_user_name": "Bob"},
    )
    assert found.inbound.text == "see this"
    assert facts(found) == {
        "on Telegram": "@carla_n",
        "forwarded from": "Bob",
        "in reply to": "Which order?",
        "link": "https://shop.example/a",
    }


BOB = user(6_002, "Bob")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            {
                "text": "🧶 @Lantern_Loom_Bot where is it",
                "entities": mention("🧶 @Lantern_Loom_Bot where is it"),
            },
            "🧶  where is it",
        ),
        ({"text": "hi all"}, None),
        ({"text": "ask @somebody", "entities": mention("ask @somebody")}, None),
        (
            {
                "text": "and now?",
                "reply_to_message": {**message(4, text="x", chat=GROUP), "from": BOT},
            },
            "and now?",
        ),
        ({"text": "and now?", "reply_to_message": message(4, text="x", chat=GROUP)}, None),
        (
            {
                "text": "/start@lantern_loom_bot",
                "entities": [{"type": "bot_command", "offset": 0, "length": 23}],
            },
            "Hello",
        ),
        ({"text": "@lantern_loom_bot", "entities": mention("@lantern_loom_bot")}, "Hello"),
        (
            {
                "caption": "@lantern_loom_bot torn",
                "photo": PHOTOS,
                "caption_entities": mention("@lantern_loom_bot torn"),
            },
            "torn",
        ),
        (
            {
                "text": "Loom, help",
                "entities": [{"type": "text_mention", "offset": 0, "length": 4, "user": BOT}],
            },
            "Loom, help",
        ),
    ],
)
def test_in_groups_only_mentions_and_replies_are_read(
    content: dict[str, Any], text: str | None
) -> None:
    """Each member has an address of their own."""
    update = {"update_id": 1, "message": message(8, by=BOB, chat=GROUP, **content)}
    found = parse_raw(update)
    assert (found and found.inbound.text) == text
    assert parse_raw(update, groups=False) is None
    if found:
        assert found.inbound.address.value == "-1001234:6002"
        assert found.inbound.remote_id == "-1001234:8"
        assert facts(found)["group"] == "Weavers"


def test_a_picture_of_an_album_may_be_for_us() -> None:
    """In a group the mention may stand under another one. A single picture is not read."""
    photo = {"photo": PHOTOS, "media_group_id": "77"}
    found = parse_raw({"update_id": 1, "message": message(8, by=BOB, chat=GROUP, **photo)})
    assert found is not None
    assert (found.overheard, found.inbound.album) == (True, "-1001234:77")
    alone = message(8, by=BOB, chat=GROUP, photo=PHOTOS)
    assert parse_raw({"update_id": 1, "message": alone}) is None
    assert parse_raw({"update_id": 1, "message": alone | photo}, groups=False) is None


@pytest.mark.parametrize(
    ("more", "id"),
    [
        ({"message_thread_id": 55, "is_topic_message": True}, "-1001234:8:topic:55"),
        ({"message_thread_id": 55}, "-1001234:8"),
    ],
)
def test_the_id_names_the_topic_of_a_forum(more: dict[str, Any], id: str) -> None:
    """A thread of replies outside a forum is no topic."""
    text = "@lantern_loom_bot hi"
    sent = message(8, by=BOB, chat=GROUP, text=text, entities=mention(text), **more)
    found = parse_raw({"update_id": 1, "message": sent})
    assert found is not None
    assert found.inbound.remote_id == id


def test_other_bots_are_ignored() -> None:
    """A bot that mentions ours in a group starts no conversation between machines."""
    text = "@lantern_loom_bot hi"
    robot = {**BOB, "is_bot": True}
    mentioning = message(8, by=robot, chat=GROUP, text=text, entities=mention(text))
    assert parse_raw({"update_id": 1, "message": mentioning}) is None


def test_a_pressed_button_becomes_its_payload() -> None:
    """Under the query's id."""
    shown = message(
        40,
        text="Which?",
        reply_markup={"inline_keyboard": [[{"text": "My refund", "callback_data": "refund"}]]},
    )
    found = parse_raw(press(shown, "refund"))
    assert found is not None
    assert found.press is not None
    assert (found.inbound.text, found.inbound.remote_id) == ("refund", "callback:77001")
    assert (found.press.title, found.press.keyboard, found.press.button) == ("My refund", 40, None)


def test_a_button_of_an_old_message() -> None:
    """Telegram no longer gives its title. A short payload is known all the same."""
    old = {"message_id": 40, "date": 0, "chat": {"id": 5001, "type": "private"}}
    found = parse_raw(press(old, "refund"))
    assert found is not None
    assert found.inbound.text == "refund"


@pytest.mark.parametrize("kind", ["channel_post", "inline_query", "poll_answer", "from_next_year"])
def test_other_updates_are_ignored(kind: str) -> None:
    """We did not ask for them. Each is counted, by its kind if the SDK knows it."""
    assert parse_raw({"update_id": 1, kind: None}) is None
    assert unknown_kind({"update_id": 1, kind: {}}) == (
        "other" if kind == "from_next_year" else kind
    )
    assert unknown_kind(text_update("hi")) is None
