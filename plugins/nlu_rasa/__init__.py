"""Rasa beside the embedded engine: its NLU and, if wanted, its dialogue.

``warmline rasa export`` writes our examples and answers as a Rasa project.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import click
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from gateway import (
    BadConfig,
    Handler,
    HttpRoutes,
    Poller,
    Section,
    Settings,
    Understander,
    hookimpl,
)

from .client import RasaClient, RasaError
from .engine import RasaDialogue, RasaUnderstander

__all__ = ["RasaClient", "RasaDialogue", "RasaError", "RasaSettings", "RasaUnderstander"]


class RasaSettings(BaseModel):
    """Section ``plugins.nlu_rasa``: a Rasa 3 server, started with ``rasa run --enable-api``."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="where the server is, such as http://127.0.0.1:5005")
    token: SecretStr | None = Field(None, description="its --auth-token")
    timeout: float = Field(3.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=256, description="the most calls at the same time")
    dialogue: bool = Field(False, description="Rasa's dialogue answers customers too")

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @cached_property
    def client(self) -> RasaClient:
        """The one client of this section."""
        return RasaClient(self.url, token=self.token, timeout=self.timeout)

    @cached_property
    def understander(self) -> RasaUnderstander:
        """The one understander of this section."""
        return RasaUnderstander(client=self.client, at_once=self.at_once)


@click.group()
def rasa() -> None:
    """Train a Rasa server with the gateway's examples and answers."""


@rasa.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="the settings; default: warmline.yaml here, else the demo's",
)
@click.option("--epochs", default=100, show_default=True, help="training epochs, for config.yml")
@click.option(
    "--language", default="en", show_default=True, help="its answers serve all other languages"
)
def export(folder: Path, config: Path | None, epochs: int, language: str) -> None:
    """Write a complete Rasa project into FOLDER; train it there with `rasa train`."""
    from . import project  # noqa: PLC0415  (every start of the server imports this module)

    try:
        data = project.read_training_data(project.find_config(config))
    except BadConfig as error:
        raise click.ClickException(str(error)) from None
    files = project.build_project(data, epochs=epochs, fallback=language)
    project.write_project(files, folder)
    for name in files:
        click.echo(str(folder / name))


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_rasa", RasaSettings, {"RASA_URL": "url"})


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(rasa)


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if section := settings.section(RasaSettings):
        register(section.understander)


@hookimpl
def register_routes(register: Callable[[HttpRoutes | Poller], None], settings: Settings) -> None:
    if section := settings.section(RasaSettings):
        register(section.understander)


@hookimpl
def register_handlers(register: Callable[[Handler], None], settings: Settings) -> None:
    if (section := settings.section(RasaSettings)) and section.dialogue:
        register(RasaDialogue(client=section.client))
