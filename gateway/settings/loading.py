"""Reads the settings: the YAML file, then the environment, which wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
"""Settings of the gateway that may come only from the environment."""
ADDRESSES = ("DATABASE_URL", "REDIS_URL")
"""Well-known variables without our prefix that are also read."""
_ABSENT: Any = object()


class DeclaredSection(BaseModel):
    """A section of the settings that a plugin declared."""

    name: str
    model: type[BaseModel]
    aliases: dict[str, str] = {}
    """Environment variable without our prefix -> field."""
    package: str = ""


def load(
    file: Path | None, declared: list[DeclaredSection], environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings from ``file`` (None: no file) and the environment.

    Raises BadConfig with every problem, each with file, line and key.
    """
    tree, lines = read_yaml(file) if file else ({}, YamlLines(ENVIRONMENT, {}))
    problems = _unknown_keys(tree, declared, lines)
    env = _environment(os.environ if environ is None else environ, declared, problems)
    from_variables = from_env(CoreSettings, PREFIX, env)
    values = _merge(_core_values(tree, env), from_variables)
    where = OverlaidSettings(lines, "", from_variables, env)
    core = validate(CoreSettings, values, "", where, problems)
    sections: dict[type[BaseModel], BaseModel] = {}
    asleep: dict[str, str] = {}
    for section in declared:
        found = _section(section, tree, env, lines, problems)
        if isinstance(found, BaseModel):
            sections[section.model] = found
        else:
            asleep[section.name] = found
    if problems or core is None:
        raise BadConfig(problems)
    return Settings(core, sections, base=file.parent if file else Path(), asleep=asleep)


def _environment(
    environ: Mapping[str, str], declared: list[DeclaredSection], problems: list[Problem]
) -> dict[str, str]:
    models: dict[str, type[BaseModel]] = {PREFIX: CoreSettings}
    models |= {variable(section.name) + "__": section.model for section in declared}
    others = {*ADDRESSES, *(name for section in declared for name in section.aliases)}
    return with_files(environ, models, others, problems)


def _core_values(tree: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    values = {k: v for k, v in tree.items() if k in CoreSettings.model_fields and k not in SECRET}
    return values | {name.lower(): env[name] for name in ADDRESSES if name in env}


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings; where both have a value, that of ``high``, or both merged if mappings."""
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            value = _merge(below, value)  # noqa: PLW2901
        merged[key] = value
    return merged


def _unknown_keys(
    tree: Mapping[str, Any], declared: list[DeclaredSection], lines: YamlLines
) -> list[Problem]:
    sections = {section.name for section in declared}
    known = (set(CoreSettings.model_fields) - SECRET) | {"channels", "plugins"}
    known |= {name.partition(".")[0] for name in sections}
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
    for group in ("channels", "plugins"):
        entries = tree.get(group) or {}
        if not isinstance(entries, dict):
            problems.append(lines.problem(group, "must be a mapping; write `name: {}` below it"))
            continue
        problems += [
            lines.problem(
                f"{group}.{name}", "no installed package has this section; see `warmline plugins`"
            )
            for name in entries
            if f"{group}.{name}" not in sections
        ]
    return problems


def _section(
    section: DeclaredSection,
    tree: Mapping[str, Any],
    env: Mapping[str, str],
    lines: YamlLines,
    problems: list[Problem],
) -> BaseModel | str:
    """The validated section, or why it is asleep."""
    given: Any = tree
    for part in section.name.split("."):
        given = given.get(part, _ABSENT) if isinstance(given, dict) else _ABSENT
    prefix = variable(section.name) + "__"
    from_variables = from_env(section.model, prefix, env)
    named = any(name in env and name.startswith(prefix) for name in section.aliases)
    if given is False:
        return "switched off"
    if given is _ABSENT and not from_variables and not named:
        return f"`{section.name}` is not in the configuration"
    values = given if isinstance(given, dict) else {}
    aliased = {field: env[name] for name, field in section.aliases.items() if name in env}
    values = _merge(_merge(values, aliased), from_variables)
    if given == "auto":
        if missing := _missing(section, values):
            return f"waits for {', '.join(missing)}"
    elif not isinstance(given, dict) and given not in (None, True, _ABSENT):
        problems.append(lines.problem(section.name, "must be a mapping, true, false or auto"))
    where = OverlaidSettings(lines, section.name, from_variables, env)
    found = validate(section.model, values, section.name, where, problems)
    return "its settings are wrong" if found is None else found


def _missing(section: DeclaredSection, values: Mapping[str, Any]) -> list[str]:
    """The variables of what the section still needs: each field without a default, and one field
    of each group in the model's ``ONE_OF``, if it has that."""
    aliases = {field: name for name, field in section.aliases.items()}
    prefix = variable(section.name) + "__"
    fields = section.model.model_fields.items()
    required = [(name,) for name, field in fields if field.is_required()]
    return [
        " or ".join(aliases.get(name, prefix + name.upper()) for name in group)
        for group in (*required, *getattr(section.model, "ONE_OF", ()))
        if not any(name in values for name in group)
    ]
