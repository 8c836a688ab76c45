"""Scripts, styles and icons that a package brings with it, served from memory."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".woff2": "font/woff2",
}
"""Content types by suffix. A file with another suffix is not served."""
COMPRESSED = frozenset({".ico", ".png", ".woff2"})
"""Formats that gzip does not make smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    body: bytes
    gzipped: bytes | None
    content_type: str
    etag: str


class StaticAssets:
    """The files in a package's ``static`` folder, read once when this is made.

    Their URLs carry a version, a digest of all files: browsers keep a file for a year, and a page
    never mixes the files of two versions.
    """

    def __init__(
        self,
        package: str,
        *,
        folder: str = "static",
        headers: Mapping[str, str] | None = None,
        transform: Callable[[str, bytes, str], bytes] | None = None,
        salt: bytes = b"",
    ) -> None:
        """Read the files of ``package`` (``plugins.agents_desk``).

        ``headers`` are added to every response; ``transform`` gets the name and the bytes of a
        file and the version, and returns the bytes to serve (to minify, to fill in the version).
        ``salt`` changes the version: what ``transform`` depends on besides.
        """
        found = resources.files(package).joinpath(folder).iterdir()
        files = {file.name: file.read_bytes() for file in sorted(found, key=lambda f: f.name)
                 if PurePath(file.name).suffix in TYPES}  # fmt: skip
        whole = b"".join(name.encode() + b"\0" + body + b"\0" for name, body in files.items())
        self.version = hashlib.sha256(whole + salt).hexdigest()[:16]
        if transform is not None:
            files = {name: transform(name, body, self.version) for name, body in files.items()}
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            **(headers or {}),
        }
        self._assets = {name: _asset(name, body) for name, body in files.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files, sorted."""
        return tuple(self._assets)

    def route(self, path: str) -> web.RouteDef:
        """The route of all files, ``path/VERSION/NAME``; 404 for one that is not there."""
        from aiohttp import web  # noqa: PLC0415  (a process without routes loads no web server)

        async def serve(request: web.Request) -> web.Response:
            version, name = request.match_info["version"], request.match_info["name"]
            try:
                return self.serve(request, name, version=version)
            except KeyError:
                return web.Response(status=404, text="There is no such file.\n")

        return web.get(f"{path}/{{version}}/{{name}}", serve)

    def serve(
        self, request: web.Request, name: str, *, version: str = "", max_age: int = 0
    ) -> web.Response:
        """The response to a GET for the file ``name``. Raises KeyError when there is none.

        A browser may keep it for a year when ``version``, from the URL, is the current one;
        otherwise for ``max_age`` seconds. 0 means not at all: a page that was loaded before an
        update asks for the old version and gets the current file. Compressed and answered with
        304 where the request's headers permit it (RFC 9110, 12.5.3 and 13.1.2).
        """
        from aiohttp import web  # noqa: PLC0415  (a process without routes loads no web server)

        asset = self._assets[name]
        caching = f"public, max-age={max_age}" if max_age else "no-store"
        if version == self.version:
            caching = "public, max-age=31536000, immutable"
        headers = {**self._headers, "Cache-Control": caching, "ETag": f'"{asset.etag}"'}
        if any(tag.value == asset.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = asset.content_type
        if asset.gzipped is None:
            return web.Response(body=asset.body, headers=headers)
        headers["Vary"] = "Accept-Encoding"
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=asset.body, headers=headers)
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=asset.gzipped, headers=headers)


def _asset(name: str, body: bytes) -> _Asset:
    suffix = PurePath(name).suffix
    return _Asset(
        body=body,
        gzipped=None if suffix in COMPRESSED else gzip.compress(body, 9, mtime=0),
        content_type=TYPES[suffix],
        etag=hashlib.sha256(body).hexdigest()[:32],
    )
