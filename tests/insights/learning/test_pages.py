"""Leads see proposals at the desk, and decide on them without scripts."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from gateway import SetValue
from gateway.testing import FakeClock
from plugins.insights.learning.deciding import MOST_SENTENCES
from plugins.insights.learning.model import ProposalDecision, ProposalDraft, ProposalTarget
from tests.agents_desk.conftest import Visit, as_config, user
from tests.insights.learning.conftest import LATER, people
from tests.insights.learning.shop import Shop, open_shop

pytestmark = pytest.mark.sqlite  # `prepared` is a file that is copied


@pytest.fixture
async def changing(prepared: Path, tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop with the proposals of `prepare`."""
    shutil.copytree(prepared / "var", tmp_path / "var")
    async with open_shop(tmp_path, users=people(), clock=FakeClock(LATER)) as shop:
        yield shop


async def signed_in(shop: Shop, http: ClientSession, name: str = "ana") -> Visit:
    visit = Visit(http, shop.running.url)
    await visit.sign_in(name)
    return visit


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


def words(page: str) -> str:
    """The text of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_a_lead_reads_adopts_and_rolls_back(changing: Shop, http: ClientSession) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals")
    assert "Reviewers find 7 of 10 answers about refund wrong." in words(ana.page)
    await ana.open("/desk/proposals/2")
    row, newest = ana.field("row"), ana.field("newest")
    adopted = await ana.send("/desk/proposals/2", row=row, newest=newest, do="adopt", why="shorter")
    assert adopted.status == 200
    assert "Adopted by ana" in words(ana.page)
    row, newest = ana.field("row"), ana.field("newest")
    await ana.send("/desk/proposals/2", row=row, newest=newest, do="take_back", why="no")
    assert "Rolled back" in words(ana.page)


async def test_the_second_of_two_leads_gets_a_clear_conflict(
    changing: Shop, http: ClientSession
) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/2")
    row, newest = ana.field("row"), ana.field("newest")
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as other:
        ben = await signed_in(changing, other, "ben")
        await ben.open("/desk/proposals/2")
        await ben.send("/desk/proposals/2", row=row, newest=newest, do="adopt", why="better")
    late = await ana.send("/desk/proposals/2", row=row, newest=newest, do="decline", why="no")
    assert late.status == 409
    assert "Proposal 2 is adopted by desk:ben already; look at it again." in words(ana.page)


async def test_a_lead_edits_and_it_is_evaluated_again(changing: Shop, http: ClientSession) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/2/edit")
    row = ana.field("row")
    body = "It is back within 5 working days.\nWe write to you then."
    response = await ana.send("/desk/proposals/2/edit", row=row, body=body)
    assert response.url.path == "/desk/proposals/2"
    text = words(ana.page)
    assert "edited by ana" in text
    assert "It is back within {days} working days." in text
    assert "All facts are kept" in text


async def test_what_is_wrong_with_an_edit_is_said_and_the_words_stay(
    changing: Shop, http: ClientSession
) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/1/edit")
    response = await ana.send(
        "/desk/proposals/1/edit", row=ana.field("row"), intent="!!", body="We do."
    )
    assert response.status == 422
    assert "An intent's name has 1 to 60 letters" in words(ana.page)
    assert "We do." in ana.page


async def test_a_new_intent_is_answered_once_it_is_adopted(
    changing: Shop, http: ClientSession
) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/1")
    await ana.send(
        "/desk/proposals/1",
        row=ana.field("row"),
        newest=ana.field("newest"),
        do="adopt",
        why="many ask",
    )
    max_ = changing.customer("max")
    await max_.say("do you offer gift wrapping")
    assert "We wrap any bag for free." in max_.heard[-1]


async def test_a_phrase_to_avoid_gets_a_replacement_and_the_bot_uses_it(
    changing: Shop, http: ClientSession
) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/3/edit")
    await ana.send(
        "/desk/proposals/3/edit",
        row=ana.field("row"),
        phrase="here from nine",
        instead="there for you from nine",
    )
    await ana.send(
        "/desk/proposals/3",
        row=ana.field("row"),
        newest=ana.field("newest"),
        do="adopt",
        why="warmer",
    )
    assert "Adopted by ana" in words(ana.page)
    max_ = changing.customer("max")
    await max_.say("when are you open")
    assert "We are there for you from nine to five" in max_.heard[-1]


async def test_without_a_word_why_nothing_is_decided(changing: Shop, http: ClientSession) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/2")
    response = await ana.send(
        "/desk/proposals/2", row=ana.field("row"), newest="1", do="decline", why=""
    )
    assert response.status == 422
    assert "Say why in a word" in words(ana.page)


async def test_agents_do_not_see_proposals(changing: Shop, http: ClientSession) -> None:
    cleo = await signed_in(changing, http, "cleo")
    assert (await cleo.open("/desk/proposals")).status == 403
    assert (await cleo.open("/desk/proposals/1")).status == 403


async def test_an_unknown_proposal_is_not_found(changing: Shop, http: ClientSession) -> None:
    ana = await signed_in(changing, http)
    assert (await ana.open("/desk/proposals/99")).status == 404
    assert (await ana.open("/desk/proposals/x")).status == 404


async def test_the_effect_is_shown_with_its_interval(changing: Shop, http: ClientSession) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/5")
    text = words(ana.page)
    assert "−31 points (−40 to −21)" in text
    assert "cannot be told" in text


async def test_people_limited_to_a_brand_do_not_see_what_is_about_others(
    prepared: Path, tmp_path: Path, http: ClientSession
) -> None:
    shutil.copytree(prepared / "var", tmp_path / "var")
    finn = as_config(user("finn")) | {"brands": ["north"]}
    clock = FakeClock(LATER)
    async with open_shop(tmp_path, users=[finn], clock=clock, brand="north") as shop:
        visit = await signed_in(shop, http, "finn")
        await visit.open("/desk/proposals")
        assert "refund" not in words(visit.page)
        assert (await visit.open("/desk/proposals/2")).status == 404


async def test_people_limited_to_a_brand_do_not_take_back_what_others_adopted(
    tmp_path: Path, http: ClientSession
) -> None:
    finn = as_config(user("finn")) | {"brands": ["north"]}
    async with open_shop(tmp_path, users=[finn], brand="north") as shop:
        versions, store = shop.running.services.versions, shop.learning.store
        clock = shop.running.clock
        at = ("answers", "refund", "say", "en", "body")
        draft = ProposalDraft(
            kind="answer",
            title="Change the answer",
            found="A reviewer wrote it.",
            target=ProposalTarget(at=at, intent="refund", language="en", brand="north"),
            source="review",
        )
        proposal = await store.add(draft, clock.now())
        change = SetValue(at=at, value=["Soon: {days} days."])
        await versions.adopt(
            "answers", [change], after=0, author="desk:finn", why="a", proposal="1"
        )
        decision = ProposalDecision(by="desk:finn", at=clock.now(), why="a", version=1)
        await store.change(proposal.replace(state="adopted", decision=decision))
        visit = await signed_in(shop, http, "finn")
        await visit.open("/desk/proposals/1")
        csrf = visit.field("csrf")
        other = SetValue(at=("answers", "opening_hours", "say", "en", "body"), value=["Always."])
        await versions.adopt("answers", [other], after=1, author="desk:ana", why="secret")
        await visit.open("/desk/proposals/1")
        assert "also for other brands" in words(visit.page)
        assert "secret" not in words(visit.page)
        row = str((await store.proposal("1")).proposal.row)
        path, form = "/desk/proposals/1", {"row": row, "newest": "2", "do": "take_back", "why": "x"}
        assert (await visit.send(path, csrf=csrf, **form)).status == 422
        assert (await versions.overlay("answers")).number == 2


async def test_a_proposal_takes_no_more_sentences_than_it_can(
    changing: Shop, http: ClientSession
) -> None:
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/1/edit")
    added = "\n".join(f"sentence number {number}" for number in range(MOST_SENTENCES))
    response = await ana.send("/desk/proposals/1/edit", row=ana.field("row"), added=added)
    assert response.status == 422
    assert f"at most {MOST_SENTENCES} sentences" in words(ana.page)


async def test_an_adopted_intent_still_shows_what_came(changing: Shop, http: ClientSession) -> None:
    """The answer that it added, not what is in force since."""
    ana = await signed_in(changing, http)
    await ana.open("/desk/proposals/1")
    row, newest = ana.field("row"), ana.field("newest")
    await ana.send("/desk/proposals/1", row=row, newest=newest, do="adopt", why="often asked")
    assert "Adopted by ana" in words(ana.page)
    assert "comes: + - We wrap any bag for free." in words(ana.page)


async def test_an_intent_that_somebody_added_meanwhile_is_not_replaced(
    changing: Shop, http: ClientSession
) -> None:
    ana, versions = await signed_in(changing, http), changing.running.services.versions
    at = ("answers", "gift_wrapping", "say", "en")
    change = SetValue(at=at, value={"body": ["We do not wrap."]})
    await versions.adopt("answers", [change], after=1, author="desk:ben", why="asked")
    await ana.open("/desk/proposals/1")
    row, newest = ana.field("row"), ana.field("newest")
    form = {"row": row, "newest": newest, "do": "adopt", "why": "often asked"}
    assert (await ana.send("/desk/proposals/1", **form)).status == 422
    assert "press Evaluate again" in words(ana.page)
