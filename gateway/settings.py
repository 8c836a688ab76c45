"""Settings: one YAML file, overlaid by the environment, read once.

Every setting can come from the environment as ``WARMLINE_...``, nested with ``__``. A name that
ends in ``_FILE`` names a file that holds the value (Docker and Kubernetes secrets). A section that
belongs to a guest is validated by the model that the guest registered; it is awake when the file
names it or a ``WARMLINE_`` variable of it is set, asleep when it is ``false`` or absent, and with
``auto`` awake as soon as all that it requires is there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from gateway.ports import WarmlineError

M = TypeVar("M", bound=BaseModel)
PREFIX = "WARMLINE_"


class Problem(BaseModel):
    """One mistake in a configuration: where, what, and what to do."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.message}"


class BadConfig(WarmlineError):
    """The configuration cannot be used; ``problems`` says all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems


class Worker(BaseModel):
    """How turns are worked: bounds that keep one slow thing from stopping the rest."""

    model_config = ConfigDict(extra="forbid")

    conversations_at_once: int = Field(64, ge=1, le=4096)
    handler_timeout: float = Field(10.0, gt=0, description="seconds")
    understand_timeout: float = Field(5.0, gt=0, description="seconds")
    context_timeout: float = Field(1.0, gt=0, description="seconds")
    attempts: int = Field(5, ge=1, description="then a person gets the message")
    drain: float = Field(10.0, ge=0, description="seconds to finish at SIGTERM")
    idle_hours: float = Field(
        24.0, gt=0, description="then a conversation left with the bot is over"
    )


class Delivery(BaseModel):
    """How replies are sent: exponential back-off with full jitter between the two bounds."""

    model_config = ConfigDict(extra="forbid")

    attempts: int = Field(8, ge=1, description="then it is a dead letter")
    backoff_first: float = Field(1.0, gt=0, description="seconds")
    backoff_most: float = Field(300.0, gt=0, description="seconds")
    timeout: float = Field(30.0, gt=0, description="seconds for one attempt")


class Limits(BaseModel):
    """Bounds on what comes in."""

    model_config = ConfigDict(extra="forbid")

    body: int = Field(1_000_000, ge=1_000, description="bytes of a request's body")
    attachment: int = Field(10_000_000, ge=1_000, description="bytes of one attachment")
    text: int = Field(20_000, ge=100, description="characters of one message; the rest is kept raw")


class Core(BaseModel):
    """The gateway's own settings: the top level of the file."""

    model_config = ConfigDict(extra="ignore")

    data_dir: Path = Path("var")
    database_url: str | None = None
    public_url: str = "http://127.0.0.1:8080"
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    policy: Path | None = Field(None, description="routing policy; none: the built-in defaults")
    logs: Literal["auto", "json", "text"] = "auto"
    worker: Worker = Worker()
    delivery: Delivery = Delivery()
    limits: Limits = Limits()


class Settings:
    """All settings, validated. Guests ask for their own part with `section`."""

    def __init__(
        self,
        core: Core,
        sections: Mapping[type[BaseModel], BaseModel],
        *,
        base: Path,
        asleep: Mapping[str, str] | None = None,
    ) -> None:
        self.core = core
        self.base = base
        self.asleep = dict(asleep or {})
        """Section name -> why it sleeps, in words."""
        self._sections = dict(sections)

    def section(self, model: type[M]) -> M | None:
        """The section that was declared with ``model``; None when it is asleep."""
        found = self._sections.get(model)
        return found if isinstance(found, model) else None

    def replace(self, *, core: Core) -> Settings:
        """The same with another core."""
        return Settings(core, self._sections, base=self.base, asleep=self.asleep)

    def path(self, path: Path) -> Path:
        """``path`` as the configuration means it: relative to the file it stands in."""
        return path if path.is_absolute() else self.base / path

    @property
    def data_dir(self) -> Path:
        """Where data lie; relative to the working directory."""
        return self.core.data_dir


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


class Lines:
    """Where each key of a YAML file stands."""

    def __init__(self, file: str, lines: Mapping[str, int]) -> None:
        self.file, self._lines = file, lines

    def problem(self, key: str, message: str) -> Problem:
        """A problem at the line of ``key``, or of the nearest key above it that is there."""
        near = key
        while near and near not in self._lines:
            near = near.rpartition(".")[0]
        return Problem(file=self.file, line=self._lines.get(near, 1), key=key, message=message)


def read_yaml(file: Path) -> tuple[dict[str, Any], Lines]:
    """The mapping in ``file``, and where its keys stand. Raises BadConfig."""
    try:
        node = yaml.compose(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
        tree = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise BadConfig([Problem(file=str(file), line=0, key="", message=str(error))]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = f"not YAML: {error.problem}; mend the line"
        raise BadConfig([Problem(file=str(file), line=line, key="", message=what)]) from None
    found = Lines(str(file), dict(_marks(node)) if node else {})
    if tree is not None and not isinstance(tree, dict):
        raise BadConfig([found.problem("", "must be a mapping of settings; write `key: value`")])
    return tree or {}, found


def _marks(node: yaml.Node, path: str = "") -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = f"{path}.{key.value}" if path else str(key.value)
            found += [(here, key.start_mark.line + 1), *_marks(value, here)]
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            here = f"{path}.{index}"
            found += [(here, value.start_mark.line + 1), *_marks(value, here)]
    return found


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
    values = {k: v for k, v in tree.items() if k in Core.model_fields}
    if "DATABASE_URL" in env:
        values["database_url"] = env["DATABASE_URL"]
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
    known = set(Core.model_fields) | {one.name.partition(".")[0] for one in declared}
    known |= {"channels", "plugins"}
    problems = [
        lines.problem(key, f"unknown setting; known are {', '.join(sorted(known))}")
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
    if given is False or (given is _ABSENT and not mine):
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
    short = {field: name for name, field in one.aliases.items()}
    prefix = PREFIX + one.name.upper().replace(".", "__") + "__"
    required = [name for name, field in one.model.model_fields.items() if field.is_required()]
    return [short.get(n, prefix + n.upper()) for n in required if n not in values]


def validate(
    model: type[M], values: Mapping[str, Any], name: str, lines: Lines, problems: list[Problem]
) -> M | None:
    """``values`` as a ``model``; None when they are wrong, with ``problems`` added for each
    mistake, keyed below ``name``."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            key = ".".join(str(p) for p in ((name,) if name else ()) + one["loc"])
            near = _model_at(model, one["loc"][:-1])
            problems.append(lines.problem(key, _advice(one["type"], one["msg"], near)))
        return None


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The model nested in ``model`` at ``loc``, or the nearest above it."""
    for part in loc:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return model


def _advice(kind: str, message: str, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; known are {', '.join(sorted(model.model_fields))}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "missing":
        return "is required; set it here or in the environment"
    return f"{message[0].lower()}{message[1:]}; change the value"


_ABSENT: Any = object()
