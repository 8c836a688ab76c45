"""The HTML of the review pages: templates that escape everything, and what they share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import DeskPageRequest, DeskPageResult, StaticAssets, code_label
from plugins.insights.model import Figure
from plugins.insights.review.settings import LANGUAGE_NAMES, ReviewSettings

CHANNELS = {"rest": "REST", "sms": "SMS", "email": "E-mail", "webchat": "Web chat"}
TABS = {
    "/desk/review": "Review",
    "/desk/review/examples": "Examples",
    "/desk/review/voice": "One voice",
    "/desk/review/results": "Results",
}


class ReviewTemplates:
    """Renders the templates, and serves the styles and scripts of the pages below ``path``."""

    def __init__(self, path: str) -> None:
        self._path = path

    def routes(self) -> Iterable[web.RouteDef]:
        """The route of the styles and scripts."""
        return [self._assets.route(self._path)]

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
        html = self._templates.get_template(name).render(
            request=request, title=title, tabs=TABS, **values
        )
        return DeskPageResult(
            title=title,
            html=html,
            status=status,
            styles=(self._url("review.css"),),
            scripts=(self._url("review.js"),),
        )

    def refuse(self, request: DeskPageRequest) -> DeskPageResult:
        """For people who may not review."""
        return self.page(request, "refused.html", title="Review", status=403)

    @cached_property
    def _assets(self) -> StaticAssets:
        return StaticAssets("plugins.insights.review.pages")

    @cached_property
    def _templates(self) -> Environment:
        templates = Environment(
            loader=PackageLoader("plugins.insights.review.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.globals.update(
            code_label=code_label,
            language_label=language_label,
            channel_label=channel_label,
            figure=figure_text,
        )
        return templates

    def _url(self, name: str) -> str:
        return f"{self._path}/{self._assets.version}/{name}"


def may_open(request: DeskPageRequest, settings: ReviewSettings) -> bool:
    return settings.may_review(request.agent, request.rights)


def language_label(code: str) -> str:
    """``German``; a code that we have no name for stays, and ``und`` is an unknown one."""
    if code in ("", "und"):
        return "language unknown"
    return LANGUAGE_NAMES.get(code, code).capitalize()


def channel_label(name: str) -> str:
    return CHANNELS.get(name, name.capitalize())


def figure_text(figure: Figure, *, share: bool = True) -> str:
    """``94 % (88 to 97)``, or ``0.81 (0.72 to 0.90)``; a dash without a value."""
    if figure.value is None or figure.low is None or figure.high is None:
        return "–"
    if share:
        shares = [f"{share * 100:.0f}" for share in (figure.value, figure.low, figure.high)]
        return "{} % ({} to {})".format(*shares)
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"
