"""The documentation is correct and complete: its code runs, and every hook, setting, command and
metric is in it."""

from __future__ import annotations

import inspect
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import click
import pytest
from pydantic import BaseModel
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

import gateway.testing
from gateway import hookspecs
from gateway.cli.main import command
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.runtime.metrics import Metrics
from gateway.settings import CoreSettings
from gateway.testing import CHECKS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])
TITLED = RawFencedCodeBlockLexer(re.compile(r'\w+ title="(?P<file>[\w./-]+)"$\n', re.MULTILINE))


def _page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_runs(page: Path) -> None:
    """Every block of Python on a page runs, in the order of the page."""
    document = Sybil([PythonCodeBlockParser(), SkipParser()]).parse(page)
    for example in document.examples():
        example.evaluate()


def test_links_of_the_readme_lead_to_files() -> None:
    """mkdocs checks the links of the pages in docs/ itself."""
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
    """Each hook has a section in the page on plugins, which names its arguments."""
    sections = re.split(r"^### ", _page("plugins.md"), flags=re.MULTILINE)
    mine = [section for section in sections if section.startswith(f"{hook}\n")]
    assert len(mine) == 1
    for argument in arguments:
        assert re.search(rf"`{argument}\b", mine[0]), argument


def test_documented_hooks_exist() -> None:
    """The page on plugins names no other hook."""
    named = set(re.findall(r"register_[a-z_]+", _page("plugins.md")))
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
    """Each setting of the gateway is listed with its variable and its default."""
    shown = "none" if default is None else f"`{default}`"
    variable = "WARMLINE_" + key.upper().replace(".", "__")
    assert f"\n| `{key}` | `{variable}` | {shown} | " in _page("configuration.md")


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    for declared in PluginRegistry(installed_plugins()).declared():
        if declared.package == "warmline":
            yield declared.name, declared.model


@pytest.mark.parametrize(("section", "model"), list(_sections()))
def test_a_plugins_setting_is_documented(section: str, model: type[BaseModel]) -> None:
    """Each setting of our own plugins has a row, with its default if that is a simple value."""
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
    """Each command and each of its options is in the page on the command line."""
    page = _page("cli.md")
    assert re.search(rf"`{name}[ `]", page)
    for option in options:
        assert re.search(rf"{option}\b", page), option


def test_metrics_are_documented() -> None:
    """The page on operations lists exactly the metrics of /metrics."""
    exported = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in Metrics().registry.collect()
    }
    assert (
        set(re.findall(r"^\| `(warmline_\w+)` \| ", _page("operations.md"), re.MULTILINE))
        == exported
    )


def test_the_kinds_of_measured_calls_are_documented() -> None:
    """The page on operations lists each kind of `warmline_work_seconds`."""
    code = "".join(file.read_text("utf-8") for file in (ROOT / "gateway").rglob("*.py"))
    kinds = set(re.findall(r"""\bmeasure\(\s*"(\w+)",""", code))
    [line] = re.findall(r"^\| `warmline_work_seconds` .*$", _page("operations.md"), re.MULTILINE)
    assert len(kinds) > 5
    assert {kind for kind in kinds if f"(`{kind}`)" not in line} == set()


def test_the_checks_of_the_contract_are_documented() -> None:
    """The page on plugins says of each check what it demands, in their order."""
    _, _, section = _page("plugins.md").partition("### The contract of channels")
    table = section.partition("### More members")[0]
    assert re.findall(r"^\| `(\w+)` \| \w", table, re.MULTILINE) == list(CHECKS)


def _titled(page: str) -> Mapping[str, str]:
    document = Sybil([]).parse(DOCS / page)
    found = [region.lexemes for region in TITLED(document)]
    return {str(block["file"]): str(block["source"]) for block in found}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that the page on plugins builds, installed into the folder ``site``."""
    place = tmp_path_factory.mktemp("package")
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


def test_the_documented_package_passes_its_tests(package: Path) -> None:
    """The tests are those that the page shows."""
    assert " passed" in _run(package, "pytest", "-q", "-p", "no:cacheprovider")


def test_the_documented_package_is_found_by_its_entry_point(package: Path) -> None:
    """Once installed, it is listed like our own plugins, and awake with its section."""
    path = os.pathsep.join(["site", os.environ["PYTHONPATH"]])
    listed = _run(package, "warmline", "plugins", PYTHONPATH=path)
    [mine] = [line for line in listed.splitlines() if "parcels" in line]
    assert "warmline-parcels" in mine
    assert "awake" in mine


NAMES = runpy.run_path(str(ROOT / ".ci" / "reference.py"))["public_names"]
REFERENCE = {page.name: page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md")}


@pytest.mark.parametrize("package", ["gateway", "gateway.testing"])
def test_each_public_name_is_on_a_page_of_the_reference(package: str) -> None:
    """The pages are made of the modules that they list: each module with public names is on one."""
    for module, names in NAMES(package).items():
        pages = [page for page, text in REFERENCE.items() if f"<!-- names: {module} -->" in text]
        assert len(pages) == 1, f"{module} with {names}: list it on one page in docs/reference"


def test_the_reference_lists_only_modules_with_public_names() -> None:
    """A module that was moved or renamed is renamed there, too."""
    known = {*NAMES("gateway"), *NAMES("gateway.testing")}
    listed = {m for text in REFERENCE.values() for m in re.findall(r"<!-- names: (.+) -->", text)}
    assert listed == known


@pytest.mark.parametrize("module", [gateway, gateway.testing], ids=lambda module: module.__name__)
def test_public_classes_and_functions_say_what_they_are(module: ModuleType) -> None:
    """The reference has nothing but docstrings."""
    found = [(name, getattr(module, name)) for name in module.__all__]
    coded = [(n, v) for n, v in found if inspect.isclass(v) or inspect.isfunction(v)]
    assert coded
    assert [name for name, value in coded if not (value.__doc__ or "").strip()] == []
