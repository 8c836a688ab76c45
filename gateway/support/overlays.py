"""Overlays: partial trees that are laid over the trees of the team's own files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from gateway.model import KeyPath, OverlayProblem
from gateway.settings import Problem, YamlLines, validate

M = TypeVar("M", bound=BaseModel)

Tree = Mapping[str, Any]
"""A YAML file, or a part of one, as JSON."""


def lay_over(low: Tree, high: Tree) -> dict[str, Any]:
    """``high`` over ``low``: mappings are joined key by key, anything else is replaced."""
    joined = dict(low)
    for key, value in high.items():
        below = joined.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            joined[key] = lay_over(below, value)
        else:
            joined[key] = value
    return joined


def validated_part(
    model: type[M], part: object, key: str
) -> tuple[M | None, tuple[OverlayProblem, ...]]:
    """``part``, what an overlay has at ``key``, as a ``model``; or what is wrong with it."""
    if not isinstance(part, Mapping):
        what = "must be a mapping; write `name: value` below it"
        return None, (OverlayProblem(key=key, message=what),)
    problems: list[Problem] = []
    found = validate(model, part, key, YamlLines(key), problems, missing="is missing; add it")
    return found, tuple(OverlayProblem(key=each.key, message=each.message) for each in problems)


def value_at(tree: Any, at: KeyPath) -> Any:
    """What ``tree`` has at ``at``; None when it has nothing there."""
    for key in at:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def split_brand(at: KeyPath) -> tuple[str, KeyPath]:
    """The brand of a path, empty for all others, and the path within its part."""
    return (at[1], at[2:]) if len(at) > 1 and at[0] == "brands" else ("", at)


def brand_part(tree: Tree, brand: str) -> Tree:
    """The part of an overlay's tree for ``brand``; for all others when it is empty."""
    if not brand:
        return {key: part for key, part in tree.items() if key != "brands"}
    brands = tree.get("brands")
    part = brands.get(brand) if isinstance(brands, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def of_brand(problem: OverlayProblem, brand: str) -> OverlayProblem:
    """A problem of the part for ``brand`` as one of the whole tree."""
    return problem.replace(key=f"brands.{brand}.{problem.key}") if brand else problem


def unknown_brands(tree: Tree, known: Collection[str], what: str) -> Iterator[OverlayProblem]:
    """A problem ``what`` for each brand of ``tree`` that is not ``known``."""
    brands = tree.get("brands", {})
    if not isinstance(brands, Mapping):
        yield OverlayProblem(key="brands", message="must be a mapping; write the brand's name")
        return
    for name, part in brands.items():
        if name not in known:
            yield OverlayProblem(key=f"brands.{name}", message=what)
        elif not isinstance(part, Mapping):
            what = "must be a mapping; write `name: value` below it"
            yield OverlayProblem(key=f"brands.{name}", message=what)


def leaves(tree: Tree, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Each value that is no mapping, and each empty mapping, with its path."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key), value


def without(tree: Tree, at: KeyPath) -> dict[str, Any]:
    """``tree`` without what is at ``at``, and without mappings that become empty by it."""
    if not at or at[0] not in tree:
        return dict(tree)
    rest = {key: value for key, value in tree.items() if key != at[0]}
    below = tree[at[0]]
    if len(at) == 1:
        return rest
    if not isinstance(below, Mapping):
        return dict(tree)
    smaller = without(below, at[1:])
    return {key: smaller if key == at[0] else value for key, value in tree.items()
            if key != at[0] or smaller}  # fmt: skip


def fitting_part(
    tree: Tree, check: Callable[[Tree], Sequence[OverlayProblem]]
) -> tuple[Tree, tuple[OverlayProblem, ...]]:
    """The part of ``tree`` that ``check`` finds no problem with, and the problems of the rest.

    What a problem's key names is left out, and ``check`` looks again. A problem whose key is not in
    the tree cannot be removed like that: then everything is left out.
    """
    problems: dict[OverlayProblem, None] = {}
    while tree and (found := check(tree)):
        problems |= dict.fromkeys(found)
        keys = [problem.key for problem in found]
        bad = [at for at, _ in leaves(tree) if any(_concerns(key, at) for key in keys)]
        for at in bad:
            tree = without(tree, at)
        if not bad:
            return {}, tuple(problems)
    return tree, tuple(problems)


def _concerns(key: str, at: KeyPath) -> bool:
    """Whether a problem at ``key`` is one of the value at ``at``, of a part of it or of what it is
    a part of."""
    leaf = ".".join(at)
    return not key or leaf == key or leaf.startswith(f"{key}.") or key.startswith(f"{leaf}.")
