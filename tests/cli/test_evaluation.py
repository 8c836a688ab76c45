"""The figures of ``warmline eval``: their definitions, and the rows they are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from gateway import BadConfig, Emotion, Guess, Insight, Language, Turn
from gateway.ops.evaluation import (
    auroc,
    ece,
    evaluate_emotion,
    evaluate_intents,
    evaluate_language,
    fresh_turn,
    macro_f1,
    oos_recall,
    read_rows,
    recall_at_precision,
)


class Scripted:
    """An engine that knows fixed texts, and learns rows by heart."""

    name = "scripted"
    priority = 1

    def __init__(self, known: dict[str, Insight], languages: Sequence[str] = ()) -> None:
        self.known = known
        self.languages = list(languages)

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [self.known.get(turn.message.text, Insight()) for turn in turns]

    def train(self, rows: Sequence[tuple[str, str]]) -> Scripted:
        """Sure of the rows; guesses `b` for every other text, with little confidence."""
        seen = {text: Guess(name=intent, confidence=0.9) for text, intent in rows}
        unsure = Guess(name="b", confidence=0.3)
        texts = {**dict.fromkeys(self.known, unsure), **seen}
        return Scripted({text: Insight(ranking=(guess,)) for text, guess in texts.items()})


class Restrictable(Scripted):
    """Returns the first language that it was restricted to."""

    def restricted(self, languages: Sequence[str]) -> Scripted:
        first = Insight(language=Language(code=languages[0], confidence=1.0))
        return Scripted(dict.fromkeys(self.known, first))


async def test_intents_in_and_out_of_scope() -> None:
    """Accuracy, F1 and ECE are of in-scope rows; the other two are of out-of-scope rows."""
    blank = Insight()
    engine = Scripted(dict.fromkeys(["x", "y", "strange", "odd"], blank))
    test = [("x", "a"), ("y", "b"), ("strange", "oos"), ("odd", "a")]
    figures = await evaluate_intents(engine, [("x", "a"), ("y", "b")], test)
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["macro_f1"] == pytest.approx(2 / 3)
    assert figures["ece"] == pytest.approx(2 / 3 * 0.1 + 1 / 3 * 0.3)
    assert figures["oos_auroc"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert figures["oos_recall_at_95"] == 0.0
    assert list(figures) == [
        "accuracy",
        "macro_f1",
        "ece",
        "oos_auroc",
        "oos_recall_at_95",
        "latency_ms_p50",
        "train_seconds",
    ]
    assert all(figures[name] is not None for name in ("latency_ms_p50", "train_seconds"))


async def test_without_oos_rows_there_is_no_figure_for_them() -> None:
    """They are null, not perfect."""
    figures = await evaluate_intents(Scripted({}), [("x", "a")], [("x", "a")])
    assert (figures["oos_auroc"], figures["oos_recall_at_95"]) == (None, None)
    assert figures["accuracy"] == 1.0


async def test_emotion_ranks_by_distress() -> None:
    """Customers who need a person should rank first."""
    scores = {"calm": 0.1, "cross": 0.8, "mixed": 0.5, "sad": 0.6}
    known = {text: Insight(emotion=Emotion(distress=d)) for text, d in scores.items()}
    rows = [("calm", "0"), ("mixed", "1"), ("sad", "0"), ("cross", "1")]
    figures = await evaluate_emotion(Scripted(known), rows)
    assert figures["auroc"] == pytest.approx(3 / 4)
    assert figures["recall_at_precision_90"] == pytest.approx(1 / 2)
    assert list(figures) == ["auroc", "recall_at_precision_90", "latency_ms_p50"]


async def test_emotion_of_one_kind_has_no_ranking() -> None:
    """Rows of a single label cannot be ranked."""
    figures = await evaluate_emotion(Scripted({}), [("a", "1"), ("b", "1")])
    assert (figures["auroc"], figures["recall_at_precision_90"]) == (None, None)


async def test_language_is_chosen_among_the_labels() -> None:
    """An engine that can be restricted is: to the labels in the file, or to those named."""
    engine = Restrictable({"hallo": Insight(), "hello": Insight()})
    rows = [("hallo", "de"), ("hello", "en")]
    assert (await evaluate_language(engine, rows))["accuracy"] == 0.5
    assert (await evaluate_language(engine, rows, ["fr"]))["accuracy"] == 0.0


async def test_language_of_an_engine_with_no_choice() -> None:
    """An engine that cannot be restricted is used as it is."""
    german = Insight(language=Language(code="de", confidence=1))
    figures = await evaluate_language(Scripted({"hallo": german}), [("hallo", "de"), ("x", "en")])
    assert figures["accuracy"] == 0.5
    assert list(figures) == ["accuracy", "latency_ms_p50"]


@pytest.mark.parametrize(
    ("confidence", "right", "error"),
    [
        ([1.0, 1.0], [True, True], 0.0),
        ([1.0, 1.0], [True, False], 0.5),
        ([0.5, 0.5], [True, False], 0.0),
        ([0.2, 0.9], [True, True], 0.45),
        ([0.61, 0.65], [True, False], 0.13),
    ],
)
def test_calibration_error(confidence: list[float], right: list[bool], error: float) -> None:
    """The gap between confidence and accuracy in fifteen bins, weighted by their sizes."""
    assert ece(np.array(confidence), np.array(right)) == pytest.approx(error)


def test_ranking_figures() -> None:
    """Ties count half; recall is the best one with at least the precision."""
    assert auroc(np.array([0.1, 0.5, 0.5]), np.array([False, False, True])) == 0.75
    scores, positive = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    assert recall_at_precision(scores, positive, 0.9) == pytest.approx(2 / 3)
    assert recall_at_precision(scores, positive, 0.7) == 1.0
    assert recall_at_precision(-scores, positive, 0.99) == pytest.approx(1 / 3)


def test_recall_of_out_of_scope_rows() -> None:
    """The threshold keeps 95 of 100 in-scope rows; rows below it are refused."""
    inside = np.array([True] * 100 + [False] * 4)
    confidence = np.array([n / 100 for n in range(100)] + [0.01, 0.049, 0.05, 0.9])
    assert oos_recall(confidence, inside) == 0.5


def test_macro_f1_counts_each_label_once() -> None:
    """A rare label counts as much as a frequent one."""
    assert macro_f1(["a", "a", "a", "b"], ["a", "a", "a", "c"]) == pytest.approx(0.5)


def test_a_turn_of_a_new_customer_has_no_history() -> None:
    """Nothing is stored, and the text is unchanged."""
    turn = fresh_turn("  Hi! ", datetime(2026, 3, 2, tzinfo=UTC))
    assert (turn.message.text, turn.customer.id, turn.history) == ("  Hi! ", 0, ())
    assert (turn.conversation.id, turn.conversation.state) == (0, "bot")


# -- rows ----------------------------------------------------------------------------------------


def test_rows_are_read(tmp_path: Path) -> None:
    """Columns by name in any order, quoted line breaks, a byte-order mark."""
    path = tmp_path / "rows.csv"
    path.write_text('\ufeffintent,note,text\na,x,"two\nlines"\nb,,"say ""hi"""\n', "utf-8")
    assert read_rows(path, "intent") == [("two\nlines", "a"), ('say "hi"', "b")]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("text\nhello\n", 1, "intent: is not a column"),
        ("a,b\n1,2\n", 1, "intent and text: is not a column"),
        ("text,intent\n", 1, "has no rows"),
        ("text,intent\nhi,a\nhello\n", 3, "intent: is missing"),
        ("text,intent\nhi,\n", 2, "intent: is missing"),
        ('text,intent\n"hi"x,a\n', 2, "not CSV"),
        ("", 1, "intent and text"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line(
    tmp_path: Path, content: str, line: int, message: str
) -> None:
    """Columns that are missing, values that are missing, and invalid CSV."""
    path = tmp_path / "rows.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(BadConfig) as caught:
        read_rows(path, "intent")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(path), line)
    assert message in str(problem)


def test_a_label_must_be_allowed(tmp_path: Path) -> None:
    """``needs_human`` is 0 or 1."""
    path = tmp_path / "rows.csv"
    path.write_text("text,needs_human\nhi,0\nhelp,yes\n", "utf-8")
    with pytest.raises(BadConfig, match=r"rows\.csv:3: needs_human: is `yes`; write one of 0, 1"):
        read_rows(path, "needs_human", allowed=frozenset({"0", "1"}))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """One that does not exist, and one that is not UTF-8."""
    with pytest.raises(BadConfig, match="cannot be read"):
        read_rows(tmp_path / "gone.csv", "intent")
    (tmp_path / "latin.csv").write_bytes(b"text,intent\ncaf\xe9,a\n")
    with pytest.raises(BadConfig, match="cannot be read"):
        read_rows(tmp_path / "latin.csv", "intent")
