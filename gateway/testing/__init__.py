"""The public kit: a gateway to talk to, a clock to turn, fakes, and the channels' contract.

async with running(my_plugin, config={"plugins": {"mine": {}}}, tmp_path=tmp_path) as gw:
    ana = gw.customer("rest", "ana")
    await ana.say("When do you open?")
    assert ana.heard == ["We open at nine."]
"""

from gateway.testing.audit import MemoryAudit
from gateway.testing.contract import (
    CHECKS,
    POLICY,
    Check,
    FarEnd,
    Quality,
    Trouble,
    checks,
    echo,
    quality,
)
from gateway.testing.kit import (
    DeskAgent,
    FakeChannel,
    FakeClock,
    FakeHandler,
    Person,
    PlainVoice,
    Running,
    as_guests,
    running,
    settings_for,
)
from gateway.testing.notebook import MemoryNotebook

__all__ = [
    "CHECKS",
    "POLICY",
    "Check",
    "DeskAgent",
    "FakeChannel",
    "FakeClock",
    "FakeHandler",
    "FarEnd",
    "MemoryAudit",
    "MemoryNotebook",
    "Person",
    "PlainVoice",
    "Quality",
    "Running",
    "Trouble",
    "as_guests",
    "checks",
    "echo",
    "quality",
    "running",
    "settings_for",
]
