"""What is due at an agent's desk, whatever it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway import Value
from plugins.agents_desk.access.sessions import DeskSession


class DueItem(Value, frozen=True, kw_only=True):
    """One line of the strip "Due now".

    ``key`` is what the source finds it by. ``words`` are the agent's own, or what was promised.
    ``acts``: the words are a reminder of the person's own, who may make them a draft answer, mark
    it as done and postpone it in the strip; a source without these acts has a page of its own.
    """

    key: str
    source: str
    conversation: int
    message: int = 0
    """The message that the line leads to; 0 for the conversation."""
    words: str
    due_at: datetime
    late: bool = False
    """It should have been done already, and somebody waits for it: shown before all others."""
    customer: str = ""
    """The name of the customer to whom it was promised."""
    by: str = ""
    """Who promised it: ``you``, a colleague's name, ``the bot``."""
    acts: bool = False


class DueSource(Protocol):
    """A part of the desk that knows of things to do by a time: reminders, promises.

    It is asked whenever a page is built whose copy of the answer is older than
    `personal.LONGEST_AGE`, after an event of the topic ``desk`` that is named `name`, and after a
    change of any conversation.
    """

    @property
    def name(self) -> str:
        """The source's name, and that of the event which says that its answer has changed."""
        ...

    async def due(self, session: DeskSession, at: datetime) -> Sequence[DueItem]:
        """What the person of ``session`` is to be reminded of at ``at``."""
        ...
