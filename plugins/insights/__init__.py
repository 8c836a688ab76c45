"""What happened to customers and agents: measures, the report, reviews, and what is learnt."""

from __future__ import annotations

from gateway import Section, hookimpl
from plugins.insights.settings import InsightsSettings

__all__ = ["InsightsSettings"]


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.insights", InsightsSettings, {})
