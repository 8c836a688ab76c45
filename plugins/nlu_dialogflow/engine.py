"""Dialogflow ES as an understander, by ``Sessions.DetectIntent`` of its API v2 over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from gateway import Guess, Insight, Services, TryLater, Turn, Value, WarmlineError

if TYPE_CHECKING:
    from google.cloud.dialogflow_v2 import QueryResult, SessionsAsyncClient

LONGEST = 256
"""Characters that DetectIntent takes."""
OUT_OF_SCOPE = "oos"


class DialogflowError(WarmlineError):
    """The service gave no answer that can be used."""


class Agent(Value, frozen=True, kw_only=True):
    """Which agent, where. ``timeout``: seconds for one call."""

    project: str
    location: str | None = None
    language: str = "en"
    credentials: Path | None = None
    endpoint: str | None = None
    timeout: float = 3.0

    def session(self) -> str:
        """The name of a new session."""
        place = f"/locations/{self.location}" if self.location else ""
        return f"projects/{self.project}{place}/agent/sessions/{uuid4().hex}"


class NluDialogflow:
    """Tells the intent as a Dialogflow agent does; emotion and signals are left to others.

    Each message is a session of its own: no context of the agent carries over. Implements
    `Understander`, `RemoteUnderstander` and `Poller` (which only closes at the end).
    """

    name = "nlu_dialogflow"
    priority = 30

    def __init__(
        self, agent: Agent, *, at_once: int, ours: Mapping[str, str] | None = None
    ) -> None:
        """``ours``: the agent's name of an intent -> ours; others keep their own."""
        self._agent, self._ours = agent, dict(ours or {})
        self.at_once = at_once
        self._client: SessionsAsyncClient | None = None

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [await self._one(turn) for turn in turns]

    async def run(self, services: Services) -> None:  # noqa: ARG002  (a Poller is handed the house)
        try:
            await asyncio.Event().wait()
        finally:
            if self._client is not None:
                await _closed(self._client)
                self._client = None

    async def _one(self, turn: Turn) -> Insight:
        from google.api_core import exceptions  # noqa: PLC0415  (loaded when first asked)
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

        language = turn.conversation.language or turn.customer.language or self._agent.language
        text = {"text": turn.message.text[:LONGEST], "language_code": language}
        asked = {"session": self._agent.session(), "query_input": {"text": text}}
        try:
            answer = await self._connected().detect_intent(
                request=asked, timeout=self._agent.timeout, retry=None
            )
        except (exceptions.ResourceExhausted, exceptions.TooManyRequests):
            raise TryLater("its quota is used up") from None
        except (exceptions.GoogleAPIError, GoogleAuthError) as error:
            raise DialogflowError(f"no answer: {type(error).__name__}") from None
        return Insight(ranking=self._ranking(answer.query_result))

    def _ranking(self, told: QueryResult) -> tuple[Guess, ...]:
        name, sure = told.intent.display_name, told.intent_detection_confidence
        if not name and not told.intent.name:
            return ()
        # A fallback has the confidence 1: nothing else came near.
        ours = OUT_OF_SCOPE if told.intent.is_fallback else self._ours.get(name, name)
        return (Guess(name=ours, confidence=sure),)

    def _connected(self) -> SessionsAsyncClient:
        if self._client is None:
            self._client = _connect(self._agent)
        return self._client


def _connect(agent: Agent) -> SessionsAsyncClient:
    import grpc.aio  # noqa: PLC0415  (loaded when first asked)
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
    where = ClientOptions()
    if agent.location:
        where.api_endpoint = f"{agent.location}-dialogflow.googleapis.com"
    if agent.credentials:
        client: SessionsAsyncClient = dialogflow_v2.SessionsAsyncClient.from_service_account_file(
            str(agent.credentials), client_options=where
        )
        return client
    return dialogflow_v2.SessionsAsyncClient(client_options=where)


async def _closed(client: SessionsAsyncClient) -> None:
    await client.transport.close()  # type: ignore[no-untyped-call]  # google's own is not typed
