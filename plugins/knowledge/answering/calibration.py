"""From which confidence the bot may answer alone, so that at most a set share is wrong.

The rule is that of conformal risk control (Angelopoulos et al. 2022, arXiv 2208.02814): a threshold
that was safe on n questions is safe on the next one, up to 1/(n + 1). Their bound speaks of all
questions. A team asks for more, that of the answers that are sent few are wrong, so the share is
taken of these: the smallest threshold with (wrong + 1) / sent <= the share, which is the rule by
which conformal selection bounds false discoveries (Jin and Candes 2023, arXiv 2210.01408). Since
sent <= n + 1, the bound of the first paper then holds as well. Both suppose questions like those
that it was measured on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from gateway import Value, counted

CONSERVATIVE = 0.9
"""The confidence of the packaged model from which a shop with too few questions answers alone."""


NEVER = 1.1
"""The threshold where people's questions show that no answer can be sent alone."""
BY_CHANCE = 0.05
"""They show it when so many wrong answers were less likely than this, if no more than promised were
wrong."""
MOST_OF_PASSAGE = 10
"""Decisions about one passage that count, the newest: 100 are then about ten passages at least. A
week in which all ask the same is no sample of the next one."""
MOST_OF_CUSTOMER = 3
"""Decisions about one customer's messages that count, the newest: they are often about one case."""


class Trial(Value, frozen=True, kw_only=True):
    """What became of one question: the ``confidence`` of the surest answer, and whether it was
    ``right``. ``generated``: made from a source, and not asked by a person. ``decided``: an agent's
    decision on a draft says so. ``repeated``: one more of its passage, customer or agent than
    counts."""

    confidence: float
    right: bool
    generated: bool = True
    decided: bool = False
    repeated: bool = False


class Decision(Value, frozen=True, kw_only=True):
    """A decided draft whose question was asked again: how surely ``passage`` (an id) answers now,
    and whether it was ``right`` then."""

    confidence: float
    right: bool
    passage: int
    customer: int
    agent: str


def decided_trials(decisions: Sequence[Decision]) -> list[Trial]:
    """The trials of ``decisions``, which come newest first.

    Of one passage, of one customer and of one agent only so many count; the rest is marked as
    repeated. Of an agent count at most as many as of all others together: if one sends every draft
    unread, the share of wrong answers is at most twice what it seems.
    """
    kept = _newest(range(len(decisions)), lambda at: decisions[at].passage, MOST_OF_PASSAGE)
    kept = _newest(kept, lambda at: decisions[at].customer, MOST_OF_CUSTOMER)
    for agent, count in Counter(decisions[at].agent for at in kept).most_common(1):
        own = [at for at in kept if decisions[at].agent == agent]
        kept = sorted({*kept} - {*own[len(kept) - count :]})
    counted = frozenset(kept)
    return [
        Trial(
            confidence=each.confidence,
            right=each.right,
            generated=False,
            decided=True,
            repeated=at not in counted,
        )
        for at, each in enumerate(decisions)
    ]


def _newest(places: Iterable[int], key: Callable[[int], int], most: int) -> list[int]:
    """The first ``most`` of ``places`` for each key."""
    seen = Counter[int]()
    kept = []
    for at in places:
        seen[key(at)] += 1
        if seen[key(at)] <= most:
            kept.append(at)
    return kept


class Calibration(Value, frozen=True, kw_only=True):
    """From which ``threshold`` the bot answers alone, and what may be promised of these answers.

    Of ``asked`` questions ``sent`` would have been answered alone, ``wrong`` of them wrongly.
    ``bound`` is the most that may be wrong of what is sent; None: too few questions to promise
    ``wrong_at_most``. ``bound_of_all`` is the same of all that is asked.
    """

    threshold: float
    wrong_at_most: float
    asked: int = 0
    real: int = 0
    """How many of ``asked`` people wrote."""
    decided: int = 0
    """How many of ``real`` are drafts that agents decided."""
    sent: int = 0
    wrong: int = 0
    bound: float | None = None
    bound_of_all: float | None = None
    state: str = ""
    """Of which sources and with which models: another state needs another calibration."""
    drafts: int = 0
    """How many decided drafts there were at that time, also those that tell nothing."""
    at: datetime | None = None

    def sentence(self) -> str:
        """What is promised, as people read it."""
        share = f"{self.wrong_at_most:.0%}"
        people = f"{self.real} of people"
        if self.decided:
            people += f", {self.decided} of these by what agents made of drafts"
        asked = f"{counted(self.asked, 'question')} ({people})"
        if self.bound is not None:
            return (
                f"at most {self.bound:.1%} of what is sent alone is wrong, by {asked} of which "
                f"{self.sent} are answered alone and {self.wrong} wrongly; confidence from "
                f"{self.threshold:.2f}"
            )
        if self.threshold >= NEVER:
            return (
                f"no promise of {share} can be kept, by {asked}: of the "
                f"{counted(self.sent, 'surest answer')} {self.wrong} "
                f"{'is' if self.wrong == 1 else 'are'} wrong; nothing is sent without asking back"
            )
        return (
            f"too few questions to promise {share}, by {asked} of which {self.sent} are answered "
            f"and {self.wrong} wrongly: only answers with a confidence of {self.threshold:.2f} are "
            "sent without asking back"
        )


class _Sent(NamedTuple):
    """What a threshold sends of some trials."""

    answers: int = 0
    wrong: int = 0

    def plus(self, trial: Trial) -> _Sent:
        return _Sent(self.answers + 1, self.wrong + (not trial.right))

    @property
    def bound(self) -> float:
        return (self.wrong + 1) / self.answers if self.answers else math.inf


def calibrate(
    trials: Sequence[Trial],
    *,
    wrong_at_most: float,
    least: float,
    conservative: float = CONSERVATIVE,
    state: str = "",
) -> Calibration:
    """The smallest threshold, from ``least`` on, that keeps the promise on ``trials``, both on all
    of them and without those that are repeated, and that people's questions do not refute; else the
    ``conservative`` one, with no promise, or `NEVER` where they refute even this one.

    ``least`` is what questions of other shops needed: those that are made from headings are easier
    than those of customers, and alone would promise too much.
    """
    once = [trial for trial in trials if not trial.repeated]
    ranked = sorted(trials, key=lambda trial: -trial.confidence)
    best: tuple[float, _Sent, Sequence[Trial]] | None = None
    of_all, of_once, of_people = _Sent(), _Sent(), _Sent()
    for at, trial in enumerate(ranked, 1):
        if trial.confidence < least:
            break
        of_all = of_all.plus(trial)
        of_once = of_once if trial.repeated else of_once.plus(trial)
        of_people = of_people if trial.generated else of_people.plus(trial)
        follows = ranked[at].confidence if at < len(ranked) else -1.0
        if follows == trial.confidence:
            continue  # the same confidence is sent or not as a whole
        sent, counted = (of_all, trials) if of_all.bound >= of_once.bound else (of_once, once)
        if sent.bound <= wrong_at_most and not _refutes(of_people, wrong_at_most):
            best = trial.confidence, sent, counted
    if best is None:
        return _without_promise(trials, once, wrong_at_most, conservative, state)
    threshold, sent, counted = best
    made = _calibration(counted, sent, wrong_at_most=wrong_at_most, state=state)
    return made.replace(
        threshold=max(least, math.floor(threshold * 1e4) / 1e4),
        bound=sent.bound,
        bound_of_all=(sent.wrong + 1) / (len(counted) + 1),
    )


def _without_promise(
    trials: Sequence[Trial],
    once: Sequence[Trial],
    wrong_at_most: float,
    conservative: float,
    state: str,
) -> Calibration:
    for checked in (once, trials):
        people = _over([trial for trial in checked if not trial.generated], conservative)
        if people.answers * wrong_at_most >= 1 and _refutes(people, wrong_at_most):
            made = _calibration(checked, people, wrong_at_most=wrong_at_most, state=state)
            return made.replace(threshold=NEVER)
    sent = _over(once, conservative)
    made = _calibration(once, sent, wrong_at_most=wrong_at_most, state=state)
    return made.replace(threshold=conservative)


def _refutes(people: _Sent, share: float) -> bool:
    """Whether so many wrong answers or more are unlikely where ``share`` of all are wrong: a
    binomial tail. It is computed here, as scipy would add 30 MB to the server's memory."""
    count = people.answers
    if people.wrong <= share * count:
        return False

    def log_probability(wrong: int) -> float:
        ways = math.lgamma(count + 1) - math.lgamma(wrong + 1) - math.lgamma(count - wrong + 1)
        return ways + wrong * math.log(share) + (count - wrong) * math.log1p(-share)

    more = range(people.wrong, count + 1)
    return sum(math.exp(log_probability(wrong)) for wrong in more) < BY_CHANCE


def _over(trials: Sequence[Trial], threshold: float) -> _Sent:
    over = [trial for trial in trials if trial.confidence >= threshold]
    return _Sent(len(over), sum(not trial.right for trial in over))


def _calibration(
    counted: Sequence[Trial], sent: _Sent, *, wrong_at_most: float, state: str
) -> Calibration:
    """Without its threshold and promise."""
    return Calibration(
        threshold=NEVER,
        wrong_at_most=wrong_at_most,
        asked=len(counted),
        real=sum(not trial.generated for trial in counted),
        decided=sum(trial.decided for trial in counted),
        sent=sent.answers,
        wrong=sent.wrong,
        state=state,
    )
