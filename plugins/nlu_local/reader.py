"""Reads messages: language, questions and intents, emotion and signals, with all models loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

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
from .questions import MIN_WORDS, MessageTopic, QuestionFinder
from .text import tokenize

MIN_LANGUAGE_SHARE = 0.15
"""The phrases of a language are searched from this probability of the language on."""


SMALL_TALK = frozenset(chain(PACKAGED_INTENTS, *PACKAGED_INTENTS.values()))

MIN_QUESTION = 0.35
"""A question with this confidence counts more than the greeting before it. Where that is too little
for an answer, the bot asks what is meant instead of greeting someone who asked."""

MAX_COURTESY_WORDS = 5
"""Words of a courtesy that is taken off a question."""


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
        self._courtesies = CourtesyPhrases(courtesies)
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


class CourtesyPhrases:
    """Finds greetings, thanks and goodbyes at the ends of a text."""

    def __init__(self, phrases: Iterable[str]) -> None:
        keys = (tuple(word.key for word in tokenize(phrase)) for phrase in phrases)
        self._phrases = frozenset(key for key in keys if 0 < len(key) <= MAX_COURTESY_WORDS)

    def without(self, text: str) -> str | None:
        """What is left of ``text`` without them; None when there are none, or hardly more."""
        words = tokenize(text)
        keys = tuple(word.key for word in words)
        lengths = range(min(MAX_COURTESY_WORDS, len(keys)), 0, -1)
        start = next((n for n in lengths if keys[:n] in self._phrases), 0)
        after = next((n for n in lengths if keys[len(keys) - n :] in self._phrases), 0)
        if (not start and not after) or len(keys) - start - after < MIN_WORDS:
            return None
        end = words[len(words) - after].start if after else len(text)
        return text[words[start].start : end].strip()


class PoliteQuestions:
    """Ranks intents by the question where a message has courtesies around it.

    ``Hi, what does shipping cost?`` is about shipping, although much of it is a greeting. The rest
    of a message counts only if an intent stands out in it; ``thanks for everything`` is thanks.
    """

    def __init__(self, intents: IntentModel, courtesies: CourtesyPhrases) -> None:
        self._intents, self._courtesies = intents, courtesies

    def rank_all(self, texts: Sequence[str]) -> list[tuple[Guess, ...]]:
        """The ranking for each text, best first."""
        questions = [self._courtesies.without(text) for text in texts]
        rankings = self._intents.rank_all([*texts, *(text for text in questions if text)])
        of_questions = iter(rankings[len(texts) :])
        return [
            _clearer(whole, next(of_questions)) if question else whole
            for whole, question in zip(rankings, questions, strict=False)
        ]


def _clearer(whole: tuple[Guess, ...], question: tuple[Guess, ...]) -> tuple[Guess, ...]:
    asked, said = question[0], whole[0]
    if asked.name in SMALL_TALK:
        return whole
    least = MIN_QUESTION if said.name in SMALL_TALK else said.confidence
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
