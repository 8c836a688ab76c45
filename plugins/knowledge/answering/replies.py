"""Replies made of a source's words, also as a model words them; offers to choose from; lines for an
agent. Pure.

What the source says is declared as facts, a sentence each: no stage changes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from textwrap import shorten
from urllib.parse import quote, urlsplit

from gateway import Fact, Link, Passage, Reply
from plugins.knowledge.answering.choices import buttons, titles_of
from plugins.knowledge.answering.confidence import WeighedPassage
from plugins.knowledge.answering.extracts import Extract, best_sentence, sentence_spans
from plugins.knowledge.answering.texts import language_intro, supported, text, with_date
from plugins.knowledge.phrasing.answers import Phrased

LINE = 320
"""Characters of a passage in a line for the agent."""
QUOTE = 200
"""Characters of a passage that are quoted to the agent for a sentence."""


def answer(candidate: WeighedPassage, said: Extract, language: str) -> Reply:
    """The words ``said`` of the passage with its link, title and date, for a customer who writes
    ``language``."""
    passage = candidate.found.passage
    language = supported(language)
    intro = language_intro(passage, language)
    titled = with_date(passage.title, passage, language)
    url = public_url(passage)
    origin = text("from", language).format(title=titled)
    sentences = [line[a:b] for line in said.lines for a, b in sentence_spans(line)]
    return Reply(
        body=_paragraphs(said, intro),
        next_step=None if url else origin,
        links=(Link(title=titled, url=url),) if url else (),
        facts=(
            *(Fact(name="passage", value=sentence) for sentence in dict.fromkeys(sentences)),
            Fact(name="title", value=titled),
            Fact(name="source", value=rests_on(passage)),
        ),
        language=language,
        sources=(passage.id,),
        general=True,
    )


def offer(candidates: Sequence[WeighedPassage], language: str) -> Reply | None:
    """A question which of the candidates is meant; None where none has a title."""
    titles = [title for title, _ in titles_of(candidates)]
    if not titles:
        return None
    language = supported(language)
    return Reply(
        opener="",
        body=(text("which" if len(titles) > 1 else "this", language),),
        buttons=buttons(titles),
        language=language,
        purpose="clarify",
    )


def agent_lines(candidates: Sequence[WeighedPassage]) -> tuple[str, ...]:
    """A line for each candidate: its title, its words around the sentence that fits best, which
    stands between » and «, and where it is. The link opens the page at that sentence."""
    return tuple(_agent_line(number, each) for number, each in enumerate(candidates, 1))


def rests_on(passage: Passage) -> str:
    """The passage's title, date and address, for an agent."""
    parts = [passage.title]
    if passage.updated_at is not None:
        parts.append(f"updated {_day(passage.updated_at)}")
    parts.append(public_url(passage) or passage.location)
    return ", ".join(parts)


def public_url(passage: Passage) -> str | None:
    """Where customers can read the passage; None where its source has no address of its own."""
    location = passage.location
    if urlsplit(location).scheme not in ("http", "https"):
        return None
    return f"{location.partition('#')[0]}#{passage.anchor}" if passage.anchor else location


def _paragraphs(said: Extract, intro: str | None) -> tuple[str, ...]:
    """The lines as one text: a list or table keeps its lines."""
    joined = "\n".join(said.lines)
    return (intro, joined) if intro else (joined,)


def _agent_line(number: int, candidate: WeighedPassage) -> str:
    passage = candidate.found.passage
    start, end = best_sentence(candidate.found)
    marked = shorten(passage.text[start:end], LINE, placeholder=" …")
    heading = next((h for h in reversed(passage.headings) if h != passage.title), "")
    title = " › ".join(part for part in (passage.title, passage.question or heading) if part)
    dated = f" (updated {_day(passage.updated_at)})" if passage.updated_at else ""
    url = public_url(passage)
    where = _at_sentence(url, passage.text[start:end]) if url else passage.location
    return f"{number}. {title}{dated}: »{marked}« {where}"


def _at_sentence(url: str, sentence: str) -> str:
    """``url`` as a browser opens it with ``sentence`` highlighted: a text fragment (WICG, "Text
    Fragments", https://wicg.github.io/scroll-to-text-fragment/)."""
    words = sentence.split("\n", maxsplit=1)[0].split()
    first = quote(" ".join(words[:5]), safe="").replace("-", "%2D")
    base, _, fragment = url.partition("#")
    return f"{base}#{fragment}:~:text={first}" if first else url


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


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
        general=True,
    )


def _supported_by(phrased: Phrased, passage: Passage) -> str:
    spans = sorted(
        {(s.start, s.end) for each in phrased.sentences if each.passage == passage.id
         for s in each.support}
    )  # fmt: skip
    quotes = (passage.text[start:end].strip()[:QUOTE] for start, end in spans)
    return f"{rests_on(passage)} " + " ".join(f"»{quote}«" for quote in quotes)
