"""Quotations and signatures: what is removed from a text, and what must stay."""

from __future__ import annotations

import pytest

from channels.email.reply import extract_reply


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        (
            "Hello\n\nThanks, but that did not help.\nI want my money back.\n\nBest regards,\nAnna",
            "Hello\n\nThanks, but that did not help.\nI want my money back.",
        ),
        ("I need:\n- a lamp\n- a bulb\n\nok?", "I need:\n- a lamp\n- a bulb\n\nok?"),
        ("It says:\nData: 5 GB\nWhy?", "It says:\nData: 5 GB\nWhy?"),
        ("Hi\n\nRegards, whatever. Is it sent?", "Hi\n\nRegards, whatever. Is it sent?"),
        ("Hi\n\nBest regards,\nWill you answer me at last?", None),
        ("Hi\n\nCheers\n-- \nAnna\n12 Long Street", "Hi\n\nCheers"),
        ("Hi\n\nSent from my iPhone", "Hi"),
        ("Bonjour,\n\nmerci.\n\nCordialement,\nZoé", "Bonjour,\n\nmerci."),
        ("> Blue or red?\nBlue", "Blue"),
        ("On Monday you wrote: it is sent. It is not.", None),
        (
            "Ja bitte\n\nVon: Shop\nGesendet: Montag\nAn: Anna\nBetreff: Re\n\nAlter Text",
            "Ja bitte",
        ),
        (
            "Oui\n\nLe lun. 23 nov. 2026 à 10:00, Shop <help@shop.example> a écrit :\n> Texte",
            "Oui",
        ),
        ("", ""),
    ],
    ids=lambda text: repr(text)[:30],
)
def test_the_customers_words_stay(text: str, reply: str | None) -> None:
    """Only a real signature or quotation is removed; ``reply`` None: everything stays."""
    assert extract_reply(text) == (text if reply is None else reply)
