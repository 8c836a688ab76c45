"""What a list's address asks for: the list, its filters, and from where on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

import msgspec

from gateway import (
    LIST_NAMES,
    Agent,
    ConversationFilter,
    ListName,
    ListPosition,
    State,
    Value,
)

TITLES: Mapping[ListName, str] = {
    "waiting": "Waiting",
    "mine": "Mine",
    "bot": "With the bot",
    "colleagues": "With colleagues",
    "snoozed": "Snoozed",
    "resolved": "Resolved",
    "all": "All",
}
FIELDS = (
    *("channel", "brand", "language", "skill", "state", "person", "label", "mood"),
    *("last_from", "since", "until"),
)
"""The filters, by the names that their fields have in a form."""
STATES: tuple[State, ...] = ("waiting", "person", "bot", "resolved")
MOODS = ("calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent")
LONGEST = 100
"""Characters of a filter's value."""
FROM = "from"
"""The parameter of a conversation's address that names the list it was opened from."""


class ListQuery(Value, frozen=True, kw_only=True):
    """A list with filters. ``fields`` are those of `FIELDS` that are filled in."""

    name: ListName = "all"
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    after: ListPosition | None = None
    view: str = ""
    """The id of the saved view that it came from."""

    @property
    def title(self) -> str:
        return TITLES[self.name]

    @property
    def text(self) -> str:
        """It, as it stands in a conversation's address."""
        after = {"after": f"{self.after.order}-{self.after.id}"} if self.after else {}
        view = {"view": self.view} if self.view else {}
        return f"{self.name}?{urlencode({**self.fields, **view, **after})}".rstrip("?")

    @property
    def address(self) -> str:
        """The list's page."""
        return f"/desk/list/{self.text}"

    def form(self, step: str) -> str:
        """Where a form of the list's page posts to."""
        name, mark, filters = self.text.partition("?")
        return f"/desk/list/{name}/{step}{mark}{filters}"

    def behind(self, after: ListPosition | None) -> ListQuery:
        """The part that begins behind ``after``; None: the first one."""
        return self.replace(after=after)

    def of(self, name: ListName) -> ListQuery:
        """The same filters on another list."""
        return ListQuery(name=name, fields=self.fields)


def parse_query(name: str, given: Mapping[str, str]) -> ListQuery:
    """The query of the list ``name`` with what ``given`` has; values of no page of ours are left
    out."""
    fields = {key: given[key].strip()[:LONGEST] for key in FIELDS if given.get(key, "").strip()}
    if "label" in fields:
        fields["label"] = label_key(fields["label"])
    return ListQuery(
        name=next((known for known in LIST_NAMES if known == name), "all"),
        fields={key: value for key, value in fields.items() if _is_valid(key, value)},
        after=_position(given.get("after", "")),
        view=given.get("view", "")[:LONGEST],
    )


def label_key(text: str) -> str:
    """The key of a label that was typed: see `Desk.label`."""
    return "-".join(text.casefold().split())[:48]


def as_filter(
    query: ListQuery, agent: Agent, *, brands: Collection[str], colleagues: bool
) -> ConversationFilter:
    """What ``query`` shows ``agent``. ``brands`` are all there are; ``colleagues`` says whether
    this person sees what others have."""
    fields = dict(query.fields)
    brand = fields.pop("brand", "")
    chosen = (brand,) if brand in brands and agent.works_for(brand) else agent.brands
    state, last_from = fields.pop("state", ""), fields.pop("last_from", "")
    since, until = _day(fields.pop("since", "")), _day(fields.pop("until", ""))
    return ConversationFilter(
        list=query.name,
        agent=agent.id,
        colleagues=colleagues,
        brands=tuple(chosen),
        state=next((known for known in STATES if known == state), ""),
        last_from=_last_from(last_from),
        since=since,
        until=until + timedelta(days=1) if until else None,
        **fields,
    )


def _is_valid(key: str, value: str) -> bool:
    if key == "state":
        return value in STATES
    if key == "mood":
        return value in MOODS
    if key == "last_from":
        return _last_from(value) != ""
    if key in ("since", "until"):
        return _day(value) is not None
    return value.isprintable()


def _last_from(value: str) -> Literal["", "customer", "us"]:
    return "customer" if value == "customer" else "us" if value == "us" else ""


def _day(text: str) -> datetime | None:
    """The beginning of a day, in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _position(text: str) -> ListPosition | None:
    order, _, id = text.partition("-")
    if not (_is_number(order) and _is_number(id)):
        return None
    return ListPosition(order=int(order), id=int(id))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
