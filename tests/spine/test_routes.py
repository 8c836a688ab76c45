"""The HTTP routes that plugins register."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from aiohttp import web

from gateway import HttpRoutes, Poller, Services, Settings, hookimpl
from gateway.plugins import BadPlugin
from gateway.testing import running


class FolderPlugin:
    """Registers a static folder, which aiohttp would serve outside of our middleware."""

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


async def test_a_static_folder_is_refused_as_a_route(tmp_path: Path) -> None:
    """The start fails and names the plugin and what a route must be."""
    with pytest.raises(BadPlugin, match=r"folder: routes\(\) must return .* not StaticDef"):
        async with running(FolderPlugin(tmp_path), tmp_path=tmp_path):
            pass
