"""Telegram: customers write to a bot, by webhook or by long polling. See docs/telegram.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from gateway import Channel, Section, Settings, SupportAddressName, hookimpl

__all__ = ["BOT_API", "TelegramSettings"]

BOT_API = "https://api.telegram.org/bot"
"""Telegram's own Bot API."""


def _check_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9:_-]+", value.get_secret_value()):
        raise ValueError("is not a bot token; copy the one from @BotFather, like 123:AbC")
    return value


def _check_secret(value: SecretStr | None) -> SecretStr | None:
    if not value:
        return None  # a compose file may set an empty variable
    # setWebhook, Bot API: 1-256 characters of A-Z, a-z, 0-9, _ and -.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value.get_secret_value()):
        raise ValueError("must be 1 to 256 of the characters A-Z a-z 0-9 _ -; make a new one")
    return value


Token = Annotated[SecretStr, AfterValidator(_check_token)]
Secret = Annotated[SecretStr | None, AfterValidator(_check_secret)]


class TelegramBot(BaseModel):
    """A further bot. Everything else is as in `TelegramSettings`."""

    model_config = ConfigDict(extra="forbid")

    bot_token: Token = Field(description="from @BotFather")
    secret: Secret = Field(None, description="none: we poll")


class TelegramSettings(BaseModel):
    """The section ``channels.telegram``: one bot; ``bots`` are further ones by name.

    With a ``secret`` Telegram calls our webhook below ``public_url``; without one we poll, which
    needs no public address.
    """

    model_config = ConfigDict(extra="forbid")

    bot_token: Token = Field(description="from @BotFather")
    secret: Secret = Field(
        None, description="proves that a call is Telegram's; 1 to 256 of A-Za-z0-9_-"
    )
    api_base: str = Field(BOT_API, description="the Bot API's address, without the token")
    groups: Literal["mention", "ignore"] = Field(
        "mention", description="in groups: read what mentions the bot or replies to it, or nothing"
    )
    poll_timeout: int = Field(25, ge=0, le=50, description="seconds that one poll may wait")
    connect_timeout: float = Field(5.0, gt=0, le=25, description="seconds")
    timeout: float = Field(15.0, gt=0, le=25, description="seconds for Telegram's answer")
    file_timeout: float = Field(20.0, gt=0, le=50, description="seconds to download one file")
    # "For the moment, bots can download files of up to 20MB in size": getFile, Bot API.
    max_file_size: int = Field(
        20_000_000, ge=0, description="bytes; larger files stay with Telegram"
    )
    max_connections: int = Field(40, ge=1, le=100, description="from Telegram to our webhook")

    bots: dict[SupportAddressName, TelegramBot] = Field(
        {}, description="further bots of ours, each a support address of its own"
    )

    @model_validator(mode="after")
    def _each_bot_once(self) -> Self:
        tokens = [self.bot_token, *(bot.bot_token for bot in self.bots.values())]
        if len({token.get_secret_value() for token in tokens}) < len(tokens):
            raise ValueError("`bots`: two have the same `bot_token`; each needs its own bot")
        return self

    def accounts(self) -> dict[str, Self]:
        """The settings of each bot, by its name; the first one has none."""
        return {
            "": self,
            **{name: self.model_copy(update=dict(bot)) for name, bot in self.bots.items()},
        }

    @field_validator("api_base")
    @classmethod
    def _check_api_base(cls, value: str) -> str:
        if not re.match(r"https?://[^/]+.*/bot", value):
            raise ValueError("must look like `https://host/bot`; we add the token")
        return value

    @property
    def file_base(self) -> str:
        """The address of files: ``https://host/file/bot`` for ``https://host/bot``."""
        host, _, rest = self.api_base.rpartition("/bot")
        return f"{host}/file/bot{rest}"


@hookimpl
def register_settings(section: Section) -> None:
    section("channels.telegram", TelegramSettings, {"TELEGRAM_BOT_TOKEN": "bot_token"})


@hookimpl
def register_channels(register: Callable[[Channel], None], settings: Settings) -> None:
    if account := settings.section(TelegramSettings):
        # The SDK takes a tenth of a second to import: without a bot nothing waits for it.
        from channels.telegram.channel import Telegram  # noqa: PLC0415

        for name, bot in account.accounts().items():
            register(Telegram.from_settings(bot, settings, support_address=name))
