"""What the bot's answers and its draft rest on: passages of the team's sources as they were then,
with the sentences that were used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from gateway import CitedPassage, KnowledgeStore, Message, Suggestion, Value, split_cited


class ShownPassage(Value, frozen=True, kw_only=True):
    """A passage beside an answer. ``parts``: its text, and whether the answer says that part;
    ``url``: where the page can be read, empty where it has no address; ``document``: its place at
    the desk, for those who see the sources."""

    title: str
    heading: str
    parts: tuple[tuple[str, bool], ...]
    language: str
    version: int
    read_at: datetime | None
    updated_at: datetime | None
    state: Literal["current", "changed", "gone"]
    changed_at: datetime | None
    url: str
    location: str
    document: str


class ShownEvidence(Value, frozen=True, kw_only=True):
    """Passages by the id of the message that rests on them, and those of the open draft.
    ``removed``: messages of which a passage is no longer stored; 0 stands for the draft."""

    of_message: Mapping[int, tuple[ShownPassage, ...]] = {}
    of_draft: tuple[ShownPassage, ...] = ()
    removed: frozenset[int] = frozenset()


async def evidence(
    knowledge: KnowledgeStore | None, messages: Sequence[Message], draft: Suggestion | None
) -> ShownEvidence:
    """What the bot's ``messages`` and ``draft`` rest on."""
    sent = [m for m in messages if m.author == "bot" and not m.internal and m.turn]
    drafted = draft.passages if draft else ()
    if knowledge is None or not (sent or drafted):
        return ShownEvidence()
    uses = (
        await knowledge.used_in(list(dict.fromkeys(m.conversation for m in sent))) if sent else ()
    )
    used: dict[int, list[int]] = defaultdict(list)
    for use in uses:
        used[use.turn].append(use.passage)
    wanted = dict.fromkeys((*drafted, *(id for ids in used.values() for id in ids)))
    if not wanted:
        return ShownEvidence()
    stored = {each.passage.id: each for each in await knowledge.cited(list(wanted))}
    said: dict[int, str] = defaultdict(str)
    for message in sent:
        said[message.turn or 0] += f"{message.text}\n"
    last = {message.turn: message.id for message in sent}  # an answer in parts has one turn
    rests_on = {last[turn]: (ids, said[turn]) for turn, ids in used.items() if turn in last}
    if draft is not None and drafted:
        rests_on[0] = (list(drafted), draft.text)
    shown = {
        id: tuple(_shown(stored[each], text) for each in ids if each in stored)
        for id, (ids, text) in rests_on.items()
    }
    return ShownEvidence(
        of_message={id: passages for id, passages in shown.items() if id},
        of_draft=shown.get(0, ()),
        removed=frozenset(id for id, (ids, _) in rests_on.items() if len(shown[id]) < len(ids)),
    )


def _shown(cited: CitedPassage, said: str) -> ShownPassage:
    passage = cited.passage
    heading = next((each for each in reversed(passage.headings) if each != passage.title), "")
    state: Literal["current", "changed", "gone"] = (
        "current" if passage.current else "gone" if cited.gone else "changed"
    )
    public = urlsplit(passage.location).scheme in ("http", "https")
    bare = passage.location.partition("#")[0]
    return ShownPassage(
        title=passage.title,
        heading=passage.question or heading,
        parts=split_cited(passage.text, said),
        language=passage.language,
        version=passage.version,
        read_at=cited.read_at,
        updated_at=passage.updated_at if passage.current else None,
        state=state,
        changed_at=cited.changed_at,
        url=(f"{bare}#{passage.anchor}" if passage.anchor else passage.location) if public else "",
        location=passage.location,
        document=f"/desk/sources/{passage.source}/{passage.document}?version={passage.version}",
    )
