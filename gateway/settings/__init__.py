"""Settings: one YAML file, overlaid by the environment, read once.

Every setting can come from the environment as ``WARMLINE_...``, nested with ``__``. A name that
ends in ``_FILE`` names a file that holds the value (Docker and Kubernetes secrets). A section that
belongs to a guest is validated by the model that the guest registered; it is awake when the file
names it or a ``WARMLINE_`` variable of it is set, asleep when it is ``false`` or absent, and with
``auto`` awake as soon as all that it requires is there.
"""

from gateway.settings.compose import (
    compose_yaml,
    construct_yaml,
    packaged_yaml,
    read_shape,
    read_shape_and_lines,
    read_yaml,
)
from gateway.settings.core import (
    Core,
    Delivery,
    Limits,
    Postgres,
    Process,
    Redis,
    Settings,
    Worker,
)
from gateway.settings.loading import Declared, load
from gateway.settings.problems import BadConfig, Lines, Problem, validate
from gateway.settings.retention import Retention
from gateway.settings.webhooks import Endpoint, Webhooks

__all__ = [
    "BadConfig",
    "Core",
    "Declared",
    "Delivery",
    "Endpoint",
    "Limits",
    "Lines",
    "Postgres",
    "Problem",
    "Process",
    "Redis",
    "Retention",
    "Settings",
    "Webhooks",
    "Worker",
    "compose_yaml",
    "construct_yaml",
    "load",
    "packaged_yaml",
    "read_shape",
    "read_shape_and_lines",
    "read_yaml",
    "validate",
]
