"""Documents that are made to break a reader are refused, within bounded time and memory."""

from __future__ import annotations

import asyncio
import io
import zipfile
import zlib

import pytest

from plugins.knowledge.readers import process
from plugins.knowledge.readers.archives import MOST_PART
from plugins.knowledge.readers.blocks import UnreadableDocument
from plugins.knowledge.readers.process import ReadingProcess
from plugins.knowledge.readers.reading import DocumentFormat, ReadRequest
from tests.knowledge.readers.reading import read_as

SECONDS = 120.0
"""Until the process that reads gives up; each of these takes far less, or would never end."""


def archive(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return out.getvalue()


XXE = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><d>&e;</d>'
LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>'


@pytest.mark.parametrize("kind", ["docx", "xlsx"])
@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"word/document.xml": b" " * (MOST_PART - 1)}, "packed 200 times over"),
        ({"word/document.xml": b" " * (MOST_PART + 1)}, "has a part of"),
        ({f"a{n}.xml": b"x" * 30_000_000 for n in range(4)}, "unpacks to"),
        ({f"{n}.xml": b"" for n in range(5_001)}, "more than 5000 parts"),
        ({"word/document.xml": XXE}, "document type or entities"),
        ({"word/document.xml": LAUGHS}, "document type or entities"),
        ({"word/document.xml": b" " * 1_500_000 + XXE}, "document type|packed"),
        ({"word/document.xml": XXE.decode().encode("utf-16")}, "document type or entities"),
    ],
    ids=["ratio", "part", "total", "parts", "xxe", "laughs", "late", "utf-16"],
)
def test_bombs_in_office_files(kind: DocumentFormat, parts: dict[str, bytes], says: str) -> None:
    """Zip bombs and entities are refused before anything is parsed."""
    with pytest.raises(UnreadableDocument, match=says):
        read_as(kind, archive(parts))


def test_an_archive_that_lies_about_its_sizes() -> None:
    """What is read is counted, whatever the index says."""
    data = archive({"a.xml": b"x" * 500_000})
    broken = data.replace((500_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(UnreadableDocument, match=r"damaged|more than it says"):
        read_as("docx", broken)


BROKEN = {
    "divs": "<div>" * 50_000 + "deep text in the middle" + "</div>" * 50_000,
    "lists": "<ul><li>" * 20_000 + "deep text in the middle",
    "tables": "<table><tr><td>" * 3_000 + "deep text in the middle",
    "inline": "<b>" * 50_000 + "deep text in the middle",
    "word": "<p>" + "a" * 300_000,
    "comments": "<!--" * 50_000,
    "entities": "<p>" + "&amp;" * 50_000,
    "spans": "<td rowspan=100000 colspan=100000>x</td>" * 100,
    "nul": "<p>\0\0\0some words",
}


async def test_html_that_is_made_to_break_parsers() -> None:
    """Each is read or refused in time, and the process lives on."""
    async with ReadingProcess(timeout=SECONDS) as reader:
        for name, body in BROKEN.items():
            data = f"<html><body>{body}".encode()
            request = ReadRequest(data=data, format="html", location="https://x.example/")
            why = ""
            try:
                await reader.read(request)
            except UnreadableDocument as error:
                why = str(error)
            assert "more than 120 seconds" not in why, name
        request = ReadRequest(
            data=b"<p>Some ordinary words here</p>", format="html", location="https://x.example/"
        )
        (result,) = await reader.read(request)
        assert result.document.passages


def test_a_page_of_too_many_elements() -> None:
    """More elements than people write are refused."""
    with pytest.raises(UnreadableDocument, match="more than 200000 elements"):
        read_as("html", "<i>x</i>" * 200_001)


async def test_a_pdf_without_end() -> None:
    """A page tree in a circle, and a stream that unpacks to far too much, end in time."""
    tree = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R]/Count 999999999>>endobj\n"
        b"trailer<</Root 1 0 R>>\n%%EOF"
    )
    with pytest.raises(UnreadableDocument):
        read_as("pdf", tree)


async def test_what_takes_too_long_is_ended() -> None:
    """The process that reads is replaced, and the next document is read."""
    slow = b"a,b\n" + b"x," * 100
    async with ReadingProcess(timeout=0.0) as impatient:
        with pytest.raises(UnreadableDocument, match="more than 0 seconds"):
            await impatient.read(ReadRequest(data=slow, format="csv", location="a.csv"))
        impatient._timeout = SECONDS
        good = ReadRequest(data=b"question,answer\nWhen?,At nine", format="csv", location="a.csv")
        assert await impatient.read(good)


async def test_a_process_that_does_not_start_is_not_the_documents_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told so, and the next document gets a new process."""
    good = ReadRequest(data=b"question,answer\nWhen?,At nine", format="csv", location="a.csv")
    async with ReadingProcess(timeout=SECONDS) as reader:
        with monkeypatch.context() as late:
            late.setattr(process, "START_TIMEOUT", 0.0)
            with pytest.raises(UnreadableDocument, match="did not start"):
                await reader.read(good)
        assert await reader.read(good)


async def test_what_takes_too_much_memory_is_ended() -> None:
    """The process has a bound; this one is reached while its libraries load."""
    async with ReadingProcess(timeout=SECONDS, memory=60_000_000) as small:
        with pytest.raises(UnreadableDocument):
            await small.read(
                ReadRequest(data=b"<p>Some words</p>" * 200_000, format="html", location="a")
            )


async def test_a_cancelled_reading_leaves_no_process() -> None:
    """Ctrl+C while a document is read ends the process; the next document gets a new one."""
    async with ReadingProcess(timeout=SECONDS) as reader:
        request = ReadRequest(data=b"question,answer\nWhen?,At nine", format="csv", location="a")
        work = asyncio.ensure_future(reader.read(request))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert await reader.read(request)


async def test_a_pdf_that_unpacks_to_more_than_the_memory() -> None:
    """The memory of the process is bounded, and the process after it reads on."""
    packer = zlib.compressobj(1)
    stream = b"".join(packer.compress(b" " * 1_000_000) for _ in range(400)) + packer.flush()
    bomb = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
        b"4 0 obj<</Filter/FlateDecode/Length " + str(len(stream)).encode() + b">>stream\n"
    )
    bomb += stream + b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    async with ReadingProcess(timeout=SECONDS, memory=400_000_000) as reader:
        with pytest.raises(UnreadableDocument):
            await reader.read(ReadRequest(data=bomb, format="pdf", location="a.pdf"))
        good = ReadRequest(data=b"question,answer\nWhen?,At nine", format="csv", location="a.csv")
        assert await reader.read(good)
