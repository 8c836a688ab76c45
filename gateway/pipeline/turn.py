"""One inbox row becomes a turn, and the turn becomes everything that is committed for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.model import Conversation, Inbound, Message, Turn
from gateway.pipeline.answering import HandlerAnswer, HandlerChain
from gateway.pipeline.context import ContextGatherer
from gateway.pipeline.outcomes import OutcomeBuilder
from gateway.pipeline.understanding import UnderstandingStage
from gateway.ports import Clock
from gateway.routing.hours import closes_at, reopens_at
from gateway.routing.policy import Policy
from gateway.routing.route import ask_details, decide, may_ask_details, with_earlier_matter
from gateway.store import TurnOutcome, WorkItem

BRIEF = 40
"""Characters of a text that may leave what it is about to its subject."""
MAX_BRIEF = 300
"""Characters of a text that may say "see subject"."""
_PREFIX = re.compile(
    r"\s*(?:(?:re|aw|antw|antwort|sv|vs|odp|ref|rif|r|rv|ynt|fwd?|wg|tr|i|pd|fw|doorst|vl|vb|enc"
    r"|rép"
    r"|回复|答复|转发)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]|\[(?:ext|external|extern)\])\s*",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"\s*(?:(?:hi|hello|hey|dear|good (?:morning|day|afternoon|evening)|hallo|guten (?:tag"
    r"|morgen|abend)|liebe[rs]?|sehr geehrte\w*"
    r"|moin|servus|bonjour|bonsoir|salut|madame|monsieur|hola|buen[oa]s (?:d[ií]as|tardes"
    r"|noches)|estimad\w+|ciao|buongiorno|buonasera"
    r"|salve|gentil\w+|goede(?:morgen|middag|navond|ndag)|beste|geachte|dag|hej|god (?:dag"
    r"|morgon|morgen)|goddag|kære|dzie[nń] dobry"
    r"|witam|cześć|szanown\w+)\b[^.?!:;\d]{0,40}"
    r"|(?:(?:many |kind |best |warm )?(?:thanks|thank you|regards|wishes)|cheers|yours|sincerely"
    r"|best|danke\w*|vielen dank|(?:mit )?"
    r"(?:freundliche\w*|beste\w*|viele|liebe|herzliche\w*) grü(?:ß|ss)en?|mfg|lg|vg|merci"
    r"|cordialement|bien à vous|salutations"
    r"|gracias|(?:un )?saludos?|atentamente|grazie|cordiali saluti|(?:distinti |cari )?saluti"
    r"|bedankt|dank u|dank je|alvast bedankt"
    r"|(?:met )?vriendelijke groet(?:en)?|groet(?:en|jes)?|mvg|tack"
    r"|(?:med )?vänlig\w* hälsning\w*|mvh|hälsningar|tak|(?:med )?venlig\w*"
    r" hilsen\w*|vh|hilsen|dziękuj\w+|pozdrawiam|z poważaniem)\b[^?:;\d]{0,40}"
    r"|[^\W\d_]{2,20}(?: [^\W\d_]{1,20})?)[\s,.!–-]*",
    re.IGNORECASE,
)
"""A line that greets, thanks, closes or is a name."""
_REFERENCE = re.compile(
    r"\b(?:(?:as|see|per|like|in|read) (?:(?:in|stated|mentioned|described|written|above"
    r"|the|my|your|per) ){0,4}"
    r"(?:subject|title|heading|topic)\b|(?:as|see) (?:stated |mentioned |described )?above\b"
    r"|subject says|(?:see|please find|find|with) (?:the |my )?"
    r"(?:attach\w*|enclosed)|(?:siehe|s\.|wie|steht|im) .{0,20}?(?:betreff\w*|oben|titel|anhang"
    r"|anlage)|s\. ?o\.|anbei"
    r"|(?:voir|cf\.?|comme|selon|dans) .{0,25}?(?:objet|sujet|titre|ci-dessus|pièces? jointes?)"
    r"|ci-joint|en pièce jointe"
    r"|(?:ver|véase|vea|como|según|en) .{0,25}?(?:asunto|arriba|título|adjunt\w+)|adjunto"
    r"|(?:vedi|come|si veda|in|da) .{0,20}?(?:oggetto|sopra|titolo|allegat\w+)"
    r"|(?:zie|zoals|als|in) .{0,20}?(?:onderwerp\w*|bovenstaand\w*|hierboven|boven|titel"
    r"|bijlage)|bijgevoegd"
    r"|(?:se|enligt|som|i) .{0,20}?(?:ämnes?\w*|ovan|rubrik\w*|bilag\w*|bifoga\w*|emne\w*"
    r"|ovenfor|overskrift\w*|vedhæft\w*)"
    r"|(?:patrz|jak|zobacz|zgodnie|w) .{0,20}?(?:temat\w*|wyżej|powyżej|tytul\w*|tytuł\w*"
    r"|załącz\w*)|j\. ?w\.)",
    re.IGNORECASE,
)
"""Words that leave the request to the subject or an attachment."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(kw_only=True)
class TurnPipeline:
    """Passes a turn through context, understanding, routing, handlers and outcomes."""

    contexts: ContextGatherer
    understanding: UnderstandingStage
    handlers: HandlerChain
    outcomes: OutcomeBuilder
    policy: Policy
    clock: Clock
    alarms: bool = False
    """Whether an alarm reaches somebody; see `Turn`."""
    _opening_cache: tuple[datetime, datetime, str | None] = field(
        default=(NEVER, NEVER, None), init=False
    )
    """The `Turn.opening` of all turns from the first moment to the second."""

    async def run(self, work: WorkItem) -> TurnOutcome:
        """Handle one message, timer or event."""
        turn = begin_turn(work, self.clock.now())
        turn = turn.replace(context=await self.contexts.gather(turn))
        turn = turn.replace(understanding=await self.understanding.understand(turn))
        work, turn = self._read_survey(work, turn)
        turn = with_earlier_matter(turn, self.policy)
        turn = turn.replace(
            route=decide(turn, self.policy), opening=self._opening(turn.at), alarms=self.alarms
        )
        if may_ask_details(turn, self.policy):
            needed = await self.handlers.needed_slots(turn)
            turn = turn.replace(route=ask_details(turn, needed))
        answer = await self.handlers.answer(turn)
        draft = await self.handlers.suggest(answer.turn) if _needs_draft(answer) else None
        return self.outcomes.answered(work, answer, draft)

    def _read_survey(self, work: WorkItem, turn: Turn) -> tuple[WorkItem, Turn]:
        """The answer to an open survey stays in its conversation; any other message begins a new
        one."""
        if turn.survey is None or turn.kind != "message":
            return work, turn
        answer = self.handlers.read_survey(turn)
        if answer is not None:
            return work, turn.replace(survey_answer=answer)
        work = work.replace(conversation=None, history=(), survey=None)
        fresh = begin_turn(work, turn.at)
        return work, fresh.replace(context=turn.context, understanding=turn.understanding)

    def _opening(self, at: datetime) -> str | None:
        """When people are next there, if nobody is now; computed again when that changes."""
        since, until, opening = self._opening_cache
        if not since <= at < until:
            reopens = reopens_at(self.policy, at)
            opening = reopens.isoformat() if reopens else None
            self._opening_cache = (at, reopens or _open_until(self.policy, at), opening)
        return opening


def _needs_draft(answer: HandlerAnswer) -> bool:
    """Whether an agent gets the message, so that a suggestion helps."""
    turn = answer.turn
    return (
        turn.kind == "message" and turn.route.action in ("escalate", "pass") and not turn.automatic
    )


def _open_until(policy: Policy, at: datetime) -> datetime:
    """When the hours that ``at`` lies in end; ``at`` itself when that is unknown."""
    return closes_at(policy.hours, at) or at if policy.hours else at


def begin_turn(work: WorkItem, now: datetime) -> Turn:
    """The turn of ``work``, before any stage."""
    inbound, event = work.inbound, work.event
    conversation = work.conversation or new_conversation(work)
    if subject := new_subject(work):
        conversation = conversation.replace(subject=subject)
    return Turn(
        id=work.id,
        at=now,
        kind="message" if inbound else "timer" if work.kind == "timer" else "event",
        name=event.name if event else "",
        data=event.data if event else {},
        message=received_message(work, conversation),
        customer=work.customer,
        conversation=conversation,
        history=work.history,
        survey=work.survey,
        automatic=bool(inbound and inbound.automatic),
        unreadable=work.kind == "unreadable",
        wordless=bool(inbound and _has_no_words(inbound)),
        opted_out=work.opted_out,
        returning=work.returning,
    )


def _has_no_words(inbound: Inbound) -> bool:
    return inbound.wordless or bool(inbound.attachments and not inbound.text.strip())


def new_conversation(work: WorkItem) -> Conversation:
    """The conversation that begins with ``work``."""
    if work.inbound is None:
        raise ValueError(f"turn {work.id} belongs to no conversation")
    return Conversation(
        address=work.inbound.address,
        opened_at=work.at,
        language=work.inbound.language,
        subject=work.inbound.subject,
    )


def received_message(work: WorkItem, conversation: Conversation) -> Message:
    """The inbox row as a message of ``conversation``."""
    inbound = work.inbound
    subject = new_subject(work)
    text = inbound.text if inbound else ""
    return Message(
        id=0,
        conversation=conversation.id,
        author="customer",
        text=with_subject(subject, text) if subject and work.kind == "message" else text,
        subject=subject,
        at=inbound.at if inbound else work.at,
        turn=work.id,
        remote_id=inbound.remote_id if inbound else None,
        attachments=inbound.attachments if inbound else (),
        facts=inbound.facts if inbound else (),
        edited=work.kind == "edit",
        internal=work.kind == "edit",
    )


# -- subjects -------------------------------------------------------------------------------------


def new_subject(work: WorkItem) -> str | None:
    """The subject of the message, if it begins a conversation or differs from the conversation's
    by more than a prefix such as "Re:"."""
    subject = work.inbound.subject if work.inbound else None
    if not subject or not base_subject(subject):
        return None
    known = work.conversation.subject if work.conversation else None
    if known is not None and base_subject(known) == base_subject(subject):
        return None
    return subject


def base_subject(subject: str) -> str:
    """``subject`` for comparison: without prefixes of replies and forwards, case and spacing (as
    RFC 5256 section 2.1 does for English)."""
    words = " ".join(subject.split()).casefold()
    while match := _PREFIX.match(words):
        words = words[match.end() :]
    return words.strip()


def with_subject(subject: str, text: str) -> str:
    """``text``, after ``subject`` where that holds what is asked: the text is short, or says no
    more than a greeting, "see subject" or "see attachment"."""
    if base_subject(subject) in base_subject(text[:MAX_BRIEF]):
        return text
    if not text.strip():
        return subject
    own = [line for line in text.splitlines() if line.strip() and not _COURTESY.fullmatch(line)]
    words = " ".join(own)
    refers = len(text) <= MAX_BRIEF and _REFERENCE.search(text) is not None
    brief = len(words) <= BRIEF and len(subject.split()) >= 3
    return f"{subject}\n\n{text}" if refers or brief else text
