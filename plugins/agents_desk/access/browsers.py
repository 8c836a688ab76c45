"""The browser of a request in two words, for the list of one's own sessions."""

from __future__ import annotations

from aiohttp import web

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""What the header ``User-Agent`` of each contains, in this order: most of them also name another
(https://developer.mozilla.org/en-US/docs/Web/HTTP/Browser_detection_using_the_user_agent)."""
SYSTEMS = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_name(request: web.Request) -> str:
    """Such as ``Firefox on Linux``; empty if the header names none of those known here. It holds
    only words of ours, whatever the header says."""
    agent = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser, system) if part)
