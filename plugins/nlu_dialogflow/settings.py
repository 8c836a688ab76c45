"""What can be set below ``plugins.nlu_dialogflow``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from gateway import Settings, WarmlineError

from .engine import Agent, NluDialogflow


class DialogflowSettings(BaseModel):
    """Section ``plugins.nlu_dialogflow``: an agent of Dialogflow ES."""

    model_config = ConfigDict(extra="forbid")

    project: str = Field(description="the Google Cloud project's id")
    location: str | None = Field(None, description="the agent's region; none: global")
    language: str = Field("en", description="of the agent, when the conversation's is not known")
    credentials: Path | None = Field(
        None, description="a service account's JSON file; none: Google's default credentials"
    )
    endpoint: str | None = Field(
        None, description="another server's host:port, without TLS, for tests, proxies"
    )
    timeout: float = Field(3.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=256, description="calls side by side")
    names: dict[str, str] = Field({}, description="the agent's intents by our names for them")
    _engine: NluDialogflow | None = PrivateAttr(None)

    def engine(self, settings: Settings) -> NluDialogflow:
        """The one understander of this section, made when first asked for."""
        if find_spec("google") is None or find_spec("google.cloud.dialogflow_v2") is None:
            raise WarmlineError("plugins.nlu_dialogflow needs `pip install 'warmline[dialogflow]'`")
        if self._engine is None:
            agent = Agent(
                project=self.project,
                location=self.location,
                language=self.language,
                credentials=settings.path(self.credentials) if self.credentials else None,
                endpoint=self.endpoint,
                timeout=self.timeout,
            )
            ours = {theirs: name for name, theirs in self.names.items()}
            self._engine = NluDialogflow(agent, at_once=self.at_once, ours=ours)
        return self._engine
