"""What may reach the model, and which of its sentences may reach a person. Pure functions.

Personal data is replaced by placeholders before a text leaves, a message that tries to instruct a
model is not sent, and a sentence of the model counts only when its source says the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gateway import CARD_NUMBER, EMAIL, IBAN, PHONE, Turn

# -- personal data -------------------------------------------------------------------------------

_KINDS = {
    "EMAIL": EMAIL,
    "IBAN": IBAN,
    "CARD": CARD_NUMBER,
    "PHONE": PHONE,
    "ORDER": r"(?<!\w)(?:#[ ]?[A-Za-z]{0,5}-?\d{2,}|[A-Za-z]{1,6}[-_]?\d{3,}[\w-]*|\d{5,})(?!\w)",
}
_PERSONAL = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))
_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join((*_KINDS, 'NAME'))})_\d+\]")
_SHORTEST_NAME = 3


class Placeholders:
    """Stand for personal data in one exchange with the model; a value always gets the same one.

    They replace e-mail addresses, IBANs, card, phone and order numbers, and ``names``, what the
    customer is called. Other people's names and street addresses are not found.
    """

    def __init__(self, names: Iterable[str | None] = ()) -> None:
        self._by_value: dict[str, str] = {}
        words = {word for name in names if name for word in name.split()}
        known = sorted((re.escape(w) for w in words if len(w) >= _SHORTEST_NAME), reverse=True)
        self._names = re.compile(rf"\b(?:{'|'.join(known)})\b", re.IGNORECASE) if known else None

    def mask(self, text: str) -> str:
        """``text`` with placeholders for personal data."""
        # A customer who types a placeholder must not get another value put in its place.
        text = _PLACEHOLDER.sub(lambda found: f"({found[0][1:-1]})", text)
        text = _PERSONAL.sub(lambda found: self._instead(found.lastgroup or "", found[0]), text)
        if self._names is not None:
            text = self._names.sub(lambda found: self._instead("NAME", found[0]), text)
        return text

    def restore(self, text: str) -> str:
        """``text`` with the values back in place. Raises KeyError for a placeholder that `mask`
        never wrote."""
        values = {placeholder: value for value, placeholder in self._by_value.items()}
        return _PLACEHOLDER.sub(lambda found: values[found[0]], text)

    def _instead(self, kind: str, value: str) -> str:
        return self._by_value.setdefault(value, f"[{kind}_{len(self._by_value) + 1}]")


def masked_history(
    turn: Turn, placeholders: Placeholders, *, messages: int, longest: int
) -> list[dict[str, str]]:
    """The last public ``messages`` before this one, masked, each cut to ``longest`` characters."""
    public = [message for message in turn.history if not message.internal and message.text.strip()]
    return [
        {"by": message.author, "text": placeholders.mask(message.text[:longest])}
        for message in (public[-messages:] if messages else [])
    ]


# -- prompt injection ----------------------------------------------------------------------------

_INJECTIONS = (
    r"(ignore|disregard|forget|override|bypass)\W+(\w+\W+){0,4}(instruction|rule|prompt|guideline)",
    r"(system|developer|hidden|initial)\W*(prompt|message|instruction)",
    r"(reveal|print|repeat|show)\W+(\w+\W+){0,4}(prompt|instructions)",
    r"you are (now|no longer)\b",
    r"\b(jailbreak|dan mode|developer mode)\b",
    r"<\|?\W{0,8}(im_start|im_end|system|assistant|endoftext)",
    r"\[/?(inst|system)\]",
    r"^[^\w\n]*(system|assistant)\s*:",
    r"(ignorier|vergiss|missacht)\w*\W+(\w+\W+){0,4}(anweisung|regel|vorgabe)",
    r"(ignore[rz]?|oublie[rz]?)\W+(\w+\W+){0,4}(instruction|consigne|regle)",
    r"(ignora|olvida)\w*\W+(\w+\W+){0,4}(instruccion|regla|istruzion)",
)
_INJECTION = re.compile("|".join(_INJECTIONS), re.MULTILINE)
_INVISIBLE = ("Cf", "Cc", "Co", "Mn")


def instructs_model(text: str) -> bool:
    """Whether ``text`` tries to instruct a model, invisible characters and accents aside.

    No list of patterns is complete and nothing depends on this one: an intent counts only within a
    closed set, a sentence only as far as its source says it. It saves calls and tokens.
    """
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text)
        if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE
    )
    return _INJECTION.search(plain.casefold()) is not None


# -- grounding -----------------------------------------------------------------------------------

SHARE = 0.7
"""The least share of a sentence's words of four letters or more that its source must contain."""
STEM = 5
"""Letters that stand for a word: enough to tell words apart and to join their forms."""

_LINK = re.compile(
    r"\b(?:https?://|www\.)\S+|(?<![\w-])[\w-]+(?:\.[\w-]+){0,20}\.[a-z]{2,}\b(?:/\S*)?", re.I
)
_EMAIL = re.compile(EMAIL)
_FIGURE = re.compile(r"[#€$£]?\d+(?:[.,:/\- ]\d+)*\s?(?:%|€|\$|£)?")
_ANY_PLACEHOLDER = re.compile(r"\[[A-Z]+_\d+\]")
_NUMBERS = """
one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty
sixty ninety hundred thousand half double twice free
eins zwei drei vier fünf sechs sieben acht neun zehn zwölf zwanzig dreißig hundert tausend halb
doppelt gratis kostenlos kostenfrei
un deux trois quatre cinq sept huit neuf dix douze vingt trente cent mille gratuit gratuite
uno dos tres cuatro cinco seis siete ocho nueve diez doce veinte treinta cien mil gratis doble
monday tuesday wednesday thursday friday saturday sunday today tomorrow tonight
january february march april june july august september october november december
montag dienstag mittwoch donnerstag freitag samstag sonntag heute morgen
januar februar märz mai juni juli oktober dezember
lundi mardi mercredi jeudi vendredi samedi dimanche demain
janvier février mars avril juin juillet août septembre octobre novembre décembre
lunes martes miércoles jueves viernes sábado domingo hoy mañana
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
"""
"""Numbers, days and months as words."""
_REVERSALS = """
not no never none nothing cannot don't doesn't isn't won't can't aren't without unless except only
always guarantee guaranteed promise refund
nicht nie niemals kein keine keinen ohne außer nur immer garantiert
pas jamais aucun aucune sans sauf toujours garanti nunca ningún ninguna sin siempre garantizado
"""
"""Words that turn the meaning of a sentence round, or promise something."""
_DECISIVE = frozenset(_NUMBERS.split()) | frozenset(_REVERSALS.split())
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")


def grounded(answer: str, source: str) -> bool:
    """Whether ``source`` says all of ``answer``. In doubt, False.

    The source must contain every link, e-mail address, figure (number, date, amount, time), number
    written as a word, and every word that turns a meaning round (`not`, `only`, `guaranteed`); of
    each sentence's other words at least `SHARE`. Placeholders for personal data are left out.
    """
    answer = _ANY_PLACEHOLDER.sub(" ", answer)
    if not answer.strip():
        return False
    return (
        _found(_EMAIL, answer) <= _found(_EMAIL, source)
        and _found(_LINK, answer) <= _found(_LINK, source)
        and _figures(answer) <= _figures(source)
        and _decisive(answer) <= _decisive(source)
        and all(_shares_words(sentence, source) for sentence in _SENTENCE.split(answer))
    )


def stems(text: str) -> set[str]:
    """The first `STEM` letters of each word, in lower case."""
    return {word.casefold()[:STEM] for word in re.findall(r"[^\W_]+", text) if len(word) > 1}


def _found(pattern: re.Pattern[str], text: str) -> set[str]:
    return {found[0].rstrip(".,;:!?)").casefold() for found in pattern.finditer(text)}


def _figures(text: str) -> set[str]:
    return {re.sub(r"\s", "", found[0]) for found in _FIGURE.finditer(_LINK.sub(" ", text))}


def _decisive(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+(?:'\w+)?", text.casefold())) & _DECISIVE


def _shares_words(sentence: str, source: str) -> bool:
    words = set(re.findall(r"[^\W\d_]{4,}", sentence))
    known = stems(source)
    shared = sum(bool(stems(word) & known) for word in words)
    return shared >= SHARE * len(words)
