"""``python -m tests.bench.knowledge.banking FOLDER``: retrieval on tau2-bench's banking knowledge.

FOLDER has the folders ``documents`` and ``tasks`` of ``data/tau2/domains/banking_knowledge`` of
github.com/sierra-research/tau2-bench (MIT licence; nothing of it is kept here). A query is the
whole text of a task's ``user_scenario.instructions``; right are its ``required_documents``. A
document is ranked by its best passage.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from gateway import NewSource
from gateway.testing import FakeClock, MemoryKnowledge
from plugins.knowledge.readers.reading import ReadRequest, read
from tests.knowledge.search.scoring import packaged_search

PASSAGES = 150
"""Passages that are asked for: enough for ten documents."""


async def measure(folder: Path) -> dict[str, float]:
    """The mean share of the right documents among the first ten, and the shares of tasks with a
    right one first and among the first three."""
    clock = FakeClock()
    store = MemoryKnowledge(clock)
    source = await store.add_source(NewSource(location="banking"))
    for page in _objects(folder / "documents"):
        text = f"# {page['title']}\n\n{page['content']}"
        request = ReadRequest(data=text.encode(), format="markdown", location=page["id"])
        for result in read(request):
            document = result.document.replace(location=page["id"], language="en")
            await store.put_document(source.id, document)
    search = await packaged_search(store, clock)
    recall, first, in_three = list[float](), list[bool](), list[bool]()
    for task in _objects(folder / "tasks"):
        query = task["user_scenario"]["instructions"]
        found = await search.find(query, language="en", limit=PASSAGES)
        ranked = list(dict.fromkeys(each.passage.location for each in found))
        right = set(task["required_documents"])
        recall.append(len(right.intersection(ranked[:10])) / len(right))
        first.append(ranked[0] in right)
        in_three.append(bool(right.intersection(ranked[:3])))
    tasks = len(recall)
    return {
        "tasks": tasks,
        "passages": len(search),
        "recall_at_10": sum(recall) / tasks,
        "right_in_three": sum(in_three) / tasks,
        "right_first": sum(first) / tasks,
    }


def _objects(folder: Path) -> list[Any]:
    return [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure(Path(sys.argv[1])))) + "\n")
