"""Reads answer files as they are written, checks them as a whole, and lays over them what people
adopted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from gateway import (
    HOURS_LANGUAGES,
    AnswerEntry,
    AnswersFile,
    AnswerText,
    BadConfig,
    DraftText,
    Json,
    OverlayProblem,
    Problem,
    choose_from,
    in_language,
    nearest,
    read_as_meant,
    validated_part,
)

PLACEHOLDERS = re.compile(r"\{(\w+)\}")
HOURS = "hours"
"""The placeholder for the opening hours in force, unless a fact or a slot has that name."""

Mistake = tuple[str, str]
"""The key, with dots, and what is wrong with it."""


class FaqFile(AnswersFile):
    """A file of answers: the key must be there, and may have none yet."""

    answers: dict[Annotated[str, Field(min_length=1)], AnswerEntry]

    @model_validator(mode="before")
    @classmethod
    def _none_yet(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("answers") == "":
            return {**values, "answers": {}}
        return values


@dataclass(kw_only=True)
class AnswerEntries:
    """The answers by intent, and the frames of drafts by language, as files and people wrote them.

    What people adopted is laid over those of the files (`lay`): an answer in a language is
    replaced as a whole, and so are ``links``, ``needs`` and ``suggest``; facts are joined by name.
    An intent of which something does not fit stays as the files have it.
    """

    fallback: str
    slots: Set[str]
    entries: dict[str, AnswerEntry] = field(default_factory=dict)
    frames: dict[str, DraftText] = field(default_factory=dict)

    def lay(self, overlay: Mapping[str, Json]) -> Iterator[OverlayProblem]:
        """Lay ``overlay`` (see `Overlay`) over them, and yield what does not fit."""
        for key, part in overlay.items():
            if key not in ("answers", "drafts"):
                what = "is no part of a file of answers; write `answers` or `drafts`"
                yield OverlayProblem(key=key, message=what)
            elif not isinstance(part, dict):
                what = "must be a mapping; write `name: value` below it"
                yield OverlayProblem(key=key, message=what)
            else:
                lay_one = self._lay_answer if key == "answers" else self._lay_frame
                for name, value in part.items():
                    yield from lay_one(name, value)

    def _lay_answer(self, intent: str, part: Json) -> Iterator[OverlayProblem]:
        key, known = f"answers.{intent}", self.entries.get(intent)
        if isinstance(part, dict) and known is not None:
            part = _joined(known.model_dump(mode="json", exclude_unset=True), part)
        entry, problems = validated_part(AnswerEntry, part, key)
        if entry is not None:
            found = _mistakes(key, entry, self.fallback, self.slots)
            problems = tuple(OverlayProblem(key=at, message=what) for at, what in found)
        if entry is not None and not problems:
            self.entries[intent] = entry
        unknown = f" (the files have no answer `{intent}`)" if known is None else ""
        for problem in problems:
            yield problem.replace(message=problem.message + unknown)

    def _lay_frame(self, code: str, part: Json) -> Iterator[OverlayProblem]:
        frame, problems = validated_part(DraftText, part, f"drafts.{code}")
        if frame is not None:
            self.frames[code] = frame
        yield from problems


def _joined(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """An answer's tree with an adopted one over it."""
    by_name = {
        key: {**low[key], **high[key]}
        for key in ("say", "facts")
        if isinstance(high.get(key), dict) and key in low
    }
    return low | high | by_name


def read_entries(paths: Sequence[Path], *, fallback: str, slots: Set[str]) -> AnswerEntries:
    """All files as one. Raises BadConfig with every problem of every file."""
    problems: list[Problem] = []
    read = AnswerEntries(fallback=fallback, slots=slots)
    for path in paths:
        file, lines, wrong = read_as_meant(path, FaqFile)
        problems += wrong
        if file is None:
            continue
        for intent, entry in file.answers.items():
            mistakes = [*_mistakes(f"answers.{intent}", entry, fallback, slots)]
            if intent in read.entries:
                again = "is answered in an earlier file, too; keep one of them"
                mistakes.insert(0, (f"answers.{intent}", again))
            problems += [lines.problem(key, what) for key, what in mistakes]
            read.entries[intent] = entry
        read.frames |= file.drafts
    if problems:
        raise BadConfig(problems)
    return read


def _mistakes(key: str, entry: AnswerEntry, fallback: str, slots: Set[str]) -> Iterator[Mistake]:
    """Languages, facts and slots of an answer that do not fit together."""
    for index, name in enumerate(entry.needs):
        if name not in slots:
            near = choose_from(name, slots)
            yield (
                f"{key}.needs.{index}",
                f"there is no slot `{name}` in the settings' `slots`; {near}",
            )
    if fallback not in entry.say:
        yield f"{key}.say", f"`{fallback}` is missing; every answer needs it"
    values = {f"facts.{name}": (by, "value") for name, by in entry.facts.items()}
    values |= {f"links.{i}.title": (link.title, "title") for i, link in enumerate(entry.links)}
    for at, (by_language, what) in values.items():
        for code in entry.say:
            if not in_language(by_language, code):
                yield f"{key}.{at}", f"has no {what} for `{code}`; add one, or one {what} for all"
    for code, text in entry.say.items():
        yield from _placeholder_mistakes(f"{key}.say.{code}", text, set(entry.facts), slots)


def _placeholder_mistakes(
    key: str, text: AnswerText, facts: set[str], slots: Set[str]
) -> Iterator[Mistake]:
    """Every language must state every fact, and in braces nothing else but slots and the opening
    hours. What it says without a slot must be an answer, too. ``key`` ends with the language."""
    hours = {HOURS} if key.rpartition(".")[2] in HOURS_LANGUAGES else set[str]()
    known = facts | slots | hours
    body = {f"body.{i}": sentence for i, sentence in enumerate(text.body)}
    personal = {f"personal.{i}": sentence for i, sentence in enumerate(text.personal or ())}
    public = body | ({"next_step": text.next_step} if text.next_step else {})
    stated, mistaken = set[str](), set[str]()
    later = {"next_step_known": text.next_step_known} if text.next_step_known else {}
    for at, sentence in {**body, **personal, **public, **later}.items():
        names = set(PLACEHOLDERS.findall(sentence))
        for name in sorted(names - known):
            near = nearest(name, known)
            mistaken.add(near or "")
            fix = f"did you mean `{{{near}}}`?" if near else "add it to `facts`, or remove it"
            yield f"{key}.{at}", f"`{{{name}}}` is not among the facts or slots; {fix}"
        if at in public:
            stated |= names
    for at, sentences in (("body", text.body), ("personal", text.personal or ())):
        if sentences and all(set(PLACEHOLDERS.findall(s)) & (slots - facts) for s in sentences):
            yield f"{key}.{at}", "every sentence needs a slot; add one that says something without"
    if text.next_step_known and not set(PLACEHOLDERS.findall(text.next_step_known)) & slots:
        yield f"{key}.next_step_known", "names no slot; write `next_step` instead"
    for name in sorted(facts - stated - mistaken):
        yield f"{key}.body", f"never states the fact `{name}`; write `{{{name}}}` where it belongs"
