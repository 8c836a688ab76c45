"""Builds everything that is committed with an answer. Pure, except for the voice's rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model import (
    DRAFT_TOKENS,
    TOKENS,
    Agent,
    Conversation,
    Emotion,
    Fact,
    MadePromise,
    Message,
    Purpose,
    Reason,
    RenderContext,
    Rendered,
    Reply,
    Route,
    Timer,
    Turn,
)
from gateway.pipeline.answering import HandlerAnswer, has_text
from gateway.pipeline.case.promising import (
    PROMISE_TIMER,
    claims_made,
    made_promises,
    promise_timers,
    zone_of,
)
from gateway.pipeline.case.told_once import without_known_questions
from gateway.pipeline.consent import (
    NEEDS_PERSON,
    ConsentChange,
    ask_again_timer,
    confirmation,
    unanswered_while_out,
)
from gateway.ports import Traits, Voice
from gateway.routing.business_hours import BusinessHours
from gateway.routing.hours import is_open
from gateway.routing.policy import PolicySource
from gateway.routing.reasons import HARM, harm_is_known, reason_line, spoke_of_harm
from gateway.routing.route import hand_over
from gateway.routing.turn_reading import confident_intent
from gateway.store import (
    SPAM,
    AgentMessage,
    AlarmCause,
    DraftSuggestion,
    HandoffRequest,
    TurnOutcome,
    WorkItem,
)
from gateway.support.statements import with_placeholders

OPTED_OUT = "the customer asked for no more messages at this address"
BLOCKED = "this address is blocked"
SUSPENDED = "nothing can be delivered to this address, as an earlier message to it showed"
NO_TRAITS = Traits()
"""Of a channel that is no longer configured."""
CLAIM_TIMER = "unclaimed"
"""The name of the timer of a handoff that nobody has claimed."""
ALARM_TIMER = "harm_alarm"
"""The name of the timer of an alarm."""
_NOT_RAISING = frozenset({"with_person", "mood", "automatic", "courtesy"})
"""Codes that an agent sees with the message; they are no reasons to hurry."""
MAX_SOURCE = 64
"""Characters of a draft's source."""

CONSENT_LINES = {
    "opted_out": "The customer asked for no more messages at this address",
    "opted_in": "The customer takes messages at this address again",
    "answered_already": "The provider answers this word by itself",
}


@dataclass(kw_only=True)
class OutcomeBuilder:
    """Builds the `TurnOutcome` of every kind of inbox row."""

    voice: Voice
    policies: PolicySource
    traits: Mapping[str, Traits]
    hours: BusinessHours

    def answered(
        self,
        work: WorkItem,
        answer: HandlerAnswer,
        draft: tuple[Reply, str] | None,
        *,
        passages: Sequence[str] = (),
    ) -> TurnOutcome:
        """All that ``answer`` changes; ``draft`` is a suggestion for the agent and its source, and
        ``passages`` are what the sources have for them."""
        turn, reply = answer.turn, answer.reply
        escalates = turn.route.action == "escalate"
        sends = reply is not None and not turn.opted_out
        replies = self._replies(turn, reply, answer.handler) if reply and sends else ()
        told = () if reply is not None and reply.general else replies
        made = self._made(told, turn.language, turn.conversation, turn.at)
        return TurnOutcome(
            work=work,
            conversation=self._conversation_after(turn, escalates=escalates),
            customer=turn.customer,
            message=_message_to_store(turn, draft[0] if draft else None),
            replies=replies,
            notes=(_handover_line(turn), *_passage_lines(turn, passages)) if escalates else (),
            mailbox=self._traits_of(turn.conversation).mailbox,
            handoff=self._handoff(turn) if escalates else None,
            raised=_raised(turn) if turn.route.action == "pass" else None,
            draft=self._draft(turn, *draft) if draft else None,
            promises=made,
            timers=(*(reply.timers if reply else ()), *self._alarms(turn), *promise_timers(made)),
            survey=reply.survey if reply and replies else None,
            answered=turn.survey_answer,
            opt_out=bool(turn.survey_answer and turn.survey_answer.opt_out),
            reopen=escalates and turn.conversation.state == "resolved",
            language=reply.language if reply and replies else None,
            sources=reply.sources if reply and replies else (),
        )

    def extended(
        self, outcome: TurnOutcome, turn: Turn, answer: HandlerAnswer | None
    ) -> TurnOutcome:
        """``outcome`` with the reply of ``answer``: after the hand-over, else in place of what was
        said to a customer who waits."""
        if answer is None or answer.reply is None:
            return outcome
        if turn.route.action == "pass":
            outcome = outcome.replace(
                replies=(),
                promises=(),
                timers=tuple(t for t in outcome.timers if t.name != PROMISE_TIMER),
            )
        replies = (*outcome.replies, *self._replies(turn, answer.reply, answer.handler))
        return outcome.replace(
            replies=replies,
            mailbox=self._traits_of(turn.conversation).mailbox,
            language=answer.reply.language,
        )

    def agent_message(
        self, work: WorkItem, message: AgentMessage, conversation: Conversation
    ) -> TurnOutcome:
        """An agent's message on its way out: the voice only fits it to the channel."""
        if work.opted_out:
            return self.unsent(work, message, conversation, OPTED_OUT)
        if is_silenced(work):
            return self.unsent(work, message, conversation, BLOCKED)
        if work.suspended and self._traits_of(conversation).suspends:
            return self.unsent(work, message, conversation, SUSPENDED)
        reply = Reply(
            opener="",
            body=(message.text,) if message.text else (),
            language=conversation.language or "en",
            attachments=message.attachments,
            purpose="message",
        )
        context = RenderContext(
            channel=conversation.address.channel,
            brand=conversation.brand,
            author="agent",
            agent=message.agent.name,
            customer=work.customer.name,
            emotion=last_mood(work.history),
            language=conversation.language,
            max_length=self._traits_of(conversation).max_length,
        )
        rendered = self.voice.render(reply, context)
        parts = _messages(reply, rendered, work.id, work.at, conversation.id)
        replies = tuple(
            part.replace(author="agent", agent=message.agent, copies=message.copies)
            for part in parts
        )
        made = self._made(replies, reply.language, conversation, work.at)
        return TurnOutcome(
            work=work,
            conversation=conversation,
            customer=work.customer,
            replies=replies,
            promises=made,
            claims=claims_made(replies, reply.language),
            timers=promise_timers(made),
            mailbox=self._traits_of(conversation).mailbox,
        )

    def _made(
        self, replies: Sequence[Message], language: str, conversation: Conversation, at: datetime
    ) -> tuple[tuple[int, MadePromise], ...]:
        zone = zone_of(self.hours.of(conversation.brand))
        return made_promises(replies, language, at, zone)

    def unsent(
        self, work: WorkItem, message: AgentMessage, conversation: Conversation, why: str
    ) -> TurnOutcome:
        """An agent's message that cannot be sent: stored as failed, with a line that says why."""
        failed = Message(
            id=0,
            conversation=conversation.id,
            author="agent",
            text=message.text,
            at=work.at,
            turn=work.id,
            agent=message.agent,
            attachments=message.attachments,
            copies=message.copies,
        )
        return TurnOutcome(
            work=work,
            conversation=conversation,
            customer=work.customer,
            replies=(failed,),
            refused=why,
            notes=(system_line(conversation.id, f"Not sent: {why}", work.at, turn=work.id),),
        )

    def consent_word(self, work: WorkItem, turn: Turn) -> TurnOutcome:
        """A word such as STOP or HELP: stored and shown, with what it means; never answered."""
        consent = work.inbound.consent if work.inbound else None
        code = f"opted_{consent}" if consent else "answered_already"
        reason = Reason(code=code, detail=CONSENT_LINES[code])
        route = Route(action="pass", tier=turn.conversation.tier, reasons=(reason,))
        back = consent == "in" and turn.conversation.state == "bot"
        return TurnOutcome(
            work=work,
            conversation=turn.conversation,
            customer=turn.customer,
            message=turn.message.replace(route=route),
            notes=(system_line(turn.conversation.id, reason.detail, work.at, turn=work.id),),
            timers=(ask_again_timer(work),) if back and unanswered_while_out(turn.history) else (),
            mailbox=self._traits_of(turn.conversation).mailbox,
            consent=consent,
        )

    def consent_in_words(self, work: WorkItem, turn: Turn, change: ConsentChange) -> TurnOutcome:
        """An opt-out in a sentence, or a STOP or START that the channel has not recognised: the
        same, and confirmed once unless the provider does that."""
        reply = confirmation(change, turn, self._traits_of(turn.conversation))
        code = f"opted_{change.consent}"
        reason = Reason(code=code, detail=CONSENT_LINES[code])
        reasons = tuple(r for r in turn.route.reasons if r.code in NEEDS_PERSON)
        state = turn.conversation.state
        route = Route(action="pass", tier=turn.conversation.tier, reasons=(reason, *reasons))
        calls = bool(reasons) or change.asks(turn, self.policies.current)
        if calls and change.consent == "out" and state in ("bot", "resolved"):
            route = hand_over(turn, self.policies.current, (reason, *reasons))
        silent = HandlerAnswer(turn=turn.replace(route=route, opted_out=False), reply=reply)
        outcome = self.answered(work, silent, None)
        line = system_line(turn.conversation.id, reason.detail, work.at, turn=work.id)
        back = change.consent == "in" and turn.conversation.state == "bot"
        again = back and unanswered_while_out(turn.history)
        is_news = change.consent == "in" or not turn.opted_out
        return outcome.replace(
            notes=(line, *outcome.notes) if is_news else outcome.notes,
            timers=(ask_again_timer(work),) if again else (),
            raised=None if change.consent == "in" else outcome.raised,
            consent=change.consent,
        )

    def blocked(self, work: WorkItem, turn: Turn) -> TurnOutcome:
        """A message from an address that people blocked: stored where it belongs, labelled as spam
        unless a person has the conversation, and neither answered nor handed over. What comes
        after spam stays with it; anything else new begins a conversation that is over at once."""
        reason = Reason(code="blocked", detail="people blocked this address; nothing is sent there")
        route = Route(action="pass", tier=turn.conversation.tier, reasons=(reason,))
        with_people = turn.conversation.state in ("waiting", "person")
        conversation = turn.conversation
        if not conversation.id:
            conversation = conversation.replace(state="resolved")
        message = turn.message.replace(understanding=turn.understanding, route=route)
        return TurnOutcome(
            work=work,
            conversation=conversation,
            customer=turn.customer,
            message=message,
            mailbox=self._traits_of(turn.conversation).mailbox,
            labels=() if with_people else (SPAM,),
        )

    def edited(self, work: WorkItem, turn: Turn) -> TurnOutcome:
        """A message that the customer changed: stored and shown to the agent, not answered."""
        return TurnOutcome(
            work=work,
            conversation=turn.conversation,
            customer=turn.customer,
            message=turn.message,
            mailbox=self._traits_of(turn.conversation).mailbox,
        )

    def _handoff(self, turn: Turn) -> HandoffRequest:
        """The handoff of the turn's route. Its claim time counts from the next opening."""
        route = turn.route
        begins = datetime.fromisoformat(turn.opening) if turn.opening else turn.at
        return HandoffRequest(
            reasons=route.reasons,
            tier=route.tier,
            skills=route.skills,
            priority=route.priority,
            claim_by=self.policies.current.claim_by(route.tier, begins),
        )

    def _alarms(self, turn: Turn) -> tuple[Timer, ...]:
        """The alarm for a message that speaks of harm: at once when nobody is at work, else if
        nobody claims the handoff in time. A second such message sounds no second alarm."""
        codes = (reason.code for reason in turn.route.reasons)
        if turn.kind != "message" or HARM not in codes or harm_is_known(turn):
            return ()
        claimed = turn.conversation.state == "person"
        hours = self.hours.of(turn.conversation.brand)
        why: AlarmCause = "away" if claimed else "closed"
        due = turn.at
        if hours is None or is_open(hours, turn.at):
            if claimed:
                return ()
            why = "unclaimed"
            due += timedelta(minutes=self.policies.current.reasons.harm.alarm_minutes)
        return (Timer(name=ALARM_TIMER, due_at=due, data={"why": why}),)

    def _traits_of(self, conversation: Conversation) -> Traits:
        return self.traits.get(conversation.address.channel_key, NO_TRAITS)

    def _replies(self, turn: Turn, reply: Reply, handler: str | None) -> tuple[Message, ...]:
        if not has_text(reply):
            return ()
        reply = without_known_questions(reply, turn)
        max_length = self._traits_of(turn.conversation).max_length
        rendered = self.voice.render(reply, render_context(turn, max_length))
        parts = _messages(reply, rendered, turn.id, turn.at, turn.conversation.id)
        return tuple(part.replace(handler=handler, route=turn.route) for part in parts)

    def _draft(self, turn: Turn, reply: Reply, source: str) -> DraftSuggestion:
        context = RenderContext(
            channel=turn.conversation.address.channel,
            brand=turn.conversation.brand,
            author="agent",
            emotion=turn.understanding.emotion,
            customer=turn.customer.name,
            language=turn.language,
            max_length=self._traits_of(turn.conversation).max_length,
        )
        reply = without_known_questions(reply, turn)
        rendered = self.voice.render(reply, context)
        facts = (f"{source}: {fact.value}" for fact in reply.facts if fact.name == "source")
        text = with_placeholders("\n\n".join(rendered.parts), reply.language)
        return DraftSuggestion(
            text=text, source=next(facts, source)[:MAX_SOURCE], passages=reply.sources
        )

    def _conversation_after(self, turn: Turn, *, escalates: bool) -> Conversation:
        before = turn.conversation
        language = turn.understanding.language
        sure = (
            language.code != "und"
            and language.confidence >= self.policies.current.reasons.language.confidence
        )
        intent = confident_intent(turn, self.policies.current) if turn.kind == "message" else None
        if intent in self.policies.current.pass_by_intents:
            intent = None  # a word of thanks does not change what the conversation is about
        return before.replace(
            state="waiting" if escalates else before.state,
            tier=turn.route.tier if escalates else before.tier,
            language=language.code if sure else before.language,
            intent=intent or before.intent,
        )


def render_context(turn: Turn, max_length: int | None) -> RenderContext:
    """The channel, mood and language of the bot's reply. A timer's reply goes by the mood of the
    customer's last message."""
    return RenderContext(
        channel=turn.conversation.address.channel,
        brand=turn.conversation.brand,
        emotion=turn.understanding.emotion if turn.kind == "message" else last_mood(turn.history),
        author="bot",
        first=not any(m.author in ("bot", "agent") and not m.internal for m in turn.history),
        reasons=tuple(reason.code for reason in turn.route.reasons)
        if turn.route.action == "escalate"
        else (),
        customer=turn.customer.name,
        language=turn.language,
        max_length=max_length,
    )


def last_mood(history: tuple[Message, ...]) -> Emotion:
    """The customer's mood in their last message that was understood."""
    for message in reversed(history):
        if message.author == "customer" and message.understanding:
            return message.understanding.emotion
    return Emotion()


def _raised(turn: Turn) -> HandoffRequest | None:
    """What the handoff of a conversation that a person has, or that waits, gains by the message."""
    noted = tuple(r for r in turn.route.reasons if r.code not in _NOT_RAISING)
    if not noted or turn.conversation.state not in ("waiting", "person"):
        return None
    return HandoffRequest(
        reasons=noted,
        tier=turn.conversation.tier,
        skills=turn.route.skills,
        priority=turn.route.priority,
    )


def _message_to_store(turn: Turn, draft: Reply | None = None) -> Message | None:
    """The customer's message with what is known of it; with the tokens that ``draft`` took, as no
    message of ours does unless a person sends it."""
    if turn.kind != "message":
        return None
    known = {fact.name: fact for fact in (*turn.context.facts, *turn.message.facts)}
    known.pop(DRAFT_TOKENS, None)  # ours alone: a sender's own would be counted as a cost
    for fact in draft.facts if draft else ():
        if fact.name == TOKENS:
            known[DRAFT_TOKENS] = Fact(name=DRAFT_TOKENS, value=fact.value)
    codes = {reason.code for reason in turn.route.reasons}
    purpose: Purpose = "notice" if "automatic" in codes else "message"
    return turn.message.replace(
        understanding=turn.understanding,
        route=turn.route,
        facts=tuple(known.values()),
        purpose="thanks" if "courtesy" in codes else purpose,
    )


def _messages(
    reply: Reply, rendered: Rendered, turn: int, at: datetime, conversation: int
) -> list[Message]:
    """One message of the bot for each part; the last has the buttons, survey and files."""
    parts = rendered.parts or (("",) if reply.attachments else ())
    messages = [
        Message(
            id=0,
            conversation=conversation,
            author="bot",
            text=part,
            at=at,
            turn=turn,
            status="queued",
            purpose=reply.purpose,
            applied=rendered.applied if index == 0 else (),
            facts=reply.facts if index == 0 else (),
        )
        for index, part in enumerate(parts)
    ]
    if messages:
        messages[-1] = messages[-1].replace(
            buttons=reply.buttons, survey=reply.survey, attachments=reply.attachments
        )
    return messages


def is_silenced(work: WorkItem) -> bool:
    """Whether nothing may be sent because people blocked the address. In a conversation about harm
    the customer is answered all the same."""
    return work.blocked and not spoke_of_harm(work.history)


def is_consent_word(work: WorkItem) -> bool:
    """Whether the message is about consent alone, or the provider has answered it. An opt-in word
    (YES) of a customer who never opted out is an ordinary message."""
    inbound = work.inbound
    if inbound is None or work.kind != "message":
        return False
    opts_in = inbound.consent == "in" and work.opted_out
    return inbound.answered or inbound.consent == "out" or opts_in


def _handover_line(turn: Turn) -> Message:
    why = "; ".join(reason_line(reason) for reason in turn.route.reasons)
    text = f"Handed over to a person: {why}" if why else "Handed over to a person"
    return system_line(turn.conversation.id, text, turn.at, turn=turn.id)


def _passage_lines(turn: Turn, passages: Sequence[str]) -> tuple[Message, ...]:
    if not passages:
        return ()
    text = "\n".join(("From your sources:", *passages))
    return (system_line(turn.conversation.id, text, turn.at, turn=turn.id),)


def system_line(
    conversation: int,
    text: str,
    at: datetime,
    *,
    agent: Agent | None = None,
    turn: int | None = None,
) -> Message:
    """An internal message by the system; ``agent`` is who did what it reports."""
    return Message(
        id=0,
        conversation=conversation,
        author="system",
        text=text,
        at=at,
        turn=turn,
        internal=True,
        status="sent",
        purpose="notice",
        agent=agent,
    )
