"""What of a passage is said: the sentences that answer; tables, steps and lists whole. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway import Passage, Value
from plugins.knowledge.retrieval import FoundPassage

LONGEST = 700
"""Characters that are said of a passage: four or five sentences, about what people read in a chat.
A longer table or list is offered with its link, and never cut."""
WHOLE_PASSAGE = 420
"""A passage this short is said whole: a condition often stands beside what it restricts."""
WHOLE_PARAGRAPH = 320
"""So is a paragraph of a longer one."""
LONGEST_CHOSEN = 1_200
"""Characters of a passage that the customer has chosen themselves."""

_END = re.compile(r"(?<=[.!?…؟])[\"'”’»)\]]*(\s+)(?=[^\s.,;:!?a-zà-ÿ])|(?<=[。！？])()|(\n+)")
LONGEST_ABBREVIATION = 10
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|z\.\s?b|d\.\s?h|u\.\s?a|p\.\s?ex|p\.\s?ej|ca|approx|nr|no|dr|mr|mrs|ms|st|vs"
    r"|etc|bzw|ggf|inkl|incl|max|min|tel|art|sr|sra|env|[^\W\d_])|(?<![€$£\d.,])\b\d{1,2})\.\s*$",
    re.IGNORECASE,
)
_LEANS_BACK = re.compile(
    r"(?:this|that|these|those|they|it|he|she|then|otherwise|however|but|also|if so|in that case"
    r"|for this|after that|dies\w*|das|sie|es|er|dann|danach|sonst|jedoch|aber|dafür|dazu|dabei"
    r"|ce|cela|ces|cette|il|ils|elle|elles|puis|sinon|mais|esto|eso|ese|esta|estos|entonces|pero"
    r"|questo|questa|esso|poi|ma|dit|deze|daarna|maar)\b",
    re.IGNORECASE,
)
_RESTRICTS = re.compile(
    r"(?:but|however|except|unless|only|not|no|please note|note|exceptions?|excluded|otherwise"
    r"|this does not|it does not|aber|jedoch|außer|ausgenommen|nur|nicht|kein\w*|bitte beachten"
    r"|ausnahmen?|sonst|mais|sauf|toutefois|cependant|uniquement|pero|excepto|salvo|sin embargo"
    r"|solo|ma|tranne|eccetto|maar|behalve|alleen)\b",
    re.IGNORECASE,
)


class Extract(Value, frozen=True, kw_only=True):
    """Words of a passage. ``lines`` are sentences and paragraphs, each as it stands there;
    ``start`` and ``end`` are where the sentence that answers best stands in the passage's text.
    ``whole``: nothing of the passage is left out."""

    lines: tuple[str, ...]
    start: int
    end: int
    whole: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where the sentences of ``text`` begin and end. A line is never part of a sentence that began
    on another line."""
    spans: list[tuple[int, int]] = []
    start = 0
    for found in _END.finditer(text):
        end = found.start(found.lastindex or 0)
        line_ends = "\n" in found[0]
        if not line_ends and _ABBREVIATED.search(text, max(start, end - LONGEST_ABBREVIATION), end):
            continue
        spans.append((start, end))
        start = found.end()
    spans.append((start, len(text)))
    return [(a, b) for a, b in spans if text[a:b].strip()]


def best_sentence(found: FoundPassage) -> tuple[int, int]:
    """Where the sentence that answers best stands; the whole text where none is known."""
    text = found.passage.text
    for start, end, _ in found.sentences:
        if 0 <= start < end <= len(text):
            return start, end
    return 0, len(text)


def extract(found: FoundPassage, *, longest: int = LONGEST) -> Extract | None:
    """What answers in the passage; None where that cannot be said in ``longest`` characters."""
    passage, text = found.passage, found.passage.text
    start, end = best_sentence(found)
    if len(text) <= (WHOLE_PASSAGE if passage.kind == "text" else longest):
        return _whole(passage, start, end)
    lines = _lines(text)
    at = next((i for i, (a, b) in enumerate(lines) if a <= start < b), 0)
    if any(_is_item(text[a:b]) for a, b in lines):
        block = _block(text, lines, at)
        first, last = lines[block[0]][0], lines[block[-1]][1]
        if len(text[first:last]) > longest:
            return None
        return _cut(text, [lines[i] for i in block], start, end)
    line = lines[at]
    if line[1] - line[0] <= min(WHOLE_PARAGRAPH, longest):
        return _cut(text, [line], start, end)
    return _sentences(text, line, start, end, longest)


def extract_chosen(found: FoundPassage) -> Extract | None:
    """As `extract`, with more of the passage: the customer chose it."""
    text = found.passage.text
    if len(text) <= LONGEST_CHOSEN:
        return _whole(found.passage, *best_sentence(found))
    return extract(found, longest=LONGEST_CHOSEN)


def _whole(passage: Passage, start: int, end: int) -> Extract:
    lines = tuple(line.strip() for line in passage.text.split("\n") if line.strip())
    listed = passage.kind in ("table", "steps", "list") and _is_item(lines[0])
    if listed and (heading := passage.question or next(reversed(passage.headings), "")):
        lines = (heading, *lines)  # what is listed is told by the heading alone
    return Extract(lines=lines, start=start, end=end, whole=True)


def _cut(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> Extract:
    said = tuple(text[a:b].strip() for a, b in spans)
    whole = sum(map(len, said)) >= len(text.strip()) - 2 * text.count("\n")
    return Extract(lines=said, start=start, end=end, whole=whole)


def _lines(text: str) -> list[tuple[int, int]]:
    spans, at = [], 0
    for line in text.split("\n"):
        if line.strip():
            spans.append((at, at + len(line)))
        at += len(line) + 1
    return spans or [(0, len(text))]


def _is_item(line: str) -> bool:
    """Whether ``line`` is an item of a list, a step, or a row of a table."""
    return re.match(r"\s*(?:[-•*]\s|\d{1,2}[.)]\s)", line) is not None or " | " in line


def _block(text: str, lines: Sequence[tuple[int, int]], at: int) -> list[int]:
    """The lines of the list that line ``at`` is part of or leads to, with what leads to it."""

    def item(i: int) -> bool:
        return 0 <= i < len(lines) and _is_item(text[lines[i][0] : lines[i][1]])

    def leads(i: int) -> bool:
        return 0 <= i < len(lines) and text[lines[i][0] : lines[i][1]].rstrip().endswith(":")

    if not item(at) and not (leads(at) and item(at + 1)):
        return [at]
    first = last = at
    while item(first - 1):
        first -= 1
    while item(last + 1):
        last += 1
    if item(first) and leads(first - 1):
        first -= 1
    return list(range(first, last + 1))


def _sentences(
    text: str, line: tuple[int, int], start: int, end: int, longest: int
) -> Extract | None:
    """The sentence at ``start``, with the one that it leans on and those that restrict it."""
    spans = [(line[0] + a, line[0] + b) for a, b in sentence_spans(text[line[0] : line[1]])]
    at = next((i for i, (a, b) in enumerate(spans) if a <= start < b), 0)
    first = last = at
    if first and _LEANS_BACK.match(text[spans[first][0] : spans[first][1]]):
        first -= 1
    while last + 1 < len(spans) and last - at < 2:
        after = text[spans[last + 1][0] : spans[last + 1][1]]
        if not (_LEANS_BACK.match(after) or _RESTRICTS.match(after)):
            break
        last += 1
    chosen = spans[first : last + 1]
    while len(chosen) > 1 and chosen[-1][1] - chosen[0][0] > longest:
        return None  # what restricts an answer is never cut off it
    if chosen[0][1] - chosen[0][0] > longest:
        return None
    said = text[chosen[0][0] : chosen[-1][1]].strip()
    return Extract(lines=(said,), start=start, end=end)
