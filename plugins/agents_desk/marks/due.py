"""What is due at an agent's desk, whatever it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway import Agent, Value


class DueItem(Value, frozen=True, kw_only=True):
    """One line of the strip "Due now".

    ``key`` is what the source finds it by. ``words`` are the agent's own, or what was promised;
    they may become a draft answer. ``acts``: whether the person may mark it as done and postpone
    it in the strip; a source without these acts has a page of its own.
    """

    key: str
    source: str
    conversation: int
    words: str
    due_at: datetime
    acts: bool = False


class DueSource(Protocol):
    """A part of the desk that knows of things to do by a time: reminders, promises.

    It is asked whenever a page is built whose copy of the answer is older than
    `personal.LONGEST_AGE`, or after an event of the topic ``desk`` that is named `name`.
    """

    @property
    def name(self) -> str:
        """The source's name, and that of the event which says that its answer has changed."""
        ...

    async def due(self, agent: Agent, at: datetime) -> Sequence[DueItem]:
        """What is due for ``agent`` at ``at`` or before, the longest due first."""
        ...
