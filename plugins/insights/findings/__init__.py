"""What the report finds in the conversations of a period: pure functions, and `find` for all."""

from __future__ import annotations

from .finder import find
from .inputs import AgentDay, FindingInputs, LabelledText, MoodCheck, ShopAnswer

__all__ = ["AgentDay", "FindingInputs", "LabelledText", "MoodCheck", "ShopAnswer", "find"]
