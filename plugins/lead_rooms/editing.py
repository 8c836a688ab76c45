"""Forms of the rooms: what a person typed, what stood there when they opened the page, and what is
in force now; and how it is saved."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from gateway import (
    AdoptedChange,
    Adoption,
    Agent,
    ChangeRefused,
    DeskPageRequest,
    NotFound,
    Outdated,
    OverlayDifference,
    OverlayProblem,
    Services,
    Version,
    VersionKind,
    WarmlineError,
)

LONGEST_FIELD = 20_000
"""Characters of one field."""
MOST_FIELDS = 2_000
MOST_SHOWN = 5
"""Versions of others that a conflict shows."""


@dataclass(kw_only=True)
class RoomForm:
    """The fields of a page's form, as texts by name.

    ``current`` is what is in force. In a submitted form a field that the person did not touch takes
    what is in force, also where a colleague changed it meanwhile; one that both changed keeps the
    person's words, and shows the colleague's (`theirs`).
    """

    current: dict[str, str]
    typed: dict[str, str] = field(default_factory=dict)
    was: dict[str, str] = field(default_factory=dict)
    newest: int = 0
    """The version that the person saw as the newest."""
    problems: dict[str, list[str]] = field(default_factory=dict)
    """What is wrong, by field; what concerns none is at the empty name."""
    others: list[tuple[Version, tuple[OverlayDifference, ...]]] = field(default_factory=list)
    """What colleagues saved since the page was opened."""

    @classmethod
    def opened(cls, current: Mapping[str, str], newest: int) -> RoomForm:
        """The form of a page that is only shown."""
        return cls(current=dict(current), newest=newest)

    @classmethod
    def submitted(cls, current: Mapping[str, str], request: DeskPageRequest) -> RoomForm:
        """The form as it came back. Raises WarmlineError for one that no page of ours sends."""
        if len(request.form) > MOST_FIELDS:
            raise WarmlineError(f"a form has at most {MOST_FIELDS} fields; change less at once")
        typed, was = {}, {}
        for name, values in request.form.items():
            value = values[0] if values else ""
            if len(value) > LONGEST_FIELD:
                raise WarmlineError(f"a field has at most {LONGEST_FIELD} characters; shorten it")
            if name.startswith("was-"):
                was[name.removeprefix("was-")] = value
            else:
                typed[name] = value
        newest = typed.get("newest", "")
        number = int(newest) if newest.isascii() and newest.isdigit() and len(newest) < 18 else -1
        return cls(current=dict(current), typed=typed, was=was, newest=number)

    def value(self, name: str) -> str:
        """What the field shows."""
        return self._typed(name) if self.touched(name) else self.current.get(name, "")

    def touched(self, name: str) -> bool:
        """Whether the person changed the field."""
        return name in self.was and self._typed(name) != _plain(self.was[name])

    def changed(self, name: str) -> bool:
        """Whether it would change what is in force."""
        return self.touched(name) and self._typed(name) != _plain(self.current.get(name, ""))

    def theirs(self, name: str) -> str | None:
        """What a colleague wrote meanwhile in a field that the person changed, too."""
        now = self.current.get(name, "")
        conflict = self.changed(name) and _plain(now) != _plain(self.was[name])
        return now if conflict else None

    def say(self, name: str, problem: str) -> None:
        """Note what is wrong with a field."""
        known = self.problems.setdefault(name, [])
        if problem not in known:
            known.append(problem)

    def _typed(self, name: str) -> str:
        return _plain(self.typed.get(name, ""))


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n"))


def may_edit(agent: Agent, brand: str) -> bool:
    """Whether the person may change what is for ``brand``: for all brands (an empty name) only
    those who work for all."""
    return not agent.brands or (bool(brand) and agent.works_for(brand))


NOT_YOURS = "this is for all brands; ask somebody who works for all of them, or choose one of yours"


@dataclass(kw_only=True)
class RoomEdit:
    """Saves the changes of a form as a version of ``kind``. ``field_of`` is the field of a
    problem's key (without a brand), empty for none."""

    services: Services
    kind: VersionKind
    field_of: Callable[[str], str]

    async def check(self, form: RoomForm, changes: Sequence[AdoptedChange]) -> bool:
        """Note what is wrong with ``changes``; whether they would load."""
        found = await self.services.versions.check(self.kind, changes)
        self.note(form, found)
        return not found

    async def save(
        self, form: RoomForm, changes: Sequence[AdoptedChange], request: DeskPageRequest
    ) -> Adoption | None:
        """Save ``changes``; None when the form says what is wrong, or what others saved."""
        why = " ".join(request.value("why").split())
        if not why:
            form.say("why", "say why in a word: colleagues will read it")
        if not changes:
            form.say("", "nothing is changed; there is nothing to save")
        if form.problems:
            return None
        versions = self.services.versions
        try:
            return await versions.adopt(
                self.kind, changes, after=form.newest, author=request.agent.id, why=why
            )
        except Outdated:
            await self._show_others(form)
        except ChangeRefused as refused:
            self.note(form, refused.problems)
        except NotFound as error:
            form.say("", str(error))
        except WarmlineError as error:
            form.say("", str(error))
        return None

    def note(self, form: RoomForm, problems: Sequence[OverlayProblem]) -> None:
        """Note each problem at its field."""
        for problem in problems:
            parts = problem.key.split(".")
            key = ".".join(parts[2:]) if parts[0] == "brands" and len(parts) > 2 else problem.key
            name = self.field_of(key)
            text = problem.message if name else str(problem)
            form.say(name, text)

    async def _show_others(self, form: RoomForm) -> None:
        """What was saved since the person opened the page; from now on they saw it."""
        versions = self.services.versions
        for version in await versions.history(kind=self.kind, limit=MOST_SHOWN):
            if version.number > form.newest:
                form.others.append((version, await versions.differences(version.number)))
        form.newest = (await versions.overlay(self.kind)).number


def changes_key(*parts: object) -> str:
    """A digest of what a job is about."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def listed(text: str) -> list[str]:
    """The lines of a field, without empty ones and spaces at their ends."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
