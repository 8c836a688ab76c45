"""Words as the index has them: without case and accents, letters and digits alone.

Both databases get the same normalised words, so that they find the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from gateway.store.search import SearchQuery

LONGEST_QUERY, MOST_WORDS = 300, 16
EXCERPT, BEFORE_MATCH = 200, 60
"""Characters of an excerpt, and of those before the first match."""
CACHED_WORDS = 20_000
"""Few words make up most messages."""
SHORTEST_BEGINNING = 2
"""Characters of a word from which it may be a beginning: one letter begins too many words."""
_UNSPACED = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
"""Japanese and Chinese have no spaces: each character is a word, and what is written together
follows one another."""
_WORD = re.compile(rf"(?=\w)[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_PART = re.compile(r'"([^"]*)"?|(\S+)')


def normalised(text: str) -> str:
    """The words of ``text``, separated by spaces."""
    return " ".join(_fold(word) for word in _WORD.findall(text))


def parse_query(text: str, brands: tuple[str, ...] = ()) -> SearchQuery:
    """The query that a person typed. Words in double quotes follow one another, and so do the parts
    of what is written without spaces: an order number, an address."""
    found = (quoted or bare for quoted, bare in _PART.findall(text[:LONGEST_QUERY]))
    groups = (tuple(normalised(part).split())[:MOST_WORDS] for part in found)
    chosen = tuple(group for group in groups if group)[:MOST_WORDS]
    whole = bool(chosen) and len(chosen[-1][-1]) < SHORTEST_BEGINNING
    return SearchQuery(groups=chosen, brands=brands, whole=whole)


def excerpt(text: str, query: SearchQuery) -> tuple[str, tuple[tuple[int, int], ...]]:
    """At most `EXCERPT` characters of ``text`` around its first match, and the matches in it."""
    plain = " ".join(text.split())
    found = _spans(plain, query)
    start = max(0, found[0][0] - BEFORE_MATCH) if found else 0
    if start:
        start = plain.find(" ", start) + 1 or start
    end = start + EXCERPT
    lead, tail = ("…" if start else ""), ("…" if end < len(plain) else "")
    shift = len(lead) - start
    inside = [(a + shift, b + shift) for a, b in found if a >= start and b <= end]
    return f"{lead}{plain[start:end]}{tail}", tuple(inside)


def _spans(text: str, query: SearchQuery) -> list[tuple[int, int]]:
    """Where the groups of ``query`` stand in ``text``, in order and without overlaps."""
    words = [(match.span(), _fold(match[0])) for match in _WORD.finditer(text)]
    found: list[tuple[int, int]] = []
    for place, group in enumerate(query.groups, 1):
        beginning = place == len(query.groups) and not query.whole
        for at in range(len(words) - len(group) + 1):
            here = words[at : at + len(group)]
            *first, last = (word for _, word in here)
            matches = last.startswith(group[-1]) if beginning else last == group[-1]
            if matches and tuple(first) == group[:-1]:
                found.append((here[0][0][0], here[-1][0][1]))
    apart: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    return apart


@lru_cache(CACHED_WORDS)
def _fold(word: str) -> str:
    """``word`` without case and accents; full-width digits and ligatures as the plain ones."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
