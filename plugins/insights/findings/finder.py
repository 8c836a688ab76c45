"""Runs every kind of finding over the conversations of a period."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from datetime import datetime

from gateway import CaseRecord
from plugins.insights.model import Discovery

from .inputs import FindingInputs


async def find(
    pages: AsyncIterable[Sequence[CaseRecord]],
    *,
    since: datetime,
    until: datetime,
    inputs: FindingInputs,
) -> tuple[Discovery, ...]:
    """Return what the conversations that were opened from ``since`` until before ``until`` show,
    the most certain first within each kind.

    ``pages`` are whole conversations, as `Records.cases` returns them; each is read once and not
    kept. Those opened before ``since`` are the past with which the period is compared: six weeks
    of it are enough. Everything but the encoder's work runs in a thread.
    """
    raise NotImplementedError
