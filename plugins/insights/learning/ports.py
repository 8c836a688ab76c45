"""What the loop needs from others: a store of proposals, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from plugins.insights.learning.model import (
    LabelledRow,
    Proposal,
    ProposalDraft,
    ProposalState,
    WholeProposal,
)


class ProposalStore(Protocol):
    """Stored proposals."""

    async def listed(self, *states: ProposalState) -> tuple[Proposal, ...]:
        """Return the proposals in ``states`` (none: all), newest first."""
        ...

    async def proposal(self, id: str) -> WholeProposal:
        """Return one proposal. Raises NotFound."""
        ...

    async def add(self, draft: ProposalDraft, at: datetime) -> Proposal:
        """Store ``draft`` as a new, open proposal, and return after the commit. What of it comes
        from a conversation that does not exist any more is left out."""
        ...

    async def refresh(self, proposal: Proposal, draft: ProposalDraft, at: datetime) -> Proposal:
        """Give an open proposal the evidence of ``draft`` and, unless a person edited it, what it
        proposes. Raises Outdated when somebody changed it meanwhile."""
        ...

    async def change(self, proposal: Proposal) -> Proposal:
        """Store ``proposal`` in place of the row that it was read from. Raises Outdated when
        somebody changed it meanwhile."""
        ...


class DraftSource(Protocol):
    """Makes drafts: of what the report found, or of what reviewers said."""

    async def drafts(self, now: datetime) -> Sequence[ProposalDraft]:
        """Return what could be learnt from the time until ``now``."""
        ...

    async def labelled(self, now: datetime) -> Sequence[LabelledRow]:
        """Return messages with the intents that people gave them."""
        ...
