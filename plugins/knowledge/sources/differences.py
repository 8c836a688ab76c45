"""What changed between two versions of a document, as people read it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from gateway import NewPassage, Value, counted
from plugins.knowledge.sources.figures import FigureKind, SourceFigure, figures_in

MOST = 30
"""Differences of one document that are told; more are a rewrite, and the last line says how
many there are."""
ALIKE = 0.55
"""Two lines with so much in common are one line that changed."""
LONGEST = 120
MOST_PAIRS = 10_000
"""Pairs of lines, or of sections, that are compared; beyond that a section is a rewrite."""
MOST_LINES = 2_000
"""Lines of a section that are compared."""
LONGEST_LINE = 2_000
"""Characters of a line in which figures are looked for: a line of digits alone takes the square of
its length."""
_ARROW = " → "
_PLACE = " — "
_LABELS: dict[FigureKind, str] = {"span": "time", "hour": "hour"}


class Difference(Value, frozen=True, kw_only=True):
    """One difference: ``price: €4.90 → €5.90 — Delivery: Germany``. Empty ``before``: it was added;
    empty ``after``: it was removed."""

    what: str
    before: str = ""
    after: str = ""
    place: str = ""

    def __str__(self) -> str:
        if self.before and self.after:
            text = f"{self.what}: {self.before}{_ARROW}{self.after}"
        elif self.after:
            text = f"{self.what} added: {self.after}"
        else:
            text = f"{self.what} removed: {self.before}"
        return f"{text}{_PLACE}{self.place}" if self.place else text


def parse_difference(text: str) -> Difference:
    """The `Difference` that was written as ``text``."""
    text, _, place = text.partition(_PLACE)
    head, _, rest = text.partition(": ")
    if head.endswith(" added"):
        return Difference(what=head.removesuffix(" added"), after=rest, place=place)
    if head.endswith(" removed"):
        return Difference(what=head.removesuffix(" removed"), before=rest, place=place)
    before, _, after = rest.partition(_ARROW)
    return Difference(what=head, before=before, after=after, place=place)


def differences_between(
    before: Sequence[NewPassage],
    after: Sequence[NewPassage],
    *,
    titles: tuple[str, str] = ("", ""),
) -> tuple[str, ...]:
    """What changed from ``before`` to ``after``: figures first, then sections and sentences."""
    found: dict[str, None] = {}
    if titles[0] != titles[1]:
        found[str(Difference(what="title", before=titles[0], after=titles[1]))] = None
    every = [*_of_passages(before, after)]
    figures = set(_LABELS.values()) | {
        "price",
        "percentage",
        "date",
        "link",
        "e-mail",
        "telephone",
        "number",
    }
    for difference in sorted(every, key=lambda each: each.what not in figures):
        found.setdefault(str(difference))
    lines = list(found)
    if len(lines) > MOST:
        return (*lines[: MOST - 1], f"{len(lines) - MOST + 1} more differences")
    return tuple(lines)


def _of_passages(before: Sequence[NewPassage], after: Sequence[NewPassage]) -> Iterator[Difference]:
    """Passages under the same headings are compared; what is under headings that only one version
    has was added or removed, or its heading was changed."""
    old, new = _by_place(before), _by_place(after)
    gone = [place for place in old if place not in new]
    come = [place for place in new if place not in old]
    renamed: dict[str, str] = {}
    for place in gone if len(gone) * len(come) <= MOST_PAIRS else ():
        best = max(come, key=lambda other: _likeness(old[place], new[other]), default=None)
        if best is not None and _likeness(old[place], new[best]) >= ALIKE:
            renamed[place] = best
            come.remove(best)
    for place, lines in old.items():
        if place in new:
            yield from _of_lines(lines, new[place], place)
        elif place in renamed:
            yield Difference(what="heading", before=_short(place), after=_short(renamed[place]))
            yield from _of_lines(lines, new[renamed[place]], renamed[place])
        else:
            yield Difference(what="section", before=_short(place or lines[0]))
    for place in come:
        yield Difference(what="section", after=_short(place or new[place][0]))


def _by_place(passages: Sequence[NewPassage]) -> dict[str, list[str]]:
    """The lines of a document by the innermost heading, or question, above them."""
    places: dict[str, list[str]] = {}
    for passage in passages:
        place = passage.question or (passage.headings[-1] if passage.headings else "")
        places.setdefault(place, []).extend(passage.text.split("\n"))
    return places


def _of_lines(old: list[str], new: list[str], place: str) -> Iterator[Difference]:
    if max(len(old), len(new)) > MOST_LINES:
        if old != new:
            yield _rewritten(old, new, place)
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for what, begin, end, start, stop in matcher.get_opcodes():
        if what == "equal":
            continue
        left, right = old[begin:end], new[start:stop]
        if len(left) * len(right) > MOST_PAIRS:
            yield _rewritten(left, right, place)
            continue
        for line in left:
            best = max(right, key=lambda other: _likeness([line], [other]), default=None)
            if best is not None and _likeness([line], [best]) >= ALIKE:
                right.remove(best)
                yield from _of_line(line, best, place)
            else:
                yield from _removed(line, place)
        for line in right:
            yield from _added(line, place)


def _rewritten(old: list[str], new: list[str], place: str) -> Difference:
    counts = [counted(len(lines), "line") for lines in (old, new)]
    return Difference(what="text", before=counts[0], after=counts[1], place=_short(place))


def _of_line(old: str, new: str, place: str) -> Iterator[Difference]:
    """The figures of a line that changed; else its words."""
    removed, added = _changed_figures(
        figures_in(old[:LONGEST_LINE]), figures_in(new[:LONGEST_LINE])
    )
    where = _where(old, place)
    told = False
    for figure in removed:
        same = next((other for other in added if other.kind == figure.kind), None)
        if same is None and added and len(removed) == len(added) == 1:
            same = added[0]  # a price that became a percentage
        if same is not None:
            added.remove(same)
        told = True
        yield Difference(
            what=_label(figure.kind),
            before=figure.text,
            after=same.text if same else "",
            place=where,
        )
    for figure in added:
        told = True
        yield Difference(what=_label(figure.kind), after=figure.text, place=where)
    if not told and _plain(old) != _plain(new):
        changed = _changed_part(old, new)
        yield Difference(what="text", before=changed[0], after=changed[1], place=_short(place))


def _changed_figures(
    were: Sequence[SourceFigure], are: Sequence[SourceFigure]
) -> tuple[list[SourceFigure], list[SourceFigure]]:
    """The figures that only one line has. Where both have as many of a kind, those at the same
    place are compared; else those that the other does not have at all."""
    removed: list[SourceFigure] = []
    added: list[SourceFigure] = []
    for kind in dict.fromkeys(figure.kind for figure in (*were, *are)):
        left = [figure for figure in were if figure.kind == kind]
        right = [figure for figure in are if figure.kind == kind]
        plain = [Counter(figure.plain for figure in each) for each in (left, right)]
        if plain[0] == plain[1]:
            continue
        if len(left) == len(right):
            pairs = [
                pair for pair in zip(left, right, strict=True) if pair[0].plain != pair[1].plain
            ]
            removed += [pair[0] for pair in pairs]
            added += [pair[1] for pair in pairs]
        else:
            removed += _those(left, plain[0] - plain[1])
            added += _those(right, plain[1] - plain[0])
    return removed, added


def _those(figures: Sequence[SourceFigure], wanted: Counter[str]) -> list[SourceFigure]:
    found = []
    for figure in figures:
        if wanted[figure.plain] > 0:
            wanted[figure.plain] -= 1
            found.append(figure)
    return found


def _removed(line: str, place: str) -> Iterator[Difference]:
    yield Difference(what="text", before=_short(line), place=_short(place))


def _added(line: str, place: str) -> Iterator[Difference]:
    yield Difference(what="text", after=_short(line), place=_short(place))


def _where(line: str, place: str) -> str:
    """The heading, and of a table's row its first cell."""
    row = line.partition(" | ")[0] if " | " in line else ""
    return ": ".join(filter(None, (_short(place), _short(row))))


def _changed_part(old: str, new: str) -> tuple[str, str]:
    """The words that differ, with a few around them."""
    first, second = old.split(), new.split()
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    end = 0
    while end < min(len(first), len(second)) - start and first[-1 - end] == second[-1 - end]:
        end += 1
    begin = max(0, start - 3)
    parts = [words[begin : len(words) - max(0, end - 3)] for words in (first, second)]
    return _short(" ".join(parts[0])), _short(" ".join(parts[1]))


def _likeness(old: list[str], new: list[str]) -> float:
    left, right = _plain(" ".join(old)).split(), _plain(" ".join(new)).split()
    if not left or not right:
        return 0.0
    shared = sum((Counter(left) & Counter(right)).values())
    return 2 * shared / (len(left) + len(right))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w%€$£]+", text.lower()))


def _label(kind: FigureKind) -> str:
    return _LABELS.get(kind, kind)


def _short(text: str) -> str:
    text = " ".join(text.replace(_ARROW, " ").replace(_PLACE, ", ").split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
