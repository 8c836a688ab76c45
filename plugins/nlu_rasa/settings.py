"""What can be set below ``plugins.nlu_rasa``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, field_validator

from .client import Client
from .engine import NluRasa


class RasaSettings(BaseModel):
    """Section ``plugins.nlu_rasa``: a Rasa 3 server, started with ``rasa run --enable-api``."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="where the server is, such as http://127.0.0.1:5005")
    token: SecretStr | None = Field(None, description="its --auth-token")
    timeout: float = Field(3.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=256, description="calls side by side")
    dialogue: bool = Field(False, description="Rasa's dialogue answers, too, not only its NLU")
    _client: Client | None = PrivateAttr(None)
    _engine: NluRasa | None = PrivateAttr(None)

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    def client(self) -> Client:
        """The one client of this section, made when first asked for."""
        if self._client is None:
            self._client = Client(self.url, token=self.token, timeout=self.timeout)
        return self._client

    def engine(self) -> NluRasa:
        """The one understander of this section, made when first asked for."""
        if self._engine is None:
            self._engine = NluRasa(self.client(), at_once=self.at_once)
        return self._engine
