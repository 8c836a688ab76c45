"""Our own tables of labelled sentences: seven labels, four languages, and what could mislead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from plugins.nlu_local.protocol import MessageInContext
from plugins.nlu_local.reader import MessageReader

LANGUAGES = {"en", "de", "fr", "es"}
LABELS = {"calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent"}


class LabelledSentence(NamedTuple):
    trap: str
    language: str
    label: str
    text: str


def _table() -> Iterator[LabelledSentence]:
    for name in ("emotions.yaml", "emotions_unseen.yaml"):
        tree = yaml.safe_load(Path(__file__).with_name(name).read_text("utf-8"))
        for trap, by_language in {"plain": tree["plain"], **tree["traps"]}.items():
            for language, by_label in by_language.items():
                for label, texts in by_label.items():
                    yield from (LabelledSentence(trap, language, label, text) for text in texts)


TABLE = list(_table())


@pytest.fixture(scope="session", params=["model", "phrases"])
def labels(
    request: pytest.FixtureRequest, reader: MessageReader, phrase_reader: MessageReader
) -> dict[LabelledSentence, str]:
    """The label that each sentence gets, in the language of its conversation."""
    chosen = reader if request.param == "model" else phrase_reader
    insights = chosen.read_all([MessageInContext(one.text, one.language) for one in TABLE])
    found = [insight.emotion.label for insight in insights if insight.emotion]
    return dict(zip(TABLE, found, strict=True))


def mistakes(labels: dict[LabelledSentence, str]) -> list[str]:
    return [
        f"{sentence.language} {label} for {sentence.label}: {sentence.text}"
        for sentence, label in labels.items()
        if label != sentence.label
    ]


def test_the_tables_are_complete() -> None:
    """At least 500 different sentences; every label in every language."""
    assert len({one.text for one in TABLE}) == len(TABLE) >= 500
    assert {(one.language, one.label) for one in TABLE} == {
        (language, label) for language in LANGUAGES for label in LABELS
    }


def test_labels_are_right(labels: dict[LabelledSentence, str]) -> None:
    """For at least 95 of 100 sentences."""
    assert len(mistakes(labels)) <= 0.05 * len(TABLE), "\n".join(mistakes(labels))


@pytest.mark.parametrize("key", ["trap", "language", "label"])
def test_no_group_is_much_worse(labels: dict[LabelledSentence, str], key: str) -> None:
    """Of each trap, language and label eight of ten are right, or all but three."""
    total = Counter(getattr(one, key) for one in TABLE)
    missed = Counter(getattr(one, key) for one, label in labels.items() if label != one.label)
    assert {k: n for k, n in missed.items() if n > max(3, 0.2 * total[k])} == {}, "\n".join(
        mistakes(labels)
    )


def test_every_feeling_has_a_cue(reader: MessageReader) -> None:
    """Each label but calm comes with a cue, which is a piece of the sentence."""
    for sentence in TABLE:
        text = sentence.text
        emotion = reader.read(text, sentence.language).emotion
        assert emotion is not None
        assert emotion.label == "calm" or emotion.cues, text
        assert all(cue.text == text[cue.start : cue.end] for cue in emotion.cues)
