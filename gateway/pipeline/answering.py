"""Asking the handlers, in order, and what happens when one of them fails."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from gateway.model import Reason, Reply, SurveyAnswer, Turn, Value
from gateway.pipeline.validation import InvalidInsight, is_valid_text
from gateway.ports import Handler, Suggester, SurveyReader
from gateway.routing.policy import Policy
from gateway.routing.route import after_failure, hand_over
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import with_timeout

log = structlog.get_logger()

LAST_RESORT = Reply(
    opener="",
    body=("I could not work this out myself. A person will read your message and answer you.",),
    purpose="handover",
)
"""What is said when even the words for a hand-over could not be had from a handler."""


class HandlerAnswer(Value, frozen=True, kw_only=True):
    """What a handler had to say; ``turn`` carries the route as it is now."""

    turn: Turn
    reply: Reply | None = None
    handler: str | None = None


class HandlerFailed(Exception):
    """A handler raised, hung, or gave back what is no reply."""

    def __init__(self, handler: str, what: str) -> None:
        super().__init__(f"{handler} {what}")


class HandlerChain:
    """All handlers, lowest ``priority`` first; each has ``timeout`` seconds."""

    def __init__(
        self, handlers: Sequence[Handler], *, policy: Policy, timeout: float, metrics: Metrics
    ) -> None:
        self._handlers = tuple(sorted(handlers, key=lambda handler: handler.priority))
        self._policy = policy
        self._timeout = timeout
        self._metrics = metrics

    async def answer(self, turn: Turn) -> HandlerAnswer:
        """The first reply. A failing handler sends the turn to a person, and so does a question
        that nobody answers."""
        if turn.route.action == "pass":
            return HandlerAnswer(turn=turn)
        try:
            found = await self._first(turn)
        except HandlerFailed as failure:
            return await self._say_handed_over(
                turn.replace(route=after_failure(turn, self._policy, str(failure)))
            )
        if found.reply is None:
            return await self._unanswered(turn)
        if found.reply.escalate and turn.route.action != "escalate":
            route = hand_over(turn, self._policy, found.reply.escalate)
            return found.replace(turn=turn.replace(route=route))
        return found

    async def suggest(self, turn: Turn) -> tuple[Reply, str] | None:
        """A draft for the agent and who made it; a failing suggester is only counted."""
        for handler in self._handlers:
            if isinstance(handler, Suggester):
                try:
                    with self._metrics.working("suggester", handler.name):
                        draft = await with_timeout(self._timeout, handler.suggest(turn))
                except Exception:  # noqa: BLE001  (logged and counted)
                    self._count(handler.name, turn)
                    continue
                if draft is not None:
                    return draft, handler.name
        return None

    def read_survey(self, turn: Turn) -> SurveyAnswer | None:
        """The answer to the open survey, if the message is one."""
        for handler in self._handlers:
            if isinstance(handler, SurveyReader):
                try:
                    answer = handler.read_answer(turn)
                except Exception:  # noqa: BLE001  (logged and counted)
                    self._count(handler.name, turn)
                    continue
                if answer is not None:
                    return answer
        return None

    async def _first(self, turn: Turn) -> HandlerAnswer:
        for handler in self._handlers:
            reply = await self._ask(handler, turn)
            if reply is not None:
                return HandlerAnswer(turn=turn, reply=reply, handler=handler.name)
        return HandlerAnswer(turn=turn)

    async def _ask(self, handler: Handler, turn: Turn) -> Reply | None:
        try:
            with self._metrics.working("handler", handler.name):
                reply: object = await with_timeout(self._timeout, handler.handle(turn))
        except TimeoutError:
            self._count(handler.name, turn)
            raise HandlerFailed(handler.name, f"took longer than {self._timeout:g} s") from None
        except Exception as error:
            self._count(handler.name, turn)
            raise HandlerFailed(handler.name, f"raised {type(error).__name__}") from error
        if reply is None or (isinstance(reply, Reply) and _makes_sense(reply)):
            return reply
        log.error("handler.nonsense", handler=handler.name, turn=turn.id, gave=type(reply).__name__)
        self._metrics.failures.labels(handler.name).inc()
        raise HandlerFailed(handler.name, "gave back something that is no reply")

    async def _unanswered(self, turn: Turn) -> HandlerAnswer:
        if turn.kind != "message":
            return HandlerAnswer(turn=turn)
        if turn.route.action == "escalate":
            return HandlerAnswer(turn=turn, reply=LAST_RESORT)
        nobody = Reason(code="no_answer", detail="no handler had an answer")
        return await self._say_handed_over(
            turn.replace(route=hand_over(turn, self._policy, (nobody,)))
        )

    async def _say_handed_over(self, turn: Turn) -> HandlerAnswer:
        if turn.kind != "message":
            return HandlerAnswer(turn=turn)
        try:
            found = await self._first(turn)
        except HandlerFailed:
            return HandlerAnswer(turn=turn, reply=LAST_RESORT)
        return found if found.reply is not None else HandlerAnswer(turn=turn, reply=LAST_RESORT)

    def _count(self, handler: str, turn: Turn) -> None:
        log.exception("handler.failed", handler=handler, turn=turn.id)
        self._metrics.failures.labels(handler).inc()


def has_words(reply: Reply) -> bool:
    return bool(reply.body or reply.next_step or reply.opener)


def _makes_sense(reply: Reply) -> bool:
    """It is what its type says, and it says something or asks for something to be done."""
    try:
        is_valid_text(reply)
    except InvalidInsight:
        return False
    return has_words(reply) or bool(reply.timers or reply.escalate) or reply.purpose == "notice"
