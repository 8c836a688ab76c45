"""The HTML of practice: templates that escape everything."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import DeskPageRequest, DeskPageResult, StaticAssets, mood_label
from plugins.practice.lookback import CURVE_HEIGHT, CURVE_MARGIN, CURVE_WIDTH

STATIC = "/desk/practice/static"
LANGUAGE_LABELS = {"en": "English", "de": "German", "fr": "French", "es": "Spanish"}


class PracticeTemplates:
    """Renders the templates, and serves the style sheet and the script."""

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
            styles=(f"{STATIC}/{self._assets.version}/practice.css",),
            scripts=(f"{STATIC}/{self._assets.version}/practice.js",),
        )

    @cached_property
    def _assets(self) -> StaticAssets:
        return StaticAssets("plugins.practice")

    @cached_property
    def _templates(self) -> Environment:
        templates = Environment(
            loader=PackageLoader("plugins.practice"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.globals.update(
            languages=LANGUAGE_LABELS,
            mood_label=mood_label,
            curve=(CURVE_WIDTH, CURVE_HEIGHT, CURVE_MARGIN),
        )
        return templates
