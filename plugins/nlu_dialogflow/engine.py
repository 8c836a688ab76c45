"""Dialogflow ES as an understander, by ``Sessions.DetectIntent`` of its API v2 over gRPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from gateway import Guess, Insight, TryLater, Turn, Value, WarmlineError

if TYPE_CHECKING:
    from google.cloud.dialogflow_v2 import QueryResult, SessionsAsyncClient

LONGEST = 256
"""Characters that DetectIntent takes."""
OUT_OF_SCOPE = "oos"


class DialogflowError(WarmlineError):
    """The service gave no answer that can be used."""


class DialogflowAgent(Value, frozen=True, kw_only=True):
    """Which agent is asked, and where. ``timeout``: seconds for one call."""

    project: str
    location: str | None = None
    language: str = "en"
    credentials: Path | None = None
    endpoint: str | None = None
    timeout: float = 3.0

    def new_session(self) -> str:
        """The name of a new session."""
        location = f"/locations/{self.location}" if self.location else ""
        return f"projects/{self.project}{location}/agent/sessions/{uuid4().hex}"


@dataclass(kw_only=True, eq=False)
class DialogflowUnderstander:
    """Finds the intent with a Dialogflow agent; emotion and signals come from others.

    Each message has a session of its own: no context of the agent carries over. ``at_once``: the
    most calls at the same time; ``our_names``: the agent's name of an intent -> ours, where they
    differ. Implements `Understander`, `RemoteUnderstander` and `NeedsTeardown`.
    """

    name = "nlu_dialogflow"
    priority = 30
    agent: DialogflowAgent
    at_once: int
    our_names: Mapping[str, str] = field(default_factory=dict)
    _client: SessionsAsyncClient | None = field(default=None, init=False)

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        """One call for each turn."""
        return [await self._understand(turn) for turn in turns]

    async def teardown(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.transport.close()  # type: ignore[no-untyped-call]
            self._client = None

    async def _understand(self, turn: Turn) -> Insight:
        from google.api_core import exceptions  # noqa: PLC0415  (slow to load)
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

        language = turn.conversation.language or turn.customer.language or self.agent.language
        text = {"text": turn.message.text[:LONGEST], "language_code": language}
        request = {"session": self.agent.new_session(), "query_input": {"text": text}}
        try:
            if self._client is None:
                self._client = _connect(self.agent)
            answer = await self._client.detect_intent(
                request=request, timeout=self.agent.timeout, retry=None
            )
        except (exceptions.ResourceExhausted, exceptions.TooManyRequests):
            raise TryLater("its quota is used up") from None
        except (exceptions.GoogleAPIError, GoogleAuthError) as error:
            raise DialogflowError(f"no answer: {type(error).__name__}") from None
        return Insight(ranking=self._ranking(answer.query_result))

    def _ranking(self, result: QueryResult) -> tuple[Guess, ...]:
        name, confidence = result.intent.display_name, result.intent_detection_confidence
        if not name and not result.intent.name:
            return ()
        # A fallback has the confidence 1: no intent came near.
        ours = OUT_OF_SCOPE if result.intent.is_fallback else self.our_names.get(name, name)
        return (Guess(name=ours, confidence=confidence),)


def _connect(agent: DialogflowAgent) -> SessionsAsyncClient:
    import grpc.aio  # noqa: PLC0415  (slow to load)
    from google.api_core.client_options import ClientOptions  # noqa: PLC0415
    from google.cloud import dialogflow_v2  # noqa: PLC0415
    from google.cloud.dialogflow_v2.services.sessions.transports import (  # noqa: PLC0415
        SessionsGrpcAsyncIOTransport,
    )

    if agent.endpoint:
        channel = grpc.aio.insecure_channel(agent.endpoint)
        return dialogflow_v2.SessionsAsyncClient(
            transport=SessionsGrpcAsyncIOTransport(channel=channel)
        )
    options = ClientOptions()
    if agent.location:
        options.api_endpoint = f"{agent.location}-dialogflow.googleapis.com"
    if agent.credentials:
        client: SessionsAsyncClient = dialogflow_v2.SessionsAsyncClient.from_service_account_file(
            str(agent.credentials), client_options=options
        )
        return client
    return dialogflow_v2.SessionsAsyncClient(client_options=options)
