"""What may be answered from: passages of our own files, each with the name of its source."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gateway import BadConfig, Link, Problem, Value

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
    """Intent -> its first ``most`` examples in each file, from files in Rasa's format."""
    found: dict[str, list[str]] = {}
    for path in paths:
        for entry in _yaml(path).get("nlu") or ():
            if "intent" in entry:
                lines = str(entry.get("examples") or "").splitlines()
                said = [line.strip()[1:].strip() for line in lines if line.strip()[:1] == "-"]
                found.setdefault(entry["intent"], []).extend(said[:most])
    return found


def _page(path: Path) -> Iterator[Passage]:
    parts = _HEADING.split(_text(path))
    titles, bodies = ["", *parts[1::2]], parts[0::2]
    for title, body in zip(titles, bodies, strict=True):
        if body.strip():
            words = " ".join(f"{title}. {body}".split()).removeprefix(". ")
            yield Passage(source=f"{path.name}: {title}".removesuffix(": "), text=words)


def _answers(path: Path, url: str) -> Iterator[Passage]:
    for intent, answer in (_yaml(path).get("answers") or {}).items():
        for code, say in answer["say"].items():
            body = say["body"] if isinstance(say["body"], list) else [say["body"]]
            parts = [*body, *([say["next_step"]] if say.get("next_step") else [])]
            facts = {name: _in(code, given) for name, given in (answer.get("facts") or {}).items()}
            yield Passage(
                source=f"{path.name}: {intent}",
                text=_fill(" ".join(parts), facts),
                language=code,
                links=tuple(
                    Link(
                        title=_in(code, one["title"]),
                        url=(url if one["url"].startswith("/") else "") + one["url"],
                    )
                    for one in answer.get("links") or ()
                ),
            )


def _fill(text: str, facts: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: facts.get(place[1], place[0]), text)


def _in(code: str, value: Any) -> str:
    return str(value.get(code, value.get("*", ""))) if isinstance(value, dict) else str(value)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.load(_text(path), Loader=yaml.CBaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise _bad(path, f"not YAML: {error}") from None
    if not isinstance(tree, dict):
        raise _bad(path, "must be a mapping; write `key: value`")
    return tree


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"cannot be read: {error}") from None


def _bad(path: Path, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(path), line=1, key="", message=message)])
