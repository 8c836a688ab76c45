"""Digests of other plugins, posted to the support channel once each."""

from __future__ import annotations

import asyncio

import structlog

from channels.slack.agents.blocks import Block, context, header, section
from channels.slack.agents.card import SlackPost
from channels.slack.agents.context import AgentContext
from channels.slack.agents.publisher import Publisher
from channels.slack.agents.store import Saved, StoredDigest
from channels.slack.api import SlackRefused
from channels.slack.markup import escape
from gateway import Backoff, Digest, Outdated, TryLater, Unsure

log = structlog.get_logger(__name__)


class DigestPoster:
    """Stores digests, and posts them. They are stored first, so an outage of Slack only delays
    them."""

    def __init__(self, slack: AgentContext, publisher: Publisher) -> None:
        self._context, self._publisher = slack, publisher
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def add(self, digest: Digest) -> None:
        """Store a digest; a second one with the same id is ignored."""
        stored = StoredDigest(
            title=digest.title,
            lines=digest.lines,
            url=digest.url,
            since=f"{self._context.seconds - 60:.6f}",
        )
        await self._context.store.add(f"digest/{digest.id}", stored)
        self._context.wake(0)

    async def run(self) -> None:
        """Post what waits, until cancelled."""
        backoff = Backoff(most=30.0)
        while True:
            self._wake.clear()
            waiting = [
                saved
                async for saved in self._context.store.scan("digest/", StoredDigest)
                if not saved.value.done
            ]
            for saved in waiting:
                await self._deliver(saved, backoff)
            await self._wake.wait()

    async def _deliver(self, saved: Saved[StoredDigest], backoff: Backoff) -> None:
        try:
            await self._publisher.post_digest(saved, digest_post(saved.value))
        except (TryLater, Unsure) as error:
            await self._context.services.clock.sleep(backoff.next(getattr(error, "after", None)))
            self._wake.set()
        except SlackRefused as refused:
            # A person must mend it; it is tried again at the next wake.
            log.warning("agents_slack.digest_refused", id=saved.key, error=refused.code)
        except Outdated:
            log.info("agents_slack.digest_posted_elsewhere", id=saved.key)
        else:
            backoff.reset()


def digest_post(digest: StoredDigest) -> SlackPost:
    """The digest as a message: its title, a line for each figure, and where the rest stands."""
    lines = "\n".join(f"\N{BULLET} {escape(line)}" for line in digest.lines)
    blocks: list[Block] = [header(digest.title), section(lines)]
    if digest.url:
        blocks.append(context(f"<{escape(digest.url)}|The whole report>"))
    return SlackPost(text=escape(digest.title), blocks=tuple(blocks))
