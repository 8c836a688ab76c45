"""Figures and people's words as the pages show them."""

from __future__ import annotations

from textwrap import shorten

from gateway import masked
from plugins.history.audit.failures import Failure
from plugins.history.audit.model import AuditedMatter, Estimate
from plugins.history.audit.report import AuditReport
from plugins.history.audit.texts import content
from plugins.history.audit.topics import AskedTopic

EXAMPLE = 110
"""Characters of a question that stands for a topic."""
LONGEST = 700
"""Characters of a message in a list."""
EXACT = 0.095
"""Shares below this are shown with a decimal."""


def percent(value: float) -> str:
    """``0.123`` is ``12 %``; small shares keep a decimal."""
    shown = value * 100
    return f"{shown:.1f}\u202f%" if 0 < value < EXACT else f"{shown:.0f}\u202f%"


def part(estimate: Estimate, of: str = "") -> str:
    """A share for a headline: a percentage, or ``2 of 3`` where it rests on few. ``of`` is what it
    is a share of."""
    if estimate.enough:
        return f"{percent(estimate.value)} of {of}" if of else percent(estimate.value)
    return f"{estimate.value * estimate.n:.0f} of {estimate.n} {of}".rstrip()


def interval(estimate: Estimate) -> str:
    """The 95 % interval of a share: ``10 to 14 %``."""
    return f"{percent(estimate.low)} to {percent(estimate.high)}"


def per_month(estimate: Estimate, matters: int) -> str:
    """A share of a month's matters as a count."""
    return f"{estimate.value * matters:,.0f}"


def per_month_interval(estimate: Estimate, matters: int) -> str:
    """Its interval, as counts."""
    return f"{estimate.low * matters:,.0f} to {estimate.high * matters:,.0f}"


def hours(value: float) -> str:
    """Hours with a decimal only where that matters."""
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}"


def example(report: AuditReport, topic: AskedTopic) -> str:
    """The most typical question of a topic, masked; a short one of the most typical, if there is
    one."""
    typical = [report.matters[at] for at in topic.matters[:9]]
    chosen = min(typical, key=lambda matter: abs(len(content(matter.question)) - EXAMPLE // 2))
    text = content(chosen.question) or chosen.question
    return shorten(masked(text, chosen.names), EXAMPLE, placeholder=" …")


def typical_answer(report: AuditReport, topic: AskedTopic) -> str:
    """What people answer to a topic, masked; its facts stay where they are everybody's."""
    chosen = report.matters[topic.matters[0]]
    return shorten(masked(chosen.person, chosen.names, ours=True), 2 * EXAMPLE, placeholder=" …")


def failure_words(failure: Failure) -> str:
    """The template of a failure, masked."""
    return shorten(masked(failure.words, (), ours=True), 2 * EXAMPLE, placeholder=" …")


def customers_words(matter: AuditedMatter) -> str:
    """What the customer wrote, masked."""
    return shorten(masked(matter.question, matter.names), LONGEST, placeholder=" …")


def persons_words(matter: AuditedMatter) -> str:
    """What people answered, masked."""
    return shorten(masked(matter.person, matter.names, ours=True), LONGEST, placeholder=" …")


def bots_words(matter: AuditedMatter) -> str:
    """What the bot would state. It may repeat what the customer wrote, so names are masked."""
    return shorten(masked(matter.bot, matter.names, ours=True), LONGEST, placeholder=" …")
