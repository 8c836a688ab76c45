"""What the customer stated is used: it is never asked again, and asked for once if it is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import Address, Fact, Handler, Reply, Settings, Turn, hookimpl
from gateway.settings import BadConfig, compile_slot
from gateway.testing import FakeHandler
from plugins.escalation.texts import TEXTS
from tests.routing.stated import CHANNELS, stating_shop

ASK, FRAGE = "What is your order number?", "Wie lautet Ihre Bestellnummer?"
QUESTION = TEXTS["ask"]["fr"].format(details="numéro de commande")
CHARGE = [
    TEXTS["handover"]["en"],
    TEXTS["matter"]["en"].format(matter="A wrong charge, order number A-1234"),
]
CHARGE_ALONE = [TEXTS["handover"]["en"], TEXTS["matter"]["en"].format(matter="A wrong charge")]
UPSET = TEXTS["handover_upset"]["en"]
SAFE = TEXTS["handover_harm"]["en"].format(number=TEXTS["harm_number"]["en"])
SICHER = TEXTS["handover_harm"]["de"].format(number="112")

Dialogue = list[tuple[str, list[str]]]


async def hold(gw: Any, customer: Any, dialogue: Dialogue) -> None:
    for said, heard in dialogue:
        before = len(customer.heard)
        await customer.say(said)
        assert customer.heard[before:] == heard, said


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "dialogue",
    [
        # Given at once, in an earlier message, or when asked.
        [("parcel A-1234?", ["Parcels take two days.", "I looked for order A-1234."])],
        [
            ("delivery of a-1234?", ["Two days."]),
            ("where is the parcel?", ["Parcels take two days.", "I looked for order a-1234."]),
        ],
        [
            ("where is the parcel?", [ASK]),
            ("it is A-1234", ["Parcels take two days.", "I looked for order A-1234."]),
        ],
        [
            ("Wo ist das paket ?", [FRAGE]),
            (
                "ja A-1234",
                ["Pakete brauchen zwei Tage.", "Ich habe nach Bestellung A-1234 gesehen."],
            ),
        ],
        [
            ("où est le colis ?", [QUESTION]),
            ("A-1234", ["Un colis prend deux jours.", "J'ai regardé la commande A-1234."]),
        ],
        # Not given: it goes on, and nobody asks again.
        [
            ("where is the parcel?", [ASK]),
            ("no idea", ["Parcels take two days."]),
            ("and the parcel of my wife?", ["Parcels take two days."]),
        ],
        [("where is the parcel?", [ASK]), ("thanks", ["Parcels take two days."])],
        # Another question is another matter.
        [("where is the parcel?", [ASK]), ("how long is delivery?", ["Two days."])],
        # Before a hand-over.
        [("I was charged twice", [ASK]), ("A-1234", CHARGE)],
        [("I was charged twice", [ASK]), ("no idea", CHARGE_ALONE)],
        [("I was charged twice for A-1234", CHARGE)],
        # A sentence that states it replaces the one that asks for it.
        [("my refund?", ["Refunds take a week.", "Send us your order number."])],
        [("my refund for A-1234?", ["Refunds take a week.", "We have your order A-1234."])],
    ],
)
async def test_what_is_needed_is_asked_for_once(
    tmp_path: Path, channel: str, dialogue: Dialogue
) -> None:
    """Unless it was stated before; then the matter goes on, with or without it."""
    async with stating_shop(tmp_path) as gw:
        await hold(gw, gw.customer(channel, "mia@example.org"), dialogue)


async def test_a_hand_over_that_waited_happens_whatever_comes_next(tmp_path: Path) -> None:
    """The customer asks something else in place of an answer: a person gets both."""
    async with stating_shop(tmp_path) as gw:
        await hold(gw, gw.customer("sms", "+49301"), [("I was charged twice", [ASK])])
        await gw.customer("sms", "+49301").say("how long is delivery?")
        card = await gw.desk_agent("ana").next_card()
        assert card.handoff
        assert [reason.code for reason in card.handoff.reasons] == ["sensitive_intent"]


async def test_a_hand_over_does_not_wait_for_an_answer_that_never_comes(tmp_path: Path) -> None:
    """After ten minutes the case goes to a person; a question that is answered sets no case."""
    async with stating_shop(tmp_path) as gw:
        mia, tom = gw.customer("webchat", "mia"), gw.customer("webchat", "tom")
        await hold(gw, mia, [("I was charged twice", [ASK])])
        await hold(gw, tom, [("where is the parcel?", [ASK])])
        assert await gw.services.desk.queue() == ()
        await gw.pass_time(601)
        assert [item.conversation.address.value for item in await gw.services.desk.queue()] == [
            "mia"
        ]
        await mia.listen()
        assert mia.heard == [ASK, *CHARGE_ALONE]
        assert await tom.listen() == [ASK]


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("I am furious, I was charged twice", UPSET),
        ("I am annoyed, where is the parcel?", UPSET),
        ("I am worried about the parcel", TEXTS["handover_worried"]["en"]),
        ("urgent: the parcel", TEXTS["handover_urgent"]["en"]),
        ("a human, I was charged twice", TEXTS["handover"]["en"]),
        ("my lawyer wants to know where the parcel is", TEXTS["handover"]["en"]),
        ("I burnt my hand on what was in the parcel", SAFE),
        ("I burnt my hand, I was charged twice", SAFE),
    ],
)
async def test_nobody_upset_is_asked(tmp_path: Path, said: str, first: str) -> None:
    """Nor whoever wants a person or speaks of harm or legal steps."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer("telegram", "1")
        await mia.say(said)
        assert mia.heard[0] == first
        assert ASK not in mia.heard


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("asks", "harm", "heard"),
    [
        ("I was charged twice", "I burnt my hand, A-1234", [ASK, SAFE]),
        ("where is the parcel?", "I burnt my hand", [ASK, SAFE]),
        ("Wo ist das paket ?", "Hand verbrannt", [FRAGE, SICHER]),
    ],
)
async def test_harm_comes_before_what_was_asked(
    tmp_path: Path, channel: str, asks: str, harm: str, heard: list[str]
) -> None:
    """An answer to the question for details that speaks of harm is about harm, and a hand-over that
    waited is part of it."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer(channel, "mia")
        await mia.say(asks)
        await mia.say(harm)
        assert mia.heard[:2] == heard
        card = await gw.desk_agent("ana").next_card()
        assert card.handoff
        assert card.handoff.reasons[0].code == "harm"
        codes = {reason.code for reason in card.handoff.reasons}
        assert ("sensitive_intent" in codes) == ("charged" in asks)
        await gw.pass_time(601)
        assert len(await mia.listen()) == 3  # the question, and both parts of the words about harm


async def test_our_failure_does_not_lose_a_hand_over_that_waited(tmp_path: Path) -> None:
    """The agent sees both reasons."""

    def fail(turn: Turn) -> None:
        if "A-1234" in turn.message.text and turn.route.action == "escalate":
            raise RuntimeError

    async with stating_shop(tmp_path, FakeHandler(fail, priority=1)) as gw:
        mia = gw.customer("sms", "+49301")
        await hold(gw, mia, [("I was charged twice", [ASK])])
        await mia.say("A-1234")
        card = await gw.desk_agent("ana").next_card()
        assert card.handoff
        codes = [reason.code for reason in card.handoff.reasons]
        assert codes == ["plugin_failed", "sensitive_intent"]


async def test_whoever_was_upset_a_moment_ago_is_not_asked(tmp_path: Path) -> None:
    """A calm message after an upset one is written by the same person."""
    policy = {"reasons": {"strong_emotion": {"enabled": False}}}
    async with stating_shop(tmp_path, policy=policy) as gw:
        dialogue: Dialogue = [
            ("I am annoyed, how long is delivery?", ["Two days."]),
            ("where is the parcel?", ["Parcels take two days."]),
        ]
        await hold(gw, gw.customer("sms", "+49301"), dialogue)


async def test_what_a_channel_knows_is_not_asked_for(tmp_path: Path) -> None:
    """A fact of that name counts."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer("webchat", "mia")
        await mia.say("where is the parcel?", facts=(Fact(name="order", value="B-7"),))
        assert mia.heard == ["Parcels take two days.", "I looked for order B-7."]


@pytest.mark.parametrize(
    ("channel", "text", "known"),
    [
        ("email", "hello", "mia@example.org"),
        ("sms", "hello", None),
        ("sms", "write to mia@shop.example", "mia@shop.example"),
    ],
)
async def test_the_address_of_a_mail_is_known(
    tmp_path: Path, channel: str, text: str, known: str | None
) -> None:
    """The sender of a mail need not state the e-mail address."""
    handler = FakeHandler(lambda _: None, priority=1)
    async with stating_shop(tmp_path, handler) as gw:
        await gw.customer(channel, "mia@example.org").say(text)
        assert handler.turns[-1].given("email") == known


async def test_the_subject_counts(tmp_path: Path) -> None:
    """An order number in the subject of a mail is stated."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer("email", "mia@example.org")
        await mia.say("where is the parcel?", subject="Order A-1234")
        assert mia.heard == ["Parcels take two days.", "I looked for order A-1234."]


async def test_slots_are_kept_shown_exported_and_erased(tmp_path: Path) -> None:
    """With the message that each came from."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer("sms", "+49301")
        await mia.say("delivery of A-1234, mail me at mia@example.org")
        await mia.say("a human about B-5678 and A-1234")
        card = await gw.desk_agent("ana").next_card()
        first, second = (m for m in card.messages if m.author == "customer")
        assert first.understanding
        assert all(s.value == first.text[s.start : s.end] for s in first.understanding.slots)
        assert [(s.name, s.value, m.id) for s, m in card.slots] == [
            ("email", "mia@example.org", first.id),
            ("order", "A-1234", second.id),
            ("order", "B-5678", second.id),
        ]
        address, customers = Address(channel="sms", value="+49301"), gw.gateway.store.customers
        exported = str(await customers.export(address))
        assert '"name":"order","value":"B-5678"' in exported.replace('": "', '":"')
        await gw.gateway.customer_data.erase(address)
    stored = b"".join(file.read_bytes() for file in (tmp_path / "var").rglob("*") if file.is_file())
    assert b"B-5678" not in stored
    assert b"mia@example.org" not in stored


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"MP[- ]?\d{5}", "it's mp 48213.", "mp 48213"),
        (r"MP[- ]?\d{5}", "XMP-48213", None),
        (r"MP[- ]?\d{5}", "MP-482134", None),
        (r"(INV|RE)-\d{4}(/\d{2,6})?", "re-2024/17 please", "re-2024/17"),
    ],
)
def test_a_slot_is_a_whole_word_in_any_case(pattern: str, text: str, found: str | None) -> None:
    """A number within a longer one is another number."""
    match = compile_slot(pattern).search(text)
    assert (match and match[0]) == found


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"MP\d+", "{1,8}"),
        (r"(a*)b", "{0,8}"),
        (r"\d{65}", "64 characters"),
        (r"(a|a){30}b", "ways"),
        (r"(a{1,4}){1,12}b", "ways"),
        (r"(\d)\1", "own groups"),
        (r"x?", "1 to 64"),
        (r"MP(", "no regular expression"),
    ],
)
async def test_a_slow_or_endless_pattern_stops_the_start(
    tmp_path: Path, pattern: str, problem: str
) -> None:
    """The message says what to change."""
    with pytest.raises(BadConfig) as bad:
        async with stating_shop(tmp_path, slots={"order": {"pattern": pattern}}):
            pass
    assert "slots.order.pattern" in str(bad.value)
    assert problem in str(bad.value)


async def test_an_answer_names_only_slots_that_there_are(tmp_path: Path) -> None:
    """An unknown one is a mistake with its key."""
    with pytest.raises(BadConfig) as bad:
        async with stating_shop(tmp_path, slots={}):
            pass
    assert "answers.tracking.needs: there is no slot `order`" in str(bad.value)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("said", "drafted"),
    [
        (["my refund, a human please"], "Refunds take a week.\n\nSend us your order number."),
        (
            ["my refund for A-1234, a human please"],
            "Refunds take a week.\n\nWe have your order A-1234.",
        ),
        (
            ["it is A-1234, a human please", "and when is the refund?"],
            "Refunds take a week.\n\nWe have your order A-1234.",
        ),
    ],
)
async def test_a_draft_knows_what_was_stated(
    tmp_path: Path, channel: str, said: list[str], drafted: str
) -> None:
    """An agent is not offered to ask for the order number that the customer has given."""
    async with stating_shop(tmp_path) as gw:
        mia = gw.customer(channel, "mia@example.org")
        for text in said:
            await mia.say(text)
        card = await gw.desk_agent("ana").next_card()
        assert card.suggestion
        assert " ".join(card.suggestion.text.split()) == " ".join(drafted.split())


async def test_no_drafts_author_asks_for_what_was_stated(tmp_path: Path) -> None:
    """Whoever drafts: the sentence that asks for it is left out, and another stays."""

    class Drafter:
        name, priority = "drafter", 1

        async def handle(self, turn: Turn) -> Reply | None:
            return None

        async def suggest(self, turn: Turn) -> Reply | None:
            asks = "Could you tell me your order number, please?"
            body = ("I am looking.", asks, "Which colour is it?")
            return Reply(opener="", body=body, language="en")

        @hookimpl
        def register_handlers(
            self, register: Callable[[Handler], None], settings: Settings
        ) -> None:
            register(self)

    async with stating_shop(tmp_path, Drafter()) as gw:
        await gw.customer("sms", "+49301").say("a human for the refund of A-1234")
        card = await gw.desk_agent("ana").next_card()
        assert card.suggestion
        assert "order number" not in card.suggestion.text
        assert "I am looking." in card.suggestion.text
        assert "Which colour is it?" in card.suggestion.text
