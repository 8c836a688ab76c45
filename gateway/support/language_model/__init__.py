"""A language model as our plugins use one: typed answers, limits a day, personal data masked.

Nothing that a model says is believed: see `gateway.support.grounding`.
"""

from gateway.support.language_model.budget import DailyBudget, TokenPrices, TokenUsage
from gateway.support.language_model.embeddings import EmbeddingModel
from gateway.support.language_model.masking import (
    Placeholders,
    instructs_model,
    masked_history,
    placeholders_for,
    placeholders_for_card,
)
from gateway.support.language_model.model import (
    LanguageModel,
    ModelError,
    ModelReply,
    client_installed,
    object_schema,
    with_tokens,
)

__all__ = [
    "DailyBudget",
    "EmbeddingModel",
    "LanguageModel",
    "ModelError",
    "ModelReply",
    "Placeholders",
    "TokenPrices",
    "TokenUsage",
    "client_installed",
    "instructs_model",
    "masked_history",
    "object_schema",
    "placeholders_for",
    "placeholders_for_card",
    "with_tokens",
]
