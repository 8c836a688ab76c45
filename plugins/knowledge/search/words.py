"""The words that are compared: folded, without those that say nothing, and cut where a language has
no spaces.

There is no stemming: other forms of a word, its compounds, synonyms and translations are found by
the embeddings of words (see `word_index`). On the questions in tests/knowledge that finds more than
stems or character n-grams do, and needs no tables of any language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from gateway import packaged_yaml

CACHED_WORDS = 20_000
"""Few words make up most texts."""
LONGEST_WORD = 64
"""Characters. What is longer is no word: a key, a line of dashes, an attack."""
_HAN = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
"""Japanese and Chinese: two characters are about a word."""
_THAI = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese, Khmer: about three letters are a syllable, and two of these a word."""
_WORD = re.compile(rf"([{_HAN}]+)|([{_THAI}]+)|\d+(?:[.,:]\d+)*|(?=\w)[^\W_{_HAN}{_THAI}]+")
_HAN_LENGTH, _THAI_LENGTH = 2, 4


def content_words(text: str, language: str = "") -> list[str]:
    """The words of ``text`` in order, without the function words of ``language`` (ISO 639-1), or
    of all languages when it is not known."""
    ignored = function_words(language)
    return [word for word in _words(text) if word not in ignored and len(word) <= LONGEST_WORD]


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(unicodedata.normalize("NFC", text)):
        if match[1]:
            yield from _pieces(match[0], _HAN_LENGTH)
        elif match[2]:
            yield from _pieces(match[0], _THAI_LENGTH)
        else:
            yield fold(match[0])


def _pieces(text: str, length: int) -> Iterator[str]:
    """All substrings of ``length``; the whole of a shorter one."""
    for at in range(max(1, len(text) - length + 1)):
        yield text[at : at + length]


@lru_cache(CACHED_WORDS)
def fold(word: str) -> str:
    """``word`` without case and accents; full-width digits and ligatures as the plain ones."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", plain)  # the parts of Korean syllables together again


@cache
def _lists() -> Mapping[str, frozenset[str]]:
    stored = packaged_yaml("plugins.knowledge.search", "function_words.yaml")
    return {language: frozenset(text.split()) for language, text in stored.items()}


@cache
def function_words(language: str) -> frozenset[str]:
    """Of ``language``; of all together when it is empty, none when there is no list."""
    lists = _lists()
    return lists.get(language, frozenset()) if language else frozenset().union(*lists.values())
