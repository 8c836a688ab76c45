"""What reviews say of all answers: weighted rates with their intervals. Pure functions.

An item stands for one over its probability answers. A rate is the weighted share (the Hajek
estimator: Horvitz and Thompson, JASA 47, 1952; Särndal, Swensson and Wretman, Model Assisted Survey
Sampling, 1992, 5.7), so what is drawn more often does not count more. Answers of a group that
nobody could review yet are not guessed: see `ReviewFigures.covered`. A customer who was erased is
no longer in the sample, and the figures are then about the others.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from gateway import PluginStorage, Value
from plugins.insights.model import Figure
from plugins.insights.review.agreement import ac1
from plugins.insights.review.storage import ReviewSheet, ReviewStorage
from plugins.insights.review.values import Judgement, ReviewItem

LEAST = 30
PARTS = ("right", "wrong", "missing")
YES_NO = (True, False)


class ReviewQuestion(Value, frozen=True, kw_only=True):
    """A question of the review. ``answer`` is what a judgement says of it, one of ``choices`` if
    they are fixed; ``right`` is whether all is well."""

    answer: Callable[[Judgement], object]
    right: Callable[[Judgement, ReviewItem], bool]
    choices: tuple[object, ...] = ()


QUESTIONS: Mapping[str, ReviewQuestion] = {
    "right_intent": ReviewQuestion(
        answer=lambda said: said.intent, right=lambda said, item: said.intent == item.intent
    ),
    "right_mood": ReviewQuestion(
        answer=lambda said: said.mood, right=lambda said, item: said.mood == item.mood
    ),
    "facts_right": ReviewQuestion(
        answer=lambda said: said.facts, right=lambda said, _: said.facts, choices=YES_NO
    ),
    "tone_right": ReviewQuestion(
        answer=lambda said: said.tone, right=lambda said, _: said.tone, choices=YES_NO
    ),
    "opener_right": ReviewQuestion(
        answer=lambda said: said.opener,
        right=lambda said, _: said.opener == "right",
        choices=PARTS,
    ),
    "explanation_right": ReviewQuestion(
        answer=lambda said: said.explanation,
        right=lambda said, _: said.explanation == "right",
        choices=PARTS,
    ),
    "next_step_right": ReviewQuestion(
        answer=lambda said: said.next_step,
        right=lambda said, _: said.next_step == "right",
        choices=PARTS,
    ),
}


class WeightedAnswer(Value, frozen=True, kw_only=True):
    """``right``, 0..1, of an item that stands for ``weight`` answers: the share of its reviewers
    who say yes."""

    conversation: int
    weight: float
    right: float


class ReviewFigures(Value, frozen=True, kw_only=True):
    """What reviews of one period say.

    ``rates``: the share of answers that are right, by the name of the question. ``by``: the same
    by ``channel``, ``language`` and ``author`` (``bot``, ``suggestion``), never by person.
    ``agreement``: AC1 of each question. ``drawn``, ``reviewed``: items. ``covered``, 0..1: the
    share of all answers in groups of which at least one item was reviewed, which the rates are
    about.
    """

    rates: Mapping[str, Figure]
    by: Mapping[str, Mapping[str, Mapping[str, Figure]]]
    agreement: Mapping[str, Figure]
    drawn: int
    reviewed: int
    covered: float


async def read_review_figures(
    storage: PluginStorage,
    *,
    since: date | None = None,
    until: date | None = None,
    keep: Callable[[ReviewItem], bool] = lambda item: True,  # noqa: ARG005
    least: int = LEAST,
) -> ReviewFigures:
    """The figures of the items for which ``keep`` is true, computed off the event loop. The days
    are as in `review_figures`."""
    sheet = await ReviewStorage(storage).sheet(since, until)
    items = tuple(item for item in sheet.items if keep(item))
    chosen = ReviewSheet(items=items, judgements=sheet.judgements)
    return await asyncio.to_thread(review_figures, chosen, least=least)


def review_figures(
    sheet: ReviewSheet, *, least: int = LEAST, since: date | None = None, until: date | None = None
) -> ReviewFigures:
    """The figures of the items in ``sheet`` of answers given from ``since`` until before
    ``until``. Below ``least`` reviewed items a rate is grey."""
    items = [
        item
        for item in sheet.items
        if (since is None or item.day >= since) and (until is None or item.day < until)
    ]
    by_item = sheet.by_item()
    said = {item.id: [j for j in by_item.get(item.id, ()) if not j.skipped] for item in items}
    judged = [item for item in items if said[item.id]]
    weights, covered = adjusted_weights(items, {item.id for item in judged})

    def rates(chosen: Iterable[ReviewItem]) -> dict[str, Figure]:
        listed = list(chosen)
        return {
            name: weighted_rate(
                [_answer(question, item, said[item.id], weights) for item in listed], least
            )
            for name, question in QUESTIONS.items()
        }

    dimensions: dict[str, Callable[[ReviewItem], str]] = {
        "channel": lambda item: item.channel,
        "language": lambda item: item.language,
        "author": lambda item: item.kind,
    }
    return ReviewFigures(
        rates=rates(judged),
        by={
            name: {
                value: rates(item for item in judged if of(item) == value)
                for value in sorted({of(item) for item in judged})
            }
            for name, of in dimensions.items()
        },
        agreement={
            name: ac1([[q.answer(j) for j in said[item.id]] for item in judged], q.choices)
            for name, q in QUESTIONS.items()
        },
        drawn=len(items),
        reviewed=len(judged),
        covered=covered,
    )


def adjusted_weights(
    items: Sequence[ReviewItem], judged: set[str]
) -> tuple[dict[str, float], float]:
    """The weights of the reviewed items, and the share of all answers that they stand for.

    Within a group (bot or suggestion, language, with or without a reason to look closer) reviewed
    items also stand for those that nobody has reviewed yet, such as those that wait for somebody
    who reads their language. Within a group, chance decides which item comes first (weighting
    classes: Särndal and Lundström, Estimation in Surveys with Nonresponse, 2005).
    """
    drawn: defaultdict[tuple[object, ...], float] = defaultdict(float)
    reviewed: defaultdict[tuple[object, ...], float] = defaultdict(float)
    for item in items:
        drawn[_group(item)] += item.weight
        if item.id in judged:
            reviewed[_group(item)] += item.weight
    weights = {
        item.id: item.weight * drawn[_group(item)] / reviewed[_group(item)]
        for item in items
        if item.id in judged
    }
    return weights, sum(weights.values()) / total if (total := sum(drawn.values())) else 0.0


def weighted_rate(answers: Sequence[WeightedAnswer], least: int = LEAST) -> Figure:
    """The weighted share of right answers with its 95 % interval.

    The variance is linearised, with the answers of one conversation together (Särndal, Swensson
    and Wretman 1992, 5.5). The interval is that of a binomial rate with a uniform prior and the
    effective number of answers, which is good near 0 and 1, too (Franco, Little, Louis and Slud,
    Journal of Survey Statistics and Methodology 7, 2019). Like the intervals of other figures it
    is about how we answer, not only about the answers that were given.
    """
    if not answers:
        return Figure(value=None, low=None, high=None, n=0, enough=False)
    from scipy import stats  # noqa: PLC0415  (slow to load, and only figures need it)

    total = sum(answer.weight for answer in answers)
    value = sum(answer.weight * answer.right for answer in answers) / total
    sizes: defaultdict[int, float] = defaultdict(float)
    residuals: defaultdict[int, float] = defaultdict(float)
    for answer in answers:
        sizes[answer.conversation] += answer.weight
        residuals[answer.conversation] += answer.weight * (answer.right - value)
    n = len(sizes)
    effective = total**2 / sum(weight**2 for weight in sizes.values())
    spread = sum(residual**2 for residual in residuals.values()) / total**2
    if n > 1 and spread > 0:
        effective = min(value * (1 - value) / (spread * n / (n - 1)), len(answers))
    prior = stats.beta(1 + effective * value, 1 + effective * (1 - value))
    low, high = prior.ppf([0.025, 0.975])
    return Figure(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        n=len(answers),
        enough=len(answers) >= least,
    )


def _answer(
    question: ReviewQuestion,
    item: ReviewItem,
    said: Sequence[Judgement],
    weights: Mapping[str, float],
) -> WeightedAnswer:
    return WeightedAnswer(
        conversation=item.conversation,
        weight=weights[item.id],
        right=sum(question.right(judgement, item) for judgement in said) / len(said),
    )


def _group(item: ReviewItem) -> tuple[object, ...]:
    return (item.kind, item.language, bool(item.why))
