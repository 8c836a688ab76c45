"""A switch of python-telegram-bot that must be set before its first use."""

from __future__ import annotations

import os
from datetime import timedelta

# Periods are of its next version's type; without it every recording and every 429 is a warning.
os.environ.setdefault("PTB_TIMEDELTA", "true")


def seconds(period: float | timedelta) -> float:
    """A period as the SDK gives it, with the switch or without."""
    return period.total_seconds() if isinstance(period, timedelta) else period
