"""Whether two conversations whose intents differ are about the same matter, by what they say.

A reader of intents errs, and a customer who comes back uses other words. So where an understander
offers its encoder, the first words of both are compared, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import structlog

from gateway import CaseRecord, Embedding, TextEncoder, WarmlineError
from plugins.insights.facts.case_facts import Contact
from plugins.insights.facts.returns import LONGEST_RETURN, SameMatter, same_intent

log = structlog.get_logger()
SAME_MEANING = 0.65
"""The least cosine of two texts about the same matter. Of pairs of questions in BANKING77
(Casanueva and others 2020), whose 77 intents are all near one another, the packaged encoder takes
0.6 % with different intents for the same, and finds 28 % of those with the same intent."""
MOST_LATER = 20
"""Contacts after one that are compared with it."""
LEAST_WORDS = 3
"""Words of a text that says what it is about."""


def first_words(case: CaseRecord) -> str:
    """The first text of the customer that says something; empty when there is none."""
    for message in case.messages:
        if message.author == "customer" and len(message.text.split()) >= LEAST_WORDS:
            return message.text
    return ""


def unlike_pairs(contacts: Sequence[Contact]) -> list[tuple[Contact, Contact]]:
    """The pairs of contacts of one customer, the earlier first, that may be returns and whose
    intents do not say so."""
    ordered = sorted(contacts, key=lambda contact: (contact.opened, contact.conversation))
    return [
        (earlier, later)
        for at, earlier in enumerate(ordered)
        for later in ordered[at + 1 : at + 1 + MOST_LATER]
        if later.opened - earlier.opened <= LONGEST_RETURN and not same_intent(earlier, later)
    ]


async def same_matter(
    encoder: TextEncoder | None,
    pairs: Iterable[tuple[Contact, Contact]],
    texts: Mapping[int, str],
) -> SameMatter:
    """A judge of pairs: by intent, and those of ``pairs`` also by the cosine of their ``texts``."""
    told = [
        (earlier.conversation, later.conversation)
        for earlier, later in pairs
        if texts.get(earlier.conversation) and texts.get(later.conversation)
    ]
    if encoder is None or encoder.embedding_model is None or not told:
        return same_intent
    wanted = sorted({id for pair in told for id in pair})
    try:
        found = await encoder.embed([texts[id] for id in wanted])
    except WarmlineError as error:
        log.warning("matters.not_compared", error=str(error), hint="they are told by intent alone")
        return same_intent
    near = await asyncio.to_thread(_near, told, wanted, found)
    return lambda earlier, later: (
        same_intent(earlier, later) or (earlier.conversation, later.conversation) in near
    )


def _near(
    pairs: Sequence[tuple[int, int]], ids: Sequence[int], embeddings: Sequence[Embedding]
) -> set[tuple[int, int]]:
    """Those of ``pairs`` whose embeddings (of ``ids``, in their order) are near each other."""
    import numpy as np  # noqa: PLC0415  (a server that compares nothing does without)

    rows = np.asarray(embeddings, dtype=np.float32)
    at = {id: number for number, id in enumerate(ids)}
    earlier = rows[[at[pair[0]] for pair in pairs]]
    later = rows[[at[pair[1]] for pair in pairs]]
    near = np.einsum("ij,ij->i", earlier, later) >= SAME_MEANING
    return {pair for pair, is_near in zip(pairs, near.tolist(), strict=True) if is_near}
