"""The team's labels: how each key reads, and its colour."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from gateway import NotFound, Outdated, PluginStorage, Value
from plugins.agents_desk.access.accounts import PLUGIN, stored_entries
from plugins.agents_desk.guard import InvalidForm

PREFIX = "label/"
COLOURS = ("grey", "red", "orange", "green", "teal", "blue", "violet", "pink")
"""The palette. Each has at least 4.5 to 1 of contrast in both themes (WCAG 2.2, 1.4.3); a test
measures it."""
LONGEST_TITLE = 32
MOST = 200
"""Labels of a team. Beyond that nobody finds one."""
SPAM = "spam"


class TeamLabel(Value, frozen=True, kw_only=True):
    """A label as people read it. ``key`` stays when the title changes, so that conversations keep
    the label."""

    key: str
    title: str
    colour: str = "grey"


class TeamLabels:
    """The labels of all. Keys of the storage: ``label/KEY``."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage
        self._known: dict[str, TeamLabel] = {}

    async def all(self) -> tuple[TeamLabel, ...]:
        """Every label but spam, by title."""
        found = [
            msgspec.json.decode(entry.value, type=TeamLabel)
            async for entry in stored_entries(self._storage, PREFIX)
        ]
        self._known = {label.key: label for label in found}
        return tuple(sorted(found, key=lambda label: label.title.casefold()))

    def shown(self, key: str) -> TeamLabel:
        """How ``key`` reads, as of the last `all`; an unknown key reads as itself."""
        if key == SPAM:
            return TeamLabel(key=SPAM, title="Spam", colour="red")
        return self._known.get(key) or TeamLabel(key=key, title=key)

    async def create(self, title: str, colour: str = "grey") -> TeamLabel:
        """A new label; the known one when its key exists. Raises InvalidForm."""
        label = TeamLabel(key=key_of(title), title=_title(title), colour=_colour(colour))
        if len(await self.all()) >= MOST:
            raise InvalidForm(f"There are {MOST} labels already. Delete one first.")
        try:
            await self._storage.put(PLUGIN, PREFIX + label.key, _encoded(label))
        except Outdated:
            return self.shown(label.key)
        await self.all()
        return label

    async def change(self, key: str, title: str, colour: str) -> None:
        """Rename or recolour a label. Raises InvalidForm, and NotFound."""
        entry = await self._storage.get(PLUGIN, PREFIX + key)
        if entry is None:
            raise NotFound(f"there is no label {key}")
        label = TeamLabel(key=key, title=_title(title), colour=_colour(colour))
        others = (other for other in await self.all() if other.key != key)
        if any(other.title.casefold() == label.title.casefold() for other in others):
            raise InvalidForm(f"Another label is called {label.title} already.")
        await self._put(entry.key, label, entry.version)

    async def delete(self, key: str) -> None:
        """Delete a label. Conversations that have it keep the key, which then reads as itself."""
        entry = await self._storage.get(PLUGIN, PREFIX + key)
        if entry is not None:
            await self._storage.drop(PLUGIN, entry.key, version=entry.version)
        await self.all()

    async def _put(self, key: str, label: TeamLabel, version: int) -> None:
        try:
            await self._storage.put(PLUGIN, key, _encoded(label), version=version)
        except Outdated:
            raise InvalidForm("Somebody changed this label just now. Look again.") from None
        await self.all()


def key_of(title: str) -> str:
    """The key for a new label. Letters without a Latin base (``Возврат``) are spelt by number, so
    that any language makes a key. Raises InvalidForm."""
    plain = unicodedata.normalize("NFKD", _title(title)).casefold()
    spelt = "".join(
        char if char.isascii() else "" if unicodedata.combining(char) else f"u{ord(char):x}"
        for char in plain
    )
    key = re.sub(r"[^a-z0-9]+", "-", spelt).strip("-")[:48].rstrip("-")
    if not key:
        raise InvalidForm("A label needs a letter or a digit.")
    if key == SPAM:
        raise InvalidForm("“Spam” is taken: mark the conversation as spam instead.")
    return key


def _title(title: str) -> str:
    plain = " ".join(title.split())
    if not plain or len(plain) > LONGEST_TITLE or not plain.isprintable():
        raise InvalidForm(f"A label's name has 1 to {LONGEST_TITLE} characters.")
    return plain


def _colour(colour: str) -> str:
    if colour not in COLOURS:
        raise InvalidForm("Choose one of the colours.")
    return colour


def _encoded(label: TeamLabel) -> str:
    return msgspec.json.encode(label).decode()
