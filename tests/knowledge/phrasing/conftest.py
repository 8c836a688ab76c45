"""The answers in front of a fake model, and the packaged encoder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugins.knowledge.phrasing.answers import PhrasedAnswers
from tests.bench.grounding.model_server import WritingModel
from tests.bench.grounding.trial import packaged_encoder, phrasing


@pytest.fixture
async def served_model(tmp_path: Path) -> AsyncIterator[tuple[PhrasedAnswers, WritingModel]]:
    async with phrasing(tmp_path, encoder=packaged_encoder()) as both:
        yield both


@pytest.fixture
def answers(served_model: tuple[PhrasedAnswers, WritingModel]) -> PhrasedAnswers:
    return served_model[0]


@pytest.fixture
def fake(served_model: tuple[PhrasedAnswers, WritingModel]) -> WritingModel:
    return served_model[1]
