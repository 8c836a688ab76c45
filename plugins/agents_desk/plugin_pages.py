"""Pages of other plugins within the desk: in its frame, under its session and its rights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup

from gateway import (
    BadConfig,
    DeskForm,
    DeskPage,
    DeskPageRequest,
    DeskPageResult,
    Json,
    NotFound,
    Problem,
    Services,
    WarmlineError,
)
from plugins.agents_desk.access.accounts import RIGHTS
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.guard import RequestGuard, SessionHandler, read_fields
from plugins.agents_desk.html import HtmlRenderer, redirect, with_security_headers

_HTML: Json = {"text/html": {"schema": {"type": "string"}}}
RESPONSES: dict[str, Json] = {
    "200": {"description": "A page, or a file.", "content": {"*/*": {"schema": {}}}},
    "303": {"description": "A redirect; to the sign-in page when nobody is signed in."},
    "401": {"description": "Nobody is signed in.", "content": _HTML},
    "403": {"description": "Not with this role, or a form of no open page.", "content": _HTML},
    "404": {"description": "There is no such thing.", "content": _HTML},
    "422": {"description": "Not complete, or it cannot be done.", "content": _HTML},
}
"""What a page may answer, for ``/openapi.json``."""
REFUSED_FORMS: dict[str, Json] = {
    "400": {"$ref": "#/components/responses/BadRequest"},
    "413": {"$ref": "#/components/responses/TooLarge"},
}
_CSRF: Json = {"csrf": {"type": "string", "description": "the token in the form of the page"}}
FORM: Json = {
    "application/x-www-form-urlencoded": {
        "schema": {"type": "object", "required": ["csrf"], "properties": _CSRF}
    }
}


def collect_pages(services: Services) -> tuple[DeskPage, ...]:
    """The pages of all plugins. Raises BadConfig for a path outside the desk, or one twice."""
    pages = tuple(page for plugin in services.desk_pages for page in plugin.desk_pages(services))
    seen: set[str] = set()
    for page in pages:
        if not page.path.startswith("/desk/"):
            raise _refused(page, "is not below `/desk/`")
        if page.path in seen:
            raise _refused(page, "is registered twice")
        seen.add(page.path)
    return pages


def check_free(pages: Sequence[DeskPage], own: Sequence[web.RouteDef]) -> None:
    """Raises BadConfig for a page on a path of the desk itself, which would hide it."""
    taken = {route.path for route in own}
    for page in pages:
        if page.path in taken:
            raise _refused(page, "is a page of the desk itself")


def _refused(page: DeskPage, what: str) -> BadConfig:
    message = f"the desk page {page.path} {what}; remove the plugin that registers it"
    return BadConfig([Problem(file="settings", line=0, key="plugins", message=message)])


@dataclass(kw_only=True)
class PluginPages:
    """Serves ``pages``."""

    pages: Sequence[DeskPage]
    html: HtmlRenderer
    guard: RequestGuard

    def routes(self) -> list[web.RouteDef]:
        routes = []
        for page in self.pages:
            shown = self.guard.read(self._handler(page, submits=False), page.right)
            routes.append(web.get(page.path, shown))
            if isinstance(page, DeskForm):
                submitted = self.guard.act(self._handler(page, submits=True), page.right)
                routes.append(web.post(page.path, submitted))
        return routes

    def _handler(self, page: DeskPage, *, submits: bool) -> SessionHandler:
        async def handle(request: web.Request, session: DeskSession) -> web.Response:
            form = await read_fields(request) if submits else {}
            asked = DeskPageRequest(
                agent=session.agent,
                rights=RIGHTS[session.role],
                path=dict(request.match_info),
                query={name: request.query[name] for name in request.query},
                form=_texts(form),
                csrf=session.token,
            )
            try:
                if submits and isinstance(page, DeskForm):
                    return self._respond(await page.submit(asked), session)
                return self._respond(await page.show(asked), session)
            except NotFound as error:
                return self.html.message("Not found", f"{error}.", status=404)
            except WarmlineError as error:
                return self.html.message("Not done", f"{error}.", status=422)

        return handle

    def _respond(self, result: DeskPageResult, session: DeskSession) -> web.Response:
        if result.redirect is not None:
            return redirect(result.redirect)
        if result.file is not None:
            response = web.Response(body=result.file, content_type=result.media_type)
            response.headers["Content-Disposition"] = attachment_header(result.file_name)
            return with_security_headers(response)
        return self.html.page(
            "plugin-page.html",
            status=result.status,
            session=session,
            result=result,
            content=Markup(result.html),  # noqa: S704  (the plugin's template escaped it)
        )


def describe_pages(pages: Sequence[DeskPage]) -> dict[str, Json]:
    """The paths of ``pages`` for ``/openapi.json``: what the desk itself answers, whatever the page
    is about."""
    return {page.path: _describe(page) for page in pages}


def _describe(page: DeskPage) -> dict[str, Json]:
    name = re.sub(r"[{}]", "", page.path.removeprefix("/desk/")).replace("/", ".")
    shared: dict[str, Json] = {
        "tags": ["desk"],
        "summary": f"A plugin's page: {page.title or name}",
        "security": [{"desk.cookie": []}],
    }
    text: Json = {"type": "string", "minLength": 1}
    described: dict[str, Json] = {
        "parameters": [
            {"name": variable, "in": "path", "required": True, "schema": text}
            for variable in re.findall(r"{(\w+)", page.path)
        ],
        "get": {**shared, "operationId": f"desk.{name}", "responses": RESPONSES},
    }
    if isinstance(page, DeskForm):
        described["post"] = {
            **shared,
            "operationId": f"desk.{name}.submit",
            "requestBody": {"required": True, "content": FORM},
            "responses": RESPONSES | REFUSED_FORMS,
        }
    return described


def attachment_header(name: str) -> str:
    """The header that saves a response as the file ``name`` (RFC 6266), which has no quotes."""
    plain = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "._- "))
    return f'attachment; filename="{plain or "file"}"'


def _texts(fields: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The text fields of a form, all values of each, with one kind of line end."""
    found: dict[str, tuple[str, ...]] = {}
    items = fields.items()
    for name, value in items:
        if isinstance(value, str):
            found[name] = (*found.get(name, ()), value.replace("\r\n", "\n"))
    return found
