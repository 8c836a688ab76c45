"""Measures how well messages are understood and answered, on rows that people labelled.

Each row is a new customer's first message. The functions return dicts with the figures that
``warmline eval`` prints. Latency is the median over messages understood one at a time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeAlias, get_args, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.model import (
    Address,
    Conversation,
    Customer,
    Insight,
    Message,
    MoodLabel,
    Turn,
)
from gateway.ops.labelled_rows import EmotionRow, Row
from gateway.pipeline.understanding import join_insights
from gateway.ports import Trainable, Understander
from gateway.routing.policy import Policy
from gateway.routing.route import decide

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Shares: TypeAlias = Mapping[str, float | None]

OUT_OF_SCOPE = "oos"
BATCH = 32
TIMED = 300
"""The most rows whose latency is measured, spread over the file."""

UPSET: frozenset[MoodLabel] = frozenset({"frustrated", "angry", "anxious"})
"""Labels that are alarms on a message that a bot may answer."""
BY_EMOTION = frozenset({"strong_emotion", "urgent", "harm"})
"""Reasons to step back that come from how the customer feels, or from danger."""

PERSON, REFUSE = "person", "refuse"
"""What a row of answers may want instead of an answer: a person; anything but an answer."""
Outcome = Literal["right", "wrong", "needless", "refused"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@runtime_checkable
class LanguageRestrictable(Protocol):
    """An understander that can be restricted to some languages (ISO 639-1).

    ``restricted`` raises ValueError for a language that it does not know.
    """

    def restricted(self, languages: Sequence[str]) -> Understander: ...


class EmotionReading(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway makes of the mood in one row."""

    row: EmotionRow
    label: MoodLabel
    distress: float
    """0 to 1, see `Emotion`."""
    reasons: frozenset[str]
    """Codes of the reasons for its route."""

    @property
    def escalated(self) -> bool:
        """Whether the policy hands it over for one of `BY_EMOTION`."""
        return not BY_EMOTION.isdisjoint(self.reasons)

    @property
    def alarm(self) -> bool:
        """Whether the message was taken for one of somebody upset."""
        return self.escalated or self.label in UPSET


class BotResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer got for a message."""

    text: str
    """Everything that was sent."""
    answered: bool
    """Whether an answer was sent, not only a question back, an excuse or a hand-over."""
    handed_over: bool
    intents: tuple[str, ...] = ()
    """The intents that were answered."""
    known: frozenset[str] = frozenset()
    """All intents that were considered."""


class JudgedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A row of answers with what the customer got, and whether that is right."""

    text: str
    wanted: str
    response: BotResponse
    outcome: Outcome


def fresh_turn(text: str, at: datetime) -> Turn:
    """The turn of an unknown customer's first message, written at ``at``."""
    address = Address(channel="cli", value="customer")
    return Turn(
        id=0,
        at=at,
        message=Message(id=0, conversation=0, author="customer", text=text, at=at),
        customer=Customer(),
        conversation=Conversation(address=address, opened_at=at),
    )


# -- runners -------------------------------------------------------------------------------------


async def evaluate_intents(
    understander: Trainable, train_rows: Sequence[Row], test_rows: Sequence[Row]
) -> dict[str, float | None]:
    """Train on (text, intent) rows, and measure on other rows.

    Accuracy, macro F1 and ECE are those of the in-scope rows (intent not ``oos``). The two
    out-of-scope figures are None without ``oos`` rows (or without others).
    """
    started = time.perf_counter()
    trained = understander.train(train_rows)
    train_seconds = time.perf_counter() - started
    texts = [text for text, _ in test_rows]
    insights, latency = await _understand(trained, texts)
    tops = [insight.ranking[0] if insight.ranking else None for insight in insights]
    predicted = [top.name if top else "none" for top in tops]
    confidence = np.array([top.confidence if top else 0.0 for top in tops])
    labels = [label for _, label in test_rows]
    inside = np.array([label != OUT_OF_SCOPE for label in labels])
    right = np.array([p == label for p, label in zip(predicted, labels, strict=True)])
    mixed = bool(inside.any() and not inside.all())
    truth = [label for label in labels if label != OUT_OF_SCOPE]
    guesses = [p for p, is_inside in zip(predicted, inside, strict=True) if is_inside]
    return {
        "accuracy": float(right[inside].mean()) if truth else None,
        "macro_f1": macro_f1(truth, guesses) if truth else None,
        "ece": ece(confidence[inside], right[inside]) if truth else None,
        "oos_auroc": auroc(1.0 - confidence, ~inside) if mixed else None,
        "oos_recall_at_95": oos_recall(confidence, inside) if mixed else None,
        "latency_ms_p50": latency,
        "train_seconds": train_seconds,
    }


async def evaluate_emotion(
    understanders: Sequence[Understander], rows: Sequence[EmotionRow], policy: Policy
) -> dict[str, float | Mapping[str, Shares] | None]:
    """Measure the mood that all ``understanders`` together find, and what ``policy`` makes of it.

    ``auroc`` and ``recall_at_precision_90`` are about ``distress`` on rows with ``needs_human``,
    and None unless both labels occur. Rows with ``moods`` or ``escalate`` add the figures of
    `mood_shares`, for all rows and, in ``by_language``, for those of each language.
    """
    readings, latency = await read_emotions(understanders, rows, policy)
    ranked = [reading for reading in readings if reading.row.needs_human is not None]
    scores = np.array([reading.distress for reading in ranked])
    needs = np.array([bool(reading.row.needs_human) for reading in ranked])
    mixed = bool(needs.any() and not needs.all())
    figures: dict[str, float | Mapping[str, Shares] | None] = {
        "auroc": auroc(scores, needs) if mixed else None,
        "recall_at_precision_90": recall_at_precision(scores, needs, 0.9) if mixed else None,
        "latency_ms_p50": latency,
    }
    if any(row.moods or row.escalate is not None for row in rows):
        figures |= {**mood_shares(readings), "n": len(rows)}
        figures["by_language"] = {
            code: {**mood_shares(some), "n": len(some)} for code, some in _by_language(readings)
        }
    return figures


async def read_emotions(
    understanders: Sequence[Understander], rows: Sequence[EmotionRow], policy: Policy
) -> tuple[list[EmotionReading], float]:
    """What the gateway makes of each row, and the median milliseconds for a message by itself:
    those of the slowest understander, as they work side by side."""
    texts = [row.text for row in rows]
    insights: list[list[tuple[str, Insight]]] = [[] for _ in rows]
    latency = 0.0
    for engine in sorted(understanders, key=lambda engine: engine.priority):
        found, milliseconds = await _understand(engine, texts)
        latency = max(latency, milliseconds)
        for known, insight in zip(insights, found, strict=True):
            known.append((engine.name, insight))
    return [
        _emotion_reading(row, named, policy) for row, named in zip(rows, insights, strict=True)
    ], latency


def _emotion_reading(
    row: EmotionRow, named: Sequence[tuple[str, Insight]], policy: Policy
) -> EmotionReading:
    found = join_insights(named, confident=policy.reasons.low_confidence.below)
    turn = fresh_turn(row.text, datetime.now(UTC)).replace(understanding=found)
    return EmotionReading(
        row=row,
        label=found.emotion.label,
        distress=found.emotion.distress,
        reasons=frozenset(reason.code for reason in decide(turn, policy).reasons),
    )


def mood_shares(readings: Sequence[EmotionReading]) -> dict[str, float | None]:
    """How often the mood and the decision to escalate are right; each None without rows for it.

    ``mood_accuracy``: of the rows with ``moods``, how many got one of these labels.
    ``escalate_precision``: of the messages that were escalated by emotion, how many should be
    (``escalate`` 1). ``escalate_recall``: of those that should be, how many were. ``alarm_rate``:
    of the rows with ``escalate`` 0, how many got an upset label or were escalated by emotion.
    """
    labelled = [reading for reading in readings if reading.row.moods]
    grave = [reading for reading in readings if reading.row.escalate]
    harmless = [reading for reading in readings if reading.row.escalate is False]
    escalated = [reading for reading in (*grave, *harmless) if reading.escalated]
    return {
        "mood_accuracy": _share([reading.label in reading.row.moods for reading in labelled]),
        "escalate_precision": _share([bool(reading.row.escalate) for reading in escalated]),
        "escalate_recall": _share([reading.escalated for reading in grave]),
        "alarm_rate": _share([reading.alarm for reading in harmless]),
    }


def _by_language(
    readings: Sequence[EmotionReading],
) -> Iterator[tuple[str, list[EmotionReading]]]:
    for code in sorted({reading.row.language for reading in readings} - {""}):
        yield code, [reading for reading in readings if reading.row.language == code]


def _share(held: Sequence[bool]) -> float | None:
    return float(np.mean(held)) if held else None


async def evaluate_language(
    understander: Understander, rows: Sequence[Row], languages: Sequence[str] | None = None
) -> dict[str, float | None]:
    """Measure on (text, ISO 639-1 code) rows.

    A `LanguageRestrictable` understander chooses among ``languages``, by default the labels in the
    rows; another one among all languages that it knows.
    """
    if isinstance(understander, LanguageRestrictable):
        choices = sorted(set(languages or (label for _, label in rows)))
        understander = understander.restricted(choices)
    insights, latency = await _understand(understander, [text for text, _ in rows])
    codes = [insight.language.code if insight.language else "und" for insight in insights]
    right = [code == label for code, (_, label) in zip(codes, rows, strict=True)]
    return {"accuracy": float(np.mean(right)), "latency_ms_p50": latency}


async def _understand(
    understander: Understander, texts: Sequence[str]
) -> tuple[list[Insight], float]:
    """One insight for each text, and the median milliseconds for a message by itself."""
    turns = [fresh_turn(text, datetime.now(UTC)) for text in texts]
    insights: list[Insight] = []
    for start in range(0, len(turns), BATCH):
        insights += await understander.understand(turns[start : start + BATCH])
    times: list[float] = []
    for turn in turns[:: max(1, len(turns) // TIMED)]:
        started = time.perf_counter()
        await understander.understand([turn])
        times.append((time.perf_counter() - started) * 1000)
    return insights, float(np.median(times))


# -- answers -------------------------------------------------------------------------------------


def judge_answers(rows: Sequence[Row], responses: Sequence[BotResponse]) -> list[JudgedAnswer]:
    """Compare what customers got with the rows (text, wanted), in the same order.

    ``wanted`` is `PERSON`; `REFUSE`; the name of an intent, if any response knows one of this
    name; else a fragment of the right words.
    """
    intents = frozenset[str]().union(*(response.known for response in responses))
    return [
        JudgedAnswer(
            text=text,
            wanted=wanted,
            response=response,
            outcome=_outcome(wanted, response, names_intent=wanted in intents),
        )
        for (text, wanted), response in zip(rows, responses, strict=True)
    ]


def _outcome(wanted: str, response: BotResponse, *, names_intent: bool) -> Outcome:
    if wanted == PERSON:
        right = response.handed_over
    elif wanted == REFUSE:
        right = not response.answered
    elif names_intent:
        right = response.answered and wanted in response.intents
    else:
        right = response.answered and _folded(wanted) in _folded(response.text)
    if right:
        return "right"
    if response.answered:
        return "wrong"
    return "needless" if response.handed_over else "refused"


def _folded(text: str) -> str:
    """Without the differences of case and spaces."""
    return " ".join(text.casefold().split())


def answer_shares(judged: Sequence[JudgedAnswer]) -> dict[str, dict[str, float]]:
    """The share of each outcome among all rows, as `share_with_interval`; they sum to 1.

    ``right``: the answer that was wanted is among those given; a person where one was wanted; no
    answer where any would be wrong. ``wrong``: another answer. ``needless``: handed over although
    an answer was wanted. ``refused``: asked back or had no answer although one, or a person, was
    wanted.
    """
    counts = Counter(each.outcome for each in judged)
    return {outcome: share_with_interval(counts[outcome], len(judged)) for outcome in OUTCOMES}


def share_with_interval(count: int, total: int) -> dict[str, float]:
    """``count`` of ``total`` (at least 1) as ``value`` with its 95 % interval from ``low`` to
    ``high`` (Wilson, 1927: it is right for small samples and for shares near 0 and 1, too)."""
    from scipy.stats import binomtest  # noqa: PLC0415  (slow to import; only eval needs it)

    interval = binomtest(count, total).proportion_ci(confidence_level=0.95, method="wilson")
    return {
        "value": count / total,
        "low": float(interval.low),
        "high": float(interval.high),
    }


# -- figures -------------------------------------------------------------------------------------


def macro_f1(truth: Sequence[str], predicted: Sequence[str]) -> float:
    """The mean F1 of the labels that occur in ``truth``."""
    from sklearn.metrics import f1_score  # noqa: PLC0415  (slow to import; only eval needs it)

    labels = sorted(set(truth))
    return float(f1_score(truth, predicted, labels=labels, average="macro", zero_division=0))


def ece(confidence: Floats, right: Flags, bins: int = 15) -> float:
    """Expected calibration error of the top label, with bins of equal width (Guo et al., 2017,
    "On Calibration of Modern Neural Networks")."""
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[bin_of == b].mean() - right[bin_of == b].mean()) * (bin_of == b).mean()
        for b in np.unique(bin_of)
    ]
    return float(np.sum(gaps))


def auroc(scores: Floats, positive: Flags) -> float:
    """The probability that a positive row scores above a negative one; ties count half."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415  (slow to import)

    return float(roc_auc_score(positive, scores))


def oos_recall(confidence: Floats, inside: Flags, keep: float = 0.95) -> float:
    """The share of out-of-scope rows below the highest confidence threshold that still keeps the
    share ``keep`` of the in-scope rows."""
    kept = np.sort(confidence[inside])[::-1]
    threshold = kept[int(np.ceil(keep * len(kept))) - 1]
    return float((confidence[~inside] < threshold).mean())


def recall_at_precision(scores: Floats, positive: Flags, precision: float) -> float:
    """The best recall at any threshold with at least that precision; 0 when there is none."""
    from sklearn.metrics import precision_recall_curve  # noqa: PLC0415  (slow to import)

    precisions, recalls, _ = precision_recall_curve(positive, scores)
    return float(recalls[precisions >= precision].max(initial=0.0))
