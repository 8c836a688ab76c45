"""Which mails belong to one conversation.

By Message-ID, References and In-Reply-To, as RFC 5256 section 3 and Zawinski's algorithm
(https://www.jwz.org/doc/threading.html) do; we need no tree, only who belongs together. An answer
that names no mail we have is joined to the last mail before it with the same subject and the same
customer, as the programs that drop these headers keep both.

What is remembered of each mail is a few numbers and its id, so that two million fit in memory.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from gateway import MailHead
from plugins.history.importing.values import OLDEST

MOST_REFERENCES = 20
"""Ids that one mail may name: more are an accident of mail programs, or an attack."""
SAME_MATTER = timedelta(days=30)
"""Within this time an answer with the same subject continues a conversation. Ours: as long as a
repeated contact counts as one in the report."""
MOST_TOGETHER = 500
"""Mails of one conversation: robots can answer one another for years."""
_NOBODY = 0
UNDATED = -1


class MailThreads:
    """Joins mails as they are added, in any order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        """The key of each mail: its id, or what stands for one."""
        self._mails = array("q")
        self._times = array("q")
        self._matters = array("q")
        self._nodes: dict[int, int] = {}
        self._parents = array("i")
        self._node_of = array("i")
        self._prints: dict[int, int] = {}
        self._answers = bytearray()
        self._linked = bytearray()

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, mail: int, head: MailHead, at: datetime | None, customer: str) -> bool:
        """Add the mail with number ``mail``; ``customer`` is who of its people is not we. False
        when the same mail is there already."""
        fingerprint = _number(f"{head.sender}\n{head.at}\n{head.subject}")
        key = head.id or f"<{fingerprint & 0xFFFFFFFFFFFFFFFF:016x}@without-id.invalid>"
        node = self._node(key)
        known = self._prints.get(node)
        if known is not None:
            if known == fingerprint:
                return False
            # Some programs give every mail the same id.
            key = f"{key}#{fingerprint & 0xFFFFFFFF:08x}"
            node = self._node(key)
            if node in self._prints:
                return False
        self._prints[node] = fingerprint
        for reference in head.thread[:MOST_REFERENCES]:
            self._join(node, self._node(reference))
        self.keys.append(key)
        self._mails.append(mail)
        self._node_of.append(node)
        self._times.append(int(at.timestamp()) if at else UNDATED)
        matter = _number(f"{head.base_subject.casefold()}\n{customer}")
        self._matters.append(matter if customer and head.base_subject else _NOBODY)
        self._answers.append(head.answers)
        return True

    def conversations(self) -> Iterator[list[int]]:
        """The mails of each conversation, as positions in the order in which they were added; both
        in the order of time."""
        self._join_by_subject()
        order = sorted(range(len(self.keys)), key=self._times.__getitem__)
        groups: dict[int, array[int]] = {}
        for at in order:
            groups.setdefault(self._root(self._node_of[at]), array("i")).append(at)
        for group in groups.values():
            for start in range(0, len(group), MOST_TOGETHER):
                yield group[start : start + MOST_TOGETHER].tolist()

    def mail(self, position: int) -> int:
        """The number that the mail was added with."""
        return self._mails[position]

    def time(self, position: int) -> datetime | None:
        seconds = self._times[position]
        return None if seconds == UNDATED else datetime.fromtimestamp(seconds, UTC)

    def _join_by_subject(self) -> None:
        present: dict[int, int] = {}
        for node in self._node_of:
            root = self._root(node)
            present[root] = present.get(root, 0) + 1
        candidates = [
            at
            for at in range(len(self.keys))
            if self._matters[at] != _NOBODY and self._times[at] != UNDATED
        ]
        candidates.sort(key=lambda at: (self._matters[at], self._times[at]))
        for before, at in pairwise(candidates):
            alone = present[self._root(self._node_of[at])] == 1
            near = self._times[at] - self._times[before] <= SAME_MATTER.total_seconds()
            same = self._matters[at] == self._matters[before]
            if same and near and alone and self._answers[at]:
                root, other = self._root(self._node_of[at]), self._root(self._node_of[before])
                joined = present[root] + present[other] if root != other else present[root]
                self._join(root, other)
                present[self._root(root)] = joined

    def _node(self, id: str) -> int:
        number = _number(id)
        node = self._nodes.get(number)
        if node is None:
            node = self._nodes[number] = len(self._parents)
            self._parents.append(node)
        return node

    def _root(self, node: int) -> int:
        parents = self._parents
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    def _join(self, one: int, other: int) -> None:
        first, second = self._root(one), self._root(other)
        if first != second:
            self._parents[max(first, second)] = min(first, second)


def plausible(at: datetime | None, otherwise: datetime | None, newest: datetime) -> datetime | None:
    """``at``, or ``otherwise`` where that is no time at which a mail can have been written."""
    for time in (at, otherwise):
        if time is not None and OLDEST <= time <= newest:
            return time
    return None


def _number(text: str) -> int:
    """64 bits, signed. Two of two million texts have the same with a chance of 1 in ten million."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
