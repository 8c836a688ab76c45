"""Replies that people get again and again, word for word."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway import CaseRecord, fold
from plugins.history.audit.facts import facts_of
from plugins.history.audit.texts import content, sentences

LEAST_CUSTOMERS = 5
"""So many customers who got the same words make them a template."""
SHORTEST = 6
"""Words of a template: who writes "I will look into it" twice is no machine."""
_NUMBER = re.compile(r"\d+")
_SPACE = re.compile(r"\W+")


@dataclass(frozen=True, kw_only=True)
class Templates:
    """How many customers got the same words, by `template_key`."""

    customers: Mapping[str, int]

    @classmethod
    def of(cls, cases: Iterable[CaseRecord]) -> Templates:
        """The templates in what people wrote in ``cases``."""
        seen: dict[str, set[int]] = defaultdict(set)
        for case in cases:
            for message in case.messages:
                if message.author == "agent" and not message.internal:
                    seen[template_key(message.text)].add(case.customer or -case.conversation.id)
        return cls(
            customers={key: len(who) for key, who in seen.items() if len(who) >= LEAST_CUSTOMERS}
        )

    def count(self, text: str) -> int:
        """How many customers got ``text``; 0: it is no template."""
        key = template_key(text)
        return self.customers.get(key, 0) if key.count(" ") + 1 >= SHORTEST else 0

    def says_nothing(self, text: str) -> bool:
        """Whether ``text`` is a template without a fact or a link: an acknowledgement."""
        return self.count(text) > 0 and not facts_of(text) and not _asks(text) and _excuses(text)


def template_key(text: str) -> str:
    """``text`` as it is compared: without greeting, sign-off, numbers, case and punctuation."""
    return _SPACE.sub(" ", _NUMBER.sub("0", fold(content(text)))).strip()


def _asks(text: str) -> bool:
    return any("?" in sentence for sentence in sentences(text))


_EMPTY = re.compile(
    r"thank you for (?:contacting|your (?:message|patience|enquiry|inquiry|mail))|we (?:have )?"
    r"received your|important to us|will be processed|apologi[sz]e for any|ticket (?:has been|was)"
    r"|forwarded to|in the order (?:in which|they)|vielen dank fur (?:ihre|die) (?:nachricht"
    r"|anfrage|mail|kontaktaufnahme)|ist uns wichtig|wird bearbeitet|bitten um geduld"
    r"|entschuldigen uns fur|weitergeleitet|eingegangen|merci (?:de|pour) votre (?:message|demande)"
    r"|nous avons bien recu|gracias por (?:contactar|su mensaje)|hemos recibido"
)


def _excuses(text: str) -> bool:
    """Whether it has the words of an acknowledgement."""
    return _EMPTY.search(fold(text)) is not None
