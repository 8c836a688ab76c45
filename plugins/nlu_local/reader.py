"""Reads messages: language, questions and intents, emotion and signals, with all models loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from gateway import Guess, Insight, Language, Phrases

from .encoder import PieceEncoder, SentenceEncoder, load_encoder, load_packaged_encoder
from .intent_model import IntentModel
from .language import LanguageDetector
from .mood.cues import SIGNAL_KINDS
from .mood.emotion import FEELING_KINDS
from .mood.model import MoodModel
from .mood.reading import MoodContext, MoodReader
from .phrases import (
    CUSTOM_WEIGHT,
    PHRASE_FILES,
    LanguagePhrases,
    PhrasePattern,
    load_phrases,
    parse_phrase,
)
from .protocol import (
    PACKAGED_INTENTS,
    EncoderUnavailable,
    MessageInContext,
    ReaderSetup,
)
from .questions import MIN_CONFIDENCE, MIN_WORDS, UNSPACED, MessageTopic, QuestionFinder
from .text import WordToken, tokenize

MIN_LANGUAGE_SHARE = 0.15
"""The phrases of a language are searched from this probability of the language on."""


SMALL_TALK = frozenset(chain(PACKAGED_INTENTS, *PACKAGED_INTENTS.values()))

MIN_QUESTION = 0.35
"""A question with this confidence counts more than the greeting before it. Where that is too little
for an answer, the bot asks what is meant instead of greeting someone who asked."""

MAX_COURTESY_WORDS = 5
"""Words of a courtesy that is taken off a question."""

MAX_NAME_WORDS = 3
"""Words of a name beside a courtesy, or at the end of a message."""

_AFTER_NAME = ",!\n،、！"
_PAUSE = ",\n،、"
"""Beside one of these a single word in small letters is a name: `hi tom,`, but not `hi stop!`."""
_BEFORE_NAME = ".?!\n…。！？؟–—/~"
_BLANKS = " \t\n,;،、-–—/~"
_TITLES = frozenset(
    ["mr", "mrs", "ms", "dr", "prof", "sr", "sra", "hr", "fr", "mme", "sig", "dott"]
)
"""After these a full stop ends no sentence."""
_TEAMS = frozenset(["team", "equipe", "equipo", "squadra", "zespol"])
"""What ends a greeting to all of a shop, in small letters too: `hi magpie team,`."""
_IN_NAMES = frozenset(
    ["de", "der", "den", "van", "von", "zu", "da", "do", "dos", "di", "del", "la", "le", "al"]
)


class MessageReader:
    """Reads messages. Loading takes about a second: create it off the event loop.

    With ``closed`` the language is always one of ``languages``, however short the message. The
    intent model in ``intents`` was trained with ``encoder``, if it was trained with one.
    ``mood_encoder`` is the packaged one; without it the phrases alone decide on moods.
    ``courtesies`` may stand around a question, and ``custom_phrases`` are those of the brand's
    guide. ``folder`` caches what makes the next start faster. Raises ValueError for a custom phrase
    that cannot be searched for.
    """

    def __init__(
        self,
        languages: Sequence[str],
        *,
        closed: bool = False,
        encoder: SentenceEncoder | None = None,
        mood_encoder: PieceEncoder | None = None,
        intents: IntentModel | None = None,
        courtesies: Iterable[str] = (),
        custom_phrases: Phrases | None = None,
        folder: str | None = None,
    ) -> None:
        self._phrases = {code: load_phrases(code) for code in PHRASE_FILES}
        self._encoder, self._intents = encoder, intents
        self._mood_encoder = mood_encoder
        self._mood_model = MoodModel.load() if mood_encoder else None
        self._closed = closed
        greetings = {code: language.greetings for code, language in self._phrases.items()}
        self._languages = LanguageDetector(languages, greetings, Path(folder) if folder else None)
        self._questions = QuestionFinder(self._phrases)
        letters = (text for language in self._phrases.values() for text in language.courtesies)
        self._courtesies = CourtesyPhrases((*courtesies, *letters))
        self.use_phrases(custom_phrases or {})

    @classmethod
    def load(
        cls,
        setup: ReaderSetup,
        intents: IntentModel | None = None,
        encoder: SentenceEncoder | None = None,
    ) -> MessageReader:
        """The reader that ``setup`` describes; an ``encoder`` that is loaded already serves it.

        Raises EncoderUnavailable.
        """
        folder = Path(setup.folder) if setup.folder else None
        if encoder is None and setup.encoder is not None:
            encoder = load_encoder(setup.encoder, folder)
        mood_encoder = encoder if isinstance(encoder, PieceEncoder) else None
        if setup.universal and mood_encoder is None:
            mood_encoder = load_packaged_encoder(folder)
        return cls(
            setup.languages,
            closed=setup.closed,
            encoder=encoder,
            mood_encoder=mood_encoder,
            intents=intents,
            courtesies=setup.courtesies,
            custom_phrases=setup.custom_phrases,
            folder=setup.folder,
        )

    def use_phrases(self, custom: Phrases) -> None:
        """From now on look for these phrases of the brand's guide instead of those before."""
        phrases = add_custom_phrases(self._phrases, custom)
        self._moods = MoodReader(phrases, encoder=self._mood_encoder, model=self._mood_model)

    def load_intents(self, model: str | Path | None) -> None:
        """From now on rank intents with the model in this file; None: without intents.

        Raises FileNotFoundError or UnusableModel, and then keeps the model it has.
        """
        self._intents = IntentModel.load(Path(model), self._encoder) if model else None

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """The embedding of each text, as 32-bit floats. Raises EncoderUnavailable without one."""
        if self._encoder is None:
            raise EncoderUnavailable("there is no sentence encoder")
        return [row.tobytes() for row in self._encoder.encode(texts)]

    def read(self, text: str, known_language: str | None = None) -> Insight:
        """The insight for ``text``."""
        return self.read_all([MessageInContext(text, known_language)])[0]

    def read_all(self, messages: Sequence[MessageInContext]) -> list[Insight]:
        """The insight for each message. Each model reads all messages before the next model: its
        tables are larger than the processor's caches, and so are fetched once."""
        languages = self._languages.detect_all([m.text for m in messages], closed=self._closed)
        contexts = [
            mood_context(message, language, shares)
            for message, (language, shares) in zip(messages, languages, strict=True)
        ]
        moods = self._moods.read_all(contexts)
        intents = self._intents
        topics = (
            self._questions.topics(messages, PoliteQuestions(intents, self._courtesies))
            if intents
            else [MessageTopic(None)] * len(messages)
        )
        return [
            Insight(
                language=language,
                emotion=mood.emotion,
                signals=mood.signals,
                ranking=topic.ranking,
                questions=topic.questions,
                sentences=topic.sentences,
            )
            for (language, _), mood, topic in zip(languages, moods, topics, strict=True)
        ]


def mood_context(
    message: MessageInContext, language: Language, shares: Mapping[str, float]
) -> MoodContext:
    """What the mood of ``message`` is read with; ``shares`` are the probabilities of languages."""
    known = message.known_language
    if language.code == "und":
        possible = [known] if known else list(shares)
        english = 1.0 if known in (None, "en") else 0.0
    else:
        likely = [code for code, share in shares.items() if share >= MIN_LANGUAGE_SHARE]
        possible = list(dict.fromkeys([language.code, *likely, *([known] if known else [])]))
        english = max(shares.get("en", 0.0), float(language.code == "en"))
    return MoodContext(message.text, tokenize(message.text), possible, english)


class QuestionCore(NamedTuple):
    """What is left of a text without courtesies and names around it: ``text[start:end]``.

    ``signed``: only capitals or a line of its own showed that its end was a name.
    """

    start: int
    end: int
    signed: bool = False


class CourtesyPhrases:
    """Finds greetings, thanks and goodbyes at the ends of a text, and the names beside them:
    `Dear Ms Weber, ... Kind regards, Tom`, and `... Tom` alone."""

    def __init__(self, phrases: Iterable[str]) -> None:
        keys = (tuple(word.key for word in tokenize(phrase)) for phrase in phrases)
        self._phrases = frozenset(key for key in keys if 0 < len(key) <= MAX_COURTESY_WORDS)

    def core(self, text: str) -> QuestionCore | None:
        """What ``text`` says between them; None when there are none, or hardly more."""
        words = tokenize(text)
        keys = tuple(word.key for word in words)
        start, before = 0, -1
        while start != before:
            before = start
            start = self._after_courtesy(text, words, keys, start)
        end, before, signed = len(words), -1, False
        while end != before:
            before = end
            end = self._before_courtesy(text, words, keys, start, end)
            if end == before and not signed:
                end = _before_name(text, words, start, end)
                signed = end != before
        if start >= end or (start, end) == (0, len(words)):
            return None
        core = QuestionCore(
            words[start].start, words[end].start if end < len(words) else len(text), signed
        )
        enough = end - start >= MIN_WORDS or UNSPACED.search(text, core.start, core.end)
        return core if enough else None

    def without(self, text: str) -> str | None:
        """What is left of ``text`` without them; None when there are none, or hardly more."""
        core = self.core(text)
        return text[core.start : core.end].rstrip(_BLANKS) if core else None

    def _after_courtesy(
        self, text: str, words: Sequence[WordToken], keys: tuple[str, ...], start: int
    ) -> int:
        """Where a courtesy that begins at ``start`` ends, with the name that it is said to."""
        lengths = range(min(MAX_COURTESY_WORDS, len(keys) - start), 0, -1)
        after = next(
            (start + n for n in lengths if keys[start : start + n] in self._phrases), start
        )
        if after == start:
            return start
        stop = after
        while stop < len(words) and stop - after <= MAX_NAME_WORDS:
            if stop > after and _ends(text, words, stop, _AFTER_NAME):
                paused = _ends(text, words, stop, _PAUSE)
                name = words[after:stop]
                is_name = _is_name(text, name, cased=not paused) or (paused and len(name) == 1)
                return stop if is_name or name[-1].key in _TEAMS else after
            if words[stop].clause != words[stop - 1].clause and keys[stop - 1] not in _TITLES:
                return after
            stop += 1
        return after

    def _before_courtesy(
        self,
        text: str,
        words: Sequence[WordToken],
        keys: tuple[str, ...],
        start: int,
        end: int,
    ) -> int:
        """Where a courtesy that ends at ``end`` begins, or with the name of who says it."""
        for at in range(max(start, end - MAX_COURTESY_WORDS - MAX_NAME_WORDS), end):
            begins = at == 0 or words[at].clause != words[at - 1].clause
            for length in range(min(MAX_COURTESY_WORDS, end - at), 0, -1):
                name = words[at + length : end]
                if keys[at : at + length] not in self._phrases or (name and not begins):
                    continue
                paused = bool(name) and _ends(text, words, at + length, _PAUSE)
                is_name = _is_name(text, name) or (paused and len(name) == 1)
                if len(name) <= MAX_NAME_WORDS and is_name:
                    return at
        return end


def _before_name(text: str, words: Sequence[WordToken], start: int, end: int) -> int:
    """Where a name begins that ends the text at ``end``, after a sentence or on its own line."""
    after = text[words[end - 1].end : words[end].start] if end < len(words) else ""
    if end <= start or "?" in (after or text[words[end - 1].end :]):
        return end
    for at in range(end - 1, max(start, end - MAX_NAME_WORDS - 1), -1):
        if _ends(text, words, at, _BEFORE_NAME):
            named = _is_name(text, words[at:end], cased=not _ends(text, words, at, "\n"))
            return at if named else end
    return end


def _ends(text: str, words: Sequence[WordToken], at: int, marks: str) -> bool:
    """Whether one of ``marks`` stands before the word ``at``."""
    return not set(marks).isdisjoint(text[words[at - 1].end : words[at].start])


def _is_name(text: str, words: Sequence[WordToken], *, cased: bool = False) -> bool:
    """Whether each word has a capital, or its script has none and ``cased`` is false."""
    initials = [text[word.start] for word in words if word.key not in _IN_NAMES]
    return all(c.isupper() or (not cased and c.isalpha() and c == c.upper()) for c in initials)


class PoliteQuestions:
    """Ranks intents by the question where a message has courtesies around it.

    ``Hi, what does shipping cost?`` is about shipping, although much of it is a greeting. The rest
    of a message counts only if an intent stands out in it; ``thanks for everything`` is thanks.
    """

    def __init__(self, intents: IntentModel, courtesies: CourtesyPhrases) -> None:
        self._intents, self._courtesies = intents, courtesies

    def core(self, text: str) -> tuple[int, int]:
        """The start and end of ``text`` without courtesies; what only looks like a name stays."""
        found = self._courtesies.core(_not_shouted(text))
        if found is None:
            return 0, len(text)
        return found.start, len(text) if found.signed else found.end

    def rank_all(self, texts: Sequence[str]) -> list[tuple[Guess, ...]]:
        """The ranking for each text, best first."""
        texts = [_not_shouted(text) for text in texts]
        cores = [self._courtesies.core(text) for text in texts]
        questions = [
            text[core.start : core.end].rstrip(_BLANKS)
            for text, core in zip(texts, cores, strict=True)
            if core
        ]
        rankings = self._intents.rank_all([*texts, *questions])
        of_questions = iter(rankings[len(texts) :])
        return [
            _clearer(whole, next(of_questions), signed=core.signed) if core else whole
            for whole, core in zip(rankings, cores, strict=False)
        ]


def _not_shouted(text: str) -> str:
    """``text`` in small letters where several words have only capitals, which no example has."""
    lower = text.lower() if text.isupper() and len(text.split()) > 1 else text
    return lower if len(lower) == len(text) else text


def _clearer(
    whole: tuple[Guess, ...], question: tuple[Guess, ...], *, signed: bool
) -> tuple[Guess, ...]:
    asked, said = question[0], whole[0]
    if asked.name in SMALL_TALK:
        return whole
    if signed and asked.name != said.name and said.confidence >= MIN_CONFIDENCE:
        return whole  # what looks like a name may be part of the matter: `Do you deliver? Vienna`
    least = min(MIN_QUESTION, said.confidence) if said.name in SMALL_TALK else said.confidence
    return question if asked.confidence > least else whole


def add_custom_phrases(
    phrases: Mapping[str, LanguagePhrases], custom: Phrases
) -> dict[str, LanguagePhrases]:
    """``phrases`` with the ``custom`` ones of each language added. Raises ValueError for a phrase
    that cannot be searched for."""
    joined = dict(phrases)
    for code, by_kind in custom.items():
        known = joined.get(code, LanguagePhrases())
        joined[code] = replace(
            known,
            names=(*known.names, *_parse(by_kind, ("names",))),
            feelings=(*known.feelings, *_parse(by_kind, FEELING_KINDS)),
            signals=(*known.signals, *_parse(by_kind, SIGNAL_KINDS)),
        )
    return joined


def _parse(by_kind: Mapping[str, tuple[str, ...]], kinds: tuple[str, ...]) -> list[PhrasePattern]:
    return [
        parse_phrase(text, kind, CUSTOM_WEIGHT) for kind in kinds for text in by_kind.get(kind, ())
    ]
