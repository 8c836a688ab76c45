"""The grammar of the phrase files."""

from __future__ import annotations

import pytest

from plugins.nlu_local.phrases import PHRASE_FILES, PhraseFinder, load_phrases, parse_phrase
from plugins.nlu_local.text import tokenize


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
    """Alternatives, optional words, prefixes, any word; never across the end of a clause."""
    words = tokenize(text)
    matches = PhraseFinder([parse_phrase(phrase, "x")]).find(words)
    assert [text[words[m.first].start : words[m.last - 1].end] for m in matches] == (
        [found] if found else []
    )


def test_only_the_longest_match_of_a_kind_counts() -> None:
    """A match inside another of the same kind is left out."""
    finder = PhraseFinder([parse_phrase("happy", "x", 2), parse_phrase("very happy", "x", 3)])
    matches = finder.find(tokenize("very happy"))
    assert [(match.weight, match.first, match.last) for match in matches] == [(3, 0, 2)]


@pytest.mark.parametrize("phrase", ["maybe?", "_ thing", ""])
def test_a_phrase_needs_a_word(phrase: str) -> None:
    """A phrase that could match nothing, or anything, is an error."""
    with pytest.raises(ValueError, match="add one"):
        parse_phrase(phrase, "x")


@pytest.mark.parametrize("language", PHRASE_FILES)
def test_every_phrase_file_is_valid(language: str) -> None:
    """The four main languages have all kinds of signals and words."""
    phrases = load_phrases(language)
    assert phrases.feelings or phrases.substrings
    if language in {"en", "de", "fr", "es"}:
        kinds = {phrase.kind for phrase in phrases.signals}
        assert kinds == {"asked_for_person", "harm", "legal", "not_helped"}
        assert phrases.negations
        assert phrases.refusals
        assert phrases.emphasis


def test_a_bare_no_stays_a_word() -> None:
    """YAML reads it as false otherwise."""
    assert "no" in load_phrases("en").negations
    assert "no" in load_phrases("es").negations
