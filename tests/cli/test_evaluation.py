"""The figures of ``warmline eval``: their definitions, and the rows they are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from gateway import BadConfig, Cue, Emotion, Guess, Insight, Language, Turn
from gateway.model import MoodLabel
from gateway.ops.evaluation import (
    BotResponse,
    Outcome,
    answer_shares,
    auroc,
    ece,
    evaluate_emotion,
    evaluate_intents,
    evaluate_language,
    fresh_turn,
    judge_answers,
    macro_f1,
    oos_recall,
    recall_at_precision,
    share_with_interval,
)
from gateway.ops.labelled_rows import EmotionRow, read_emotion_rows, read_rows
from gateway.routing.policy import Policy


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
    rows = [
        EmotionRow(text=text, needs_human=needs)
        for text, needs in [("calm", False), ("mixed", True), ("sad", False), ("cross", True)]
    ]
    figures = await evaluate_emotion([Scripted(known)], rows, Policy())
    assert figures["auroc"] == pytest.approx(3 / 4)
    assert figures["recall_at_precision_90"] == pytest.approx(1 / 2)
    assert list(figures) == ["auroc", "recall_at_precision_90", "latency_ms_p50"]


async def test_emotion_of_one_kind_has_no_ranking() -> None:
    """Rows of a single label cannot be ranked."""
    rows = [EmotionRow(text=text, needs_human=True) for text in "ab"]
    figures = await evaluate_emotion([Scripted({})], rows, Policy())
    assert (figures["auroc"], figures["recall_at_precision_90"]) == (None, None)


def mood(label: MoodLabel, intensity: float, distress: float = 0.0) -> Insight:
    return Insight(emotion=Emotion(label=label, intensity=intensity, distress=distress))


MOODS = {
    "ruhig": mood("calm", 0.0),
    "seufz": mood("frustrated", 0.2),
    "wütend": mood("angry", 0.9),
    "eilig": mood("urgent", 0.9),
    "smoke": Insight(signals=(Cue(kind="harm", text="smoke", start=0, end=5),)),
    "lawyer": Insight(signals=(Cue(kind="legal", text="lawyer", start=0, end=6),)),
    "hurrah": mood("pleased", 1.0, 0.9),
}


def row(text: str, moods: str = "", escalate: str = "", language: str = "de") -> EmotionRow:
    return EmotionRow(
        text=text,
        moods=tuple(mood for mood in moods.split("|") if mood),  # type: ignore[misc]
        escalate=escalate == "1" if escalate else None,
        language=language,
    )


async def test_moods_escalation_and_alarms_per_language() -> None:
    """A mood may have two right labels. An alarm is an upset label or an escalation by emotion on
    a message that a bot may answer; legal steps are no emotion."""
    rows = [
        row("ruhig", "calm", "0"),
        row("seufz", "frustrated|calm", "0"),
        row("wütend", "frustrated|angry", "1"),
        row("eilig", "urgent", "0"),
        row("ruhig", "frustrated", "1"),
        row("smoke", "anxious|calm", "1", "en"),
        row("lawyer", "calm", "0", "en"),
        row("hurrah", "pleased", "0", "en"),
        row("hurrah", language=""),
    ]
    figures = await evaluate_emotion([Scripted(MOODS)], rows, Policy())
    assert figures["by_language"] == {
        "de": {
            "mood_accuracy": 4 / 5,
            "escalate_precision": 1 / 2,
            "escalate_recall": 1 / 2,
            "alarm_rate": 2 / 3,
            "n": 5,
        },
        "en": {
            "mood_accuracy": 1.0,
            "escalate_precision": 1.0,
            "escalate_recall": 1.0,
            "alarm_rate": 0.0,
            "n": 3,
        },
    }
    assert figures["mood_accuracy"] == 7 / 8
    assert figures["alarm_rate"] == 2 / 5
    assert (figures["auroc"], figures["recall_at_precision_90"]) == (None, None)


async def test_a_figure_without_rows_is_null() -> None:
    """Nothing was escalated, or nothing is labelled so."""
    calm = row("ruhig", "", "0")
    figures = await evaluate_emotion([Scripted(MOODS)], [calm], Policy())
    assert figures["mood_accuracy"] is None
    assert figures["escalate_precision"] is None
    assert figures["escalate_recall"] is None
    assert figures["alarm_rate"] == 0.0


async def test_the_policy_in_force_decides_what_is_escalated() -> None:
    """With a stricter policy the sigh is escalated; with the reason switched off nothing is."""
    rows = [row("seufz", "", "1"), row("wütend", "", "1")]
    strict = Policy.model_validate(
        {"reasons": {"strong_emotion": {"intensity": {"frustrated": 0}}}}
    )
    off = Policy.model_validate({"reasons": {"strong_emotion": {"enabled": False}}})
    found = [
        (await evaluate_emotion([Scripted(MOODS)], rows, policy))["escalate_recall"]
        for policy in (Policy(), strict, off)
    ]
    assert found == [0.5, 0.5, 0.0]


async def test_all_engines_are_read_together() -> None:
    """As in a turn: another engine may add a mood, and none can take one away."""
    other = Scripted({"ruhig": mood("angry", 0.9, 0.9)})
    other.priority = 2
    rows = [row("ruhig", "angry", "1"), row("wütend", "angry", "1")]
    figures = await evaluate_emotion([other, Scripted(MOODS)], rows, Policy())
    assert (figures["mood_accuracy"], figures["escalate_recall"]) == (1.0, 1.0)


# -- answers -------------------------------------------------------------------------------------

ANSWER = BotResponse(
    text="Shipping  costs €3.90.",
    answered=True,
    handed_over=False,
    intents=("shipping_cost", "returns"),
    known=frozenset({"shipping_cost", "returns", "hours"}),
)
NO_ANSWER = BotResponse(text="What do you mean?", answered=False, handed_over=False)
HANDED_OVER = BotResponse(text="A person answers.", answered=False, handed_over=True)


@pytest.mark.parametrize(
    ("wanted", "response", "outcome"),
    [
        ("shipping_cost", ANSWER, "right"),
        ("returns", ANSWER, "right"),
        ("hours", ANSWER, "wrong"),
        ("shipping COSTS €3.90", ANSWER, "right"),
        ("costs €4.90", ANSWER, "wrong"),
        ("person", ANSWER, "wrong"),
        ("refuse", ANSWER, "wrong"),
        ("shipping_cost", NO_ANSWER, "refused"),
        ("what do you", NO_ANSWER, "refused"),
        ("person", NO_ANSWER, "refused"),
        ("refuse", NO_ANSWER, "right"),
        ("shipping_cost", HANDED_OVER, "needless"),
        ("a person", HANDED_OVER, "needless"),
        ("person", HANDED_OVER, "right"),
        ("refuse", HANDED_OVER, "right"),
        ("person", msgspec.structs.replace(ANSWER, handed_over=True), "right"),
        ("hours", msgspec.structs.replace(ANSWER, handed_over=True), "wrong"),
    ],
)
def test_what_a_customer_got_is_judged(
    wanted: str, response: BotResponse, outcome: Outcome
) -> None:
    """By the name of an intent, a fragment, `person` and `refuse`; asked back is refused."""
    rows = [("x", wanted), ("y", "refuse")]
    judged = judge_answers(rows, [response, ANSWER])
    assert [each.outcome for each in judged] == [outcome, "wrong"]


def test_a_name_is_no_fragment() -> None:
    """The word in the answer to another question does not make it right."""
    about_returns = msgspec.structs.replace(
        ANSWER, text="See our returns page", intents=("shipping_cost",)
    )
    [judged] = judge_answers([("x", "returns")], [about_returns])
    assert judged.outcome == "wrong"


def test_shares_have_intervals_and_sum_to_one() -> None:
    """Also an outcome that never occurs."""
    rows = [("a", "person"), ("b", "person"), ("c", "refuse"), ("d", "hours")]
    shares = answer_shares(judge_answers(rows, [HANDED_OVER, NO_ANSWER, ANSWER, HANDED_OVER]))
    assert {name: share["value"] for name, share in shares.items()} == {
        "right": 0.25, "wrong": 0.25, "needless": 0.25, "refused": 0.25,
    }  # fmt: skip
    assert all(share["low"] < 0.25 < share["high"] for share in shares.values())


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (3, 200, 0.0051, 0.0432),
    ],
)
def test_wilson_intervals(count: int, total: int, low: float, high: float) -> None:
    """Known values of the score interval without continuity correction."""
    share = share_with_interval(count, total)
    assert (share["low"], share["high"]) == pytest.approx((low, high), abs=1e-4)


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


def test_rows_of_moods_are_read(tmp_path: Path) -> None:
    """Any of the labels may be there, and cells may be empty; other columns do not matter."""
    path = tmp_path / "rows.csv"
    path.write_text(
        "text,moods,escalate,language,kind\nhm,frustrated|calm,0,de,sigh\nwo?, calm ,,,\n", "utf-8"
    )
    assert read_emotion_rows(path) == [
        EmotionRow(text="hm", moods=("frustrated", "calm"), escalate=False, language="de"),
        EmotionRow(text="wo?", moods=("calm",)),
    ]
    path.write_text("needs_human,text\n1,help\n", "utf-8")
    assert read_emotion_rows(path) == [EmotionRow(text="help", needs_human=True)]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("text,moods\nhi,calm\nno,sad\n", 3, "moods: is `sad`; write one of calm, pleased,"),
        ("text,moods\nhi,calm|\n", 2, "moods: is `calm|`"),
        ("text,escalate\nhi,yes\n", 2, "escalate: is `yes`; write one of 0, 1"),
        ("text,escalate,moods\nhi,,\n", 2, "moods or escalate: is missing"),
        ("text,needs_human\nhi\n", 2, "needs_human: is missing"),
        ("text,escalate,language\nhi,0,German\n", 2, "language: is `German`; write its ISO 639-1"),
        ("text,needs_human\nhi,2\n", 2, "needs_human: is `2`; write one of 0, 1"),
        ("text,language\nhi,en\n", 1, "needs_human or moods or escalate: is not a column"),
        ("moods\ncalm\n", 1, "text: is not a column"),
    ],
)
def test_a_mistake_in_the_moods_is_named(
    tmp_path: Path, content: str, line: int, message: str
) -> None:
    """File, line, column, and what to write."""
    path = tmp_path / "rows.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(BadConfig) as caught:
        read_emotion_rows(path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(path), line)
    assert message in str(problem)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """One that does not exist, and one that is not UTF-8."""
    with pytest.raises(BadConfig, match="cannot be read"):
        read_rows(tmp_path / "gone.csv", "intent")
    (tmp_path / "latin.csv").write_bytes(b"text,intent\ncaf\xe9,a\n")
    with pytest.raises(BadConfig, match="cannot be read"):
        read_rows(tmp_path / "latin.csv", "intent")
