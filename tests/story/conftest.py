"""A server for a test, with models that are trained once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.story.serving import Server, warmline

Serve = Callable[..., Server]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All in one process when tests are spread: they share the trained models."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.xdist_group("story"))
            item.add_marker(pytest.mark.timeout(420))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's models, trained by the command itself."""
    folder = tmp_path_factory.mktemp("models")
    told = warmline("understand", "--json", "hello", folder=folder)
    assert told.returncode == 0, told.stderr
    return folder / "var" / "nlu_local"


@pytest.fixture
def serve(tmp_path: Path, models: Path) -> Iterator[Serve]:
    """Makes a server, not yet started, whose settings can be overridden by environment."""
    made: list[Server] = []

    def make(**environ: str) -> Server:
        made.append(Server(tmp_path, models, **environ))
        return made[-1]

    yield make
    for server in made:
        server.clear()
