"""One YAML file, overlaid by the environment, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from gateway.settings.core import Core, Settings
from gateway.settings.problems import BadConfig, Lines, Problem, read_yaml, validate

PREFIX = "WARMLINE_"
SECRET = frozenset({"data_key"})
"""Keys of the gateway's own that no file may hold."""


class Declared(BaseModel):
    """A section that a guest declared."""

    name: str
    model: type[BaseModel]
    aliases: dict[str, str] = {}
    package: str = ""


def load(
    file: Path | None, declared: list[Declared], environ: Mapping[str, str] | None = None
) -> Settings:
    """Read ``file`` (None: the environment alone) and the environment.

    Raises BadConfig with every problem found, each naming file, line and key.
    """
    tree, lines = read_yaml(file) if file else ({}, Lines("<environment>", {}))
    env = _with_files(os.environ if environ is None else environ)
    problems = _unknown(tree, declared, lines)
    core = validate(Core, _core_values(tree, env), "", lines, problems)
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


def _with_files(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, where ``X_FILE=/run/secrets/x`` stands for ``X`` with that file's text."""
    env = dict(environ)
    for name, value in environ.items():
        bare = name.removesuffix("_FILE")
        if name != bare and bare not in env and Path(value).is_file():
            env[bare] = Path(value).read_text("utf-8").strip()
    return env


def _from_env(model: type[BaseModel], prefix: str, env: Mapping[str, str]) -> dict[str, Any]:
    config = SettingsConfigDict(extra="ignore", env_prefix=prefix, env_nested_delimiter="__")
    reader = type(model.__name__, (model, BaseSettings), {"model_config": config})
    source = EnvSettingsSource(reader)
    source.env_vars = {name.lower(): value for name, value in env.items()}
    return source()


def _core_values(tree: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    values = {k: v for k, v in tree.items() if k in Core.model_fields and k not in SECRET}
    for name in ("database_url", "redis_url"):
        if name.upper() in env:
            values[name] = env[name.upper()]
    return _merge(values, _from_env(Core, PREFIX, env))


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged: MutableMapping[str, Any] = dict(low)
    for key, value in high.items():
        under = merged.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            merged[key] = _merge(under, value)
        else:
            merged[key] = value
    return dict(merged)


def _unknown(tree: Mapping[str, Any], declared: list[Declared], lines: Lines) -> list[Problem]:
    known = (set(Core.model_fields) - SECRET) | {one.name.partition(".")[0] for one in declared}
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
    one: Declared,
    tree: Mapping[str, Any],
    env: Mapping[str, str],
    lines: Lines,
    problems: list[Problem],
) -> BaseModel | str:
    """The validated section, or in words why it sleeps."""
    given: Any = tree
    for part in one.name.split("."):
        given = given.get(part, _ABSENT) if isinstance(given, dict) else _ABSENT
    prefix = PREFIX + one.name.upper().replace(".", "__") + "__"
    mine = _from_env(one.model, prefix, env)
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
    return validate(one.model, values, one.name, lines, problems) or "its settings are wrong"


def _missing(one: Declared, values: Mapping[str, Any]) -> list[str]:
    """What the section waits for: each field without a default, and one of each group in the
    model's ``ONE_OF``, where it has that."""
    short = {field: name for name, field in one.aliases.items()}
    prefix = PREFIX + one.name.upper().replace(".", "__") + "__"
    required = [(name,) for name, field in one.model.model_fields.items() if field.is_required()]
    return [
        " or ".join(short.get(name, prefix + name.upper()) for name in group)
        for group in (*required, *getattr(one.model, "ONE_OF", ()))
        if not any(name in values for name in group)
    ]


_ABSENT: Any = object()
