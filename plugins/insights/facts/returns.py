"""Finds who came back, when, and about the same matter, among the contacts of one customer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile

from plugins.insights.facts.case_facts import Contact, Returns

LONGEST_RETURN = 30 * 86_400.0
"""Seconds after which a new conversation is no return."""
SameMatter = Callable[[Contact, Contact], bool]
"""Whether an earlier and a later conversation of one customer are about the same matter."""


def same_intent(earlier: Contact, later: Contact) -> bool:
    """Both are about one intent. Two without an intent are not known to be about the same."""
    return earlier.intent == later.intent != "none"


def find_returns(
    contacts: Iterable[Contact], same: SameMatter = same_intent
) -> Mapping[int, Returns]:
    """The returns of each of ``contacts`` that has any, by conversation. They are all contacts of
    one customer, in any order."""
    ordered = sorted(contacts, key=lambda contact: (contact.opened, contact.conversation))
    found = {
        contact.conversation: _returns(ordered, at, same) for at, contact in enumerate(ordered)
    }
    return {id: returns for id, returns in found.items() if returns != Returns()}


def _returns(ordered: Sequence[Contact], at: int, same: SameMatter) -> Returns:
    contact = ordered[at]

    def is_near(other: Contact) -> bool:
        return abs(other.opened - contact.opened) <= LONGEST_RETURN

    later = takewhile(is_near, (ordered[i] for i in range(at + 1, len(ordered))))
    earlier = takewhile(is_near, (ordered[i] for i in range(at - 1, -1, -1)))
    back = next((o for o in ordered[at + 1 : at + 2] if is_near(o)), None)
    again = next((other for other in later if same(contact, other)), None)
    before = next((other for other in earlier if same(other, contact)), None)
    return Returns(
        back=round(back.opened - contact.opened, 3) if back else None,
        back_same=round(again.opened - contact.opened, 3) if again else None,
        back_mood=back.mood if back else None,
        repeat_after=round(contact.opened - before.opened, 3) if before else None,
    )
