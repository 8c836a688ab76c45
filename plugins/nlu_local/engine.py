"""The understander: language, intent, feeling and signals of many messages at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from gateway import Clock, HealthProblem, Insight, Phrases, Services, Turn, WarmlineError

from .asking import Said
from .knowledge import Row
from .language import LANGUAGES, check
from .reading import Beside, Here, Reading
from .store import is_learnt, learnt
from .watching import Knowledge
from .wire import Setup

if TYPE_CHECKING:
    from .encoder import Encoder
    from .intent import IntentModel

log = structlog.get_logger(__name__)


class NluLocal:
    """Understands messages on this machine, with small models and no network.

    It loads and trains when it is first asked, in a thread; while the server runs (`run`) it reads
    in a process beside it. Whoever asks before it is ready waits. Implements `Understander`,
    `PhraseConsumer`, `Trainable`, `Poller` and `ReadinessProbe`.
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
        semantic: str | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        """``rows`` are the examples to learn from (or ``knowledge``, which is looked at every
        ``look_every`` seconds), and ``folder`` is where what was learnt is kept; ``intents`` is a
        model that is ready. ``semantic`` names the `Encoder` to load; ``encoder`` is one that is
        ready. Raises ValueError for unknown languages."""
        check(languages)
        self._setup = Setup(
            languages=tuple(languages),
            closed=closed,
            semantic=semantic,
            folder=str(folder.absolute()) if folder else None,
        )
        self._encoder = encoder
        self._rows = knowledge.rows if knowledge else tuple(rows)
        self._knowledge, self._every = knowledge, look_every
        self._folder = folder
        self._intents = intents
        self._served = False
        self._begun: Beside | None = None
        self._reading: Reading | None = None
        self._loading: asyncio.Task[Reading] | None = None

    def hear(self, phrases: Phrases) -> None:
        """Listen for these phrases, too."""
        services = {code: dict(kinds) for code, kinds in phrases.items()}
        self._setup = msgspec.structs.replace(self._setup, services=services)

    async def begin(self) -> None:
        """Start the process that reads: it loads while the server does."""
        if self._intents is None:
            self._begun = Beside(self._setup)
            await self._begun.begin()

    async def warm(self) -> None:
        """Load, and learn what is not learnt yet."""
        await self._ready()

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        reading = await self._ready()
        said = [_said(turn) for turn in turns if turn.kind == "message"]
        insights = iter(await reading.read(said) if said else ())
        return [next(insights) if turn.kind == "message" else Insight() for turn in turns]

    async def run(self, services: Services) -> None:
        """Get ready, then learn anew whenever the examples change, until cancelled."""
        self._served = self._intents is None
        try:
            reading = await self._ready()
            while self._knowledge is not None and self._folder is not None:
                await services.clock.sleep(self._every)
                rows = await asyncio.to_thread(self._knowledge.look)
                if rows is not None:
                    await self._learn(reading, rows, self._folder)
            await asyncio.Event().wait()
        finally:
            await self.end()

    async def end(self) -> None:
        """Let go what reads, and what was only being loaded."""
        loading, reading = self._loading, self._reading
        self._served, self._reading, self._loading = False, None, None
        if loading is not None:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
        begun, self._begun = self._begun, None
        for one in (begun, reading):
            if one is not None:
                await one.stop()

    async def _learn(self, reading: Reading, rows: Sequence[Row], folder: Path) -> None:
        """Serve what is known until all is learnt, then that; what cannot be learnt is told."""
        try:
            if rows:
                await learnt(
                    rows, folder, use=reading.learn, semantic=self._setup.semantic, gently=True
                )
            else:
                await reading.learn(None)
        except (OSError, WarmlineError) as error:
            log.warning("nlu.not_learnt", error=str(error))
            return
        log.info("nlu.changed", intents=len({intent for _, intent in rows}))

    async def trouble(self) -> str | None:
        if self._reading is not None:
            return None
        task = self._loading
        if task is not None and task.done() and not task.cancelled() and task.exception():
            return f"not trained: {task.exception()}"
        return "not trained yet"

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (a Checkup)
        """Whether there is something to learn from, and it is learnt."""
        if not self._rows and self._intents is None:
            what = "there are no examples to learn intents from: every message goes to a person"
            fix = "name files with examples in `plugins.nlu_local.knowledge`"
            return [HealthProblem(what=what, severity="warning", fix=fix)]
        if self._folder is None or self._intents:
            return ()
        if is_learnt(self._rows, self._folder, self._setup.semantic):
            return ()
        what = "the examples are not learnt yet"
        fix = "the next `warmline serve` learns them before it answers, within a minute"
        return [HealthProblem(what=what, severity="warning", fix=fix)]

    def train(self, rows: Sequence[Row]) -> NluLocal:
        """Another one that has learnt ``rows`` instead. Blocks; raises ValueError when fewer
        than two intents are told, NoEncoder when there is none of the name in the settings."""
        from .encoder import Encoder  # noqa: PLC0415  (slow, and a server reads beside)
        from .training import train  # noqa: PLC0415  (slow, and a server trains beside)

        if self._encoder is None and self._setup.semantic is not None:
            self._encoder = Encoder(self._setup.semantic)
        return NluLocal(
            languages=self._setup.languages,
            intents=train(rows, encoder=self._encoder),
            encoder=self._encoder,
        )

    def restricted(self, languages: Sequence[str]) -> NluLocal:
        """Another one that chooses among ``languages`` alone, and never says ``und`` of words."""
        return NluLocal(
            languages=languages,
            intents=self._intents,
            closed=True,
            semantic=self._setup.semantic,
            encoder=self._encoder,
        )

    async def _ready(self) -> Reading:
        """Load once, however many ask; after a failure the next who asks begins again."""
        if self._reading is not None:
            return self._reading
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> Reading:
        reading: Reading = Here(self._setup, self._intents, self._encoder)
        if self._served:
            reading, self._begun = self._begun or Beside(self._setup), None
        try:
            await reading.start()
            if self._intents is None and self._rows and self._folder is not None:
                semantic = self._setup.semantic
                await learnt(self._rows, self._folder, use=reading.learn, semantic=semantic)
        except BaseException:
            await reading.stop()
            raise
        self._reading = reading
        log.info("nlu.ready", intents=len({intent for _, intent in self._rows}))
        return reading


def _said(turn: Turn) -> Said:
    earlier = [one.text for one in turn.history if one.author == "customer" and one.text.strip()]
    known = turn.conversation.language or turn.customer.language
    return Said(turn.message.text, known, earlier[-1] if earlier else None)
