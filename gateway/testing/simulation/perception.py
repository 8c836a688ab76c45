"""Readers that know the truth: the gateway is told what each message means."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.model import Cue, Guess, Insight, Language, Turn
from gateway.plugins import InstalledPlugin, PluginRegistry, Registrations
from gateway.settings import Settings
from gateway.testing.simulation.values import Meaning


class TruthReader:
    """An `Understander` that finds in each message what the customer meant.

    `expect` says so before the message comes. A message that nobody announced means nothing.
    """

    name = "simulated_truth"
    priority = 0

    def __init__(self) -> None:
        self._meanings: dict[str, Meaning] = {}

    def expect(self, key: str, meaning: Meaning) -> None:
        """The message with the remote id ``key`` means ``meaning``."""
        self._meanings[key] = meaning

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [self._insight(turn) for turn in turns]

    def _insight(self, turn: Turn) -> Insight:
        meaning = self._meanings.get(turn.message.remote_id or "")
        return insight_of(meaning, turn.message.text) if meaning else Insight()


def insight_of(meaning: Meaning, text: str) -> Insight:
    """What a reader finds in ``text`` that means ``meaning``."""
    return Insight(
        language=Language(code=meaning.language, confidence=0.99),
        ranking=(Guess(name=meaning.intent, confidence=meaning.confidence),),
        emotion=meaning.mood.emotion(),
        signals=tuple(
            Cue(kind=kind, text=text, start=0, end=len(text)) for kind in meaning.signals
        ),
    )


class TruthfulPlugins(PluginRegistry):
    """The installed plugins, with ``reader`` in place of their readers."""

    def __init__(self, plugins: Sequence[InstalledPlugin], reader: TruthReader) -> None:
        super().__init__(plugins)
        self._reader = reader

    def registrations(self, settings: Settings) -> Registrations:
        found = super().registrations(settings)
        found.understanders[:] = [self._reader]
        return found
