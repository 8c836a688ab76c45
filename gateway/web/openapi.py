"""``/openapi.json``: what this gateway's HTTP doors take and answer, as OpenAPI 3.1.

Each guest describes its own routes (`OpenApiProvider`); here the parts are joined. Only what is routed
now is told: a channel that sleeps, or that came without its webhook, has no door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from inspect import cleandoc
from typing import Any

import msgspec
from aiohttp import web

from gateway.model import Json
from gateway.ports import OpenApiProvider, WarmlineError
from gateway.settings import packaged_yaml
from gateway.web.errors import CODES

PATH = "/openapi.json"
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
"""The keys of a path item that are operations (OpenAPI 3.1.1, "Path Item Object")."""

Part = Mapping[str, Any]


class OpenApiConflict(WarmlineError):
    """Two guests describe the same path or name a component alike."""


def routes(
    parts: Iterable[Part], serves_http: Iterable[web.AbstractRouteDef]
) -> list[web.RouteDef]:
    """The route that gives the document of ``doors``, itself included, described by ``parts``.

    Raises Clash.
    """

    async def give(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    mine = [web.get(PATH, give)]
    body = msgspec.json.encode(document([services(), *parts], served([*serves_http, *mine])))
    return mine


def described(plugins: Iterable[object]) -> list[Part]:
    """What those of ``guests`` tell that describe their routes."""
    return [plugin.describe() for plugin in plugins if isinstance(plugin, OpenApiProvider)]


def services() -> Part:
    """The house's own doors, and the components that all guests may name."""
    part: dict[str, Any] = packaged_yaml("gateway.web", "openapi.yaml")
    part["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"][
        "examples"
    ] = sorted(CODES.values())
    return part


def served(serves_http: Iterable[web.AbstractRouteDef]) -> frozenset[tuple[str, str]]:
    """Method and path template of each of ``doors``; HEAD, which every GET takes, is left out."""
    router = web.UrlDispatcher()
    router.add_routes(list(serves_http))
    return frozenset(
        (route.method.lower(), route.resource.canonical)
        for route in router.routes()
        if route.resource is not None and route.method != "HEAD"
    )


def operations(part: Part) -> frozenset[tuple[str, str]]:
    """Method and path template of each operation that ``part`` describes."""
    return frozenset(
        (method, path)
        for path, item in part.get("paths", {}).items()
        for method in METHODS & item.keys()
    )


def document(parts: Iterable[Part], serves_http: frozenset[tuple[str, str]]) -> dict[str, Any]:
    """The whole document, of those operations that are among ``doors``. Raises Clash."""
    whole: dict[str, Any] = {"paths": {}, "components": {}, "tags": []}
    for part in parts:
        for path, item in part.get("paths", {}).items():
            there = {key: told for key, told in item.items() if _is_there(key, path, serves_http)}
            if METHODS & there.keys():
                _put(whole["paths"], path, there)
        for kind, named in part.get("components", {}).items():
            for name, told in named.items():
                _put(whole["components"].setdefault(kind, {}), name, _even(told))
        whole["tags"] += part.get("tags", [])
    info = {
        "title": "Warmline",
        "version": version("warmline"),
        "description": "The HTTP doors of this gateway. See docs/http.md.",
        "license": {"name": "MIT", "identifier": "MIT"},
    }
    return {"openapi": "3.1.0", "info": info, **whole}


def _is_there(key: str, path: str, serves_http: frozenset[tuple[str, str]]) -> bool:
    return key not in METHODS or (key, path) in serves_http


def _even(told: Json) -> Json:
    """A component whose description may be a docstring, without the indentation of the code: Python
    before 3.13 leaves it in."""
    if isinstance(told, dict) and isinstance(text := told.get("description"), str):
        return {**told, "description": cleandoc(text)}
    return told


def _put(among: dict[str, Json], name: str, told: Json) -> None:
    if name in among:
        raise OpenApiConflict(f"two guests describe {name} for /openapi.json")
    among[name] = told
