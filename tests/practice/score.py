"""Prints the share of pairs in a file whose better reply the model of mood ranks higher.

``python -m tests.practice.score FILE`` with the columns ``language,situation,good,bad``:
``situation`` is the customer's last message. A tie counts as wrong. Pairs that are wrong follow,
one a line.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from plugins.practice.mood import Assessment, assess_reply
from plugins.practice.phrases import LANGUAGES


class ReplyPair(NamedTuple):
    """Two replies to one customer."""

    language: str
    situation: str
    good: str
    bad: str


class RankedPair(NamedTuple):
    """A pair as the model ranks it."""

    pair: ReplyPair
    good: Assessment
    bad: Assessment

    @property
    def right(self) -> bool:
        return self.good.effect > self.bad.effect


def read_pairs(file: Path) -> Iterator[ReplyPair]:
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield ReplyPair(*(row[name] for name in ReplyPair._fields))


def ranked(file: Path) -> list[RankedPair]:
    """The pairs of a file, ranked."""
    found = []
    for pair in read_pairs(file):
        language = next(code for code in LANGUAGES if code == pair.language)
        good = assess_reply(pair.situation, pair.good, language)
        bad = assess_reply(pair.situation, pair.bad, language)
        found.append(RankedPair(pair, good, bad))
    return found


def main() -> None:
    pairs = ranked(Path(sys.argv[1]))
    print(f"{sum(each.right for each in pairs) / len(pairs):.3f} of {len(pairs)}")  # noqa: T201
    for each in (each for each in pairs if not each.right):
        print(f"{each.pair.language}: {each.pair.situation}")  # noqa: T201
        for reply in (each.good, each.bad):
            moves = ", ".join(f"{move.kind} {move.weight:+.2f}" for move in reply.moves)
            print(f"    {reply.effect:+.2f}  {moves}")  # noqa: T201


if __name__ == "__main__":
    main()
