"""The HTML of the rooms: templates that escape everything, and their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway import (
    DeskPageRequest,
    DeskPageResult,
    Json,
    OverlayDifference,
    StaticAssets,
    VersionKind,
    code_label,
    counted,
    masked,
    mood_label,
    reason_label,
)

STATIC = "/desk/rooms/static"
ROOMS: tuple[tuple[str, str, str], ...] = (
    ("/desk/knowledge", "Knowledge", "What the bot answers, and the sentences it knows it by."),
    ("/desk/guide", "Guide", "How we sound: phrases, openings, and the tone of each channel."),
    ("/desk/policy", "Policy", "When the bot steps back, and how sure it must be."),
    ("/desk/hours", "Hours", "When people are there, and what customers are told otherwise."),
    ("/desk/history", "History", "Every version, who saved it and why, and the way back."),
)
KINDS: Mapping[VersionKind, str] = {
    "answers": "Knowledge",
    "guide": "Guide",
    "policy": "Policy",
    "hours": "Hours",
}
CHANNELS = {
    "rest": "REST",
    "sms": "SMS",
    "email": "E-mail",
    "webchat": "Web chat",
    "whatsapp": "WhatsApp",
}
LANGUAGES = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "sv": "Swedish",
    "tr": "Turkish",
    "zh": "Chinese",
}
LONGEST_VALUE = 600
"""Characters of a value in a list of differences."""


class RoomTemplates:
    """Renders the templates, and serves the styles. ``brands`` are their names, by key."""

    def __init__(self, brands: Mapping[str, str]) -> None:
        self.brands = brands

    def page(
        self,
        name: str,
        *,
        title: str,
        request: DeskPageRequest,
        status: int = 200,
        **values: object,
    ) -> DeskPageResult:
        """The template ``name`` as a page of the desk."""
        html = self._templates.get_template(name).render(title=title, request=request, **values)
        style = f"{STATIC}/{assets().version}/rooms.css"
        return DeskPageResult(title=title, html=html, status=status, styles=(style,))

    @cached_property
    def _templates(self) -> Environment:
        templates = Environment(
            loader=PackageLoader("plugins.lead_rooms"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.globals.update(
            rooms=ROOMS,
            kinds=KINDS,
            brand_titles=self.brands,
            channel=channel_title,
            code_label=code_label,
            counted=counted,
            language_title=lambda code: LANGUAGES.get(code, code),
            mood_label=mood_label,
            reason_label=reason_label,
            day=lambda at: f"{at:%-d %B %Y, %H:%M}",
            who=who_text,
            shown_value=shown_value,
            difference_values=difference_values,
        )
        return templates


_ASSETS: list[StaticAssets] = []


def assets() -> StaticAssets:
    """The styles; read once."""
    if not _ASSETS:
        _ASSETS.append(StaticAssets("plugins.lead_rooms"))
    return _ASSETS[0]


def static_routes() -> Iterable[web.RouteDef]:
    """The route of the styles."""
    return [assets().route(STATIC)]


def channel_title(key: str) -> str:
    """``SMS`` for ``sms``, ``SMS sales`` for ``sms/sales``."""
    name, _, support_address = key.partition("/")
    title = CHANNELS.get(name, name.replace("_", " ").capitalize())
    return f"{title} {support_address}".strip()


def who_text(agent: str) -> str:
    """``ana`` of ``desk:ana``."""
    return agent.partition(":")[2] or agent


def shown_value(value: Json) -> str:
    """A value of a file as people read it."""
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        value = "\n".join(map(str, value))
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = text or "(empty)"
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def difference_values(difference: OverlayDifference) -> tuple[str | None, str | None]:
    """What stood there before and stands there now. Examples of customers are masked."""
    is_example = difference.key.startswith("examples.")

    def text(value: Json) -> str:
        return masked(str(value), ()) if is_example else shown_value(value)

    before = None if difference.change == "added" else text(difference.before)
    after = None if difference.change == "removed" else text(difference.after)
    return before, after
