"""Which passages a question finds, and how the index follows the store."""

from __future__ import annotations

import asyncio

import pytest

from gateway import KnowledgeDocument, NewDocument, NewPassage, NewSource, WarmlineError
from gateway.testing import FakeClock, MemoryKnowledge
from plugins.knowledge.search import PassageSearch
from tests.conftest import until
from tests.knowledge.search.conftest import StartSearch, services
from tests.knowledge.search.encoder import FakeEncoder

PAGES = {
    "Delivery": ("A parcel within the country costs 5 euros.", "It arrives after two days."),
    "Warranty": ("The warranty of the Finch is three years.", "Water damage is not covered."),
    "Opening hours": ("The shop opens at nine.", "On Sundays it is closed."),
}


async def put(
    store: MemoryKnowledge,
    title: str,
    *texts: str,
    source: int = 0,
    language: str = "en",
) -> KnowledgeDocument:
    if not source:
        known = await store.sources()
        made = known[0] if known else await store.add_source(NewSource(location="help"))
        source = made.id
    document = NewDocument(
        location=title,
        title=title,
        language=language,
        digest="|".join(texts),
        passages=tuple(NewPassage(text=text) for text in texts),
    )
    return await store.put_document(source, document)


async def fill(store: MemoryKnowledge) -> None:
    for title, texts in PAGES.items():
        await put(store, title, *texts)


async def texts(search: PassageSearch, question: str, **more: str) -> list[str]:
    return [found.passage.text for found in await search.find(question, **more)]


async def test_nothing_is_found_without_sources(search: PassageSearch) -> None:
    assert await search.find("When do you open?") == ()


async def test_words_alone_find_passages(store: MemoryKnowledge, start: StartSearch) -> None:
    """Without an encoder, and the search says so."""
    await fill(store)
    search = start(None)
    assert search.words_only
    [first, *_] = await search.find("How long is the warranty of the Finch?", language="en")
    assert first.passage.text == "The warranty of the Finch is three years."
    assert first.bm25 > 0
    assert (first.cosine, first.sentences) == (0, ())


async def test_other_words_for_the_same_find_a_passage(
    store: MemoryKnowledge, search: PassageSearch
) -> None:
    """By their meaning, also in another language; what was not embedded yet is found by words."""
    await fill(store)
    await search.prepare()
    for question in ("What is the fee for a package?", "Was kostet ein Paket?"):
        [first, second, *_] = await search.find(question)
        assert first.passage.text == "A parcel within the country costs 5 euros."
        assert first.bm25 == 0 or "package" not in question
        assert first.score > second.score


async def test_the_best_sentences_are_shown(store: MemoryKnowledge, search: PassageSearch) -> None:
    """With their places in the text."""
    await put(store, "All", "We sell pianos. The guarantee is three years! Dogs may come in.")
    await search.prepare()
    [found] = await search.find("How long is the warranty?")
    start, end, cosine = found.sentences[0]
    assert found.passage.text[start:end] == "The guarantee is three years!"
    assert [each[2] for each in found.sentences] == sorted(
        (each[2] for each in found.sentences), reverse=True
    )
    assert cosine <= 1


async def test_what_another_process_stores_is_found(
    store: MemoryKnowledge, start: StartSearch, encoder: FakeEncoder
) -> None:
    """New, changed, gone, returned and removed documents, after the next look for changes; and
    nothing but what changed is embedded."""
    await fill(store)
    here, there = start(encoder), start(encoder)
    await there.embed_all()
    assert "The shop opens at nine." in await texts(here, "When does the shop open?")
    encoder.texts.clear()
    changed = await put(store, "Opening hours", "The shop opens at ten.")
    await there.embed_all()
    assert not [text for text in encoder.texts if "Finch" in text]
    await here.follow()
    assert (await texts(here, "When does the shop open?"))[0] == "The shop opens at ten."
    assert "The shop opens at nine." not in await texts(here, "When does the shop open?")
    await store.mark_gone(changed.id)
    await here.follow()
    assert "The shop opens at ten." not in await texts(here, "When does the shop open?")
    await put(store, "Opening hours", "The shop opens at ten.")
    await here.follow()
    assert (await texts(here, "When does the shop open?"))[0] == "The shop opens at ten."
    await store.remove_source(1)
    await here.follow()
    assert await texts(here, "When does the shop open?") == []
    assert len(here) == 0


async def test_what_was_removed_since_the_last_look_is_not_found(
    store: MemoryKnowledge, search: PassageSearch
) -> None:
    """Although the index has it still."""
    await fill(store)
    assert await texts(search, "When does the shop open?")
    await store.remove_source(1)
    assert await texts(search, "When does the shop open?") == []


async def test_stored_vectors_are_not_computed_again(
    store: MemoryKnowledge, start: StartSearch, encoder: FakeEncoder
) -> None:
    """Another process, or the same one after a restart, reads them."""
    await fill(store)
    assert await start(encoder).embed_all() == 6
    other = FakeEncoder()
    again = start(other)
    assert await again.embed_all() == 0
    assert (await texts(again, "What is the fee for a package?"))[0].startswith("A parcel")
    assert not [text for text in other.texts if "5 euros" in text]


async def test_another_model_computes_them_again(
    store: MemoryKnowledge, start: StartSearch, encoder: FakeEncoder
) -> None:
    """Embeddings of different models cannot be compared."""
    await fill(store)
    search = start(encoder)
    await search.prepare()
    assert await texts(search, "What is the fee for a package?")
    encoder.embedding_model = "fake 2"
    assert await search.embed_all() == 6
    await search.follow()
    assert (await texts(search, "What is the fee for a package?"))[0].startswith("A parcel")


async def test_a_brand_sees_its_own_sources_and_those_of_none(
    store: MemoryKnowledge, search: PassageSearch
) -> None:
    """Never another brand's."""
    for brand in ("", "north", "south"):
        source = await store.add_source(NewSource(location=f"help-{brand}", brand=brand))
        await put(store, f"Hours {brand}", f"The shop of {brand or 'all'} opens.", source=source.id)
    await search.prepare()
    found = await texts(search, "When does the shop open?", brand="north")
    assert sorted(found) == ["The shop of all opens.", "The shop of north opens."]
    assert await texts(search, "When does the shop open?") == ["The shop of all opens."]


async def test_the_customers_own_language_comes_first(
    store: MemoryKnowledge, search: PassageSearch
) -> None:
    """Where two pages say the same."""
    for language in ("de", "en"):
        source = await store.add_source(NewSource(location=language))
        text = "Garantie: Finch 61."
        await put(store, "Garantie", text, source=source.id, language=language)
    await search.prepare()
    for language in ("de", "en"):
        [first, _] = await search.find("Garantie?", language=language)
        assert first.passage.language == language


async def test_a_long_message_is_read_sentence_by_sentence(
    store: MemoryKnowledge, search: PassageSearch
) -> None:
    """What it asks is found, however much is told around it."""
    await fill(store)
    await search.prepare()
    story = "I bought a piano in May. My daughter loves it. We live in the hills. It rains a lot."
    question = f"{story} How long does the guarantee of the Finch last? Have a nice week."
    assert (await texts(search, question))[0] == "The warranty of the Finch is three years."


@pytest.mark.parametrize(
    ("language", "text", "question"),
    [
        ("ja", "送料は国内一律五百円です。", "送料はいくらですか？"),
        ("zh", "国内运费为五元。", "运费是多少？"),
        ("th", "ค่าจัดส่งห้าสิบบาท", "ค่าจัดส่งเท่าไร"),
        ("ko", "배송비는 오천 원입니다.", "배송비는 얼마인가요?"),
    ],
)
async def test_languages_without_spaces_share_words(
    store: MemoryKnowledge, start: StartSearch, language: str, text: str, question: str
) -> None:
    """Also without an encoder."""
    await put(store, "1", text, language=language)
    await put(
        store, "2", "店は月曜から土曜まで開いています。店铺周一至周六营业。", language=language
    )
    [first, *_] = await start(None).find(question, language=language)
    assert first.passage.text == text
    assert first.bm25 > 0


@pytest.mark.parametrize(
    "question", ["", " \n", "?", "\x00", "a" * 50_000, "wort " * 20_000, "🦊" * 500, ". " * 9_000]
)
async def test_any_text_may_be_asked(
    store: MemoryKnowledge, search: PassageSearch, question: str
) -> None:
    """However long, and without a word."""
    await fill(store)
    await search.prepare()
    assert len(await search.find(question, language="xx", limit=3)) <= 3


async def test_a_failing_encoder_is_told(
    store: MemoryKnowledge, search: PassageSearch, encoder: FakeEncoder
) -> None:
    """Whoever asks learns why, and the next question may succeed."""
    await fill(store)
    assert await search.find("When do you open?")
    encoder.fails = True
    with pytest.raises(WarmlineError, match="out of order"):
        await search.find("When do you open?")
    encoder.fails = False
    assert await search.find("When do you open?")


async def test_a_long_passage_has_a_bounded_number_of_vectors(
    store: MemoryKnowledge, search: PassageSearch, encoder: FakeEncoder
) -> None:
    """A table of a thousand rows costs no thousand vectors, and its end is found."""
    rows = "\n".join(f"row{number} | {number}" for number in range(1_000))
    await put(store, "Table", rows)
    await search.embed_all()
    assert len([text for text in encoder.texts if "row" in text]) < 200
    [found] = await search.find("row999")
    assert "row999" in found.passage.text


async def test_it_runs_beside_the_server(
    store: MemoryKnowledge, start: StartSearch, encoder: FakeEncoder, clock: FakeClock
) -> None:
    """It embeds in one process, follows in all, and loads nothing before the first question."""
    await fill(store)
    given = services(knowledge=store, clock=clock, encoder=encoder)
    search = PassageSearch()
    tasks = [asyncio.create_task(search.run(given)), asyncio.create_task(search.watch(given))]

    async def embedded() -> bool:
        await clock.advance(2)
        return len(await store.vectors(range(1, 7), (await model(encoder)))) == 6

    await until(embedded)
    assert len(search) == 0
    assert (await texts(search, "What is the fee for a package?"))[0].startswith("A parcel")
    await put(store, "Voucher", "A voucher is valid for a year.")

    async def found() -> bool:
        await clock.advance(2)
        return "A voucher is valid for a year." in await texts(search, "Is my voucher valid?")

    await until(found)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def model(encoder: FakeEncoder) -> str:
    from plugins.knowledge.search.meaning import CentredEncoder  # noqa: PLC0415

    return (await CentredEncoder.of(encoder)).model
