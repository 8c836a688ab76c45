"""Loads answer files, checks them as a whole, and prepares a reply for every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

from pydantic import Field

from gateway import (
    AnswerEntry,
    AnswersFile,
    AnswerText,
    BadConfig,
    Button,
    Emotion,
    Fact,
    Link,
    Problem,
    Reply,
    Value,
    fill_facts,
    in_language,
    read_shape_and_lines,
)

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

Mistake = tuple[str, str]
"""The key, with dots, and what is wrong with it."""


class FaqFile(AnswersFile):
    """A file of answers; it must have some."""

    answers: dict[Annotated[str, Field(min_length=1)], AnswerEntry]


class MoodOpeners(Value, frozen=True, kw_only=True):
    """Opening sentences by emotion."""

    by_mood: Mapping[str, str] = {}

    def for_emotion(self, emotion: Emotion) -> str | None:
        """The opener for the emotion, else the one for all others; None: the voice chooses."""
        return self.by_mood.get(emotion.label, self.by_mood.get("otherwise"))


class LocalizedAnswer(Value, frozen=True, kw_only=True):
    """One answer in one language. ``reply`` and ``draft`` have no opener yet."""

    openers: MoodOpeners
    reply: Reply
    draft: Reply | None
    """What a person would send; None for answers that a person would not give."""


class DraftFrame(Value, frozen=True, kw_only=True):
    """How drafts for people begin and end in one language."""

    openers: MoodOpeners = MoodOpeners()
    next_step: str | None = None


class FaqAnswers(Value, frozen=True, kw_only=True):
    """All answers by intent and language, and the frames of drafts by language."""

    by_intent: Mapping[str, Mapping[str, LocalizedAnswer]]
    drafts: Mapping[str, DraftFrame]
    fallback: str

    def find(self, intent: str, language: str) -> LocalizedAnswer | None:
        """The answer in ``language``, else in the fallback language; None: no such intent."""
        answers = self.by_intent.get(intent, {})
        return answers.get(language) or answers.get(self.fallback)

    def with_smalltalk(self) -> FaqAnswers:
        """The same with the packaged answers to small talk, where there are none of that name in
        that language."""
        with as_file(files(__package__) / "smalltalk.yaml") as file:
            packaged = load([file], public_url="").by_intent
        joined = {
            name: {**answers, **self.by_intent.get(name, {})} for name, answers in packaged.items()
        }
        return self.replace(by_intent={**self.by_intent, **joined})


def load(paths: Sequence[Path], *, public_url: str, fallback: str = "en") -> FaqAnswers:
    """Loads all files as one. Raises BadConfig with every problem of every file."""
    problems: list[Problem] = []
    answers: dict[str, Mapping[str, LocalizedAnswer]] = {}
    drafts: dict[str, DraftFrame] = {}
    for path in paths:
        try:
            file, lines = read_shape_and_lines(path, FaqFile)
        except BadConfig as error:
            problems += error.problems
            continue
        problems += lines.repeated
        for intent, entry in file.answers.items():
            mistakes = [*_mistakes(f"answers.{intent}", entry, fallback)]
            if intent in answers:
                again = "is answered in an earlier file, too; keep one of them"
                mistakes.insert(0, (f"answers.{intent}", again))
            problems += [lines.problem(key, what) for key, what in mistakes]
            answers[intent] = {code: _answer(entry, code, public_url) for code in entry.say}
        for code, draft in file.drafts.items():
            openers = MoodOpeners(by_mood={str(mood): text for mood, text in draft.opener.items()})
            drafts[code] = DraftFrame(openers=openers, next_step=draft.next_step)
    if problems:
        raise BadConfig(problems)
    return FaqAnswers(by_intent=answers, drafts=drafts, fallback=fallback)


def _mistakes(key: str, entry: AnswerEntry, fallback: str) -> Iterator[Mistake]:
    """Languages and facts of an answer that do not fit together."""
    if fallback not in entry.say:
        yield f"{key}.say", f"`{fallback}` is missing; every answer needs it"
    values = {f"facts.{name}": (by, "value") for name, by in entry.facts.items()}
    values |= {f"links.{i}.title": (link.title, "title") for i, link in enumerate(entry.links)}
    for at, (by_language, what) in values.items():
        for code in entry.say:
            if not in_language(by_language, code):
                yield f"{key}.{at}", f"has no {what} for `{code}`; add one, or one {what} for all"
    for code, text in entry.say.items():
        yield from _placeholder_mistakes(f"{key}.say.{code}", text, set(entry.facts))


def _placeholder_mistakes(key: str, text: AnswerText, facts: set[str]) -> Iterator[Mistake]:
    """Every language must state every fact, and nothing else in braces."""
    body = {f"body.{i}": sentence for i, sentence in enumerate(text.body)}
    personal = {f"personal.{i}": sentence for i, sentence in enumerate(text.personal or ())}
    public = body | ({"next_step": text.next_step} if text.next_step else {})
    stated: set[str] = set()
    for at, sentence in {**body, **personal, **public}.items():
        names = set(_PLACEHOLDER.findall(sentence))
        for name in sorted(names - facts):
            yield f"{key}.{at}", f"`{{{name}}}` is not among the facts; add it"
        if at in public:
            stated |= names
    for name in sorted(facts - stated):
        yield f"{key}.body", f"never states the fact `{name}`; write {{{name}}} where it belongs"


def _answer(entry: AnswerEntry, code: str, public_url: str) -> LocalizedAnswer:
    text, facts = entry.say[code], entry.facts_in(code)
    links = tuple(
        Link(title=link.title_in(code), url=link.absolute(public_url)) for link in entry.links
    )

    def reply(body: Sequence[str], next_step: str | None) -> Reply:
        names = _PLACEHOLDER.findall(" ".join((*body, next_step or "")))
        return Reply(
            body=tuple(fill_facts(sentence, facts) for sentence in body),
            next_step=fill_facts(next_step, facts) if next_step else None,
            facts=tuple(
                Fact(name=name, value=facts[name]) for name in dict.fromkeys(names) if name in facts
            ),
            links=links,
            language=code,
        )

    public = reply(text.body, text.next_step)
    draft = reply(text.personal, None) if text.personal else public
    buttons = tuple(Button(title=b.title, payload=b.payload or b.title) for b in text.buttons)
    return LocalizedAnswer(
        openers=MoodOpeners(by_mood={str(mood): opener for mood, opener in text.opener.items()}),
        reply=public.replace(buttons=buttons),
        draft=draft if entry.suggest else None,
    )
