"""The protocol keeps its invariants in every state, and each of its rules is needed for that."""

from __future__ import annotations

import pytest

from tests.model.explore import explore
from tests.model.scenarios import BUGS, KNOWN_WINDOW, SCENARIOS
from tests.model.state import Rules


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_state_keeps_the_invariants(name: str) -> None:
    """In any order of steps and mishaps: nothing is lost, doubled, out of order or too late."""
    result = explore(SCENARIOS[name])
    assert not result.violation, str(result)
    assert result.states > 300, "a scenario with few states shows little"


@pytest.mark.parametrize("rule", Rules._fields)
def test_a_violation_is_found_without_a_rule(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each rule has a reason. The test prints the shortest story that shows it."""
    name, violation = BUGS[rule]
    result = explore(SCENARIOS[name]._replace(rules=Rules()._replace(**{rule: False})))
    with capsys.disabled():
        print(f"\nwithout {rule}: {result}")  # noqa: T201  (the story is what the test is for)
    assert result.violation == violation, str(result)


def test_only_a_paused_sender_can_send_a_reply_twice() -> None:
    """A sender that pauses past its lease right before the call may send a reply twice, if the
    provider can be asked but does not recognise a repetition. Kills alone do not bring that
    about."""
    result = explore(KNOWN_WINDOW)
    assert result.violation == "a reply arrived twice", str(result)
    assert any("pauses in a send" in step.what for step in result.story)
    without_pauses = KNOWN_WINDOW.budget._replace(send_stalls=0, crashes=2)
    assert not explore(KNOWN_WINDOW._replace(budget=without_pauses)).violation
