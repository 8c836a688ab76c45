"""Variables of saved replies, such as ``{{name}}``. Pure.

Known ones are filled in; the others stay in the text, where the agent sees them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway import Agent, ContextCard, Value, why_unsafe_link

_PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d]\w{0,39})\s*\}\}")
ORDER_NAMES = ("order", "order_number", "order_id")
"""Names under which slots and facts have an order's number."""
MEANINGS: Mapping[str, str] = {
    "name": "the customer's name",
    "order": "the order number that the customer gave last",
    "agent": "your own name",
}
"""The variables that every conversation may have. A slot's own name is one, too."""


class FilledText(Value, frozen=True, kw_only=True):
    """A text with its variables filled in. ``missing`` are those that have no value here."""

    text: str
    missing: tuple[str, ...] = ()


def placeholders(text: str) -> tuple[str, ...]:
    """The names of the variables in ``text``, each once, in order."""
    return tuple(dict.fromkeys(found[1].casefold() for found in _PLACEHOLDER.finditer(text)))


def variables(card: ContextCard, agent: Agent) -> dict[str, str]:
    """What is known in this conversation, by variable. The newest slot of a name wins."""
    known = {"agent": agent.name}
    if card.customer.name:
        known["name"] = card.customer.name
    for fact in card.facts:
        if fact.name in ORDER_NAMES:
            known["order"] = fact.value.partition(",")[0]
    slots = {slot.name.casefold(): (message.id, slot.value) for slot, message in card.slots}
    known |= {name: value for name, (_, value) in slots.items() if name not in ("agent", "name")}
    orders = [slots[name] for name in ORDER_NAMES if name in slots]
    if orders:
        known["order"] = max(orders)[1]
    return known


def fill(text: str, known: Mapping[str, str]) -> FilledText:
    """``text`` with the values of ``known``, whose braces are no variables."""
    missing = tuple(name for name in placeholders(text) if not known.get(name))

    def value(found: re.Match[str]) -> str:
        return known.get(found[1].casefold()) or found[0]

    return FilledText(text=_PLACEHOLDER.sub(value, text), missing=missing)


def with_proposal(card: ContextCard, agent: Agent) -> ContextCard:
    """``card`` with what is known filled into the answer that it proposes."""
    if card.story is None or card.story.need is None:
        return card
    proposal = fill(card.story.need.proposal, variables(card, agent)).text
    return card.replace(story=card.story.replace(need=card.story.need.replace(proposal=proposal)))


def why_unfinished(text: str) -> str | None:
    """Why ``text`` cannot be sent as it is, in a sentence for its author; None when it can."""
    if unfilled := placeholders(text):
        names = ", ".join(f"{{{{{name}}}}}" for name in unfilled)
        return f"Fill in {names}, or take it out. Nothing was sent."
    if why := why_unsafe_link(text):
        return f"{why[:1].upper()}{why[1:]}. Nothing was sent."
    return None
