"""Search with the embeddings of a model server."""

from __future__ import annotations

from msgspec.structs import replace

from gateway import EmbeddingModel, Services
from plugins.knowledge.search import PassageSearch


class ServerSearch(PassageSearch):
    """`PassageSearch` with the embeddings of ``encoder`` instead of the gateway's own. While its
    server fails, a question raises WarmlineError, and a person gets it."""

    def __init__(self, encoder: EmbeddingModel) -> None:
        super().__init__()
        self.encoder = encoder

    def use(self, services: Services) -> None:
        super().use(replace(services, encoder=self.encoder))

    async def run(self, services: Services) -> None:
        try:
            await super().run(services)
        finally:
            await self.encoder.close()
