"""Names in a plugin's files that must fit those of other files: intents, links, tiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import yaml

from gateway.model import Value
from gateway.settings.yaml_reader import BadConfig, Problem, YamlLines, read_yaml

if TYPE_CHECKING:
    from gateway.settings.core import Settings


class MentionedName(Value, frozen=True, kw_only=True):
    """A name, and where it stands."""

    name: str
    file: str
    line: int
    key: str


class MentionedNames(Value, frozen=True, kw_only=True):
    """What the files of one section mention.

    Files with mistakes count as far as they can be read; ``unread`` says that one cannot be read
    at all, so that nothing is said to be missing.
    """

    answered: tuple[MentionedName, ...] = ()
    """Intents with a written answer."""
    answered_too: frozenset[str] = frozenset()
    """Intents that have an answer without a line in the team's files."""
    answers_anything: bool = False
    """Whether the plugin may answer any question, whatever its intent."""
    taught: tuple[MentionedName, ...] = ()
    """Intents with examples."""
    taught_too: frozenset[str] = frozenset()
    """Intents that are known without a line in the team's files."""
    engine: bool = False
    """Whether the plugin is an engine and these are all the intents that it finds."""
    links: tuple[MentionedName, ...] = ()
    """URLs, or paths of the gateway's own pages."""
    tiers: tuple[MentionedName, ...] = ()
    """Tiers of the policy."""
    hours: tuple[MentionedName, ...] = ()
    """Where the opening hours are stated; each ``name`` is a brand, empty for all others."""
    problems: tuple[Problem, ...] = ()
    """What else is valid and surely a mistake."""
    warnings: tuple[tuple[str, str], ...] = ()
    """What is valid and surely not as intended: keys of the settings, and messages."""
    unread: bool = False


@runtime_checkable
class MentionsNames(Protocol):
    """The model of a section whose files mention what other files must have, for
    ``warmline check``."""

    def mentions(self, settings: Settings) -> MentionedNames:
        """Return what they mention. Read the files; raise nothing for a mistake in them."""
        ...


class NameReader:
    """Reads names out of YAML files, also those with mistakes."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.unread = False
        self._files: list[tuple[Any, YamlLines]] = []
        for path in paths:
            try:
                self._files.append(read_yaml(path, yaml.CBaseLoader))
            except BadConfig:
                self.unread = True

    def keys(self, name: str) -> Iterator[MentionedName]:
        """The keys of the mapping ``name`` at the top of each file."""
        for tree, lines in self._files:
            found = tree.get(name)
            for key in found if isinstance(found, dict) else ():
                yield _mention(str(key), lines, f"{name}.{key}")

    def values(self, *path: str) -> Iterator[MentionedName]:
        """The texts at ``path``, in which ``*`` is each key of a mapping or index of a list."""
        for tree, lines in self._files:
            for key, value in _walk(tree, path, ""):
                if isinstance(value, str) and value:
                    yield _mention(value, lines, key)


def _mention(name: str, lines: YamlLines, key: str) -> MentionedName:
    place = lines.problem(key, "")
    return MentionedName(name=name, file=place.file, line=place.line, key=place.key)


def _walk(tree: Any, path: Sequence[str], at: str) -> Iterator[tuple[str, Any]]:
    if not path:
        yield at, tree
        return
    pairs: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(tree, dict):
        pairs = iter(tree.items())
    elif isinstance(tree, list):
        pairs = iter(enumerate(tree))
    for key, value in pairs:
        if path[0] in ("*", str(key)):
            yield from _walk(value, path[1:], f"{at}.{key}".lstrip("."))
