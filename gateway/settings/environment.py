"""What stands in the environment instead of the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from gateway.settings.problems import LIST, MAPPING, Lines, Problem

PREFIX = "WARMLINE_"
ENVIRONMENT = "<environment>"
_IN_JSON = {LIST: "must be a list, as JSON", MAPPING: "must be a mapping, as JSON"}


def with_files(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, where ``X_FILE=/run/secrets/x`` stands for ``X`` with that file's text."""
    env = dict(environ)
    for name, value in environ.items():
        bare = name.removesuffix("_FILE")
        if name != bare and bare not in env and Path(value).is_file():
            env[bare] = Path(value).read_text("utf-8").strip()
    return env


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


class Overlaid(Lines):
    """Where the settings of the section ``name`` stand, of which ``given`` came from ``env``."""

    def __init__(
        self, lines: Lines, name: str, given: Mapping[str, Any], env: Mapping[str, str]
    ) -> None:
        self._under, self._given = lines, given
        self._at = name.split(".") if name else []
        self._names = {one.upper() for one in env}

    def problem(self, key: object, message: str) -> Problem:
        """As `Lines.problem`; of what came from the environment it names the variable."""
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
