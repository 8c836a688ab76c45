"""What changes make of an overlay, and how two overlays differ. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.model import (
    AddExamples,
    AddItems,
    AdoptedChange,
    AdoptedExample,
    ExampleText,
    KeyPath,
    Overlay,
    OverlayDifference,
    OverlayProblem,
    RemoveAdopted,
    RemoveExamples,
    SetValue,
    Value,
)
from gateway.support.overlays import Tree, leaves, without

LONGEST_EXAMPLE = 1000
"""Characters of an example; a customer's message that is longer shows no single intent."""
MOST_EXAMPLES = 10_000
"""Examples of one version."""
LONGEST_TREE = 1_000_000
"""Bytes of an overlay's tree, as JSON: the largest guide file that is read."""
DEEPEST = 20
"""Levels of an overlay's tree."""
INTENT_LENGTH = 100


class ChangedOverlay(Value, frozen=True, kw_only=True):
    """An overlay after changes, before it is stored: ``added`` are new examples, each with its
    intent."""

    tree: Tree
    examples: tuple[AdoptedExample, ...]
    added: tuple[tuple[str, ExampleText], ...] = ()

    def as_overlay(self, before: Overlay) -> Overlay:
        """The same as an `Overlay`, with ids below zero for the examples that have none yet."""
        new = [
            AdoptedExample(id=-id, intent=intent, text=text.text, conversation=text.conversation)
            for id, (intent, text) in enumerate(self.added, 1)
        ]
        return before.replace(tree=self.tree, examples=(*self.examples, *new))


def changed_overlay(
    before: Overlay, changes: Sequence[AdoptedChange]
) -> tuple[ChangedOverlay, tuple[OverlayProblem, ...]]:
    """``before`` with ``changes``, in their order, and what is wrong with the changes."""
    after = ChangedOverlay(tree=before.tree, examples=before.examples)
    problems: list[OverlayProblem] = []
    for change in changes:
        try:
            after = _with_change(after, change, before)
        except _UnfitChange as unfit:
            problems.append(unfit.problem)
    if len(after.examples) + len(after.added) > MOST_EXAMPLES:
        what = f"would be more than {MOST_EXAMPLES}; write some into the team's files instead"
        problems.append(OverlayProblem(key="examples", message=what))
    same = after.tree == before.tree and after.examples == before.examples and not after.added
    if same and not problems:
        what = "the changes are in force already; there is nothing to adopt"
        problems.append(OverlayProblem(key="", message=what))
    return after, tuple(problems)


class _UnfitChange(Exception):
    """A change that no overlay can have."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.problem = OverlayProblem(key=key, message=message)


def _with_change(after: ChangedOverlay, change: AdoptedChange, before: Overlay) -> ChangedOverlay:
    match change:
        case SetValue(at=at, value=value):
            _check_value(at, value)
            if isinstance(value, Mapping) and not value:
                raise _UnfitChange(".".join(at), "is empty; name what is to change")
            return after.replace(tree=_with_value(after.tree, _checked(at), value))
        case AddItems(at=at) if before.kind != "guide":
            what = f"a list of `{before.kind}` is replaced as a whole; write all of it (SetValue)"
            raise _UnfitChange(".".join(at), what)
        case AddItems(at=at, items=items):
            _check_value(at, list(items))
            return after.replace(tree=_with_items(after.tree, _checked(at), items))
        case RemoveAdopted(at=at, items=items):
            return after.replace(tree=_without_items(after.tree, _checked(at), items))
        case AddExamples() | RemoveExamples() if before.kind != "answers":
            what = f"a version of `{before.kind}` has no examples; adopt them with `answers`"
            raise _UnfitChange("examples", what)
        case AddExamples():
            return _with_examples(after, change)
        case RemoveExamples(ids=ids):
            known = {example.id for example in after.examples}
            if missing := sorted(set(ids) - known):
                what = f"there is no adopted example {missing[0]} (any more); leave it out"
                raise _UnfitChange("examples", what)
            left = tuple(example for example in after.examples if example.id not in ids)
            return after.replace(examples=left)


# -- the tree --------------------------------------------------------------------------------------


def _checked(at: KeyPath) -> KeyPath:
    if not at or len(at) > DEEPEST or not all(isinstance(key, str) and key for key in at):
        what = f"a path has 1 to {DEEPEST} keys, none of them empty; correct it"
        raise _UnfitChange(".".join(map(str, at)), what)
    return at


def _check_value(at: KeyPath, value: object, depth: int = 0) -> None:
    """Only what JSON can hold may be in an overlay. Raises _UnfitChange."""
    key = ".".join(at)
    if depth > DEEPEST:
        raise _UnfitChange(key, f"is nested deeper than {DEEPEST} levels; write it flatter")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str) or not name:
                raise _UnfitChange(key, f"has a key that is no text ({name!r}); write a text")
            _check_value((*at, name), inner, depth + 1)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check_value((*at, str(index)), inner, depth + 1)
    elif isinstance(value, str):
        _check_text(key, value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise _UnfitChange(key, "is no finite number; write one")
    elif not isinstance(value, str | int | float | bool | None):
        raise _UnfitChange(key, f"is a {type(value).__name__}, which a file cannot hold; change it")


def _check_text(key: str, text: str) -> None:
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise _UnfitChange(key, "has characters that cannot be stored; take them out")


def _with_value(tree: Tree, at: KeyPath, value: object, done: KeyPath = ()) -> dict[str, Any]:
    key, *rest = at
    if not rest:
        return {**tree, key: _plain(value)}
    below = tree.get(key, {})
    if not isinstance(below, Mapping):
        path = ".".join((*done, key))
        raise _UnfitChange(path, "is adopted as a single value; take it away first")
    return {**tree, key: _with_value(below, tuple(rest), value, (*done, key))}


def _plain(value: Any) -> Any:
    """``value`` as JSON would read it back."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _found(tree: Tree, at: KeyPath) -> Any:
    """What ``tree`` has at ``at``. Raises KeyError."""
    found: Any = tree
    for key in at:
        if not isinstance(found, Mapping):
            raise KeyError(key)
        found = found[key]
    return found


def _with_items(tree: Tree, at: KeyPath, items: Iterable[object]) -> dict[str, Any]:
    try:
        known = _found(tree, at)
    except KeyError:
        known = []
    if not isinstance(known, list):
        raise _UnfitChange(".".join(at), "is adopted as a value, not a list; take it away first")
    new = [item for item in _plain(list(items)) if item not in known]
    return _with_value(tree, at, [*known, *new]) if new else dict(tree)


def _without_items(tree: Tree, at: KeyPath, items: Sequence[object]) -> dict[str, Any]:
    key = ".".join(at)
    try:
        known = _found(tree, at)
    except KeyError:
        what = "nothing is adopted here; only what was adopted can be taken away"
        raise _UnfitChange(key, what) from None
    if not items:
        return without(tree, at)
    gone = _plain(list(items))
    if not isinstance(known, list) or any(item not in known for item in gone):
        raise _UnfitChange(key, "has not all of these items adopted; leave the others out")
    left = [item for item in known if item not in gone]
    return _with_value(tree, at, left) if left else without(tree, at)


# -- examples --------------------------------------------------------------------------------------


def _with_examples(after: ChangedOverlay, change: AddExamples) -> ChangedOverlay:
    intent = change.intent.strip()
    key = f"examples.{intent}"
    if not intent or len(intent) > INTENT_LENGTH or any(map(str.isspace, intent)):
        what = f"an intent's name has 1 to {INTENT_LENGTH} characters and no spaces; correct it"
        raise _UnfitChange(key, what)
    _check_text(key, intent)
    known = {(each.intent, each.text) for each in after.examples}
    known |= {(name, each.text) for name, each in after.added}
    added = list(after.added)
    for example in change.examples:
        text = " ".join(example.text.split())
        _check_text(key, text)
        if not text or len(text) > LONGEST_EXAMPLE:
            raise _UnfitChange(key, f"an example has 1 to {LONGEST_EXAMPLE} characters; shorten it")
        if (intent, text) not in known:
            known.add((intent, text))
            added.append((intent, example.replace(text=text)))
    return after.replace(added=tuple(added))


# -- differences -----------------------------------------------------------------------------------


def overlay_differences(before: Overlay, after: Overlay) -> Iterator[OverlayDifference]:
    """What differs between two overlays, by key; examples come last."""
    low, high = (
        {".".join(at): value for at, value in leaves(overlay.tree)} for overlay in (before, after)
    )
    for key in dict.fromkeys([*low, *high]):
        if key not in low:
            yield OverlayDifference(key=key, change="added", after=high[key])
        elif key not in high:
            yield OverlayDifference(key=key, change="removed", before=low[key])
        elif low[key] != high[key]:
            yield OverlayDifference(key=key, change="changed", before=low[key], after=high[key])
    old, new = ({each.id: each for each in overlay.examples} for overlay in (before, after))
    for id in sorted(old.keys() - new.keys()):
        each = old[id]
        key = f"examples.{each.intent}"
        yield OverlayDifference(key=key, change="removed", before=each.text)
    for id in sorted(new.keys() - old.keys()):
        each = new[id]
        yield OverlayDifference(key=f"examples.{each.intent}", change="added", after=each.text)
