"""The matters of customer service that a text is about."""

from __future__ import annotations

import time

import pytest

from gateway import packaged_yaml
from plugins.knowledge.answering.words import LANGUAGES, matters_of


@pytest.mark.parametrize(
    ("text", "language", "matter"),
    [
        ("I'd like to send these two back, please", "en", "return"),
        ("Ich schicke den Pulli zurück", "de", "return"),
        ("Comment renvoyer un article ?", "fr", "return"),
        ("Quiero devolver unos zapatos", "es", "return"),
        ("Kan ik dit terugsturen?", "nl", "return"),
        ("My order still hasn’t arrived", "en", "late"),
        ("Der Rücksendeschein fehlt", "de", "return"),
        ("Kann ich das in Raten zahlen?", "de", "instalments"),
        ("¿Puedo pagar a plazos?", "es", "instalments"),
        ("J'ai perdu l’adresse", "fr", "change_address"),
        ("Wie lang is de levertijd?", "nl", "delivery_time"),
    ],
)
def test_texts_are_about_matters(text: str, language: str, matter: str) -> None:
    """By forms of words, compounds, and words of a phrase with others between."""
    assert matter in matters_of(text, language)


@pytest.mark.parametrize(
    ("text", "language", "matter"),
    [
        ("Back in May I used to send letters", "en", "return"),
        ("Send one of the many long and very old letters back", "en", "return"),
        ("A customer asked", "en", "own_choice"),
        ("Das Handbuch liegt bei", "de", "return"),
    ],
)
def test_other_texts_are_not(text: str, language: str, matter: str) -> None:
    """A phrase has its words in order and near one another; a short word is no beginning."""
    assert matter not in matters_of(text, language)


def test_words_are_of_one_language() -> None:
    """`Gift` is poison in German. Without a language all are looked up; others have no words."""
    assert "voucher" not in matters_of("Gift für Ratten", "de")
    assert "refund" in matters_of("I want a refund", "")
    assert matters_of("I want a refund", "it") == frozenset()


def test_every_matter_has_words_in_every_language() -> None:
    """Otherwise a question finds pages of one language only."""
    stored = packaged_yaml("plugins.knowledge.answering", "matters.yaml")
    assert len(stored) > 100
    for matter, texts in stored.items():
        columns = texts.split("|")
        assert len(columns) == len(LANGUAGES), matter
        for column in columns:
            phrases = [phrase.strip() for phrase in column.split(",")]
            assert all(phrases), matter
            assert len(set(phrases)) == len(phrases), (matter, phrases)


def test_a_long_text_is_read_to_a_bound() -> None:
    """What stands behind it is not read, whatever it is made of."""
    begun = time.thread_time()
    assert "refund" not in matters_of("word " * 1_000 + "refund", "en")
    matters_of("send " * 50_000, "en")
    matters_of("a" * 200_000, "de")
    assert time.thread_time() - begun < 2
