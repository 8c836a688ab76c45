"""What the subject of a mail adds to its text."""

from __future__ import annotations

import re

from gateway.store import WorkItem

BRIEF = 40
"""Characters of a text that may leave what it is about to its subject."""
MAX_BRIEF = 300
"""Characters of a text that may say "see subject"."""
_PREFIX = re.compile(
    r"\s*(?:(?:re|aw|antw|antwort|sv|vs|odp|ref|rif|r|rv|ynt|fwd?|wg|tr|i|pd|fw|doorst|vl|vb|enc"
    r"|rép|res|svar|ilt|رد|إعادة توجيه"
    r"|回复|回覆|答复|转发|轉寄)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]|\[(?:ext|external|extern)\])\s*",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"\s*(?:(?:hi|hello|hey|dear|good (?:morning|day|afternoon|evening)|hallo|guten (?:tag"
    r"|morgen|abend)|liebe[rs]?|sehr geehrte\w*"
    r"|moin|servus|bonjour|bonsoir|salut|madame|monsieur|hola|buen[oa]s (?:d[ií]as|tardes"
    r"|noches)|estimad\w+|ciao|buongiorno|buonasera"
    r"|salve|gentil\w+|goede(?:morgen|middag|navond|ndag)|beste|geachte|dag|hej|god (?:dag"
    r"|morgon|morgen)|goddag|kære|dzie[nń] dobry"
    r"|witam|cześć|szanown\w+|olá|oi|bom dia|boa (?:tarde|noite)|prezad\w+|car[oa]s?|merhaba"
    r"|sayın|iyi günler)\b[^.?!:;\d]{0,40}"
    r"|(?:(?:many |kind |best |warm )?(?:thanks|thank you|regards|wishes)|cheers|yours|sincerely"
    r"|best|danke\w*|vielen dank|(?:mit )?"
    r"(?:freundliche\w*|beste\w*|viele|liebe|herzliche\w*) grü(?:ß|ss)en?|mfg|lg|vg|merci"
    r"|cordialement|bien à vous|salutations"
    r"|gracias|(?:un )?saludos?|atentamente|grazie|cordiali saluti|(?:distinti |cari )?saluti"
    r"|bedankt|dank u|dank je|alvast bedankt"
    r"|(?:met )?vriendelijke groet(?:en)?|groet(?:en|jes)?|mvg|tack"
    r"|(?:med )?vänlig\w* hälsning\w*|mvh|hälsningar|tak|(?:med )?venlig\w*"
    r" hilsen\w*|vh|hilsen|dziękuj\w+|pozdrawiam|z poważaniem|obrigad[oa]|atenciosamente|att"
    r"|(?:melhores )?cumprimentos|abraços?|teşekkür\w*|saygılar\w*)\b[^?:;\d]{0,40}"
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
    r"|załącz\w*)|j\. ?w\.|(?:ver|vide|veja|conforme|como) .{0,25}?(?:assunto|título|acima|anex\w+)"
    r"|(?:em|segue\w*) anexo|konu\w* .{0,15}?(?:gibi|bak\w+)|ekte)\b"
    r"|(?:件名|標題|表題|添付)|(?:الموضوع|العنوان|المرفق|أعلاه)",
    re.IGNORECASE,
)
"""Words that leave the request to the subject or an attachment."""
_NO_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
"""Japanese and Chinese, which put no blanks between words and say more in a character."""


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
    if _NO_BLANKS.search(subject):
        brief = len(words) <= BRIEF // 2 and len(subject) >= 6
    else:
        brief = len(words) <= BRIEF and len(subject.split()) >= 3
    return f"{subject}\n\n{text}" if refers or brief else text
