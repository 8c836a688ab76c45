"""Which answers rest on a document that changed: sent ones, and written ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway import DocumentChange, Json, Services, SourceUse, Value
from plugins.knowledge.sources.differences import parse_difference
from plugins.knowledge.sources.figures import figures_in
from plugins.knowledge.sources.urls import is_url, normal_url

MOST_USES = 20
MOST_WRITTEN = 50
_TELLING = ("price", "percentage", "date", "time", "hour", "link", "e-mail", "telephone")
"""What a written answer is searched for. A bare number is in too many."""


class WrittenAnswer(Value, frozen=True, kw_only=True):
    """A written answer that may be wrong now. ``why``: it links to the page, or states a figure
    that the page had."""

    intent: str
    brand: str
    why: str


class AffectedAnswers(Value, frozen=True, kw_only=True):
    """The answers that rest on what changed. ``used`` are the newest that were sent."""

    used: tuple[SourceUse, ...] = ()
    written: tuple[WrittenAnswer, ...] = ()


async def written_answers(services: Services) -> dict[str, Mapping[str, Json]]:
    """The written answers in force, by brand ("": of all) and intent."""
    found = {"": await services.trials.in_force("answers", ("answers",))}
    for brand in services.brands:
        at = ("brands", brand, "answers")
        found[brand] = await services.trials.in_force("answers", at)
    return {brand: each for brand, each in found.items() if isinstance(each, dict)}


async def answers_affected_by(
    services: Services,
    change: DocumentChange,
    written: Mapping[str, Mapping[str, Json]],
    *,
    brand: str = "",
) -> AffectedAnswers:
    """The answers that rest on the document of ``change``; ``brand`` is its source's."""
    if change.kind not in ("changed", "gone", "removed", "returned") or services.knowledge is None:
        return AffectedAnswers()
    used = await services.knowledge.uses(change.document, limit=MOST_USES)
    return AffectedAnswers(
        used=tuple(used), written=tuple(_written(change, written, brand))[:MOST_WRITTEN]
    )


def _written(
    change: DocumentChange, written: Mapping[str, Mapping[str, Json]], brand: str
) -> Iterator[WrittenAnswer]:
    lost = _lost_figures(change.differences)
    for own, answers in written.items():
        if brand and own not in ("", brand):
            continue
        for intent, entry in answers.items():
            texts = list(_texts(entry))
            if is_url(change.location) and any(_leads_to(t, change.location) for t in texts):
                yield WrittenAnswer(intent=intent, brand=own, why="links to this page")
                continue
            stated = {figure.plain for text in texts for figure in figures_in(text)}
            if (old := next((figure for figure in lost if figure in stated), None)) is not None:
                yield WrittenAnswer(intent=intent, brand=own, why=f"says {lost[old]}")


def _lost_figures(differences: Sequence[str]) -> dict[str, str]:
    """The figures that are not in the document any more, as they are compared and as written."""
    found: dict[str, str] = {}
    for text in differences:
        difference = parse_difference(text)
        if difference.what in _TELLING and difference.before:
            for figure in figures_in(difference.before):
                found[figure.plain] = difference.before
    return found


def _texts(value: Json) -> Iterator[str]:
    """All texts of an answer: what it says, its facts and its links."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _leads_to(text: str, location: str) -> bool:
    if not is_url(text):
        return False
    return (normal_url(text) or text).rstrip("/") == location.rstrip("/")
