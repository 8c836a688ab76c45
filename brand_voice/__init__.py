"""The brand voice: one guide, and every word that leaves is held to it."""

from brand_voice.guide import Guide
from brand_voice.loading import load
from brand_voice.voice import BrandVoiceSettings, GuidedVoice, register_settings, register_voice

__all__ = [
    "BrandVoiceSettings",
    "Guide",
    "GuidedVoice",
    "load",
    "register_settings",
    "register_voice",
]
