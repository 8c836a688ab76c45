"""Sentences that a model might write, faithful ones and invented ones, on an invented help centre.

Topics, kinds and words are in three parts. Rules and thresholds were chosen on ``development``;
``second`` and ``third`` were each read once as unseen, and used for choosing since.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

Split = Literal["development", "second", "third"]
SPLITS: tuple[Split, ...] = ("development", "second", "third")
LANGUAGES = ("en", "de", "fr", "es")
WAYS = ("", "close_", "free_")
"""Prefixes of a statement's own words, and of those that say it again."""
FOLDER = Path(__file__).parent
_NUMBER = re.compile(r"(?<![\w.,/:])\d+(?:[.,]\d+)?(?![\w/:])")


class Topic(NamedTuple):
    """A page of the help centre. ``statements``: by language, with the prefixes of `WAYS`."""

    name: str
    title: dict[str, str]
    statements: list[dict[str, str]]

    def text(self, language: str) -> str:
        """The page's passage."""
        return " ".join(statement[language] for statement in self.statements)


class Written(NamedTuple):
    """A sentence that the model writes in ``language`` on the passage of ``topic`` in
    ``source_language``, with ``quote`` of that passage as its support."""

    text: str
    language: str
    topic: str
    source_language: str
    quote: str
    kind: str
    """``faithful``, ``faithful_close``, ``faithful_free``, or how it was invented."""

    @property
    def faithful(self) -> bool:
        return self.kind.startswith("faithful")


@cache
def topics(split: Split) -> tuple[Topic, ...]:
    """The pages of one split."""
    pages = yaml.safe_load((FOLDER / "shop" / f"{split}.yaml").read_text("utf-8"))
    return tuple(Topic(page["topic"], page["title"], page["statements"]) for page in pages)


def faithful(split: Split) -> list[Written]:
    """Every statement in every way, on its own page in the same and in each other language."""
    return [
        Written(
            statement[way + language], language, topic.name, source, statement[source],
            f"faithful_{way}".rstrip("_"),
        )
        for topic in topics(split)
        for statement in topic.statements
        for way in WAYS
        for language in LANGUAGES
        for source in LANGUAGES
        if way or source == language
    ]  # fmt: skip


def invented(kinds: Split, pages: Split, count: int, *, seed: int = 1) -> list[Written]:
    """``count`` invented sentences of the kinds of one split on the pages of one, as many of each
    kind as of another, if there are so many; a quarter on a page in another language."""
    by_kind: dict[str, list[Written]] = {}
    for written in _every(kinds, pages):
        by_kind.setdefault(written.kind, []).append(written)
    rng = random.Random(seed)  # noqa: S311
    for kind, found in by_kind.items():
        found.sort()
        rng.shuffle(found)
        same = [w for w in found if w.source_language == w.language]
        across = [w for w in found if w.source_language != w.language]
        by_kind[kind] = [*same[: 3 * len(across)], *across[: len(same) // 3]]
        rng.shuffle(by_kind[kind])
    chosen: list[Written] = []
    while len(chosen) < count and any(by_kind.values()):
        for found in by_kind.values():
            if found and len(chosen) < count:
                chosen.append(found.pop())
    return chosen


def _every(kinds: Split, pages: Split) -> Iterator[Written]:
    rules: dict[str, Any] = yaml.safe_load((FOLDER / "kinds" / f"{kinds}.yaml").read_text("utf-8"))
    for topic in topics(pages):
        for base in _bases(topic):
            for kind, languages in rules.items():
                for text in _replaced(base.text, languages[base.language]):
                    yield base._replace(text=text, kind=kind)
            if kinds != "second":
                yield from _figures_changed(base)
                yield from _wrong_page(base, topic, pages)
            if kinds != "development":
                yield from _figures_of_another(base, topic)
                yield from _joined(base, topic, pages)


def _bases(topic: Topic) -> Iterator[Written]:
    for statement in topic.statements:
        for way in WAYS:
            for language in LANGUAGES:
                for source in LANGUAGES:
                    text, quote = statement[way + language], statement[source]
                    yield Written(text, language, topic.name, source, quote, "")


def _replaced(text: str, rules: dict[str, Any]) -> Iterator[str]:
    for pattern, instead in rules.items():
        for each in instead if isinstance(instead, list) else [instead]:
            changed = re.sub(pattern, str(each).replace("\\", "\\\\"), text, count=1)
            if changed != text:
                yield changed[:1].upper() + changed[1:]


def _figures_changed(base: Written) -> Iterator[Written]:
    for found in _NUMBER.finditer(base.text):
        for instead in ("2", "45", "7.50"):
            if instead != found[0]:
                text = base.text[: found.start()] + instead + base.text[found.end() :]
                yield base._replace(text=text, kind="figure_changed")


def _wrong_page(base: Written, topic: Topic, pages: Split) -> Iterator[Written]:
    """A true sentence of another page."""
    for other in topics(pages):
        if other.name != topic.name:
            for statement in other.statements:
                quote = statement[base.source_language]
                yield base._replace(topic=other.name, quote=quote, kind="wrong_page")


def _figures_of_another(base: Written, topic: Topic) -> Iterator[Written]:
    """A figure that another statement of the same page has."""
    own = _NUMBER.findall(base.text)
    others = [n for s in topic.statements for n in _NUMBER.findall(s[base.language])]
    for found in _NUMBER.finditer(base.text):
        for instead in sorted(set(others) - set(own)):
            text = base.text[: found.start()] + instead + base.text[found.end() :]
            yield base._replace(text=text, kind="figure_of_another")


def _joined(base: Written, topic: Topic, pages: Split) -> Iterator[Written]:
    """The sentence together with a true one of another page."""
    joints = {"en": " and ", "de": " und ", "fr": " et ", "es": " y "}
    for other in topics(pages):
        if other.name != topic.name:
            for statement in other.statements:
                more = statement[f"close_{base.language}"]
                more = more[:1].lower() + more[1:]
                text = base.text.rstrip(".") + joints[base.language] + more
                yield base._replace(text=text, kind="joined")


def sample(found: Sequence[Written], count: int, *, seed: int = 1) -> list[Written]:
    """``count`` of ``found``, at random."""
    rng = random.Random(seed)  # noqa: S311
    return rng.sample(list(found), min(count, len(found)))
