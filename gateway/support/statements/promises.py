"""Promises with a time that a person or the bot makes to a customer."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from gateway.model import MadePromise
from gateway.support.statements.phrases import StatementPhrases, phrases, reading_order
from gateway.support.statements.text import read_text
from gateway.support.statements.times import END_OF_DAY, NamedTime, named_times

_SENTENCE = re.compile(
    r"(?:[^.?!;\n]|\.(?=\S)|\.(?= ?(?:m\b|h\b))|(?<=\d)\.(?= \w)|(?<=\b[ap]\.m)\.)+[.?!]*"
)

_NEXT_CONDITION = re.compile(
    r",? (?:and|und|et|y) (?:if|when|should you|wenn|falls|sollten sie|si|quand|cuando)\b"
)
"""Begins what is not about the promise: ``I will call you tomorrow, and if you need ...``."""
_CLAUSE = re.compile(r"[,:;–—]\s|\s-\s|\s(?=(?:and|but|und|aber|et|mais|y|pero)\s)")


def promises_in(text: str, language: str, at: datetime, zone: ZoneInfo) -> tuple[MadePromise, ...]:
    """The promises in a message of ours that was written at ``at``, each with the time until when
    it is to be kept, in the business's time ``zone``.

    A promise is a sentence in which a person or the bot says what one of us will do by a time that
    can be resolved. Not promises: conditions ("if you send it back, ..."), general statements
    ("delivery takes 3 days"), hopes and attempts, questions, and what the customer or a carrier is
    to do. ``language`` is the conversation's. Where nothing is found in it, the text is read in
    the other languages that have phrases, too.
    """
    local = at.astimezone(zone).replace(second=0, microsecond=0)
    found = (_promises(text, one, local, zone) for one in reading_order(language))
    return next(filter(None, found), ())


@lru_cache(1024)
def _promises(text: str, language: str, at: datetime, zone: ZoneInfo) -> tuple[MadePromise, ...]:
    read, known = read_text(text), phrases(language)
    found: list[MadePromise] = []
    for match in _SENTENCE.finditer(read.folded):
        sentence = _NEXT_CONDITION.split(match[0], maxsplit=1)[0]
        times = named_times(sentence, language, at, zone)
        if not times or match[0].rstrip().endswith("?"):
            continue
        if known.conditional.search(known.whether.sub(" ", sentence)):
            continue
        due = _promised(sentence, times, known)
        if due is None:
            continue
        start = match.start() + len(sentence) - len(sentence.lstrip())
        kind = next((k for k, pattern in known.kinds.items() if pattern.search(sentence)), "other")
        found.append(
            MadePromise(
                kind=kind,
                start=start,
                end=match.end(),
                due=due.moment(zone),
                whole_day=due.clock is None,
            )
        )
    return tuple(found)


def _promised(sentence: str, times: list[NamedTime], known: StatementPhrases) -> NamedTime | None:
    """The time of the promise in a sentence: its clauses alone, then two together, then all, so
    that what is said beside it ("it was sent to the wrong depot, I will ...") does not count."""
    bounds = [0, *(m.end() for m in _CLAUSE.finditer(sentence)), len(sentence)]
    last = len(bounds) - 1
    for length in sorted({1, 2, last}):
        for first in range(last - length + 1):
            start, end = bounds[first], bounds[first + length]
            inside = [named for named in times if start <= named.start < end]
            clause = sentence[start:end]
            if inside and known.commits.search(clause) and not known.commits_not.search(clause):
                return _latest(inside)
    return None


def _latest(times: list[NamedTime]) -> NamedTime:
    """Of several times (between Monday and Wednesday) the last one."""
    return max(times, key=lambda named: (named.day, named.clock or END_OF_DAY))
