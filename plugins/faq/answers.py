"""Loads answer files, checks them as a whole, and prepares a reply for every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
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
    Turn,
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
    next_step_known: str | None = None
    """The next step once the slots in it are known."""

    def reply_to(self, turn: Turn) -> Reply:
        """The reply with the slots that the customer has stated."""
        known = self.next_step_known
        if known and (next_step := _fill_slots([known], turn)[0]):
            return _with_slots(self.reply.replace(next_step=next_step[0]), turn, known)
        return _with_slots(self.reply, turn)

    def draft_for(self, turn: Turn) -> Reply | None:
        """The draft with the slots that the customer has stated."""
        return _with_slots(self.draft, turn) if self.draft else None


class DraftFrame(Value, frozen=True, kw_only=True):
    """How drafts for people begin and end in one language."""

    openers: MoodOpeners = MoodOpeners()
    next_step: str | None = None


class FaqAnswers(Value, frozen=True, kw_only=True):
    """All answers by intent and language, and the frames of drafts by language."""

    by_intent: Mapping[str, Mapping[str, LocalizedAnswer]]
    drafts: Mapping[str, DraftFrame]
    fallback: str
    needs: Mapping[str, tuple[str, ...]] = {}
    """The slots that an intent needs, if it needs some."""

    def shared_language(self, intents: Sequence[str], language: str) -> str:
        """``language`` if all that has an answer has one there, else the fallback language: one
        reply is in one language."""
        known = [self.by_intent[intent] for intent in intents if intent in self.by_intent]
        return language if all(language in answers for answers in known) else self.fallback

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


def load(
    paths: Sequence[Path],
    *,
    public_url: str,
    fallback: str = "en",
    slots: Set[str] = frozenset(),
) -> FaqAnswers:
    """Loads all files as one; ``slots`` are the names of those that there are. Raises BadConfig
    with every problem of every file."""
    problems: list[Problem] = []
    answers: dict[str, Mapping[str, LocalizedAnswer]] = {}
    drafts: dict[str, DraftFrame] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for path in paths:
        try:
            file, lines = read_shape_and_lines(path, FaqFile)
        except BadConfig as error:
            problems += error.problems
            continue
        problems += lines.repeated
        for intent, entry in file.answers.items():
            mistakes = [*_mistakes(f"answers.{intent}", entry, fallback, slots)]
            if intent in answers:
                again = "is answered in an earlier file, too; keep one of them"
                mistakes.insert(0, (f"answers.{intent}", again))
            problems += [lines.problem(key, what) for key, what in mistakes]
            answers[intent] = {code: _answer(entry, code, public_url) for code in entry.say}
            needs |= {intent: entry.needs} if entry.needs else {}
        for code, draft in file.drafts.items():
            openers = MoodOpeners(by_mood={str(mood): text for mood, text in draft.opener.items()})
            drafts[code] = DraftFrame(openers=openers, next_step=draft.next_step)
    if problems:
        raise BadConfig(problems)
    return FaqAnswers(by_intent=answers, drafts=drafts, fallback=fallback, needs=needs)


def _mistakes(key: str, entry: AnswerEntry, fallback: str, slots: Set[str]) -> Iterator[Mistake]:
    """Languages, facts and slots of an answer that do not fit together."""
    for name in sorted(set(entry.needs) - slots):
        known = ", ".join(sorted(slots))
        yield f"{key}.needs", f"there is no slot `{name}`; define it in `slots`, or use {known}"
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
    """Every language must state every fact, and in braces nothing else but slots. What it says
    without a slot must be an answer, too."""
    body = {f"body.{i}": sentence for i, sentence in enumerate(text.body)}
    personal = {f"personal.{i}": sentence for i, sentence in enumerate(text.personal or ())}
    public = body | ({"next_step": text.next_step} if text.next_step else {})
    stated: set[str] = set()
    known = {"next_step_known": text.next_step_known} if text.next_step_known else {}
    for at, sentence in {**body, **personal, **public, **known}.items():
        names = set(_PLACEHOLDER.findall(sentence))
        for name in sorted(names - facts - slots):
            yield f"{key}.{at}", f"`{{{name}}}` is not among the facts or slots; add it"
        if at in public:
            stated |= names
    for at, sentences in (("body", text.body), ("personal", text.personal or ())):
        if sentences and all(set(_PLACEHOLDER.findall(s)) & (slots - facts) for s in sentences):
            yield f"{key}.{at}", "every sentence needs a slot; add one that says something without"
    if text.next_step_known and not set(_PLACEHOLDER.findall(text.next_step_known)) & slots:
        yield f"{key}.next_step_known", "names no slot; write `next_step` instead"
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
        next_step_known=fill_facts(text.next_step_known, facts) if text.next_step_known else None,
    )


def _with_slots(reply: Reply, turn: Turn, *more: str) -> Reply:
    """``reply`` with its slots filled in, without the sentences whose slots are not known.
    ``more`` are texts that are part of it already."""
    texts = (*reply.body, reply.next_step or "", *more)
    if not any("{" in text for text in texts):
        return reply
    body, facts = _fill_slots(reply.body, turn)
    next_step, more_facts = _fill_slots([reply.next_step or ""], turn)
    _, other_facts = _fill_slots(more, turn)
    stated = dict.fromkeys((*reply.facts, *facts, *more_facts, *other_facts))
    return reply.replace(
        body=tuple(body), next_step=next_step[0] if next_step else None, facts=tuple(stated)
    )


def _fill_slots(texts: Sequence[str], turn: Turn) -> tuple[list[str], list[Fact]]:
    """The texts whose slots are all known, filled in, and the slots as facts."""
    filled, facts = [], list[Fact]()
    for text in texts:
        values = {name: turn.given(name) for name in _PLACEHOLDER.findall(text)}
        known = {name: value for name, value in values.items() if value is not None}
        if text and len(known) == len(values):
            filled.append(fill_facts(text, known))
            facts += [Fact(name=name, value=value) for name, value in known.items()]
    return filled, facts
