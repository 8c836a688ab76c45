"""A generator of truth: a month of customers and agents whose moods and reasons are all known.

scenario = Scenario(seed=1, days=7, plants=(TriggerPhrase(),))
ledger = await simulate(settings, scenario, folder)
"""

from gateway.testing.simulation.ledger import Ledger, LedgerRow, read_ledger
from gateway.testing.simulation.month import Month
from gateway.testing.simulation.plants import (
    PLANTS,
    BadPlant,
    ConfoundedSorry,
    DriftingChannel,
    Effect,
    OverworkedAgent,
    Plant,
    RewrittenAnswer,
    TriggerPhrase,
    UnansweredQuestion,
    parse_plant,
)
from gateway.testing.simulation.run import simulate, simulate_records
from gateway.testing.simulation.scenario import Scenario, Worker, check_plants

__all__ = [
    "PLANTS",
    "BadPlant",
    "ConfoundedSorry",
    "DriftingChannel",
    "Effect",
    "Ledger",
    "LedgerRow",
    "Month",
    "OverworkedAgent",
    "Plant",
    "RewrittenAnswer",
    "Scenario",
    "TriggerPhrase",
    "UnansweredQuestion",
    "Worker",
    "check_plants",
    "parse_plant",
    "read_ledger",
    "simulate",
    "simulate_records",
]
