"""Amazon Lex V2 beside the embedded engine: its intents."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib.util import find_spec

from pydantic import BaseModel, ConfigDict, Field

from gateway import Section, Settings, Understander, WarmlineError, hookimpl

from .engine import LexBot, LexError, LexUnderstander

__all__ = ["LexError", "LexSettings", "LexUnderstander"]


class LexSettings(BaseModel):
    """Section ``plugins.nlu_lex``: a bot of Amazon Lex V2. boto3 finds the credentials by itself
    (environment, profile, role)."""

    model_config = ConfigDict(extra="forbid")

    bot: str = Field(description="the bot's id")
    alias: str = Field(description="the alias's id")
    locale: str = Field("en_US", description="a locale of the bot")
    region: str = Field(description="of AWS, such as eu-west-1")
    endpoint: str | None = Field(
        None, description="another server's address, for tests and proxies"
    )
    timeout: float = Field(3.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=64, description="the most calls at the same time, in threads")
    names: dict[str, str] = Field({}, description="our name of an intent: the bot's")

    @cached_property
    def understander(self) -> LexUnderstander:
        """The one understander of this section."""
        if find_spec("boto3") is None:
            raise WarmlineError("plugins.nlu_lex needs `pip install 'warmline[lex]'`")
        bot = LexBot(
            bot=self.bot,
            alias=self.alias,
            locale=self.locale,
            region=self.region,
            endpoint=self.endpoint,
            timeout=self.timeout,
        )
        our_names = {theirs: ours for ours, theirs in self.names.items()}
        return LexUnderstander(bot, at_once=self.at_once, our_names=our_names)


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_lex", LexSettings, {})


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if section := settings.section(LexSettings):
        register(section.understander)
