"""Saved replies: shared ones of a team and an agent's own, with how often each was used.

They are in the desk's storage, one entry each. An answer counts its replies when it is sent, not
when they are put into the text box.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime

import msgspec

from gateway import (
    Agent,
    NotFound,
    Outdated,
    PluginStorage,
    StoredValue,
    Value,
    WarmlineError,
    why_unsafe_link,
)
from plugins.agents_desk.access.account_data import OWN_REPLIES
from plugins.agents_desk.access.accounts import PLUGIN, delete_entry, stored_entries

PREFIX = "reply/"
SHARED = f"{PREFIX}shared/"
OWN = OWN_REPLIES
LONGEST_NAME = 80
LONGEST_TEXT = 4000
MOST = 2000
"""Saved replies of one team, or of one agent."""
ATTEMPTS = 5
_ID = re.compile(r"reply/(?:shared|own/[\w:.@-]{1,100})/[0-9a-f]{16}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")


class SavedReply(Value, frozen=True, kw_only=True):
    """A text that agents send again and again. ``owner`` is the id of the agent whose own it is;
    empty: shared. ``language`` (ISO 639-1) and ``brand`` are empty where it fits all."""

    id: str = ""
    """Its key in the storage; empty until it is stored."""
    name: str
    text: str
    language: str = ""
    brand: str = ""
    owner: str = ""
    uses: int = 0
    by: str = ""
    """The id of the agent who changed it last."""
    at: datetime | None = None


class SavedReplies:
    """The saved replies of all agents."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    async def seen_by(self, agent: Agent) -> tuple[SavedReply, ...]:
        """The agent's own and the shared ones of the agent's brands, by name."""
        found = [
            _reply(entry)
            for prefix in (SHARED, own_prefix(agent.id))
            async for entry in stored_entries(self._storage, prefix)
        ]
        seen = (reply for reply in found if is_visible(reply, agent))
        return tuple(sorted(seen, key=lambda reply: (reply.name.casefold(), reply.id)))

    async def find(self, id: str, agent: Agent) -> SavedReply:
        """Raises NotFound when the agent may not see such a reply."""
        reply = await self._stored(id)
        if reply is None or not is_visible(reply, agent):
            raise NotFound("there is no such saved reply")
        return reply

    async def save(self, reply: SavedReply, *, is_free: bool = False) -> SavedReply:
        """Store a new reply, or a new wording of one that keeps its use count. Raises WarmlineError
        for a reply that `problem_of` finds fault with, for a name that another one has, or when
        there are too many. ``is_free``: the caller has compared the names, of a whole file."""
        if why := problem_of(reply):
            raise WarmlineError(why)
        before = await self._stored(reply.id)
        renamed = before is None or purpose_of(before) != purpose_of(reply)
        if renamed and not is_free and await self._is_taken(reply):
            raise WarmlineError(
                f"there is a reply with the name {reply.name} already; change that one, or choose "
                "another name"
            )
        if not reply.id:
            return await self._add(reply)
        for _ in range(ATTEMPTS):
            entry = await self._storage.get(PLUGIN, reply.id) if _ID.fullmatch(reply.id) else None
            if entry is None:
                raise NotFound("there is no such saved reply")
            changed = reply.replace(uses=_reply(entry).uses)
            try:
                await self._put(changed, entry.version)
            except Outdated:
                continue
            return changed
        raise WarmlineError("somebody else keeps changing this reply; please try again")

    async def delete(self, reply: SavedReply) -> None:
        """It is no error if it is gone."""
        while (entry := await self._storage.get(PLUGIN, reply.id)) is not None:
            if await delete_entry(self._storage, entry):
                return

    async def count_uses(self, ids: Iterable[str], agent: Agent) -> None:
        """Count that an answer with these replies was sent; what is gone meanwhile is left out."""
        for id in dict.fromkeys(ids):
            for _ in range(ATTEMPTS):
                entry = await self._storage.get(PLUGIN, id) if _ID.fullmatch(id) else None
                if entry is None or not is_visible(_reply(entry), agent):
                    break
                used = _reply(entry)
                try:
                    await self._put(used.replace(uses=used.uses + 1), entry.version)
                except Outdated:
                    continue
                break

    async def _stored(self, id: str) -> SavedReply | None:
        entry = await self._storage.get(PLUGIN, id) if _ID.fullmatch(id) else None
        return _reply(entry) if entry is not None else None

    async def _is_taken(self, reply: SavedReply) -> bool:
        """Whether another one of the same people, brand and language has its name: they could not
        be told apart in the composer."""
        prefix = own_prefix(reply.owner) if reply.owner else SHARED
        async for entry in stored_entries(self._storage, prefix):
            other = _reply(entry)
            if other.id != reply.id and purpose_of(other) == purpose_of(reply):
                return True
        return False

    async def _add(self, reply: SavedReply) -> SavedReply:
        prefix = own_prefix(reply.owner) if reply.owner else SHARED
        stored = sum((await self._storage.count(PLUGIN, prefix, length=len(prefix))).values())
        if stored >= MOST:
            raise WarmlineError(f"there are {MOST} saved replies already; delete some first")
        added = reply.replace(id=prefix + secrets.token_hex(8), uses=0)
        await self._put(added, 0)
        return added

    async def _put(self, reply: SavedReply, version: int) -> None:
        value = msgspec.json.encode(reply).decode()
        await self._storage.put(PLUGIN, reply.id, value, version=version)


def own_prefix(agent: str) -> str:
    """The beginning of the keys of an agent's own replies."""
    return f"{OWN}{agent}/"


def is_visible(reply: SavedReply, agent: Agent) -> bool:
    """Whether the agent may use the reply."""
    if reply.owner:
        return reply.owner == agent.id
    return not reply.brand or agent.works_for(reply.brand)


def may_change(reply: SavedReply, agent: Agent, *, leads: bool) -> bool:
    """Whether the agent may change the reply: their own, or, if they lead, a shared one of their
    brands. One for all brands only who works for all of them."""
    if reply.owner:
        return reply.owner == agent.id
    return leads and (agent.works_for(reply.brand) if reply.brand else not agent.brands)


def problem_of(reply: SavedReply) -> str | None:
    """What is wrong with the reply, in a sentence for its author; None when it can be stored."""
    if not reply.name.isprintable():
        return "the name has characters that nobody sees"
    if not reply.name.strip() or len(reply.name) > LONGEST_NAME:
        return f"the name must have 1 to {LONGEST_NAME} characters"
    if not reply.text.strip() or len(reply.text) > LONGEST_TEXT:
        return f"the text must have 1 to {LONGEST_TEXT} characters"
    if reply.language and not _LANGUAGE.fullmatch(reply.language):
        return f"{reply.language} is not a language code; write en, de or pt-br"
    return why_unsafe_link(reply.text)


def purpose_of(reply: SavedReply) -> tuple[str, str, str]:
    """Its name, language and brand; of the same people no two replies have the same."""
    return " ".join(reply.name.split()).casefold(), reply.language, reply.brand


def _reply(entry: StoredValue) -> SavedReply:
    return msgspec.json.decode(entry.value, type=SavedReply).replace(id=entry.key)
