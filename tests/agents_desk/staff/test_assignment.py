"""Whom a waiting case is given to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import Agent
from plugins.agents_desk.staff.assignment import (
    HELD_FOR,
    PushMode,
    StaffLoad,
    StaffMember,
    WaitingCase,
    assign,
    in_order,
)

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)
PUSH: tuple[PushMode, ...] = ("round_robin", "least_busy", "care")


def person(name: str, *, tier: str = "front", brands: tuple[str, ...] = (), **more: Any) -> Any:
    agent = Agent(id=f"desk:{name}", name=name.capitalize(), tier=tier, brands=brands)
    for key in ("skills", "languages"):
        more[key] = frozenset(more.get(key, ()))
    return StaffMember(agent=agent, **more)


def case(**more: Any) -> WaitingCase:
    fields = {"conversation": 1, "channel": "webchat", "waiting_since": NOW - HELD_FOR}
    return WaitingCase(**{**fields, **more})


def given(
    people: list[StaffMember], mode: PushMode = "care", loads: Any = None, **more: Any
) -> str | None:
    by_id = {f"desk:{name}": load for name, load in (loads or {}).items()}
    chosen = assign(case(**more), people, by_id, NOW, mode=mode)
    return chosen.agent.id.removeprefix("desk:") if chosen.agent else None


@pytest.mark.parametrize("mode", PUSH)
@pytest.mark.parametrize(("better", "worse", "needs"), [
    ({"languages": ["de"]}, {"languages": ["en"]}, {"language": "de"}),
    ({"skills": ["billing"]}, {"skills": ["orders"]}, {"skills": ("billing",)}),
    ({"tier": "specialist"}, {"tier": "front"}, {"tier": "specialist"}),
    ({"brands": ("lumen",)}, {"brands": ("other",)}, {"brand": "lumen"}),
    ({}, {"available": False}, {}),
    ({}, {"at_work": False, "available": False}, {}),
    ({}, {"capacity": 4}, {}),
    ({}, {"most": {"webchat": 0}}, {}),
])  # fmt: skip
def test_hard_rules_hold_in_every_mode(mode: PushMode, better: Any, worse: Any, needs: Any) -> None:
    """Whoever breaks one is given nothing, however much room they have."""
    people = [person("ana", **worse), person("ben", **better)]
    loads = {"ben": StaffLoad(open={"email": 9}, load=80, upset_in_a_row=5, last_given=NOW)}
    assert given(people, mode, loads, **needs) == "ben"


@pytest.mark.parametrize("mode", PUSH)
def test_a_case_waits_for_who_fits_and_is_busy(mode: PushMode) -> None:
    """Ben, who speaks German, is on a break: Ana, who does not, is not given it meanwhile."""
    people = [person("ana", languages=["en"]), person("ben", languages=["de"], available=False)]
    assert given(people, mode, language="de") is None


@pytest.mark.parametrize("mode", PUSH)
def test_a_need_that_nobody_meets_is_left_out(mode: PushMode) -> None:
    """An answer from somebody else beats none, and the reasons say so."""
    people = [person("ana", languages=["en"])]
    chosen = assign(case(language="de"), people, {}, NOW, mode=mode)
    assert chosen.agent
    assert "nobody at work speaks de" in chosen.reasons


def test_another_brands_people_never_get_it() -> None:
    assert given([person("ana", brands=("other",))], brand="lumen") is None


def test_turns_are_taken() -> None:
    loads = {"ana": StaffLoad(last_given=NOW), "ben": StaffLoad(last_given=NOW - timedelta(1))}
    assert given([person("ana"), person("ben")], "round_robin", loads) == "ben"


def test_the_least_busy_has_most_room_for_their_capacity() -> None:
    """A chat weighs as much as five mails, and ten of twenty units are more than four of eight."""
    loads = {"ana": StaffLoad(open={"webchat": 2}), "ben": StaffLoad(open={"email": 9})}
    assert given([person("ana"), person("ben")], "least_busy", loads) == "ben"


def test_care_gives_upset_customers_to_who_carries_least() -> None:
    """Also against the number of open cases; calm ones go to whoever has room."""
    loads = {"ana": StaffLoad(load=30), "ben": StaffLoad(open={"webchat": 1}, load=2)}
    people = [person("ana"), person("ben")]
    assert given(people, loads=loads, upset=True) == "ben"
    assert given(people, loads=loads) == "ana"


def test_never_a_third_upset_one_in_a_row_while_another_is_free() -> None:
    """Even if the other carries more."""
    loads = {"ana": StaffLoad(load=1, upset_in_a_row=2), "ben": StaffLoad(load=50)}
    assert given([person("ana"), person("ben")], loads=loads, upset=True) == "ben"


def test_an_upset_case_waits_some_seconds_for_another_person() -> None:
    """But not for long, not when nobody else could come, and never when it speaks of harm."""
    loads = {"ana": StaffLoad(upset_in_a_row=2), "ben": StaffLoad(open={"webchat": 4})}
    people = [person("ana"), person("ben")]
    fresh = {"waiting_since": NOW, "upset": True}
    assert given(people, loads=loads, **fresh) is None
    assert given(people, loads=loads, upset=True) == "ana"
    assert given(people[:1], loads=loads, **fresh) == "ana"
    assert given(people, loads=loads, harm=True, **fresh) == "ana"


def test_who_did_not_open_it_gets_it_again_only_if_nobody_else_is_free() -> None:
    tried = frozenset({"desk:ana"})
    assert given([person("ana"), person("ben")], "round_robin", tried=tried) == "ben"
    assert given([person("ana")], "round_robin", tried=tried) == "ana"


def test_harm_goes_first_then_priority_then_the_longest_wait() -> None:
    cases = [
        case(conversation=1, priority=3, waiting_since=NOW - timedelta(hours=2)),
        case(conversation=2, priority=0, harm=True, waiting_since=NOW),
        case(conversation=3, priority=1, waiting_since=NOW),
        case(conversation=4, priority=1, waiting_since=NOW - timedelta(hours=1)),
    ]
    assert [one.conversation for one in in_order(cases)] == [2, 1, 4, 3]
