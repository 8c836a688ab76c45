"""Changes single values in YAML files that people keep, and nothing else in them.

A library that writes whole files again (ruamel.yaml) keeps comments, but not the layout: one
changed answer would show as a change of half the file. Here only the characters of the changed
value are replaced. The result is read again and compared, and refused if anything else has changed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.model import KeyPath
from gateway.ports import WarmlineError
from gateway.settings import BadConfig, compose_yaml


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

    def remove(self, at: KeyPath) -> None:
        """Remove what is at ``at``, and mappings that would be empty. Raises CannotEdit."""
        known, parents = self._path_to(at)
        if len(known) < len(at):
            raise CannotEdit(f"{self._name}: there is no `{'.'.join(at)}`")
        while len(parents) > 1 and len(parents[-1][0].value) == 1:
            parents = parents[:-1]
        mapping, key, old = parents[-1]
        expected = _without(self.tree, at[: len(parents)])
        if self._is_flow(mapping) or len(mapping.value) == 1:
            self._remove_from_flow(mapping, key, old, expected)
            return
        start = self.text.rfind("\n", 0, key.start_mark.index) + 1
        end = self._line_end(self._end(old)) + 1
        self._accept(self.text[:start] + self.text[end:], expected)

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

    def _inserted(self, parents: list[_Place], key: str, value: Any) -> str:
        mapping = parents[-1][2] if parents else self._root
        if not isinstance(mapping, yaml.MappingNode) or not mapping.value:
            if parents:  # an empty value: write the mapping in its place
                above, above_key, old = parents[-1]
                return self._replaced(above, above_key, old, {key: value})
            return (
                self.text.rstrip("\n") + ("\n" if self.text.strip() else "") + _dumped({key: value})
            )
        if mapping.flow_style:
            brace = mapping.end_mark.index - 1
            new = f", {_flow({key: value})[1:-1]}"
            return str(self.text[:brace].rstrip() + new + self.text[brace:])
        last_key, last = mapping.value[-1]
        at = self._line_end(self._end(last))
        indent = last_key.start_mark.column
        line = "\n" + " " * indent + _flow_key(key) + ":" + _block(value, indent)
        return str(self.text[:at] + line + self.text[at:])

    def _remove_from_flow(
        self, mapping: yaml.MappingNode, key: yaml.Node, old: yaml.Node, expected: Any
    ) -> None:
        """A flow mapping is written again without the key; a file with one key becomes empty."""
        if not self._is_flow(mapping):
            self._accept(self.text[: key.start_mark.index] + self.text[self._end(old) :], expected)
            return
        left = {
            k.value: _tree(v)
            for k, v in mapping.value
            if k.start_mark.index != key.start_mark.index
        }
        start, end = mapping.start_mark.index, mapping.end_mark.index
        self._accept(self.text[:start] + _flow(left) + self.text[end:], expected)

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
    text = target.read_bytes().decode("utf-8") if target.exists() else ""
    edited = YamlText(text, path.name)
    change(edited)
    if edited.text == text:
        return False
    replace_text(target, edited.text)
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
