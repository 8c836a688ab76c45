"""Languages whose moods are read worse than those of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugins.insights.model import Discovery

from .inputs import MoodCheck
from .statistics import StratumCounts, discoveries, share_figure, stratified_p
from .wording import figures

LEAST = 20
"""Judged moods of a language."""
LEAST_DIFFERENCE = 0.1
"""The least difference of the shares that is worth a finding."""


def reading_discoveries(checks: Sequence[MoodCheck]) -> list[Discovery]:
    """The languages whose moods people correct more often than those of the other languages, among
    messages of the same (right) mood; the worst first."""
    languages = sorted({check.language for check in checks})
    judged = {code: [c for c in checks if c.language == code] for code in languages}
    tested = [code for code in languages if len(judged[code]) >= LEAST]
    p_values = [stratified_p(_counts(checks, code)) for code in tested]
    found = []
    for code, p, chosen in zip(
        tested, p_values, discoveries(p_values, "mood_misread").tolist(), strict=True
    ):
        wrong = sum(check.read != check.right for check in judged[code])
        others = [check for check in checks if check.language != code]
        share = sum(check.read != check.right for check in others) / max(1, len(others))
        own = wrong / len(judged[code])
        if chosen and own - share >= LEAST_DIFFERENCE:
            found.append((own, _discovery(code, (wrong, len(judged[code])), share, p)))
    return [discovery for _, discovery in sorted(found, key=lambda pair: -pair[0])]


def _counts(checks: Sequence[MoodCheck], language: str) -> StratumCounts:
    moods = sorted({check.right for check in checks})
    cases = np.zeros((len(moods), 2), np.int64)
    exposed = np.zeros_like(cases)
    for check in checks:
        cell = moods.index(check.right), int(check.read != check.right)
        cases[cell] += 1
        if check.language == language:
            exposed[cell] += 1
    return StratumCounts(cases, exposed)


def _discovery(language: str, judged: tuple[int, int], others: float, p: float) -> Discovery:
    wrong, count = judged
    return Discovery(
        kind="mood_misread",
        title=f"Moods in {language} are read wrongly in {wrong / count:.0%} of judged messages; "
        f"in the other languages in {others:.0%}",
        evidence={
            "language": language,
            "share": figures(share_figure(wrong, count, LEAST)),
            "share_of_others": round(others, 4),
            "p": p,
        },
    )
