"""HTML responses: templates that escape everything, and strict headers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

from aiohttp import web
from cachetools import LRUCache
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gateway import (
    Clock,
    DeskPage,
    QueueItem,
    code_label,
    counted,
    cue_label,
    is_image,
    mood_label,
    priority_label,
    reason_label,
)
from plugins.agents_desk import labels, view
from plugins.agents_desk.access.accounts import may
from plugins.agents_desk.access.sessions import DeskSession

R = TypeVar("R", bound=web.StreamResponse)

CONTENT_SECURITY_POLICY = "; ".join(
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
URI_CHARACTERS = "%/:?#[]@!$&'()*+,;="
"""What a URI may have beside letters, digits and ``-._~`` (RFC 3986, sections 2.1 and 2.2)."""
QUEUE_ITEMS = 4096
"""Rendered lines of the queue that are kept, a kilobyte each."""
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class HtmlRenderer:
    """Renders the templates. A misspelt name in a template is an error, not an empty string."""

    def __init__(
        self,
        clock: Clock,
        *,
        asset_url: Callable[[str], str],
        brands: Mapping[str, str] | None = None,
        menu: Sequence[DeskPage] = (),
        shared: Mapping[str, object] | None = None,
    ) -> None:
        """``brands``: the names of the brands as people read them; ``menu``: pages of plugins that
        the header links to; ``shared``: what parts of the desk add to all templates."""
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("plugins.agents_desk"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            counted=counted,
            asset=asset_url,
            code_label=code_label,
            cue_label=cue_label,
            mood_label=mood_label,
            priority_label=priority_label,
            reason_label=reason_label,
            labels=labels,
            brand_titles={"": "No brand", **(brands or {})},
            may=may,
            menu=menu,
            text_spans=view.text_spans,
            visible_cues=view.visible_cues,
            mood_icon=view.mood_icon,
            chart_width=view.CHART_WIDTH,
            chart_height=view.CHART_HEIGHT,
            new_key=lambda: secrets.token_urlsafe(12),
            queue_item=self._queue_item,
            **(shared or {}),
            is_image=is_image,
        )
        self._queue_items: LRUCache[tuple[object, ...], tuple[QueueItem, Markup]] = LRUCache(
            QUEUE_ITEMS
        )

    def _queue_item(self, item: QueueItem, queue: view.QueueView, session: DeskSession) -> Markup:
        """A line of the queue. All pages share it for as long as the item is the same object, which
        the cache itself keeps alive."""
        now, owner = self._clock.now(), item.conversation.owner
        agent = session.agent.id if owner else ""
        current = item.conversation.id == queue.current
        waited = labels.duration(item.waiting_since, now)
        chosen = queue.address()
        key = (id(item), chosen, current, waited, agent)
        if key not in self._queue_items:
            line = self._templates.get_template("queue-item.html").render(
                item=item, filter=chosen, current=current, agent=agent, now=now
            )
            self._queue_items[key] = item, Markup(line)  # noqa: S704  (a template escaped it)
        return self._queue_items[key][1]

    def page(self, name: str, *, status: int = 200, **values: object) -> web.Response:
        """The template ``name`` rendered with ``values``, with the security headers."""
        return with_security_headers(
            web.Response(status=status, text=self.text(name, **values), content_type="text/html")
        )

    def text(self, name: str, **values: object) -> str:
        """The template ``name`` rendered with ``values``."""
        return self._templates.get_template(name).render(now=self._clock.now(), **values)

    def compressed(self, body: bytes) -> web.Response:
        """A page that gzip has compressed already."""
        response = web.Response(body=body, content_type="text/html", charset="utf-8")
        response.headers["Content-Encoding"] = "gzip"
        return with_security_headers(response)

    def message(
        self, title: str, text: str, *, status: int, typed: str = "", refresh: str | None = None
    ) -> web.Response:
        """A page with only a message. ``typed`` is text the person had written, shown so that it
        is not lost; ``refresh`` is the page to continue to."""
        return self.page(
            "message-page.html",
            status=status,
            title=title,
            text=text,
            typed=typed,
            refresh=refresh,
        )

    def conversation_not_found(self) -> web.Response:
        return self.message("Not found", "There is no such conversation.", status=404)

    def forbidden(self) -> web.Response:
        return self.message("Not allowed", "Your role does not allow this.", status=403)


def with_security_headers(response: R) -> R:
    """Add the headers of every desk page to ``response``."""
    response.headers.update(SECURITY_HEADERS)
    return response


def redirect(location: str) -> web.Response:
    """303 See Other. ``location`` is a path of ours or Slack's sign-in page. What no URI may have
    (RFC 3986), such as control characters from a form, is percent-encoded; what is encoded
    already stays."""
    location = quote(location, safe=URI_CHARACTERS)
    return with_security_headers(web.Response(status=303, headers={"Location": location}))
