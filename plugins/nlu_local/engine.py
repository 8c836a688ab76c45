"""The understander: language, intent, feeling and signals of many messages at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from gateway import House, Insight, Language, Turn, WarmlineError

from .asking import Asking, Said, Topic
from .emotion import EmotionReader
from .intent import IntentModel
from .knowledge import Row
from .language import LANGUAGES, LanguageTeller, check
from .phrases import WORDS, read_words
from .signals import SignalReader
from .store import trained
from .text import tokens
from .tone import Tone
from .training import train
from .watching import Knowledge

POSSIBLE = 0.15
"""A language at least this likely has its phrases looked for."""

log = structlog.get_logger(__name__)


class Readers:
    """All that is loaded before the first message: make it off the event loop (about a second).

    ``closed``: the language must be one of ``languages``, however short the message.
    """

    def __init__(self, languages: Sequence[str], *, closed: bool = False) -> None:
        words = {code: read_words(code) for code in WORDS}
        self._closed = closed
        self._language = LanguageTeller(languages, {c: one.language for c, one in words.items()})
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


class NluLocal:
    """Understands messages on this machine, with small models and no network.

    It loads and trains beside the server (`run`), or when it is first asked; whoever asks before
    that waits. Implements `Understander`, `Trainable`, `Poller` and `Probe`.
    """

    name = "nlu_local"
    priority = 50

    def __init__(
        self,
        *,
        languages: Sequence[str] = LANGUAGES,
        rows: Sequence[Row] = (),
        knowledge: Knowledge | None = None,
        look_every: float = 2.0,
        folder: Path | None = None,
        intents: IntentModel | None = None,
        closed: bool = False,
    ) -> None:
        """``rows`` are the examples to learn from (or ``knowledge``, which is looked at every
        ``look_every`` seconds), and ``folder`` is where what was learnt is kept; ``intents`` is a
        model that is ready. Raises ValueError for unknown languages."""
        check(languages)
        self._languages = tuple(languages)
        self._rows = knowledge.rows if knowledge else tuple(rows)
        self._knowledge, self._every = knowledge, look_every
        self._folder = folder
        self._intents = intents
        self._closed = closed
        self._readers: Readers | None = None
        self._loading: asyncio.Task[Readers] | None = None

    async def warm(self) -> None:
        """Load, and learn what is not learnt yet."""
        await self._ready()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        readers = await self._ready()
        return await asyncio.to_thread(self._all, readers, turns)

    def _all(self, readers: Readers, turns: Sequence[Turn]) -> list[Insight]:
        heard = [turn for turn in turns if turn.kind == "message"]
        insights = iter(readers.read_all([_said(turn) for turn in heard], self._intents))
        return [next(insights) if turn.kind == "message" else Insight() for turn in turns]

    async def run(self, house: House) -> None:
        """Get ready, then learn anew whenever the examples change, until cancelled."""
        await self._ready()
        while self._knowledge is not None and self._folder is not None:
            await house.clock.sleep(self._every)
            rows = await asyncio.to_thread(self._knowledge.look)
            if rows is not None:
                await self._learn(rows, self._folder)
        await asyncio.Event().wait()

    async def _learn(self, rows: Sequence[Row], folder: Path) -> None:
        """Serve what is known until all is learnt, then that; what cannot be learnt is told."""
        try:
            intents = await trained(rows, folder, gently=True) if rows else None
        except (OSError, WarmlineError) as error:
            log.warning("nlu.not_learnt", error=str(error))
            return
        self._intents = intents
        log.info("nlu.changed", intents=len(intents.names) if intents else 0)

    async def trouble(self) -> str | None:
        if self._readers is not None:
            return None
        task = self._loading
        if task is not None and task.done() and not task.cancelled() and task.exception():
            return f"not trained: {task.exception()}"
        return "not trained yet"

    def train(self, rows: Sequence[Row]) -> NluLocal:
        """Another one that has learnt ``rows`` instead. Blocks; raises ValueError when fewer
        than two intents are told."""
        return NluLocal(languages=self._languages, intents=train(rows))

    def restricted(self, languages: Sequence[str]) -> NluLocal:
        """Another one that chooses among ``languages`` alone, and never says ``und`` of words."""
        return NluLocal(languages=languages, intents=self._intents, closed=True)

    async def _ready(self) -> Readers:
        """Load once, however many ask; after a failure the next who asks begins again."""
        if self._readers is not None:
            return self._readers
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> Readers:
        if self._intents is None and self._rows and self._folder is not None:
            self._intents = await trained(self._rows, self._folder)
        readers = await asyncio.to_thread(Readers, self._languages, closed=self._closed)
        self._readers = readers
        log.info("nlu.ready", intents=len(self._intents.names) if self._intents else 0)
        return readers


def _said(turn: Turn) -> Said:
    earlier = [one.text for one in turn.history if one.author == "customer" and one.text.strip()]
    known = turn.conversation.language or turn.customer.language
    return Said(turn.message.text, known, earlier[-1] if earlier else None)
