"""What each role may do: one small table, the same in code and docs."""

from __future__ import annotations

from typing import Literal

from gateway import Agent, Conversation

Role = Literal["agent", "lead", "admin"]
Right = Literal["work", "see_all", "reassign", "read_audit", "manage"]

ROLES: tuple[Role, ...] = ("agent", "lead", "admin")
RIGHTS: dict[Role, frozenset[Right]] = {
    "agent": frozenset({"work"}),
    "lead": frozenset({"work", "see_all", "reassign"}),
    "admin": frozenset({"work", "see_all", "reassign", "read_audit", "manage"}),
}
MEANING: dict[Right, str] = {
    "work": "claims and answers what nobody else has",
    "see_all": "sees what colleagues have, with the audit log of each conversation",
    "reassign": "takes a conversation from a colleague, or gives it to one",
    "read_audit": "reads the whole audit log",
    "manage": "manages users and signs them out",
}


def may(role: Role, right: Right) -> bool:
    return right in RIGHTS[role]


def sees(role: Role, agent: Agent, conversation: Conversation) -> bool:
    """Whether this person may see and work it: what a colleague has is the colleague's, a lead's
    and an admin's."""
    theirs = conversation.owner is None or conversation.owner.id == agent.id
    return theirs or may(role, "see_all")
