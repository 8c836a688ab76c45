"""Scores the detectors of facts and promises on labelled sentences.

Run it as ``python -m tests.agents_desk.case.score [FOLDER]``; FOLDER has ``facts.csv`` and
``promises.csv`` (see docs/case.md for their columns). Without one, the sentences for building.

A told fact is right when its name is right and the values agree: letters and digits of one are part
of the other, because people draw the line differently (``the blue lamp``, ``lamp``). An asked fact
is right by its name. A promise is right when one was found where there is one; ``due`` counts
among those found whose due time is known: the day must agree, and the clock where it is given.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway import asked_for, facts_told, promises_in

KNOWN = Path(__file__).parent / "known"
UNSEEN = Path(__file__).parent / "unseen"
FRESH = Path(__file__).parent / "fresh"
STRANGERS = Path(__file__).parent / "strangers"
ZONE = ZoneInfo("Europe/Berlin")
"""Of a time without an offset."""
NAMES = frozenset(
    ("order", "email", "phone", "address", "name", "date", "item", "size", "colour", "amount",
     "photo")
)  # fmt: skip


class Score(NamedTuple):
    """Hits, false alarms and misses; ``due``: right and known due times."""

    hits: int
    wrong: tuple[str, ...]
    missed: tuple[str, ...]
    due: tuple[int, int] = (0, 0)
    due_wrong: tuple[str, ...] = ()

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + len(self.wrong))

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + len(self.missed))

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        yield from csv.DictReader(opened)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _agree(told: str, wanted: str) -> bool:
    ours, theirs = _letters(told), _letters(wanted)
    return not theirs or (bool(ours) and (ours in theirs or theirs in ours))


def score_facts(file: Path, kind: str, language: str = "", spoken: str = "") -> Score:
    """Of the rows of ``kind`` (``told`` or ``asked``), of one language or all; ``spoken`` as for
    `score_promises`."""
    hits, wrong, missed = 0, [], []
    for row in _rows(file):
        if row["kind"] != kind or language not in ("", row["language"]):
            continue
        if row["language"] == spoken:
            continue
        text = row["text"].replace("\\n", "\n")
        pairs = [part.strip().partition("=") for part in row["facts"].split(";") if part.strip()]
        wanted = [(name.strip(), value.strip()) for name, _, value in pairs]
        if kind == "told":
            told = facts_told(text, spoken or row["language"])
            found = [(f.name, "" if f.name == "photo" else f.value) for f in told]
        else:
            found = [(f.name, "") for f in asked_for(text, spoken or row["language"])
                     if f.name in NAMES]  # fmt: skip
        for name, value in found:
            same = [
                w
                for w in wanted
                if w[0] == name and (name == "photo" or _agree(value, w[1]) or kind == "asked")
            ]
            if same:
                wanted.remove(same[0])
                hits += 1
            else:
                wrong.append(f"{row['language']} {text!r}: {name}={value}")
        missed += [f"{row['language']} {text!r}: {name}={value}" for name, value in wanted]
    return Score(hits, tuple(wrong), tuple(missed))


def score_promises(file: Path, language: str = "", spoken: str = "") -> Score:
    """Of one language or all. ``spoken`` is the language of the conversation; each row's own if
    empty, and rows in it are left out otherwise."""
    hits, right, known = 0, 0, 0
    wrong, missed, due_wrong = [], [], []
    for row in _rows(file):
        if language not in ("", row["language"]) or row["language"] == spoken:
            continue
        at = datetime.fromisoformat(row["at"])
        zone = ZONE
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        found = promises_in(row["text"].replace("\\n", "\n"), spoken or row["language"], at, zone)
        shown = f"{row['language']} {row['text']!r}"
        if bool(found) == (row["promise"] == "yes"):
            hits += bool(found)
        elif found:
            wrong.append(shown)
        else:
            missed.append(shown)
        if found and row["promise"] == "yes" and row["due"]:
            known += 1
            if any(_same_time(p.due, p.whole_day, row["due"]) for p in found):
                right += 1
            else:
                due_wrong.append(f"{shown}: {found[0].due} for {row['due']}")
    return Score(hits, tuple(wrong), tuple(missed), (right, known), tuple(due_wrong))


def _same_time(due: datetime, whole_day: bool, wanted: str) -> bool:
    time = datetime.fromisoformat(wanted)
    if time.tzinfo:
        time = time.astimezone(due.tzinfo)
    if due.date() != time.date():
        return False
    return (
        whole_day
        or len(wanted) <= len("2026-11-30")
        or (due.hour, due.minute) == (time.hour, time.minute)
    )


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0]) if arguments else KNOWN
    for kind in ("told", "asked"):
        for language in ("", "en", "de", "fr", "es"):
            score = score_facts(folder / "facts.csv", kind, language)
            sys.stdout.write(
                f"{kind:8} {language or 'all':3} P {score.precision:.3f} R {score.recall:.3f}\n"
            )
    for language in ("", "en", "de", "fr", "es"):
        score = score_promises(folder / "promises.csv", language)
        sys.stdout.write(f"promises {language or 'all':3} "
              f"P {score.precision:.3f} R {score.recall:.3f} "
              f"F1 {score.f1:.3f} due {score.due[0]}/{score.due[1]}\n")  # fmt: skip
    for kind, spoken in product(("told", "asked"), ("en", "de", "fr", "es", "it")):
        score = score_facts(folder / "facts.csv", kind, spoken=spoken)
        sys.stdout.write(f"{kind} of others in a conversation in {spoken} "
              f"P {score.precision:.3f} R {score.recall:.3f}\n")  # fmt: skip
    for spoken in ("en", "de", "fr", "es", "it"):
        score = score_promises(folder / "promises.csv", spoken=spoken)
        sys.stdout.write(f"promises of others in a conversation in {spoken} "
              f"P {score.precision:.3f} R {score.recall:.3f} F1 {score.f1:.3f}\n")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
