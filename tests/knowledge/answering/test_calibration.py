"""From which confidence the bot answers alone, and what may be promised of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gateway import WarmlineError
from plugins.knowledge.answering.calibration import CONSERVATIVE, Trial, calibrate
from plugins.knowledge.answering.calibrator import promise, read_questions
from plugins.knowledge.answering.confidence import packaged_model
from tests.knowledge.answering.sources import shop_with_sources, text


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
