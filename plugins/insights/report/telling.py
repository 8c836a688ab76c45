"""What a measure and its change say, as parts of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from plugins.insights.measures.values import Comparison, MeasureInfo
from plugins.insights.model import Figure
from plugins.insights.report import words
from plugins.insights.report.values import ShownUnit

Verdict = Literal["better", "worse", "changed", "chance", "untold"]


def verdict(change: Comparison | None, info: MeasureInfo) -> Verdict:
    """What may be said of a change. Only one that stands among all that were compared
    (`Comparison.notable`) is called better or worse."""
    if change is None or change.p is None or change.difference.value is None:
        return "untold"
    if not change.notable:
        return "chance"
    if info.better is None:
        return "changed"
    up = change.difference.value > 0
    return "better" if up == (info.better == "higher") else "worse"


def change_sentence(change: Comparison | None, info: MeasureInfo, before: str) -> str:
    """The change as a sentence of its own, without the figure itself: ``The week before: 71 %
    (62 to 79). This may be chance.``"""
    said = verdict(change, info)
    if change is None or change.other.value is None:
        return f"Nothing to compare with {before}."
    was = f"{before[:1].upper()}{before[1:]}: {words.figure(change.other, info.unit)}."
    match said:
        case "untold":
            return f"{was} Too few cases to compare."
        case "chance":
            return f"{was} The difference may be chance."
        case "changed":
            return f"{was} That is a change beyond chance."
        case _:
            return f"{was} That is {said}, beyond chance."


def tile_sentence(change: Comparison | None, info: MeasureInfo, before: str) -> str:
    """The change in a few words, under a figure that stands by itself."""
    said = verdict(change, info)
    if change is None or change.other.value is None:
        return f"nothing to compare with {before}"
    if said == "untold":
        return f"too few cases to compare with {before}"
    was = f"{before}: {words.number(change.other.value, info.unit)}"
    if said == "chance":
        return f"{was}; may be chance"
    return f"{said}; {was}" if said != "changed" else f"changed; {was}"


def short_change(change: Comparison | None, said: Verdict, unit: ShownUnit, before: str) -> str:
    """The change as the last part of a sentence: ``the week before 71 %, this may be chance``."""
    if change is None or change.other.value is None:
        return f"nothing to compare with {before}"
    was = f"{before} {words.number(change.other.value, unit)}"
    match said:
        case "untold":
            return f"{was}, but too few cases to compare"
        case "chance":
            return f"{was}, this may be chance"
        case _:
            return f"{was}, {said} beyond chance"


FEW = ", but so few cases tell little"


def few(figure: Figure) -> str:
    """What is added to a sentence that rests on a grey figure; empty when it rests on enough."""
    return "" if figure.enough else FEW


def direction(change: Figure) -> Literal["up", "down", "unclear"]:
    """Which way a change goes beyond chance. A grey figure goes no way."""
    if not change.enough or change.low is None or change.high is None:
        return "unclear"
    return "up" if change.low > 0 else "down" if change.high < 0 else "unclear"


def apart(one: Figure, other: Figure) -> bool:
    """Whether the first is below the second beyond chance: neither is grey, and their intervals
    do not touch."""
    ends = one.high is not None and other.low is not None and one.high < other.low
    return one.enough and other.enough and ends


def of_hundred(share: Figure, what: str) -> str:
    """``78 of 100 WHAT (70 to 84)``, or that it cannot be told."""
    if share.value is None:
        return f"Nobody can tell yet how many {what}."
    told = words.in_hundred(share, what)
    return f"{told}{few(share)}."


def of_five(score: Figure, what: str) -> str:
    """``WHAT 4.2 of 5 (4.0 to 4.4)``, or that it cannot be told."""
    if score.value is None:
        return f"{what.removesuffix(':')}: nobody has answered yet."
    ends = words.between(score, "score")
    told = f"{what} {words.number(score.value, 'score')} of 5" + (f" ({ends})" if ends else "")
    return f"{told}." if score.enough else f"{told}, but so few answers tell little."


def stand_out(
    contrasts: Mapping[str, Mapping[str, Comparison]], measure: str
) -> tuple[list[str], list[str]]:
    """The groups whose figure is below, and those whose figure is above that of all others beyond
    chance, the most certain first."""
    found = [
        (compared.p or 0.0, group, compared.difference.value or 0.0)
        for group, by_measure in contrasts.items()
        if (compared := by_measure.get(measure)) is not None and compared.notable
    ]
    found.sort()
    below = [group for _, group, difference in found if difference < 0]
    return below, [group for _, group, difference in found if difference > 0]
