"""A better answer from a review is proposed, evaluated, adopted, and rolled back."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from gateway import Adoption, ChangeRefused, Outdated, SetValue, Versions
from plugins.insights.learning.deciding import (
    NotAdoptable,
    ProposalChange,
    ProposalDecisions,
    ProposalEdit,
    is_in_force,
)
from plugins.insights.learning.model import Proposal, ProposalDraft
from plugins.insights.learning.reviews import review_drafts
from plugins.insights.learning.storage import StoredProposals
from plugins.insights.review.storage import ReviewStorage
from tests.insights.learning.shop import Shop

BETTER = "You have your money within 5 working days. We write to you when it is on its way."


async def newest(shop: Shop, kind: str = "answers") -> int:
    return (await shop.running.services.versions.overlay(kind)).number  # type: ignore[arg-type]


async def a_better_answer(shop: Shop) -> Proposal:
    """The proposal of an answer that a reviewer wrote."""
    await shop.customer("kim").say("When do I get my refund?")
    await shop.review(1, better=BETTER, tone=False)
    done = await shop.learning.learn()
    assert done.new == ("1",)
    return (await shop.learning.decisions.current("1")).proposal


async def adopt(shop: Shop, proposal: Proposal, *, after: int = 0) -> Proposal:
    adopted, _ = await shop.learning.decisions.adopt(
        proposal.id, row=proposal.row, after=after, author="desk:ana", why="clearer"
    )
    return adopted


async def test_the_next_customer_gets_the_adopted_answer_and_the_old_one_after_a_roll_back(
    shop: Shop,
) -> None:
    proposal = await a_better_answer(shop)
    kim, lea, max_ = (shop.customer(name) for name in ("kim", "lea", "max"))
    adopted = await adopt(shop, proposal)
    await lea.say("When do I get my refund?")
    assert "We write to you when it is on its way." in lea.heard[-1]
    await shop.learning.decisions.take_back(
        "1", row=adopted.row, newest=1, author="desk:ana", why="too long"
    )
    await max_.say("When do I get my refund?")
    assert "within 5 working days" in max_.heard[-1]
    assert "on its way" not in max_.heard[-1]
    assert (await shop.learning.decisions.current("1")).proposal.state == "rolled_back"
    assert kim.heard is not lea.heard


async def test_what_else_the_answer_has_stays(shop: Shop) -> None:
    """An adopted text replaces that of its language: openers and next steps are carried over."""
    proposal = await a_better_answer(shop)
    await adopt(shop, proposal)
    entry = await shop.running.services.trials.in_force("answers", ("answers", "refund"))
    assert isinstance(entry, dict)
    assert entry["say"]["en"]["next_step"] == "Is it urgent? Just say so."


async def test_a_fact_stays_a_fact_in_the_proposed_words(shop: Shop) -> None:
    await a_better_answer(shop)
    whole = await shop.learning.decisions.current("1")
    assert whole.text is not None
    assert whole.text.body[0] == "You have your money within {days} working days."
    assert whole.proposal.evaluation is not None
    assert whole.proposal.evaluation.facts_kept == ("days: 5",)


async def test_two_leads_decide_at_once_and_one_is_told_so(shop: Shop) -> None:
    proposal = await a_better_answer(shop)
    await adopt(shop, proposal)
    with pytest.raises(Outdated, match="adopted by desk:ana already"):
        await shop.learning.decisions.decline(
            "1", row=proposal.row, author="desk:ben", why="too long"
        )


async def test_an_answer_that_changed_since_is_not_adopted_before_it_is_evaluated_again(
    shop: Shop,
) -> None:
    proposal = await a_better_answer(shop)
    change = SetValue(
        at=("answers", "refund", "say", "en", "body"), value=["It takes {days} days."]
    )
    versions = shop.running.services.versions
    await versions.adopt("answers", [change], after=0, author="desk:ben", why="shorter")
    with pytest.raises(NotAdoptable, match="Evaluate again"):
        await adopt(shop, proposal, after=1)
    again = (await shop.learning.evaluate("1")).proposal
    assert (await adopt(shop, again, after=1)).state == "adopted"


async def test_what_was_seen_before_another_adoption_is_refused_and_stays_open(
    shop: Shop,
) -> None:
    proposal = await a_better_answer(shop)
    change = SetValue(
        at=("answers", "opening_hours", "say", "en", "body"), value=["From nine to six."]
    )
    versions = shop.running.services.versions
    await versions.adopt("answers", [change], after=0, author="desk:ben", why="longer")
    with pytest.raises(Outdated):
        await adopt(shop, proposal, after=0)
    assert (await shop.learning.decisions.current("1")).proposal.state == "open"


async def test_a_declined_proposal_is_not_made_again(shop: Shop) -> None:
    proposal = await a_better_answer(shop)
    await shop.learning.decisions.decline(
        "1", row=proposal.row, author="desk:ana", why="we promise nothing"
    )
    done = await shop.learning.learn()
    assert (done.new, done.updated) == ((), ())
    assert [each.state for each in await shop.learning.store.listed()] == ["declined"]


async def test_an_open_proposal_is_not_made_twice_and_an_edited_one_keeps_its_words(
    shop: Shop,
) -> None:
    proposal = await a_better_answer(shop)
    change = ProposalChange(body=["It is back within {days} working days."])
    await shop.learning.decisions.edit("1", change, row=proposal.row, author="desk:ana")
    await shop.customer("lea").say("When do I get my refund?")
    await shop.review(2, better="Within 5 working days, and we tell you.")
    done = await shop.learning.learn()
    assert (done.new, done.evaluated) == ((), ("1",))
    whole = await shop.learning.decisions.current("1")
    assert whole.text is not None
    assert whole.text.body == ("It is back within {days} working days.",)


async def test_an_answer_without_one_of_its_facts_is_refused(shop: Shop) -> None:
    proposal = await a_better_answer(shop)
    change = ProposalChange(body=["Soon."])
    await shop.learning.decisions.edit("1", change, row=proposal.row, author="desk:ana")
    whole = await shop.learning.evaluate("1")
    assert whole.proposal.evaluation is not None
    assert "never states the fact `days`" in whole.proposal.evaluation.notes[0]
    with pytest.raises(ChangeRefused):
        await adopt(shop, whole.proposal)
    assert (await shop.learning.decisions.current("1")).proposal.state == "open"


async def test_a_decision_needs_a_word_why(shop: Shop) -> None:
    proposal = await a_better_answer(shop)
    with pytest.raises(ProposalEdit, match="say why"):
        await shop.learning.decisions.decline("1", row=proposal.row, author="desk:ana", why=" ")


async def test_decisions_are_in_the_audit_log(shop: Shop) -> None:
    proposal = await a_better_answer(shop)
    await adopt(shop, proposal)
    lines = await shop.running.services.audit.lines(who="desk:ana")
    assert "answers version 1 of proposal 1" in [line.detail for line in lines]


async def test_an_adoption_that_a_crash_cut_off_is_completed(shop: Shop) -> None:
    proposal = await a_better_answer(shop)
    adopted = await adopt(shop, proposal)
    cut_off = adopted.replace(state="adopting")
    await shop.learning.store.change(cut_off)
    await shop.running.pass_time(61)
    assert (await shop.learning.decisions.current("1")).proposal.state == "adopted"


async def test_a_roll_back_elsewhere_is_seen(shop: Shop) -> None:
    proposal = await a_better_answer(shop)
    await adopt(shop, proposal)
    versions = shop.running.services.versions
    await versions.roll_back(0, kind="answers", author="cli:op", why="no")
    history = await versions.history(kind="answers")
    assert not is_in_force(history, 1)
    assert (await shop.learning.decisions.current("1")).proposal.state == "rolled_back"


async def test_who_looks_at_the_same_moment_does_not_disturb_an_adoption(shop: Shop) -> None:
    """A colleague opens the page after the version was made, and before the proposal says so."""
    proposal = await a_better_answer(shop)
    decisions, versions = shop.learning.decisions, shop.running.services.versions

    async def adopt_slowly(*args: Any, **named: Any) -> Adoption:
        done = await versions.adopt(*args, **named)
        assert (await decisions.current("1")).proposal.state == "adopting"
        return done

    slow = SimpleNamespace(
        **{name: getattr(versions, name) for name in ("overlay", "history")}, adopt=adopt_slowly
    )
    services = msgspec.structs.replace(decisions.services, versions=cast(Versions, slow))
    slowly = ProposalDecisions(services=services, store=decisions.store)
    adopted, _ = await slowly.adopt("1", row=proposal.row, after=0, author="desk:ana", why="x")
    assert adopted.state == "adopted"


async def test_new_evidence_keeps_the_rendered_answer(shop: Shop) -> None:
    await a_better_answer(shop)
    store, draft = shop.learning.store, await _draft(shop)
    before = await store.proposal("1")
    assert before.proposal.evaluation is not None
    assert before.proposal.evaluation.renderings
    [listed] = await store.listed("open")
    await store.refresh(listed, draft.replace(evidence={"more": 1}), shop.running.clock.now())
    after = await store.proposal("1")
    assert after.proposal.evaluation == before.proposal.evaluation
    [row] = await store.listed("open")
    assert row.evaluation is not None
    assert row.evaluation.renderings == ()  # not in the row that erasing does not reach


async def test_the_next_look_completes_what_a_crash_left_without_words(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_better_answer(shop)
    store = shop.learning.store
    before = await store.proposal("1")
    with monkeypatch.context() as crash:
        crash.setattr(StoredProposals, "_with_parts", _crash)
        with pytest.raises(RuntimeError):
            await store.refresh(before.proposal, await _draft(shop), shop.running.clock.now())
    assert (await store.proposal("1")).text is None
    assert (await shop.learning.learn()).updated == ("1",)
    after = await store.proposal("1")
    assert (after.text, after.examples) == (before.text, before.examples)


async def _crash(*_: object) -> Proposal:
    raise RuntimeError


async def _draft(shop: Shop) -> ProposalDraft:
    """The draft of the better answer, made again."""
    sheet = await ReviewStorage(shop.running.services.storage).sheet(date(2026, 1, 1))
    cases = await shop.running.services.records.cases_by_id([1])
    [draft] = await review_drafts(sheet, cases, shop.running.services.trials)
    return draft
