"""A table of sentences of our own: seven feelings, four languages, and all that could fool us."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from plugins.nlu_local.asking import Said
from plugins.nlu_local.readers import Readers

LANGUAGES = {"en", "de", "fr", "es"}
LABELS = {"calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent"}


class Sentence(NamedTuple):
    trap: str
    language: str
    label: str
    text: str


def _table() -> Iterator[Sentence]:
    for name in ("sentences.yaml", "fresh.yaml"):
        tree = yaml.safe_load(Path(__file__).with_name(name).read_text("utf-8"))
        for trap, by_language in {"plain": tree["plain"], **tree["traps"]}.items():
            for language, by_label in by_language.items():
                for label, texts in by_label.items():
                    yield from (Sentence(trap, language, label, text) for text in texts)


TABLE = list(_table())


@pytest.fixture(scope="session")
def told(readers: Readers) -> dict[Sentence, str]:
    """What each sentence was taken for, in its conversation's language."""
    insights = readers.read_all([Said(one.text, one.language) for one in TABLE], None)
    labels = [insight.emotion.label for insight in insights if insight.emotion]
    return dict(zip(TABLE, labels, strict=True))


def wrong(told: dict[Sentence, str]) -> list[str]:
    return [f"{s.language} {label} for {s.label}: {s.text}" for s, label in told.items()
            if label != s.label]  # fmt: skip


def test_the_table_is_whole() -> None:
    """At least 500 different sentences; every label in every language."""
    assert len({one.text for one in TABLE}) == len(TABLE) >= 500
    assert {(one.language, one.label) for one in TABLE} == {
        (language, label) for language in LANGUAGES for label in LABELS
    }


def test_feelings_are_told(told: dict[Sentence, str]) -> None:
    """At least 95 of 100 sentences are taken for what they are."""
    assert len(wrong(told)) <= 0.05 * len(TABLE), "\n".join(wrong(told))


@pytest.mark.parametrize("key", ["trap", "language", "label"])
def test_nothing_is_left_behind(told: dict[Sentence, str], key: str) -> None:
    """No trap, language or label is much worse than the rest: nine of ten, or all but one."""
    total = Counter(getattr(one, key) for one in TABLE)
    missed = Counter(getattr(one, key) for one, label in told.items() if label != one.label)
    assert {k: n for k, n in missed.items() if n > max(1, 0.1 * total[k])} == {}, "\n".join(
        wrong(told)
    )


def test_every_feeling_shows_its_words(readers: Readers) -> None:
    """Each label but calm comes with a cue, which is a piece of the sentence."""
    for one in TABLE:
        emotion = readers.read(one.text, one.language, None).emotion
        assert emotion is not None
        assert emotion.label == "calm" or emotion.cues, one.text
        assert all(cue.text == one.text[cue.start : cue.end] for cue in emotion.cues)
