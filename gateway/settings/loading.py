"""Reads the settings: the YAML file, then the environment, which wins."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, get_args, runtime_checkable

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from gateway.settings.advice import SHAPES
from gateway.settings.core import SLOT_NAME, CoreSettings, Settings, SlotSettings
from gateway.settings.corrections import as_meant
from gateway.settings.word_forms import nearest
from gateway.settings.yaml_reader import (
    BadConfig,
    Problem,
    YamlLines,
    read_yaml,
    validate,
)

M = TypeVar("M", bound=BaseModel)

PREFIX = "WARMLINE_"
ENVIRONMENT = "<environment>"
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


@runtime_checkable
class SleepingSettings(Protocol):
    """The model of a section that may stay asleep though its settings are valid."""

    def why_asleep(self) -> str | None:
        """Return why, for people to read, and what to set; None: it is awake."""
        ...


class _Asleep(NamedTuple):
    """Why a section sleeps, and whether whoever wrote the settings should hear of it."""

    reason: str
    surprising: bool = False


def load(
    file: Path | None, declared: list[DeclaredSection], environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings from ``file`` (None: no file) and the environment.

    Raises BadConfig with every problem, each with file, line and key.
    """
    read = read_settings(file, declared, environ)
    if read.problems:
        raise BadConfig(list(read.problems))
    return read.settings


class SettingsRead(NamedTuple):
    """The settings as far as they are right, and what is wrong. A wrong value counts as absent."""

    settings: Settings
    problems: tuple[Problem, ...]


def read_settings(
    file: Path | None, declared: list[DeclaredSection], environ: Mapping[str, str] | None = None
) -> SettingsRead:
    """As `load`, with what is wrong beside what is right, so that the files that the right part
    names can be read, too. Raises BadConfig when ``file`` is not YAML."""
    tree, lines = read_yaml(file) if file else ({}, YamlLines(ENVIRONMENT, {}))
    problems = [*lines.repeated, *_unknown_keys(tree, declared, lines)]
    tree, lines = _with_meant_keys(tree, declared, lines)
    env = _environment(os.environ if environ is None else environ, declared, problems)
    from_variables = _from_env(CoreSettings, PREFIX, env)
    values = _merge(_core_values(tree, env), from_variables)
    where = _OverlaidSettings(lines, "", from_variables, env)
    core = validate(CoreSettings, values, "", where, problems)
    core = core or _core_as_meant(values)
    sections: dict[type[BaseModel], BaseModel] = {}
    slots: dict[str, tuple[str, SlotSettings]] = {}
    asleep: dict[str, str] = {}
    warnings: list[Problem] = []
    for section in declared:
        found = _section(section, tree, env, lines, problems)
        if isinstance(found, BaseModel):
            sections[section.model] = found
            _declare_slots(section, slots, lines, problems)
            continue
        asleep[section.name] = found.reason
        if found.surprising:
            warnings.append(lines.problem(section.name, f"is asleep: {found.reason}"))
    declared_slots = {name: slot for name, (_, slot) in slots.items()}
    core = core.model_copy(update={"slots": declared_slots | core.slots})
    base = file.parent if file else Path()
    settings = Settings(core, sections, base=base, file=file, asleep=asleep, warnings=warnings)
    return SettingsRead(settings, tuple(dict.fromkeys(problems)))


def _core_as_meant(values: Mapping[str, Any]) -> CoreSettings:
    """What is right in ``values``. A slot with a wrong pattern still has its name, so that nobody
    hears that answers state an unknown one."""
    core = as_meant(CoreSettings, values) or CoreSettings()
    slots = values.get("slots")
    named = [name for name in slots if isinstance(name, str)] if isinstance(slots, dict) else []
    if not any(nearest(name, core.slots) for name in named if name not in core.slots):
        core.slots.update(
            {name: SlotSettings(pattern=".") for name in named if name not in core.slots}
        )
    return core


def _with_meant_keys(
    tree: Mapping[str, Any], declared: list[DeclaredSection], lines: YamlLines
) -> tuple[dict[str, Any], YamlLines]:
    """``tree`` with the keys that somebody most likely meant by unknown ones, so that what stands
    below them is read, too."""
    sections = {section.name for section in declared}
    known = set(CoreSettings.model_fields) | {name.partition(".")[0] for name in sections}
    tree, renamed = _renamed(tree, known, "")
    for group in ("channels", "plugins"):
        below = tree.get(group)
        if isinstance(below, dict):
            names = {n.partition(".")[2] for n in sections if n.startswith(f"{group}.")}
            tree[group], inner = _renamed(below, names, f"{group}.")
            renamed |= inner
    return tree, lines.with_other_names(renamed) if renamed else lines


def _renamed(
    tree: Mapping[str, Any], known: Collection[str], path: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """``tree`` with known keys, and the new name of each renamed key."""
    found: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    for key, value in tree.items():
        near = key if key in known else nearest(key, set(known) - set(tree))
        if near is not None and near != key:
            renamed[f"{path}{key}"] = f"{path}{near}"
        found[near or key] = value
    return found, renamed


def _environment(
    environ: Mapping[str, str], declared: list[DeclaredSection], problems: list[Problem]
) -> dict[str, str]:
    models: dict[str, type[BaseModel]] = {PREFIX: CoreSettings}
    models |= {_variable(section.name) + "__": section.model for section in declared}
    others = {*ADDRESSES, *(name for section in declared for name in section.aliases)}
    return _with_files(environ, models, others, problems)


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
            else _unknown_setting(key, known, sections),
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
                f"{group}.{name}",
                f"no installed package has this section; {_which_section(group, name, sections)}",
            )
            for name in entries
            if f"{group}.{name}" not in sections
        ]
    return problems


def _unknown_setting(key: str, known: Collection[str], sections: Collection[str]) -> str:
    near = nearest(key, known)
    for group in ("channels", "plugins"):
        if near is None and f"{group}.{key}" in sections:
            return f"unknown setting; `{key}` belongs below `{group}:`, with two spaces before it"
    if near is not None:
        return f"unknown setting; did you mean `{near}`?"
    return f"unknown setting; known settings are {', '.join(sorted(known))}"


def _which_section(group: str, name: str, sections: Collection[str]) -> str:
    """What somebody may have meant by the section ``name`` of ``group``."""
    for other in (group, "plugins", "channels"):
        names = [each.partition(".")[2] for each in sections if each.startswith(f"{other}.")]
        near = name if name in names else nearest(name, names)
        if near is not None:
            return f"did you mean `{near}`{'' if other == group else f' below `{other}:`'}?"
    return "see `warmline plugins`"


def _section(
    section: DeclaredSection,
    tree: Mapping[str, Any],
    env: Mapping[str, str],
    lines: YamlLines,
    problems: list[Problem],
) -> BaseModel | _Asleep:
    """The validated section, or why it is asleep."""
    given: Any = tree
    for part in section.name.split("."):
        given = given.get(part, _ABSENT) if isinstance(given, dict) else _ABSENT
    prefix = _variable(section.name) + "__"
    from_variables = _from_env(section.model, prefix, env)
    named = any(name in env and name.startswith(prefix) for name in section.aliases)
    if given is False:
        return _Asleep("switched off")
    aliased = {field: env[name] for name, field in section.aliases.items() if name in env}
    by_alias = given is _ABSENT and not from_variables and not named
    if by_alias and not _wakes(section, env):
        return _Asleep(f"`{section.name}` is not in the configuration")
    values = given if isinstance(given, dict) else {}
    values = _merge(_merge(values, aliased), from_variables)
    if given == "auto" or by_alias:
        if missing := _missing(section, values):
            return _Asleep(f"waits for {', '.join(missing)}")
    elif not isinstance(given, dict) and given not in (None, True, _ABSENT):
        problems.append(lines.problem(section.name, "must be a mapping, true, false or auto"))
    if given is _ABSENT and (missing := _missing(section, values)):
        variable = next(n for n in env if n.startswith(prefix) or n in section.aliases)
        what = f"{variable} is set, but `{section.name}` is not in the configuration"
        fix = f"add the section, or set {', '.join(missing)}"
        problems.append(
            Problem(file=ENVIRONMENT, line=1, key=section.name, message=f"{what}; {fix}")
        )
        return _Asleep("its settings are wrong")
    where = _OverlaidSettings(lines, section.name, {**aliased, **from_variables}, env, section)
    found = validate(section.model, values, section.name, where, problems)
    found = found or as_meant(section.model, values)
    if found is None:
        return _Asleep("its settings are wrong")
    reason = found.why_asleep() if isinstance(found, SleepingSettings) else None
    return found if reason is None else _Asleep(reason, surprising=given != "auto")


def _declare_slots(
    section: DeclaredSection,
    slots: dict[str, tuple[str, SlotSettings]],
    lines: YamlLines,
    problems: list[Problem],
) -> None:
    """Add the slots that an awake section's model declares. Those in the file's own ``slots``
    replace them later, by name."""
    for name, slot in getattr(section.model, "SLOTS", {}).items():
        other, _ = slots.setdefault(name, (section.name, slot))
        if other != section.name:
            what = f"declares the slot {name}, and so does {other}; switch one of them off"
            problems.append(lines.problem(section.name, what))
        elif not SLOT_NAME.fullmatch(name):
            what = f"declares the slot {name!r}; write a-z, 0-9 and _, at most 40 characters"
            problems.append(lines.problem(section.name, what))


def _wakes(section: DeclaredSection, env: Mapping[str, str]) -> bool:
    """Whether a variable without our prefix (``TELEGRAM_BOT_TOKEN``) asks for a section that is
    not in the file: it gives what the section cannot do without. One that gives a setting with a
    default may be meant for another section or another program."""
    needed = {name for group in _required(section) for name in group}
    return any(
        field in needed and not name.startswith(PREFIX) and env.get(name)
        for name, field in section.aliases.items()
    )


def _required(section: DeclaredSection) -> list[tuple[str, ...]]:
    """What the section cannot do without, one of each group: the fields without a default, and the
    groups in the model's ``ONE_OF``, if it has that."""
    fields = section.model.model_fields.items()
    required = [(name,) for name, field in fields if field.is_required()]
    return [*required, *getattr(section.model, "ONE_OF", ())]


def _missing(section: DeclaredSection, values: Mapping[str, Any]) -> list[str]:
    """The variables of what the section still needs."""
    aliases = {field: name for name, field in section.aliases.items()}
    prefix = _variable(section.name) + "__"
    return [
        " or ".join(aliases.get(name, prefix + name.upper()) for name in group)
        for group in _required(section)
        if not any(name in values for name in group)
    ]


# -- the environment -----------------------------------------------------------------------------


def _with_files(
    environ: Mapping[str, str],
    models: Mapping[str, type[BaseModel]],
    others: Collection[str],
    problems: list[Problem],
) -> dict[str, str]:
    """The environment, with ``X`` set to the text of a file for each ``X_FILE=/run/secrets/x``.

    ``models`` are read from variables with these prefixes; ``others`` are variables without our
    prefix. Files named by any other variable are not read. A file that cannot be read is added to
    ``problems``, so that no secret is missing without a message.
    """
    env = dict(environ)
    path_settings = {name for prefix, model in models.items() for name in _paths(model, prefix)}
    for name, value in environ.items():
        bare = name.removesuffix("_FILE")
        is_ours = name != bare and (bare.startswith(PREFIX) or bare in others)
        if not is_ours or not value or bare in env or name in path_settings:
            continue
        try:
            env[bare] = Path(value).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            reason = f"the file that it names cannot be read ({type(error).__name__})"
            message = f"{reason}; name one with the value of {bare} as text"
            problems.append(Problem(file=ENVIRONMENT, line=1, key=name, message=message))
    return env


def _paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The variables of settings whose own name ends in ``_file``: their value is a path."""
    for name, field in model.model_fields.items():
        env_name = prefix + name.upper()
        if env_name.endswith("_FILE"):
            yield env_name
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _paths(inner, f"{env_name}__")


def unknown_variables(
    declared: Iterable[DeclaredSection], environ: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The variables that no setting is read from and that are nearly one, and what to do about
    each. Others with our prefix may be another program's."""
    known = {_variable(name) for name in CoreSettings.model_fields}
    for section in declared:
        at = _variable(section.name)
        known |= {at} | {f"{at}__{name.upper()}" for name in section.model.model_fields}
    for name in environ:
        bare = name.removesuffix("_FILE")
        parts = bare.split("__")
        if not name.startswith(PREFIX) or any(
            "__".join(parts[:end]) in known for end in range(len(parts), 0, -1)
        ):
            continue
        near = nearest(bare.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known])
        if near is not None:
            yield name, f"did you mean `{PREFIX}{near.upper()}`?"


def _variable(key: str) -> str:
    """The environment variable of the setting ``key`` (such as ``channels.rest.token``)."""
    return PREFIX + key.upper().replace(".", "__")


def _from_env(model: type[BaseModel], prefix: str, env: Mapping[str, str]) -> dict[str, Any]:
    """The values in ``env`` for a ``model`` whose variables begin with ``prefix``, not yet
    validated."""
    config = SettingsConfigDict(extra="ignore", env_prefix=prefix, env_nested_delimiter="__")
    reader = type(model.__name__, (model, BaseSettings), {"model_config": config})
    source = _Source(reader)
    source.env_vars = {name.lower(): value for name, value in env.items()}
    return source()


class _Source(EnvSettingsSource):
    """pydantic's source, except that a list or mapping that is not valid JSON does not raise. The
    text is kept, and validation reports it together with all other mistakes."""

    def prepare_field_value(
        self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool
    ) -> Any:
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError:
            return value


class _OverlaidSettings(YamlLines):
    """Locates the settings of the section ``name``, of which ``given`` came from ``env``; those
    of a plugin's ``section`` may have names without our prefix there."""

    def __init__(
        self,
        lines: YamlLines,
        name: str,
        given: Mapping[str, Any],
        env: Mapping[str, str],
        section: DeclaredSection | None = None,
    ) -> None:
        self._under, self._given = lines, given
        aliases = section.aliases.items() if section else ()
        self._aliases = {field: alias for alias, field in aliases if alias in env}
        self._at = name.split(".") if name else []
        self._names = {name.upper() for name in env}

    def problem(self, key: object, message: str) -> Problem:
        """As `YamlLines.problem`; for a value from the environment it names the variable."""
        parts = str(key).split(".")
        if not self._is_given(parts):
            return self._under.problem(key, message)
        candidates = (_variable(".".join(parts[:end])) for end in range(len(parts), 0, -1))
        name = next((each for each in candidates if each in self._names), "")
        field = ".".join(parts[len(self._at) :])
        name = name or self._aliases.get(field) or _variable(str(key))
        what, _, _ = message.partition("; ")
        message = f"{what}, as JSON" if what in SHAPES else message
        message = f"{message} (set by {name})"
        return Problem(file=ENVIRONMENT, line=1, key=str(key), message=message)

    def _is_given(self, parts: list[str]) -> bool:
        inner: Any = self._given
        for part in parts[len(self._at) :]:
            if not isinstance(inner, Mapping):
                return True  # inside a value that one variable set as a whole
            if part not in inner:
                return False
            inner = inner[part]
        return parts[: len(self._at)] == self._at and len(parts) > len(self._at)
