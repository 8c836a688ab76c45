"""One YAML file, overlaid by the environment, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway.settings.core import CoreSettings, Settings
from gateway.settings.environment import (
    ENVIRONMENT,
    PREFIX,
    OverlaidSettings,
    from_env,
    variable,
    with_files,
)
from gateway.settings.problems import BadConfig, Problem, YamlLines, validate
from gateway.settings.yaml_reader import read_yaml

SECRET = frozenset({"data_key"})
"""Keys of the gateway's own that no file may hold."""
ADDRESSES = ("DATABASE_URL", "REDIS_URL")
"""Variables that are known by these names everywhere."""


class DeclaredSection(BaseModel):
    """A section that a guest declared."""

    name: str
    model: type[BaseModel]
    aliases: dict[str, str] = {}
    package: str = ""


def load(
    file: Path | None, declared: list[DeclaredSection], environ: Mapping[str, str] | None = None
) -> Settings:
    """Read ``file`` (None: the environment alone) and the environment.

    Raises BadConfig with every problem found, each naming file, line and key.
    """
    tree, lines = read_yaml(file) if file else ({}, YamlLines(ENVIRONMENT, {}))
    problems = _unknown(tree, declared, lines)
    env = _environment(os.environ if environ is None else environ, declared, problems)
    mine = from_env(CoreSettings, PREFIX, env)
    values = _merge(_core_values(tree, env), mine)
    core = validate(CoreSettings, values, "", OverlaidSettings(lines, "", mine, env), problems)
    sections: dict[type[BaseModel], BaseModel] = {}
    asleep: dict[str, str] = {}
    for one in declared:
        found = _section(one, tree, env, lines, problems)
        if isinstance(found, BaseModel):
            sections[one.model] = found
        else:
            asleep[one.name] = found
    if problems or core is None:
        raise BadConfig(problems)
    base = file.parent if file else Path()
    return Settings(core, sections, base=base, asleep=asleep)


def _environment(
    environ: Mapping[str, str], declared: list[DeclaredSection], problems: list[Problem]
) -> dict[str, str]:
    models: dict[str, type[BaseModel]] = {PREFIX: CoreSettings}
    models |= {variable(one.name) + "__": one.model for one in declared}
    others = {*ADDRESSES, *(name for one in declared for name in one.aliases)}
    return with_files(environ, models, others, problems)


def _core_values(tree: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    values = {k: v for k, v in tree.items() if k in CoreSettings.model_fields and k not in SECRET}
    values |= {name.lower(): env[name] for name in ADDRESSES if name in env}
    return values


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged: MutableMapping[str, Any] = dict(low)
    for key, value in high.items():
        under = merged.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            merged[key] = _merge(under, value)
        else:
            merged[key] = value
    return dict(merged)


def _unknown(
    tree: Mapping[str, Any], declared: list[DeclaredSection], lines: YamlLines
) -> list[Problem]:
    known = (set(CoreSettings.model_fields) - SECRET) | {
        one.name.partition(".")[0] for one in declared
    }
    known |= {"channels", "plugins"}
    problems = [
        lines.problem(
            key,
            f"is a secret; set {PREFIX}{key.upper()} or {PREFIX}{key.upper()}_FILE instead"
            if key in SECRET
            else f"unknown setting; known are {', '.join(sorted(known))}",
        )
        for key in tree
        if key not in known
    ]
    names = {one.name for one in declared}
    for group in ("channels", "plugins"):
        entries = tree.get(group) or {}
        if not isinstance(entries, dict):
            problems.append(lines.problem(group, "must be a mapping; write `name: {}` below it"))
            continue
        for name in entries:
            if f"{group}.{name}" not in names:
                message = "no installed package has this section; see `warmline plugins`"
                problems.append(lines.problem(f"{group}.{name}", message))
    return problems


def _section(
    one: DeclaredSection,
    tree: Mapping[str, Any],
    env: Mapping[str, str],
    lines: YamlLines,
    problems: list[Problem],
) -> BaseModel | str:
    """The validated section, or in words why it sleeps."""
    given: Any = tree
    for part in one.name.split("."):
        given = given.get(part, _ABSENT) if isinstance(given, dict) else _ABSENT
    prefix = variable(one.name) + "__"
    mine = from_env(one.model, prefix, env)
    named = any(name in env and name.startswith(prefix) for name in one.aliases)
    if given is False or (given is _ABSENT and not mine and not named):
        return "switched off" if given is False else f"`{one.name}` is not in the configuration"
    values = given if isinstance(given, dict) else {}
    aliased = {field: env[name] for name, field in one.aliases.items() if name in env}
    values = _merge(_merge(values, aliased), mine)
    if given == "auto":
        missing = _missing(one, values)
        if missing:
            return f"waits for {', '.join(missing)}"
    elif not isinstance(given, dict) and given not in (None, True, _ABSENT):
        problems.append(lines.problem(one.name, "must be a mapping, true, false or auto"))
    where = OverlaidSettings(lines, one.name, mine, env)
    return validate(one.model, values, one.name, where, problems) or "its settings are wrong"


def _missing(one: DeclaredSection, values: Mapping[str, Any]) -> list[str]:
    """What the section waits for: each field without a default, and one of each group in the
    model's ``ONE_OF``, where it has that."""
    short = {field: name for name, field in one.aliases.items()}
    prefix = variable(one.name) + "__"
    required = [(name,) for name, field in one.model.model_fields.items() if field.is_required()]
    return [
        " or ".join(short.get(name, prefix + name.upper()) for name in group)
        for group in (*required, *getattr(one.model, "ONE_OF", ()))
        if not any(name in values for name in group)
    ]


_ABSENT: Any = object()
