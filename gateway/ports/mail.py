"""Reading mails that did not come by a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gateway.model import MailHead, ReadMail


@runtime_checkable
class MailReader(Protocol):
    """Reads mails as the e-mail channel does, whether or not that has a mailbox. Registered with
    `register_routes`. Its methods are pure, never raise and end in bounded time; it can be pickled,
    so that other processes read, too."""

    @property
    def own_addresses(self) -> Mapping[str, str]:
        """Our addresses in the settings, lower-case, each with the name of its support address."""
        ...

    def read_head(self, raw: bytes, own: frozenset[str]) -> MailHead:
        """What the headers at the beginning of ``raw`` say; ``own`` are our addresses, lower-case,
        or ``@`` and a domain of ours."""
        ...

    def read_mail(self, raw: bytes, own: frozenset[str]) -> ReadMail:
        """What the mail ``raw`` says."""
        ...

    def read_words(self, text: str, *, html: bool = False, answers: bool = True) -> str:
        """What was newly written in a mail's ``text``, without quotations and sign-off.
        ``answers``: it may quote an earlier mail."""
        ...
