"""Phrases of ours after which moods fall or rise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.insights.model import Discovery, DiscoveryKind, PhraseDraft

from .ngrams import count_phrases
from .replies import BOT, ReplyStep
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
"""A phrase that says no more than this (a p-value) beside one that was found is part of it."""
TESTED_BELOW = 0.02
"""An exact p-value is computed where the approximate one is below this."""


class PhraseEffect(NamedTuple):
    """What moods do after ``phrase``: ``counts`` by stratum."""

    phrase: str
    column: int
    counts: StratumCounts
    odds: LogOdds
    p: float


class ReplyTable:
    """The replies, their strata, and which phrases each has."""

    def __init__(self, steps: Sequence[ReplyStep]) -> None:
        self.steps = steps
        self.moves: Counts = np.array([step.move for step in steps], np.int64)
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
    replies to customers of the same mood, language, intent and channel; the surest first."""
    if len(steps) < 2 * USES:
        return []
    table = ReplyTable(steps)
    if not table.phrases:
        return []
    wide = table.by_enough_speakers()
    kinds: tuple[tuple[DiscoveryKind, Counts], ...] = (
        ("phrase_hurts", (table.moves < 0).astype(np.int64)),
        ("phrase_helps", (table.moves > 0).astype(np.int64)),
    )
    return [
        _discovery(kind, effect, table, outcome, masking)
        for kind, outcome in kinds
        for effect in _effects(table, outcome, np.flatnonzero(wide), kind)
    ]


def strata(steps: Sequence[ReplyStep], outcome: Counts) -> Counts:
    """The number of each reply's stratum.

    Replies of one stratum follow the same mood, in the same language, by the bot or by people, and
    have a similar chance of ``outcome`` by the customer's distress, the intent, the channel and
    the speaker: strata of the prognostic score (Hansen 2008), which a logistic regression gives.
    Strata of every combination would leave most replies of a small shop alone.
    """
    score = _prognostic_score(steps, outcome)
    groups: dict[tuple[str, str, bool], list[int]] = {}
    for row, step in enumerate(steps):
        groups.setdefault((step.before, step.language, step.speaker == BOT), []).append(row)
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
    table: ReplyTable, outcome: Counts, columns: NDArray[np.intp], kind: DiscoveryKind
) -> list[PhraseEffect]:
    """The findings among ``columns``, without those that only overlap with a surer one."""
    stratum = strata(table.steps, outcome)
    approximate = _approximate_p(table, outcome, stratum)
    p_values = np.ones(len(columns))
    effects: dict[int, PhraseEffect] = {}
    everyone = np.ones(len(outcome), np.bool_)
    for at, column in enumerate(columns.tolist()):
        p_values[at] = approximate[column]
        if approximate[column] < TESTED_BELOW:
            counts = _counts(table.users(column), outcome, stratum, everyone)
            p_values[at] = stratified_p(counts)
            effects[at] = PhraseEffect(
                phrase=table.phrases[column],
                column=column,
                counts=counts,
                odds=weighted_log_odds(counts, PRIOR),
                p=float(p_values[at]),
            )
    found = [
        effects[at]
        for at in np.flatnonzero(discoveries(p_values, kind)).tolist()
        if at in effects and effects[at].odds.value >= LEAST_ODDS
    ]
    return _most_telling(table, outcome, stratum, found)


def _approximate_p(table: ReplyTable, outcome: Counts, stratum: Counts) -> Floats:
    """The one-sided normal p-value of every phrase, in one sparse product."""
    from scipy import sparse, stats  # noqa: PLC0415  (slow to import)

    size = np.bincount(stratum)
    events = np.bincount(stratum, outcome)
    rate = events / np.maximum(size, 1)
    excess = table.uses.T @ (outcome - rate[stratum])
    rows = np.arange(len(stratum))
    members = sparse.csr_array((np.ones(len(rows)), (stratum, rows)), (len(size), len(rows)))
    exposed = (members @ table.uses).tocsc()
    of = exposed.indices
    spread = exposed.data * (size[of] - exposed.data) / np.maximum(size[of] - 1, 1)
    spread = spread * rate[of] * (1 - rate[of])
    ends = np.append(0, np.cumsum(spread))[exposed.indptr]
    variance = np.diff(ends)
    return np.asarray(stats.norm.sf(excess / np.sqrt(np.maximum(variance, 1e-9))))


def _counts(
    users: NDArray[np.intp], outcome: Counts, stratum: Counts, among: NDArray[np.bool_]
) -> StratumCounts:
    """The counts by stratum of the phrase that ``users`` have, ``among`` some of the replies."""
    strata_count = int(stratum.max()) + 1
    users = users[among[users]]
    return StratumCounts(
        size=np.bincount(stratum[among], minlength=strata_count),
        events=np.bincount(stratum[among & (outcome > 0)], minlength=strata_count),
        exposed=np.bincount(stratum[users], minlength=strata_count),
        both=np.bincount(stratum[users[outcome[users] > 0]], minlength=strata_count),
    ).telling


def _most_telling(
    table: ReplyTable, outcome: Counts, stratum: Counts, found: list[PhraseEffect]
) -> list[PhraseEffect]:
    """The phrases that tell most. Another is left out if it tells nothing where none of them is,
    or if most of its uses are theirs. Of phrases with the same uses the longest counts."""
    kept: list[PhraseEffect] = []
    free = np.ones(len(outcome), np.bool_)
    for effect in sorted(found, key=_sureness):
        users = table.users(effect.column)
        rest = free[users]
        if kept and (
            rest.sum() < USES // 2 or stratified_p(_counts(users, outcome, stratum, free)) > ALIKE
        ):
            continue
        kept.append(effect)
        free[users] = False
    return kept


def _sureness(effect: PhraseEffect) -> tuple[float, int]:
    return -round(effect.odds.z, 6), -len(effect.phrase.split())


def _discovery(
    kind: DiscoveryKind,
    effect: PhraseEffect,
    table: ReplyTable,
    outcome: Counts,
    masking: Masking,
) -> Discovery:
    users = table.users(effect.column)
    hit = outcome[users] > 0
    shown = [table.steps[row] for row in (*users[hit], *users[~hit])[:3]]
    with_phrase = share_figure(int(hit.sum()), len(users), USES)
    counts = effect.counts
    exposed = max(1, int(counts.exposed.sum()))
    usual = float(counts.expected.sum()) / exposed
    hurts = kind == "phrase_hurts"
    verb = "fall" if hurts else "rise"
    share = counts.both.sum() / exposed
    language = _most([step.language for step in map(table.steps.__getitem__, users)])
    return Discovery(
        kind=kind,
        title=f"After “{effect.phrase}” moods {verb} more often: "
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
