"""Events as Slack delivers them, parsed without a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from channels.slack.customers.events import (
    CustomerAction,
    MessageEvent,
    SlackPlace,
    parse_event,
)
from channels.slack.endpoint import EventCallback
from channels.slack.markup import (
    emoji_in,
    readable,
)
from gateway import Address

EVENTS = Path(__file__).with_name("events")


def parsed(name: str) -> CustomerAction | None:
    payload = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return parse_event(
        msgspec.convert(payload, EventCallback), msgspec.convert(payload["event"], MessageEvent)
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("direct", {"value": "T0HOME/D1", "user": "U1", "kind": "message", "addressed": True}),
        ("mention", {"value": "T0HOME/C1/1772445601.000100", "user": "U2", "addressed": True}),
        ("mention_as_message", {"value": "T0HOME/C1/1772445601.000100", "addressed": True}),
        ("in_thread", {"value": "T0HOME/C1/1772445601.000100", "addressed": False}),
        ("broadcast", {"value": "T0HOME/C1/1772445601.000100", "addressed": False}),
        ("file", {"value": "T0HOME/D1", "remote_id": "D1:1772445630.000500"}),
        ("edit", {"kind": "edit", "remote_id": "D1:1772445600.000100:1772445640.000000"}),
        ("deleted", {"kind": "edit", "deleted": True, "value": "T0HOME/D1"}),
        ("organisation", {"value": "E3.T7/D7", "user": "W5"}),
    ],
)
def test_what_people_do_is_parsed(name: str, expected: dict[str, Any]) -> None:
    """With its place, its writer and its own id."""
    found = parsed(name)
    assert found is not None
    seen = {key: getattr(found, key) for key in expected if key != "value"}
    assert seen | {"value": found.place.address.value} == {
        "value": found.place.address.value,
        **expected,
    }


@pytest.mark.parametrize("name", ["join", "bot", "echo", "preview", "thread_grew"])
def test_what_no_person_did_is_ignored(name: str) -> None:
    """Joins, bots, our own messages, previews and threads that grew."""
    assert parsed(name) is None


def test_two_events_of_a_message_have_one_id() -> None:
    """Slack delivers a mention as a mention and as a message."""
    first, second = parsed("mention"), parsed("mention_as_message")
    assert first is not None
    assert second is not None
    assert first.remote_id == second.remote_id == "C1:1772445601.000100"


def test_the_writer_and_the_time() -> None:
    """The name is from the event's profile; user and team are facts; the time is Slack's."""
    found = parsed("mention")
    assert found is not None
    assert found.profile_name == "Dario"
    assert {fact.name: fact.value for fact in found.facts} == {
        "slack user": "U2",
        "slack team": "T9OTHER",
    }
    assert found.at == datetime(2026, 3, 2, 10, 0, 1, 100, UTC)


def test_a_recorded_message_is_readable() -> None:
    """Links, entities and emoji with their skin."""
    found = parsed("direct")
    assert found is not None
    assert readable(found.text, names={}, emoji=emoji_in(found.blocks)) == (
        "Where is my order #71 (https://shop.example/o/71) & its bill? 👋🏼"
    )


@pytest.mark.parametrize("value", ["", "T1", "T1/", "/D1", "T1/C1/1.1/x"])
def test_other_addresses_are_not_places(value: str) -> None:
    """They are an error."""
    with pytest.raises(ValueError, match="not a place in Slack"):
        SlackPlace.from_address(Address(channel="slack", value=value))


@pytest.mark.parametrize("value", ["T1/D1", "T1/C1/1700000000.000100", "E1.T1/D1"])
def test_a_place_round_trips_through_its_address(value: str) -> None:
    """An address leads back to its place."""
    assert SlackPlace.from_address(Address(channel="slack", value=value)).address.value == value
