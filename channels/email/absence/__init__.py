"""Out-of-office replies that no header marks: absence, whoever left the company, mailboxes that
nobody reads, offices that are closed, receipts. By rules, and by a learnt model beside them."""

from __future__ import annotations

from .model import packaged_model
from .rules import find_signs, fixed_reason, is_absence_by_rules


def out_of_office_reason(subject: str, text: str, *, answers_us: bool) -> str | None:
    """Why a mail with ``subject`` and the new words ``text`` is an out-of-office reply; None when a
    person may have written it. ``answers_us``: it names a mail of ours as the one it answers."""
    signs = find_signs(subject, text, answers_us=answers_us)
    if reason := fixed_reason(signs, subject, text):
        return reason
    if is_absence_by_rules(signs, text):
        return "it reads like an out-of-office reply: it speaks of absence"
    if packaged_model().is_automatic(subject, text, signs):
        return "it reads like an out-of-office reply: its wording is that of automatic mail"
    return None
