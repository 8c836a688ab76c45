"""The text of a message as the models read it: bounded, folded, in words, without quotations."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

MAX_CHARACTERS = 2_000
"""Characters of a message that the models read: the first three quarters of these from its
beginning, the rest from its end, where customers say what they want."""

_LETTER = r"A-Za-zÀ-ÖØ-öø-ſ"
_CAPITAL = r"A-ZÀ-ÖØ-Þ"
_FILE = "pdf|jpe?g|png|gif|heic|webp|docx?|xlsx?|csv|txt|zip|mp[34]|mov|html?|xml|json|exe|apk|log"
_ADDRESS = re.compile(  # links, addresses, handles, hashtags, and names of files
    r"https?://\S+|www\.\S+|(?<!\S)[^\s@]+@\S+\.\w+|(?<!\w)[@#]\w[\w-]*"
    r"|(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:(?:com|net|org)(?![\w.])(?:/\S*)?|[a-z]{2,10}/\S*"
    rf"|(?:{_FILE})(?!\w))"
)
_MAY_BE_ADDRESS = re.compile(r"[@#]|\.(?=\w)|://")
_NAME_OF_THING = re.compile(
    # Letters and digits in one word (LOL-7731-Q, SORRY10, 20-HATE), but not 3rd or 48-hour.
    rf"(?<![{_LETTER}\d_#-])(?:[{_LETTER}][{_LETTER}_#-]*\d[{_LETTER}\d_#-]*"
    rf"|\d[{_LETTER}\d]*[-_][^\W{_CAPITAL}]*[{_CAPITAL}][{_LETTER}\d_#-]*"
    # Capitals with a size, or with a number in a sentence that is not in capitals.
    rf"|[{_CAPITAL}]{{2,}}-(?:X{{0,3}}[SL]|[{_CAPITAL}])(?![\w-])"
    rf"|(?<!['’])(?<![{_CAPITAL}]{{2}}[ ])[{_CAPITAL}]{{3,}}(?:-[{_CAPITAL}]{{2,}})?[ ]"
    rf"(?:\d{{3,}}(?![\w.,]*\s?[€$£%])|\d{{1,2}}(?=\s*(?:[?.,;:!)]|$)))(?!\w)"
    rf"(?![ ][{_CAPITAL}]{{2}}))"
)
_MAY_BE_NAME = re.compile(rf"\d|(?<=[{_CAPITAL}])-[{_CAPITAL}]")
_CODE = re.compile(r"(?<!\w)(?=[\w-]*\d)[\w#-]+", re.ASCII)
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ELISIONS = frozenset(("c", "d", "j", "l", "m", "n", "qu", "s", "t", "un", "dell", "all", "nell"))
_NOT_A_LETTER = re.compile(r"[^\w\s'’.,!?¿¡-]|[\d_]")
_CLAUSE_END = frozenset(".,;:!?()\n…。、！？،؛؟")

_QUOTATION = re.compile(
    # An opening mark after a digit is an inch, a foot or a minute.
    r'(?<!\d)"[^"\n]{1,400}"|“[^”“\n]{1,400}[”“]|„[^“”"\n]{1,400}[“”"]|”[^”\n]{1,400}”'
    r"|(?<!,),,(?=\w)[^\n]{1,400}?(?:''|``|[\"“”])"
    r"|«[^»\n]{1,400}»|»[^«\n]{1,400}«|「[^」\n]{1,400}」|『[^』\n]{1,400}』|^[ \t]*>.*$"
    # Single marks: an apostrophe stands within a word, or begins a short form ('cause, 's, '90s),
    # and so neither opens nor closes.
    r"|(?<![\w'’])['‘‚‹’](?!(?:cause|cuz|cos|coz|tis|twas|em|til|till|bout|round|ello|k|m|n|s|t|\d0s)"
    r"(?:\b|_))(?:[^'’‘›\n]|(?<=\w)['’](?=\w)){1,400}['’‘›](?![\w'’])",
    re.MULTILINE | re.IGNORECASE,
)
_QUOTATION_MARKS = frozenset("\"“„”«»「『>'‘‚‹’")
_OTHER_WORDS = re.compile(r"\w\W+\w|[぀-ヿ㐀-鿿]{4}")
"""Two words, or what may be two where no spaces are written."""
_QUOTED_WORD = re.compile(r"\w+")
_ELONGATED = re.compile(r"([^\W\d_])\1{2,}")


class WordToken(NamedTuple):
    """A word: ``key`` is the form that phrases compare, ``message[start:end]`` the written form.

    ``clause`` counts the clauses before it: a negation in one clause does not reach the next.
    """

    key: str
    start: int
    end: int
    clause: int


def truncate(text: str) -> str:
    """``text`` cut to `MAX_CHARACTERS`. Offsets are valid only in a text that was not cut."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[: MAX_CHARACTERS * 3 // 4] + text[-MAX_CHARACTERS // 4 :]


def prose(text: str) -> str:
    """The words of ``text`` without links, addresses, handles, codes, digits and emoji."""
    bare = blank_codes(truncate(text))
    if _DIGIT.search(bare):
        bare = _CODE.sub(" ", bare)
    return " ".join(_NOT_A_LETTER.sub(" ", bare).split())


@lru_cache(256)
def blank_codes(text: str) -> str:
    """``text`` with spaces in place of what only looks like words, so that offsets stay valid.

    Those are links, addresses, handles, hashtags, names of files, and codes of orders, coupons
    and products, whatever they spell (``LOL-7731-Q``, ``SORRY10``, ``the FURY 300``). Cached for a
    batch, as several readers need it.
    """
    if _MAY_BE_ADDRESS.search(text):
        text = _ADDRESS.sub(_spaces, text)
    return _NAME_OF_THING.sub(_spaces, text) if _MAY_BE_NAME.search(text) else text


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match.group())


def fold(text: str) -> str:
    """``text`` in lower case, without accents, with one kind of apostrophe."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def count_words(text: str) -> int:
    """The number of words. `tokenize` returns at least as many: it splits elided words."""
    return len(_WORD.findall(text, 0, MAX_CHARACTERS))


@lru_cache(256)
def tokenize(text: str) -> tuple[WordToken, ...]:
    """The words of ``text`` in order, at most those within `MAX_CHARACTERS`.

    Elided words (``j'ai``, ``l'avocat``) are two; the key leaves out other apostrophes. Codes and
    links are no words (see `blank_codes`).
    Cached for a batch: several readers ask for the tokens of the same message.
    """
    found: list[WordToken] = []
    clause = last = 0
    text = blank_codes(text)
    for match in _WORD.finditer(text, 0, MAX_CHARACTERS):
        start, end = match.span()
        if not _CLAUSE_END.isdisjoint(text[last:start]):
            clause += 1
        last = end
        key = fold(match.group())
        if "'" in key:
            head, _, tail = key.partition("'")
            if head in _ELISIONS:
                cut = start + len(head)
                found.append(WordToken(head, start, cut, clause))
                key, start = tail, cut + 1
            key = key.replace("'", "")
        found.append(WordToken(key, start, end, clause))
    return tuple(found)


@lru_cache(256)
def blank_quotations(text: str) -> str:
    """``text`` with spaces in place of quotations, so that offsets stay valid.

    A quotation stands in quotation marks of any kind, or is a line that begins with ``>``. A
    message with hardly any other words stays as it is: its quotation is what the customer says.
    Cached for a batch, as several readers need it.
    """
    if _QUOTATION_MARKS.isdisjoint(text):
        return text
    own = _QUOTATION.sub(_blank, text[:MAX_CHARACTERS])
    if rest := text[MAX_CHARACTERS:]:
        # Of a long text the models also read the end (see `truncate`).
        tail = rest[-MAX_CHARACTERS // 4 :]
        own += rest[: len(rest) - len(tail)] + _QUOTATION.sub(_blank, tail)
    return own if own == text or _OTHER_WORDS.search(own) else text


def _blank(match: re.Match[str]) -> str:
    quotation = match.group()
    if not quotation.lstrip().startswith(">") and len(_QUOTED_WORD.findall(quotation)) < 3:
        return " " * len(quotation)  # a name or a word: its sentence goes on
    # The full stop makes what stands before and after it separate clauses.
    return "." + " " * (len(quotation) - 1)


def shorten_elongated(
    words: Sequence[WordToken], is_known: Callable[[str], bool]
) -> Sequence[WordToken]:
    """``words`` with the usual spelling of elongated ones (``sooo``, ``looove``, ``goood``).

    ``is_known`` decides between one letter and two: it says whether a key is a known word.
    """
    if not _ELONGATED.search(" ".join([word.key for word in words])):
        return words
    return [word._replace(key=_usual_spelling(word.key, is_known)) for word in words]


def _usual_spelling(key: str, is_known: Callable[[str], bool]) -> str:
    double = _ELONGATED.sub(r"\1\1", key)
    return double if double == key or is_known(double) else _ELONGATED.sub(r"\1", key)
