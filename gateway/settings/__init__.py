"""Settings: one YAML file, overlaid by the environment, read once.

Every setting can come from the environment as ``WARMLINE_...``, nested with ``__``. A name that
ends in ``_FILE`` names a file that holds the value (Docker and Kubernetes secrets). A section that
belongs to a guest is validated by the model that the guest registered; it is awake when the file
names it or a ``WARMLINE_`` variable of it is set, asleep when it is ``false`` or absent, and with
``auto`` awake as soon as all that it requires is there.
"""

from gateway.settings.core import (
    CoreSettings,
    DeliverySettings,
    LimitSettings,
    PostgresSettings,
    ProcessSettings,
    RedisSettings,
    RetentionSettings,
    Settings,
    WebhookEndpoint,
    WebhookSettings,
    WorkerSettings,
)
from gateway.settings.loading import DeclaredSection, load
from gateway.settings.problems import BadConfig, Problem, YamlLines, validate
from gateway.settings.yaml_reader import (
    compose_yaml,
    construct_yaml,
    packaged_yaml,
    read_shape,
    read_shape_and_lines,
    read_yaml,
)

__all__ = [
    "BadConfig",
    "CoreSettings",
    "DeclaredSection",
    "DeliverySettings",
    "LimitSettings",
    "PostgresSettings",
    "Problem",
    "ProcessSettings",
    "RedisSettings",
    "RetentionSettings",
    "Settings",
    "WebhookEndpoint",
    "WebhookSettings",
    "WorkerSettings",
    "YamlLines",
    "compose_yaml",
    "construct_yaml",
    "load",
    "packaged_yaml",
    "read_shape",
    "read_shape_and_lines",
    "read_yaml",
    "validate",
]
