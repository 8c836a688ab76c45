"""Replies made of a model's sentences: links for the customer, what they rest on for the agent."""

from __future__ import annotations

from collections.abc import Sequence

from gateway import Fact, Link, Passage, Reply
from plugins.knowledge.answering.replies import public_url, rests_on
from plugins.knowledge.answering.texts import supported, with_date
from plugins.knowledge.phrasing.answers import Phrased

QUOTE = 200
"""Characters of a passage that are quoted to the agent for a sentence."""


def phrased_reply(phrased: Phrased, passages: Sequence[Passage], language: str) -> Reply:
    """The sentences of ``phrased`` with the pages of ``passages``, those they rest on.

    Each sentence is a fact, which no stage changes. The agent sees for each passage the words that
    support it between » and «, and why anything was refused or held back.
    """
    known = supported(language)
    used = [passage for passage in passages if passage.id in phrased.passages]
    links = {
        url: Link(title=with_date(passage.title, passage, known), url=url)
        for passage in used
        if (url := public_url(passage))
    }
    facts = [Fact(name="passage", value=sentence.text) for sentence in phrased.sentences]
    facts += [Fact(name="source", value=_supported_by(phrased, passage)) for passage in used]
    facts.append(Fact(name="worded_by", value="language model"))
    if phrased.why_not:
        facts.append(Fact(name="left_out", value=", ".join(phrased.why_not)))
    return Reply(
        body=(phrased.text,),
        links=tuple(links.values()),
        facts=tuple(facts),
        language=language,
        sources=phrased.passages,
    )


def _supported_by(phrased: Phrased, passage: Passage) -> str:
    spans = sorted(
        {(s.start, s.end) for each in phrased.sentences if each.passage == passage.id
         for s in each.support}
    )  # fmt: skip
    quotes = (passage.text[start:end].strip()[:QUOTE] for start, end in spans)
    return f"{rests_on(passage)} " + " ".join(f"»{quote}«" for quote in quotes)
