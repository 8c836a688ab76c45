"""Channels on which the tone of agents drifts, from what it was and from the other channels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway import CaseRecord, RenderContext, Voice
from plugins.insights.model import Discovery

from .replies import is_said
from .sampling import Sample
from .statistics import StratumCounts, discoveries, share_figure, stratified_p
from .wording import Masking, figures

PER_CHANNEL = 2_000
"""Messages of one channel that are compared: a sample of them, where there are more."""
CHANGES = (0.25, 0.4, 0.55, 0.7)
"""Where a change is looked for, as shares of a channel's messages in the order of time."""
LEAST = 30
"""Messages before a change, and after it."""
LEAST_CHANGE = 0.1
"""The least difference of a share that is worth a finding."""
SHARED = 0.5
"""Where the other channels changed by more than this part of it, the team did, not a channel."""
LONG = 60
"""Words of a long message."""

_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_LAUGH = re.compile(r"\b(?:lol|rofl|(?:ha|he|ja){2,}h?|mdr|ptdr|xd)\b", re.IGNORECASE)
_CAPITALS = re.compile(r"\b[^\W\d_]{4,}\b")

FEATURES: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "exclamation": ("has exclamation marks", lambda text: "!" in text),
    "emoji": ("has emoji", lambda text: bool(_EMOJI.search(text))),
    "laughter": ("laughs (lol, haha)", lambda text: bool(_LAUGH.search(text))),
    "capitals": (
        "has words in capitals",
        lambda text: any(word.isupper() for word in _CAPITALS.findall(text)),
    ),
    "small_start": ("begins with a small letter", lambda text: text.lstrip()[:1].islower()),
    "open_end": ("ends without a full stop", lambda text: text.rstrip()[-1:].isalnum()),
    "long": (f"is longer than {LONG} words", lambda text: len(text.split()) > LONG),
}
"""What is looked at in every language: a name, its words, and whether a text has it."""
ADVICE = "advice", "breaks a rule of the guide"
"""A further one: the brand voice has advice on the text."""


class AgentText(NamedTuple):
    """What an agent wrote: the first message to a customer in a conversation."""

    number: int
    conversation: int
    channel: str
    brand: str
    language: str
    agent: str
    text: str
    names: tuple[str, ...]


class _Change(NamedTuple):
    channel: str
    feature: str
    p: float
    at: int
    before: float
    after: float


class ToneLog:
    """A sample of what agents wrote, by channel."""

    def __init__(self) -> None:
        self._texts: defaultdict[str, Sample[AgentText]] = defaultdict(lambda: Sample(PER_CHANNEL))

    def add(self, case: CaseRecord) -> None:
        """Take each agent's first message that is no draft sent as it was."""
        conversation, seen = case.conversation, set[str]()
        drafts = {s.text for s in case.suggestions if s.outcome == "sent"}
        for message in case.messages:
            agent = message.agent
            if message.author != "agent" or agent is None or agent.id in seen:
                continue
            if not is_said(message) or message.text in drafts:
                continue
            seen.add(agent.id)
            channel = conversation.address.channel_key
            names = (case.customer_name, agent.name)
            text = AgentText(
                number=message.id,
                conversation=conversation.id,
                channel=channel,
                brand=conversation.brand,
                language=conversation.language or "und",
                agent=agent.id,
                text=message.text,
                names=tuple(name for name in names if name),
            )
            self._texts[channel].add(message.id, text)

    def discoveries(self, voice: Voice | None, masking: Masking) -> list[Discovery]:
        """The channels whose tone changed, within what each agent writes in each language; one
        finding for a channel, by the feature that changed most surely."""
        tables = {channel: _Tone(list(texts), voice) for channel, texts in self._texts.items()}
        changes = [
            change
            for channel, tone in sorted(tables.items())
            for feature in tone.features
            for change in tone.changes(channel, feature)
        ]
        chosen = discoveries([change.p for change in changes], "channel_drift")
        best: dict[str, _Change] = {}
        for change in sorted(
            (change for change, yes in zip(changes, chosen.tolist(), strict=True) if yes),
            key=lambda change: change.p,
        ):
            if _is_its_own(change, tables):
                best.setdefault(change.channel, change)
        return [
            _discovery(change, tables[change.channel], masking)
            for change in sorted(best.values(), key=lambda change: change.p)
        ]


class _Tone:
    """The messages of one channel in the order of time, and which has which feature."""

    def __init__(self, texts: Sequence[AgentText], voice: Voice | None) -> None:
        self.texts = texts
        self.features: dict[str, NDArray[np.bool_]] = {
            name: np.array([has(text.text) for text in texts], np.bool_)
            for name, (_, has) in FEATURES.items()
        }
        if voice is not None:
            self.features[ADVICE[0]] = np.array(
                [bool(voice.lint(text.text, _context(text))) for text in texts], np.bool_
            )
        pairs = [f"{text.language} {text.agent}" for text in texts]
        self._stratum = np.unique(pairs, return_inverse=True)[1] if pairs else np.zeros(0, np.intp)

    def changes(self, channel: str, feature: str) -> list[_Change]:
        """The change of ``feature`` at each place where it is looked for, each way."""
        has = self.features[feature]
        found = []
        for part in CHANGES:
            at = int(part * len(has))
            if at < LEAST or len(has) - at < LEAST:
                continue
            late = np.arange(len(has)) >= at
            before, after = float(has[:at].mean()), float(has[at:].mean())
            outcome = has if after >= before else ~has
            # Both ways were looked at, so the chance counts twice.
            p = 1.0 if abs(after - before) < LEAST_CHANGE else 2 * self._p(outcome, late)
            found.append(_Change(channel, feature, min(1.0, p), at, before, after))
        return found

    def share_after(self, feature: str, number: int) -> tuple[float, float]:
        """The share of ``feature`` in messages before that with the id ``number``, and behind."""
        late = np.array([text.number >= number for text in self.texts], np.bool_)
        has = self.features[feature]
        if late.all() or not late.any():
            return 0.0, 0.0
        return float(has[~late].mean()), float(has[late].mean())

    def _p(self, outcome: NDArray[np.bool_], late: NDArray[np.bool_]) -> float:
        rows = int(self._stratum.max()) + 1
        cells = self._stratum * 2 + outcome
        cases = np.bincount(cells, minlength=2 * rows).reshape(rows, 2)
        exposed = np.bincount(cells[late], minlength=2 * rows).reshape(rows, 2)
        return stratified_p(StratumCounts(cases, exposed))


def _is_its_own(change: _Change, tables: Mapping[str, _Tone]) -> bool:
    """Whether the other channels did not change alike at that time."""
    number = tables[change.channel].texts[change.at].number
    rows, moved = 0, 0.0
    for channel, tone in tables.items():
        if channel != change.channel and tone.texts:
            before, after = tone.share_after(change.feature, number)
            rows += len(tone.texts)
            moved += (after - before) * len(tone.texts)
    size = change.after - change.before
    return rows == 0 or (moved / rows) / size < SHARED


def _discovery(change: _Change, tone: _Tone, masking: Masking) -> Discovery:
    has, at = tone.features[change.feature], change.at
    words = dict([ADVICE, *((name, text) for name, (text, _) in FEATURES.items())])
    rises = change.after >= change.before
    hits = np.flatnonzero(has if rises else ~has)
    shown = [tone.texts[row] for row in hits[hits >= at][-3:]]
    return Discovery(
        kind="channel_drift",
        title=f"The tone on {change.channel} drifts: {change.after:.0%} of agents' messages "
        f"{words[change.feature]}, {change.before:.0%} before",
        evidence={
            "channel": change.channel,
            "feature": change.feature,
            "before": figures(share_figure(int(has[:at].sum()), at, LEAST)),
            "after": figures(share_figure(int(has[at:].sum()), len(has) - at, LEAST)),
            "since_conversation": tone.texts[at].conversation,
            "compared_messages": len(has),
            "p": change.p,
        },
        examples=tuple(masking.example(text.conversation, text.text, text.names) for text in shown),
    )


def _context(text: AgentText) -> RenderContext:
    channel = text.channel.partition("/")[0]
    return RenderContext(channel=channel, brand=text.brand, author="agent", language=text.language)
