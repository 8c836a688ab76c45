"""What people adopt: changes to answers, guide, policy and hours, kept as versions over the
team's files.

A *version* is the whole state of one kind of what people adopted. Its *overlay* is laid over the
team's own files and has their format: a partial tree in which only what differs is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from gateway.model.base import Json, Value

VersionKind = Literal["answers", "guide", "policy", "hours"]
"""``answers``: answers, and customers' sentences as examples of intents. ``guide``: rules of the
brand voice, and customers' phrases. ``policy``: thresholds of routing. ``hours``: when agents are
available."""
VERSION_KINDS: tuple[VersionKind, ...] = get_args(VersionKind)

KeyPath: TypeAlias = tuple[str, ...]
"""Where something is in a file: ``("answers", "refund", "say", "en")``. What is a brand's own
comes below ``("brands", NAME)``, in ``answers``, ``guide`` and ``hours``."""


class SetValue(Value, frozen=True, kw_only=True, tag=True):
    """Lay ``value`` over what is at ``at``. A mapping is laid over key by key; anything else
    replaces what is there.

    - an answer: ``("answers", "refund", "say", "en")`` -> ``{"body": ["..."]}``
    - a threshold: ``("reasons", "low_confidence", "below")`` -> ``0.55``
    - a category of the guide, switched off: ``("lexicon", "avoid", "hype")`` -> ``None``
    """

    at: KeyPath
    value: Json


class AddItems(Value, frozen=True, kw_only=True, tag=True):
    """Add ``items`` to a list that a guide joins with those below it; lists of other kinds are
    replaced as a whole. Items that are adopted there already are not added twice.

    - a phrase to avoid: ``("lexicon", "avoid", "dismissive", "phrases", "en")`` ->
      ``({"phrase": "as I said", "instead": ""},)``
    - a phrase of customers: ``("customers", "en", "angry")`` -> ``("rip off|ripoff",)``
    """

    at: KeyPath
    items: tuple[Json, ...]


class RemoveAdopted(Value, frozen=True, kw_only=True, tag=True):
    """Take what was adopted at ``at`` away again, so that the team's files say what applies there.
    With ``items`` only these items of the list. Nothing is taken out of the team's files."""

    at: KeyPath
    items: tuple[Json, ...] = ()


class ExampleText(Value, frozen=True, kw_only=True):
    """A sentence that customers say. ``conversation``: the id of the one that it comes from; it is
    exported, erased and deleted with that. 0: a colleague's own words, which stay."""

    text: str
    conversation: int = 0


class AddExamples(Value, frozen=True, kw_only=True, tag=True):
    """Add sentences to the examples of ``intent``, which may be a new one. A sentence that is an
    example of it already is not added twice."""

    intent: str
    examples: tuple[ExampleText, ...]


class RemoveExamples(Value, frozen=True, kw_only=True, tag=True):
    """Take adopted examples away again, by their ids (see `AdoptedExample`)."""

    ids: tuple[int, ...]


AdoptedChange: TypeAlias = SetValue | AddItems | RemoveAdopted | AddExamples | RemoveExamples
"""One change to an overlay. Only the kind ``answers`` has examples."""


class AdoptedExample(Value, frozen=True, kw_only=True):
    """An adopted example of an intent, with the id of its row and of its conversation (0: none)."""

    id: int
    intent: str
    text: str
    conversation: int = 0


class Overlay(Value, frozen=True, kw_only=True):
    """What one version lays over the team's files.

    ``tree`` is a partial file: of answers, a guide, a policy or hours; what is a brand's own is
    below ``brands``. Only ``answers`` have examples. ``lost``: how many examples of the version
    were erased or deleted since, together with their conversations. ``kept_examples`` are the ids
    of the adopted examples of all versions that are still stored: a model that was trained with any
    other one must go.
    """

    kind: VersionKind
    number: int = 0
    tree: Mapping[str, Json] = {}
    examples: tuple[AdoptedExample, ...] = ()
    lost: int = 0
    kept_examples: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return bool(self.tree or self.examples)


class Version(Value, frozen=True, kw_only=True):
    """Who adopted what, when and why. Versions are numbered from 1, those of all kinds together,
    and never change.

    ``before``: the version of this kind before it; 0 is the team's files alone. ``restores``: the
    version whose overlay this one has again, when it is a roll-back. ``proposal``: the id of the
    proposal that was adopted, if any. ``written``: the team's files that were written, too.
    """

    number: int
    kind: VersionKind
    before: int = 0
    at: datetime
    author: str
    why: str = ""
    proposal: str = ""
    restores: int | None = None
    written: tuple[str, ...] = ()


class OverlayDifference(Value, frozen=True, kw_only=True):
    """One key that differs between two overlays. ``before`` or ``after`` is None where the key is
    not in the overlay (``added``, ``removed``). An example has the key ``examples.INTENT``."""

    key: str
    change: Literal["added", "changed", "removed"]
    before: Json = None
    after: Json = None


class OverlayProblem(Value, frozen=True, kw_only=True):
    """Something in an overlay that cannot apply: its key, with dots, and what is wrong with it and
    what to do."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


class FilesWritten(Value, frozen=True, kw_only=True):
    """What was written into the team's files. ``originals`` is what they had before, by key, in the
    form of whoever wrote it."""

    written: tuple[str, ...] = ()
    not_written: tuple[str, ...] = ()
    originals: Mapping[str, Json] = {}


class Adoption(Value, frozen=True, kw_only=True):
    """What adopting or rolling back did. ``written`` are the team's files that were written, with
    ``write_files``; ``not_written`` says what was not, and why."""

    version: Version
    written: tuple[str, ...] = ()
    not_written: tuple[str, ...] = ()
