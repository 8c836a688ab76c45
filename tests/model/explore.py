"""Explores all states, nearest first, so that the first violation has the shortest story."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from tests.model.invariants import unfinished_work, violated_invariant
from tests.model.protocol import start, steps
from tests.model.state import Scenario, State, Step


class Exploration(NamedTuple):
    """The number of explored ``states``, and the first ``violation`` with the steps to it; empty
    when there is none."""

    states: int
    violation: str = ""
    story: tuple[Step, ...] = ()

    def __str__(self) -> str:
        lines = (f"{number:3}. {step}" for number, step in enumerate(self.story, 1))
        return "\n".join([f"{self.violation or 'no violation'} ({self.states} states)", *lines])


def explore(scenario: Scenario) -> Exploration:
    """Explore every state that ``scenario`` can reach, until one violates an invariant."""
    first = start(scenario)
    predecessors: dict[State, tuple[State, Step] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        next_steps = list(steps(scenario, state))
        wrong = violated_invariant(state)
        if not wrong and all(step.mishap for step, _ in next_steps):
            wrong = unfinished_work(state)
        if wrong:
            return Exploration(len(predecessors), wrong, _story(predecessors, state))
        for step, after in next_steps:
            if after not in predecessors:
                predecessors[after] = (state, step)
                waiting.append(after)
    return Exploration(len(predecessors))


def _story(predecessors: dict[State, tuple[State, Step] | None], state: State) -> tuple[Step, ...]:
    story: list[Step] = []
    while (before := predecessors[state]) is not None:
        state, step = before
        story.append(step)
    return tuple(reversed(story))
