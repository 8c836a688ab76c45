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
from collections.abc import Sequence

from gateway import Value

CONSERVATIVE = 0.9
"""The confidence of the packaged model from which a shop with too few questions answers alone."""


class Trial(Value, frozen=True, kw_only=True):
    """What became of one question: the ``confidence`` of the surest answer, and whether it was
    ``right``. ``generated``: made from a source, and not asked by a person."""

    confidence: float
    right: bool
    generated: bool = True


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
    sent: int = 0
    wrong: int = 0
    bound: float | None = None
    bound_of_all: float | None = None
    state: str = ""
    """Of which sources and with which models: another state needs another calibration."""

    def sentence(self) -> str:
        """What is promised, as people read it."""
        share = f"{self.wrong_at_most:.0%}"
        if self.bound is None:
            return (
                f"too few questions to promise {share} ({self.asked} asked, {self.sent} answered, "
                f"{self.wrong} wrongly): only answers with a confidence of {self.threshold:.2f} "
                "are sent without asking back"
            )
        return (
            f"at most {self.bound:.1%} of what is sent alone is wrong, by {self.asked} questions "
            f"({self.real} of people) of which {self.sent} are answered alone and {self.wrong} "
            f"wrongly; confidence from {self.threshold:.2f}"
        )


def calibrate(
    trials: Sequence[Trial],
    *,
    wrong_at_most: float,
    least: float,
    conservative: float = CONSERVATIVE,
    state: str = "",
) -> Calibration:
    """The smallest threshold, from ``least`` on, that keeps the promise on ``trials``; else the
    ``conservative`` one, with no promise.

    ``least`` is what questions of other shops needed: those that are made from headings are easier
    than those of customers, and alone would promise too much.
    """
    real = sum(not trial.generated for trial in trials)
    ranked = sorted(trials, key=lambda trial: -trial.confidence)
    best: tuple[float, int, int] | None = None
    wrong = 0
    for sent, trial in enumerate(ranked, 1):
        if trial.confidence < least:
            break
        wrong += not trial.right
        follows = ranked[sent].confidence if sent < len(ranked) else -1.0
        if follows == trial.confidence:
            continue  # the same confidence is sent or not as a whole
        if (wrong + 1) / sent <= wrong_at_most:
            best = trial.confidence, sent, wrong
    if best is None:
        over = [trial for trial in trials if trial.confidence >= conservative]
        return Calibration(
            threshold=conservative,
            wrong_at_most=wrong_at_most,
            asked=len(trials),
            real=real,
            sent=len(over),
            wrong=sum(not trial.right for trial in over),
            state=state,
        )
    threshold, sent, wrong = best
    return Calibration(
        threshold=max(least, math.floor(threshold * 1e4) / 1e4),
        wrong_at_most=wrong_at_most,
        asked=len(trials),
        real=real,
        sent=sent,
        wrong=wrong,
        bound=(wrong + 1) / sent,
        bound_of_all=(wrong + 1) / (len(trials) + 1),
        state=state,
    )
