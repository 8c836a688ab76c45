"""Scripts, styles and icons: package data, read once and served from memory."""

from __future__ import annotations

import hashlib
import mimetypes
from importlib import resources

from aiohttp import web


class Assets:
    """``/desk/static/<version>/<name>``. The version is a digest of all files, so that browsers
    may keep them for ever, and modules find one another under the same version."""

    def __init__(self) -> None:
        folder = resources.files("plugins.agents_desk") / "static"
        self._files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        digest = hashlib.sha256()
        for name in sorted(self._files):
            digest.update(name.encode() + b"\0" + self._files[name] + b"\0")
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        return f"/desk/static/{self.version}/{name}"

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/desk/static/{version}/{name}", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files:
            return web.Response(status=404, text="There is no such file.\n")
        kept = request.match_info["version"] == self.version
        return web.Response(
            body=self._files[name],
            content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
            charset="utf-8",
            headers={
                "Cache-Control": "public, max-age=31536000, immutable" if kept else "no-store",
                "X-Content-Type-Options": "nosniff",
                "Cross-Origin-Resource-Policy": "same-origin",
            },
        )
