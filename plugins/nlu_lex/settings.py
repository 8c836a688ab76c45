"""What can be set below ``plugins.nlu_lex``."""

from __future__ import annotations

from importlib.util import find_spec

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from gateway import WarmlineError

from .engine import Bot, NluLex


class LexSettings(BaseModel):
    """Section ``plugins.nlu_lex``: a bot of Amazon Lex V2. Credentials are boto3's own affair
    (environment, profile, role)."""

    model_config = ConfigDict(extra="forbid")

    bot: str = Field(description="the bot's id")
    alias: str = Field(description="the alias' id")
    locale: str = Field("en_US", description="a locale of the bot")
    region: str = Field(description="of AWS, such as eu-west-1")
    endpoint: str | None = Field(None, description="another server's address, for tests, proxies")
    timeout: float = Field(3.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=64, description="calls side by side, a thread each")
    names: dict[str, str] = Field({}, description="the bot's intents by our names for them")
    _engine: NluLex | None = PrivateAttr(None)

    def engine(self) -> NluLex:
        """The one understander of this section, made when first asked for."""
        if find_spec("boto3") is None:
            raise WarmlineError("plugins.nlu_lex needs `pip install 'warmline[lex]'`")
        if self._engine is None:
            bot = Bot(
                bot=self.bot,
                alias=self.alias,
                locale=self.locale,
                region=self.region,
                endpoint=self.endpoint,
                timeout=self.timeout,
            )
            ours = {theirs: name for name, theirs in self.names.items()}
            self._engine = NluLex(bot, at_once=self.at_once, ours=ours)
        return self._engine
