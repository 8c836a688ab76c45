"""Builders of replies and render contexts, and settings for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

from gateway import Emotion, RenderContext, Reply

CHANNELS = ("rest", "webchat", "email", "sms", "whatsapp", "slack", "telegram", "pigeon")
MOODS = ("calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent")
SERIOUS = ("anxious", "frustrated", "angry", "urgent")

no_deadline = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For busy machines: a property is about what is true, not about speed."""


def reply(words: Reply | str) -> Reply:
    return words if isinstance(words, Reply) else Reply(opener="", body=(words,))


def render_context(channel: str = "webchat", mood: str = "calm", **more: Any) -> RenderContext:
    return RenderContext(channel=channel, emotion=Emotion(label=mood), **more)  # type: ignore[arg-type]
