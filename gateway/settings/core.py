"""The gateway's own settings, and all of them together."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    field_validator,
)

M = TypeVar("M", bound=BaseModel)


class WorkerSettings(BaseModel):
    """How turns are worked: bounds that keep one slow thing from stopping the rest."""

    model_config = ConfigDict(extra="forbid")

    conversations_at_once: int = Field(64, ge=1, le=4096)
    handler_timeout: float = Field(10.0, gt=0, description="seconds")
    understand_timeout: float = Field(5.0, gt=0, description="seconds")
    context_timeout: float = Field(1.0, gt=0, description="seconds")
    attempts: int = Field(5, ge=1, description="then a person gets the message")
    drain: float = Field(10.0, ge=0, description="seconds to finish at SIGTERM")
    sweep: float = Field(
        30.0, gt=0, le=3600, description="seconds between looks for work that was forgotten"
    )
    idle_hours: float = Field(
        24.0, gt=0, description="then a conversation left with the bot is over"
    )


class DeliverySettings(BaseModel):
    """How replies are sent: exponential back-off with full jitter between the two bounds."""

    model_config = ConfigDict(extra="forbid")

    attempts: int = Field(
        24, ge=1, description="then it is a dead letter; by default after some 40 minutes"
    )
    backoff_first: float = Field(1.0, gt=0, description="seconds")
    backoff_most: float = Field(300.0, gt=0, description="seconds")
    timeout: float = Field(30.0, gt=0, description="seconds for one attempt")


class RedisSettings(BaseModel):
    """How processes share work through Redis. It holds nothing that may not be lost."""

    model_config = ConfigDict(extra="forbid")

    prefix: str = Field(
        "warmline",
        pattern=r"^[\w.-]{1,64}$",
        description="what the name of every key begins with",
    )
    timeout: float = Field(1.0, gt=0, le=30, description="seconds for one call")
    lock: float = Field(
        10.0, ge=0.5, le=600, description="seconds after which what a dead process held is free"
    )
    sweep: float = Field(
        5.0, gt=0, le=3600, description="seconds between sweeps while Redis is away"
    )


class LimitSettings(BaseModel):
    """Bounds on what comes in."""

    model_config = ConfigDict(extra="forbid")

    body: int = Field(1_000_000, ge=1_000, description="bytes of a request's body")
    attachment: int = Field(10_000_000, ge=1_000, description="bytes of one attachment")
    text: int = Field(
        20_000, ge=100, description="characters of one message; a longer one is kept as a file"
    )
    accepts: int = Field(1024, ge=1, description="messages that are being committed at once")
    accepts_each: int = Field(64, ge=1, description="of these, from one customer's address")
    waiting: int | None = Field(
        100_000, ge=1, description="messages that wait to be handled; then more are sent back"
    )
    waiting_seconds: float | None = Field(
        None, gt=0, description="age of the oldest of them; then more are sent back"
    )
    memory: int | None = Field(
        None, ge=64, description="megabytes of this process; then more messages are sent back"
    )


class TracingSettings(BaseModel):
    """OpenTelemetry traces. Where they go is told by its own ``OTEL_`` variables."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool | Literal["auto"] = Field(
        "auto", description="auto: awake when OTEL_EXPORTER_OTLP_ENDPOINT is set"
    )


class PostgresSettings(BaseModel):
    """How PostgreSQL is used, where ``database_url`` names one."""

    model_config = ConfigDict(extra="forbid")

    writers: int = Field(4, ge=1, le=64, description="connections that write")
    readers: int = Field(4, ge=1, le=64, description="connections that read")
    statement_timeout: float = Field(15.0, gt=0, description="seconds")
    lock_timeout: float = Field(5.0, gt=0, description="seconds to wait for another process")


class ProcessSettings(BaseModel):
    """This process among others on the same database."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="its own alone, the same at every start; then it takes up at once what it left",
    )
    lease: float = Field(
        15.0, ge=1, description="seconds without a sign of life; then others take over its work"
    )


class RetentionSettings(BaseModel):
    """Days after which things are deleted; none: never. Once a day, in small batches."""

    model_config = ConfigDict(extra="forbid")

    conversations_days: int | None = Field(
        None, ge=1, description="of silence; then all of a conversation that nobody has open"
    )
    attachments_days: int | None = Field(None, ge=1, description="then the files of messages")
    inbox_days: int | None = Field(
        90, ge=7, description="rows of handled messages; until then a repetition is known"
    )
    outbox_days: int | None = Field(90, ge=1, description="rows of sent messages")
    webhooks_days: int | None = Field(30, ge=1, description="told ones; until then replayable")
    archive: Path | None = Field(
        None, description="folder in which conversations are kept as JSON lines before they go"
    )
    hour: int = Field(3, ge=0, le=23, description="of the day, UTC, at which it is done")
    batch: int = Field(200, ge=1, le=10_000, description="conversations or rows in one commit")


EndpointName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
MAKE = "`echo whsec_$(openssl rand -base64 32)` makes one"


class WebhookEndpoint(BaseModel):
    """Another system that is told what happens here."""

    model_config = ConfigDict(extra="forbid")

    url: HttpUrl
    secret: SecretStr = Field(description="`whsec_` and base64; two with a space while it changes")
    events: tuple[str, ...] = Field((), description="`message.sent`, or `message`; none: all")
    include_text: bool = Field(False, description="what was written goes along")
    allow_private: bool = Field(False, description="the address may be one of this network")

    @field_validator("secret")
    @classmethod
    def _usable(cls, secret: SecretStr) -> SecretStr:
        keys = secret.get_secret_value().split()
        if not keys or not all(_is_key(one) for one in keys):
            raise ValueError(f"must be `whsec_` and base64 of 24 to 64 bytes; {MAKE}")
        return secret


class WebhookSettings(BaseModel):
    """Other systems, and how often and how long each is tried."""

    model_config = ConfigDict(extra="forbid")

    endpoints: dict[EndpointName, WebhookEndpoint] = {}
    attempts: int = Field(24, ge=1, description="then it is a dead letter")
    backoff_first: float = Field(5.0, gt=0, description="seconds")
    backoff_most: float = Field(21_600.0, gt=0, description="seconds")
    timeout: float = Field(15.0, gt=0, le=300, description="seconds for one attempt")
    at_once: int = Field(8, ge=1, le=256, description="requests side by side to one endpoint")


def _is_key(text: str) -> bool:
    """The size that the Standard Webhooks specification asks for, 24 to 64 bytes."""
    try:
        return 24 <= len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) <= 64
    except binascii.Error:
        return False


class CoreSettings(BaseModel):
    """The gateway's own settings: the top level of the file."""

    model_config = ConfigDict(extra="ignore")

    data_dir: Path = Path("var")
    database_url: str | None = None
    redis_url: str | None = Field(None, description="none: one process works alone", repr=False)
    role: Literal["all", "web", "worker"] = Field(
        "all", description="what this process does: doors and pages, lanes and timers, or both"
    )
    public_url: str = "http://127.0.0.1:8080"
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    policy: Path | None = Field(None, description="routing policy; none: the built-in defaults")
    logs: Literal["auto", "json", "text"] = "auto"
    data_key: SecretStr | None = Field(
        None,
        description="keys that seal what is stored, in base64, from the environment alone; the "
        "first seals, all of them open; none: nothing is sealed",
    )
    audit_days: int = Field(
        365, ge=0, description="days that a line of the audit log is kept; 0: for ever"
    )
    worker: WorkerSettings = WorkerSettings()
    delivery: DeliverySettings = DeliverySettings()
    limits: LimitSettings = LimitSettings()
    webhooks: WebhookSettings = WebhookSettings()
    tracing: TracingSettings = TracingSettings()
    retention: RetentionSettings = RetentionSettings()
    postgres: PostgresSettings = PostgresSettings()
    process: ProcessSettings = ProcessSettings()
    redis: RedisSettings = RedisSettings()


class Settings:
    """All settings, validated. Guests ask for their own part with `section`."""

    def __init__(
        self,
        core: CoreSettings,
        sections: Mapping[type[BaseModel], BaseModel],
        *,
        base: Path,
        asleep: Mapping[str, str] | None = None,
    ) -> None:
        self.core = core
        self.base = base
        self.asleep = dict(asleep or {})
        """Section name -> why it sleeps, in words."""
        self._sections = dict(sections)

    def section(self, model: type[M]) -> M | None:
        """The section that was declared with ``model``; None when it is asleep."""
        found = self._sections.get(model)
        return found if isinstance(found, model) else None

    def replace(self, *, core: CoreSettings) -> Settings:
        """The same with another core."""
        return Settings(core, self._sections, base=self.base, asleep=self.asleep)

    def path(self, path: Path) -> Path:
        """``path`` as the configuration means it: relative to the file it stands in."""
        return path if path.is_absolute() else self.base / path

    @property
    def database_url(self) -> str:
        """Where the database is: a file below `data_dir` if nothing else is said."""
        return self.core.database_url or f"sqlite:///{self.data_dir / 'warmline.db'}"

    @property
    def data_dir(self) -> Path:
        """Where data lie; relative to the working directory."""
        return self.core.data_dir
