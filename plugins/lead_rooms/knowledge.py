"""The room ``/desk/knowledge``: all answers, with search; and what it shares with their pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from gateway import (
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    Json,
    NotFound,
    Services,
    Value,
    value_at,
)
from plugins.lead_rooms.answer_preview import AnswerPreviews
from plugins.lead_rooms.conflicts import ExampleConflicts
from plugins.lead_rooms.editing import changes_key
from plugins.lead_rooms.html import RoomTemplates
from plugins.lead_rooms.jobs import JobResult, RoomJobs
from plugins.lead_rooms.recent_cases import AnswerUse, AnswerUses, RecentCases, count_uses

PAGE = 50
LIST_WAITS = 0.02
"""Seconds that the list waits for the counts: a small shop has them at once, others at the next
look."""


class ListedAnswer(Value, frozen=True, kw_only=True):
    """A line of the list."""

    intent: str
    languages: tuple[str, ...]
    text: str
    examples: int
    adopted: bool
    use: AnswerUse | None = None


@dataclass(kw_only=True)
class Knowledge:
    """What the pages of knowledge share."""

    services: Services
    templates: RoomTemplates
    jobs: RoomJobs
    training: RoomJobs
    """For what trains first: others do not wait for it."""
    cases: RecentCases
    conflicts: ExampleConflicts = field(init=False)
    previews: AnswerPreviews = field(init=False)

    def __post_init__(self) -> None:
        self.conflicts = ExampleConflicts(self.services)
        self.previews = AnswerPreviews(services=self.services)

    async def brands(self, request: DeskPageRequest) -> tuple[str, ...]:
        """The brands with answers of their own that the person works for; "" is all others."""
        found = await self.services.trials.in_force("answers", ("brands",))
        own = tuple(found) if isinstance(found, dict) else ()
        return ("", *(brand for brand in own if request.agent.works_for(brand)))

    async def chosen_brand(self, request: DeskPageRequest) -> str:
        """The brand of the page's address. Raises NotFound."""
        brand = request.query.get("brand", "")
        if brand not in await self.brands(request):
            raise NotFound("there are no answers of this brand for you")
        return brand

    async def entries(self, brand: str) -> Mapping[str, Json]:
        """All answers by intent."""
        at = ("brands", brand, "answers") if brand else ("answers",)
        found = await self.services.trials.in_force("answers", at)
        return found if isinstance(found, dict) else {}

    async def uses(self, request: DeskPageRequest) -> JobResult[AnswerUses]:
        brands = request.agent.brands
        return await self.jobs.get(
            changes_key("uses", *brands),
            lambda: count_uses(self.cases, brands),
            wait=LIST_WAITS,
        )


@dataclass(kw_only=True)
class KnowledgePage:
    """All answers, with search."""

    knowledge: Knowledge
    path: str = "/desk/knowledge"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        knowledge = self.knowledge
        services = knowledge.services
        brand = await knowledge.chosen_brand(request)
        entries = await knowledge.entries(brand)
        examples = await services.trials.examples_of_shop()
        overlay = await services.versions.overlay("answers")
        uses = await knowledge.uses(request)
        query = " ".join(request.query.get("q", "").split())[:200]
        found = _search(entries, examples, query)
        after = request.query.get("after", "")
        rest = [intent for intent in found if intent > after]
        counts = Counter(intent for _, intent in examples)
        at = ("brands", brand, "answers") if brand else ("answers",)
        listed = [
            ListedAnswer(
                intent=intent,
                languages=_languages(entries[intent]),
                text=_first_text(entries[intent]),
                examples=counts[intent],
                adopted=value_at(overlay.tree, (*at, intent)) is not None,
                use=uses.value.by_intent.get(intent) if uses.value else None,
            )
            for intent in rest[:PAGE]
        ]
        more = {"q": query, "brand": brand, "after": listed[-1].intent} if rest[PAGE:] else {}
        return knowledge.templates.page(
            "knowledge.html",
            title="Knowledge",
            request=request,
            brand=brand,
            brands=await knowledge.brands(request),
            query=query,
            answers=listed,
            count=len(found),
            more=urlencode({k: v for k, v in more.items() if v}),
            uses=uses,
            days=knowledge.cases.days,
            left_out=services.versions.left_out("answers"),
        )


def _search(
    entries: Mapping[str, Json], examples: Sequence[tuple[str, str]], query: str
) -> list[str]:
    """The intents whose name, texts or sentences have all words of ``query``, in order."""
    words = query.casefold().split()
    if not words:
        return sorted(entries)
    said: dict[str, list[str]] = {}
    for text, intent in examples:
        said.setdefault(intent, []).append(text)
    found = []
    for intent, entry in entries.items():
        where = " ".join([intent.replace("_", " "), intent, *_texts(entry), *said.get(intent, ())])
        if all(word in where.casefold() for word in words):
            found.append(intent)
    return sorted(found)


def _texts(value: Json) -> list[str]:
    """All texts in a tree."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]


def _languages(entry: Json) -> tuple[str, ...]:
    say = value_at(entry, ("say",))
    return tuple(say) if isinstance(say, dict) else ()


def _first_text(entry: Json) -> str:
    language = next(iter(_languages(entry)), "")
    return " ".join(_texts(value_at(entry, ("say", language, "body"))))[:160]
