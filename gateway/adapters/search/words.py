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
_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r'"([^"]*)"?|(\S+)')


def normalised(text: str) -> str:
    """The words of ``text``, separated by spaces."""
    return " ".join(_fold(word) for word in _WORD.findall(text))


def parse_query(text: str, brands: tuple[str, ...] = ()) -> SearchQuery:
    """The query that a person typed. Words in double quotes follow one another, and so do the parts
    of what is written without spaces: an order number, an address."""
    found = (quoted or bare for quoted, bare in _PART.findall(text[:LONGEST_QUERY]))
    groups = (tuple(normalised(part).split())[:MOST_WORDS] for part in found)
    return SearchQuery(groups=tuple(group for group in groups if group)[:MOST_WORDS], brands=brands)


def excerpt(text: str, query: SearchQuery) -> tuple[str, tuple[tuple[int, int], ...]]:
    """At most `EXCERPT` characters of ``text`` around its first match, and the matches in it."""
    wanted = {word for group in query.groups for word in group}
    beginning = query.groups[-1][-1] if query.groups else ""
    plain = " ".join(text.split())
    found = [
        match.span()
        for match in _WORD.finditer(plain)
        if (word := _fold(match[0])) in wanted or (beginning and word.startswith(beginning))
    ]
    start = max(0, found[0][0] - BEFORE_MATCH) if found else 0
    if start:
        start = plain.find(" ", start) + 1 or start
    end = start + EXCERPT
    lead, tail = ("…" if start else ""), ("…" if end < len(plain) else "")
    shift = len(lead) - start
    inside = [(a + shift, b + shift) for a, b in found if a >= start and b <= end]
    return f"{lead}{plain[start:end]}{tail}", tuple(inside)


@lru_cache(CACHED_WORDS)
def _fold(word: str) -> str:
    """``word`` without case and accents; full-width digits and ligatures as the plain ones."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
