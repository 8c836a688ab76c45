"""Reads a guide file, merges it over the packaged guide, and reports all its mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from brand_voice.guide import Guide
from gateway import (
    BadConfig,
    FileWatcher,
    OverlayFiles,
    OverlayProblem,
    Problem,
    brand_part,
    fitting_part,
    of_brand,
    read_yaml,
    unknown_brands,
    validation_mistakes,
)

LARGEST = 1_000_000
"""The largest guide file, in bytes."""

_PACKAGED = Path(__file__).with_name("guide.yaml")
_ADDED = re.compile(
    r"lexicon\.(?:avoid\.[^.]+\.phrases\.\w+|allow|acronyms|use\.\w+\.[^.]+)\Z|customers\.\w+\.\w+\Z"
)


class _GuideLoader(yaml.CSafeLoader):
    """YAML in which only ``true`` and ``false`` are booleans: ``no`` is a word, and Norwegian."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (PyYAML defines it so)
        first: [
            (tag, re.compile(r"(?:true|false)\Z") if tag.endswith(":bool") else pattern)
            for tag, pattern in resolvers
            if not tag.endswith(":timestamp")
        ]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def load(path: Path | None) -> Guide:
    """The guide at ``path`` merged over the packaged one; without ``path``, the packaged guide.

    Raises BadConfig with every problem of the file.
    """
    return Guide.model_validate(load_tree(path))


def load_tree(path: Path | None) -> dict[str, Any]:
    """As `load`, as a tree that `lay_over_guide` can change."""
    packaged, _ = read_yaml(_PACKAGED, _GuideLoader)
    if path is None:
        return packaged
    if path.is_file() and path.stat().st_size > LARGEST:
        raise _bad(path, 1, f"larger than {LARGEST} bytes; make it shorter")
    own, lines = read_yaml(path, _GuideLoader)
    for event in yaml.parse(path.read_text("utf-8"), Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise _bad(path, line, "aliases (*name) are not supported; write the value out")
    problems, tree = lines.repeated, _merge(packaged, own)
    problems += [lines.problem(key, message) for key, message in _mistakes(tree)]
    if problems:
        raise BadConfig(sorted(problems, key=lambda problem: problem.line))
    return cast(dict[str, Any], tree)


def lay_over_guide(
    tree: Mapping[str, Any], overlay: Mapping[str, Any]
) -> tuple[Guide, tuple[OverlayProblem, ...]]:
    """The guide that ``tree`` (see `load_tree`) is with ``overlay`` laid over it, as a file is laid
    over the packaged guide; and what of it does not fit, which is left out."""
    fitting, problems = fitting_part(overlay, partial(_overlay_problems, tree))
    return Guide.model_validate(_merge(tree, fitting)), problems


class GuideFiles:
    """The guides of a team: the ``shared`` file (None: the packaged guide alone), and those of
    ``brands`` that have their own. ``names`` are all brands. Raises BadConfig."""

    def __init__(
        self,
        shared: Path | None,
        brands: Mapping[str, Path] | None = None,
        names: Collection[str] = (),
    ) -> None:
        self._paths = {**({"": shared} if shared else {}), **(brands or {})}
        self._names = frozenset(names)
        self._watcher = FileWatcher(self._paths.values())
        self._trees = self._read()
        self.files = OverlayFiles(
            lambda brand: [path for name, path in self._paths.items() if name == brand],
            joins=lambda at: bool(_ADDED.match(".".join(at))),
        )

    def read_again(self) -> tuple[OverlayProblem, ...]:
        """Read the files if they have changed. With a mistake in one, what was read before
        stays."""
        if not self._watcher.changed():
            return ()
        try:
            self._trees = self._read()
        except BadConfig as error:
            what = f"the file has mistakes: {error.problems[0]}; correct it"
            return (OverlayProblem(key="", message=what),)
        return ()

    def _read(self) -> dict[str, dict[str, Any]]:
        return {"": load_tree(None)} | {name: load_tree(path) for name, path in self._paths.items()}

    def overlaid(
        self, tree: Mapping[str, Any]
    ) -> tuple[dict[str, Guide], tuple[OverlayProblem, ...]]:
        """The guides by brand, the shared one as "", with ``tree`` (see `gateway.Overlay`) laid
        over them; and what does not fit. What is for all lies over every brand's guide, too."""
        what = "there is no such brand; see `brands` in the settings"
        problems = [*unknown_brands(tree, self._names, what)]
        shared = brand_part(tree, "")
        guide, found = lay_over_guide(self._trees[""], shared)
        guides, problems = {"": guide}, [*problems, *found]
        for brand in sorted(self._names):
            own = brand_part(tree, brand)
            if own or brand in self._trees:
                base = self._trees.get(brand, self._trees[""])
                fitting, _ = fitting_part(shared, partial(_overlay_problems, base))
                below = _merge(base, fitting)
                guides[brand], found = lay_over_guide(below, own)
                problems += [of_brand(problem, brand) for problem in found]
        return guides, tuple(problems)


def _overlay_problems(tree: Mapping[str, Any], overlay: Mapping[str, Any]) -> list[OverlayProblem]:
    mistakes = _mistakes(_merge(tree, overlay))
    return [OverlayProblem(key=key, message=message) for key, message in mistakes]


def _mistakes(tree: Any) -> list[tuple[str, str]]:
    """The key and the message of each mistake in a guide's tree."""
    try:
        Guide.model_validate(tree)
    except ValidationError as error:
        return list(validation_mistakes(Guide, tree, error, missing="is required; add it"))
    return []


def check(path: Path) -> tuple[str, ...]:
    """Every problem of the guide at ``path``, each as ``file:line: key: what; what to do``."""
    try:
        load(path)
    except BadConfig as error:
        return tuple(str(problem) for problem in error.problems)
    return ()


def _merge(low: Any, high: Any, path: str = "") -> Any:
    """``high`` over ``low``: mappings are merged, lists of phrases are joined, the rest replaced.

    A joined list begins with the phrases of ``high``, so that an index in an error message is the
    index in the file.
    """
    if isinstance(low, Mapping) and isinstance(high, Mapping):
        merged = dict(low)
        for key, value in high.items():
            here = f"{path}.{key}" if path else str(key)
            merged[key] = _merge(low[key], value, here) if key in low else value
        return merged
    if isinstance(low, list) and isinstance(high, list) and _ADDED.match(path):
        return [*high, *low]
    return high


def _bad(path: Path, line: int, message: str) -> BadConfig:
    return BadConfig([Problem(file=str(path), line=line, key="", message=message)])
