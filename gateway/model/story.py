"""The case as it is told to an agent who takes it over."""

from __future__ import annotations

from datetime import datetime

from gateway.model.base import Value


class StoryLine(Value, frozen=True, kw_only=True):
    """Words of ``message``, shortened at the bounds of sentences; ``by`` says whose they are:
    ``customer``, ``bot`` or an agent's name."""

    text: str
    message: int
    at: datetime
    by: str = "customer"


class CaseFact(Value, frozen=True, kw_only=True):
    """A fact (see `FactName`) that the customer gave, as they wrote it, and in which message.
    ``confirmed_by`` is the agent who confirmed it, empty when nobody has."""

    name: str
    value: str
    message: int
    at: datetime
    confirmed_by: str = ""


class CustomerNeed(Value, frozen=True, kw_only=True):
    """What the customer needs right now. ``code`` is for programs, ``line`` for the agent;
    ``proposal`` is an answer in the customer's language with gaps to fill, and the variable
    ``{{agent}}`` for the agent's name; ``because`` are the signs that it rests on."""

    code: str
    line: str
    proposal: str
    because: tuple[str, ...] = ()


class CaseStory(Value, frozen=True, kw_only=True):
    """What is wanted, known, tried and open in a case."""

    wanted: tuple[StoryLine, ...] = ()
    """From the first to the last request, in the customer's own words."""
    facts: tuple[CaseFact, ...] = ()
    """The newest value of each fact, in the order in which they were given."""
    tried: tuple[StoryLine, ...] = ()
    """What the bot and people have answered, the newest last."""
    questions: tuple[StoryLine, ...] = ()
    """What nobody has answered yet: the customer's questions, and ours."""
    need: CustomerNeed | None = None
