"""Nothing internal reaches a customer: notes in every form, words for colleagues, forwarded
messages; and agents who want to write notes unless they press Reply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway import note_text, why_internal
from gateway.testing import FakeClock
from tests.agents_slack.support_channel import SupportChannel, opened
from tests.slack.server import SlackServer

NOTES = [
    ("*note:* she is a regular", "she is a regular"),
    ("_note: she is a regular_", "she is a regular"),
    ("&gt; note: she is a regular", "she is a regular"),
    ("&gt; *Note:* she is\n&gt; a regular", "she is\na regular"),
    ("`note:` she is a regular", "she is a regular"),
    ("```note: she is a regular```", "she is a regular"),
    (":memo: note: she is a regular", "she is a regular"),
    ("📝 *internal:* she is a regular", "she is a regular"),
    ("[internal] she is a regular", "she is a regular"),
    ("*Interne Notiz:* Stammkundin", "Stammkundin"),
    ("_note interne : cliente fidèle_", "cliente fidèle"),
    ("nota interna: clienta habitual", "clienta habitual"),
    ("*nota:* cliente abituale", "cliente abituale"),
    ("ملاحظة: عميلة دائمة", "عميلة دائمة"),
    ("社内メモ：常連のお客様", "常連のお客様"),
]
FOR_COLLEAGUES = [
    "<@UBEN> can you check",
    "can you check, <@UBEN>?",
    "<!here> anyone free?",
    "@ben can you check",
    "Ben, can you check this?",
    "she already sent the photo, we should refund Carla",
    "Carla keeps asking",
    "the customer is angry again",
    "don't refund yet",
    "It left today.\nnote: she is difficult",
    "Der Kunde hat schon zweimal angerufen",
    "Sie hat das Foto schon geschickt, wir sollten Carla das Geld erstatten",
    "Elle a déjà envoyé la photo, on devrait la rembourser",
    "La clienta está enfadada",
    "Qualcuno può controllare?",
    "he has to wait, he always complains",
    "Ich habe ihr das Geld schon erstattet",
    "her story changed again",
]
ANSWERS = [
    "Hi Carla, it left today.",
    "Thanks Carla!",
    "He left it with your neighbour.",
    "We should have news by tomorrow.",
    "Could you send us a photo?",
    "Please note that delivery takes three days.",
    "Sie haben recht, das tut mir leid.",
    "Elle est en route.",
    "Elle a déjà été expédiée.",
    "He enviado la factura.",
    "Ya lo he comprobado con el almacén.",
    "Ihr Paket hat heute Morgen unser Lager verlassen.",
    "Das ist schon lange her, ich schaue nach.",
    "Her şey yolunda, kargonuz yarın gelecek.",
    "We have to wait for the bank.",
    "I need to check this with the warehouse.",
    "Bonne journée Carla !",
    "Schönes Wochenende Carla!",
    "Write to help@shop.example any time.",
]


async def waiting(support: SupportChannel, name: str = "carla") -> dict[str, Any]:
    await support.gw.customer("rest", name).say("Where is my parcel", name="Carla")
    return await support.card()


async def notes(support: SupportChannel) -> list[str]:
    card = await support.gw.services.desk.card(1)
    return [m.text for m in card.messages if m.internal and m.author == "agent"]


@pytest.mark.parametrize(("text", "note"), NOTES)
async def test_a_decorated_note_stays_internal(
    support: SupportChannel, text: str, note: str
) -> None:
    """Bold, quoted, as code, after an emoji, in brackets, in the team's language."""
    card = await waiting(support)
    await support.reply(card, "UANA", text)
    await support.until(lambda: notes(support))
    await support.quiet()
    assert await notes(support) == [note]
    assert await support.received("carla", 0) == []


@pytest.mark.parametrize("text", FOR_COLLEAGUES)
async def test_words_for_colleagues_are_asked_about_first(
    support: SupportChannel, text: str
) -> None:
    """The customer gets nothing until the agent says that it is for them."""
    card = await waiting(support)
    await support.reply(card, "UBEN", "note: I am Ben")  # so that his name is known
    await support.until(lambda: notes(support))
    await support.reply(card, "UANA", text)
    await support.until(lambda: support.notices("UANA"))
    [question] = support.notices("UANA")
    assert "Send this to the customer?" in question
    await support.quiet()
    assert await support.received("carla", 0) == []


@pytest.mark.parametrize("text", ANSWERS)
async def test_an_ordinary_answer_is_sent_at_once(support: SupportChannel, text: str) -> None:
    """Speaking to the customer by name, or of somebody else, is no remark about them."""
    card = await waiting(support)
    await support.reply(card, "UANA", text)
    assert await support.received("carla", 1) == [text]
    assert support.notices("UANA") == []


@pytest.mark.parametrize(
    ("action", "sent", "noted"),
    [
        ("agents:reply:customer", ["@Ben will call Carla."], []),
        ("agents:reply:note", [], ["@Ben will call Carla."]),
        ("agents:reply:drop", [], []),
    ],
)
async def test_the_agent_decides_what_was_asked_about(
    support: SupportChannel, action: str, sent: list[str], noted: list[str]
) -> None:
    """Send, keep as note, or discard; pressed twice it is one message."""
    card = await waiting(support)
    await support.reply(card, "UANA", "<@UBEN> will call Carla.")
    await support.until(lambda: support.notices("UANA"))
    await support.click_notice("UANA", action)
    assert await support.received("carla", len(sent)) == sent
    await support.quiet()
    question = next(m for m in support.slack.ephemeral if m.get("blocks"))
    await support.slack.click("C0SUPPORT", "UANA", question, action)
    await support.quiet()
    assert await support.received("carla", len(sent)) == sent
    assert await notes(support) == noted


async def test_an_edit_in_the_form_is_sent_without_another_question(
    support: SupportChannel,
) -> None:
    """Who presses Send in a form that names the customer has decided."""
    card = await waiting(support)
    await support.reply(card, "UANA", "the customer is right")
    await support.until(lambda: support.notices("UANA"))
    await support.click_notice("UANA", "agents:reply:edit")
    [view] = support.slack.views.values()
    values = {"text": {"value": {"type": "plain_text_input", "value": "You are right, Carla."}}}
    assert await support.slack.submit("UANA", view, values) == (200, "")
    assert await support.received("carla", 1) == ["You are right, Carla."]


def share(text: str = "", **more: Any) -> dict[str, Any]:
    """A forwarded message, as Slack delivers it (slackapi/java-slack-sdk, issue 1179)."""
    return {
        "is_msg_unfurl": True,
        "is_share": True,
        "ts": "1688651267.097029",
        "author_id": "UBEN",
        "author_name": "Ben",
        "channel_id": "C0OTHER",
        "from_url": "https://example.slack.com/archives/C0OTHER/p1688651267097029",
        "fallback": f"[July 6th] Ben: {text}",
        "text": text,
        **more,
    }


BLOCKS = [
    {
        "team": "T0HOME",
        "channel": "C0OTHER",
        "ts": "1688651267.097029",
        "message": {
            "blocks": [
                {
                    "type": "rich_text",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [
                                {"type": "text", "text": "Shelf 7 & "},
                                {"type": "link", "url": "https://x.example/7", "text": "here"},
                            ],
                        }
                    ],
                }
            ]
        },
    }
]


@pytest.mark.parametrize(
    ("own", "attachment", "expected"),
    [
        ("", share("It is on shelf 7"), "Forwarded message from Ben:\n> It is on shelf 7"),
        ("See below", share("One\nTwo"),
         "See below\n\nForwarded message from Ben:\n> One\n> Two"),
        ("", share(message_blocks=BLOCKS),
         "Forwarded message from Ben:\n> Shelf 7 & here (https://x.example/7)"),
    ],
)  # fmt: skip
async def test_an_agents_forwarded_message_keeps_its_words(
    support: SupportChannel, own: str, attachment: dict[str, Any], expected: str
) -> None:
    """It is asked about first, because it was written for somebody else."""
    card = await waiting(support)
    await support.reply(card, "UANA", own, attachments=[attachment])
    await support.until(lambda: support.notices("UANA"))
    assert "It has a forwarded message" in support.notices("UANA")[0]
    await support.click_notice("UANA", "agents:reply:customer")
    assert await support.received("carla", 1) == [expected]


async def test_a_forwarded_message_can_be_a_note(support: SupportChannel) -> None:
    """With its words and its writer."""
    card = await waiting(support)
    await support.reply(card, "UANA", "note: see", attachments=[share("Shelf 7")])
    await support.until(lambda: notes(support))
    assert await notes(support) == ["see\n\nForwarded message from Ben:\n> Shelf 7"]


class TestNotesUnlessReply:
    """``thread_messages: notes``."""

    @pytest.fixture
    async def support(
        self, slack: SlackServer, clock: FakeClock, tmp_path: Path
    ) -> AsyncIterator[SupportChannel]:
        async with opened(slack, clock, tmp_path, thread_messages="notes") as made:
            yield made

    async def test_what_is_written_in_the_thread_is_a_note(self, support: SupportChannel) -> None:
        """Nothing is sent, and nobody claims by it."""
        card = await waiting(support)
        await support.reply(card, "UANA", "It left today.")
        await support.until(lambda: notes(support))
        await support.quiet()
        assert await notes(support) == ["It left today."]
        assert await support.received("carla", 0) == []
        assert "Kept as a note" in support.notices("UANA")[0]

    async def test_reply_with_it_sends_the_words_of_the_note(self, support: SupportChannel) -> None:
        """In a form, where they can still be changed."""
        card = await waiting(support)
        await support.reply(card, "UANA", "It left today.")
        await support.until(lambda: support.notices("UANA"))
        await support.click_notice("UANA", "agents:answer")
        [view] = support.slack.views.values()
        element = view["blocks"][-1]["element"]
        assert element["initial_value"] == "It left today."
        values = {"text": {"value": {"type": "plain_text_input", "value": "It left at nine."}}}
        assert await support.slack.submit("UANA", view, values) == (200, "")
        assert await support.received("carla", 1) == ["It left at nine."]

    async def test_the_card_has_a_button_to_reply(self, support: SupportChannel) -> None:
        """It opens an empty form; what is sent stands in the thread."""
        card = await waiting(support)
        await support.click(card, "UANA", "agents:answer")
        [view] = support.slack.views.values()
        values = {"text": {"value": {"type": "plain_text_input", "value": "It left today."}}}
        assert await support.slack.submit("UANA", view, values) == (200, "")
        assert await support.received("carla", 1) == ["It left today."]
        await support.until(lambda: any("It left today." in t for t in support.thread(card)))


async def test_a_long_story_becomes_several_posts_with_every_word(
    support: SupportChannel,
) -> None:
    """More than one message of Slack can hold; the numbers show the order."""
    customer = support.gw.customer("rest", "carla")
    await customer.say("When do you open?")
    story = " ".join(f"word{n}" for n in range(1600))
    await customer.say(story)
    card = await support.card()
    await support.until(lambda: len(support.thread(card)) >= 2)
    await support.quiet()
    shown = "\n".join(support.thread(card))
    assert "The conversation so far (1 of " in shown
    for text in (story, "When do you open?"):
        assert all(word in shown for word in text.split())


CASES = Path(__file__).parent.parent / "agents_notes"


@pytest.mark.parametrize(
    ("file", "missed", "needless"), [("first", 0, 0), ("second", 0, 1), ("third", 0, 0)]
)
def test_how_often_a_remark_is_missed_and_an_answer_is_asked_about(
    file: str, missed: int, needless: int
) -> None:
    """Our own sentences in twelve languages: what is internal, and what is for the customer."""
    wrong: dict[str, list[str]] = {"internal": [], "answer": []}
    for line in (CASES / f"{file}.txt").read_text("utf-8").splitlines():
        kind, _, text = line.partition("|")
        text = text.replace("\\n", "\n")
        why = why_internal(text, customer="Anna Schmidt", colleagues=("Ben Novak", "Ana"))
        internal = note_text(text) is not None or why is not None
        if internal == (kind == "answer"):
            wrong["answer" if kind == "answer" else "internal"].append(text)
    assert len(wrong["internal"]) <= missed, wrong
    assert len(wrong["answer"]) <= needless, wrong
