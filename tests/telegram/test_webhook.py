"""Telegram calls us: through the real gateway, over real HTTP, with the real SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import Address, Button, Message, Reply, SurveyQuestion, Turn
from gateway.testing import FakeHandler

from ..conftest import until
from .conftest import PATH, SECRET, Start, Telegram
from .server import BotApi
from .updates import CARLA, GROUP, member, mention, message, press, said, user

CHAT = CARLA["id"]
HERE = Address(channel="telegram", value=str(CHAT))


async def kept(phone: Telegram, address: Address = HERE) -> list[Message]:
    """What this customer said, as the card shows it."""
    reading = phone.gw.gateway.store.queries
    found = await reading.messages(address, own=True, limit=1000)
    return [one for one in found if one.author == "customer"]


async def on_the_card(phone: Telegram) -> list[Message]:
    """The customer's lines on the one card of the queue, edits included."""
    [item] = await phone.gw.services.desk.queue()
    card = await phone.gw.services.desk.card(item.conversation.id)
    return [one for one in card.messages if one.author == "customer"]


async def test_the_webhook_is_set_at_the_start(api: BotApi, start: Start) -> None:
    """Telegram is told our address, the secret, and which updates we want."""
    async with start():
        assert api.webhook == {
            "url": f"http://127.0.0.1{PATH}",
            "secret_token": SECRET,
            "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
            "max_connections": 40,
        }


async def test_a_webhook_that_was_taken_away_is_set_again(api: BotApi, start: Start) -> None:
    """Another program's deleteWebhook is noticed within a quarter of an hour."""
    async with start() as gw:
        api.webhook = {"url": ""}
        await gw.pass_time(901)
        await until(lambda: api.webhook["url"])


@pytest.mark.parametrize("secret", [None, "", "guessed", SECRET[:-1], SECRET + "x", "ünïcode"])
async def test_who_has_not_the_secret_is_refused(start: Start, secret: str | None) -> None:
    """Without the secret nothing is read, whatever the body."""
    async with start() as gw:
        phone = Telegram(gw)
        assert await phone.tell(said("let me in"), secret=secret) == 401
        assert await kept(phone) == []


async def test_an_update_is_known_by_its_id(api: BotApi, start: Start) -> None:
    """The same update again is not looked at again: its file is not fetched twice."""
    api.store("p", b"jpeg")
    photo = [{"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 4}]
    update = {"update_id": 3, "message": message(photo=photo, caption="Torn")}
    async with start() as gw:
        phone = Telegram(gw)
        await phone.told(update, update)
        assert len(api.calls("get_file")) == 1
        assert api.texts(CHAT) == ["Torn"]


async def test_an_edit_is_shown_and_never_answered(api: BotApi, start: Start) -> None:
    """A corrected message stands on the card as an edit; the customer hears nothing more."""
    edited = {"update_id": 2, "edited_message": message(1, text="person, order 12", edit_date=9)}
    async with start() as gw:
        phone = Telegram(gw)
        await phone.told(said("person"), edited, edited)
        assert api.texts(CHAT) == ["A person comes."]
        assert [(one.text, one.edited) for one in await on_the_card(phone)] == [
            ("person", False),
            ("person, order 12", True),
        ]


async def test_a_recording_goes_to_a_person(api: BotApi, start: Start) -> None:
    """No bot can hear it: a person gets the recording, and the payload that it came with."""
    api.store("v", b"OggS")
    voice = {"file_id": "v", "file_unique_id": "u", "duration": 5, "file_size": 4}
    async with start() as gw:
        phone = Telegram(gw)
        await phone.told({"update_id": 1, "message": message(voice=voice)})
        [item] = await gw.services.desk.queue()
        assert "unreadable" in [reason.code for reason in item.handoff.reasons]
        [one] = await on_the_card(phone)
        assert one.text == "(voice message, 0:05)"
        assert await gw.services.files.open(one.attachments[0].digest) == b"OggS"


@pytest.mark.parametrize("told", [60_000_000, None])
async def test_a_file_too_large_is_told_to_the_person(
    api: BotApi, start: Start, told: int | None
) -> None:
    """A file over the bound stays with Telegram, whether it says its size or not; the words
    arrive, and the card says what is missing."""
    api.store("big", b"x" * 5_001)
    document = {"file_id": "big", "file_unique_id": "u", "file_name": "all.zip"}
    document |= {"file_size": told} if told else {}
    update = {"update_id": 1, "message": message(document=document, caption="person")}
    async with start(max_file_size=5_000) as gw:
        phone = Telegram(gw)
        await phone.told(update)
        [one] = await on_the_card(phone)
        assert (one.text, one.attachments) == ("person", ())
        [left_out] = [fact.value for fact in one.facts if fact.name == "left out"]
        assert left_out.startswith("all.zip: ")


async def test_a_file_that_does_not_come_is_asked_for_again(api: BotApi, start: Start) -> None:
    """Telegram is asked to deliver again while its file does not come; in the end the message
    is taken without it, and is a person's."""
    api.store("d", b"data")
    document = {"file_id": "d", "file_unique_id": "u", "file_name": "bill.pdf", "file_size": 4}
    update = {"update_id": 1, "message": message(document=document)}
    async with start() as gw:
        phone = Telegram(gw)
        api.file_troubles = [500]
        assert [await phone.tell(update) for _ in range(2)] == [503, 200]
        api.file_troubles = [500, 404, 500]
        again = {"update_id": 2, "message": message(2, document=document)}
        assert [await phone.tell(again) for _ in range(3)] == [503, 503, 200]
        await gw.settled()
        first, second = await kept(phone)
        assert [one.name for one in first.attachments] == ["bill.pdf"]
        assert (second.text, second.attachments) == ("(a file that could not be fetched)", ())
        assert "unreadable" in [reason.code for reason in second.route.reasons]  # type: ignore[union-attr]


async def test_an_album_is_answered_once(api: BotApi, start: Start) -> None:
    """Pictures that were sent as one are kept each, and answered as one message."""
    api.store("p", b"jpeg")
    photo = [{"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 4}]
    answer = FakeHandler(lambda turn: Reply(opener="", body=("Thank you",)))
    updates = [
        {"update_id": n, "message": message(n, photo=photo, media_group_id="77")} for n in (1, 2, 3)
    ]
    async with start(answer) as gw:
        phone = Telegram(gw)
        await phone.told(*updates)
        assert api.texts(CHAT) == ["Thank you"]
        assert [len(one.attachments) for one in await kept(phone)] == [1, 1, 1]


LONG = "I want to send back what I ordered, because the colour is not the one that I saw. 🧶"


def asks(*buttons: Button, survey: SurveyQuestion | None = None) -> FakeHandler:
    """Asks with buttons what ``buttons`` wants; says back anything else."""

    def answer(turn: Turn) -> Reply:
        if turn.message.text != "ask":
            return Reply(opener="", body=(f"You said: {turn.message.text}",))
        return Reply(opener="", body=("Which?",), buttons=buttons, survey=survey)

    return FakeHandler(answer)


@pytest.mark.parametrize("payload", ["refund", "ü" * 32, LONG, "#1.0", ""])
async def test_a_button_comes_back_as_its_payload(api: BotApi, start: Start, payload: str) -> None:
    """However long the payload; the spinner stops, the buttons go, the press is handled once."""
    async with start(asks(Button(title="Send back", payload=payload))) as gw:
        phone = Telegram(gw)
        await phone.told(said("ask"))
        [shown] = api.sent
        [[button]] = shown["reply_markup"]["inline_keyboard"]
        assert button["text"] == "Send back"
        update = press(dict(shown), button["callback_data"])
        await phone.told(update, update, {**update, "update_id": 10})
        assert api.texts(CHAT) == ["Which?", f"You said: {payload or 'Send back'}"]
        assert api.answered[0] == {"callback_query_id": "77001", "text": "✓ Send back"}
        assert "reply_markup" not in shown


async def test_a_button_of_somebody_else_is_no_key(api: BotApi, start: Start) -> None:
    """A made-up name of another customer's button tells nothing of it."""
    async with start(asks(Button(title="Mine", payload=LONG))) as gw:
        phone = Telegram(gw)
        await phone.told(said("ask"))
        [[button]] = api.sent[0]["reply_markup"]["inline_keyboard"]
        bob = user(6_002, "Bob")
        shown = message(400, by=bob, text="Hi")
        await phone.told(press(shown, button["callback_data"], by=bob, id="too old"))
        assert api.texts(6_002) == ["You said: (a button)"]


@pytest.mark.parametrize(
    ("scale", "titles"), [("stars", "1★ 2★ 3★ 4★ 5★"), ("number", "1 2 3 4 5")]
)
async def test_a_survey_is_answered_by_a_button(
    api: BotApi, start: Start, scale: Any, titles: str
) -> None:
    """Stars stand side by side and come back as a number."""
    async with start(asks(survey=SurveyQuestion(scale=scale))) as gw:
        phone = Telegram(gw)
        await phone.told(said("ask"))
        [row] = api.sent[0]["reply_markup"]["inline_keyboard"]
        assert " ".join(button["text"] for button in row) == titles
        await phone.told(press(dict(api.sent[0]), row[3]["callback_data"]))
        assert api.texts(CHAT)[-1] == "You said: 4"


async def test_in_a_group_the_member_is_answered(api: BotApi, start: Start) -> None:
    """Who names the bot in a group is answered there, under their own words, and nobody is pinged
    by what the bot repeats; what was said to others is not even stored."""
    bob, ana = user(6_002, "Bob"), user(6_003, "Ana")
    text = "@lantern_loom_bot is @ana there? a@b.example"
    async with start() as gw:
        phone = Telegram(gw)
        await phone.told(
            {"update_id": 1, "message": message(7, by=ana, chat=GROUP, text="just between us")},
            {
                "update_id": 2,
                "message": message(8, by=bob, chat=GROUP, text=text, entities=mention(text)),
            },
        )
        [sent] = api.sent
        assert sent["text"] == "is @\N{WORD JOINER}ana there? a@b.example"
        assert (sent["chat"]["id"], sent["answers"]) == (GROUP["id"], 8)
        assert await kept(phone, Address(channel="telegram", value=f"{GROUP['id']}:6003")) == []


async def test_a_group_that_moved_is_followed(api: BotApi, start: Start) -> None:
    """A group that became a supergroup has a new id; the answer goes there."""
    api.moved = {-500: -1_000_500}
    old = {"id": -500, "type": "group", "title": "Weavers"}
    text = "@lantern_loom_bot hi"
    async with start() as gw:
        phone = Telegram(gw)
        update = {
            "update_id": 1,
            "message": message(8, chat=old, text=text, entities=mention(text)),
        }
        await phone.told(update)
        assert api.texts(-1_000_500) == ["hi"]


async def test_who_blocked_the_bot_is_not_written_to(api: BotApi, start: Start) -> None:
    """After a block Telegram is not even asked, until the customer comes back."""
    async with start() as gw:
        phone = Telegram(gw)
        await phone.told(said("person"))
        await phone.told(member("kicked"))
        [item] = await gw.services.desk.queue()
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        before = api.tries
        await ana.answer(card, "Hello?")
        assert api.tries == before
        [letter] = await gw.gateway.store.outbox.list()
        assert letter.state == "dead"
        assert letter.error == "the customer blocked the bot, or the group removed it"
        await phone.told(member("member", update=21), said("I am back", id=2, update=22))
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
async def test_what_nobody_can_read_is_kept_for_a_person(
    api: BotApi, start: Start, broken: dict[str, Any]
) -> None:
    """An update that is odd but of a customer is taken, kept as it came, and a person gets it."""
    update = {"update_id": 1, "message": {**message(), **broken}}
    async with start() as gw:
        phone = Telegram(gw)
        await phone.told(update)
        [item] = await gw.services.desk.queue()
        assert item.handoff.reasons[0].code == "unreadable"
        files = list((gw.gateway.settings.data_dir / "files").rglob("*"))
        stored = [json.loads(file.read_bytes()) for file in files if file.is_file()]
        assert stored == [json.loads(json.dumps(update))]


@pytest.mark.parametrize(
    "update",
    [{"update_id": 1, "message": "hi"}, {"update_id": "1"}, {"update_id": -1}, [1], "hi", 1.5],
)
async def test_what_is_nobodys_is_refused(start: Start, update: Any) -> None:
    """What is no update, or of nobody, is 400."""
    async with start() as gw:
        assert await Telegram(gw).tell(update) == 400


@pytest.mark.parametrize("depth", [400, 600, 900, 100_000])
async def test_deep_nesting_is_no_fault_of_ours(start: Start, depth: int) -> None:
    """A body nested deeper than Python goes is refused like any other nonsense."""
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


def _spoiled(places: dict[str, Any]) -> Any:
    """A good update with something else at some places."""
    shown = message(40, text="Which?")
    update: Any = {**said("hi"), **press(shown, "x"), **member("kicked"), "update_id": 1}
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
        st.dictionaries(PLACES, JSON, max_size=3).map(_spoiled) | JSON, min_size=25, max_size=25
    ),
    kind=st.sampled_from(["message", "callback_query", "my_chat_member", None]),
)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_no_update_is_a_fault_of_ours(
    start: Start, updates: list[Any], kind: str | None
) -> None:
    """Whatever JSON comes with the right secret is taken or refused, never a 5xx."""
    async with start() as gw:
        phone = Telegram(gw)
        for number, update in enumerate(updates):
            if isinstance(update, dict) and update.get("update_id") == 1:
                update["update_id"] = number
                for other in {"message", "callback_query", "my_chat_member"} - {kind}:
                    if kind:
                        update.pop(other, None)
            assert await phone.tell(update) in (200, 400), update
        await gw.settled()
