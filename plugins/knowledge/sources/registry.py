"""Adding, finding and removing sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from gateway import (
    KnowledgeSource,
    KnowledgeStore,
    NewSource,
    NotFound,
    Services,
    WarmlineError,
)
from plugins.knowledge.settings import ListedSource
from plugins.knowledge.sources.checks import SourceChecks
from plugins.knowledge.sources.refresh import knowledge_of
from plugins.knowledge.sources.urls import is_url, parse_url


def location_of(text: str, folder: Path | None = None) -> str:
    """The location of a source as it is stored: a URL, or an absolute path (from ``folder``, else
    from the current one). Raises WarmlineError when nothing is there."""
    text = text.strip()
    if is_url(text):
        return str(parse_url(text))
    if "://" in text:
        raise WarmlineError(f"{text!r}: only http:// and https:// can be read")
    path = ((folder or Path.cwd()) / Path(text).expanduser()).resolve()
    if not path.exists():
        hint = (
            " (for a site write https:// before it)" if "." in text and "/" not in text[:1] else ""
        )
        raise WarmlineError(f"{path} is not there; write the path of a folder or a file{hint}")
    return str(path)


async def find_source(store: KnowledgeStore, wanted: str) -> KnowledgeSource:
    """The source with the number or the location ``wanted``. Raises NotFound."""
    sources = await store.sources()
    places = _written(wanted)
    for source in sources:
        if (
            str(source.id) == wanted
            or source.location in places
            or source.location.rstrip("/") in places
        ):
            return source
    raise NotFound(f"there is no source {wanted!r}; `warmline knowledge list` names them")


def _written(wanted: str) -> set[str]:
    """The locations that ``wanted`` may mean. What it names need not be there any more."""
    wanted = wanted.strip()
    found = {wanted, wanted.rstrip("/")}
    if is_url(wanted):
        with suppress(WarmlineError):
            found.add(str(parse_url(wanted)))
    elif "://" not in wanted:
        path = Path(wanted).expanduser()
        found |= {str(path.absolute()), str(path.resolve())}
    return found


async def add_or_find(services: Services, source: NewSource) -> tuple[KnowledgeSource, bool]:
    """The source with that location, and whether it is new. Raises WarmlineError for a brand that
    does not exist."""
    store = knowledge_of(services)
    if source.brand and source.brand not in services.brands:
        known = ", ".join(sorted(services.brands)) or "none"
        raise WarmlineError(f"there is no brand {source.brand!r}; the configuration has: {known}")
    for stored in await store.sources():
        if stored.location == source.location:
            return stored, False
    return await store.add_source(source), True


async def remove(services: Services, source: KnowledgeSource, who: str) -> None:
    """Remove ``source`` with all that was read of it."""
    await knowledge_of(services).remove_source(source.id)
    await SourceChecks(services.storage).forget(source.id)
    await services.audit.record(who, "knowledge_removed", detail=f"source {source.id}")


def listed_sources(
    listed: Iterable[ListedSource], folder: Path | None
) -> tuple[Sequence[NewSource], Sequence[str]]:
    """The sources of the configuration, and what is wrong with the others."""
    found: list[NewSource] = []
    problems: list[str] = []
    for each in listed:
        try:
            location = location_of(each.location, folder)
        except WarmlineError as error:
            problems.append(f"plugins.knowledge.sources: {error}")
            continue
        found.append(
            NewSource(
                location=location,
                title=each.title,
                brand=each.brand,
                owner=each.owner,
                private=each.private,
                language=each.language,
            )
        )
    return found, problems
