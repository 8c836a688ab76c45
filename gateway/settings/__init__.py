"""Settings from one YAML file and the environment, read once at start-up.

Every setting can come from the environment as ``WARMLINE_...``, nested with ``__``. A variable
whose name ends in ``_FILE`` names a file with the value (Docker and Kubernetes secrets). A plugin's
section is validated with the model that the plugin registered. It is awake if the file has it or
one of its ``WARMLINE_`` variables is set, and asleep if it is ``false``. With ``auto``, or if it is
absent and a variable of its own (``TELEGRAM_BOT_TOKEN``) is set, it is awake if all required
settings are there.
"""

from gateway.settings.advice import validation_mistakes
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
from gateway.settings.corrections import as_meant, spans_in
from gateway.settings.hours import DAYS, Hours
from gateway.settings.loading import (
    DeclaredSection,
    SettingsRead,
    load,
    read_settings,
    unknown_variables,
)
from gateway.settings.mentions import MentionedName, MentionedNames, MentionsNames, NameReader
from gateway.settings.word_forms import choose_from, nearest
from gateway.settings.yaml_reader import (
    BadConfig,
    Problem,
    YamlLines,
    compose_yaml,
    construct_yaml,
    packaged_yaml,
    read_as_meant,
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
    "MentionedName",
    "MentionedNames",
    "MentionsNames",
    "NameReader",
    "PostgresSettings",
    "Problem",
    "ProcessSettings",
    "RedisSettings",
    "RetentionSettings",
    "Settings",
    "SettingsRead",
    "SlotSettings",
    "SupportAddressName",
    "WebhookEndpoint",
    "WebhookSettings",
    "WorkerSettings",
    "YamlLines",
    "as_meant",
    "choose_from",
    "compile_slot",
    "compose_yaml",
    "construct_yaml",
    "load",
    "nearest",
    "packaged_yaml",
    "read_as_meant",
    "read_settings",
    "read_shape",
    "read_shape_and_lines",
    "read_yaml",
    "spans_in",
    "unknown_variables",
    "validate",
    "validation_mistakes",
]
