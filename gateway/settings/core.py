"""The gateway's own settings, and `Settings`, which holds those of the plugins as well."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from gateway.settings.brands import BrandName, Brands, BrandSettings
from gateway.settings.yaml_reader import BadConfig, Problem, YamlLines, validate

M = TypeVar("M", bound=BaseModel)


class _Part(BaseModel):
    """A part of the settings in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid")


class WorkerSettings(_Part):
    """How turns are handled: limits, so that nothing slow stops the rest."""

    conversations_at_once: int = Field(64, ge=1, le=4096)
    handler_timeout: float = Field(10.0, gt=0, description="seconds")
    understand_timeout: float = Field(5.0, gt=0, description="seconds")
    context_timeout: float = Field(1.0, gt=0, description="seconds")
    step_timeout: float = Field(
        10.0, ge=0.5, description="seconds that a plugin may hold the event loop without waiting"
    )
    attempts: int = Field(5, ge=1, description="after these a person gets the message")
    drain: float = Field(10.0, ge=0, description="seconds to finish running work at SIGTERM")
    sweep: float = Field(
        30.0, gt=0, le=3600, description="seconds between searches for work that was missed"
    )
    idle_hours: float = Field(
        24.0, gt=0, description="hours of silence after which a conversation with the bot ends"
    )


class ShadowSettings(_Part):
    """What customers hear while the gateway is in shadow mode (`warmline shadow on`)."""

    out_of_hours: dict[Annotated[str, StringConstraints(pattern="^[a-z]{2}$")], str] = Field(
        {},
        description="language -> text that a customer gets once who writes while nobody works; "
        "none: nothing",
    )


class AnswerByMailSettings(_Part):
    """Whether customers of a chat who may leave are asked for an e-mail address at a hand-over."""

    enabled: bool = True
    after_minutes: float = Field(
        5.0,
        gt=0,
        le=1440,
        description="minutes without anyone claiming a hand-over, within opening hours, after "
        "which the customer is asked; outside them they are asked at once",
    )
    mails_per_hour: int = Field(
        60, ge=1, description="mails with a code that all customers together may cause in an hour"
    )


class DeliverySettings(_Part):
    """How replies are sent: retries with exponential back-off and full jitter."""

    attempts: int = Field(
        24,
        ge=1,
        description="after these a reply is a dead letter; by default after about 40 minutes",
    )
    backoff_first: float = Field(1.0, gt=0, description="seconds")
    backoff_most: float = Field(300.0, gt=0, description="seconds")
    timeout: float = Field(30.0, gt=0, description="seconds for one attempt")


class RedisSettings(_Part):
    """How processes share work through Redis, which may lose its data at any time."""

    prefix: str = Field(
        "warmline",
        pattern=r"^[\w.-]{1,64}$",
        description="the prefix of every key",
    )
    timeout: float = Field(1.0, gt=0, le=30, description="seconds for one call")
    lock: float = Field(
        10.0, ge=0.5, le=600, description="seconds after which a dead process's locks expire"
    )
    sweep: float = Field(
        5.0,
        gt=0,
        le=3600,
        description="seconds between searches for work while Redis cannot be reached",
    )


class LimitSettings(_Part):
    """Limits on incoming requests and messages."""

    body: int = Field(1_000_000, ge=1_000, description="bytes of a request's body")
    attachment: int = Field(10_000_000, ge=1_000, description="bytes of one attachment")
    text: int = Field(
        20_000, ge=100, description="characters of one message; a longer one is stored as a file"
    )
    accepts: int = Field(1024, ge=1, description="messages that are committed at the same time")
    accepts_each: int = Field(64, ge=1, description="of these, from one customer's address")
    waiting: int | None = Field(
        100_000, ge=1, description="messages waiting to be handled; above it new ones are refused"
    )
    waiting_seconds: float | None = Field(
        None, gt=0, description="age of the oldest of them; above it new messages are refused"
    )
    disk: int = Field(
        100, ge=0, description="megabytes that must be free; below, `/readyz` answers 503"
    )
    files: int | None = Field(
        None, ge=1, description="megabytes of all stored files; above, uploads are refused"
    )
    memory: int | None = Field(
        None, ge=64, description="megabytes of this process; above it new messages are refused"
    )


class TracingSettings(_Part):
    """OpenTelemetry traces. OpenTelemetry's own ``OTEL_`` variables say where they go."""

    enabled: bool | Literal["auto"] = Field(
        "auto", description="auto: awake when OTEL_EXPORTER_OTLP_ENDPOINT is set"
    )


class PostgresSettings(_Part):
    """How PostgreSQL is used, if ``database_url`` names one."""

    writers: int = Field(4, ge=1, le=64, description="connections that write")
    readers: int = Field(4, ge=1, le=64, description="connections that read")
    pages: int = Field(2, ge=1, le=64, description="connections that read for pages and reports")
    statement_timeout: float = Field(15.0, gt=0, description="seconds")
    lock_timeout: float = Field(5.0, gt=0, description="seconds to wait for another process")


class ProcessSettings(_Part):
    """This process, among others on the same database."""

    name: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="unique, and the same at every start: it then resumes its work at once",
    )
    lease: float = Field(
        15.0, ge=1, description="seconds without a heartbeat after which others take over its work"
    )


class RetentionSettings(_Part):
    """After how many days data is deleted; none: never. Runs once a day, in small batches."""

    conversations_days: int | None = Field(
        None, ge=1, description="days of silence; then a conversation is deleted, unless open"
    )
    attachments_days: int | None = Field(None, ge=1, description="files of messages")
    inbox_days: int | None = Field(
        90, ge=7, description="rows of handled messages; until then duplicates are recognised"
    )
    outbox_days: int | None = Field(90, ge=1, description="rows of sent messages")
    webhooks_days: int | None = Field(
        30, ge=1, description="delivered webhooks; until then they can be replayed"
    )
    archive: Path | None = Field(
        None, description="folder to which conversations are written as JSON lines before deletion"
    )
    hour: int = Field(3, ge=0, le=23, description="hour of the day, UTC, at which it runs")
    batch: int = Field(200, ge=1, le=10_000, description="conversations or rows in one commit")


EndpointName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
NEW_SECRET = "`echo whsec_$(openssl rand -base64 32)` makes one"  # noqa: S105  (a command)


class WebhookEndpoint(_Part):
    """Another system that receives webhooks."""

    url: HttpUrl
    secret: SecretStr = Field(
        description="`whsec_` and base64; during a change two, with a space between them"
    )
    events: tuple[str, ...] = Field((), description="`message.sent`, or `message`; none: all")
    include_text: bool = Field(False, description="whether webhooks contain the messages' texts")
    allow_private: bool = Field(False, description="whether the URL may be on a private network")

    @field_validator("secret")
    @classmethod
    def _check_keys(cls, secret: SecretStr) -> SecretStr:
        keys = secret.get_secret_value().split()
        if not keys or not all(_is_key(key) for key in keys):
            raise ValueError(f"must be `whsec_` and base64 of 24 to 64 bytes; {NEW_SECRET}")
        return secret


class WebhookSettings(_Part):
    """The endpoints that receive webhooks, and how deliveries are retried."""

    endpoints: dict[EndpointName, WebhookEndpoint] = {}
    attempts: int = Field(24, ge=1, description="after these an event is a dead letter")
    backoff_first: float = Field(5.0, gt=0, description="seconds")
    backoff_most: float = Field(21_600.0, gt=0, description="seconds")
    timeout: float = Field(15.0, gt=0, le=300, description="seconds for one attempt")
    at_once: int = Field(8, ge=1, le=256, description="concurrent requests to one endpoint")


def _is_key(text: str) -> bool:
    """Whether ``text`` is a key of 24 to 64 bytes, as the Standard Webhooks specification asks."""
    try:
        return 24 <= len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) <= 64
    except binascii.Error:
        return False


SLOT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_SLOT_LENGTH = 64
"""Characters that the pattern of a slot may match."""
MAX_SLOT_WAYS = 200
"""Ways in which the pattern of a slot may match at one place: it bounds the time of a search."""
EMAIL_SLOT = "email"
"""The slot that every shop has: an e-mail address."""


def compile_slot(pattern: str) -> re.Pattern[str]:
    """``pattern`` as it is searched for: in any case, and not within a longer word.

    Raises ValueError that says what to change when it is no regular expression, or when what it
    matches or how long a search takes is not bounded.
    """
    try:
        compiled = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
        parsed: Any = import_module("re._parser").parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    least, most = parsed.getwidth()
    if least < 1 or most > MAX_SLOT_LENGTH:
        raise ValueError(
            f"must match 1 to {MAX_SLOT_LENGTH} characters; write `{{1,8}}` in place of `*` or `+`"
        )
    if _ways(parsed) > MAX_SLOT_WAYS:
        raise ValueError(
            f"can match in more than {MAX_SLOT_WAYS} ways, which makes a search slow; "
            "use fewer optional parts"
        )
    return compiled


def _ways(parsed: Iterable[tuple[Any, Any]]) -> int:
    """The most ways in which a parsed pattern can match at one place."""
    return prod(_ways_of(str(operator), argument) for operator, argument in parsed)


def _ways_of(operator: str, argument: Any) -> int:
    match operator:
        case "BRANCH":
            return sum(map(_ways, argument[1]))
        case "SUBPATTERN" | "ASSERT" | "ASSERT_NOT":
            return _ways(argument[-1])
        case "ATOMIC_GROUP":
            return _ways(argument)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, repeated = argument
            ways = min(_ways(repeated), MAX_SLOT_WAYS + 1)
            times = range(least, min(most, MAX_SLOT_LENGTH) + 1)
            return sum(min(ways**n, MAX_SLOT_WAYS + 1) for n in times)
        case "GROUPREF" | "GROUPREF_EXISTS":
            raise ValueError("must not refer to its own groups; write the part again")
        case _:
            return 1


def _check_slot(pattern: str) -> str:
    compile_slot(pattern)
    return pattern


PerLanguage = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^([a-z]{2,3}|\*)$")], str],
    BeforeValidator(lambda value: {"*": value} if isinstance(value, str) else value),
]
"""A text by language (ISO 639); one text alone, or the key ``*``, is for every language."""


class SlotSettings(_Part):
    """A fact that customers state in their messages, such as an order number."""

    pattern: Annotated[str, AfterValidator(_check_slot)] = Field(
        min_length=1, description="regular expression, in any case, of bounded length"
    )
    titles: PerLanguage = Field({}, description="language -> its name, `order number`")
    ask: PerLanguage = Field(
        {}, description="language -> the question for it; none: a packaged one with the title"
    )


class VersionSettings(_Part):
    """What people adopt: see docs/versions.md."""

    write_files: bool = Field(
        False, description="whether the team's own YAML files are written, too"
    )
    look_every: float = Field(
        2.0, gt=0, description="seconds after which another program's changes are followed"
    )


def _check_public_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no URL; write it as `https://chat.your-site.com`")
    return url


class CoreSettings(BaseModel):
    """The gateway's own settings: the top level of the file."""

    model_config = ConfigDict(extra="ignore")

    data_dir: Path = Path("var")
    database_url: str | None = None
    redis_url: str | None = Field(None, description="none: one process works alone", repr=False)
    role: Literal["all", "web", "worker"] = Field(
        "all", description="web: HTTP; worker: messages, replies and timers; all: both"
    )
    public_url: Annotated[str, AfterValidator(_check_public_url)] = "http://127.0.0.1:8080"
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    proxies: int = Field(
        0,
        ge=0,
        le=8,
        description="trusted proxies in front of us, each of which adds the address of its client "
        "to X-Forwarded-For",
    )
    policy: Path | None = Field(None, description="routing policy; none: the built-in one")
    logs: Literal["auto", "json", "text"] = "auto"
    data_key: SecretStr | None = Field(
        None,
        description="keys that encrypt stored data, in base64, only from the environment; the "
        "first encrypts, each of them decrypts; none: nothing is encrypted",
    )
    audit_days: int = Field(
        365, ge=0, description="days for which entries of the audit log are kept; 0: for ever"
    )
    slots: dict[
        Annotated[str, StringConstraints(pattern=f"^{SLOT_NAME.pattern}$")], SlotSettings
    ] = Field({}, description="what is taken from customers' messages, by name")
    brands: dict[BrandName, BrandSettings] = Field(
        {}, description="groups of support addresses that customers know by a name of their own"
    )
    worker: WorkerSettings = WorkerSettings()
    delivery: DeliverySettings = DeliverySettings()
    answer_by_mail: AnswerByMailSettings = AnswerByMailSettings()
    shadow: ShadowSettings = ShadowSettings()
    limits: LimitSettings = LimitSettings()
    webhooks: WebhookSettings = WebhookSettings()
    tracing: TracingSettings = TracingSettings()
    retention: RetentionSettings = RetentionSettings()
    versions: VersionSettings = VersionSettings()
    postgres: PostgresSettings = PostgresSettings()
    process: ProcessSettings = ProcessSettings()
    redis: RedisSettings = RedisSettings()

    @model_validator(mode="after")
    def _one_brand_each(self) -> Self:
        owners: dict[str, str] = {}
        for name, brand in self.brands.items():
            for key in brand.support_addresses:
                if (other := owners.setdefault(key, name)) != name:
                    raise ValueError(
                        f"`brands`: {key} belongs to both {other} and {name}; leave it in one"
                    )
        return self

    @property
    def slot_names(self) -> frozenset[str]:
        """The names of all slots, the packaged ones included."""
        return frozenset({*self.slots, EMAIL_SLOT})


class Settings:
    """All settings, validated. A plugin gets its own part with `section`."""

    def __init__(
        self,
        core: CoreSettings,
        sections: Mapping[type[BaseModel], BaseModel],
        *,
        base: Path,
        file: Path | None = None,
        asleep: Mapping[str, str] | None = None,
        warnings: Iterable[Problem] = (),
    ) -> None:
        self.core = core
        self.base = base
        self.file = file
        """The file that they were read from; None: the environment alone."""
        self.brands = Brands(core.brands)
        self.asleep = dict(asleep or {})
        """Why each sleeping section sleeps, for people to read, by the section's name."""
        self.warnings = tuple(warnings)
        """What is valid, and surely not as intended."""
        self._sections = dict(sections)

    def section(self, model: type[M]) -> M | None:
        """The section that was declared with ``model``; None if it is asleep."""
        found = self._sections.get(model)
        return found if isinstance(found, model) else None

    @property
    def sections(self) -> tuple[BaseModel, ...]:
        """All sections that are awake."""
        return tuple(self._sections.values())

    def overlaid(self, section: M, values: Mapping[str, Any], key: str) -> M:
        """``section`` with ``values`` from the settings at ``key``. Raises BadConfig."""
        own = {name: getattr(section, name) for name in section.model_fields_set}
        problems: list[Problem] = []
        merged = own | dict(values)
        found = validate(type(section), merged, key, YamlLines("settings", {}), problems)
        if found is None:
            raise BadConfig(problems)
        return found

    def replace(self, *, core: CoreSettings) -> Settings:
        """A copy with another ``core``."""
        return Settings(
            core,
            self._sections,
            base=self.base,
            file=self.file,
            asleep=self.asleep,
            warnings=self.warnings,
        )

    def path(self, path: Path) -> Path:
        """``path``, made relative to the folder of the configuration file unless absolute."""
        return path if path.is_absolute() else self.base / path

    @property
    def database_url(self) -> str:
        """The database's URL; by default a SQLite file in `data_dir`."""
        return self.core.database_url or f"sqlite:///{self.data_dir / 'warmline.db'}"

    @property
    def data_dir(self) -> Path:
        """The folder for data, relative to the working directory."""
        return self.core.data_dir
