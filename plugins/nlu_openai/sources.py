"""What may be answered from: passages of our own files, each with the name of its source."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gateway import BadConfig, Link, Problem, Value, read_shape

from .shape import EVERY, AnswersShape, ExamplesShape

_PLACE = re.compile(r"\{(\w+)\}")
_HEADING = re.compile(r"^#{1,6}\s+(.*)$", re.MULTILINE)
STEM = 5
"""Letters that stand for a word: enough to tell words apart, and to join their forms."""


class Passage(Value, frozen=True, kw_only=True):
    """``source`` names it to people (`answers.yaml: refund`); ``language`` None: not known."""

    source: str
    text: str
    language: str | None = None
    links: tuple[Link, ...] = ()


class Sources:
    """All passages, and which of them share rare words with a question."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = tuple(passages)
        self._stems = [stems(f"{one.source} {one.text}") for one in passages]
        self._seen = Counter(stem for found in self._stems for stem in found)

    def near(self, question: str, language: str, *, most: int) -> list[Passage]:
        """The passages nearest to ``question`` in ``language``, best first."""
        asked = stems(question)
        found = []
        for passage, words in zip(self._passages, self._stems, strict=True):
            if passage.language in (None, language):
                score = sum(math.log(1 + len(self._stems) / self._seen[w]) for w in asked & words)
                found.append((score / math.sqrt(1 + len(words)), passage))
        found.sort(key=lambda one: -one[0])
        return [passage for score, passage in found[:most] if score > 0]


def stems(text: str) -> set[str]:
    return {word.casefold()[:STEM] for word in re.findall(r"[^\W_]+", text) if len(word) > 1}


def read_passages(paths: Iterable[Path], *, public_url: str) -> list[Passage]:
    """The passages of answer files (``.yaml``, in the FAQ's format) and of pages (``.md``, a
    passage for each heading). Raises BadConfig."""
    return [
        passage
        for path in paths
        for passage in (
            _page(path) if path.suffix == ".md" else _answers(path, public_url.rstrip("/"))
        )
    ]


def read_examples(paths: Iterable[Path], *, most: int) -> dict[str, list[str]]:
    """Intent -> its first ``most`` examples in each file, from files in Rasa's format. Raises
    BadConfig."""
    found: dict[str, list[str]] = {}
    for path in paths:
        for entry in read_shape(path, ExamplesShape).nlu:
            if entry.intent is not None:
                found.setdefault(entry.intent, []).extend(entry.examples[:most])
    return found


def _page(path: Path) -> Iterator[Passage]:
    parts = _HEADING.split(_text(path))
    titles, bodies = ["", *parts[1::2]], parts[0::2]
    for title, body in zip(titles, bodies, strict=True):
        if body.strip():
            words = " ".join(f"{title}. {body}".split()).removeprefix(". ")
            yield Passage(source=f"{path.name}: {title}".removesuffix(": "), text=words)


def _answers(path: Path, url: str) -> Iterator[Passage]:
    for intent, answer in read_shape(path, AnswersShape).answers.items():
        for code, say in answer.say.items():
            words = " ".join([*say.body, *([say.next_step] if say.next_step else [])])
            facts = {name: _in(code, values) for name, values in answer.facts.items()}
            yield Passage(
                source=f"{path.name}: {intent}",
                text=_fill(words, facts),
                language=code,
                links=tuple(
                    Link(
                        title=_in(code, one.title),
                        url=(url if one.url.startswith("/") else "") + one.url,
                    )
                    for one in answer.links
                ),
            )


def _fill(text: str, facts: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: facts.get(place[1], place[0]), text)


def _in(code: str, values: Mapping[str, str]) -> str:
    return values.get(code, values.get(EVERY, ""))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"cannot be read: {error}") from None


def _bad(path: Path, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(path), line=1, key="", message=message)])
