"""The fields of our forms, and what no page of ours would send."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from gateway import Address, Value, WarmlineError


class Form(Value, frozen=True, kw_only=True):
    """The fields of any of our forms. ``state`` and ``last`` are what the agent saw."""

    conversation: int
    epoch: int = 0
    text: str = ""
    key: str = ""
    suggestion: int | None = None
    tier: str = ""
    skills: tuple[str, ...] = ()
    reason: str = ""
    state: str = ""
    last: int = 0
    channel: str = ""
    value: str = ""
    link: int | None = None
    via: Address | None = None
    to: str = ""


class Mistake(WarmlineError):
    """A form that cannot be accepted as it is; the message is for the person who filled it."""


async def posted(request: web.Request) -> Mapping[str, object]:
    """The fields that came; raises HTTPBadRequest for what no browser sends: a multipart body
    without its boundary, a charset that does not exist."""
    try:
        return await request.post()
    except (ValueError, LookupError):
        raise web.HTTPBadRequest(text="this is no form") from None


def read(request: web.Request, given: Mapping[str, object]) -> Form:
    """The form of ``request``; raises Mistake for what no page of ours would send."""
    fields = {k: v for k, v in given.items() if isinstance(v, str)}
    return Form(
        conversation=int(request.match_info["id"]),
        epoch=_number(fields, "epoch") or 0,
        text=fields.get("text", "").replace("\r\n", "\n"),
        key=fields.get("key", "")[:80],
        suggestion=_number(fields, "suggestion"),
        tier=fields.get("tier", "").strip()[:60],
        skills=tuple(s.strip()[:60] for s in fields.get("skills", "").split(",") if s.strip())[:20],
        reason=fields.get("reason", "").strip()[:500],
        state=fields.get("state", "")[:120],
        last=_number(fields, "last") or 0,
        channel=fields.get("channel", "").strip().lower()[:60],
        value=fields.get("value", "").strip()[:320],
        link=_number(fields, "link"),
        via=_address(fields.get("via", "")),
        to=fields.get("to", "")[:80],
    )


def _address(lane: str) -> Address | None:
    """The address that is written as its lane; of nothing, none."""
    channel, _, value = lane[:400].partition(":")
    return Address(channel=channel, value=value) if channel and value else None


def _number(fields: dict[str, str], name: str) -> int | None:
    value = fields.get(name, "")
    if not value:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise Mistake("This page had become too old. Please try again.")
    return int(value)
