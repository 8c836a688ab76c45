"""Calls the handlers in order; when one fails, a person gets the message."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass

import structlog

from gateway.model import Reason, Reply, SurveyAnswer, Turn, Value
from gateway.pipeline.validation import InvalidValue, check_types
from gateway.ports import (
    AddressAsker,
    AddressStep,
    Handler,
    MatterHandler,
    NeedsSlots,
    PassageFinder,
    Suggester,
    SurveyReader,
    WaitingNotifier,
)
from gateway.routing.policy import PolicySource
from gateway.routing.reasons import HARM
from gateway.routing.route import (
    after_failure,
    asked_by,
    hand_over,
    is_still_in_line,
    may_be_known,
    with_known_matter,
)
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import PluginCrashed, call_plugin, with_timeout

log = structlog.get_logger()

MOST_PASSAGES = 3
"""Lines from the sources beside a hand-over."""
LAST_RESORT = Reply(
    opener="",
    body=("I could not work this out myself. A person will read your message and answer you.",),
    purpose="handover",
)
"""The hand-over reply when no handler offers one."""


LAST_RESORT_HARM = Reply(
    opener="",
    body=(
        "Are you safe? If anyone is hurt or in danger, please call your local emergency number.",
        "A person will read your message and answer you.",
    ),
    purpose="handover",
)
"""The same for a message that speaks of harm."""


class HandlerAnswer(Value, frozen=True, kw_only=True):
    """A handler's reply. ``turn`` has the route that is in force after it."""

    turn: Turn
    reply: Reply | None = None
    handler: str | None = None


class HandlerFailed(Exception):
    """A handler raised, timed out or returned an invalid reply."""


@dataclass
class HandlerChain:
    """All handlers, lowest ``priority`` first; each has ``timeout`` seconds."""

    handlers: Sequence[Handler]
    _: KW_ONLY
    policies: PolicySource
    timeout: float
    metrics: Metrics

    def __post_init__(self) -> None:
        self.handlers = tuple(sorted(self.handlers, key=lambda handler: handler.priority))
        self._needing = [(h.name, h) for h in self.handlers if isinstance(h, NeedsSlots)]
        self._knowing = [(h.name, h) for h in self.handlers if isinstance(h, MatterHandler)]

    async def answer(self, turn: Turn) -> HandlerAnswer:
        """The first reply. A message goes to a person when a handler fails or none replies."""
        if turn.route.action == "pass":
            return self._reassure(turn)
        try:
            answer = await self._known(turn) or await self._first_reply(turn)
        except HandlerFailed as failure:
            route = after_failure(turn, self.policies.current, str(failure))
            return await self._hand_over(turn.replace(route=route))
        reply, turn = answer.reply, answer.turn
        if reply is None:
            return await self._unanswered(turn)
        if reply.escalate and turn.route.action != "escalate":
            turn = turn.replace(route=hand_over(turn, self.policies.current, reply.escalate))
        if reply.escalate and not has_text(reply) and reply.purpose != "notice":
            return await self._hand_over(turn, reply)
        return answer.replace(turn=turn)

    async def _known(self, turn: Turn) -> HandlerAnswer | None:
        """The first answer of a handler that knows the matter; see `MatterHandler`. Failures are
        counted."""
        anyone = may_be_known(turn, self.policies.current)
        asker = asked_by(turn) if turn.kind == "message" and turn.route.action == "automate" else ""
        if not anyone and not asker:
            return None
        for name, handler in self._knowing:
            if not anyone and name != asker:
                continue
            try:
                with self.metrics.measure("knows", name):
                    reply = await with_timeout(self.timeout, handler.knows(turn))
                reply = None if reply is None else _known_reply(reply)
            except Exception:  # noqa: BLE001  (logged and counted)
                self._count_failure(name, turn)
                continue
            if reply is None:
                continue
            if reply.purpose != "clarify":
                known = turn.replace(route=with_known_matter(turn, name)) if anyone else turn
                return HandlerAnswer(turn=known, reply=reply, handler=name)
            if turn.route.action == "clarify":
                return HandlerAnswer(turn=turn, reply=reply, handler=name)
        return None

    async def passages_for(self, turn: Turn) -> tuple[str, ...]:
        """What the first handler with something finds for the agent. Failures are counted."""
        for handler in self.handlers:
            if isinstance(handler, PassageFinder):
                try:
                    with self.metrics.measure("passages", handler.name):
                        lines = await with_timeout(self.timeout, handler.passages_for(turn))
                    found = tuple(line for line in lines if isinstance(line, str) and line.strip())
                except Exception:  # noqa: BLE001  (logged and counted)
                    self._count_failure(handler.name, turn)
                    continue
                if found:
                    return found[:MOST_PASSAGES]
        return ()

    async def courtesy(self, turn: Turn) -> HandlerAnswer:
        """A plain reply to thanks, if a handler has one; silence otherwise, also after a failure:
        nobody waits for an answer."""
        try:
            answer = await self._first_reply(turn)
        except HandlerFailed:
            return HandlerAnswer(turn=turn)
        reply = answer.reply
        plain = reply is not None and reply.purpose in ("message", "answer", "thanks", "notice")
        if reply is None or not plain or reply.escalate or reply.survey is not None:
            return HandlerAnswer(turn=turn)
        return answer

    async def needed_slots(self, turn: Turn) -> tuple[str, ...]:
        """The slots that the handlers need for the turn. Failures are counted."""
        needed: list[str] = []
        for name, handler in self._needing:
            try:
                with self.metrics.measure("needs", name):
                    needed += await with_timeout(self.timeout, handler.needed_slots(turn))
            except Exception:  # noqa: BLE001  (logged and counted)
                self._count_failure(name, turn)
        return tuple(dict.fromkeys(needed))

    async def suggest(self, turn: Turn) -> tuple[Reply, str] | None:
        """The first draft for the agent, and the name of its suggester. Failures are counted."""
        for handler in self.handlers:
            if isinstance(handler, Suggester):
                try:
                    with self.metrics.measure("suggester", handler.name):
                        draft = await with_timeout(self.timeout, handler.suggest(turn))
                    if draft is not None:
                        draft = check_types(draft, Reply)
                except Exception:  # noqa: BLE001  (logged and counted)
                    self._count_failure(handler.name, turn)
                    continue
                if draft is not None:
                    return draft, handler.name
        return None

    def read_survey(self, turn: Turn) -> SurveyAnswer | None:
        """The answer to the open survey, if the message is one."""
        for handler in self.handlers:
            if isinstance(handler, SurveyReader):
                try:
                    answer = call_plugin(handler.read_answer, turn)
                    if answer is not None:
                        answer = check_types(answer, SurveyAnswer)
                except Exception:  # noqa: BLE001  (logged and counted)
                    self._count_failure(handler.name, turn)
                    continue
                if answer is not None:
                    return answer
        return None

    def about_address(
        self, turn: Turn, step: AddressStep, address: str = ""
    ) -> HandlerAnswer | None:
        """What the first handler that has the words says about a customer's address. Failures are
        counted."""
        for handler in self.handlers:
            if isinstance(handler, AddressAsker):
                try:
                    reply = call_plugin(handler.about_address, turn, step, address)
                    if reply is not None:
                        reply = check_types(reply, Reply)
                except Exception:  # noqa: BLE001  (logged and counted)
                    self._count_failure(handler.name, turn)
                    continue
                if reply is not None:
                    return HandlerAnswer(turn=turn, reply=reply, handler=handler.name)
        return None

    def _reassure(self, turn: Turn) -> HandlerAnswer:
        """Silence while a person has the conversation; while nobody has claimed it, the first
        handler's word that the customer is still in line, once. Failures are counted."""
        if is_still_in_line(turn):
            for handler in self.handlers:
                if isinstance(handler, WaitingNotifier):
                    try:
                        reply = call_plugin(handler.still_waiting, turn)
                        if reply is not None:
                            reply = check_types(reply, Reply)
                    except Exception:  # noqa: BLE001  (logged and counted)
                        self._count_failure(handler.name, turn)
                        continue
                    if reply is not None:
                        return HandlerAnswer(turn=turn, reply=reply, handler=handler.name)
        return HandlerAnswer(turn=turn)

    async def _first_reply(self, turn: Turn) -> HandlerAnswer:
        """The first reply; but the first answer after one that is `Reply.only_if_unanswered`."""
        kept: HandlerAnswer | None = None
        for handler in self.handlers:
            try:
                reply = await self._call(handler, turn)
            except HandlerFailed:
                if kept is None:
                    raise
                break
            if reply is None or (kept is not None and reply.purpose != "answer"):
                continue
            found = HandlerAnswer(turn=turn, reply=reply, handler=handler.name)
            if not reply.only_if_unanswered:
                return found
            kept = kept or found
        return kept or HandlerAnswer(turn=turn)

    async def _call(self, handler: Handler, turn: Turn) -> Reply | None:
        name = handler.name
        try:
            with self.metrics.measure("handler", name):
                reply: object = await with_timeout(self.timeout, handler.handle(turn))
        except TimeoutError:
            self._count_failure(name, turn)
            raise HandlerFailed(f"{name} took longer than {self.timeout:g} s") from None
        except PluginCrashed as error:
            self._count_failure(name, turn)
            raise HandlerFailed(f"{name}: {error}") from error
        except Exception as error:
            self._count_failure(name, turn)
            raise HandlerFailed(f"{name} raised {type(error).__name__}") from error
        if reply is None:
            return None
        try:
            return _valid(reply)
        except InvalidValue as error:
            log.exception("handler.invalid_reply", handler=name, turn=turn.id, why=str(error))
        self.metrics.plugin_failed(name)
        raise HandlerFailed(f"{name} returned an invalid reply")

    async def _unanswered(self, turn: Turn) -> HandlerAnswer:
        if turn.kind != "message":
            return HandlerAnswer(turn=turn)
        if turn.route.action == "escalate":
            return HandlerAnswer(turn=turn, reply=last_resort(turn))
        no_answer = Reason(code="no_answer", detail="no handler had an answer")
        route = hand_over(turn, self.policies.current, (no_answer,))
        return await self._hand_over(turn.replace(route=route))

    async def _hand_over(self, turn: Turn, wordless: Reply | None = None) -> HandlerAnswer:
        """The first words that a handler has for the hand-over, or the last resort; only a message
        gets some. ``wordless`` is a reply that hands over without words: what else it requests
        stays."""
        if turn.kind != "message":
            return HandlerAnswer(turn=turn, reply=wordless)
        words, speaker = last_resort(turn), None
        with suppress(HandlerFailed):
            for handler in self.handlers:
                reply = await self._call(handler, turn)
                if reply is not None and has_text(reply):
                    words, speaker = reply, handler.name
                    break
        if wordless is not None:
            words = words.replace(
                timers=(*words.timers, *wordless.timers),
                survey=words.survey or wordless.survey,
                attachments=(*words.attachments, *wordless.attachments),
            )
        return HandlerAnswer(turn=turn, reply=words, handler=speaker)

    def _count_failure(self, handler: str, turn: Turn) -> None:
        log.exception("handler.failed", handler=handler, turn=turn.id)
        self.metrics.plugin_failed(handler)


def last_resort(turn: Turn) -> Reply:
    """The hand-over reply that needs no handler."""
    harm = any(reason.code == HARM for reason in turn.route.reasons)
    return LAST_RESORT_HARM if harm else LAST_RESORT


def has_text(reply: Reply) -> bool:
    return bool(reply.body or reply.next_step or reply.opener)


def _known_reply(reply: object) -> Reply:
    """As `_valid`, for a reply of `MatterHandler.knows`: a timer alone answers no message."""
    found = check_types(reply, Reply)
    if has_text(found) or found.escalate:
        return found
    raise InvalidValue("it has neither text nor a reason to hand over; return None instead")


def _valid(reply: object) -> Reply:
    """``reply`` with its fields' types. Raises InvalidValue where one has another type, and where
    the reply has no text and requests no action."""
    found = check_types(reply, Reply)
    if has_text(found) or found.timers or found.escalate or found.purpose == "notice":
        return found
    raise InvalidValue("it has no text, no timer and no reason to hand over; return None instead")
