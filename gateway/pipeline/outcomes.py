"""From an answer to everything that is committed with it. Pure, but for the voice's words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.model import (
    Agent,
    Conversation,
    Emotion,
    Message,
    Reason,
    RenderContext,
    Rendered,
    Reply,
    Route,
    Turn,
)
from gateway.pipeline.answering import HandlerAnswer, has_words
from gateway.ports import Traits, Voice
from gateway.routing.policy import Policy
from gateway.routing.reasons import sure_intent
from gateway.store import AgentMessage, DraftSuggestion, HandoffRequest, TurnOutcome, WorkItem

OPTED_OUT = "the customer asked for no more messages at this address"
SOURCE = 64
"""Characters of where a draft is from."""

SILENCES = {
    "opted_out": "The customer asked for no more messages at this address",
    "opted_in": "The customer takes messages at this address again",
    "answered_already": "The provider answers this word by itself",
}


class OutcomeBuilder:
    """Knows the voice, the policy and what each channel can do."""

    def __init__(self, *, voice: Voice, policy: Policy, traits: Mapping[str, Traits]) -> None:
        self._voice = voice
        self._policy = policy
        self._traits = traits

    def of(
        self, work: WorkItem, answer: HandlerAnswer, draft: tuple[Reply, str] | None
    ) -> TurnOutcome:
        """All that ``answer`` changes."""
        turn, reply = answer.turn, answer.reply
        escalates = turn.route.action == "escalate"
        replies = self._replies(turn, reply, answer.handler) if reply else ()
        if turn.opted_out:
            replies = ()
        return TurnOutcome(
            work=work,
            conversation=self._after(turn, escalates=escalates),
            customer=turn.customer,
            message=_kept(turn),
            replies=replies,
            notes=(_line(turn),) if escalates else (),
            mailbox=self._mailbox(turn.conversation),
            handoff=self.handoff(turn) if escalates else None,
            draft=self._draft(turn, *draft) if draft else None,
            timers=reply.timers if reply else (),
            survey=reply.survey if reply and replies else None,
            answered=turn.survey_answer,
            opt_out=bool(turn.survey_answer and turn.survey_answer.opt_out),
            reopen=escalates and turn.conversation.state == "resolved",
        )

    def of_agent(
        self, work: WorkItem, said: AgentMessage, conversation: Conversation
    ) -> TurnOutcome:
        """A person's words on their way out: the voice only fits them to the channel."""
        if work.opted_out:
            return self.of_unsent(work, said, conversation, OPTED_OUT)
        reply = Reply(
            opener="",
            body=(said.text,) if said.text else (),
            language=conversation.language or "en",
            attachments=said.attachments,
            purpose="message",
        )
        render_context = RenderContext(
            channel=conversation.address.channel,
            author="agent",
            agent=said.agent.name,
            customer=work.customer.name,
            emotion=last_mood(work.history),
            language=conversation.language,
            max_length=self._max_length(conversation),
        )
        rendered = self._voice.render(reply, render_context)
        messages = _messages(reply, rendered, work.id, work.at, conversation.id)
        return TurnOutcome(
            work=work,
            conversation=conversation,
            customer=work.customer,
            replies=tuple(m.replace(author="agent", agent=said.agent) for m in messages),
            mailbox=self._mailbox(conversation),
        )

    def of_unsent(
        self, work: WorkItem, said: AgentMessage, conversation: Conversation, why: str
    ) -> TurnOutcome:
        """A person's words that cannot leave: kept as failed ones, with a line that says why."""
        message = Message(
            id=0,
            conversation=conversation.id,
            author="agent",
            text=said.text,
            at=work.at,
            turn=work.id,
            agent=said.agent,
            attachments=said.attachments,
        )
        return TurnOutcome(
            work=work,
            conversation=conversation,
            customer=work.customer,
            replies=(message,),
            refused=why,
            notes=(system_line(conversation.id, f"Not sent: {why}", work.at, turn=work.id),),
        )

    def of_silence(self, work: WorkItem, turn: Turn) -> TurnOutcome:
        """A word such as STOP or HELP, kept and shown and never answered, with what it asks."""
        consent = work.inbound.consent if work.inbound else None
        code = f"opted_{consent}" if consent else "answered_already"
        reason = Reason(code=code, detail=SILENCES[code])
        route = Route(action="pass", tier=turn.conversation.tier, reasons=(reason,))
        return TurnOutcome(
            work=work,
            conversation=turn.conversation,
            customer=turn.customer,
            message=turn.message.replace(route=route),
            notes=(system_line(turn.conversation.id, reason.detail, work.at, turn=work.id),),
            mailbox=self._mailbox(turn.conversation),
            consent=consent,
        )

    def of_edit(self, work: WorkItem, turn: Turn) -> TurnOutcome:
        """A changed message is kept and shown to the person, and never answered twice."""
        return TurnOutcome(
            work=work,
            conversation=turn.conversation,
            customer=turn.customer,
            message=turn.message,
            mailbox=self._mailbox(turn.conversation),
        )

    def handoff(self, turn: Turn) -> HandoffRequest:
        """The hand-over that the route asks for; its clock starts when people are there."""
        route = turn.route
        tier = self._policy.tiers.get(route.tier)
        begins = datetime.fromisoformat(turn.opening) if turn.opening else turn.at
        return HandoffRequest(
            reasons=route.reasons,
            tier=route.tier,
            skills=route.skills,
            priority=route.priority,
            claim_by=begins + timedelta(minutes=tier.claim_minutes) if tier else None,
        )

    def _mailbox(self, conversation: Conversation) -> bool:
        traits = self._traits.get(conversation.address.channel)
        return traits is not None and traits.mailbox

    def _max_length(self, conversation: Conversation) -> int | None:
        """The channel's own limit of one message."""
        traits = self._traits.get(conversation.address.channel)
        return traits.max_length if traits else None

    def _replies(self, turn: Turn, reply: Reply, handler: str | None) -> tuple[Message, ...]:
        if not has_words(reply):
            return ()
        context = render_context(turn).replace(max_length=self._max_length(turn.conversation))
        rendered = self._voice.render(reply, context)
        messages = _messages(reply, rendered, turn.id, turn.at, turn.conversation.id)
        said = [m.replace(author="bot", handler=handler, route=turn.route) for m in messages]
        return tuple(said)

    def _draft(self, turn: Turn, reply: Reply, source: str) -> DraftSuggestion:
        mine = RenderContext(
            channel=turn.conversation.address.channel,
            author="agent",
            emotion=turn.understanding.emotion,
            customer=turn.customer.name,
            language=turn.language,
            max_length=self._max_length(turn.conversation),
        )
        rendered = self._voice.render(reply, mine)
        told = [f"{source}: {fact.value}" for fact in reply.facts if fact.name == "source"]
        return DraftSuggestion(
            text="\n\n".join(rendered.parts), source=(told[0] if told else source)[:SOURCE]
        )

    def _after(self, turn: Turn, *, escalates: bool) -> Conversation:
        seen = turn.conversation
        language = turn.understanding.language
        sure = (
            language.code != "und"
            and language.confidence >= self._policy.reasons.language.confidence
        )
        intent = sure_intent(turn, self._policy) if turn.kind == "message" else None
        if intent in self._policy.pass_by_intents:
            intent = None  # a word of thanks is not what the conversation is about
        return seen.replace(
            state="waiting" if escalates else seen.state,
            tier=turn.route.tier if escalates else seen.tier,
            language=language.code if sure else seen.language,
            intent=intent or seen.intent,
        )


def render_context(turn: Turn) -> RenderContext:
    """To whom, where and in what mood the bot speaks in ``turn``. A timer speaks to the mood in
    which the customer was last heard."""
    heard = turn.kind == "message"
    return RenderContext(
        channel=turn.conversation.address.channel,
        emotion=turn.understanding.emotion if heard else last_mood(turn.history),
        author="bot",
        first=not any(m.author in ("bot", "agent") and not m.internal for m in turn.history),
        customer=turn.customer.name,
        language=turn.language,
    )


def last_mood(history: tuple[Message, ...]) -> Emotion:
    for message in reversed(history):
        if message.author == "customer" and message.understanding:
            return message.understanding.emotion
    return Emotion()


def _kept(turn: Turn) -> Message | None:
    if turn.kind != "message":
        return None
    known = {fact.name: fact for fact in (*turn.context.facts, *turn.message.facts)}
    return turn.message.replace(
        understanding=turn.understanding, route=turn.route, facts=tuple(known.values())
    )


def _messages(
    reply: Reply, rendered: Rendered, turn: int, at: datetime, conversation: int
) -> list[Message]:
    """One message for each part; buttons, question and files go with the last."""
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


def is_consent_only(work: WorkItem) -> bool:
    """A word about messages themselves, or one that the provider has answered. A word of consent
    from somebody who never opted out is an ordinary one (YES)."""
    said = work.inbound
    if said is None or work.kind != "message":
        return False
    return said.answered or said.consent == "out" or (said.consent == "in" and work.opted_out)


def _line(turn: Turn) -> Message:
    why = "; ".join(reason.detail or reason.code for reason in turn.route.reasons)
    text = f"Handed over to a person: {why}" if why else "Handed over to a person"
    return system_line(turn.conversation.id, text, turn.at, turn=turn.id)


def system_line(
    conversation: int,
    text: str,
    at: datetime,
    *,
    agent: Agent | None = None,
    turn: int | None = None,
) -> Message:
    """An internal line, by the system; ``agent`` is who did what it tells."""
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
