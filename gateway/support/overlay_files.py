"""Writes what people adopted into the team's own YAML files, and takes it out of them again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.model import FilesWritten, Json, KeyPath
from gateway.support.files import yaml_files
from gateway.support.overlays import Tree, brand_part, leaves, without
from gateway.support.yaml_edit import CannotEdit, YamlText, as_read, edit_yaml

Originals = Mapping[str, Json]
"""What the files had before anything was written, by key: needed to take it out again."""


EMPTY = "empty "
"""Begins the keys of originals that are empty values of the team's, which were filled."""


class OverlayFiles:
    """The team's files of one kind of versions.

    ``files`` returns those of a brand ("" for all others), in their order: a key is written into
    the file that has it, or most of its path, else into the first one. ``depth`` says how many keys
    of a path name what is replaced as a whole (by default all: single values and lists),
    ``joins`` whether the list at a path is joined with that of the file, and ``within`` where the
    part of a brand is in its file.
    """

    def __init__(
        self,
        files: Callable[[str], Sequence[Path]],
        *,
        depth: Callable[[KeyPath], int] = len,
        joins: Callable[[KeyPath], bool] = lambda _: False,
        within: Callable[[str], KeyPath] = lambda _: (),
    ) -> None:
        self._files, self._depth, self._joins, self._within = files, depth, joins, within

    def write(self, before: Tree, after: Tree, originals: Originals) -> FilesWritten:
        """Write what differs between two overlays. Blocks. Each file is replaced at once; a key
        that cannot be written is named, and the others are."""
        known: dict[str, Json] = dict(originals)
        written: dict[str, None] = {}
        not_written: list[str] = []
        brands = dict.fromkeys(["", *_brands(before), *_brands(after)])
        for brand in brands:
            within = self._within(brand)
            low, high = (
                {(*within, *at): value for at, value in units.items()}
                for units in (self._units(brand_part(tree, brand)) for tree in (before, after))
            )
            changed = [at for at in {**low, **high} if low.get(at) != high.get(at)]
            if not changed:
                continue
            files = yaml_files(self._files(brand))
            if not files:
                keys = (_key("" if within else brand, at) for at in changed)
                not_written += [f"{key}: there is no file of yours for it" for key in keys]
                continue
            for file, paths in _by_file(files, changed).items():
                keyed = "" if within else brand
                edit = _FileEdit(keyed, paths, low, high, known, not_written, self._joins)
                try:
                    if edit_yaml(file, edit.apply):
                        written[str(file)] = None
                except (CannotEdit, OSError, UnicodeDecodeError) as error:
                    not_written.append(f"{file}: {error}")
        return FilesWritten(written=tuple(written), not_written=tuple(not_written), originals=known)

    def _units(self, tree: Tree) -> dict[KeyPath, Any]:
        """What is written as a whole, by path."""
        units: dict[KeyPath, Any] = {}
        for at, _ in leaves(tree):
            path = at[: self._depth(at)]
            found: Any = tree
            for key in path:
                found = found[key]
            units[path] = found
        return units


@dataclass(frozen=True)
class _FileEdit:
    """Writes ``paths`` of the overlay ``high`` into one file, in which ``low`` was before; keeps
    what was there in ``known``."""

    brand: str
    paths: Sequence[KeyPath]
    low: Mapping[KeyPath, Any]
    high: Mapping[KeyPath, Any]
    known: dict[str, Json]
    problems: list[str]
    joins: Callable[[KeyPath], bool]

    def apply(self, text: YamlText) -> None:
        """What cannot be written is added to ``problems``."""
        for at in self.paths:
            key = _key(self.brand, at)
            try:
                if self.joins(at):
                    self._write_items(text, at, key)
                else:
                    self._write_value(text, at, key)
            except CannotEdit as error:
                self.problems.append(f"{key}: {error}")

    def _write_value(self, text: YamlText, at: KeyPath, key: str) -> None:
        is_ours = at in self.low and text.find(at) == as_read(self.low[at])
        if at in self.high:
            raw = text.raw(at)
            if raw is None:
                self._write(text, at, lambda: text.set(at, self.high[at]))
            else:
                text.set(at, self.high[at])
            if not is_ours or key not in self.known:  # what was there is the team's
                self.known[key] = {"text": raw}
            return
        original = self.known.get(key)
        if not is_ours or not isinstance(original, dict):
            raise CannotEdit("was changed in the file since, and stays as it is there")
        raw = original.get("text")
        if raw is None:
            self._remove(text, at)
        else:
            text.restore(at, raw)
        del self.known[key]

    def _write_items(self, text: YamlText, at: KeyPath, key: str) -> None:
        found = text.find(at)
        if found not in (None, "") and not isinstance(found, list):
            raise CannotEdit("is no list in the file")
        current = list(found or ())
        earlier = self.known.get(key)
        own = earlier.get("items", []) if isinstance(earlier, dict) else current
        before, after = (as_read(units.get(at, [])) or [] for units in (self.low, self.high))
        gone = [item for item in before if item not in after and item not in own]
        new = [item for item in after if item not in before and item not in current]
        if new:
            self._write(text, at, lambda: text.add_items(at, new))
        if gone and all(item in gone for item in text.find(at) or ()):
            self._remove(text, at)
        else:
            text.remove_items(at, gone)
        if after:
            self.known[key] = {"items": own}
        else:
            self.known.pop(key, None)

    def _write(self, text: YamlText, at: KeyPath, change: Callable[[], None]) -> None:
        """``change`` what is at ``at``; if that fills something empty of the team's, keep how it
        is written."""
        empty = _empty_above(text, at)
        raw = text.raw_empty(empty) if empty else None
        change()
        if raw is not None:
            self.known.setdefault(EMPTY + _key(self.brand, empty), {"text": raw})

    def _remove(self, text: YamlText, at: KeyPath) -> None:
        """Remove what is at ``at``, and mappings that would be empty, unless they are the
        team's."""
        for depth in range(len(at), 0, -1):
            kept = self.known.get(EMPTY + _key(self.brand, at[:depth]))
            if isinstance(kept, dict) and not without(
                {"": text.find(at[:depth])}, ("", *at[depth:])
            ):
                text.restore(at[:depth], str(kept["text"]))
                del self.known[EMPTY + _key(self.brand, at[:depth])]
                return
        text.remove(at)


def _empty_above(text: YamlText, at: KeyPath) -> KeyPath:
    """The path of the team's empty value, mapping or list that ``at`` is to fill; else ()."""
    for depth in range(len(at), 0, -1):
        if text.raw(at[:depth]) is not None:
            return () if text.find(at[:depth]) else at[:depth]
    return ()


def _brands(tree: Tree) -> Iterator[str]:
    brands = tree.get("brands")
    yield from brands if isinstance(brands, Mapping) else ()


def _key(brand: str, at: KeyPath) -> str:
    return ".".join((*(("brands", brand) if brand else ()), *at))


def _by_file(files: Sequence[Path], paths: Sequence[KeyPath]) -> dict[Path, list[KeyPath]]:
    """The file to write each path into."""
    trees: list[tuple[Path, Any]] = []
    for file in files:
        try:
            trees.append((file, YamlText(file.read_text("utf-8"), file.name).tree))
        except (CannotEdit, OSError, UnicodeDecodeError):
            trees.append((file, {}))
    chosen: dict[Path, list[KeyPath]] = {}
    for at in paths:
        file, _ = max(trees, key=lambda each: _depth_in(each[1], at))
        chosen.setdefault(file, []).append(at)
    return chosen


def _depth_in(tree: Any, at: KeyPath) -> int:
    """How many keys of the path are in the tree."""
    depth = 0
    for key in at:
        if not isinstance(tree, Mapping) or key not in tree:
            break
        tree, depth = tree[key], depth + 1
    return depth
