"""The protocol keeps its promises in every state it can come to; with a rule less it does not."""

from __future__ import annotations

import pytest

from tests.model.explore import explore
from tests.model.state import Rules
from tests.model.worlds import BUGS, WINDOW, WORLDS


@pytest.mark.parametrize("name", WORLDS)
def test_every_state_keeps_the_promises(name: str) -> None:
    """Whatever happens in whatever order: nothing lost, said twice, out of order or too late."""
    found = explore(WORLDS[name])
    assert not found.promise, str(found)
    assert found.states > 300, "a world in which little can happen shows little"


@pytest.mark.parametrize("rule", Rules._fields)
def test_a_rule_that_is_not_held_to_is_found(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each rule is there for a reason, and the shortest story that shows it is told."""
    name, promise = BUGS[rule]
    found = explore(WORLDS[name]._replace(rules=Rules()._replace(**{rule: False})))
    with capsys.disabled():
        print(f"\nwithout {rule}: {found}")  # noqa: T201  (the story is what the test is for)
    assert found.promise == promise, str(found)


def test_the_window_that_is_left_is_known() -> None:
    """A sender that sleeps past its lease right before the call may say a thing twice, where the
    provider can be asked but knows no repetition; nothing less brings that about."""
    found = explore(WINDOW)
    assert found.promise == "a reply was said twice", str(found)
    assert any("sleeps in a send" in step.what for step in found.story)
    assert not explore(WINDOW._replace(luck=WINDOW.luck._replace(send_stalls=0, crashes=2))).promise
