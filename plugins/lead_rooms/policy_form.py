"""The routing policy as a form, and the form as changes in the format of the team's files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from gateway import AdoptedChange, Json, KeyPath, SetValue, Value, reason_label, value_at
from plugins.lead_rooms.editing import RoomForm

FieldKind = Literal["switch", "number", "words", "text"]

HELP: Mapping[str, str] = {
    "enabled": "in force",
    "priority": "priority, 0 normal to 3 at once",
    "tier": "tier; empty: the first",
    "below": "least confidence in the intent, 0 to 1",
    "intensity": "from this intensity, 0 to 1",
    "distress": "from this distress on, 0 to 1",
    "alarm_minutes": "minutes until an alarm, unless claimed",
    "intents": "intents",
    "served": "languages that the bot serves",
    "assisted": "languages where it answers only what it is sure of",
    "assisted_confidence": "least confidence in the intent there, 0 to 1",
    "confidence": "least confidence in the language, 0 to 1",
    "letters": "shorter messages are not judged, in letters",
    "replies": "replies of the bot …",
    "minutes": "… within so many minutes",
    "not_helped": "the customer says that the answer did not help",
    "same_words": "times the same question was asked",
    "same_intent": "times the same intent was asked",
    "fallbacks": "times the bot had no answer",
    "score": "a score this low counts as unsolved",
    "count": "contacts, this one included",
    "days": "within so many days",
    "arc.memory": "mood over the conversation: share of the old mean kept",
    "arc.level": "mood over the conversation: a mean this high",
    "arc.rise": "mood over the conversation: a rise this high",
    "arc.messages": "mood over the conversation: from so many messages on",
}
"""What the fields of a reason are called; others have their key as words."""


class PolicyField(Value, frozen=True, kw_only=True):
    """One setting of the policy: where it is, how it is called, and how it is written."""

    at: KeyPath
    label: str
    kind: FieldKind
    optional: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.at)


class PolicyGroup(Value, frozen=True, kw_only=True):
    """The settings of one reason, or of what is not a reason. ``switch`` is its first field."""

    code: str
    title: str
    switch: PolicyField | None
    fields: tuple[PolicyField, ...]


def policy_groups(policy: Json) -> tuple[PolicyGroup, ...]:
    """The settings that the room edits, of the policy in force."""
    reasons = value_at(policy, ("reasons",)) or {}
    groups = [_reason_group(code, rule) for code, rule in reasons.items() if isinstance(rule, dict)]
    clarify = (
        _field(("clarify", "times"), "questions back before a hand-over, 0 to 3", 0),
        _field(("clarify", "moods"), "moods in which it asks back", []),
        _field(("pass_by_intents",), "intents that never bring a person by themselves", []),
        _field(("again_within_days",), "days within which a customer counts as coming back", 7),
    )
    groups.append(
        PolicyGroup(code="other", title="Asking back, and courtesies", switch=None, fields=clarify)
    )
    tiers = value_at(policy, ("tiers",)) or {}
    times = tuple(
        _field(("tiers", name, "claim_minutes"), f"{name}: minutes until it moves up", 1.0)
        for name in tiers
    )
    groups.append(PolicyGroup(code="tiers", title="Tiers", switch=None, fields=times))
    return tuple(groups)


def policy_fields(policy: Json) -> dict[str, str]:
    """The fields as the policy in force has them."""
    return {
        field.name: _text(value_at(policy, field.at))
        for group in policy_groups(policy)
        for field in (*((group.switch,) if group.switch else ()), *group.fields)
    }


def policy_changes(policy: Json, form: RoomForm) -> list[AdoptedChange]:
    """What the form changes; what is no number is noted in it."""
    changes: list[AdoptedChange] = []
    for group in policy_groups(policy):
        for field in (*((group.switch,) if group.switch else ()), *group.fields):
            if form.changed(field.name):
                try:
                    value = _parsed(field, form.value(field.name), value_at(policy, field.at))
                except ValueError:
                    form.say(field.name, "is no number; write one, such as 0.55")
                    continue
                changes.append(SetValue(at=field.at, value=value))
    return changes


def field_of(policy: Json, key: str) -> str:
    """The field of the form that a problem's key is about."""
    known = policy_fields(policy)
    while key and key not in known:
        key = key.rpartition(".")[0]
    return key


def _reason_group(code: str, rule: Mapping[str, Json]) -> PolicyGroup:
    found = list(_rule_fields(("reasons", code), rule))
    switch = next((field for field in found if field.at[-1] == "enabled"), None)
    return PolicyGroup(
        code=code,
        title=reason_label(code),
        switch=switch,
        fields=tuple(field for field in found if field is not switch),
    )


def _rule_fields(at: KeyPath, rule: Mapping[str, Json], before: str = "") -> Iterator[PolicyField]:
    for key, value in rule.items():
        if isinstance(value, dict):
            yield from _rule_fields((*at, key), value, f"{before}{key}.")
        else:
            label = HELP.get(f"{before}{key}") or HELP.get(key)
            if before == "intensity.":
                label = f"{key}: from this intensity on, 0 to 1"
            yield _field((*at, key), label or key.replace("_", " "), value)


def _field(at: KeyPath, label: str, value: Json) -> PolicyField:
    kind: FieldKind = "text"
    if isinstance(value, bool):
        kind = "switch"
    elif isinstance(value, int | float):
        kind = "number"
    elif isinstance(value, list):
        kind = "words"
    return PolicyField(at=at, label=label, kind=kind, optional=value is None)


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, list):
        return ", ".join(sorted(map(str, value)))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _parsed(field: PolicyField, text: str, known: Json) -> Json:
    """Raises ValueError for what is no number."""
    match field.kind:
        case "switch":
            return bool(text)
        case "number":
            number = float(text.replace(",", "."))
            return int(number) if number.is_integer() and isinstance(known, int) else number
        case "words":
            words = (word.strip() for part in text.splitlines() for word in part.split(","))
            return list(dict.fromkeys(word for word in words if word))
        case "text":
            return text.strip() or None
