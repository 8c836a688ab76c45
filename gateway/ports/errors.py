"""What can go wrong, as exceptions with a message for the person who can fix it."""

from __future__ import annotations

from gateway.model import Conversation


class WarmlineError(Exception):
    """An error with a message for the person who can mend it."""


class TryLater(WarmlineError):
    """The provider cannot take it now; ``after`` seconds at least (its Retry-After), if told."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Unsure(WarmlineError):
    """The call was cut off: the provider may have taken the message, or not."""


class Undeliverable(WarmlineError):
    """The provider will never take this message. ``unreachable``: nor any to this address;
    ``opted_out``: because the customer asked for no more messages there."""

    def __init__(self, message: str, *, unreachable: bool = False, opted_out: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable
        self.opted_out = opted_out


class NotAccepted(WarmlineError):
    """The message could not be committed; the provider must try again, in ``after`` seconds."""

    def __init__(self, message: str, *, after: float = 2.0) -> None:
        super().__init__(message)
        self.after = after


class TooLarge(WarmlineError):
    """Over a bound that the settings name."""


class Conflict(WarmlineError):
    """Someone was faster; ``conversation`` is how it stands now."""

    def __init__(self, message: str, conversation: Conversation) -> None:
        super().__init__(message)
        self.conversation = conversation


class Outdated(WarmlineError):
    """Somebody changed this entry of a notebook first: read it again."""


class NotFound(WarmlineError):
    """There is nothing by that id."""
