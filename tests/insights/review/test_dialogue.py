"""A customer writes, the bot answers, the answer is drawn, and a person reviews it at the desk."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import Address
from plugins.insights.review.outcomes import review_outcomes
from tests.insights.review.shop import (
    ALL_RIGHT,
    ANSWERS,
    SCRIPT,
    SUGGESTED,
    ReviewedShop,
    open_shop,
    review,
)


async def suggested(shop: ReviewedShop, agent: str = "ana") -> None:
    """A customer asks for a person, and ``agent`` sends the suggestion, with a word changed."""
    await shop.write(("webchat", "jo", "I want a person, my parcel is lost"))
    worker = shop.gateway.desk_agent(agent)
    card = await worker.claim()
    await shop.write(("webchat", "jo", "Are you there? My parcel!"))
    card = await shop.services.desk.card(card.conversation.id)
    assert card.suggestion
    text = SUGGESTED.replace("today", "at once")
    await worker.answer(card, text, suggestion=card.suggestion.id)


async def test_a_review_becomes_candidates_for_training_and_answers(tmp_path: Path) -> None:
    """A wrong intent and a better answer are outcomes; nothing else changes by them."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[0])
        await shop.next_day()
        ana = await shop.visit("ana")
        await ana.open("/desk/review")
        assert "How long does a refund take?" in ana.page
        assert ANSWERS["refund"] in ana.page
        item = await review(
            ana, intent_right="no", intent="refund_time", facts="no", better="It takes 3 days."
        )
        assert "Nothing waits for your review" in ana.page
        outcomes = await review_outcomes(shop.services)
        [example], [answer] = outcomes.examples, outcomes.answers
        assert (example.text, example.read_as, example.intent, example.agreed) == (
            "How long does a refund take?",
            "refund",
            "refund_time",
            1,
        )
        assert (answer.item, answer.answered, answer.better) == (
            item,
            ANSWERS["refund"],
            "It takes 3 days.",
        )
        assert not answer.facts_right
        eva = shop.gateway.customer("webchat", "eva2")
        await eva.say("refund?")
        assert eva.heard == [ANSWERS["refund"]]


async def test_each_answer_is_drawn_once_and_with_its_probability(tmp_path: Path) -> None:
    """With a budget for all, all are drawn; the next day draws only what is new."""
    async with open_shop(tmp_path) as shop:
        await shop.write(*SCRIPT)
        await shop.next_day()
        first = await shop.sheet()
        assert [item.channel for item in first.items] == [c for c, _, _ in SCRIPT]
        assert {item.probability for item in first.items} == {1.0}
        await shop.write(SCRIPT[0])
        await shop.next_day()
        assert len((await shop.sheet()).items) == len(SCRIPT) + 1


async def test_a_budget_is_kept(tmp_path: Path) -> None:
    """A budget of 14 a week draws two of a day's five answers."""
    async with open_shop(tmp_path, per_week=14) as shop:
        await shop.write(*SCRIPT)
        await shop.next_day()
        items = (await shop.sheet()).items
        assert len(items) == 2
        assert all(0 < item.probability < 1 for item in items)


async def test_nobody_reviews_their_own_suggestion(tmp_path: Path) -> None:
    """Ana sent it, so it waits for Ben, who is not told who sent it."""
    async with open_shop(tmp_path) as shop:
        await suggested(shop)
        await shop.next_day()
        [sent] = [item for item in (await shop.sheet()).items if item.kind == "suggestion"]
        assert sent.agent == "desk:ana"
        assert "escalated" in sent.why
        ana, ben = await shop.visit("ana"), await shop.visit("ben")
        assert (await ana.open(f"/desk/review?item={sent.id}")).status == 200
        assert "at once" not in ana.page
        refused = await ana.send("/desk/review", item=sent.id, action="skip")
        assert refused.status == 404
        await ben.open(f"/desk/review?item={sent.id}")
        assert "at once" in ben.page
        assert "Ana" not in ben.page.partition("<main")[2]


async def test_a_language_waits_for_somebody_who_reads_it(tmp_path: Path) -> None:
    """Ana reads no German and is told what waits; Ben reads it."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[4])
        await shop.next_day()
        ana, ben = await shop.visit("ana"), await shop.visit("ben")
        await ana.open("/desk/review")
        assert "1 answer waits for somebody who reads German." in " ".join(ana.page.split())
        await ana.open("/desk/review/results")
        assert "1 in German waits." in " ".join(ana.page.split())
        await ben.open("/desk/review")
        assert "Wo ist mein parcel?" in ben.page


async def test_two_reviewers_do_not_see_each_others_review(tmp_path: Path) -> None:
    """Both get the answer with an empty form, and both reviews count."""
    async with open_shop(tmp_path, double_share=1) as shop:
        await shop.write(SCRIPT[0])
        await shop.next_day()
        ana, ben = await shop.visit("ana"), await shop.visit("ben")
        item = await review(ana, facts="no", tag="bad", comment="Too short")
        await ben.open("/desk/review/examples")
        assert "0 examples" in ben.page
        await ben.open("/desk/review")
        assert "Too short" not in ben.page
        assert 'value="no" required checked' not in ben.page
        assert await review(ben) == item
        assert {j.facts for j in (await shop.sheet()).judgements} == {True, False}
        cleo = await shop.visit("cleo")
        await cleo.open("/desk/review")
        assert "Nothing waits for your review" in cleo.page


async def test_a_review_can_be_skipped_changed_and_taken_back(tmp_path: Path) -> None:
    """A skipped answer goes to others; the last review can be changed."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[0])
        await shop.next_day()
        ana, ben = await shop.visit("ana"), await shop.visit("ben")
        await ana.open("/desk/review")
        item = ana.field("item")
        await ana.send("/desk/review", item=item, action="skip")
        assert "Nothing waits for your review" in ana.page
        assert await review(ben, comment="Fine") == item
        await ben.open("/desk/review?again=last")
        assert 'value="Fine"' in ben.page
        await ben.send("/desk/review", item=item, action="undo", again="1")
        assert "An answer of the bot" in ben.page
        assert [j.skipped for j in (await shop.sheet()).judgements] == [True]


async def test_an_intent_may_be_written_as_people_read_it(tmp_path: Path) -> None:
    """A known one gets its code, also that which was read; a new one keeps its words."""
    async with open_shop(tmp_path) as shop:
        await shop.write(*SCRIPT[:4])
        await shop.next_day()
        ana = await shop.visit("ana")
        await review(ana, intent_right="no", intent="Billing")
        await review(ana, intent_right="no", intent="Bike  advice")
        assert {j.intent for j in (await shop.sheet()).judgements} == {"billing", "Bike_advice"}


async def test_a_form_that_is_sent_twice_counts_once(tmp_path: Path) -> None:
    """The second time shows the next answer, too, and changes nothing."""
    async with open_shop(tmp_path) as shop:
        await shop.write(*SCRIPT[:2])
        await shop.next_day()
        ana = await shop.visit("ana")
        item = await review(ana)
        response = await ana.send("/desk/review", **{**ALL_RIGHT, "item": item})
        assert response.status == 200
        assert ana.field("item") != item
        assert [said.facts for said in (await shop.sheet()).judgements] == [True]


async def test_another_opinion_of_a_judged_answer_is_not_lost(tmp_path: Path) -> None:
    """An old page is sent with something else: the words stay, and saving again replaces."""
    async with open_shop(tmp_path) as shop:
        await shop.write(*SCRIPT[:2])
        await shop.next_day()
        ana = await shop.visit("ana")
        item = await review(ana)
        other = {**ALL_RIGHT, "item": item, "facts": "no", "comment": "the price is old"}
        response = await ana.send("/desk/review", **other)
        assert response.status == 422
        assert "You have judged this answer already" in ana.page
        assert "the price is old" in ana.page
        assert ana.field("again") == "1"
        await ana.send("/desk/review", **other, again="1")
        assert [said.facts for said in (await shop.sheet()).judgements] == [False]
        await ana.open(f"/desk/review?item={item}")
        assert "the price is old" in ana.page


async def test_an_incomplete_form_keeps_what_was_typed(tmp_path: Path) -> None:
    """It says what is missing, and nothing is stored."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[0])
        await shop.next_day()
        ana = await shop.visit("ana")
        await ana.open("/desk/review")
        item = ana.field("item")
        response = await ana.send("/desk/review", item=item, action="save", better="Hello Eva")
        assert response.status == 422
        assert "Please answer each question" in ana.page
        assert "Hello Eva" in ana.page
        assert (await shop.sheet()).judgements == ()


async def test_only_reviewers_see_the_pages(tmp_path: Path) -> None:
    """Leads, and agents whom the settings name."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[0])
        await shop.next_day()
        dan, cleo = await shop.visit("dan"), await shop.visit("cleo")
        for path in ("", "/examples", "/voice", "/results"):
            assert (await dan.open(f"/desk/review{path}")).status == 403
            assert (await cleo.open(f"/desk/review{path}")).status == 200
        await cleo.open("/desk/review")
        assert "How long does a refund take?" in cleo.page


async def test_brand_limited_people_review_only_their_brands(tmp_path: Path) -> None:
    """Lea works for the brand `south` alone."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[0], ("sms/south", "kim", "refund please"))
        await shop.next_day()
        lea = await shop.visit("lea")
        await review(lea)
        assert "Nothing waits for your review" in lea.page
        [judged] = (await shop.sheet()).judgements
        [item] = [item for item in (await shop.sheet()).items if item.id == judged.item]
        assert item.brand == "south"
        other = next(item for item in (await shop.sheet()).items if item.brand == "")
        await lea.open(f"/desk/review?item={other.id}")
        assert "How long does a refund take?" not in lea.page


async def test_views_and_reviews_are_in_the_audit_log(tmp_path: Path) -> None:
    """With ids only."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[0])
        await shop.next_day()
        item = await review(await shop.visit("ana"), comment="secret words")
        lines = await shop.services.audit.lines(who="desk:ana")
        found = [(line.what, line.conversation, line.detail) for line in lines]
        assert ("viewed", 1, f"review {item}") in found
        assert ("reviewed", 1, f"review {item}") in found
        assert "secret" not in str(lines)


async def test_examples_are_listed_without_personal_data(tmp_path: Path) -> None:
    """By tag, channel, language and intent."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[3])
        await shop.next_day()
        ana = await shop.visit("ana")
        await review(ana, tag="good", better="Call +49 170 1234567")
        await ana.open("/desk/review/examples?tag=good&channel=webchat")
        assert "1 example" in ana.page
        assert "When do you open?" in ana.page
        assert "1234567" not in ana.page
        await ana.open("/desk/review/examples?tag=bad")
        assert "0 examples" in ana.page


async def test_what_customers_write_is_shown_as_text(tmp_path: Path) -> None:
    """Never as markup, on every page."""
    async with open_shop(tmp_path) as shop:
        await shop.write(*SCRIPT[1:3])
        await shop.next_day()
        ana = await shop.visit("ana")
        for _ in range(2):
            await review(ana, tag="bad", comment="<i>now</i>")
        item = next(item for item in (await shop.sheet()).items if item.channel == "sms")
        for path in (f"?item={item.id}", "/examples", "/voice?month=2026-03"):
            await ana.open(f"/desk/review{path}")
            assert "&lt;i&gt;now&lt;/i&gt;" in ana.page
            assert "<i>" not in ana.page


async def test_a_months_answers_stand_side_by_side(tmp_path: Path) -> None:
    """The same kind of case on each channel; a verdict is stored with the answer that differs."""
    async with open_shop(tmp_path) as shop:
        await shop.write(*SCRIPT)
        await shop.next_day()
        ana = await shop.visit("ana")
        await ana.open("/desk/review/voice?month=2026-03")
        assert ana.page.count('<section class="rv-kind"') == 1
        for channel in ("Web chat", "E-mail", "SMS"):
            assert f"<b>{channel}</b>" in ana.page
        sample = ana.field("sample")
        await ana.send("/desk/review/voice", sample=sample, one_voice="no")
        assert "Please choose the channel" in ana.page
        await ana.send(
            "/desk/review/voice", sample=sample, one_voice="no", channel="sms", comment="curt"
        )
        assert "Saved." in ana.page
        assert 'value="curt"' in ana.page
        await shop.gateway.gateway.store.customers.erase(Address(channel="sms", value="gus"))
        await ana.open("/desk/review/voice?month=2026-03")
        assert "curt" not in ana.page
        assert "<b>SMS</b>" not in ana.page


@pytest.mark.sqlite
async def test_an_erased_customer_leaves_no_trace_in_reviews(tmp_path: Path) -> None:
    """Neither in the database nor in a file: not the words, not the review, not the sample. The
    figures are about the others."""
    async with open_shop(tmp_path) as shop:
        await shop.write(SCRIPT[0], ("webchat", "zoe", "refund for Zolantha please"))
        await shop.next_day()
        ana = await shop.visit("ana")
        for _ in range(2):
            await review(ana, better="Dear Zolantha, 3 days.", comment="Zolantha is right",
                         intent_right="no", intent="refund_time", tag="bad")  # fmt: skip
        held = await shop.gateway.gateway.store.customers.export(
            Address(channel="webchat", value="zoe")
        )
        assert "Zolantha is right" in str(held)
        erased = Address(channel="webchat", value="eva")
        zoe = Address(channel="webchat", value="zoe")
        _, files = await shop.gateway.gateway.store.customers.erase(erased)
        _, more = await shop.gateway.gateway.store.customers.erase(zoe)
        await shop.gateway.gateway.files.forget((*files, *more))
        sheet = await shop.sheet()
        assert (sheet.items, sheet.judgements) == ((), ())
        assert (await review_outcomes(shop.services)).examples == ()
        for path in ("/desk/review/examples", "/desk/review/voice?month=2026-03"):
            await ana.open(path)
            assert "Zolantha" not in ana.page
        traces = [
            file.name
            for file in (tmp_path / "var").rglob("*")
            if file.is_file() and b"Zolantha" in file.read_bytes()
        ]
        assert traces == []


async def test_an_empty_page_says_why_and_what_fills_it(tmp_path: Path) -> None:
    """Before the first day has ended, and when all that was drawn is reviewed."""
    async with open_shop(tmp_path) as shop:
        ana = await shop.visit("ana")
        await ana.open("/desk/review")
        assert "No answer of the last 14 days has been drawn yet." in ana.page
        assert "what is answered today may be here tomorrow" in ana.page
        await shop.write(SCRIPT[0])
        await shop.next_day()
        ana = await shop.visit("ana")  # the session of yesterday is over
        await ana.open("/desk/review")
        await review(ana)
        assert "You reviewed 1 answer in the last seven days." in ana.page
        assert "1 answer was drawn in the last 14 days." in ana.page
