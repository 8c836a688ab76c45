"""What can be hidden in a month, so that a report has something to find.

Each plant is a value; `parse_plant` reads the form of the command line: ``trigger_phrase``, or with
parameters ``trigger_phrase:harm=0.6,share=0.4``. The ledger names the plants of each conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec

from gateway.ports import WarmlineError

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BadPlant(WarmlineError):
    """There is no such plant, it has no such parameter, or the month has no place for it."""


class PlantValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plant. ``name`` is what the ledger and the command line call it."""

    name: ClassVar[str] = ""


class TriggerPhrase(PlantValue, frozen=True, kw_only=True):
    """Some agents use a phrase after which customers feel worse, whatever they felt before.

    ``share`` of the answers of each of ``speakers`` agents have it. The mood, on the scale of -1 to
    1, falls by ``harm`` on average.
    """

    name: ClassVar[str] = "trigger_phrase"
    speakers: Annotated[int, msgspec.Meta(ge=1)] = 3
    share: Share = 0.35
    harm: float = 0.6


class ConfoundedSorry(PlantValue, frozen=True, kw_only=True):
    """Agents say sorry to customers who are upset, in ``share`` of these answers, and seldom to
    others. It does no harm."""

    name: ClassVar[str] = "confounded_sorry"
    share: Share = 0.8


class DriftingChannel(PlantValue, frozen=True, kw_only=True):
    """On one channel the agents' tone departs from the guide, from day ``after`` of the month on:
    up to ``share`` of their answers are sloppy."""

    name: ClassVar[str] = "drifting_channel"
    channel: str = "webchat"
    after: Annotated[int, msgspec.Meta(ge=0)] = 10
    share: Share = 0.6


class RewrittenAnswer(PlantValue, frozen=True, kw_only=True):
    """Agents rewrite what is suggested about ``intent`` in ``share`` of the cases."""

    name: ClassVar[str] = "rewritten_answer"
    intent: str = "missing_parcel"
    share: Share = 0.7


class OverworkedAgent(PlantValue, frozen=True, kw_only=True):
    """One agent takes ``share`` of the upset customers, without breaks. ``agent``: their id; none:
    the one who speaks most languages."""

    name: ClassVar[str] = "overworked_agent"
    share: Share = 0.8
    agent: str | None = None


class UnansweredQuestion(PlantValue, frozen=True, kw_only=True):
    """``messages`` customers ask about ``topic``, which the shop's intents and answers do not
    cover, each in words of their own; ``others`` more ask about other such things, one each."""

    name: ClassVar[str] = "unanswered_question"
    topic: str = "cycle_to_work"
    messages: Annotated[int, msgspec.Meta(ge=1)] = 20
    others: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """None: as many as the shop has anyway."""


class Effect(PlantValue, frozen=True, kw_only=True):
    """Something gets better (or worse) by ``points`` (a share, such as 0.1) from day ``after`` on,
    as after an adopted proposal; with ``channel`` on that channel alone, as in a pilot.

    ``containment``: the share of conversations that the bot finishes. ``felt_heard``: the share of
    survey answers with 4 or 5. ``suggestion_sent``: the share of suggestions that are sent as they
    are.
    """

    name: ClassVar[str] = "effect"
    measure: Literal["containment", "felt_heard", "suggestion_sent"] = "containment"
    points: Annotated[float, msgspec.Meta(ge=-1, le=1)] = 0.1
    after: Annotated[int, msgspec.Meta(ge=0)] = 15
    channel: str | None = None


Plant: TypeAlias = (
    TriggerPhrase
    | ConfoundedSorry
    | DriftingChannel
    | RewrittenAnswer
    | OverworkedAgent
    | UnansweredQuestion
    | Effect
)

PLANTS: Mapping[str, type[Plant]] = {
    kind.name: kind
    for kind in (
        TriggerPhrase,
        ConfoundedSorry,
        DriftingChannel,
        RewrittenAnswer,
        OverworkedAgent,
        UnansweredQuestion,
        Effect,
    )
}


def parse_plant(text: str) -> Plant:
    """Read ``NAME`` or ``NAME:key=value,key=value``. Raises BadPlant."""
    name, _, rest = text.partition(":")
    kind = PLANTS.get(name.strip())
    if kind is None:
        raise BadPlant(f"there is no plant `{name}`; choose from {', '.join(PLANTS)}")
    values: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise BadPlant(f"{name}: write `key=value` instead of `{pair}`")
        values[key.strip()] = value.strip()
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        keys = ", ".join(kind.__struct_fields__)
        raise BadPlant(f"{name}: {error}; its parameters are {keys}") from None
