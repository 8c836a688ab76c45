"""The HTTP routes that plugins register."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from gateway import HttpRoutes, Poller, Services, Settings, hookimpl
from gateway.app import Gateway, build_app, build_gateway
from gateway.plugins import BadPlugin
from gateway.testing import PlainVoice, as_plugins, post_raw, running, settings_for


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


def test_a_static_folder_is_refused_as_a_route(tmp_path: Path) -> None:
    """The start fails and names the plugin and what a route must be."""
    told = (
        r"plugin0 \(folder\): routes\(\) must return .* not StaticDef; .*pip uninstall warmline-x"
    )
    with pytest.raises(BadPlugin, match=told):
        build_app(gateway_with(FolderPlugin(tmp_path), tmp_path))


def gateway_with(plugin: object, folder: Path) -> Gateway:
    """A gateway with ``plugin`` as the package warmline-x has it."""
    [first, *others] = as_plugins([plugin, PlainVoice()])
    first = msgspec.structs.replace(first, value="warmline_x", package="warmline-x", version="1")
    plugins = (first, *others)
    return build_gateway(plugins, settings_for(plugins, {}, folder, {}))


class FailingRoutes(FolderPlugin):
    """Its mistake shows when it is asked for its routes."""

    def routes(self, services: Services) -> Iterable[web.AbstractRouteDef]:
        raise KeyError("folder")


def test_routes_that_raise_are_told_with_the_package(tmp_path: Path) -> None:
    """As every other mistake in the code of a plugin, and not by a traceback."""
    told = (
        r"plugin0 \(folder\): routes raised KeyError\('folder'\) at .*test_routes\.py:\d+; "
        r".*pip uninstall warmline-x"
    )
    with pytest.raises(BadPlugin, match=told):
        build_app(gateway_with(FailingRoutes(tmp_path), tmp_path))


class EncodingPlugin:
    """A route that encodes a header as UTF-8, as most that check a signature do."""

    name = "encoding"

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        async def receive(request: web.Request) -> web.Response:
            request.headers.get("X-Signature", "").encode()
            (await request.text()).encode("ascii")
            return web.Response()

        return [web.post("/encoding", receive)]

    @hookimpl
    def register_routes(
        self, register: Callable[[HttpRoutes | Poller], None], settings: Settings
    ) -> None:
        register(self)


@pytest.mark.parametrize(
    ("signature", "body", "status"),
    [
        (b"right", b"right", 200),
        ("é".encode(), b"right", 200),
        (b"\xe9\xff", b"right", 400),
        (b"right", "é".encode(), 500),
    ],
)
async def test_bytes_that_are_not_utf_8_are_the_clients_mistake(
    signature: bytes, body: bytes, status: int, tmp_path: Path
) -> None:
    """A route that does not think of them answers 400; another mistake in encoding is ours."""
    async with running(EncodingPlugin(), tmp_path=tmp_path) as gw:
        headers = {"X-Signature": signature, "Content-Type": "text/plain; charset=utf-8"}
        assert await post_raw(f"{gw.url}/encoding", body, headers) == status
