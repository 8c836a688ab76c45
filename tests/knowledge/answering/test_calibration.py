"""From which confidence the bot answers alone, and what may be promised of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from gateway import DecidedDraft, Passage, WarmlineError
from plugins.knowledge.answering.calibration import (
    CONSERVATIVE,
    NEVER,
    Decision,
    Trial,
    calibrate,
    decided_trials,
)
from plugins.knowledge.answering.calibrator import promise, read_questions
from plugins.knowledge.answering.confidence import packaged_model
from plugins.knowledge.answering.generated import ask_again, was_right
from tests.knowledge.answering.sources import SIMPLE, WordRetriever, shop_with_sources, text


def trials(*sure: tuple[float, bool]) -> list[Trial]:
    return [Trial(confidence=confidence, right=right) for confidence, right in sure]


def test_the_bound_counts_one_more_wrong_answer_than_was_seen() -> None:
    """40 right answers and none wrong promise 1 in 40."""
    made = calibrate(trials(*[(0.9, True)] * 40), wrong_at_most=0.05, least=0.5)
    assert (made.threshold, made.sent, made.wrong, made.bound) == (0.9, 40, 0, 1 / 40)
    assert "at most 2.5% of what is sent alone is wrong" in made.sentence()


def test_too_few_questions_promise_nothing() -> None:
    """19 right answers cannot promise one in twenty: the conservative threshold applies."""
    made = calibrate(trials(*[(0.95, True)] * 19), wrong_at_most=0.05, least=0.5)
    assert (made.threshold, made.bound) == (CONSERVATIVE, None)
    assert made.sentence().startswith("too few questions to promise 5%")


def test_the_threshold_is_never_below_what_other_shops_needed() -> None:
    """Questions made from headings are easier than those of customers."""
    made = calibrate(trials(*[(0.3, True)] * 100), wrong_at_most=0.05, least=0.6)
    assert made.threshold == CONSERVATIVE


def test_questions_with_one_confidence_are_sent_together() -> None:
    """A threshold cannot part them, whatever their order."""
    mixed = trials(*[(0.8, True)] * 30, *[(0.8, False)] * 30)
    assert calibrate(mixed, wrong_at_most=0.05, least=0.5).bound is None


def test_the_promise_holds_for_questions_of_the_same_kind() -> None:
    """Over 300 simulated shops, the mean share of wrong answers stays below the promise."""
    rng = random.Random(1)  # noqa: S311  (no secret)

    def asked(count: int) -> list[Trial]:
        sure = [rng.random() for _ in range(count)]
        return [Trial(confidence=c, right=rng.random() < c**0.3) for c in sure]

    wrong = []
    for _ in range(300):
        made = calibrate(asked(300), wrong_at_most=0.1, least=0.0)
        sent = [t for t in asked(300) if t.confidence >= made.threshold]
        wrong.append(sum(not t.right for t in sent) / max(1, len(sent)))
    assert sum(wrong) / len(wrong) <= 0.1


async def test_a_shop_calibrates_on_questions_from_its_sources(tmp_path: Path) -> None:
    """Headings ask for their passages; hidden, their documents leave only wrong answers."""
    async with shop_with_sources(tmp_path) as shop:
        for number in range(30):
            words = f"The answer about matter{number:02} thing{number:02} is here."
            await shop.put(
                f"Page {number:02}", text(words, f"Matter{number:02} and thing{number:02}")
            )
        assert await promise(shop.gw.services, wrong_at_most=0.05) == ""
        made = await shop.answers.calibrate(shop.gw.services)
        assert await promise(shop.gw.services, wrong_at_most=0.05) == made.sentence()
        assert made.asked == 45  # the headings with their titles, and half of them while hidden
        assert made.bound is not None
        assert made.bound <= 0.05
        again = await shop.answers.calibrator.load(shop.gw.services)
        assert again == made


def test_questions_of_people_are_read_from_a_file(tmp_path: Path) -> None:
    """Each has the right words, or `person`."""
    path = tmp_path / "asked.csv"
    path.write_text("text,answer\nDo you ship?,we ship\nI am hurt,person\n", "utf-8")
    first, second = read_questions(path)
    assert (first.fragment, second.fragment, first.generated) == ("we ship", "", False)


def test_a_question_without_an_answer_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "asked.csv"
    path.write_text("text,answer\nDo you ship?,\n", "utf-8")
    with pytest.raises(WarmlineError, match=r"asked.csv:2: .*`person`"):
        read_questions(path)


def test_the_packaged_model_fits_the_features() -> None:
    """Other features need another model; loading it says so."""
    model = packaged_model()
    assert 0.5 < model.threshold < CONSERVATIVE


def decision(number: int, **changes: Any) -> Decision:
    """A right decision of its own passage and customer; three agents take turns."""
    agent = ("desk:ana", "desk:ben", "desk:cleo")[number % 3]
    made = Decision(confidence=0.9, right=True, passage=number, customer=number, agent=agent)
    return made.replace(**changes)


def counted(decisions: Sequence[Decision]) -> int:
    return sum(not trial.repeated for trial in decided_trials(decisions))


@pytest.mark.parametrize(
    ("changes", "counts"),
    [({}, 40), ({"passage": 1}, 10), ({"customer": 1}, 3), ({"agent": "desk:ana"}, 0)],
)
def test_decisions_about_one_thing_count_so_often(changes: dict[str, Any], counts: int) -> None:
    """Of 40 decisions ten about one passage count, three about one customer's messages, and none
    where one agent made them all."""
    assert counted([decision(number, **changes) for number in range(40)]) == counts


def test_one_agent_counts_at_most_as_often_as_the_others() -> None:
    """Of Ana's 30 decisions the newest ten count beside ten of others."""
    by_ana = [decision(number, agent="desk:ana") for number in range(30)]
    by_others = [decision(number, agent=f"desk:{number}") for number in range(30, 40)]
    trials = decided_trials([*by_ana, *by_others])
    assert [not trial.repeated for trial in trials] == [True] * 10 + [False] * 20 + [True] * 10


def test_a_question_that_comes_often_makes_no_promise_alone() -> None:
    """A hundred right answers from one passage are ten, and ten cannot promise one in twenty."""
    often = decided_trials([decision(n, passage=1) for n in range(100)])
    assert calibrate(often, wrong_at_most=0.05, least=0.5).bound is None


def test_a_wrong_answer_that_comes_often_breaks_the_promise() -> None:
    """Counted ten times, it would be few of all; customers get it a hundred times."""
    right = [decision(number) for number in range(400)]
    wrong = [decision(500 + n, passage=500, right=False) for n in range(100)]
    made = calibrate(decided_trials([*right, *wrong]), wrong_at_most=0.05, least=0.5)
    assert (made.bound, made.threshold) == (None, NEVER)
    assert (made.asked, made.sent, made.wrong) == (500, 500, 100)


def test_where_people_correct_sure_answers_none_is_sent_alone() -> None:
    """Too few questions leave the conservative threshold; enough of them, and wrong, leave none."""
    few = [decision(n, right=n % 3 > 0) for n in range(19)]
    assert calibrate(decided_trials(few), wrong_at_most=0.05, least=0.5).threshold == CONSERVATIVE
    many = [decision(n, right=n % 3 > 0) for n in range(120)]
    made = calibrate(decided_trials(many), wrong_at_most=0.05, least=0.5)
    assert made.threshold == NEVER
    assert made.sentence() == (
        "no promise of 5% can be kept, by 120 questions (120 of people, 120 of these by what "
        "agents made of drafts): of the 120 surest answers 40 are wrong; nothing is sent without "
        "asking back"
    )


def test_made_questions_do_not_outvote_people() -> None:
    """400 right answers to headings promise nothing where people correct ten of 30."""
    made = trials(*[(0.9, True)] * 400)
    few = decided_trials([decision(n, right=n % 3 > 0) for n in range(30)])
    assert calibrate(made, wrong_at_most=0.05, least=0.5).bound == 1 / 400
    both = calibrate([*made, *few], wrong_at_most=0.05, least=0.5)
    assert (both.bound, both.threshold) == (None, NEVER)
    good = decided_trials([decision(n, right=n > 0) for n in range(30)])
    assert calibrate([*made, *good], wrong_at_most=0.05, least=0.5).bound == 2 / 430


def test_decisions_that_hold_promise_what_they_show() -> None:
    """120 right ones of three agents about many passages promise one in 120."""
    made = calibrate(
        decided_trials([decision(n) for n in range(120)]), wrong_at_most=0.05, least=0.5
    )
    assert (made.real, made.decided, made.bound) == (120, 120, 1 / 120)
    assert "120 questions (120 of people, 120 of these by what agents made of drafts)" in (
        made.sentence()
    )


def shop_decisions(rng: random.Random, flaws: Sequence[float], *, careless: bool) -> list[Decision]:
    """400 decisions of three agents about 40 passages, of which some are asked far more often than
    others; ``flaws`` say how often each is wrong. ``careless``: Ana sends all unread."""
    popular = [1 / (1 + place) for place in range(40)]
    decisions = []
    for number in range(400):
        [passage] = rng.choices(range(40), popular)
        sure = rng.random()
        unread = careless and number % 3 == 0
        decisions.append(
            decision(
                number,
                confidence=sure,
                right=unread or rng.random() < sure ** flaws[passage],
                passage=passage,
            )
        )
    return decisions


@pytest.mark.parametrize(("careless", "most"), [(False, 0.1), (True, 0.2)])
def test_the_promise_holds_where_some_ask_the_same(*, careless: bool, most: float) -> None:
    """Over 60 simulated shops, fresh questions of each are answered wrongly as seldom as is
    promised; where one agent reads nothing, at most twice as often."""
    shares = []
    for seed in range(60):
        rng = random.Random(seed)  # noqa: S311  (no secret)
        flaws = [rng.uniform(0.0, 0.6) for _ in range(40)]
        decided = decided_trials(shop_decisions(rng, flaws, careless=careless))
        made = calibrate(decided, wrong_at_most=0.1, least=0.0)
        fresh = shop_decisions(rng, flaws, careless=False)
        sent = [each for each in fresh if each.confidence >= made.threshold]
        if made.bound is not None and sent:
            shares.append(sum(not each.right for each in sent) / len(sent))
    assert len(shares) > 50
    assert sum(shares) / len(shares) <= most


DRAFT = "A gift card is valid for 3 years from the day it was bought."


@pytest.mark.parametrize(
    ("outcome", "final", "right"),
    [
        ("sent", DRAFT, True),
        ("edited", f"Hello Mia, {DRAFT} Kind regards, Ana", True),
        ("edited", DRAFT.replace("3", "5"), False),
        ("edited", "Please send us a photo of the card, and we look into it.", False),
        ("ignored", None, False),
        ("ignored", f"{DRAFT} Bye!", True),
        ("ignored", "One moment, please.", False),
    ],
)
def test_what_an_agent_made_of_a_draft(
    outcome: Literal["sent", "edited", "ignored"], final: str | None, *, right: bool
) -> None:
    """Right where most of its words were sent and none of its numbers changed, also when they were
    typed by hand; wrong where it was ignored."""
    draft = DecidedDraft(
        id=1,
        customer=1,
        question="How long is it valid?",
        language="en",
        brand="",
        passages=(1,),
        outcome=outcome,
        draft=DRAFT,
        final=final,
    )
    passage = Passage(
        id=1,
        document=1,
        version=1,
        source=1,
        title="Gift cards",
        location="",
        language="en",
        brand="",
        text=DRAFT,
    )
    assert was_right(draft, passage) is right


async def test_a_decision_counts_while_its_passage_says_the_same(tmp_path: Path) -> None:
    """Also in a new version of its page. With other words, or where another passage is surest, it
    tells nothing; nor does a message that the bot never answers alone."""
    async with shop_with_sources(tmp_path) as shop:
        store = shop.gw.services.knowledge
        assert store is not None
        gift, loss = text("Gift cards stay valid."), text("A lost purse is replaced.")
        page = await shop.put("Cards", gift, loss)
        ids = [passage.id for passage in await store.passages_of(page.id)]
        asked = DecidedDraft(
            id=1,
            customer=4,
            question="gift cards stay valid?",
            language="en",
            brand="",
            passages=(ids[0],),
            outcome="sent",
            draft="Gift cards stay valid.",
            agent="desk:ana",
        )
        other = asked.replace(passages=(ids[1],))
        twice = asked.replace(question="gift cards stay valid? gift cards?")

        async def told() -> list[Decision]:
            retriever = WordRetriever(shop.gw.services)
            drafts = [asked, other, twice]
            return [each async for each in ask_again(retriever, drafts, SIMPLE, store)]

        [before] = await told()
        assert (before.passage, before.customer, before.right) == (ids[0], 4, True)
        await shop.put("Cards", gift, text("A lost purse is gone."))
        [after] = await told()
        assert after.passage != before.passage
        await shop.put("Cards", text("Gift cards stay valid for a year."), loss)
        assert await told() == []
