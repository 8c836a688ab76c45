"""Google Dialogflow ES beside the embedded engine: its intents."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from gateway import Section, Settings, Understander, WarmlineError, hookimpl

from .engine import DialogflowAgent, DialogflowError, DialogflowUnderstander

__all__ = ["DialogflowError", "DialogflowSettings", "DialogflowUnderstander"]


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
        None, description="another server's host:port, without TLS, for tests and proxies"
    )
    timeout: float = Field(3.0, gt=0, le=60, description="seconds for one call")
    at_once: int = Field(8, ge=1, le=256, description="the most calls at the same time")
    names: dict[str, str] = Field({}, description="our name of an intent: the agent's")
    _understander: DialogflowUnderstander | None = PrivateAttr(None)

    def understander(self, settings: Settings) -> DialogflowUnderstander:
        """The one understander of this section, made at the first call."""
        if find_spec("google") is None or find_spec("google.cloud.dialogflow_v2") is None:
            raise WarmlineError("plugins.nlu_dialogflow needs `pip install 'warmline[dialogflow]'`")
        if self._understander is None:
            agent = DialogflowAgent(
                project=self.project,
                location=self.location,
                language=self.language,
                credentials=settings.path(self.credentials) if self.credentials else None,
                endpoint=self.endpoint,
                timeout=self.timeout,
            )
            our_names = {theirs: ours for ours, theirs in self.names.items()}
            self._understander = DialogflowUnderstander(
                agent=agent, at_once=self.at_once, our_names=our_names
            )
        return self._understander


@hookimpl
def register_settings(section: Section) -> None:
    section("plugins.nlu_dialogflow", DialogflowSettings, {})


@hookimpl
def register_understanders(register: Callable[[Understander], None], settings: Settings) -> None:
    if section := settings.section(DialogflowSettings):
        register(section.understander(settings))
