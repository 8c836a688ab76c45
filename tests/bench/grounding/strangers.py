"""Sentences of the help centre in tests/knowledge, which others wrote: as they are, and changed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lxml import html

from gateway import Passage, sentence_spans
from plugins.knowledge.phrasing.checking import SentenceChecker
from tests.bench.grounding.trial import packaged_encoder

PAGES = Path(__file__).parents[2] / "knowledge" / "helpcentre"
SHORTEST, LONGEST = 20, 400
"""Characters of a sentence: headings and whole tables are left out."""
_NUMBER = re.compile(r"(?<![\w.,:])\d+(?![\w.,:])")
_DENIALS = (
    (" not ", " "), (" no ", " "), ("cannot", "can"), (" nicht ", " "), ("kein ", "ein "),
    ("keine ", "eine "), ("don't", "do"), (" is ", " is not "), (" are ", " are not "),
    (" ist ", " ist nicht "), (" sind ", " sind nicht "), (" can ", " cannot "),
    (" kann ", " kann nicht "),
)  # fmt: skip


class Strange(NamedTuple):
    """A sentence on a passage, with the words given as its support."""

    kind: str
    text: str
    passage: Passage
    quote: str


@cache
def paragraphs() -> tuple[Passage, ...]:
    """Every paragraph and item of a list, as a passage."""
    found: list[Passage] = []
    for page in sorted(PAGES.glob("[de][en]/*.html")):
        tree = html.parse(page).getroot()
        body = tree.find(".//main") if tree.find(".//main") is not None else tree.find(".//body")
        for element in body.iter("p", "li"):
            text = " ".join(element.text_content().split())
            if len(text) > 2 * SHORTEST:
                found.append(Passage(
                    id=len(found) + 1, document=1, version=1, source=1,
                    title=tree.findtext(".//title") or "", language=page.parent.name,
                    location=f"https://shop.example/{page.parent.name}/{page.name}", text=text,
                ))  # fmt: skip
    return tuple(found)


def sentences() -> Iterator[Strange]:
    """As they stand: ``verbatim``."""
    for passage in paragraphs():
        for start, end in sentence_spans(passage.text):
            text = passage.text[start:end]
            if SHORTEST < len(text) < LONGEST:
                yield Strange("verbatim", text, passage, text)


def changed(*, seed: int = 3) -> Iterator[Strange]:
    """With another figure, with a denial more or less, or on another page (``foreign``)."""
    rng = random.Random(seed)  # noqa: S311
    whole = list(sentences())
    for each in whole:
        if numbers := list(_NUMBER.finditer(each.text)):
            at = rng.choice(numbers)
            more = str(int(at[0]) + rng.choice((1, 2, 10)))
            yield each._replace(
                kind="figure", text=each.text[: at.start()] + more + each.text[at.end() :]
            )
        for said, instead in _DENIALS:
            if said in each.text:
                yield each._replace(kind="denial", text=each.text.replace(said, instead, 1))
                break
        for other in rng.sample(whole, 3):
            if other.passage.location != each.passage.location and other.text != each.text:
                yield each._replace(kind="foreign", passage=other.passage, quote=other.quote)


async def leaving(found: Iterator[Strange]) -> dict[str, tuple[int, int]]:
    """By kind: how many hold, and of how many."""
    checker = SentenceChecker(encoder=packaged_encoder())
    counts: dict[str, tuple[int, int]] = {}
    for each in found:
        check = await checker.check(each.text, each.passage.language, each.passage, [each.quote])
        held, whole = counts.get(each.kind, (0, 0))
        counts[each.kind] = (held + check.holds, whole + 1)
    return counts
