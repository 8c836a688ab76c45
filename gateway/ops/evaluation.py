"""Measures how well understanding works, on rows that people labelled.

Each row is understood as a new customer's first message. The functions return dicts with the
figures that ``warmline eval`` prints. Latency is the median over messages understood one at a time.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gateway.model import Address, Conversation, Customer, Insight, Message, Turn
from gateway.ports import Trainable, Understander
from gateway.settings import BadConfig, Problem

Row: TypeAlias = tuple[str, str]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

OUT_OF_SCOPE = "oos"
BATCH = 32
TIMED = 300
"""The most rows whose latency is measured, spread over the file."""


@runtime_checkable
class LanguageRestrictable(Protocol):
    """An understander that can be restricted to some languages (ISO 639-1).

    ``restricted`` raises ValueError for a language that it does not know.
    """

    def restricted(self, languages: Sequence[str]) -> Understander: ...


# -- rows ----------------------------------------------------------------------------------------


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


def read_rows(path: Path, label: str, *, allowed: frozenset[str] | None = None) -> list[Row]:
    """The rows of a CSV file with the columns ``text`` and ``label``, as (text, label).

    Raises BadConfig with file and line when the file cannot be read, lacks a column or has no
    rows, and when a label is missing or not among ``allowed``.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _rows(csv.DictReader(file, strict=True), path, label, allowed)
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, 0, "", f"cannot be read: {error}; give a CSV file in UTF-8") from None


def _rows(
    reader: csv.DictReader[str], path: Path, label: str, allowed: frozenset[str] | None
) -> list[Row]:
    rows: list[Row] = []
    try:
        missing = {"text", label} - set(reader.fieldnames or ())
        if missing:
            columns = " and ".join(sorted(missing))
            raise _bad(path, 1, columns, "is not a column of this file; add it to the first line")
        for row in reader:
            text, value = row["text"], (row[label] or "").strip()
            if not value or text is None:
                raise _bad(path, reader.line_num, label, "is missing; write text and label")
            if allowed is not None and value not in allowed:
                known = ", ".join(sorted(allowed))
                raise _bad(path, reader.line_num, label, f"is `{value}`; write one of {known}")
            rows.append((text, value))
    except csv.Error as error:
        raise _bad(path, reader.line_num + 1, "", f"not CSV: {error}; fix the line") from None
    if not rows:
        raise _bad(path, 1, "", "has no rows; add some")
    return rows


def _bad(path: Path, line: int, key: str, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(path), line=line, key=key, message=message)])


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
    understander: Understander, rows: Sequence[Row]
) -> dict[str, float | None]:
    """Measure ``distress`` on (text, needs_human) rows; ``1`` means that a person should answer.

    Both figures are None when all rows have the same label.
    """
    insights, latency = await _understand(understander, [text for text, _ in rows])
    scores = np.array([i.emotion.distress if i.emotion else 0.0 for i in insights])
    needs = np.array([label == "1" for _, label in rows])
    mixed = bool(needs.any() and not needs.all())
    return {
        "auroc": auroc(scores, needs) if mixed else None,
        "recall_at_precision_90": recall_at_precision(scores, needs, 0.9) if mixed else None,
        "latency_ms_p50": latency,
    }


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
