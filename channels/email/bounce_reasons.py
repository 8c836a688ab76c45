"""Why a mail came back: its status code, and whether its address will ever take mail again.

Hard is only what says that the address itself is of no use: nobody has it, its domain does not
exist or takes no mail. All else is soft, since a wrongly suspended address costs a customer our
answers. Codes: RFC 3463 (enhanced status), RFC 5321 section 4.2 (replies), RFC 7505 (null MX).
"""

from __future__ import annotations

import re
from typing import NamedTuple

HARD_CODES = ("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")
"""Bad mailbox, bad system, bad syntax, moved, null MX. The other 5.1.x are about the sender."""

_PASSING = ("5.2.2", "4.4.7")
"""Mailbox full; time is up."""

_ENHANCED = re.compile(r"(?<![\d.\[])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_SMTP_LINE = re.compile(
    r"(?<![\d.-])([45]\d\d)(?:[ -]+|:\s*|\s*#)(?:\(?#?([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d))?"
    r"(?=\s*[-A-Za-z<\[(#:.'\"*]|\s*$)",
    re.MULTILINE,
)


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_WHO = (
    r"(?:user|recipient|mailbox|address|account|e-?mail(?: address)?|addressee|subscriber|person)"
)
_GONE = (
    r"(?:unknown|(?:is |was |could )?not? (?:be )?(?:found|known|recogni[sz]ed|listed|valid"
    r"|exist\w*)"
    r"|(?:does|did) ?n[o']t exist|invalid|no longer (?:exists?|valid|in use|available|active)"
    r"|non-?exist\w*|cannot be (?:found|located)|unrouteable)"
)
_FULL = _any(
    r"(?:mail ?box|inbox|account|folder|storage|quota|user|recipient)\W.{0,60}\b(?:full"
    r"|exceed\w*|over)\b",
    r"over ?quota|quota (?:exceed|is full)|exceed\w* .{0,30}(?:quota|storage|limit)"
    r"|mail ?box is full",
    r"(?:mailbox|inbox|storage) ?full|insufficient (?:system |disk )?(?:storage|space)"
    r"|disk (?:quota|full)",
    r"not enough (?:storage )?space|out of (?:disk )?space|too many messages in|mailbox size limit",
    r"postfach .{0,40}voll|speicherplatz|bo[iî]te .{0,40}pleine|quota d[ée]pass"
    r"|buz[oó]n .{0,40}lleno",
    r"casella .{0,40}piena|postvak .{0,20}vol|skrzynka .{0,40}(?:pełna|zapełniona)",
    r"メールボックスが一杯",
)
_REFUSED = _any(
    r"\bspam\b|unsolicited|junk mail|blocked|black ?list|block ?list|deny ?list|\brbl\b|spamhaus",
    r"reputation|poor .{0,20}sender|policy|content .{0,30}(?:reject|refus)|virus|malware|phish",
    r"dmarc|\bspf\b|dkim|unauthenticated|authenticat\w+ (?:required|fail)|relay(?:ing)? (?:not"
    r"|access|denied)",
    r"relaying|sender .{0,30}(?:reject|denied|refus|verif|not (?:allowed|accepted))"
    r"|sender was rejected",
    r"access denied|(?:mail|message) from .{0,60}(?:reject|refus|not accept)|rate limit|too many",
    r"grey-?list|try again|throttl|deferred|temporar|too (?:large|big)|size (?:limit|exceed)",
    r"exceeds? .{0,30}size|not (?:authori[sz]ed|permitted|allowed)|prohibited|suspend|disabled"
    r"|inactive",
    r"loop|hop count|filter|ptr record|reverse dns|rdns|starttls|\btls\b|certificate|out of memory",
)
_EXPIRED = _any(
    r"timed? ?out|expired|time ?limit|retry time|too long|too old|past \d|for \d+ (?:hours|days)",
    r"no route to host|network (?:is )?unreachable|connection (?:refused|reset|lost|closed"
    r"|dropped|failed)",
    r"could not connect|did(?: not|n't) respond|not respond|host .{0,30}down|i/o error"
    r"|lost connection",
)
_NO_USER = _any(
    rf"(?:un ?known|no such|invalid|bad destination|non-?exist\w+|unrouteable|undeliverable"
    rf"|bad) {_WHO}",
    rf"{_WHO}[^\n]{{0,90}}?\b{_GONE}",
    r"no (?:such )?(?:mailbox|user|person|recipient|account)\b.{0,30}(?:here|by that|with that"
    r"|at|found)?",
    r"not a (?:valid|known) (?:mailbox|user|recipient|address|subscriber)|unknown local[- ]?part",
    r"(?:isn't|is not) (?:listed|our|a known|a registered)|(?:does"
    r"|did) ?n[o']t have an? \S+ account|couldn't be found|wasn't found|unknown (?:or|virtual)",
    r"recipient (?:address )?rejected: (?:user unknown|unknown|undeliverable|no such"
    r"|access denied\W.{0,40}(?:outlook|prod))|no valid recipients?",
    r"not (?:our|a local) (?:customer|user)|address (?:is )?(?:not known|unknown|error)"
    r"|in domino directory|invalid final delivery",
    r"no longer (?:with|at|employed|works|on (?:this )?server|used)|has (?:left|moved)"
    r"|address no longer",
    r"adresse? (?:inconnue|unbekannt)|empf[äa]nger .{0,30}(?:unbekannt|nicht gefunden"
    r"|existiert nicht)",
    r"(?:benutzer|postfach|adresse) .{0,40}(?:unbekannt|existiert nicht|nicht gefunden)",
    r"destinataire .{0,40}(?:inconnu|n'existe pas|introuvable)|utilisateur inconnu"
    r"|adresse .{0,30}n'existe",
    r"destinatario .{0,30}(?:desconocid|no existe|sconosciut|inesistent)|usuario desconocido"
    r"|utente scon",
    r"ontvanger .{0,30}(?:onbekend|niet gevonden)|ok[äa]nd mottagare|ukendt (?:bruger|modtager)",
    r"(?:u[żz]ytkownik|odbiorca|adres) .{0,30}(?:nieznan|nie istnieje)",
    r"存在しません|リストにありません"
    r"|ディレクトリには見つかりません",
)
_NO_HOST = _any(
    r"(?:un ?known|no such|bad) (?:host|domain|destination system)|host (?:name )?(?:unknown"
    r"|not found|lookup)",
    r"(?:domain|host ?name?)[^\n]{0,80}\b(?:not found|does ?n[o']t exist|unknown|invalid"
    r"|couldn't be found)",
    r"no mx|mx not found|host (?:\\S+ )?not found|null mx|nullmx|does ?n[o']t accept (?:e-?mail"
    r"|mail)|unrouteable (?:mail )?domain|nxdomain",
    r"name or (?:service|domain) (?:not known|error)|couldn't find (?:any host|a mail exchanger)"
    r"|cname lookup failed permanently",
    r"illegal host|invalid domain|name service error .{0,60}(?:host|domain) not found|no dns"
    r"|all relevant mx records",
)
_SENDER = _any(
    r"(?:domain|address) of sender|sender (?:address|domain|e-?mail)|(?:mail"
    r"|message)s? from \S+ (?:is|are|was)",
    r"open relay|you cannot send|temporar\w+ (?:locked|disabled|suspended|unavailable|rejected)",
)
_SENDER_CODE = re.compile(r"(?<![\d.])5\.1\.[789](?![\d.]*\d)")
"""About our own address, or about a moment: it says nothing against the customer's address."""
_FIRST_WORDS = (
    (_FULL, "5.2.2", False),
    (_NO_HOST, "5.1.2", True),
    (_NO_USER, "5.1.1", True),
    (_EXPIRED, "4.4.7", False),
    (_REFUSED, "5.7.1", False),
)


class Why(NamedTuple):
    """``status`` is an enhanced status code (RFC 3463). ``hard``: the address is of no use.
    ``temporary``: a later mail may arrive as it is (a full mailbox, a server that was down)."""

    status: str
    hard: bool
    temporary: bool = False


def explain(diagnosis: str, declared: str = "") -> Why:
    """Why a mail failed, by what the other server said (``diagnosis``) and by the ``Status`` field
    of its report (``declared``), either of which may be empty.

    Words count before codes, because servers give 5.0.0 or 5.1.1 for anything.
    """
    reply, enhanced = _codes(diagnosis)
    declared_code = _ENHANCED.search(declared)
    specific = enhanced or (declared_code.group(1) if declared_code else "")
    said = _by_words(diagnosis)
    if _is_vague(specific):
        specific = _worded_code(said, specific, reply)
    if said is not None:
        temporary = "4" in (reply[:1], specific[:1], declared.strip()[:1])
        passing = temporary or said[0] in _PASSING
        return Why(specific, said[1] and not temporary, passing)
    hard = specific in HARD_CODES and not reply.startswith("4")
    return Why(specific, hard, not hard and (specific[:1] == "4" or specific in _PASSING))


def is_code(text: str) -> bool:
    """Whether ``text`` has an SMTP reply that reports a failure."""
    return bool(_SMTP_LINE.search(text))


def _codes(text: str) -> tuple[str, str]:
    """The SMTP reply and the enhanced code in ``text``; the most specific ones."""
    found = [(match.group(1), match.group(2) or "") for match in _SMTP_LINE.finditer(text)]
    reply, enhanced = max(found, key=lambda pair: (not _is_vague(pair[1]), pair[0] != "554"),
                          default=("", ""))  # fmt: skip
    if _is_vague(enhanced):
        others = [code for code in _ENHANCED.findall(text) if code[0] != "2"]
        enhanced = max(others, key=lambda code: not _is_vague(code), default=enhanced)
    return reply, enhanced


def _is_vague(code: str) -> bool:
    return not code or code.endswith(".0.0")


def _worded_code(said: tuple[str, bool] | None, code: str, reply: str) -> str:
    """The code that the words stand for, in the class (4 or 5) that the reply has."""
    leading = (reply or code)[:1]
    if said is not None:
        return (leading or said[0][0]) + said[0][1:]
    return code or (f"{leading}.0.0" if leading else "5.0.0")


def _by_words(text: str) -> tuple[str, bool] | None:
    if _SENDER.search(text) or _SENDER_CODE.search(text):
        return ("5.7.1", False)
    return next(((code, hard) for words, code, hard in _FIRST_WORDS if words.search(text)), None)
