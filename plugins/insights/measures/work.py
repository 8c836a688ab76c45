"""The work of all people on the conversations of a day, packed: what their emotional load rests on.

So a ledger reads some rows, not the facts of every conversation.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable

import msgspec

from gateway import WorkStep
from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.measures.sheets import cell_of


class WorkSpan(msgspec.Struct, frozen=True, array_like=True):
    """The steps of one agent in one conversation, and the cell that the conversation is in."""

    agent: str
    conversation: int
    cell: tuple[str, ...]
    steps: tuple[WorkStep, ...]


def spans_of(cases: Iterable[CaseFacts]) -> list[WorkSpan]:
    """All work on ``cases``."""
    return [
        WorkSpan(span.agent, case.conversation, cell_of(case), span.steps)
        for case in cases
        for span in case.handled
        if span.steps
    ]


def pack_work(spans: Iterable[WorkSpan]) -> str:
    """``spans`` as a text."""
    return base64.b64encode(zlib.compress(msgspec.msgpack.encode(list(spans)), 6)).decode()


def unpack_work(text: str) -> list[WorkSpan]:
    """The spans that `pack_work` was given. Raises ValueError when ``text`` is none."""
    try:
        data = zlib.decompress(base64.b64decode(text, validate=True))
        return msgspec.msgpack.decode(data, type=list[WorkSpan])
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(f"this is no packed work: {error}") from error
