"""``warmline rasa export``: our knowledge for Rasa to learn."""

from __future__ import annotations

from pathlib import Path

import click

from gateway import BadConfig


@click.group()
def rasa() -> None:
    """Rasa beside the gateway."""


@rasa.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="the settings; default: warmline.yaml here, else the demo's",
)
@click.option("--epochs", default=100, show_default=True, help="of training, as config.yml asks")
@click.option("--language", default="en", show_default=True, help="of answers for all others")
def export(folder: Path, config: Path | None, epochs: int, language: str) -> None:
    """Write a complete Rasa project into FOLDER; train it there with `rasa train`."""
    from .export import project, write  # noqa: PLC0415  (every start of the server reads this file)
    from .knowledge import chosen, read  # noqa: PLC0415

    try:
        knowledge = read(chosen(config))
    except BadConfig as error:
        raise click.ClickException(str(error)) from None
    files = project(knowledge, epochs=epochs, fallback=language)
    write(files, folder)
    for name in files:
        click.echo(str(folder / name))
