"""Looking at every state there is, nearest first: so the first bad one has the shortest story."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from tests.model.promises import broken, unfinished
from tests.model.protocol import start, steps
from tests.model.state import State, Step, World


class Found(NamedTuple):
    """``states`` that were looked at; ``promise`` is empty when all of them are well."""

    states: int
    promise: str = ""
    story: tuple[Step, ...] = ()

    def __str__(self) -> str:
        told = (f"{number:3}. {step}" for number, step in enumerate(self.story, 1))
        return "\n".join([f"{self.promise or 'all is well'} ({self.states} states)", *told])


def explore(world: World) -> Found:
    """Every state that ``world`` can come to, until one breaks a promise."""
    first = start(world)
    came: dict[State, tuple[State, Step] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        follows = list(steps(world, state))
        wrong = broken(state)
        if not wrong and all(step.mishap for step, _ in follows):
            wrong = unfinished(state)
        if wrong:
            return Found(len(came), wrong, _story(came, state))
        for step, after in follows:
            if after not in came:
                came[after] = (state, step)
                waiting.append(after)
    return Found(len(came))


def _story(came: dict[State, tuple[State, Step] | None], state: State) -> tuple[Step, ...]:
    story: list[Step] = []
    while (before := came[state]) is not None:
        state, step = before
        story.append(step)
    return tuple(reversed(story))
