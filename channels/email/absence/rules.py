"""Out-of-office replies recognised by form and wording: whose signs are in ``phrases.yaml``.

Mail programs put fixed words before our subject ("Automatic reply: ..."); these are certain. By its
text alone a mail counts only when it answers one of ours, speaks of absence as such replies do, and
neither asks for something nor says what the writer will do about the matter: a customer who will be
away and wants a parcel kept is a person. Sentences that send us to somebody else ("For orders write
to ...") are no request.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from gateway import packaged_yaml

REPLY_MARK = re.compile(r"^(?:\s*(?:re|aw|antw|sv|vs|odp|ref|rif|tr|r)\s*:)+\s*", re.IGNORECASE)


def _compiled(tables: dict[str, Any]) -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)
        for name, parts in tables.items()
    }


PHRASES = _compiled(packaged_yaml("channels.email.absence", "phrases.yaml"))
"""The lists of ``phrases.yaml``, each as one pattern."""

LONGEST = 1_500
"""Characters of a text that the rules may take for an out-of-office reply; longer ones are
letters."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_ENOUGH, _PLAIN = 2, 4
"""Signs of a reply that is automatic, and of one that is plainly so."""
_SHORT = 60
_ASKS = ("request", "neighbour", "acts", "own_matter")
_SIGNS = (
    *("absent", "closed", "left", "unread"),
    *("later", "meanwhile", "automatic", "thanks_for_mail"),
)
TEXT_SIGNS = (*_SIGNS, "at_work", "alone")
"""What `AbsenceSigns.found` may hold."""


class AbsenceSigns(NamedTuple):
    """What the rules find in a mail, for themselves and for the model."""

    fixed: str
    """The words of a mail program at the beginning of the subject; empty if there are none."""
    asks: bool
    """It asks us for something, or says what its writer will do."""
    topic: bool
    """It speaks of what people write to a shop about."""
    noted: bool
    """The subject says that somebody is absent."""
    begins: bool
    """So it does, and until when."""
    answers: bool
    """It answers a mail of ours, or looks like an answer."""
    elsewhere: bool
    """A sentence sends us to somebody else."""
    found: frozenset[str]
    """Lists of ``phrases.yaml`` of which the text has a part, and more of `TEXT_SIGNS`."""

    @property
    def weight(self) -> int:
        """How many signs of such a reply there are; 0 where the text does not speak of absence."""
        absent, closed, left, unread, later, meanwhile, automatic, thanks = (
            name in self.found for name in _SIGNS
        )
        gone = left or unread
        deferred = thanks and later and meanwhile and self.elsewhere
        if not (absent or closed or gone or self.begins or deferred):
            return 0
        works = "at_work" in self.found
        signs = (gone or thanks, later, meanwhile, self.elsewhere, closed, works,
                 "alone" in self.found, self.noted, self.begins)  # fmt: skip
        return sum(signs) + 2 * automatic + gone


def find_signs(subject: str, text: str, *, answers_us: bool) -> AbsenceSigns:
    """The signs of a mail with ``subject`` and the new words ``text``."""
    plain = REPLY_MARK.sub("", subject)
    # A person who answers a mail about an automatic reply has its words behind their own "Re:".
    fixed = PHRASES["fixed_subject"].match(subject)
    noted = PHRASES["absent_subject"].match(plain)
    begun = text[: 2 * LONGEST]
    own = _own_sentences(begun)
    found = {name for name in _SIGNS if PHRASES[name].search(begun)}
    if "absent" in found and PHRASES["at_work"].search(begun):
        alone = len(text) <= _SHORT and text.strip().count("\n") == 0
        found |= {"at_work", "alone"} if alone else {"at_work"}
    return AbsenceSigns(
        fixed=fixed.group() if fixed else "",
        asks=any(PHRASES[name].search(own) for name in _ASKS),
        topic=bool(PHRASES["topic"].search(PHRASES["of_mail"].sub(" ", own))),
        noted=noted is not None,
        begins=noted is not None and bool(PHRASES["until"].match(plain, noted.end())),
        answers=answers_us or subject != plain or noted is not None,
        elsewhere=any(map(_sends_elsewhere, _SENTENCE.split(begun))),
        found=frozenset(found),
    )


def fixed_reason(signs: AbsenceSigns, subject: str, text: str) -> str | None:
    """Why the words of a mail program before ``subject`` show that it is an automatic reply."""
    if not signs.fixed:
        return None
    rest = subject[len(signs.fixed) :].strip()
    alone = not rest and not (signs.asks or signs.topic) and len(text) <= LONGEST
    if rest[:1] in tuple(":：([") or REPLY_MARK.match(rest) or alone:
        return f"it reads like an out-of-office reply: {signs.fixed[:40]}"
    return None


def is_absence_by_rules(signs: AbsenceSigns, text: str) -> bool:
    """Whether ``text`` alone shows that it is an out-of-office reply."""
    if len(text) > LONGEST or signs.asks or not signs.answers:
        return False
    return signs.weight >= (_PLAIN if signs.topic else _ENOUGH)


def _own_sentences(text: str) -> str:
    """Without the sentences that send us to somebody else."""
    return " ".join(
        one
        for one in _SENTENCE.split(text)
        if not _sends_elsewhere(one) or PHRASES["neighbour"].search(one)
    )


def _sends_elsewhere(sentence: str) -> bool:
    """ "For orders write to orders@...", "Is it urgent? Ask my colleague." """
    if PHRASES["urgent"].search(sentence) and sentence.rstrip().endswith("?"):
        return True
    if PHRASES["own_matter"].search(sentence):
        return False
    directs = PHRASES["place"].search(sentence) and PHRASES["directs"].search(sentence)
    return bool(directs) and not PHRASES["to_writer"].search(sentence)
