"""Phrases of ours after which moods fall or rise."""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.insights.model import Discovery, DiscoveryKind, PhraseDraft

from .ngrams import count_phrases
from .replies import AT_EASE, BOT, UNEASY, UPSET_AFTER, ReplyStep
from .statistics import (
    Counts,
    Floats,
    LogOdds,
    StratumCounts,
    discoveries,
    share_figure,
    stratified_p,
    weighted_log_odds,
)
from .wording import Masking, figures, snippet

if TYPE_CHECKING:
    from scipy.sparse import csc_array

MOST_REPLIES = 40_000
"""Replies that are compared: a sample of them, where a period has more."""
USES, SPEAKERS = 30, 2
"""A phrase has at least so many uses by so many people (the bot is one)."""
PRIOR = 20.0
"""Replies that the prior of the log-odds counts for."""
LEAST_ODDS = 0.4
"""The least weighted log-odds of a finding (1.5 times the odds): a smaller effect is no news."""
PER_STRATUM, SCORE_STRATA = 40, 5
"""Replies in a stratum, and strata of one mood, language and kind of speaker."""
ALIKE = 0.05
"""A phrase that says no more than this (a p-value) beside one that was found is part of it. It is
divided by the number of those that are looked at again (Bonferroni)."""
MOSTLY = 0.7
"""A phrase stands for a part of it that has so many of its uses, as a share, and no more."""
TESTED_BELOW = 0.02
"""An exact p-value is computed where the approximate one is below this."""


OUTCOMES = UPSET_AFTER + 1


class PhraseEffect(NamedTuple):
    """What customers feel after ``phrase``: ``counts`` by stratum, of two outcomes."""

    phrase: str
    column: int
    counts: StratumCounts
    odds: LogOdds
    p: float


class Direction(NamedTuple):
    """Which way moods go: the ``outcome`` of each reply, the highest being what is looked for, and
    from which one on the customer is what ``word`` says."""

    kind: DiscoveryKind
    outcome: Counts
    least: int
    word: str

    @property
    def hit(self) -> NDArray[np.bool_]:
        return np.asarray(self.outcome >= self.least)


class ReplyTable:
    """The replies, their strata, and which phrases each has."""

    def __init__(self, steps: Sequence[ReplyStep]) -> None:
        self.steps = steps
        self.speakers = np.unique([step.speaker for step in steps], return_inverse=True)[1]
        self.phrases, uses = count_phrases(
            [step.text for step in steps], np.ones(len(steps), np.int64), USES
        )
        self.uses: csc_array = uses.tocsc()

    def users(self, column: int) -> NDArray[np.intp]:
        """The rows of the replies with a phrase."""
        return np.asarray(
            self.uses.indices[self.uses.indptr[column] : self.uses.indptr[column + 1]]
        )

    def by_enough_speakers(self) -> NDArray[np.bool_]:
        """The phrases that at least `SPEAKERS` used `USES` times together, each at least thrice."""
        from scipy import sparse  # noqa: PLC0415  (slow to import)

        count, people = len(self.steps), int(self.speakers.max()) + 1
        owners = sparse.csr_array(
            (np.ones(count, np.int32), (self.speakers, np.arange(count))), (people, count)
        )
        by_speaker = (owners @ self.uses).toarray()
        return np.asarray((by_speaker >= 3).sum(axis=0) >= SPEAKERS)


def phrase_discoveries(steps: Sequence[ReplyStep], masking: Masking) -> list[Discovery]:
    """The phrases after which moods fall (``phrase_hurts``) or rise (``phrase_helps``), within the
    `strata` of replies; the surest first."""
    if len(steps) < 2 * USES:
        return []
    table = ReplyTable(steps)
    if not table.phrases:
        return []
    wide = table.by_enough_speakers()
    outcome = np.array([step.outcome for step in steps], np.int64)
    return [
        _discovery(effect, table, direction, masking)
        for direction in (
            Direction("phrase_hurts", outcome, UNEASY, "uneasy"),
            Direction("phrase_helps", UPSET_AFTER - outcome, UPSET_AFTER - AT_EASE, "at ease"),
        )
        for effect in _effects(table, direction, np.flatnonzero(wide))
    ]


def strata(steps: Sequence[ReplyStep], outcome: Counts) -> Counts:
    """The number of each reply's stratum.

    Replies of one stratum follow the same mood, in the same language, by the bot or by people, all
    ask or all answer, and have a similar chance of ``outcome`` by the customer's distress, how long
    they waited and wrote, the intent, the channel and the speaker: strata of the prognostic score
    (Hansen 2008), which a logistic regression gives. Strata of every combination would leave most
    replies of a small shop alone.

    The bot's replies are of one intent, too. It says the same to all who have an intent, so what
    its words do cannot be told from what the matter does: whose parcel arrived broken is uneasy,
    and "sorry" in that answer is not why.
    """
    score = _prognostic_score(steps, outcome)
    groups: dict[tuple[str, str, str | None, bool], list[int]] = {}
    for row, step in enumerate(steps):
        matter = step.intent if step.speaker == BOT else None
        key = step.before, step.language, matter, step.asks
        groups.setdefault(key, []).append(row)
    numbers = np.zeros(len(steps), np.int64)
    first = 0
    for rows in groups.values():
        parts = max(1, min(SCORE_STRATA, len(rows) // PER_STRATUM))
        order = np.array(rows)[np.argsort(score[rows], kind="stable")]
        for part in np.array_split(order, parts):
            numbers[part] = first
            first += 1
    return numbers


def _prognostic_score(steps: Sequence[ReplyStep], outcome: Counts) -> Floats:
    from sklearn.feature_extraction import DictVectorizer  # noqa: PLC0415  (slow to import)
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    if outcome.min() == outcome.max():
        return np.zeros(len(steps))
    features = DictVectorizer().fit_transform(
        {
            "distress": step.distress,
            "waited": log1p(max(0.0, step.waited)),
            "turn": log1p(step.turn),
            f"mood {step.before}": 1.0,
            f"language {step.language}": 1.0,
            f"intent {step.intent}": 1.0,
            f"channel {step.channel}": 1.0,
            f"speaker {step.speaker}": 1.0,
        }
        for step in steps
    )
    model = LogisticRegression(C=1.0, max_iter=200).fit(features, outcome)
    return np.asarray(model.decision_function(features))


def _effects(
    table: ReplyTable, direction: Direction, columns: NDArray[np.intp]
) -> list[PhraseEffect]:
    """The findings among ``columns``, without those that only overlap with a surer one."""
    outcome = direction.outcome
    cells = _Cells(outcome, strata(table.steps, direction.hit.astype(np.int64)))
    approximate = _approximate_p(table, cells)
    p_values = np.ones(len(columns))
    effects: dict[int, PhraseEffect] = {}
    for at, column in enumerate(columns.tolist()):
        p_values[at] = approximate[column]
        if approximate[column] < TESTED_BELOW:
            counts = cells.counts(table.users(column))
            p_values[at] = stratified_p(counts)
            two = counts.from_outcome(direction.least).telling
            effects[at] = PhraseEffect(
                phrase=table.phrases[column],
                column=column,
                counts=two,
                odds=weighted_log_odds(two, PRIOR),
                p=float(p_values[at]),
            )
    found = [
        effects[at]
        for at in np.flatnonzero(discoveries(p_values, direction.kind)).tolist()
        if at in effects and effects[at].odds.value >= LEAST_ODDS
    ]
    return _most_telling(table, cells, found)


class _Cells:
    """The cell of each reply: its stratum and its outcome."""

    def __init__(self, outcome: Counts, stratum: Counts) -> None:
        self.outcome, self.stratum = outcome, stratum
        self.strata = int(stratum.max()) + 1
        self._cells = stratum * OUTCOMES + outcome

    def counts(
        self, users: NDArray[np.intp], among: NDArray[np.bool_] | None = None
    ) -> StratumCounts:
        """The counts of the phrase that ``users`` have, ``among`` some of the replies."""
        if among is not None:
            users = users[among[users]]
        everyone = self._cells if among is None else self._cells[among]
        return StratumCounts(self._table(everyone), self._table(self._cells[users])).telling

    def _table(self, cells: Counts) -> Counts:
        shape = self.strata, OUTCOMES
        return np.bincount(cells, minlength=self.strata * OUTCOMES).reshape(shape)


def _approximate_p(table: ReplyTable, cells: _Cells) -> Floats:
    """The one-sided normal p-value of every phrase, in one sparse product."""
    from scipy import sparse, stats  # noqa: PLC0415  (slow to import)

    stratum, outcome = cells.stratum, cells.outcome
    size = np.bincount(stratum)
    mean = np.bincount(stratum, outcome) / np.maximum(size, 1)
    spread = np.bincount(stratum, outcome**2) / np.maximum(size, 1) - mean**2
    excess = table.uses.T @ (outcome - mean[stratum])
    rows = np.arange(len(stratum))
    members = sparse.csr_array((np.ones(len(rows)), (stratum, rows)), (len(size), len(rows)))
    exposed = (members @ table.uses).tocsc()
    of = exposed.indices
    parts = exposed.data * (size[of] - exposed.data) / np.maximum(size[of] - 1, 1) * spread[of]
    variance = np.diff(np.append(0, np.cumsum(parts))[exposed.indptr])
    return np.asarray(stats.norm.sf(excess / np.sqrt(np.maximum(variance, 1e-9))))


def _most_telling(
    table: ReplyTable, cells: _Cells, found: list[PhraseEffect]
) -> list[PhraseEffect]:
    """The phrases with the greatest effects, the surest first. Another is left out if it tells
    nothing where none of them is, or if most of its uses are theirs. Of phrases with the same uses
    the longest counts."""
    kept: list[PhraseEffect] = []
    free = np.ones(len(cells.outcome), np.bool_)
    alike = ALIKE / max(1, len(found))
    for effect in sorted(found, key=_sureness):
        users = table.users(effect.column)
        few = free[users].sum() < USES // 2
        if kept and (few or stratified_p(cells.counts(users, free)) > alike):
            continue
        kept.append(_whole(table, effect, found))
        free[users] = False
    return sorted(kept, key=lambda effect: -effect.odds.z)


def _whole(table: ReplyTable, effect: PhraseEffect, found: list[PhraseEffect]) -> PhraseEffect:
    """The longest of ``found`` that ``effect`` is part of and that has most of its uses: "nothing
    further to add" says more than "further"."""
    uses = len(table.users(effect.column))
    longer = (
        other
        for other in found
        if f" {effect.phrase} " in f" {other.phrase} "
        and len(table.users(other.column)) >= MOSTLY * uses
    )
    return max(longer, key=lambda other: (len(other.phrase.split()), other.odds.z))


def _sureness(effect: PhraseEffect) -> tuple[float, int]:
    return -round(effect.odds.value - effect.odds.error, 6), -len(effect.phrase.split())


def _discovery(
    effect: PhraseEffect, table: ReplyTable, direction: Direction, masking: Masking
) -> Discovery:
    users = table.users(effect.column)
    hit = direction.hit[users]
    shown = [table.steps[row] for row in (*users[hit], *users[~hit])[:3]]
    with_phrase = share_figure(int(hit.sum()), len(users), USES)
    counts = effect.counts
    exposed = max(1, int(counts.exposures.sum()))
    usual = float(counts.expected.sum()) / exposed
    share, hurts = counts.observed / exposed, direction.kind == "phrase_hurts"
    language = _most([step.language for step in map(table.steps.__getitem__, users)])
    return Discovery(
        kind=direction.kind,
        title=f"After “{effect.phrase}” customers are {direction.word} more often: "
        f"{share:.0%} against {usual:.0%} in like cases",
        evidence={
            "phrase": effect.phrase,
            "language": language,
            "uses": len(users),
            "speakers": len({table.steps[row].speaker for row in users}),
            "moved": int(hit.sum()),
            "share": figures(with_phrase),
            "compared_uses": exposed,
            "share_compared": round(float(share), 4),
            "share_expected": round(usual, 4),
            "log_odds": round(effect.odds.value, 3),
            "z": round(effect.odds.z, 2),
            "p": effect.p,
            "replies": len(table.steps),
        },
        examples=tuple(
            masking.example(
                step.conversation,
                f"{snippet(step.text, effect.phrase)}\n→ {step.answer}",
                step.names,
            )
            for step in shown
        ),
        draft=PhraseDraft(phrase=effect.phrase, language=language, hurts=hurts),
    )


def _most(values: Sequence[str]) -> str:
    return max(sorted(set(values)), key=values.count)
