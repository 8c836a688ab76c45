"""The section ``plugins.nlu_rasa``, and the objects it describes."""

from __future__ import annotations

from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from .client import RasaClient
from .engine import RasaUnderstander


class RasaSettings(BaseModel):
    """Section ``plugins.nlu_rasa``: a Rasa 3 server, started with ``rasa run --enable-api``."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="where the server is, such as http://127.0.0.1:5005")
    token: SecretStr | None = Field(None, description="its --auth-token")
    timeout: float = Field(3.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=256, description="the most calls at the same time")
    dialogue: bool = Field(False, description="Rasa's dialogue answers customers too")

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @cached_property
    def client(self) -> RasaClient:
        """The one client of this section."""
        return RasaClient(self.url, token=self.token, timeout=self.timeout)

    @cached_property
    def understander(self) -> RasaUnderstander:
        """The one understander of this section."""
        return RasaUnderstander(client=self.client, at_once=self.at_once)
