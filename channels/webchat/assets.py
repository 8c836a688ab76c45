"""The widget's files: package data, served with one version for all of them.

``widget.js`` has a fixed address and is asked for again every few minutes; it loads the rest from
an address that carries the digest of their bytes and is kept for ever, so that a page never mixes
two versions.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib import resources
from typing import NamedTuple

from aiohttp import web

from channels.webchat.gate import problem

LOADER = "widget.js"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


NEEDLESS = re.compile(rb"^ *//.*\n|^/\*.*\*/\n|^ +|^\n", re.MULTILINE)
"""Indentation, lines of comment and empty lines. No literal of ours goes over a line's end."""


class Asset(NamedTuple):
    """A file as it is served: as it is, and compressed."""

    body: bytes
    packed: bytes
    content_type: str
    etag: str


class Assets:
    """All files of the widget, read once."""

    def __init__(self, package: str) -> None:
        files = {
            one.name: one.read_bytes()
            for one in sorted(
                resources.files(package).joinpath("static").iterdir(), key=lambda f: f.name
            )
            if one.name.endswith(tuple(TYPES))
        }
        whole = b"".join(name.encode() + b"\0" + body for name, body in files.items())
        self.version = hashlib.sha256(whole).hexdigest()[:16]
        files[LOADER] = files[LOADER].replace(b"VERSION", self.version.encode())
        self._assets = {name: _asset(name, body) for name, body in files.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Every file by name, the loader included."""
        return tuple(self._assets)

    async def loader(self, request: web.Request) -> web.StreamResponse:
        """``GET widget.js``."""
        return self._serve(request, LOADER, "public, max-age=300")

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """``GET assets/VERSION/NAME``. A page that still holds the loader of the version before
        gets the present files, which its browser must not keep under that address."""
        current = request.match_info["version"] == self.version
        kept = "public, max-age=31536000, immutable" if current else "no-store"
        return self._serve(request, request.match_info["name"], kept)

    def _serve(self, request: web.Request, name: str, caching: str) -> web.StreamResponse:
        asset = self._assets.get(name)
        if asset is None:
            return problem(404, "not_found", "there is no such file")
        headers = {
            "Cache-Control": caching,
            "ETag": f'"{asset.etag}"',
            "Access-Control-Allow-Origin": "*",  # browsers fetch modules of other origins by CORS
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "nosniff",
        }
        if any(tag.value == asset.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = asset.content_type
        headers["Vary"] = "Accept-Encoding"
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=asset.body, headers=headers)
        return web.Response(body=asset.packed, headers={**headers, "Content-Encoding": "gzip"})


def _asset(name: str, body: bytes) -> Asset:
    kind = TYPES["." + name.rpartition(".")[2]]
    slim = NEEDLESS.sub(b"", body)
    packed = gzip.compress(slim, 9, mtime=0)
    return Asset(slim, packed, kind, hashlib.sha256(slim).hexdigest()[:32])
