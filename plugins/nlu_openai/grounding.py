"""Whether an answer says what its source says, and nothing else. Doubt is a no."""

from __future__ import annotations

import re

from .sources import stems

SHARE = 0.7
"""Of an answer's words of four letters or more, so many must stand in the source."""

_LINK = re.compile(
    r"\b(?:https?://|www\.)\S+|(?<![\w-])[\w-]+(?:\.[\w-]+){0,20}\.[a-z]{2,}\b(?:/\S*)?", re.I
)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_FIGURE = re.compile(r"[#€$£]?\d+(?:[.,:/\- ]\d+)*\s?(?:%|€|\$|£)?")
_HIDDEN = re.compile(r"\[[A-Z]+_\d+\]")
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
_TURNS = """
not no never none nothing cannot don't doesn't isn't won't can't aren't without unless except only
always guarantee guaranteed promise refund
nicht nie niemals kein keine keinen ohne außer nur immer garantiert
pas jamais aucun aucune sans sauf toujours garanti nunca ningún ninguna sin siempre garantizado
"""
_HEAVY = frozenset(_NUMBERS.split()) | frozenset(_TURNS.split())
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")


def grounded(answer: str, source: str) -> bool:
    """Whether all of ``answer`` can be told from ``source``.

    Every link, mail address, figure (number, date, amount, time), number written as a word, and
    every word that turns a sentence round (`not`, `only`, `guaranteed`) must stand in the source;
    of the other words of each sentence at least `SHARE`. Placeholders of hidden data are none of
    the source's business.
    """
    said = _HIDDEN.sub(" ", answer)
    if not said.strip():
        return False
    return (
        _found(_MAIL, said) <= _found(_MAIL, source)
        and _found(_LINK, said) <= _found(_LINK, source)
        and _figures(said) <= _figures(source)
        and _heavy(said) <= _heavy(source)
        and all(_same_words(one, source) for one in _SENTENCE.split(said))
    )


def _found(pattern: re.Pattern[str], text: str) -> set[str]:
    return {found[0].rstrip(".,;:!?)").casefold() for found in pattern.finditer(text)}


def _figures(text: str) -> set[str]:
    return {re.sub(r"\s", "", found[0]) for found in _FIGURE.finditer(_LINK.sub(" ", text))}


def _heavy(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+(?:'\w+)?", text.casefold())) & _HEAVY


def _same_words(sentence: str, source: str) -> bool:
    words = set(re.findall(r"[^\W\d_]{4,}", sentence))
    known = stems(source)
    shared = sum(bool(stems(word) & known) for word in words)
    return shared >= SHARE * len(words)
