"""The little grammar of the phrase files."""

from __future__ import annotations

import pytest

from plugins.nlu_local.phrases import WORDS, Finder, parse, read_words
from plugins.nlu_local.text import tokens


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("fed up", "I'm fed up.", "fed up"),
        ("fed up", "I'm FED UP.", "FED UP"),
        ("fed up", "he fed. up", None),
        ("talk|speak to", "we speak to you", "speak to"),
        ("a really? big mess", "a big mess", "a big mess"),
        ("a really? big mess", "a really big mess", "a really big mess"),
        ("refund*", "two refunds", "refunds"),
        ("never _ again", "never ever again", "never ever again"),
        ("never _ again", "never again", None),
        ("(no one|nobody) helps", "no one helps", "no one helps"),
        ("can't", "I can’t", "can’t"),
        ("j'ai peur", "Oh, j’ai peur", "j’ai peur"),
        ("müde", "MÜDE bin ich", "MÜDE"),
    ],
)
def test_a_phrase_is_found(phrase: str, text: str, found: str | None) -> None:
    """Either, perhaps, any ending, any word; never over the end of a clause."""
    words = tokens(text)
    hits = Finder([parse(phrase, "x")]).find(words)
    assert [text[words[h.first].start : words[h.last - 1].end] for h in hits] == (
        [found] if found else []
    )


def test_the_longest_says_most() -> None:
    """Of two hits of one kind, the one within the other is left out."""
    finder = Finder([parse("happy", "x", 2), parse("very happy", "x", 3)])
    assert [(h.weight, h.first, h.last) for h in finder.find(tokens("very happy"))] == [(3, 0, 2)]


@pytest.mark.parametrize("phrase", ["maybe?", "_ thing", ""])
def test_a_phrase_needs_a_word(phrase: str) -> None:
    """A phrase that could match nothing, or anything, is refused."""
    with pytest.raises(ValueError, match="add one"):
        parse(phrase, "x")


@pytest.mark.parametrize("language", WORDS)
def test_every_file_of_phrases_is_read(language: str) -> None:
    """The files of all languages are whole; those we serve can deny and refuse."""
    words = read_words(language)
    assert words.feelings or words.substrings
    if language in {"en", "de", "fr", "es"}:
        kinds = {phrase.kind for phrase in words.signals}
        assert kinds == {"asked_for_person", "harm", "legal", "not_helped"}
        assert words.negations
        assert words.refusals
        assert words.emphasis


def test_no_word_became_a_truth_value() -> None:
    """YAML reads a bare `no` as false; our phrases keep it a word."""
    assert "no" in read_words("en").negations
    assert "no" in read_words("es").negations
