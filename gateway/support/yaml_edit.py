"""Changes single values in YAML files that people keep, and nothing else in them.

A library that writes whole files again (ruamel.yaml) keeps comments, but not the layout: one
changed answer would show as a change of half the file. Here only the characters of the changed
value are replaced. The result is read again and compared, and refused if anything else has changed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gateway.model import KeyPath
from gateway.ports import WarmlineError
from gateway.settings import BadConfig, compose_yaml

_BYTE_ORDER_MARK = "\ufeff"
"""Some editors begin a file with it; it is no part of the text."""


class CannotEdit(WarmlineError):
    """The value cannot be changed in place. The message says why."""


class YamlText:
    """The text of a YAML file, in which values can be set and removed.

    Every scalar is read as text. A path names keys of mappings. Raises CannotEdit for a text that
    is not YAML.
    """

    def __init__(self, text: str, name: str = "file") -> None:
        self.text, self._name = text, name
        self._read()

    def find(self, at: KeyPath) -> Any:
        """The value at ``at``; None when there is none."""
        found = self.tree
        for key in at:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def raw(self, at: KeyPath) -> str | None:
        """How the value at ``at`` is written, for `restore`; None when there is none."""
        known, parents = self._path_to(at)
        if known != at:
            return None
        _, key, old = parents[-1]
        colon = self.text.index(":", key.end_mark.index) + 1
        return str(self.text[colon : max(self._end(old), colon)])

    def raw_empty(self, at: KeyPath) -> str | None:
        """How the empty value at ``at`` is written, with the comment beside it: that stays beside
        the key when the value is filled. None when it is not empty or there is none."""
        raw, (_, parents) = self.raw(at), self._path_to(at)
        if raw is None or self.find(at):
            return None
        mapping, key, old = parents[-1]
        if self._is_flow(mapping):
            return raw
        end = max(self._end(old), self.text.index(":", key.end_mark.index) + 1)
        return raw + self.text[end : self._line_end(end)].rstrip("\r")

    def restore(self, at: KeyPath, raw: str) -> None:
        """Write the value at ``at`` again as it was written (see `raw`). Raises CannotEdit."""
        known, parents = self._path_to(at)
        if known != at:
            raise CannotEdit(f"{self._name}: there is no `{'.'.join(at)}`")
        _, key, old = parents[-1]
        colon = self.text.index(":", key.end_mark.index) + 1
        new = self.text[:colon] + raw + self.text[max(self._end(old), colon) :]
        value = YamlText(f"x:{raw}", self._name).tree["x"]
        self._accept(new, _with(self.tree, at, value))

    def set(self, at: KeyPath, value: Any) -> None:
        """Write ``value`` at ``at``, with the mappings above it where they are missing. Raises
        CannotEdit."""
        known, parents = self._path_to(at)
        missing = at[len(known) :]
        expected = _with(self.tree, at, as_read(value))
        if not missing:
            mapping, key, old = parents[-1]
            new = self._replaced(mapping, key, old, value)
        else:
            for name in reversed(missing[1:]):
                value = {name: value}
            new = self._inserted(parents, missing[0], value)
        self._accept(new, expected)

    def add_items(self, at: KeyPath, items: Sequence[Any]) -> None:
        """Write ``items`` below those of the list at ``at``; a missing list is made. Raises
        CannotEdit."""
        for item in items:
            node = self._node(at)
            if not self.find(at):
                self._begin_list(at, item)
                continue
            if not isinstance(node, yaml.SequenceNode):
                raise CannotEdit(f"{self._name}: `{'.'.join(at)}` is no list")
            end = self._end(node.value[-1])
            if node.flow_style:
                new = self.text[:end] + f", {_flow(item)}" + self.text[end:]
            else:
                dash = " " * node.start_mark.column + "-"
                line_end = self._line_end(end)
                lines = self._newline + dash + _item(item, node.start_mark.column, self._newline)
                new = self.text[:line_end] + lines + self.text[line_end:]
            self._accept(new, _with(self.tree, at, [*self.find(at), as_read(item)]))

    def remove_items(self, at: KeyPath, items: Sequence[Any]) -> None:
        """Remove ``items`` from the list at ``at``, each where it stands last, and the list with
        its last item. Raises CannotEdit."""
        for item in map(as_read, items):
            node, found = self._node(at), self.find(at)
            if not isinstance(node, yaml.SequenceNode) or item not in found:
                continue
            index = len(found) - 1 - found[::-1].index(item)
            left = [*found[:index], *found[index + 1 :]]
            if not left:
                self.remove(at)
                continue
            self._accept(self._without_item(node, index), _with(self.tree, at, left))

    def remove(self, at: KeyPath) -> None:
        """Remove what is at ``at``, and mappings that would be empty. Raises CannotEdit."""
        known, parents = self._path_to(at)
        if len(known) < len(at):
            raise CannotEdit(f"{self._name}: there is no `{'.'.join(at)}`")
        while len(parents) > 1 and len(parents[-1][0].value) == 1:
            parents = parents[:-1]
        mapping, key, old = parents[-1]
        expected = _without(self.tree, at[: len(parents)])
        if self._is_flow(mapping):
            index = next(n for n, (each, _) in enumerate(mapping.value) if each is key)
            spans = [(k.start_mark.index, self._end(v)) for k, v in mapping.value]
            self._accept(self._without_span(spans, index), expected)
            return
        self._accept(self._without_lines(key.start_mark.index, self._end(old)), expected)

    # -- how it is written

    def _replaced(
        self, mapping: yaml.MappingNode, key: yaml.Node, old: yaml.Node, value: Any
    ) -> str:
        colon = self.text.index(":", key.end_mark.index) + 1
        end = max(self._end(old), colon)
        in_flow = isinstance(old, yaml.CollectionNode) and bool(old.flow_style) and old.value
        if self._is_flow(mapping) or in_flow:
            return self.text[:colon] + " " + _flow(value) + self.text[end:]
        return self.text[:colon] + _block(value, key.start_mark.column) + self.text[end:]

    def _begin_list(self, at: KeyPath, item: Any) -> None:
        known, parents = self._path_to(at)
        if known == at:
            self._accept(self._filled(*parents[-1], [item]), _with(self.tree, at, as_read([item])))
        else:
            self.set(at, [item])

    def _filled(self, mapping: yaml.MappingNode, key: yaml.Node, old: yaml.Node, value: Any) -> str:
        """The text with ``value`` in the place of an empty one; its comment stays beside the
        key."""
        if self._is_flow(mapping):
            return self._replaced(mapping, key, old, value)
        colon = self.text.index(":", key.end_mark.index) + 1
        end = max(self._end(old), colon)
        line_end = self._line_end(end)
        comment = self.text[end:line_end].rstrip("\r")
        block = _block(value, key.start_mark.column).replace("\n", self._newline)
        return self.text[:colon] + comment + block + self.text[end + len(comment) :]

    def _inserted(self, parents: list[_Place], key: str, value: Any) -> str:
        mapping = parents[-1][2] if parents else self._root
        if not isinstance(mapping, yaml.MappingNode) or not mapping.value:
            if parents:  # an empty value: write the mapping in its place
                above, above_key, old = parents[-1]
                return self._filled(above, above_key, old, {key: value})
            return (
                self.text.rstrip("\n") + ("\n" if self.text.strip() else "") + _dumped({key: value})
            )
        if mapping.flow_style:
            end = self._end(mapping.value[-1][1])
            return self.text[:end] + f", {_flow({key: value})[1:-1]}" + self.text[end:]
        last_key, last = mapping.value[-1]
        at = self._line_end(self._end(last))
        indent = last_key.start_mark.column
        line = "\n" + " " * indent + _flow_key(key) + ":" + _block(value, indent)
        return str(self.text[:at] + line + self.text[at:])

    def _without_item(self, node: yaml.SequenceNode, index: int) -> str:
        """The text without one of several items of a list."""
        if node.flow_style:
            spans = [(each.start_mark.index, self._end(each)) for each in node.value]
            return self._without_span(spans, index)
        item = node.value[index]
        dash = self.text.rindex("-", 0, item.start_mark.index + 1)
        return self._without_lines(dash, self._end(item))

    def _without_lines(self, start: int, end: int) -> str:
        """The text without the lines from ``start`` to ``end``."""
        start, end = self.text.rfind("\n", 0, start) + 1, self._line_end(end) + 1
        if end > len(self.text):  # the file's last line has no end, and so has the new one
            start = max(start - len(self._newline), 0)
        return self.text[:start] + self.text[end:]

    def _without_span(self, spans: Sequence[tuple[int, int]], index: int) -> str:
        """The text without one part of a flow collection, and without one comma."""
        start, end = spans[index]
        if index:
            start = spans[index - 1][1]
        elif len(spans) > 1:
            end = spans[1][0]
        return self.text[:start] + self.text[end:]

    # -- where it is

    def _read(self) -> None:
        try:
            compose_yaml(self.text, self._name)
        except BadConfig as error:
            raise CannotEdit(str(error)) from None
        self._root = yaml.compose(self.text, Loader=yaml.CBaseLoader)
        self.tree: Any = {} if self._root is None else _tree(self._root)
        if not isinstance(self.tree, Mapping):
            raise CannotEdit(f"{self._name}: must be a mapping; write `key: value`")

    def _path_to(self, at: KeyPath) -> tuple[KeyPath, list[_Place]]:
        """As much of the path as exists, and each of its mappings with the key and the value."""
        node: yaml.Node | None = self._root
        known: KeyPath = ()
        places: list[_Place] = []
        for name in at:
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            found = next(((k, v) for k, v in pairs if k.value == name), None)
            if found is None:
                if isinstance(node, yaml.ScalarNode) and node.value:
                    raise CannotEdit(f"{self._name}: `{'.'.join(known)}` is a single value")
                if isinstance(node, yaml.SequenceNode):
                    raise CannotEdit(f"{self._name}: `{'.'.join(known)}` is a list")
                break
            if isinstance(node, yaml.MappingNode):
                places.append((node, *found))
            node, known = found[1], (*known, name)
        return known, places

    def _node(self, at: KeyPath) -> yaml.Node | None:
        known, parents = self._path_to(at)
        return parents[-1][2] if known == at else None

    @property
    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def _is_flow(self, mapping: yaml.MappingNode) -> bool:
        return bool(mapping.flow_style)

    def _end(self, node: yaml.Node) -> int:
        """Where the text of a value ends, without what follows it: comments and empty lines."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        start, end = node.start_mark.index, node.end_mark.index
        return start + len(self.text[start:end].rstrip())

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def _accept(self, text: str, expected: Any) -> None:
        """Take ``text`` if it reads as ``expected``."""
        before = self.text
        self.text = text
        try:
            self._read()
        except CannotEdit:
            self.tree = None
        if self.tree != expected:
            self.text = before
            self._read()
            raise CannotEdit(f"{self._name} is written so that this cannot be changed in place")


_Place = tuple[yaml.MappingNode, yaml.Node, yaml.Node]


def edit_yaml(path: Path, change: Callable[[YamlText], None]) -> bool:
    """Apply ``change`` to the file at ``path``, which is replaced at once or not at all. A missing
    file counts as an empty one. Returns whether it is another text now. Raises CannotEdit and
    OSError."""
    target = path.resolve()
    whole = target.read_bytes().decode("utf-8") if target.exists() else ""
    text = whole.removeprefix(_BYTE_ORDER_MARK)
    edited = YamlText(text, path.name)
    change(edited)
    if edited.text == text:
        return False
    replace_text(target, whole[: len(whole) - len(text)] + edited.text)
    return True


def replace_text(target: Path, text: str) -> None:
    """Write ``text`` into a file at once or not at all; its mode stays."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, name)
        else:
            Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _tree(node: yaml.Node) -> Any:
    """The value of a node, every scalar as text; merge keys (``<<``) are not applied."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: _tree(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_tree(item) for item in node.value]
    return node.value


def as_read(value: Any) -> Any:
    """``value`` as it is read from the file again."""
    node = yaml.compose(_dumped(value), Loader=yaml.CBaseLoader)
    return _tree(node) if node is not None else ""


def _with(tree: Any, at: KeyPath, value: Any) -> dict[str, Any]:
    below = tree if isinstance(tree, Mapping) else {}
    inner = value if len(at) == 1 else _with(below.get(at[0]), at[1:], value)
    return {**below, at[0]: inner}


def _without(tree: Mapping[str, Any], at: KeyPath) -> dict[str, Any]:
    if len(at) == 1:
        return {key: value for key, value in tree.items() if key != at[0]}
    return {**tree, at[0]: _without(tree[at[0]], at[1:])}


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their key, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def _dumped(value: Any, **style: Any) -> str:
    given = {"allow_unicode": True, "width": 1_000_000, "sort_keys": False, **style}
    return str(yaml.dump(value, Dumper=_Dumper, **given))


def _flow(value: Any) -> str:
    return _dumped(value, default_flow_style=True).removesuffix("\n...\n").rstrip("\n")


def _flow_key(key: str) -> str:
    return _flow({key: 0})[1:].rpartition(":")[0]


def _block(value: Any, indent: int) -> str:
    """What follows the colon of a key at ``indent``."""
    if not isinstance(value, Mapping | list | tuple) or not value:
        return " " + _flow(value)
    lines = _dumped(value, default_flow_style=False).rstrip("\n").split("\n")
    inner = "\n" + " " * (indent + 2)
    return inner + inner.join(lines)


def _item(value: Any, indent: int, newline: str) -> str:
    """What follows the dash of an item of a list at ``indent``."""
    if not isinstance(value, Mapping | list | tuple) or not value:
        return " " + _flow(value)
    lines = _dumped(value, default_flow_style=False).rstrip("\n").split("\n")
    return " " + (newline + " " * (indent + 2)).join(lines)
