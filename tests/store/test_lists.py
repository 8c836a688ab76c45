"""Lists of conversations: what they are ordered and filtered by, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway import (
    Agent,
    ConversationFilter,
    ListedConversation,
    ListPosition,
    Reason,
    Reply,
    Turn,
)
from gateway.adapters.sql.engine.opening import migrate, migrate_back
from gateway.adapters.sql.schema import conversations
from gateway.adapters.sql.turns.side_effects import LISTED_SKILLS
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running

ANA = Agent(id="desk:ana", name="Ana")
BEN = Agent(id="desk:ben", name="Ben")
ALL = ConversationFilter(agent=ANA.id)


def answer(turn: Turn) -> Reply | None:
    """Echo; hand over whoever asks for a person, with many skills."""
    if turn.kind != "message":
        return None
    if "person" in turn.message.text:
        reasons = (Reason(code="asked_for_person"),)
        return Reply(body=("A colleague will answer.",), purpose="handover", escalate=reasons)
    return Reply(body=(f"You said {turn.message.text}",))


def gateway_in(folder: Path) -> AbstractAsyncContextManager[RunningGateway]:
    return running(FakeChannel(), FakeHandler(answer), tmp_path=folder, clock=FakeClock())


async def listed(gw: RunningGateway, chosen: ConversationFilter = ALL) -> list[ListedConversation]:
    return list((await gw.services.desk.conversations(chosen)).items)


async def only(gw: RunningGateway) -> ListedConversation:
    [item] = await listed(gw)
    return item


async def ids(gw: RunningGateway, **fields: object) -> list[int]:
    found = await listed(gw, ALL.replace(**fields))
    return [item.conversation.id for item in found]


async def test_the_last_public_message_is_kept(tmp_path: Path) -> None:
    """Of the bot, the customer or an agent; notes and system lines do not count."""
    async with gateway_in(tmp_path) as gw:
        jo = gw.customer("fake", "jo")
        await jo.say("hello")
        assert ((await only(gw)).last_from, (await only(gw)).preview) == ("bot", "You said hello")
        await jo.say("a person, please")
        assert ((await only(gw)).last_from, (await only(gw)).preview) == ("bot", "a person, please")
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        await gw.services.desk.note(card.conversation.id, ANA, "a note")
        assert (await only(gw)).last_from == "bot"
        await gw.pass_time(60)
        await ana.answer(card, "Here I am")
        item = await only(gw)
        assert (item.last_from, item.preview) == ("agent", "Here I am")
        assert item.last_at == gw.clock.now()
        assert item.agent == "desk:ana"
        await gw.pass_time(60)
        await jo.say("and now?")
        item = await only(gw)
        assert (item.last_from, item.preview) == ("customer", "and now?")
        assert item.last_at == gw.clock.now()


async def test_who_waits_for_whom(tmp_path: Path) -> None:
    """The customer waits until a person answers, and again once they are passed on; what the bot
    says meanwhile is no answer."""
    async with gateway_in(tmp_path) as gw:
        jo = gw.customer("fake", "jo")
        await jo.say("hello")
        assert not (await only(gw)).customer_waits
        await jo.say("a person")
        assert (await only(gw)).customer_waits
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        assert (await only(gw)).customer_waits
        await gw.pass_time(5)
        await ana.answer(card, "Here I am")
        assert not (await only(gw)).customer_waits
        await gw.pass_time(5)
        epoch = card.conversation.epoch
        await gw.services.desk.transfer(card.conversation.id, ANA, epoch=epoch, tier="front")
        assert (await only(gw)).customer_waits
        await gw.services.desk.claim(card.conversation.id, BEN, epoch=epoch + 1)
        assert (await only(gw)).customer_waits


async def test_a_message_that_was_refused_does_not_count(tmp_path: Path) -> None:
    """The customer never got it, so they still wait."""
    async with gateway_in(tmp_path) as gw:
        jo = gw.customer("fake", "jo")
        await jo.say("a person")
        card = await gw.desk_agent("ana").claim()
        await jo.say("STOP", consent="out")
        await gw.desk_agent("ana").answer(card, "never sent")
        assert (await only(gw)).last_from == "customer"


async def test_an_out_of_office_reply_waits_for_nobody(tmp_path: Path) -> None:
    """In a conversation that is there: we still wait for the customer. What a machine begins is
    from the customer's side all the same."""
    async with gateway_in(tmp_path) as gw:
        jo = gw.customer("fake", "jo")
        await jo.say("a person")
        card = await gw.desk_agent("ana").claim()
        await gw.desk_agent("ana").answer(card, "Which size is it?")
        answered = await only(gw)
        await gw.pass_time(60)
        await jo.say("I am away until Monday", automatic=True)
        after = await only(gw)
        assert (after.last_from, after.last_at) == ("agent", answered.last_at)
        assert not after.customer_waits
        assert (await ids(gw, last_from="customer")) == []
        await jo.say("It is a 42")
        assert (await only(gw)).customer_waits
        await gw.customer("fake", "robot").say("Do not reply to this message", automatic=True)
        newest = (await gw.services.desk.conversations(ALL)).items[0]
        assert newest.last_from == "customer"


@pytest.mark.parametrize(("language", "ends", "goes_on"), [
    ("en", "Thanks, that is all", "thanks, but one more question"),
    ("de", "ok danke", "danke, aber eine Frage noch"),
    ("fr", "Parfait, merci beaucoup", "merci, mais encore une question"),
    ("es", "Muchas gracias, eso es todo", "gracias, pero no es todo"),
    ("it", "ok grazie mille", "grazie, ma non funziona"),
    ("pt", "Muito obrigado, era só isso", "obrigado, não é só isso"),
    ("nl", "Bedankt, dat was alles", "bedankt, maar nog een vraag"),
    ("pl", "Dziękuję, to wszystko", "dziękuję, to nie wszystko"),
    ("sv", "Tack, det var allt", "tack, men den fungerar inte"),
    ("tr", "Çok teşekkürler, hepsi bu kadar", "teşekkürler ama bir sorum var"),
    ("ar", "شكرا، هذا كل شيء", "شكرا لكن لدي سؤال"),
    ("ja", "ありがとうございました、以上です", "ありがとうございます。もう一つあります"),
])  # fmt: skip
async def test_thanks_after_an_answer_wait_for_nobody(
    tmp_path: Path, language: str, ends: str, goes_on: str
) -> None:
    """In a list and in the queue alike; thanks with anything else wait, from then on."""
    async with gateway_in(tmp_path) as gw:
        jo, ana = gw.customer("fake", "jo"), gw.desk_agent("ana")
        await jo.say("a person", language=language)
        card = await ana.claim()
        await ana.answer(card, "It is on its way.")
        answered = await only(gw)
        await gw.pass_time(60)
        await jo.say(ends)
        row, [item] = await only(gw), await gw.services.desk.queue()
        assert (row.customer_waits, item.customer_waits) == (False, False)
        assert (row.last_from, row.preview) == ("agent", ends)
        assert row.last_at == item.waiting_since == answered.last_at
        assert await ids(gw, last_from="customer") == []
        await gw.pass_time(60)
        await jo.say(goes_on)
        row, [item] = await only(gw), await gw.services.desk.queue()
        assert (row.customer_waits, item.customer_waits) == (True, True)
        assert row.last_at == item.waiting_since == gw.clock.now()


@pytest.mark.parametrize(("asked", "said", "waits"), [
    ("Shall I send a new one?", "ok, thanks", True),
    ("Shall I send a new one?", "👍", True),
    ("I can send a new one.", "yes, thanks", True),
    ("Can I do anything else for you?", "Thanks, that is all", False),
    ("Can I do anything else for you?", "No, thank you", False),
    ("Follow it at https://lindenhof.example/p?id=4 then.", "ok, thanks Ana", False),
])  # fmt: skip
async def test_thanks_may_be_the_answer_to_a_question(
    tmp_path: Path, asked: str, said: str, waits: bool
) -> None:
    """Then the customer waits for what was offered."""
    async with gateway_in(tmp_path) as gw:
        jo, ana = gw.customer("fake", "jo"), gw.desk_agent("Ana")
        await jo.say("a person")
        await ana.answer(await ana.claim(), asked)
        await jo.say(said)
        assert (await only(gw)).customer_waits == waits


async def test_thanks_answer_nothing(tmp_path: Path) -> None:
    """Who still waits for an answer, or was passed on since, waits on, since the first moment."""
    async with gateway_in(tmp_path) as gw:
        jo, ana = gw.customer("fake", "jo"), gw.desk_agent("ana")
        await jo.say("a person")
        began = gw.clock.now()
        await gw.pass_time(60)
        card = await ana.claim()
        await jo.say("thanks")
        [item] = await gw.services.desk.queue()
        assert (item.customer_waits, item.waiting_since) == (True, began)
        await ana.answer(card, "A colleague knows more.")
        await gw.pass_time(60)
        epoch = card.conversation.epoch
        await gw.services.desk.transfer(card.conversation.id, ANA, epoch=epoch, tier="front")
        await gw.services.desk.claim(card.conversation.id, BEN, epoch=epoch + 1)
        await gw.pass_time(60)
        await jo.say("ok, thanks")
        assert (await only(gw)).customer_waits
        assert all(item.customer_waits for item in await gw.services.desk.queue())


async def test_an_upgrade_finds_the_last_messages(tmp_path: Path) -> None:
    """What the migration takes from older rows is what turns would have written."""
    async with gateway_in(tmp_path) as gw:
        for name, words in (("a", "hello"), ("b", "a person"), ("c", "a person")):
            await gw.customer("fake", name).say(words)
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        await gw.pass_time(60)
        await ana.answer(card, "Here I am")
        database = gw.gateway.store.database
        columns = ("last_at", "last_from", "agent_id", "skills")
        query = select(*(conversations.c[name] for name in columns)).order_by(conversations.c.id)
        before = await database.read(lambda c: c.execute(query).all())
        assert {row.last_from for row in before} == {"bot", "agent"}
        await migrate_back(database, "0010")
        await migrate(database)
        assert await database.read(lambda c: c.execute(query).all()) == before


async def test_pages_hold_still_while_rows_move(tmp_path: Path) -> None:
    """A conversation that gets a message goes to the front; the pages behind show each of the
    others once."""
    async with gateway_in(tmp_path) as gw:
        customers = [gw.customer("fake", f"c{number}") for number in range(9)]
        for customer in customers:
            await gw.pass_time(1)
            await customer.say("hello")
        seen: list[int] = []
        after: ListPosition | None = None
        for _ in range(3):
            page = await gw.services.desk.conversations(ALL, after=after, most=3)
            seen += [item.conversation.id for item in page.items]
            after = page.following
            await gw.pass_time(1)
            await customers[0].say("again")  # the last one of the list, until now
        assert after is None
        assert seen == [9, 8, 7, 6, 5, 4, 3, 2]
        assert (await ids(gw))[0] == 1


async def test_two_of_the_same_moment_are_on_different_pages(tmp_path: Path) -> None:
    """The id decides where times are equal."""
    async with gateway_in(tmp_path) as gw:
        for number in range(5):
            await gw.customer("fake", f"c{number}").say("hello")
        found: list[int] = []
        after = None
        for _ in range(5):
            page = await gw.services.desk.conversations(ALL, after=after, most=1)
            found += [item.conversation.id for item in page.items]
            after = page.following
        assert found == [5, 4, 3, 2, 1]
        assert after is None


async def test_lists_and_filters(tmp_path: Path) -> None:
    """Each list has its state; filters restrict it; what others have can be left out."""
    async with gateway_in(tmp_path) as gw:
        for name, words in (("a", "hello"), ("b", "a person"), ("c", "a person"), ("d", "person")):
            await gw.pass_time(1)
            await gw.customer("fake", name).say(words)
        await gw.services.desk.claim(2, ANA, epoch=0)
        await gw.services.desk.claim(3, BEN, epoch=0)
        for name, expected in (
            ("waiting", [4]), ("mine", [2]), ("colleagues", [3]), ("bot", [1]), ("resolved", []),
            ("snoozed", []), ("all", [4, 3, 2, 1]),
        ):  # fmt: skip
            assert await ids(gw, list=name) == expected, name
        assert await ids(gw, colleagues=False) == [4, 2, 1]
        assert await ids(gw, last_from="us") == [4, 3, 2, 1]
        assert await ids(gw, last_from="customer") == []
        assert await ids(gw, person=BEN.id) == [3]
        assert await ids(gw, channel="other") == []
        assert await ids(gw, brands=("north",)) == []
        await gw.services.desk.label(3, BEN, add=["refund", "two-words"])
        assert await ids(gw, label="refund") == [3]
        assert await ids(gw, label="fund") == []
        assert await ids(gw, label="%") == []
        await gw.services.desk.snooze(2, ANA, until=None, epoch=1)
        assert await ids(gw, list="snoozed") == [2]
        assert await ids(gw, list="mine") == []
        await gw.services.desk.resolve(3, BEN, epoch=1)
        assert await ids(gw, list="resolved", person=BEN.id) == [3]


async def test_counts_end_at_their_bound(tmp_path: Path) -> None:
    """However many there are, no more are counted."""
    async with gateway_in(tmp_path) as gw:
        for number in range(5):
            await gw.customer("fake", f"c{number}").say("hello")
        counts = await gw.services.desk.list_counts(ALL, most=3)
        assert dict(counts) == {"mine": 0, "bot": 3, "colleagues": 0, "snoozed": 0}


@pytest.mark.parametrize(("skills", "found"), [
    (("refunds", "de"), True),
    (("x" * 60,) * 19 + ("refunds",), False),
    (("it's 100%_\\ \"odd\"", "refunds"), True),
])  # fmt: skip
async def test_conversations_are_found_by_skills(
    tmp_path: Path, skills: Sequence[str], found: bool
) -> None:
    """By whole names. More than an index row holds are left out: they break no turn."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "a").say("a person")
        card = await gw.desk_agent("ana").claim()
        skills = tuple(f"{skill}{number}" if len(skill) == 60 else skill
                       for number, skill in enumerate(skills))  # fmt: skip
        await gw.services.desk.transfer(
            card.conversation.id, ANA, epoch=card.conversation.epoch, tier="front", skills=skills
        )
        assert (await ids(gw, skill="refunds") == [1]) is found
        assert await ids(gw, skill="refund") == []
        assert await ids(gw, skill=skills[0]) == [1]
        query = select(conversations.c.skills)
        stored = await gw.gateway.store.database.read(lambda c: c.execute(query).scalar_one())
        assert len(stored.encode()) <= LISTED_SKILLS
