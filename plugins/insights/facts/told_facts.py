"""The facts that a customer tells in a message, by rule and not by a model."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway import EMAIL, PHONE, Message

from .wording import ReadText, Wording, stem, tokens

_EMAIL = re.compile(EMAIL)
_PHONE = re.compile(PHONE)
_CODE = re.compile(
    r"(?<![\w@.,-])#?(?:[a-z]{1,4}[- ]?\d[\d-]*\d(?:-[a-z])?|[a-z]{1,3}-\d+|\d+-\d+|\d{4,10})(?![\w@]|[.,]\d)"
)
_ORDER_NOUN = re.compile(
    r"order|booking|invoice|reservation|reservierung|bestell|auftrag|rechnung|buchung|commande|facture|pedido|reserva"
    r"|factura|ordine|prenotazione|fattura|factuur|boeking|reserv|parcel|paket|colis|paquete|pacco|pakket"
    r"|sendung|job|ticket|number|numero|nummer|\bnr\b|\bno\b|ref\b|#"
)
_ADDRESS = re.compile(
    r"\b\d{1,4}[a-z]?,? (?:\w+ ){1,3}(?:street|road|lane|row|close|way|avenue|drive|st|rd|ave|court|square|terrace|hill|gardens|crescent|place)\b"
    r"|\b[\w-]+(?:strase|strasse|str\.|weg|gasse|allee|platz|ring|ufer|damm|straat|laan|plein|gracht|kade|dijk|singel|steenweg) \d+"
    r"|\b(?:am|im|an der|in der|auf dem|zum) \w+ \d{1,3}[a-z]?\b(?! (?:uhr|euro))"
    r"|\b\d{1,4}(?: bis| ter)?,? (?:rue|avenue|bd|boulevard|place|chemin|allee|impasse|quai|route|cours)\b"
    r"|\b(?:calle|c/|avenida|avda\.?|plaza|paseo|camino|ronda|carrer) (?:\w+ ){0,4}\d+"
    r"|\b(?:via|viale|piazza|corso|largo|vicolo|strada) (?:\w+ ){0,4}\d+"
    r"|\b[a-z]{1,2}\d[\da-z]? \d[a-z]{2}\b|\b\d{4} ?[a-z]{2}\b,? [a-z]{3}"
)
_POSTCODE = re.compile(r"\b\d{5} [A-ZÀ-Þ][\w-]{2}")
_AMOUNT = re.compile(r"\b\d+[.,]\d\d\b")
_NUMBER = re.compile(r"\d")
_NOT_CODES = re.compile(r"(?:19|20)\d\d$")
_NAME = re.compile(r"[A-ZÀ-Þ][\w'-]+")
_SENDS = re.compile(
    r"\b(?:attached|enclosed|see attachment|im anhang|anbei|angehangt|ci-joint|en piece jointe|adjunto|adjunta"
    r"|in allegato|allego|allegata|bijgevoegd|in de bijlage)\b"
)
_DIGITS = re.compile(r"\D")

WORDS_OF_A_STORY = 2
"""So many words beside function words, and a customer has said what it is about."""


def codes(read: ReadText) -> set[str]:
    """What may be numbers of orders, parcels, invoices: without spaces, hyphens and case."""
    if not _NUMBER.search(read.folded):
        return set()
    blanked = _EMAIL.sub(" ", read.folded)
    named = _ORDER_NOUN.search(blanked) is not None or len(read.words) <= 2
    found = set()
    for match in _CODE.finditer(blanked):
        code = re.sub(r"[-# ]", "", match[0])
        letters = code[0].isalpha()
        if letters and " " in match[0] and len(code) < 6:
            continue
        if letters and "-" not in match[0] and sum(c.isdigit() for c in code) < 3:
            continue
        if not letters and (not named or _NOT_CODES.match(code)):
            continue
        if not letters and len(code) == 5 and _POSTCODE.match(read.text, match.start()):
            continue
        found.add(code)
    return found


def values(message: Message, read: ReadText, rules: Wording) -> dict[str, set[str]]:
    """The values that ``message`` states, by fact (see `ToldFact`)."""
    found: dict[str, set[str]] = {}
    if _NUMBER.search(read.folded):
        blanked = _EMAIL.sub(" ", read.folded)
        found["order"] = codes(read)
        phones = {_DIGITS.sub("", match[0]) for match in _PHONE.finditer(blanked)}
        found["phone"] = {phone for phone in phones if phone not in found["order"]} - found["order"]
        found["other"] = set(_AMOUNT.findall(read.folded))
        if match := _ADDRESS.search(read.folded):
            found["address"] = {match[0]}
        elif match := _POSTCODE.search(read.text):
            found["address"] = {match[0]}
        if found["phone"]:
            found["order"] = {
                code for code in found["order"] if code not in "".join(found["phone"])
            }
    if "@" in read.folded:
        found["email"] = set(_EMAIL.findall(read.folded))
    if dates := _dates(read, rules):
        found["date"] = dates
    if message.attachments or _SENDS.search(read.folded):
        found["photo"] = {"sent"}
    if names := customer_names(read, rules):
        found["name"] = set(names)
    if message.understanding is not None:
        for slot in message.understanding.slots:
            fact = (
                slot.name if slot.name in ("email", "phone", "address", "name", "date") else "order"
            )
            found.setdefault(fact, set()).add(re.sub(r"[-# ]", "", slot.value.casefold()))
    return {fact: said for fact, said in found.items() if said}


def _dates(read: ReadText, rules: Wording) -> set[str]:
    found = set()
    for match in rules.date.finditer(read.folded):
        parts = re.findall(r"\d+|[a-z]{3,}", match[0])
        found.add(" ".join(sorted(part[:3] for part in parts if part not in ("of", "de", "di"))))
    return found


def customer_names(read: ReadText, rules: Wording) -> list[str]:
    """The names that a customer gives as theirs: `My name is Irene Castle`."""
    found = []
    for match in rules.customer_names.finditer(read.folded):
        at = match.end()
        while named := re.compile(r"[\s:]*").match(read.text, at):
            name = _NAME.match(read.text, named.end())
            if name is None or len(found) > 3:
                break
            found.append(name[0])
            at = name.end()
    return found


def told_story(read: ReadText, rules: Wording) -> bool:
    """Whether the customer says what it is about, and not only hello or that they want a person."""
    told = read.words - rules.words["person"] - rules.words["greetings"] - rules.words["stop"]
    return len(told - rules.words["determiners"]) >= WORDS_OF_A_STORY


def content(read: ReadText, rules: Wording) -> Iterator[str]:
    """The stems of the words that say something of this customer alone, with numbers."""
    for token in tokens(read):
        word = token.word
        if word.isdigit() or (len(word) > 2 and word not in rules.ignored):
            key = stem(word)
            if key not in rules.ignored_stems:
                yield key
