"""Loads answer files, checks them as a whole, and prepares a reply for every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set
from importlib.resources import as_file, files
from pathlib import Path

from gateway import (
    AnswerEntry,
    BadConfig,
    Button,
    DraftText,
    Emotion,
    Fact,
    Json,
    Link,
    OverlayProblem,
    ReloadedFiles,
    Reply,
    Turn,
    Value,
    fill_facts,
    hours_in_words,
    joined_hours,
)
from plugins.faq.entries import HOURS, PLACEHOLDERS, read_entries


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

    def reply_to(self, turn: Turn) -> Reply | None:
        """The reply with the slots that the customer has stated, and the opening hours. None when
        nothing of it can be said."""
        return _filled(self.reply, self.next_step_known, turn)

    def draft_for(self, turn: Turn) -> Reply | None:
        """The draft, filled in as `reply_to` does."""
        if self.draft is None:
            return None
        # Words of a person's own have no next step of the bot.
        same = self.draft.body == self.reply.body
        return _filled(self.draft, self.next_step_known if same else None, turn)


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
    left_out: tuple[OverlayProblem, ...] = ()
    """What people adopted and does not fit the files."""
    entries: Mapping[str, AnswerEntry] = {}
    """The answers as the files and what was adopted have them."""

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
        packaged = _smalltalk().by_intent
        joined = {
            name: {**answers, **self.by_intent.get(name, {})} for name, answers in packaged.items()
        }
        return self.replace(by_intent={**self.by_intent, **joined})


def _smalltalk() -> FaqAnswers:
    with as_file(files(__package__) / "smalltalk.yaml") as file:
        return load([file], public_url="")


def smalltalk_intents() -> frozenset[str]:
    """The intents that have a packaged answer."""
    return frozenset(_smalltalk().by_intent)


def load(
    paths: Sequence[Path],
    *,
    public_url: str,
    fallback: str = "en",
    slots: Set[str] = frozenset(),
    overlay: Mapping[str, Json] | None = None,
) -> FaqAnswers:
    """Loads all files as one; ``slots`` are the names of those that there are, and ``overlay`` is
    what people adopted (see `Overlay`). Raises BadConfig with every problem of every file."""
    read = read_entries(paths, fallback=fallback, slots=slots)
    left_out = tuple(read.lay(overlay or {}))
    return FaqAnswers(
        by_intent={
            intent: {code: _answer(entry, code, public_url) for code in entry.say}
            for intent, entry in read.entries.items()
        },
        drafts={code: _frame(draft) for code, draft in read.frames.items()},
        fallback=fallback,
        needs={intent: entry.needs for intent, entry in read.entries.items() if entry.needs},
        left_out=left_out,
        entries=dict(read.entries),
    )


class OverlaidAnswers:
    """The answers of ``paths``, with those that people adopted laid over them; read again when
    either changes.

    ``read`` is `load`, with all its arguments but the paths and the overlay. ``name`` and ``every``
    are those of `ReloadedFiles`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[..., FaqAnswers],
        *,
        name: str,
        every: float,
        overlay: Mapping[str, Json] | None = None,
    ) -> None:
        """Reads the files. Raises BadConfig."""
        self.paths, self._read = tuple(paths), read
        self._name, self._every = name, every
        self._overlay: Mapping[str, Json] = overlay or {}
        self._files = ReloadedFiles(self.paths, self._load, name=name, every=every)

    async def current(self) -> FaqAnswers:
        """The answers; see `ReloadedFiles.current`."""
        return await self._files.current()

    async def check(self, overlay: Mapping[str, Json]) -> tuple[OverlayProblem, ...]:
        """What of ``overlay`` does not fit the files as they are now."""
        try:
            found = await asyncio.to_thread(self._read, self.paths, overlay=overlay)
        except BadConfig as error:
            what = f"the file has mistakes: {error.problems[0]}; correct it first"
            return (OverlayProblem(key="answers", message=what),)
        return found.left_out

    async def use(self, overlay: Mapping[str, Json]) -> tuple[OverlayProblem, ...]:
        """From now on lay ``overlay`` over the files; return what does not fit."""
        if overlay != self._overlay:
            self._overlay = overlay
            await self._files.reload()
        return self._files.value.left_out

    async def trial(self, overlay: Mapping[str, Json]) -> OverlaidAnswers:
        """The same files with another overlay."""
        return await asyncio.to_thread(self._read_again, overlay)

    def _read_again(self, overlay: Mapping[str, Json]) -> OverlaidAnswers:
        return OverlaidAnswers(
            self.paths, self._read, name=self._name, every=self._every, overlay=overlay
        )

    def _load(self, paths: Sequence[Path]) -> FaqAnswers:
        return self._read(paths, overlay=self._overlay)


def _frame(draft: DraftText) -> DraftFrame:
    openers = MoodOpeners(by_mood={str(mood): text for mood, text in draft.opener.items()})
    return DraftFrame(openers=openers, next_step=draft.next_step)


def _answer(entry: AnswerEntry, code: str, public_url: str) -> LocalizedAnswer:
    text, facts = entry.say[code], entry.facts_in(code)
    links = tuple(
        Link(title=link.title_in(code), url=link.absolute(public_url)) for link in entry.links
    )

    def reply(body: Sequence[str], next_step: str | None) -> Reply:
        names = PLACEHOLDERS.findall(" ".join((*body, next_step or "")))
        return Reply(
            body=tuple(fill_facts(sentence, facts) for sentence in body),
            next_step=fill_facts(next_step, facts) if next_step else None,
            facts=tuple(
                Fact(name=name, value=facts[name]) for name in dict.fromkeys(names) if name in facts
            ),
            links=links,
            language=code,
            general=True,
        )

    public = reply(text.body, text.next_step)
    draft = reply(text.personal, None) if text.personal else public
    buttons = tuple(Button(title=b.title, payload=b.payload or b.title) for b in text.buttons)
    return LocalizedAnswer(
        openers=MoodOpeners(by_mood={str(mood): opener for mood, opener in text.opener.items()}),
        reply=public.replace(buttons=buttons, only_if_unanswered=entry.sources_first),
        draft=draft if entry.suggest else None,
        next_step_known=fill_facts(text.next_step_known, facts) if text.next_step_known else None,
    )


def _filled(reply: Reply, known: str | None, turn: Turn) -> Reply | None:
    """``reply`` with its slots and the opening hours filled in; ``known`` in place of its next step
    where all of its slots are. None when nothing of its body can be said."""
    if known and (next_step := _fill([known], turn, reply.language)[0]):
        return _with_values(reply.replace(next_step=next_step[0]), turn, known)
    return _with_values(reply, turn)


def _with_values(reply: Reply, turn: Turn, *more: str) -> Reply | None:
    """``reply`` with its slots and the opening hours filled in, without the sentences of which
    something is not known; None when its body has no other. ``more`` are texts that are part of it
    already."""
    texts = (*reply.body, reply.next_step or "", *more)
    if not any("{" in text for text in texts):
        return reply
    body, facts = _fill(reply.body, turn, reply.language)
    next_step, more_facts = _fill([reply.next_step or ""], turn, reply.language)
    _, other_facts = _fill(more, turn, reply.language)
    filled = (*facts, *more_facts, *other_facts)
    if not body:
        return None
    return reply.replace(
        body=tuple(body),
        next_step=next_step[0] if next_step else None,
        facts=tuple(dict.fromkeys((*reply.facts, *filled))),
        # With words of the customer's own it is about their case.
        general=reply.general and all(turn.given(fact.name) is None for fact in filled),
    )


def _fill(texts: Sequence[str], turn: Turn, language: str) -> tuple[list[str], list[Fact]]:
    """The texts of which everything is known, filled in, and what was filled in as facts."""
    filled, facts = [], list[Fact]()
    for text in texts:
        parts = {name: _stated(name, turn, language) for name in PLACEHOLDERS.findall(text)}
        if text and all(parts.values()):
            values = {
                name: joined_hours(found, language) if len(found) > 1 else found[0]
                for name, found in parts.items()
            }
            filled.append(fill_facts(text, values))
            facts += [Fact(name=name, value=part) for name in parts for part in parts[name]]
    return filled, facts


def _stated(name: str, turn: Turn, language: str) -> tuple[str, ...]:
    """The value of a slot, or the opening hours in parts; empty when it is not known."""
    value = turn.given(name)
    if value is not None:
        return (value,)
    if name == HOURS and turn.hours is not None:
        return hours_in_words(turn.hours, language)
    return ()
