"""``warmline rasa export``: writes our examples and answers as a Rasa project."""

from __future__ import annotations

from pathlib import Path

import click

from gateway import BadConfig


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
