"""Everything that reads a message, loaded: language, intent, feeling and signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import Insight, Language, Phrases

from .asking import Asking, Said, Topic
from .emotion import EmotionReader
from .encoder import Encoder
from .house import with_house
from .intent import IntentModel
from .language import LanguageTeller
from .phrases import WORDS, read_words
from .signals import SignalReader
from .text import tokens
from .tone import Tone

POSSIBLE = 0.15
"""A language at least this likely has its phrases looked for."""


class Readers:
    """All that is loaded before the first message: make it off the event loop (about a second).

    ``closed``: the language must be one of ``languages``, however short the message. ``encoder``
    is what the intents' model has learnt with, if anything; ``house`` are the guide's phrases;
    ``folder`` keeps what makes the next start quicker.
    """

    def __init__(
        self,
        languages: Sequence[str],
        *,
        closed: bool = False,
        encoder: Encoder | None = None,
        services: Phrases | None = None,
        folder: str | None = None,
    ) -> None:
        words = with_house({code: read_words(code) for code in WORDS}, services or {})
        self.encoder = encoder
        self._closed = closed
        greetings = {code: one.language for code, one in words.items()}
        self._language = LanguageTeller(languages, greetings, Path(folder) if folder else None)
        self._emotion = EmotionReader(words, Tone.shipped())
        self._signals = SignalReader(words)
        self._asking = Asking(words)

    def read(self, text: str, known: str | None, intents: IntentModel | None) -> Insight:
        """All we can tell of ``text``; ``known`` is the language of the conversation so far."""
        return self.read_all([Said(text, known)], intents)[0]

    def read_all(self, said: Sequence[Said], intents: IntentModel | None) -> list[Insight]:
        """`read` of each. One question is asked of all of them before the next: a model's
        tables are larger than the processor's caches, and fetched once."""
        texts = [one.text for one in said]
        languages = self._language.tell_all(texts, closed=self._closed)
        topics = self._asking.topics(said, intents) if intents else [Topic(None)] * len(said)
        return [
            self._feel(one.text, one.known, language, shares).replace(
                ranking=topic.ranking, questions=topic.questions
            )
            for one, (language, shares), topic in zip(said, languages, topics, strict=True)
        ]

    def _feel(
        self, text: str, known: str | None, language: Language, shares: Mapping[str, float]
    ) -> Insight:
        words = tokens(text)
        if language.code == "und":
            possible = [known] if known else list(shares)
            english = 1.0 if known in (None, "en") else 0.0
        else:
            likely = [code for code, share in shares.items() if share >= POSSIBLE]
            possible = list(dict.fromkeys([language.code, *likely, *([known] if known else [])]))
            english = max(shares.get("en", 0.0), float(language.code == "en"))
        return Insight(
            language=language,
            emotion=self._emotion.read(text, words, possible, english),
            signals=self._signals.read(text, words, possible),
        )
