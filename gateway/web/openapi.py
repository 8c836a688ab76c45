"""``/openapi.json``: the OpenAPI 3.1 document of this gateway's HTTP routes.

Each plugin describes its own routes (`OpenApiProvider`); this module joins the parts. The document
holds only routes that exist now: a channel that is not configured has none.
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
from gateway.web.errors import CODES, takes_the_rest

PATH = "/openapi.json"
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
"""The keys of a path item that are operations (OpenAPI 3.1.1, "Path Item Object")."""

Part = Mapping[str, Any]
"""An OpenAPI document without its head: ``paths``, ``components`` and ``tags``."""
Operation = tuple[str, str]
"""Method in lower case, and path template."""


class OpenApiConflict(WarmlineError):
    """Two plugins describe the same path, or two components have the same name."""


def routes(parts: Iterable[Part], all_routes: Iterable[web.AbstractRouteDef]) -> list[web.RouteDef]:
    """The route that serves the document of ``all_routes`` and of itself, described by ``parts``.

    Raises OpenApiConflict.
    """

    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    own = [web.get(PATH, serve)]
    body = msgspec.json.encode(document([core_part(), *parts], operations([*all_routes, *own])))
    return own


def plugin_parts(plugins: Iterable[object]) -> list[Part]:
    """The parts of those plugins that describe their routes."""
    return [plugin.describe() for plugin in plugins if isinstance(plugin, OpenApiProvider)]


def core_part() -> Part:
    """The gateway's own routes, and the components that all plugins may refer to."""
    part: dict[str, Any] = packaged_yaml("gateway.web", "openapi.yaml")
    error = part["components"]["schemas"]["Error"]["properties"]["error"]
    error["properties"]["code"]["examples"] = sorted(CODES.values())
    return part


def operations(all_routes: Iterable[web.AbstractRouteDef]) -> frozenset[Operation]:
    """The operations of the routes, without HEAD, which every GET route answers too, and without
    those that only say that there is no such page."""
    router = web.UrlDispatcher()
    router.add_routes(list(all_routes))
    return frozenset(
        (route.method.lower(), route.resource.canonical)
        for route in router.routes()
        if route.resource is not None
        and route.method != "HEAD"
        and not takes_the_rest(route.resource)
    )


def described_operations(part: Part) -> frozenset[Operation]:
    """The operations that ``part`` describes."""
    return frozenset(
        (method, path)
        for path, item in part.get("paths", {}).items()
        for method in METHODS & item.keys()
    )


def document(parts: Iterable[Part], served: frozenset[Operation]) -> dict[str, Any]:
    """The whole document, with those operations that are in ``served``. Raises OpenApiConflict."""
    whole: dict[str, Any] = {"paths": {}, "components": {}, "tags": []}
    for part in parts:
        for path, item in part.get("paths", {}).items():
            kept = {
                key: value
                for key, value in item.items()
                if key not in METHODS or (key, path) in served
            }
            if METHODS & kept.keys():
                _add(whole["paths"], path, kept)
        for kind, components in part.get("components", {}).items():
            for name, component in components.items():
                _add(whole["components"].setdefault(kind, {}), name, _dedent(component))
        whole["tags"] += part.get("tags", [])
    info = {
        "title": "Warmline",
        "version": version("warmline"),
        "description": "The HTTP routes of this gateway. See docs/http.md.",
        "license": {"name": "MIT", "identifier": "MIT"},
    }
    return {"openapi": "3.1.0", "info": info, **whole}


def _dedent(component: Json) -> Json:
    """``component`` without indentation in its description, which may be a docstring: Python
    before 3.13 keeps the indentation of the code."""
    if isinstance(component, dict) and isinstance(text := component.get("description"), str):
        return {**component, "description": cleandoc(text)}
    return component


def _add(target: dict[str, Json], name: str, value: Json) -> None:
    if name in target:
        raise OpenApiConflict(f"two plugins describe {name} for {PATH}")
    target[name] = value
