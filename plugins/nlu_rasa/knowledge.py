"""What a configuration knows: examples of what customers say, and answers, as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml

from gateway import BadConfig, Problem, Value

_PLACE = re.compile(r"\{(\w+)\}")
KINDS = ("intent", "synonym", "regex", "lookup")


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
    tree = _yaml(config)
    sections = [one for one in (tree.get("plugins") or {}).values() if isinstance(one, dict)]
    base, url = config.parent, str(tree.get("public_url", "")).rstrip("/")
    examples: dict[tuple[str, str], tuple[str, ...]] = {}
    for file in _files(base, sections, "knowledge"):
        for name, lines in _examples(file):
            examples[name] = tuple(dict.fromkeys((*examples.get(name, ()), *lines)))
    answers: dict[str, Mapping[str, Text]] = {}
    for file in _files(base, sections, "answers"):
        answers |= dict(_answers(file, url))
    if sum(kind == "intent" for kind, _ in examples) < 2:
        raise _bad(config, "plugins", "names fewer than two intents in all `knowledge`; add some")
    return Knowledge(examples=examples, answers=answers)


def _files(base: Path, sections: Iterable[Mapping[str, Any]], key: str) -> Iterator[Path]:
    for section in sections:
        named = section.get(key) or ()
        for one in [named] if isinstance(named, str) else named:
            path = base / one
            yield from sorted(path.rglob("*.y*ml")) if path.is_dir() else (path,)


def _examples(file: Path) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    for entry in _yaml(file).get("nlu") or ():
        kind = next((one for one in KINDS if one in entry), None)
        if kind is None:
            raise _bad(file, "nlu", f"has an entry that is none of {', '.join(KINDS)}; mend it")
        yield (kind, entry[kind]), tuple(_lines(entry.get("examples")))


def _lines(examples: Any) -> Iterator[str]:
    if isinstance(examples, list):
        for one in examples:
            yield str(one["text"] if isinstance(one, dict) else one).strip().removeprefix("- ")
        return
    for line in str(examples or "").splitlines():
        bare = line.strip()
        if bare.startswith("-") and bare[1:].strip():
            yield bare[1:].strip()


def _answers(file: Path, url: str) -> Iterator[tuple[str, Mapping[str, Text]]]:
    for intent, answer in (_yaml(file).get("answers") or {}).items():
        yield intent, {code: _text(answer, code, url) for code in answer["say"]}


def _text(answer: Mapping[str, Any], code: str, url: str) -> Text:
    say = answer["say"][code]
    body = say["body"] if isinstance(say["body"], list) else [say["body"]]
    parts = [*body, *([say["next_step"]] if say.get("next_step") else [])]
    facts = {name: _in(code, value) for name, value in (answer.get("facts") or {}).items()}
    words = _PLACE.sub(lambda place: facts.get(place[1], place[0]), " ".join(parts))
    links = [
        f"{_in(code, one['title'])}: {url if one['url'].startswith('/') else ''}{one['url']}"
        for one in answer.get("links") or ()
        if url or not one["url"].startswith("/")
    ]
    return Text(
        text="\n".join([words, *links]),
        buttons=tuple(
            (one["title"], one.get("payload") or one["title"]) for one in say.get("buttons") or ()
        ),
    )


def _in(code: str, value: Any) -> str:
    """A value that may differ by language."""
    return str(value.get(code, value.get("*", ""))) if isinstance(value, dict) else str(value)


def _yaml(file: Path) -> dict[str, Any]:
    """The mapping in ``file``, every scalar as written: `no` is Norwegian and not false."""
    try:
        tree = yaml.load(file.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _bad(file, "", f"cannot be read: {error}") from None
    if not isinstance(tree, dict):
        raise _bad(file, "", "must be a mapping; write `key: value`")
    return tree


def _bad(file: Path, key: str, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(file), line=1, key=key, message=message)])
