"""Bounces: reports that a mail of ours did not arrive, in RFC 3464's form or a mail server's own.

A bounce must come from a machine, say that a delivery failed, and return what only it and we can
know: the Message-ID of our mail, or its words. So a customer who writes about a failed delivery is
never taken for one, and nobody can suspend a customer's address without having had our mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message

from channels.email.body import payload_bytes
from channels.email.bounce_reasons import explain, is_code
from channels.email.charsets import decode
from channels.email.headers import (
    REPLY_PREFIX,
    Headers,
    clean,
    decode_text,
    first,
    message_ids,
    normalize_address,
    parse_addresses,
    parse_author,
    read_headers,
)
from channels.email.html import html_to_text
from gateway import Value

OUR_MARK = ".warmline"
"""Ends the left side of every Message-ID that we make."""

_OUR_ID = re.compile(rf"<?([0-9a-f]{{32}}{re.escape(OUR_MARK)}@[^<>\s\"']{{1,255}})>?")
_ID_LINE = re.compile(
    r"^[ \t>|*]{0,20}Message-ID\s{0,3}:[ \t]{0,9}(?:\n[ \t>|*]{1,20})?(\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_MACHINE = re.compile(
    r"(?:.*mailer?-?_?daemon|post_?master|mail-?daemon|mdaemon|bounces?|.*-bounces?"
    r"|mail(?:er)?(?:-?system)?"
    r"|sysadmin|admin(?:istrator)?|system|no-?reply|do-?not-?reply|microsoftexchange[0-9a-f]{10,}"
    r"|postoffice|smtp|mta|daemon|delivery|esmtp|mailscanner|hostmaster|majordomo|fml-?.*|.*-admin)"
    r"(?:[+=._-].*)?",
    re.IGNORECASE,
)  # fmt: skip
_DAEMON = re.compile(
    r".*mailer?-?_?daemon.*|post_?master.*|mail-?daemon.*|microsoftexchange[0-9a-f]{10,}|mdaemon.*",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"undeliver(?:able|ed)|un?able to (?:be )?deliver|(?:could|can|was|were|has|have|is"
    r"|did)(?: ?n[o']t| not) (?:be |been )?(?:deliver|sent|reach)"
    r"|not (?:be )?delivered|deliver\w* (?:\w+ ){0,3}(?:fail|error|problem|impossible)"
    r"|fail\w* (?:to|permanently|notice|delivery)"
    r"|failure notice|returned (?:to sender|mail|message|e-?mail)|mail (?:system "
    r"|delivery )?(?:error|fail)"
    r"|delivery status|non-?delivery|permanent (?:fatal )?error|fatal error|error (?:occurred "
    r"|while |sending |deliver)"
    r"|rejected|refused|bounced?\b|wasn'?t able|weren't able|trouble delivering|did not like"
    r"|giving up|given up"
    r"|address(?:es)? (?:not found|had)|could not send|cannot send|can't send|unknown (?:user"
    r"|recipient)|no such user"
    r"|user unknown|message (?:rejected|blocked|expired)|unzustellbar|nicht zugestellt"
    r"|zustell\w+ (?:fehlgeschlagen|nicht)"
    r"|non (?:remis|distribu|recapit|consegn|livr)\w*|[ée]chec (?:de|d'envoi)|no se (?:ha podido"
    r"|pudo|puede) entregar"
    r"|error de entrega|mancata consegna|niet (?:worden )?bezorgd|onbestelbaar|niedostarcz"
    r"|nie dostarcz|nie można dostarczyć"
    r"|kunde inte levereras|olevererbart|kunne ikke leveres|kan ikke leveres"
    r"|エラー|送信できません|配信できません"
    r"|届きません",
    re.IGNORECASE,
)  # fmt: skip
_DELAYED = re.compile(
    r"(?:delivery|message|mail)\W+(?:\w+\W+){0,6}(?:delayed|delay)|will (?:be |keep "
    r"|continue )(?:to )?(?:re)?tr(?:y|ied)"
    r"|still (?:being )?(?:re)?tr(?:y|ied)|(?:do|does) ?n[o']t (?:need|have) to re-?send"
    r"|no action is required"
    r"|warning: (?:message|mail|could not send)|not yet been delivered|not been delivered yet"
    r"|will (?:re)?try again"
    r"|delivery (?:attempts )?will continue|verz[öo]ger|retard[ée]|retras|ritard|vertraag"
    r"|f[öo]rsen|forsink|opóźni",
    re.IGNORECASE,
)  # fmt: skip
_FINAL = re.compile(
    r"giv(?:en|ing) up|permanent|returned mail|final(?:ly)? fail|could not be delivered for"
    r"|action: failed"
    r"|cannot send message for|too old|expired|no further attempts|will not be (?:re)?tried",
    re.IGNORECASE,
)
_COPY = re.compile(
    r"^[ \t\r\xa0>*=_#-]{0,40}(?:(?:below (?:this line )?is|this is|here is|following is) (?:a"
    r"|the) copy[^\n]{0,80}"
    r"|a copy of (?:the|your) [^\n]{0,80}|(?:(?:the )?(?:first \d+ lines|text|body"
    r"|headers?) of (?:the|your) )?"
    r"(?:(?:the|your) )?(?:original|unsent|undelivered|returned|failed|bounced|rejected)"
    r"(?: e-?mail| mail| message| text| headers?| body| lines?)+"
    r"(?: (?:follows?|below|attached|is|are|as|included|here|start)){0,4}"
    r"|(?:e-?mail |mail |message )(?:text |headers? |body )*(?:follows?"
    r"|is attached))[\s>*=_#:.-]*$",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_HEADER_RUN = re.compile(
    r"(?:^[ \t>|]*(?:Received|Return-Path|From|To|Subject|Date|Message-ID|Reply-To|Sender"
    r"|X-[\w-]+|MIME-Version"
    r"|Content-[\w-]+|DKIM-Signature|References|In-Reply-To):.*\n"
    r"(?:[ \t>|]*+(?<=[ \t])\S.*\n)*){3}",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_FIELD_LINE = re.compile(
    r"^[ \t]*(Final-Recipient|Original-Recipient|Action|Status"
    r"|Diagnostic-Code)\s*:\s*(.*(?:\n[ \t]+\S.*)*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(r"\w[\w.!#$%&'*+/=?^`{|}~-]{0,63}@[\w-]+(?:\.[\w-]+)*")
_QUOTED_TO = re.compile(
    r"^[ \t>|*]{0,20}(?:To|RCPT TO|X-Original-To)\s*:\s*(.{3,500})$", re.IGNORECASE | re.MULTILINE
)
_STATUS_PARTS = {"message/delivery-status", "message/global-delivery-status"}
_ENCLOSED = {"message/rfc822", "message/global", "message/partial"}
_HEADER_PARTS = {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
_MAX_TEXT = 60_000
_MAX_REPORT = 200_000
_MAX_DEPTH = 12
_MAX_DETAIL = 500


class Bounce(Value, frozen=True, kw_only=True):
    """A report on one mail of ours.

    ``remote_id`` is its Message-ID; None when the report returns none: then ``words`` are what it
    returns, and ``address`` is where our mail was sent. ``status`` is an enhanced status code (RFC
    3463). ``hard``: the address will take no mail at all. ``temporary``: a later mail may arrive.
    """

    remote_id: str | None
    delivered: bool
    detail: str
    address: str | None = None
    status: str = ""
    hard: bool = False
    temporary: bool = False
    words: str = ""


def is_our_id(remote_id: str) -> bool:
    """Whether a Message-ID has the form of those that we make."""
    return bool(_OUR_ID.fullmatch(remote_id)) and remote_id.startswith("<")


def find_bounces(message: Message, headers: Headers, envelope: str | None) -> tuple[Bounce, ...]:
    """The results that ``message`` reports on mail of ours; empty when it reports none.

    ``envelope`` is the SMTP sender where it is known. A delay is no result, and is not reported.
    """
    if not _is_machine(headers, envelope):
        return ()
    report = _read(message)
    notice = report.notice[:_MAX_TEXT]
    outcome = report.outcome()
    if outcome == "delayed" or (outcome is None and not _says_failed(headers, notice)):
        return ()
    remote_id, address = _returned_id(report, headers), report.recipient(headers)
    if remote_id is None:
        by_words = address is not None and outcome != "delivered" and _is_daemon(headers, envelope)
        certain = by_words and not report.names_other_mail()
    else:
        certain = report.returns(remote_id) or _is_certain(headers, outcome)
    if not certain:
        return ()
    diagnosis = report.diagnosis() or _diagnosis(notice)
    said = f"{diagnosis}\n{decode_text(first(headers, 'subject'))}"
    why = explain(said, report.status())
    detail = _detail(diagnosis, address)
    delivered = outcome == "delivered"
    return (
        Bounce(
            remote_id=remote_id,
            delivered=delivered,
            detail=detail,
            address=address,
            status=report.status() if delivered else why.status,
            hard=why.hard and not delivered,
            temporary=why.temporary and not delivered,
            words="" if remote_id else f"{report.notice}\n{report.returned}"[:_MAX_TEXT],
        ),
    )


# -- who sent it, and what it says ----------------------------------------------------------------


def _is_machine(headers: Headers, envelope: str | None) -> bool:
    if _is_report(headers) or "x-failed-recipients" in headers:
        return True
    if (
        _null_path(headers, envelope)
        or first(headers, "auto-submitted").strip().lower()[:4] == "auto"
    ):
        return True
    written = first(headers, "from")
    author = parse_author(headers.get("from", ()))
    local = author[1].rpartition("@")[0] if author else written.strip(" <>\"'")
    if not local or "daemon" in written.lower():
        return True
    # People have such addresses, too: mail@ and postmaster@ of a small firm.
    named = author is not None and author[0]
    answers = named and REPLY_PREFIX.match(decode_text(first(headers, "subject")[:200]))
    return bool(_MACHINE.fullmatch(local)) and not answers


def _is_certain(headers: Headers, outcome: str | None) -> bool:
    """Whether a mail that names ours only as the one it answers is a bounce all the same; an
    out-of-office reply with a bitter word in it is not."""
    return outcome is not None or _is_postmaster(headers) or "x-failed-recipients" in headers


def _is_daemon(headers: Headers, envelope: str | None) -> bool:
    """Whether a mail server wrote the mail, also by its own headers, and no person's program."""
    return (
        _is_report(headers)
        or _is_postmaster(headers)
        or _null_path(headers, envelope)
        or "x-failed-recipients" in headers
    )


def _is_postmaster(headers: Headers) -> bool:
    written = first(headers, "from").lower()
    author = parse_author(headers.get("from", ()))
    local = author[1].rpartition("@")[0] if author else written.strip(" <>\"'")
    return bool(_DAEMON.fullmatch(local)) or "mailer-daemon" in written


def _null_path(headers: Headers, envelope: str | None) -> bool:
    path = first(headers, "return-path") if envelope is None else envelope or "<>"
    return path.strip() == "<>"


def _is_report(headers: Headers) -> bool:
    kind = first(headers, "content-type").lower()
    return kind.lstrip().startswith("multipart/report") and "disposition" not in kind


def _says_failed(headers: Headers, notice: str) -> bool:
    subject = decode_text(first(headers, "subject")[:1000])
    said = f"{subject}\n{notice}"
    failed = _FAILED.search(said) or is_code(notice) or "x-failed-recipients" in headers
    return bool(failed) and not (_DELAYED.search(said) and not _FINAL.search(said))


# -- what it returns ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Report:
    """The parts of a bounce: ``notice`` is for a reader, ``groups`` are the fields of a delivery
    status, ``returned`` is what came back of the mail."""

    notice: str = ""
    returned: str = ""
    groups: list[dict[str, str]] = field(default_factory=list)

    def outcome(self) -> str | None:
        """``failed`` when it failed for anyone (we write to one address), else ``delivered`` or
        ``delayed``; None when no field says."""
        actions = {
            group.get("action", "").split(" ")[0].strip("().,;").lower() for group in self.groups
        }
        if "failed" in actions:
            return "failed"
        if "delivered" in actions:
            return "delivered"
        return "delayed" if actions & {"delayed", "relayed", "expanded"} else None

    def _failed_group(self) -> dict[str, str]:
        failed = [
            group for group in self.groups if group.get("action", "failed").lower()[:6] != "delaye"
        ]
        return next(iter(failed), {})

    def status(self) -> str:
        return self._failed_group().get("status", "")[:60]

    def diagnosis(self) -> str:
        code = self._failed_group().get("diagnostic-code", "")
        return (code.partition(";")[2] or code).strip()

    def returns(self, remote_id: str) -> bool:
        return any(remote_id in _our_ids(text) for text in (self.returned, self.notice))

    def names_other_mail(self) -> bool:
        """Whether it returns the Message-ID of a mail that is not ours."""
        return bool(_ID_LINE.search(self.returned) or _ID_LINE.search(self.notice))

    def recipient(self, headers: Headers) -> str | None:
        """The address that did not get the mail."""
        group = self._failed_group()
        named = [group.get(name, "").partition(";")[2] or group.get(name, "")
                 for name in ("original-recipient", "final-recipient")]  # fmt: skip
        named += headers.get("x-failed-recipients", ())
        named += _QUOTED_TO.findall(self.returned)[:3]
        for value in named:
            for _, address in parse_addresses([value]):
                return address
        own = {address for _, address in parse_addresses(headers.get("to", ()))}
        text = f"{self.notice[:_MAX_TEXT]}\n{decode_text(first(headers, 'subject'))}"
        found = (normalize_address(address.strip(".")) for address in _ADDRESS.findall(text))
        return next((address for address in found if address and address not in own), None)


def _read(message: Message) -> _Report:
    report = _Report()
    for kind, text in _texts(message, 0):
        if kind == "status":
            report.groups += _groups(text)
        elif kind == "returned":
            report.returned += f"\n{text}"
        else:
            notice, returned = _split_copy(text)
            report.notice += f"\n{notice}"
            report.returned += f"\n{returned}"
        if len(report.notice) + len(report.returned) > _MAX_REPORT:
            break
    if not report.groups:
        report.groups = _groups(report.notice)
    return report


def _texts(part: Message, depth: int) -> Iterator[tuple[str, str]]:
    """Each text of ``part`` and what it is: ``notice``, ``status`` or ``returned``."""
    kind, payload = part.get_content_type(), part.get_payload()
    children = [one for one in payload if isinstance(one, Message)] if part.is_multipart() else []
    if depth > _MAX_DEPTH:
        return
    if kind in _STATUS_PARTS:
        fields = [_as_text(read_headers(one)) for one in children]
        yield "status", "\n\n".join(fields) if fields else _text_of(part)
    elif kind in _ENCLOSED and children:
        for enclosed in children:
            yield "returned", _as_text(read_headers(enclosed))
            yield from (("returned", text) for _, text in _texts(enclosed, depth + 1))
    elif children:
        for child in children:
            yield from _texts(child, depth + 1)
    elif kind in _HEADER_PARTS:
        yield "returned", _text_of(part)
    elif kind.startswith(("text/", "message/")):
        text = _text_of(part)
        yield "notice", html_to_text(text) if kind == "text/html" else text


def _text_of(part: Message) -> str:
    return clean(decode(payload_bytes(part)[: 2 * _MAX_TEXT], part.get_content_charset()))


def _as_text(headers: Headers) -> str:
    return "\n".join(f"{name}: {value}" for name, values in headers.items() for value in values)


def _split_copy(text: str) -> tuple[str, str]:
    """The notice in ``text``, and the copy of the mail below it."""
    starts = [match.start() for pattern in (_COPY, _HEADER_RUN) if (match := pattern.search(text))]
    at = min(starts, default=len(text))
    return text[:at], text[at:]


def _groups(text: str) -> list[dict[str, str]]:
    """The fields of a delivery status (RFC 3464 section 2), a group for each recipient."""
    groups: list[dict[str, str]] = []
    for block in re.split(r"\n[ \t]*\n", text):
        fields = {
            name.lower(): " ".join(value.split()) for name, value in _FIELD_LINE.findall(block)
        }
        if "action" in fields or "final-recipient" in fields:
            groups.append(fields)
        elif groups and fields:
            groups[-1] |= fields
    return groups


def _returned_id(report: _Report, headers: Headers) -> str | None:
    """The Message-ID of our mail: that of the returned copy, else one that is referred to."""
    for text in (report.returned, report.notice):
        for line in _ID_LINE.findall(text):
            if ours := _our_ids(line):
                return ours[0]
    if report.names_other_mail():
        return None
    for text in (report.notice, report.returned):
        if ours := _our_ids(text):
            return ours[0]
    answered = (*headers.get("in-reply-to", ()), *headers.get("references", ()))
    return next(filter(is_our_id, message_ids(answered)), None)


def _our_ids(text: str) -> list[str]:
    return [f"<{id}>" for id in _OUR_ID.findall(text)]


def _diagnosis(notice: str) -> str:
    """The lines of ``notice`` that say why: those with a code, else all after the first words."""
    lines = [line.strip() for line in notice.split("\n") if line.strip()]
    coded = [line for line in lines if is_code(line)]
    at = lines.index(coded[0]) if coded else 0
    chosen = lines[at : at + 6] if coded else lines[:25]
    return "\n".join(chosen)


def _detail(diagnosis: str, address: str | None) -> str:
    """The other server's words, with the address unless they have an SMTP reply."""
    words = " ".join(diagnosis.split())
    where = f"not delivered to {address or 'the recipient'}"
    if is_code(diagnosis):
        return words[:_MAX_DETAIL]
    return (f"{where}: {words}" if words else where)[:_MAX_DETAIL]
