"""What guests give to be routed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from aiohttp import web

from gateway import HttpRoutes, Poller, Services, Settings, hookimpl
from gateway.plugins import BadPlugin
from gateway.testing import running


class Folder:
    """A guest that gives a folder, which aiohttp would serve without our shape."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def routes(self, services: Services) -> Iterable[web.AbstractRouteDef]:
        return [web.static("/files", self._folder)]

    @hookimpl
    def register_routes(
        self, register: Callable[[HttpRoutes | Poller], None], settings: Settings
    ) -> None:
        register(self)  # type: ignore[arg-type]  # that is the mistake


async def test_a_folder_is_no_route(tmp_path: Path) -> None:
    """The start stops, and says whose routes they are and what would be one."""
    with pytest.raises(BadPlugin, match=r"folder: routes\(\) must give .* not StaticDef"):
        async with running(Folder(tmp_path), tmp_path=tmp_path):
            pass
