"""The docs say what is so: their code runs, and nothing that can be looked up is missing."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from pydantic import BaseModel
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

from gateway import hookspecs
from gateway.cli.main import command
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.runtime.metrics import Metrics
from gateway.settings import CoreSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])
TITLED = RawFencedCodeBlockLexer(re.compile(r'\w+ title="(?P<file>[\w./-]+)"$\n', re.MULTILINE))


def _page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_runs(page: Path) -> None:
    """Every block of Python on a page runs, one after the other, as a reader would try it."""
    document = Sybil([PythonCodeBlockParser(), SkipParser()]).parse(page)
    for example in document.examples():
        example.evaluate()


def test_the_readme_leads_somewhere() -> None:
    """Links and pictures of the README are there; mkdocs itself sees to the pages of docs/."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / "README.md").read_text("utf-8"))
    assert targets
    for target in targets:
        assert "://" in target or (ROOT / target).exists(), target


def _hooks() -> Iterator[tuple[str, list[str]]]:
    for name, hook in vars(hookspecs).items():
        if hasattr(hook, f"{hookspecs.PROJECT}_spec"):
            yield name, list(inspect.signature(hook).parameters)


@pytest.mark.parametrize(("hook", "arguments"), list(_hooks()))
def test_a_hook_is_documented(hook: str, arguments: list[str]) -> None:
    """Each hook has its section in the page on plugins, and its arguments are named there."""
    sections = re.split(r"^### ", _page("plugins.md"), flags=re.MULTILINE)
    mine = [section for section in sections if section.startswith(f"{hook}\n")]
    assert len(mine) == 1
    for argument in arguments:
        assert re.search(rf"`{argument}\b", mine[0]), argument


def test_no_hook_is_invented() -> None:
    """The page names no hook that is not there."""
    named = set(re.findall(r"register_[a-z]+", _page("plugins.md")))
    assert named == {name for name, _ in _hooks()}


def _fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind, f"{above}{name}.")
        else:
            yield above + name, field.default


@pytest.mark.parametrize(("key", "default"), list(_fields(CoreSettings)))
def test_a_setting_is_documented(key: str, default: object) -> None:
    """Each setting of the gateway stands there with its variable and its true default."""
    shown = "none" if default is None else f"`{default}`"
    variable = "WARMLINE_" + key.upper().replace(".", "__")
    assert f"\n| `{key}` | `{variable}` | {shown} | " in _page("configuration.md")


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    for declared in PluginRegistry(installed_plugins()).declared():
        if declared.package == "warmline":
            yield declared.name, declared.model


@pytest.mark.parametrize(("section", "model"), list(_sections()))
def test_a_guests_setting_is_documented(section: str, model: type[BaseModel]) -> None:
    """Each setting of our own guests has its row, with its default where that is one word."""
    mine = _page("configuration.md").partition(f"\n### `{section}`\n")[2].partition("\n### ")[0]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = r".+"
        if field.is_required():
            shown = "required"
        elif default is None or default in ((), [], {}):
            shown = "none"
        elif isinstance(default, str | int | float):
            shown = (
                f"`{re.escape(str(default).lower() if default in (True, False) else str(default))}`"
            )
        assert re.search(rf"^\| `{name}` \| {shown} \| .+ \|$", mine, re.MULTILINE), name


def _commands(command: click.Command, name: str = "") -> Iterator[tuple[str, list[str]]]:
    if isinstance(command, click.Group):
        for word, below in command.commands.items():
            yield from _commands(below, f"{name} {word}".strip())
    else:
        options = [option for parameter in command.params for option in parameter.opts]
        yield name, [option for option in options if option.startswith("--")]


@pytest.mark.parametrize(("name", "options"), list(_commands(command())))
def test_a_command_is_documented(name: str, options: list[str]) -> None:
    """Each command stands in the page on the command line, and so does each of its options."""
    page = _page("cli.md")
    assert re.search(rf"`{name}[ `]", page)
    for option in options:
        assert re.search(rf"{option}\b", page), option


def test_a_figure_is_documented() -> None:
    """Each figure of /metrics stands in the page on operations, and no other does."""
    there = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in Metrics().registry.collect()
    }
    assert (
        set(re.findall(r"^\| `(warmline_\w+)` \| ", _page("operations.md"), re.MULTILINE)) == there
    )


def _titled(page: str) -> Mapping[str, str]:
    document = Sybil([]).parse(DOCS / page)
    found = [region.lexemes for region in TITLED(document)]
    return {str(one["file"]): str(one["source"]) for one in found}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that the page on plugins builds, installed into ``site``."""
    place = tmp_path_factory.mktemp("stranger")
    for name, text in _titled("plugins.md").items():
        (place / name).write_text(text, "utf-8")
    _run(
        place, "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
        "--no-build-isolation", "--target", "site", ".",
    )  # fmt: skip
    return place


def _run(place: Path, program: str, *arguments: str, **environment: str) -> str:
    path = Path(sys.executable).with_name(program)
    done = subprocess.run(
        [path, *arguments], cwd=place, capture_output=True, text=True, check=False,
        env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_strangers_package_works(stranger: Path) -> None:
    """It passes the tests that the page shows."""
    assert " passed" in _run(stranger, "pytest", "-q", "-p", "no:cacheprovider")


def test_a_strangers_package_comes_in_by_the_door(stranger: Path) -> None:
    """Installed, it is found by its entry point like our own, and wakes by its section."""
    path = os.pathsep.join(["site", os.environ["PYTHONPATH"]])
    listed = _run(stranger, "warmline", "plugins", PYTHONPATH=path)
    [mine] = [line for line in listed.splitlines() if "parcels" in line]
    assert "warmline-parcels" in mine
    assert "awake" in mine
