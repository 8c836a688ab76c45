"""How a text speaks to its readers: the form of address, the words it prefers, how it ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from gateway import Value

LEAST = 4
"""Words of address, and uses of a word, before anything is concluded: fewer may be a quotation."""
CLEARLY = 3.0
"""How much oftener one form or word must stand than the other."""

FORMS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "Sie": r"(?<=[\w,;:] )(?:Sie|Ihnen|Ihr(?:e[mnrs]?)?)\b",
        "du": r"(?i:\b(?:du|dich|dir|deine?[mnrs]?)\b)",
    },
    "fr": {
        "vous": r"(?i:\b(?:vous|votre|vos)\b)",
        "tu": r"(?i:\b(?:tu|toi|ton|ta|tes)\b)",
    },
    "es": {
        "usted": r"(?i:\b(?:usted|ustedes)\b)",
        "tú": r"(?i:\b(?:tú|ti|contigo|tus|tu)\b)",
    },
}
"""The words of each form of address, by language. A German `Sie` at the beginning of a sentence may
be `they`."""

CHOICES: Mapping[str, Sequence[Sequence[str]]] = {
    "en": (
        ("basket", "cart", "trolley"),
        ("parcel", "package"),
        ("delivery", "shipping"),
        ("postcode", "zip code"),
        ("voucher", "coupon"),
    ),
    "de": (
        ("Warenkorb", "Einkaufskorb", "Einkaufswagen"),
        ("Gutschein", "Voucher"),
        ("Rücksendung", "Retoure"),
        ("Lieferung", "Zustellung"),
    ),
    "fr": (
        ("panier", "caddie"),
        ("courriel", "e-mail"),
        ("colis", "paquet"),
        ("livraison", "expédition"),
    ),
    "es": (("móvil", "celular"), ("envío", "despacho")),
}
"""Words for one thing, of one gender: the one that a site uses is the one that the bot should
use."""

CLOSINGS: Mapping[str, Sequence[str]] = {
    "en": ("Kind regards", "Best regards", "Best wishes", "Warm regards", "Yours sincerely"),
    "de": (
        "Mit freundlichen Grüßen",
        "Freundliche Grüße",
        "Viele Grüße",
        "Herzliche Grüße",
        "Liebe Grüße",
        "Beste Grüße",
    ),
    "fr": ("Cordialement", "Bien cordialement", "Bien à vous", "À bientôt", "Amicalement"),
    "es": ("Un saludo", "Un cordial saludo", "Saludos cordiales", "Saludos", "Atentamente"),
}


class SiteSpeech(Value, frozen=True, kw_only=True):
    """How a site speaks in one language."""

    form: str = ""
    """`du`, `Sie`, `tu`, `vous`, `tú` or `usted`; empty: it does not show."""
    counts: Mapping[str, int] = {}
    """Words of each form that were found."""
    closing: str = ""
    """How it ends letters; empty: it does not show."""
    prefers: Mapping[str, tuple[str, ...]] = {}
    """A word that it uses: the others for the same thing."""


def speech_of(text: str, language: str) -> SiteSpeech | None:
    """How ``text`` speaks; None for a language that is not known here."""
    if language not in CHOICES:
        return None
    text = " ".join(text.split())
    counts = {form: len(re.findall(words, text)) for form, words in FORMS.get(language, {}).items()}
    return SiteSpeech(
        form=_clear_winner(counts),
        counts=counts,
        closing=_closing(text, CLOSINGS[language]),
        prefers=dict(_preferences(text, CHOICES[language])),
    )


def _clear_winner(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts, key=lambda form: -counts[form])
    if not ranked or counts[ranked[0]] < LEAST:
        return ""
    clear = all(counts[ranked[0]] >= CLEARLY * counts[other] for other in ranked[1:])
    return ranked[0] if clear else ""


def _closing(text: str, known: Sequence[str]) -> str:
    found = Counter({words: text.count(words) for words in known})
    # `Un saludo` is within `Un cordial saludo` never, but `Saludos` within `Saludos cordiales` is.
    best = sorted(found.items(), key=lambda each: (-each[1], -len(each[0])))
    return best[0][0] if best and best[0][1] else ""


def _preferences(
    text: str, choices: Sequence[Sequence[str]]
) -> Sequence[tuple[str, tuple[str, ...]]]:
    found = []
    for words in choices:
        counts = {word: len(re.findall(rf"\b{re.escape(word)}(?:s|en|n)?\b", text, re.IGNORECASE))
                  for word in words}  # fmt: skip
        if winner := _clear_winner(counts):
            found.append((winner, tuple(word for word in words if word != winner)))
    return found
