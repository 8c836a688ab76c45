"""Turns views into pages: templates that escape everything, and headers that forbid the rest."""

from __future__ import annotations

import secrets
from typing import TypeVar

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import Clock
from plugins.agents_desk import mood, words
from plugins.agents_desk.assets import Assets
from plugins.agents_desk.roles import may

R = TypeVar("R", bound=web.StreamResponse)

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def sealed(response: R) -> R:
    """Give ``response`` the headers that every page of the desk has."""
    response.headers.update(HEADERS)
    return response


class Paper:
    """The templates. A name that a template misspells is an error, not an empty place."""

    def __init__(self, clock: Clock, assets: Assets) -> None:
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("plugins.agents_desk"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(asset=assets.url, words=words, pieces=mood.pieces, may=may)
        self._templates.globals.update(
            cues=mood.cues, shape=mood.shape, new_key=lambda: secrets.token_urlsafe(12)
        )
        self._templates.globals.update(arc_width=mood.WIDTH, arc_height=mood.HEIGHT)

    def page(self, name: str, *, status: int = 200, **values: object) -> web.Response:
        """The page ``name`` with ``values``, sealed."""
        text = self._templates.get_template(name).render(now=self._clock.now(), **values)
        return sealed(web.Response(status=status, text=text, content_type="text/html"))

    def plain(self, title: str, text: str, *, status: int, typed: str = "") -> web.Response:
        """A page that only says something: an error, or where to go on. ``typed``: what a person
        had written, so that it is not lost."""
        return self.page(
            "plain.html", status=status, title=title, text=text, refresh=None, typed=typed
        )
