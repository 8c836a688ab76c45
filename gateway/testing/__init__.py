"""Test tools for plugin authors: a real gateway in the test's process, fakes, and the contract
that every channel is checked against.

    async with running(my_plugin, config={"plugins": {"mine": {}}}, tmp_path=tmp_path) as gw:
        ana = gw.customer("rest", "ana")
        await ana.say("When do you open?")
        assert ana.heard == ["We open at nine."]
"""

from gateway.testing.contract import (
    CHECKS,
    POLICY,
    Check,
    ProviderSimulator,
    Quality,
    Trouble,
    checks,
    echo,
    post_raw,
    quality,
)
from gateway.testing.kit import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    FakeUnderstander,
    PlainVoice,
    RunningGateway,
    SimulatedAgent,
    SimulatedCustomer,
    as_plugins,
    running,
    settings_for,
)
from gateway.testing.knowledge import MemoryKnowledge
from gateway.testing.memory import MemoryAuditLog, MemoryStorage
from gateway.testing.polling import NappingClock, PolledQueue

__all__ = [
    "CHECKS",
    "POLICY",
    "Check",
    "FakeChannel",
    "FakeClock",
    "FakeHandler",
    "FakeUnderstander",
    "MemoryAuditLog",
    "MemoryKnowledge",
    "MemoryStorage",
    "NappingClock",
    "PlainVoice",
    "PolledQueue",
    "ProviderSimulator",
    "Quality",
    "RunningGateway",
    "SimulatedAgent",
    "SimulatedCustomer",
    "Trouble",
    "as_plugins",
    "checks",
    "echo",
    "post_raw",
    "quality",
    "running",
    "settings_for",
]
