"""What a sentence says beyond its source, by rules alone."""

from __future__ import annotations

import pytest

from gateway import SourceText, clause_contradictions, contradictions, sentence_spans
from gateway.support.grounding import clauses, concepts_in, denies


def source(text: str, language: str = "en", context: str = "") -> SourceText:
    return SourceText(evidence=text, context=context, language=language)


SAYS = source(
    "Delivery takes 3 working days and costs €4.90. Write to help@shop.example or see "
    "https://shop.example/delivery. We do not ship to Norway."
)


@pytest.mark.parametrize(("sentence", "reason"), [
    ("Delivery takes 2 working days.", "figure"),
    ("See https://shop.example/other.", "link"), ("See shop.example.net.", "link"),
    ("Write to boss@shop.example.", "address"), ("Call +353 1 555 0199.", "address"),
    ("Quote LUMEN20.", "code"), ("Delivery is free.", "deciding_word"),
    ("We ship to Sweden.", "deciding_word"), ("You get a voucher.", "deciding_word"),
    ("We have sent you a new one.", "claim"), ("I have checked your order.", "claim"),
    ("We will call you back.", "promise"), ("Let me help.", "first_person"),
    ("Shall it be sent again?", "question"), ("It takes 3 working days, guaranteed.",
    "deciding_word"),
])  # fmt: skip
def test_what_the_source_does_not_say_is_named(sentence: str, reason: str) -> None:
    """With a code for each kind."""
    assert reason in contradictions(sentence, "en", SAYS)


@pytest.mark.parametrize(("language", "sentence"), [
    ("en", "It costs 4.90 euros and takes three business days."),
    ("de", "Die Lieferung dauert 3 Werktage und kostet 4,90 €."),
    ("fr", "La livraison prend 3 jours ouvrés et coûte 4,90 €."),
    ("es", "El envío tarda 3 días laborables y cuesta 4,90 €."),
    ("de", "Wir liefern nicht nach Norwegen."),
    ("en", "Details: https://shop.example/delivery"),
])  # fmt: skip
def test_what_the_source_says_passes_in_any_language(language: str, sentence: str) -> None:
    assert contradictions(sentence, language, SAYS) == ()


@pytest.mark.parametrize(("sentence", "reason"), [
    ("Wir haben Ihnen das Geld erstattet.", "claim"),
    ("Ich habe Ihre Bestellung geprüft.", "claim"),
    ("Nous vous rembourserons demain.", "promise"),
    ("J'ai vérifié votre commande.", "claim"),
    ("Le reembolsaremos mañana.", "promise"),
    ("He revisado su pedido.", "claim"),
])  # fmt: skip
def test_what_nobody_promised_is_refused_in_each_language(sentence: str, reason: str) -> None:
    language = {"W": "de", "I": "de", "N": "fr", "J": "fr"}.get(sentence[0], "es")
    found = contradictions(sentence, language, SAYS)
    assert {reason, "deciding_word", "first_person"} & set(found)


def test_another_language_must_keep_the_words() -> None:
    """We have no lists for Dutch: only the source's own words pass."""
    dutch = source("We leveren niet in Noorwegen.", "nl")
    assert contradictions("We leveren niet in Noorwegen.", "nl", dutch) == ()
    assert contradictions("Wij sturen niets naar Noren.", "nl", dutch) == ("other_language",)


@pytest.mark.parametrize(("language", "says", "clause", "reason"), [
    ("en", "Gift cards cannot be returned", "You can return gift cards", "negation"),
    ("de", "Wir liefern nach Norwegen", "Wir liefern nie nach Norwegen", "negation"),
    ("fr", "Le magasin est fermé le dimanche", "Le magasin est ouvert le dimanche", "negation"),
    ("es", "No enviamos a Noruega", "Enviamos a Noruega", "negation"),
    ("en", "Delivery is free from €60", "Delivery is free", "left_out"),
    ("en", "Parcels can be collected if you show a card", "Parcels can be collected", "left_out"),
    ("en", "Only members get a discount", "You get a discount", "left_out"),
    ("de", "Unbenutzte Artikel nehmen wir zurück", "Artikel nehmen wir zurück", "left_out"),
    ("en", "We pay the postage", "You pay the postage", "roles"),
    ("en", "Express delivery takes 1 day", "Express delivery takes 3 days", "figure"),
])  # fmt: skip
def test_what_the_nearest_part_says_is_not_turned_round(
    language: str, says: str, clause: str, reason: str
) -> None:
    """Neither denied, nor broader, nor with changed roles, nor with another matter's figure."""
    found = clause_contradictions(clause, language, says, source(says, language), clause)
    assert reason in found


@pytest.mark.parametrize(("language", "text", "expected"), [
    ("en", "Water damage is excluded", True), ("en", "This is not impossible", False),
    ("en", "no later than Friday", False), ("en", "not only lamps", False),
    ("de", "Wir haben geschlossen", True), ("de", "ohne Kassenbon", True),
    ("fr", "Il n'est plus possible de le rendre", True), ("fr", "en plus du prix", False),
    ("es", "sin usar", False), ("es", "sin factura", True), ("es", "No abrimos ni cerramos", False),
])  # fmt: skip
def test_denials_are_recognised(language: str, text: str, expected: bool) -> None:
    assert denies(text, language) is expected


def test_the_longest_concept_counts() -> None:
    """A gift card is no gift."""
    assert [c.name for c in concepts_in("a gift card", "en")] == ["gift_card"]


@pytest.mark.parametrize(("text", "count"), [
    ("Wir haben am 26. Dezember zu. Sonst nicht.", 2), ("Use e.g. PayPal. It is safe.", 2),
    ("1. Open it.\n2. Press OK.", 2), ("Open until 18:00. Closed on Sundays.", 2),
    ("| a | b |\n| c | d |", 2), ("Nehmen Sie z. B. Visa.", 1), ("It costs €4.90 today.", 1),
])  # fmt: skip
def test_sentences_are_told_apart(text: str, count: int) -> None:
    """Abbreviations, dates and the numbers of steps end none."""
    assert len(sentence_spans(text)) == count


def test_a_list_is_one_clause() -> None:
    """And what says something of its own is another."""
    text = "We accept cards and transfers, and we do not take cash in the shop"
    assert [part[:9] for part in clauses(text)] == ["We accept", "and we do"]
