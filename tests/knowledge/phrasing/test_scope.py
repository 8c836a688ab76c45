"""What a model may word for a customer, and what is drafted for a person."""

from __future__ import annotations

import pytest

from gateway import Emotion, Route, SourceText, Turn, Understanding, sentence_spans
from plugins.knowledge.phrasing.scope import has_exception, held_back
from tests.engines.helpers import make_turn
from tests.knowledge.phrasing.test_sentences import passage

PLAIN = (SourceText(evidence="Delivery takes 3 days.", language="en"),)


def reasons(text: str, sources: tuple[SourceText, ...] = PLAIN, **changes: object) -> set[str]:
    turn: Turn = make_turn(text, **changes)
    return set(held_back(turn, sources))


@pytest.mark.parametrize("text", [
    "How long does delivery take?", "Can I return a lamp?", "What does shipping cost?",
    "Wie lange dauert die Lieferung?", "Kann ich mit PayPal bezahlen?",
    "Combien coûte la livraison ?", "Puis-je payer par virement ?",
    "¿Cuánto tarda el envío?", "¿Puedo pagar con tarjeta?", "How do I change my address?",
])  # fmt: skip
def test_a_calm_question_on_one_matter_may_be_worded(text: str) -> None:
    assert reasons(text) == set()


@pytest.mark.parametrize(("text", "reason"), [
    ("Am I still entitled to a refund?", "eligibility"),
    ("Can I still send it back?", "eligibility"),
    ("Habe ich noch Anspruch auf Umtausch?", "eligibility"),
    ("Est-ce que j'ai droit à un remboursement ?", "eligibility"),
    ("¿Tengo derecho a una devolución?", "eligibility"),
    ("How much money will I get back for two lamps?", "amount"),
    ("Wie viel bekomme ich zurück?", "amount"), ("Combien vais-je récupérer ?", "amount"),
    ("¿Cuánto me devuelven?", "amount"),
    ("Please cancel my subscription", "action"), ("Bitte stornieren Sie das", "action"),
    ("Pouvez-vous annuler l'abonnement ?", "action"), ("¿Puede cancelar la suscripción?", "action"),
    ("I bought a lamp five weeks ago, what now?", "own_case"),
    ("Ich habe vor drei Wochen eine Lampe bestellt", "own_case"),
    ("J'ai commandé une lampe il y a un mois", "own_case"),
    ("He comprado una lámpara hace un mes", "own_case"),
    ("How long does delivery take? And what does it cost?", "several"),
])  # fmt: skip
def test_what_decides_a_case_is_for_a_person(text: str, reason: str) -> None:
    """Eligibility, computed amounts, actions, the customer's own case, several matters."""
    assert reason in reasons(text)


def test_an_upset_customer_gets_a_person() -> None:
    """Whatever the question."""
    angry = Understanding(emotion=Emotion(label="angry", intensity=0.9))
    assert reasons("How long does delivery take?", understanding=angry) == {"not_calm"}
    escalated = Route(action="escalate")
    assert reasons("How long does delivery take?", route=escalated) == {"route"}


def test_an_answer_under_many_conditions_is_for_a_person() -> None:
    """One may be told, several must be weighed; so must three passages."""
    many = SourceText(evidence="Only if it is unused, except lamps.", language="en")
    assert reasons("Can I return it?", (many,)) == {"conditions"}
    assert reasons("Can I return it?", PLAIN * 3) == {"passages"}


@pytest.mark.parametrize(("text", "expected"), [
    ("Lamps can be returned. Gift cards cannot.", True),
    ("Lamps can be returned. Only unused ones are taken.", True),
    ("Lamps can be returned. Pack them well.", False),
])  # fmt: skip
def test_an_exception_behind_the_sentence_must_be_told(text: str, expected: bool) -> None:
    """Else a person decides."""
    page = passage(text)
    assert has_exception(page, quoted_spans(text)[:1]) is expected
    assert not has_exception(page, quoted_spans(text))


def quoted_spans(text: str) -> list[tuple[int, int]]:
    return list(sentence_spans(text))
