"""The HTML of the pages of sources: templates that escape everything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import DeskPageRequest, DeskPageResult, Passage, StaticAssets, code_label, split_cited
from plugins.knowledge.sources.urls import is_url

STATIC = "/desk/sources/static"
KINDS = {
    "added": "new",
    "changed": "changed",
    "gone": "gone",
    "returned": "is back",
    "removed": "removed",
}


class SourceTemplates:
    """Renders the templates, and serves the style sheet."""

    def routes(self) -> Iterable[web.RouteDef]:
        return [self._assets.route(STATIC)]

    def page(
        self,
        request: DeskPageRequest,
        name: str,
        *,
        title: str,
        status: int = 200,
        **values: object,
    ) -> DeskPageResult:
        """The template ``name`` as a page of the desk."""
        html = self._templates.get_template(name).render(request=request, title=title, **values)
        return DeskPageResult(
            title=title,
            html=html,
            status=status,
            styles=(f"{STATIC}/{self._assets.version}/sources.css",),
        )

    @cached_property
    def _assets(self) -> StaticAssets:
        return StaticAssets("plugins.knowledge.pages")

    @cached_property
    def _templates(self) -> Environment:
        templates = Environment(
            loader=PackageLoader("plugins.knowledge.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.globals.update(
            day=_day,
            is_url=is_url,
            kinds=KINDS,
            code_label=code_label,
            link_to=link_to,
            rows=_rows,
            split_cited=split_cited,
        )
        return templates


def link_to(passage: Passage) -> str:
    """Where a passage can be read in its document; empty: it has no address."""
    if not is_url(passage.location):
        return ""
    place = passage.location.partition("#")[0]
    return f"{place}#{passage.anchor}" if passage.anchor else passage.location


def _rows(passage: Passage) -> list[list[str]]:
    """The cells of a table's passage; a line that is no row is one cell."""
    return [line.split(" | ") for line in passage.text.split("\n")]


def _day(moment: datetime | None) -> str:
    return f"{moment:%-d %b %Y, %H:%M} UTC" if moment else "never"
