"""Questions that come again in old mails become answers of an empty shop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import GAP
from gateway.ops.customer_data import CustomerData
from plugins.insights.learning.deciding import NotAdoptable, ProposalChange
from plugins.insights.learning.evaluation import BESIDE_OPEN
from plugins.insights.learning.model import WholeProposal
from plugins.insights.learning.printing import write_all
from plugins.insights.tickets.search import TicketSearch
from tests.insights.learning.shop import Shop
from tests.insights.tickets.shop import (
    GIFTS,
    PHONE,
    RETURNS,
    RETURNS_DE,
    import_mails,
    open_empty_shop,
    returns,
)
from tests.traces import in_database, in_files

SIGNED = "Dear customer,\n{}\nKind regards"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_empty_shop(tmp_path) as found:
        yield found


async def learn(shop: Shop) -> list[WholeProposal]:
    """The open proposals after a round, the first made first."""
    await shop.learning.learn()
    listed = await shop.learning.store.listed("open")
    return [await shop.learning.decisions.current(each.id) for each in reversed(listed)]


async def adopt(shop: Shop, id: str) -> None:
    row = (await shop.learning.decisions.current(id)).proposal.row
    newest = await shop.running.services.versions.overlay("answers")
    await shop.learning.decisions.adopt(
        id, row=row, after=newest.number, author="desk:ana", why="right"
    )


async def test_what_people_replied_answers_the_next_customer(shop: Shop) -> None:
    await import_mails(shop.running, returns(["30"] * 6))
    [proposal] = await learn(shop)
    assert proposal.text is not None
    assert proposal.text.body == ("You can return everything within 30 days.",)
    await adopt(shop, proposal.proposal.id)
    customer = shop.customer("zoe")
    await customer.say("Until when can I return an item?")
    assert "You can return everything within 30 days." in customer.heard[-1]


async def test_each_matter_is_a_proposal_with_its_evidence(shop: Shop) -> None:
    await import_mails(shop.running, returns(["30"] * 6))
    await import_mails(shop.running, [(q, SIGNED.format("We wrap gifts for free.")) for q in GIFTS])
    proposals = await learn(shop)
    assert len(proposals) == 2
    for whole in proposals:
        evidence = whole.proposal.evidence
        assert (evidence["questions"], evidence["customers"]) == (6, 6)
        assert (evidence["from"], evidence["until"]) == ("2026-01-05", "2026-01-10")
        assert len(whole.sentences) >= 4
        assert whole.proposal.evaluation is not None


async def test_contradictory_facts_are_shown_and_not_chosen(shop: Shop) -> None:
    await import_mails(shop.running, returns(["30", "30", "30", "14", "14", "30"]))
    [proposal] = await learn(shop)
    assert "“30” to 4, “14” to 2" in proposal.proposal.found
    assert proposal.text is not None
    assert proposal.text.body == ("You can return everything within […] days.",)
    with pytest.raises(NotAdoptable, match="fill it in"):
        await adopt(shop, proposal.proposal.id)


async def test_replies_that_deny_what_others_affirm_are_no_answer(shop: Shop) -> None:
    yes, no = "We can wrap your order as a gift.", "We cannot wrap your order as a gift."
    mails = [(q, SIGNED.format(no if n % 2 else yes)) for n, q in enumerate(GIFTS)]
    await import_mails(shop.running, mails)
    [proposal] = await learn(shop)
    assert proposal.text is not None
    assert proposal.text.body == ("[…]",)
    assert "3 replies affirm and 3 deny the same sentence" in proposal.proposal.found
    with pytest.raises(NotAdoptable, match="fill it in"):
        await adopt(shop, proposal.proposal.id)


async def test_a_question_that_nobody_answered_needs_an_answer_first(shop: Shop) -> None:
    await import_mails(shop.running, [(question, "") for question in PHONE])
    [proposal] = await learn(shop)
    assert "nobody replied" in proposal.proposal.found
    with pytest.raises(NotAdoptable, match="an intent without an answer"):
        await adopt(shop, proposal.proposal.id)


async def test_an_answer_that_a_person_writes_is_adopted_with_the_examples(shop: Shop) -> None:
    await import_mails(shop.running, [(question, "") for question in PHONE])
    [proposal] = await learn(shop)
    await shop.learning.decisions.edit(
        proposal.proposal.id,
        ProposalChange(body=["Write to us, and we call you back."], intent="phone"),
        row=proposal.proposal.row,
        author="desk:ana",
    )
    await learn(shop)
    await adopt(shop, proposal.proposal.id)
    customer = shop.customer("zoe")
    await customer.say("What is your telephone number?")
    assert "Write to us, and we call you back." in customer.heard[-1]


async def test_one_matter_in_two_languages_is_one_proposal_with_both_answers(shop: Shop) -> None:
    await import_mails(shop.running, returns(["30"] * 6))
    german = "Sie können alles innerhalb von 30 Tagen zurückgeben."
    await import_mails(shop.running, [(q, german) for q in RETURNS_DE], language="de")
    [proposal] = await learn(shop)
    assert proposal.proposal.evidence["languages"] == {"en": 6, "de": 3}
    assert [(text.language, text.body) for text in proposal.more_texts] == [("de", (german,))]
    await adopt(shop, proposal.proposal.id)
    customer = shop.customer("zoe")
    await customer.say("Bis wann kann ich einen Artikel zurückgeben? Wann haben Sie Zeit?")
    name = proposal.proposal.target.intent
    at = ("answers", name, "say", "de")
    assert await shop.running.services.trials.in_force("answers", at) == {"body": [german]}


async def test_what_agents_reply_today_is_drafted_too(shop: Shop) -> None:
    agent = shop.running.desk_agent("ben")
    for number, question in enumerate(GIFTS):
        await shop.customer(f"c{number}").say(f"{question} I am furious.")
        card = await agent.claim()
        await agent.answer(card, "We wrap gifts for free.")
        await agent.resolve(card)
    shop.learning.tickets = [TicketSearch(services=shop.running.services).drafts]
    [proposal] = await learn(shop)
    assert proposal.text is not None
    assert proposal.text.body == ("We wrap gifts for free.",)


async def test_texts_too_short_to_tell_a_language_join_that_of_their_group(shop: Shop) -> None:
    mails = returns(["30"] * 6)
    await import_mails(shop.running, mails[:4])
    await import_mails(shop.running, mails[4:], language="")
    [proposal] = await learn(shop)
    assert proposal.proposal.evidence["languages"] == {"en": 6}
    assert proposal.proposal.evidence["answered_by_people"] == 6


async def test_questions_with_gaps_are_examples_only_where_others_are_few(shop: Shop) -> None:
    mails = returns(["30"] * 6)
    mails.append(("How long may I keep my Xylophone before I return it?", mails[0][1]))
    await import_mails(shop.running, mails)
    [proposal] = await learn(shop)
    assert proposal.proposal.evidence["questions"] == 7
    assert [each.text for each in proposal.sentences if GAP in each.shown] == []


async def test_an_empty_shop_tells_new_intents_from_the_others_proposed(shop: Shop) -> None:
    await import_mails(shop.running, returns(["30"] * 6))
    await import_mails(shop.running, [(q, SIGNED.format("We wrap gifts for free.")) for q in GIFTS])
    for whole in await learn(shop):
        evaluation = whole.proposal.evaluation
        assert evaluation is not None
        assert BESIDE_OPEN in evaluation.notes
        assert {each.group for each in evaluation.comparisons} >= {"all", "new"}


async def test_an_evaluation_beside_others_must_be_made_again_after_an_erasure(shop: Shop) -> None:
    """Also where the erased customer's sentence is one of another proposal: a model was trained
    with it."""
    await import_mails(shop.running, returns(["30"] * 6))
    await import_mails(shop.running, [(q, SIGNED.format("We wrap gifts for free.")) for q in GIFTS])
    first, second = await learn(shop)
    assert not first.stale
    assert not second.stale
    of_second = {each.conversation for each in second.sentences}
    assert of_second.isdisjoint(each.conversation for each in first.sentences)
    [case] = await shop.running.services.records.cases_by_id([min(of_second)], imported=True)
    customer_data = shop.running.gateway.customer_data
    assert isinstance(customer_data, CustomerData)
    await customer_data.erase(case.conversation.address)
    assert (await shop.learning.decisions.current(first.proposal.id)).stale
    assert (await shop.learning.decisions.current(second.proposal.id)).stale
    await learn(shop)
    assert not (await shop.learning.decisions.current(first.proposal.id)).stale


async def test_what_the_shop_knows_is_not_proposed(tmp_path: Path) -> None:
    rows = [(question, "returns") for question in RETURNS]
    async with open_empty_shop(tmp_path, rows=rows) as shop:
        await import_mails(shop.running, returns(["30"] * 6))
        assert await learn(shop) == []


async def test_what_was_declined_is_not_proposed_again(shop: Shop) -> None:
    await import_mails(shop.running, returns(["30"] * 6))
    [proposal] = await learn(shop)
    id, row = proposal.proposal.id, proposal.proposal.row
    await shop.learning.decisions.decline(id, row=row, author="desk:ana", why="no")
    assert await learn(shop) == []


async def test_no_name_number_or_address_of_anybody_is_proposed(shop: Shop, tmp_path: Path) -> None:
    personal = ("Quokka", "Holt", "Lind", "DE8937", "4711", "numbat@mail.example")
    asked = "My name is Quokka Holt. {} My order is 4711{}, write to numbat@mail.example"
    told = "Dear Ms Quokka,\nYou can return order 4711{} within 30 days.\nRegards\nBen Lind"
    mails = [
        (asked.format(question, n), told.format(n) + f" DE893704004405320130{n:02}")
        for n, question in enumerate(RETURNS)
    ]
    await import_mails(shop.running, mails)
    [proposal] = await learn(shop)
    await write_all(shop.learning.decisions, tmp_path / "out")
    written = (tmp_path / "out" / "proposals.json").read_text("utf-8") + repr(proposal)
    assert [word for word in personal if word.casefold() in written.casefold()] == []
    assert proposal.text is not None
    assert any("within 30 days" in sentence for sentence in proposal.text.body)


async def test_erasing_a_customer_reaches_the_evidence(shop: Shop, tmp_path: Path) -> None:
    mails = returns(["30"] * 6)
    mails[0] = ("How long do I have to send my wombat back?", mails[0][1])
    await import_mails(shop.running, mails)
    [proposal] = await learn(shop)
    assert "plugin_values" in await in_database(shop.running, "wombat") or any(
        "wombat" in each.text for each in proposal.sentences
    )
    cases = await shop.running.services.records.cases(imported=True)
    customer_data = shop.running.gateway.customer_data
    assert isinstance(customer_data, CustomerData)
    for case in cases[:1]:
        await customer_data.erase(case.conversation.address)
    await write_all(shop.learning.decisions, tmp_path / "out")
    assert await in_database(shop.running, "wombat") == []
    assert in_files(tmp_path / "out", "wombat") == []
    assert (await shop.learning.decisions.current(proposal.proposal.id)).erased > 0


async def test_erasing_reaches_an_answer_in_another_language(shop: Shop) -> None:
    await import_mails(shop.running, returns(["30"] * 6))
    german = "Sie können alles innerhalb von 30 Tagen zurückgeben."
    await import_mails(shop.running, [(q, german) for q in RETURNS_DE], language="de")
    [proposal] = await learn(shop)
    [text] = proposal.more_texts
    [case] = await shop.running.services.records.cases_by_id([text.conversation], imported=True)
    customer_data = shop.running.gateway.customer_data
    assert isinstance(customer_data, CustomerData)
    await customer_data.erase(case.conversation.address)
    whole = await shop.learning.decisions.current(proposal.proposal.id)
    assert (whole.more_texts, whole.stale) == ((), True)
