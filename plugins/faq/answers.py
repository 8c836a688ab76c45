"""Answers from files: checked as a whole, with every sentence ready to be said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from gateway import BadConfig, Button, Emotion, Fact, Link, Problem, Reply, Value
from plugins.faq.shape import EVERY, AnswerShape, DraftShape, FileShape, SayShape
from plugins.faq.source import Key, Source, read

_PLACE = re.compile(r"\{(\w+)\}")


class Opening(Value, frozen=True, kw_only=True):
    """First words by emotion, some of them left to the voice."""

    by_mood: Mapping[str, str] = {}

    def fitting(self, emotion: Emotion) -> str | None:
        """The words for this emotion, else those for any other, else None: the voice chooses."""
        return self.by_mood.get(emotion.label, self.by_mood.get("otherwise"))


class Said(Value, frozen=True, kw_only=True):
    """One answer in one language. ``reply`` and ``draft`` still lack their openers."""

    opening: Opening
    reply: Reply
    draft: Reply | None
    """For a person to send; None when this is nothing a person would say."""


class Drafts(Value, frozen=True, kw_only=True):
    """How drafts for people begin and end in one language."""

    opening: Opening = Opening()
    next_step: str | None = None


class Answers(Value, frozen=True, kw_only=True):
    """All answers, by intent and language."""

    said: Mapping[str, Mapping[str, Said]]
    drafts: Mapping[str, Drafts]
    fallback: str

    def find(self, intent: str, language: str) -> Said | None:
        """The answer in ``language``, else in the fallback language; None for other intents."""
        variants = self.said.get(intent, {})
        return variants.get(language) or variants.get(self.fallback)


def load(paths: Sequence[Path], *, public_url: str, fallback: str = "en") -> Answers:
    """Read all files as one. Raises BadConfig with every problem of every file."""
    problems: list[Problem] = []
    said: dict[str, Mapping[str, Said]] = {}
    drafts: dict[str, Drafts] = {}
    for path in paths:
        for source, shape in _shaped(path, problems):
            for intent, answer in shape.answers.items():
                if intent in said:
                    again = "is answered in an earlier file, too; keep one of them"
                    problems.append(source.problem(("answers", intent), again))
                problems += _mistakes(source, intent, answer, fallback)
                said[intent] = {code: _said(answer, code, public_url) for code in answer.say}
            drafts |= {code: _drafts(one) for code, one in shape.drafts.items()}
    if problems:
        raise BadConfig(problems)
    return Answers(said=said, drafts=drafts, fallback=fallback)


def _shaped(path: Path, problems: list[Problem]) -> Iterator[tuple[Source, FileShape]]:
    """The file, if its shape is right; what is wrong is added to ``problems``."""
    try:
        source, twice = read(path)
    except BadConfig as error:
        problems += error.problems
        return
    problems += twice
    try:
        shape = FileShape.model_validate(source.tree)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            key = tuple(part for part in one["loc"] if part != "[key]")
            problems.append(source.problem(key, _advice(one["type"], one["msg"])))
        return
    yield source, shape


def _advice(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "unknown key; see docs/faq.md for the known ones"
    if kind == "missing":
        return "is missing; add it"
    if kind in ("model_type", "dict_type"):
        return "must be a mapping; write `key: value`"
    message = message.removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]}; change it"


def _mistakes(source: Source, intent: str, answer: AnswerShape, fallback: str) -> Iterator[Problem]:
    """What a shape cannot tell: languages and facts that do not fit together."""
    at: Key = ("answers", intent)
    if fallback not in answer.say:
        yield source.problem((*at, "say"), f"`{fallback}` is missing; every answer needs it")
    for name, values in answer.facts.items():
        for code in answer.say:
            if EVERY not in values and code not in values:
                what = f"has no value for `{code}`; add one, or one value for all"
                yield source.problem((*at, "facts", name), what)
    for number, link in enumerate(answer.links):
        for code in answer.say:
            if EVERY not in link.title and code not in link.title:
                what = f"has no title for `{code}`; add one, or one title for all"
                yield source.problem((*at, "links", number, "title"), what)
    for code, say in answer.say.items():
        yield from _places(source, (*at, "say", code), say, set(answer.facts))


def _places(source: Source, at: Key, say: SayShape, facts: set[str]) -> Iterator[Problem]:
    """Every fact must be told in every language, and only facts can be."""
    told: set[str] = set()
    for where, text in _texts(say):
        places = set(_PLACE.findall(text))
        for name in sorted(places - facts):
            yield source.problem((*at, *where), f"`{{{name}}}` is not among the facts; add it")
        if where[0] != "personal":
            told |= places
    for name in sorted(facts - told):
        what = f"never tells the fact `{name}`; write {{{name}}} where it belongs"
        yield source.problem((*at, "body"), what)


def _texts(say: SayShape) -> Iterator[tuple[Key, str]]:
    yield from (((("body", n), text)) for n, text in enumerate(say.body))
    yield from (((("personal", n), text)) for n, text in enumerate(say.personal or ()))
    if say.next_step:
        yield ("next_step",), say.next_step


def _said(answer: AnswerShape, code: str, public_url: str) -> Said:
    say = answer.say[code]
    values = {name: by.get(code, by.get(EVERY, "")) for name, by in answer.facts.items()}
    reply = _reply(say.body, say.next_step, values).replace(
        links=tuple(
            Link(
                title=one.title.get(code, one.title.get(EVERY, "")),
                url=public_url.rstrip("/") + one.url if one.url.startswith("/") else one.url,
            )
            for one in answer.links
        ),
        language=code,
    )
    buttons = tuple(Button(title=b.title, payload=b.payload or b.title) for b in say.buttons)
    draft = reply
    if say.personal:
        draft = _reply(say.personal, None, values).replace(links=reply.links, language=code)
    return Said(
        opening=Opening(by_mood={str(k): v for k, v in say.opener.items()}),
        reply=reply.replace(buttons=buttons),
        draft=draft if answer.suggest else None,
    )


def _reply(body: Sequence[str], next_step: str | None, values: Mapping[str, str]) -> Reply:
    def filled(text: str) -> str:
        return _PLACE.sub(lambda place: values.get(place[1], place[0]), text)

    words = " ".join((*body, next_step or ""))
    return Reply(
        body=tuple(filled(text) for text in body),
        next_step=filled(next_step) if next_step else None,
        facts=tuple(
            Fact(name=name, value=values[name])
            for name in dict.fromkeys(_PLACE.findall(words))
            if name in values
        ),
    )


def _drafts(shape: DraftShape) -> Drafts:
    openers = {str(mood): words for mood, words in shape.opener.items()}
    return Drafts(opening=Opening(by_mood=openers), next_step=shape.next_step)
