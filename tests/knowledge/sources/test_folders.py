"""Reading folders and files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import WarmlineError
from plugins.knowledge.settings import CrawlLimits
from plugins.knowledge.sources.registry import location_of
from tests.knowledge.sources.conftest import Reading
from tests.knowledge.test_helpcentre import SHOP


async def test_a_folder_of_all_kinds(reading: Reading, tmp_path: Path) -> None:
    """Files are read by their endings; the summary names the others, and how to save them."""
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "notes.md").write_text("# Never\n\nHidden things are not read.")
    (tmp_path / "a.md").write_text("# A\n\nThe file A of the folder.")
    (tmp_path / "sub" / "b.txt").write_text("The file B of the folder.")
    (tmp_path / "old.doc").write_bytes(b"\xd0\xcf")
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "picture.png").write_bytes(b"x")
    for name in ("service_booklet.pdf", "shipping_policy.docx", "saved_replies.xlsx"):
        (tmp_path / name).write_bytes((SHOP / name).read_bytes())
    check = await reading.read_new(str(tmp_path))
    assert await reading.places() == [
        "a.md",
        "saved_replies.xlsx#Saved replies-de",
        "saved_replies.xlsx#Saved replies-en",
        "service_booklet.pdf",
        "shipping_policy.docx",
        "sub/b.txt",
    ]
    assert dict(check.skipped) == {
        "empty.md": "it has no text",
        "old.doc": "files with the ending .doc are not read; save it as .docx",
    }


async def test_a_file_that_changed_and_one_that_is_gone(reading: Reading, tmp_path: Path) -> None:
    """A file is compared by its bytes; what is not there any more is gone."""
    (tmp_path / "a.md").write_text("# A\n\nReturns are free for 30 days.")
    (tmp_path / "b.md").write_text("# B\n\nThe file B of the folder.")
    source = await reading.add(str(tmp_path))
    await reading.read(source)
    (tmp_path / "a.md").write_text("# A\n\nReturns are free for 14 days.")
    (tmp_path / "b.md").unlink()
    check = await reading.read(source)
    assert (check.changed, check.gone, check.unchanged) == (1, 1, 0)
    assert await reading.differences() == [("changed", ("time: 30 days → 14 days",)), ("gone", ())]


async def test_a_file_that_is_damaged_now_keeps_its_documents(
    reading: Reading, tmp_path: Path
) -> None:
    """Nothing is lost while somebody saves a file."""
    sheet = tmp_path / "faq.csv"
    sheet.write_text("question,answer\nWhen?,At nine.\n")
    source = await reading.add(str(sheet))
    await reading.read(source)
    sheet.write_text("question,answer\nWhen?,\n")
    check = await reading.read(source)
    assert "row 2" in check.skipped[0][1]
    assert await reading.places() == ["faq.csv"]


async def test_an_export_in_a_folder(reading: Reading, tmp_path: Path) -> None:
    """Articles have the addresses of their pages; one that is not exported any more is gone."""
    articles = [
        {
            "id": n,
            "title": f"Article {n}",
            "body": f"<p>The text of article {n}.</p>",
            "draft": False,
            "html_url": f"https://shop.zendesk.com/hc/en-us/articles/{n}",
        }
        for n in range(3)
    ]
    file = tmp_path / "articles.json"
    file.write_text(json.dumps({"articles": articles}))
    source = await reading.add(str(tmp_path))
    await reading.read(source)
    assert len(await reading.places()) == 3
    file.write_text(json.dumps({"articles": articles[:2]}))
    assert (await reading.read(source)).gone == 1
    file.write_text("{")
    check = await reading.read(source)
    assert (check.gone, len(check.skipped)) == (0, 1)
    assert len(await reading.places()) == 2


async def test_links_out_of_the_folder_are_not_followed(reading: Reading, tmp_path: Path) -> None:
    """Neither files nor folders elsewhere are read through a link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("# Secret\n\nNobody should read this.")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.md").write_text("# A\n\nThe file A of the folder.")
    (inside / "secret.md").symlink_to(outside / "secret.md")
    (inside / "loop").symlink_to(inside)
    await reading.read_new(str(inside))
    assert await reading.places() == ["a.md"]


async def test_limits_of_folders(reading: Reading, tmp_path: Path) -> None:
    """A large file is skipped, and a large folder is cut short, with the reason."""
    reading.limits = CrawlLimits(pages=3, file_bytes=10_000)
    for n in range(5):
        (tmp_path / f"{n}.md").write_text(f"# {n}\n\nThe file {n} of the folder.")
    (tmp_path / "0.md").write_text("x" * 20_000)
    check = await reading.read_new(str(tmp_path))
    assert check.skipped == (("0.md", "it has more than 10,000 bytes; split it"),)
    assert "more than 3 files" in check.cut_short


async def test_a_folder_that_is_not_there(reading: Reading, tmp_path: Path) -> None:
    """Nothing is marked as gone while a disk is not mounted."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n\nThe file A of the folder.")
    source = await reading.add(str(folder))
    await reading.read(source)
    folder.rename(tmp_path / "away")
    with pytest.raises(WarmlineError, match="is not there; put it back"):
        await reading.read(source)
    assert await reading.places() == ["a.md"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp://x.example/", "only http"),
        ("http:///nothing", "no URL"),
        ("www.example.org/help", "write https:// before it"),
        ("/not/there/at/all", "is not there"),
    ],
)
def test_a_location_that_is_none(text: str, says: str) -> None:
    """The error says what to write."""
    with pytest.raises(WarmlineError, match=says):
        location_of(text)
