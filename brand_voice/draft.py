"""A text under advice, and how a finding on it is made."""

from __future__ import annotations

from brand_voice.book import Tongue
from brand_voice.guide import ChannelGuide
from gateway import Finding, Severity, Value


class Draft(Value, frozen=True, kw_only=True):
    """A text, and all that the rules must know of where it goes."""

    text: str
    channel: ChannelGuide
    channel_name: str
    tongues: tuple[Tongue, ...]
    serious: bool
    label: str
    author: str
    spared: tuple[tuple[int, int], ...]
    """Links and quotations: nobody's fault."""
    acronyms: frozenset[str]

    def free(self, start: int, end: int) -> bool:
        return all(end <= first or start >= last for first, last in self.spared)


def finding(
    rule: str, severity: Severity, span: tuple[int, int], message: str, instead: str | None = None
) -> Finding:
    """Advice on the words at ``span``."""
    return Finding(
        rule=rule,
        severity=severity,
        start=span[0],
        end=span[1],
        message=message,
        suggestion=instead,
    )
