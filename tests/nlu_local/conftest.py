"""Examples to learn from, a reader that is loaded once, and turns of a new customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from gateway import Reply, Turn
from gateway.ops.evaluation import fresh_turn
from gateway.testing import RunningGateway
from plugins.nlu_local.language import DEFAULT_LANGUAGES
from plugins.nlu_local.protocol import ReaderSetup
from plugins.nlu_local.reader import MessageReader

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

EXAMPLES = (
    *(
        (text, "opening_hours")
        for text in (
            "When do you open?",
            "What are your opening hours?",
            "Are you open on Sundays?",
            "Until when is the shop open tonight?",
            "What time do you close?",
            "opening times please",
        )
    ),
    *(
        (text, "refund")
        for text in (
            "I want my money back",
            "How do I get a refund?",
            "Please refund my order",
            "When will the refund reach my account?",
            "Can you give me my money back?",
            "refund status",
        )
    ),
    *(
        (text, "shipping")
        for text in (
            "How long does delivery take?",
            "What does shipping cost?",
            "Do you ship to Spain?",
            "When will my parcel be delivered?",
            "Is express shipping possible?",
            "shipping fees",
        )
    ),
)

REPAIR = """\
- intent: repair
  examples: |
    - my bike is broken, do you repair it?
    - can you mend a bike?
    - bike repair
    - do you fix bikes?
    - how much does it cost to have my bike mended?
"""


def turns(*texts: str) -> Sequence[Turn]:
    return [fresh_turn(text, AT) for text in texts]


def write_examples(folder: Path) -> Path:
    """`EXAMPLES` as a file that the plugin reads."""
    intents = sorted({intent for _, intent in EXAMPLES})
    sections = [
        {"intent": name, "examples": "".join(f"- {text}\n" for text, i in EXAMPLES if i == name)}
        for name in intents
    ]
    file = folder / "nlu.yml"
    file.write_text(yaml.safe_dump({"version": "3.1", "nlu": sections}, sort_keys=False), "utf-8")
    return file


def replace_file(file: Path, text: str) -> None:
    """Replace a file atomically, as editors and deployments do."""
    new = file.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(file)


def model_files(folder: Path) -> dict[str, int]:
    """The models in a folder, and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}


def answer_with_intent(turn: Turn) -> Reply | None:
    return Reply(body=(f"About {turn.understanding.intent.name}.",))


async def is_ready(gw: RunningGateway) -> bool:
    async with gw.session() as http, http.get("/readyz") as response:
        return response.status == 200


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> MessageReader:
    """Loading takes a second, and what it loads never changes. With the packaged encoder, as the
    engine has it by default."""
    folder = tmp_path_factory.mktemp("reader")
    setup = ReaderSetup(languages=DEFAULT_LANGUAGES, universal=True, folder=str(folder))
    return MessageReader.load(setup)


@pytest.fixture(scope="session")
def phrase_reader() -> MessageReader:
    """The reader without an encoder: phrases decide."""
    return MessageReader(DEFAULT_LANGUAGES)
