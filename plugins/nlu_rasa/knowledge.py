"""What a configuration knows: examples of what customers say, and answers, as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml

from gateway import BadConfig, Problem, Value, read_shape, read_yaml

from .shape import EVERY, AnswerShape, AnswersShape, ExamplesShape

_PLACE = re.compile(r"\{(\w+)\}")


class Text(Value, frozen=True, kw_only=True):
    """An answer in one language; ``buttons`` are (title, payload)."""

    text: str
    buttons: tuple[tuple[str, str], ...] = ()


class Knowledge(Value, frozen=True, kw_only=True):
    """``examples``: (kind, name) -> lines, kinds as in Rasa's training data. ``answers``:
    intent -> language -> text."""

    examples: Mapping[tuple[str, str], tuple[str, ...]]
    answers: Mapping[str, Mapping[str, Text]]

    @property
    def intents(self) -> tuple[str, ...]:
        return tuple(name for kind, name in self.examples if kind == "intent")


def chosen(config: Path | None) -> Path:
    """The configuration that is meant: ``config``, ``warmline.yaml`` here, or the demo's."""
    if config is not None:
        return config
    here = Path("warmline.yaml")
    if here.exists():
        return here
    for point in entry_points(group="warmline.config", name="default"):
        return Path(point.load()())
    raise _bad(here, "", "there is none here; name one with --config")


def read(config: Path) -> Knowledge:
    """All that the sections of ``config`` below ``plugins`` name as ``knowledge`` (in Rasa's
    format) and ``answers`` (in the FAQ's). Raises BadConfig."""
    tree, lines = read_yaml(config, yaml.CBaseLoader)
    named: dict[str, list[Path]] = {"knowledge": [], "answers": []}
    for at, files in _named(tree.get("plugins")):
        if not all(isinstance(one, str) for one in files):
            what = "must be the path of a file or a folder, or a list of them; mend it"
            raise BadConfig([lines.problem(f"plugins.{at}", what)])
        named[at.rpartition(".")[2]] += _files(config.parent, files)
    examples: dict[tuple[str, str], tuple[str, ...]] = {}
    for file in named["knowledge"]:
        for entry in read_shape(file, ExamplesShape).nlu:
            known = examples.get(entry.name, ())
            examples[entry.name] = tuple(dict.fromkeys((*known, *entry.examples)))
    url = str(tree.get("public_url", "")).rstrip("/")
    answers: dict[str, Mapping[str, Text]] = {}
    for file in named["answers"]:
        for intent, answer in read_shape(file, AnswersShape).answers.items():
            answers[intent] = {code: _text(answer, code, url) for code in answer.say}
    if sum(kind == "intent" for kind, _ in examples) < 2:
        raise _bad(config, "plugins", "names fewer than two intents in all `knowledge`; add some")
    return Knowledge(examples=examples, answers=answers)


def _named(sections: Any) -> Iterator[tuple[str, Sequence[Any]]]:
    """Where in the sections files are named (``faq.answers``), and what is named there."""
    for name, section in sections.items() if isinstance(sections, dict) else ():
        for key in ("knowledge", "answers"):
            if isinstance(section, dict) and (named := section.get(key)):
                yield f"{name}.{key}", named if isinstance(named, list) else [named]


def _files(base: Path, named: Iterable[str]) -> Iterator[Path]:
    for one in named:
        path = base / one
        yield from sorted(path.rglob("*.y*ml")) if path.is_dir() else (path,)


def _text(answer: AnswerShape, code: str, url: str) -> Text:
    say = answer.say[code]
    words = " ".join([*say.body, *([say.next_step] if say.next_step else [])])
    facts = {name: _in(code, values) for name, values in answer.facts.items()}
    links = [
        f"{_in(code, one.title)}: {url if one.url.startswith('/') else ''}{one.url}"
        for one in answer.links
        if url or not one.url.startswith("/")
    ]
    return Text(
        text="\n".join([_PLACE.sub(lambda place: facts.get(place[1], place[0]), words), *links]),
        buttons=tuple((one.title, one.payload or one.title) for one in say.buttons),
    )


def _in(code: str, values: Mapping[str, str]) -> str:
    return values.get(code, values.get(EVERY, ""))


def _bad(file: Path, key: str, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(file), line=1, key=key, message=message)])
