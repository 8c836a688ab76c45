"""Settings from one YAML file and the environment, read once at start-up.

Every setting can come from the environment as ``WARMLINE_...``, nested with ``__``. A variable
whose name ends in ``_FILE`` names a file with the value (Docker and Kubernetes secrets). A plugin's
section is validated with the model that the plugin registered. It is awake if the file has it or
one of its ``WARMLINE_`` variables is set, and asleep if it is ``false``. With ``auto``, or if it is
absent and a variable of its own (``TELEGRAM_BOT_TOKEN``) is set, it is awake if all required
settings are there.
"""

from gateway.settings.brands import Brands, BrandSettings, SupportAddressName
from gateway.settings.core import (
    EMAIL_SLOT,
    AnswerByMailSettings,
    CoreSettings,
    DeliverySettings,
    LimitSettings,
    PostgresSettings,
    ProcessSettings,
    RedisSettings,
    RetentionSettings,
    Settings,
    SlotSettings,
    WebhookEndpoint,
    WebhookSettings,
    WorkerSettings,
    compile_slot,
)
from gateway.settings.hours import DAYS, Hours
from gateway.settings.loading import DeclaredSection, load
from gateway.settings.yaml_reader import (
    BadConfig,
    Problem,
    YamlLines,
    compose_yaml,
    construct_yaml,
    packaged_yaml,
    read_shape,
    read_shape_and_lines,
    read_yaml,
    validate,
)

__all__ = [
    "DAYS",
    "EMAIL_SLOT",
    "AnswerByMailSettings",
    "BadConfig",
    "BrandSettings",
    "Brands",
    "CoreSettings",
    "DeclaredSection",
    "DeliverySettings",
    "Hours",
    "LimitSettings",
    "PostgresSettings",
    "Problem",
    "ProcessSettings",
    "RedisSettings",
    "RetentionSettings",
    "Settings",
    "SlotSettings",
    "SupportAddressName",
    "WebhookEndpoint",
    "WebhookSettings",
    "WorkerSettings",
    "YamlLines",
    "compile_slot",
    "compose_yaml",
    "construct_yaml",
    "load",
    "packaged_yaml",
    "read_shape",
    "read_shape_and_lines",
    "read_yaml",
    "validate",
]
