"""Settings from the environment, and where they came from."""

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


def variable(key: str) -> str:
    """The environment variable of the setting ``key`` (such as ``channels.rest.token``)."""
    return PREFIX + key.upper().replace(".", "__")


def from_env(model: type[BaseModel], prefix: str, env: Mapping[str, str]) -> dict[str, Any]:
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


class OverlaidSettings(YamlLines):
    """Locates the settings of the section ``name``, of which ``given`` came from ``env``."""

    def __init__(
        self, lines: YamlLines, name: str, given: Mapping[str, Any], env: Mapping[str, str]
    ) -> None:
        self._under, self._given = lines, given
        self._at = name.split(".") if name else []
        self._names = {name.upper() for name in env}

    def problem(self, key: object, message: str) -> Problem:
        """As `YamlLines.problem`; for a value from the environment it names the variable."""
        parts = str(key).split(".")
        if not self._is_given(parts):
            return self._under.problem(key, message)
        candidates = (variable(".".join(parts[:end])) for end in range(len(parts), 0, -1))
        name = next((each for each in candidates if each in self._names), variable(str(key)))
        message = f"{_IN_JSON.get(message, message)} (set by {name})"
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
