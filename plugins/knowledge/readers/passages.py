"""From blocks to passages: by heading, and long ones split between paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway import NewPassage, PassageKind, count_words
from plugins.knowledge.readers.blocks import Block

ENOUGH_WORDS = 120
"""A passage with so many words is not joined with what follows it."""
MOST_WORDS = 250
"""Paragraphs are joined up to so many words. A table, a list or steps may be longer."""
WHOLE_WORDS = 1000
"""A table or a list above this is split between its rows or items, and each piece of a table
begins with the header again: what embeds and shows a passage needs a bound."""
QUESTION_MARKS = ("?", "？", "؟")
_SENTENCE = re.compile(r".+?(?:[.!?؟।]+[\"'»”)]*\s+|[。！？]+|$)", re.DOTALL)
_WHOLE: tuple[PassageKind, ...] = ("table", "steps", "list")


def passages_of_blocks(blocks: Sequence[Block], title: str = "") -> tuple[NewPassage, ...]:
    """The passages of a document. The headings above each are given with it; a first heading that
    repeats ``title`` is not."""
    passages: list[NewPassage] = []
    for headings, anchor, section in _sections(blocks):
        shown = headings[1:] if headings and headings[0] == title else headings
        for group in _groups(section):
            text = "\n".join(block.text for block in group)
            question = next((block.question for block in group if block.question), "")
            if not question and headings and headings[-1].endswith(QUESTION_MARKS):
                question = headings[-1]
            passages.append(
                NewPassage(
                    headings=shown,
                    text=text,
                    kind=_kind(group, asks=bool(question)),
                    question=question,
                    anchor=next((block.anchor for block in group if block.anchor), anchor),
                )
            )
    return tuple(passages)


def _sections(
    blocks: Sequence[Block],
) -> Iterator[tuple[tuple[str, ...], str, list[Block]]]:
    """The text under each heading, with the headings above it and the anchor that leads there."""
    path: list[Block] = []
    section: list[Block] = []
    for block in blocks:
        if block.kind != "heading":
            section.append(block)
            continue
        if section:
            yield _texts(path), _anchor(path), section
            section = []
        path = [*(above for above in path if above.level < block.level), block]
    if section:
        yield _texts(path), _anchor(path), section


def _texts(path: list[Block]) -> tuple[str, ...]:
    return tuple(block.text for block in path)


def _anchor(path: list[Block]) -> str:
    return next((block.anchor for block in reversed(path) if block.anchor), "")


def _groups(section: list[Block]) -> Iterator[list[Block]]:
    """The blocks of each passage. What introduces a table, a list or steps stays with it."""
    group: list[Block] = []
    words = 0
    for block in (piece for each in section for piece in _pieces(each)):
        introduced = bool(group) and group[-1].kind == "paragraph" and block.kind in _WHOLE
        full = words >= ENOUGH_WORDS or words + block.words > MOST_WORDS
        alone = block.kind == "question" or (bool(group) and group[-1].kind == "question")
        if group and (alone or (full and not introduced)):
            yield group
            group, words = [], 0
        elif group and full:  # the introduction goes with what it introduces
            if len(group) > 1:
                yield group[:-1]
            group = group[-1:]
            words = group[0].words
        group.append(block)
        words += block.words
    if group:
        yield group


def _pieces(block: Block) -> Iterator[Block]:
    """The block, or its pieces when it is far too long."""
    most = MOST_WORDS if block.kind == "paragraph" else WHOLE_WORDS
    if block.words <= most:
        yield block
        return
    lines, between = block.text.split("\n"), "\n"
    if block.kind == "paragraph" and len(lines) == 1:
        lines, between = _sentences(lines[0]), ""
    head = lines[:1] if block.kind == "table" else []
    piece: list[str] = []
    words = 0
    for line in lines:
        count = count_words(line)
        if piece and words + count > most:
            yield block.replace(text=between.join(piece).strip())
            piece, words = list(head), sum(map(count_words, head))
        piece.append(line)
        words += count
    yield block.replace(text=between.join(piece).strip())


def _sentences(text: str) -> list[str]:
    """``text`` cut after full stops, with the spaces there, and after so many words where there
    are none."""
    found: list[str] = []
    for sentence in _SENTENCE.findall(text):
        if count_words(sentence) <= MOST_WORDS:
            found.append(sentence)
        else:
            words = re.findall(r"\S{1,200}\s*", sentence)
            step = ENOUGH_WORDS if len(words) > ENOUGH_WORDS else 1
            found += ["".join(words[i : i + step]) for i in range(0, len(words), step)]
    return found


def _kind(group: list[Block], *, asks: bool) -> PassageKind:
    for kind in _WHOLE:
        if any(block.kind == kind for block in group):
            return kind
    return "question" if asks else "text"
