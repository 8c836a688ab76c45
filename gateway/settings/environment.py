"""What stands in the environment instead of the file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from gateway.settings.problems import LIST, MAPPING, Problem, YamlLines

PREFIX = "WARMLINE_"
ENVIRONMENT = "<environment>"
_IN_JSON = {LIST: "must be a list, as JSON", MAPPING: "must be a mapping, as JSON"}


def with_files(
    environ: Mapping[str, str],
    models: Mapping[str, type[BaseModel]],
    others: Collection[str],
    problems: list[Problem],
) -> dict[str, str]:
    """The environment, where ``X_FILE=/run/secrets/x`` stands for ``X`` with that file's text.

    ``models``: what is read from the environment, by the prefix of its variables; ``others``: the
    names of variables without our prefix. Files of anybody else's are not looked at. One that
    cannot be read is added to ``problems``: a key must not be missing without a word.
    """
    env = dict(environ)
    own = {name for prefix, model in models.items() for name in _paths(model, prefix)}
    for name, value in environ.items():
        bare = name.removesuffix("_FILE")
        meant = name != bare and (bare.startswith(PREFIX) or bare in others)
        if not meant or not value or bare in env or name in own:
            continue
        try:
            env[bare] = Path(value).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            what = f"the file that it names cannot be read ({type(error).__name__})"
            told = f"{what}; name one with the value of {bare} as text"
            problems.append(Problem(file=ENVIRONMENT, line=1, key=name, message=told))
    return env


def _paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The variables of settings whose own name ends in ``_file``: they are to hold a path."""
    for name, field in model.model_fields.items():
        own = prefix + name.upper()
        if own.endswith("_FILE"):
            yield own
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _paths(inner, f"{own}__")


def variable(key: str) -> str:
    """The name in the environment of the setting ``key`` (``channels.rest.token``)."""
    return PREFIX + key.upper().replace(".", "__")


def from_env(model: type[BaseModel], prefix: str, env: Mapping[str, str]) -> dict[str, Any]:
    """What ``env`` has for a ``model`` whose variables begin with ``prefix``, not yet validated."""
    config = SettingsConfigDict(extra="ignore", env_prefix=prefix, env_nested_delimiter="__")
    reader = type(model.__name__, (model, BaseSettings), {"model_config": config})
    source = _Source(reader)
    source.env_vars = {name.lower(): value for name, value in env.items()}
    return source()


class _Source(EnvSettingsSource):
    """pydantic's, which raises where a list or a mapping is no JSON. Such a text is kept as it is:
    validation then tells of it with all that is wrong besides."""

    def prepare_field_value(
        self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool
    ) -> Any:
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError:
            return value


class OverlaidSettings(YamlLines):
    """Where the settings of the section ``name`` stand, of which ``given`` came from ``env``."""

    def __init__(
        self, lines: YamlLines, name: str, given: Mapping[str, Any], env: Mapping[str, str]
    ) -> None:
        self._under, self._given = lines, given
        self._at = name.split(".") if name else []
        self._names = {one.upper() for one in env}

    def problem(self, key: object, message: str) -> Problem:
        """As `YamlLines.problem`; of what came from the environment it names the variable."""
        parts = str(key).split(".")
        if not self._is_given(parts):
            return self._under.problem(key, message)
        named = (variable(".".join(parts[:end])) for end in range(len(parts), 0, -1))
        name = next((one for one in named if one in self._names), variable(str(key)))
        told = f"{_IN_JSON.get(message, message)} (set by {name})"
        return Problem(file=ENVIRONMENT, line=1, key=str(key), message=told)

    def _is_given(self, parts: list[str]) -> bool:
        inner: Any = self._given
        for part in parts[len(self._at) :]:
            if not isinstance(inner, Mapping):
                return True  # within a value that came as a whole
            if part not in inner:
                return False
            inner = inner[part]
        return parts[: len(self._at)] == self._at and len(parts) > len(self._at)
