"""Reads the labelled dialogues and edits, checks them, and scores the detectors against them.

``python -m tests.insights.detectors.labelled FOLDER`` prints totals alone; ``--wrong`` prints the
cases that are wrong as well, which only the half for building may be asked for.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from gateway import Agent, Attachment, Message
from plugins.insights.facts.edits import EditKind, edit_kinds
from plugins.insights.facts.human_moment import HumanMomentKind, human_moments
from plugins.insights.facts.told_again import ToldFact, told_again

HERE = Path(__file__).parent
HALVES = ("readable", "heldout", "fresh")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl")
_AUTHORS = {"C": "customer", "B": "bot", "A": "agent"}
_LINE = re.compile(r"([CBA])(?:\(([^)]*)\))?: (.*?)(?:\s*##\s*([\w, ]+))?$")
_START = datetime(2026, 3, 2, 9, tzinfo=UTC)
_PHOTO = Attachment(name="photo.jpg", media_type="image/jpeg", size=9, digest="0" * 64)


@dataclass(frozen=True)
class Dialogue:
    """A labelled dialogue: ``moments`` are the kinds of each message."""

    id: str
    language: str
    customer: str | None
    told: frozenset[str]
    messages: tuple[Message, ...]
    moments: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Edit:
    """A labelled edit: ``kinds`` with the main one first."""

    id: str
    language: str
    kinds: tuple[str, ...]
    suggested: str
    sent: str


@dataclass
class Score:
    """Counts of right and wrong findings."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    def add(self, found: Iterable[object], right: Iterable[object]) -> None:
        """Count the ``found`` against the ``right``."""
        a, b = set(found), set(right)
        self.hits, self.false, self.missed = (
            self.hits + len(a & b), self.false + len(a - b), self.missed + len(b - a)
        )  # fmt: skip

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.missed)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(1, 2 * self.hits + self.false + self.missed)

    def __str__(self) -> str:
        n = self.hits + self.missed
        return f"P {self.precision:.2f}  R {self.recall:.2f}  F1 {self.f1:.3f}  (n {n})"


@dataclass
class Scores:
    """The scores of one folder, by language and in all."""

    told: dict[str, Score] = field(default_factory=dict)
    facts: dict[str, Score] = field(default_factory=dict)
    moments: dict[str, Score] = field(default_factory=dict)
    kinds: dict[str, Score] = field(default_factory=dict)
    any_moment: dict[str, Score] = field(default_factory=dict)
    edits: Counter[tuple[str, bool]] = field(default_factory=Counter)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def edit_accuracy(self, language: str = "all") -> float:
        right, wrong = self.edits[language, True], self.edits[language, False]
        return right / max(1, right + wrong)


def _blocks(file: Path) -> Iterable[tuple[int, list[str], list[str]]]:
    """For each head its line number, its cells, and the lines below it."""
    cells: list[str] = []
    lines: list[str] = []
    first = 0
    for number, line in enumerate([*file.read_text("utf-8").splitlines(), "== "], 1):
        if line.startswith("=="):
            if cells:
                yield first, cells, lines
            first, lines = number, []
            cells = [cell.strip() for cell in line[2:].split("|")]
        elif line.strip():
            lines.append(line)


def _kinds(text: str | None, allowed: tuple[str, ...], where: str) -> tuple[str, ...]:
    kinds = tuple(kind.strip() for kind in (text or "").split(",") if kind.strip(" -"))
    if unknown := set(kinds) - set(allowed):
        raise ValueError(f"{where}: {sorted(unknown)} is no label; choose among {allowed}")
    return kinds


def read_dialogues(file: Path) -> list[Dialogue]:
    """The dialogues of one language's file. Raises ValueError with file and line for a mistake."""
    found = []
    for first, cells, lines in _blocks(file):
        where = f"{file.name}:{first}"
        if len(cells) != 3 or not 3 <= len(lines) <= 12:
            raise ValueError(f"{where}: needs id | name | told, and 3 to 12 lines below")
        messages, moments = [], []
        for at, line in enumerate(lines, 1):
            match = _LINE.match(line)
            if match is None or (match[4] and match[1] != "A"):
                raise ValueError(
                    f"{where}: line {at} is not `C: ...`, `B: ...` or `A: ... ##kinds`"
                )
            text = match[3].replace("\\n", "\n").strip()
            photo = text.endswith("[photo]")
            messages.append(Message(
                id=at, conversation=1, author=_AUTHORS[match[1]], at=_START + timedelta(minutes=at),
                text=text.removesuffix("[photo]").strip(), attachments=(_PHOTO,) if photo else (),
                agent=Agent(id="desk:x", name=match[2] or "") if match[1] == "A" else None,
            ))  # fmt: skip
            moments.append(frozenset(_kinds(match[4], get_args(HumanMomentKind), where)))
        told = frozenset(_kinds(cells[2], get_args(ToldFact), where))
        found.append(Dialogue(
            cells[0], file.stem, cells[1] or None, told, tuple(messages), tuple(moments)
        ))  # fmt: skip
    return found


def read_edits(file: Path) -> list[Edit]:
    """The edits in the file. Raises ValueError with file and line for a mistake."""
    found = []
    for first, cells, lines in _blocks(file):
        where = f"{file.name}:{first}"
        if len(cells) != 3 or len(lines) != 2 or [line[:2] for line in lines] != ["- ", "+ "]:
            raise ValueError(f"{where}: needs id | language | kinds, a line `- ` and a line `+ `")
        kinds = _kinds(cells[2], get_args(EditKind), where)
        suggested, sent = (line[2:].replace("\\n", "\n") for line in lines)
        found.append(Edit(cells[0], cells[1], kinds, suggested, sent))
    return found


def score(folder: Path) -> Scores:
    """Score the detectors on the files of ``folder``."""
    scores = Scores()
    for file in (folder / f"{language}.txt" for language in LANGUAGES):
        for talk in read_dialogues(file) if file.exists() else ():
            _score_told(scores, talk)
            _score_moments(scores, talk)
    file = folder / "edits.txt"
    for edit in read_edits(file) if file.exists() else ():
        _score_edit(scores, edit)
    return scores


def _count(
    where: dict[str, Score], language: str, found: Iterable[object], right: Iterable[object]
) -> None:
    found, right = list(found), list(right)
    for name in (language, "all"):
        where.setdefault(name, Score()).add(found, right)


def _score_told(scores: Scores, talk: Dialogue) -> None:
    facts = {one.fact for one in told_again(talk.messages)}
    _count(scores.told, talk.language, [1] if facts else [], [1] if talk.told else [])
    _count(scores.facts, talk.language, facts, talk.told)
    if facts != talk.told:
        scores.wrong.append(f"{talk.id} told {sorted(facts)}, right {sorted(talk.told)}")


def _score_moments(scores: Scores, talk: Dialogue) -> None:
    moments = human_moments(talk.messages, talk.customer)
    for message, right in zip(talk.messages, talk.moments, strict=True):
        here = [one for one in moments if one.message == message.id]
        kinds = {one.kind for one in here}
        _count(scores.moments, talk.language, kinds, right)
        _count(scores.any_moment, talk.language, [1] if kinds else [], [1] if right else [])
        for kind in get_args(HumanMomentKind):
            scores.kinds.setdefault(kind, Score()).add({kind} & kinds, {kind} & right)
        if kinds != right:
            words = [message.text[one.start : one.end] for one in here]
            scores.wrong.append(
                f"{talk.id} {sorted(kinds)}, right {sorted(right)}: {message.text} {words}"
            )


def _score_edit(scores: Scores, edit: Edit) -> None:
    main = next(iter(edit_kinds(edit.suggested, edit.sent)), "none")
    for name in (edit.language, "all"):
        scores.edits[name, main == edit.kinds[0]] += 1
    scores.confusion[edit.kinds[0], main] += 1
    if main != edit.kinds[0]:
        scores.wrong.append(
            f"{edit.id} {main}, right {edit.kinds[0]}: {edit.suggested} -> {edit.sent}"
        )


def main(folder: Path, *, wrong: bool) -> None:
    """Print the totals of ``folder``."""
    scores = score(folder)
    for title, part in (
        ("told again", scores.told), ("what was told", scores.facts),
        ("human moment, kinds", scores.moments), ("human moment, any", scores.any_moment),
        ("human moment, by kind", scores.kinds),
    ):  # fmt: skip
        print(title)  # noqa: T201
        for name, one in part.items():
            print(f"  {name:14} {one}")  # noqa: T201
    print("main kind of edit, accuracy")  # noqa: T201
    for name in ("all", *LANGUAGES):
        print(f"  {name:14} {scores.edit_accuracy(name):.3f}")  # noqa: T201
    for (right, said), count in sorted(scores.confusion.items()):
        print(f"    {right:7} -> {said:7} {count}")  # noqa: T201
    for line in scores.wrong if wrong else ():
        print(line)  # noqa: T201


if __name__ == "__main__":
    main(HERE / sys.argv[1], wrong="--wrong" in sys.argv)
