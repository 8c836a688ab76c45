"""The exceptions that plugins and the gateway raise to each other."""

from __future__ import annotations

from gateway.model import Conversation


class WarmlineError(Exception):
    """The base of all. Its message is for the person who can fix the problem: it says what is
    wrong, where, and what to do."""


class TryLater(WarmlineError):
    """The provider cannot take it now. ``after``: wait at least so many seconds (the provider's
    Retry-After); None if it did not say."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Unsure(WarmlineError):
    """The call was cut off: nobody knows whether the provider took the message."""


class Undeliverable(WarmlineError):
    """The provider will never take this message. ``unreachable``: it will take none to this
    address. ``opted_out``: the reason is that the customer opted out there."""

    def __init__(self, message: str, *, unreachable: bool = False, opted_out: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable
        self.opted_out = opted_out


class NotAccepted(WarmlineError):
    """The message could not be committed. The provider must send it again after ``after``
    seconds."""

    def __init__(self, message: str, *, after: float = 2.0) -> None:
        super().__init__(message)
        self.after = after


class RefusedByChannel(NotAccepted):
    """The channel does not take this message: its files, its copies, or that we write first; or the
    conversation was imported. The message is for the agent who writes; trying again without a
    change does not help."""


class Unfilled(NotAccepted):
    """An answer still has the gap ``placeholder``, which its agent must fill or remove."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(
            f"the answer still has a gap: {placeholder}. Fill it in or remove it, then send again"
        )
        self.placeholder = placeholder


class Malformed(WarmlineError):
    """The message can never be handled: a field has another type than its value declares, or the
    address or id holds what no provider sends, such as NUL. Sending it again does not help."""


class TooLarge(WarmlineError):
    """Larger than a limit in the settings."""


class Conflict(WarmlineError):
    """Another person changed the conversation first. ``conversation`` is its current state."""

    def __init__(self, message: str, conversation: Conversation) -> None:
        super().__init__(message)
        self.conversation = conversation


class Outdated(WarmlineError):
    """The stored value has a newer version: read it again."""


class NotFound(WarmlineError):
    """Nothing has that id."""
