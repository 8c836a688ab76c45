"""Make the booklet, the spreadsheets and the policy of the invented shop from make_files.yaml.

Needs fpdf2, openpyxl and python-docx, which the tests of the shop do not: run it in an environment
of its own (``pip install fpdf2 openpyxl python-docx pyyaml``) and commit what it writes. Two runs
write the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict

import docx
import openpyxl
import yaml
from fpdf import FPDF

HERE = Path(__file__).parent
MADE = datetime(2026, 9, 1, tzinfo=UTC)
COLUMNS = ["question", "answer", "language", "tags"]


class Blocks(TypedDict):
    """What stands under a heading beside paragraphs; one of the three."""

    list: NotRequired[list[str]]
    steps: NotRequired[list[str]]
    table: NotRequired[list[list[str]]]


class Section(TypedDict):
    """A heading with what stands under it."""

    heading: str
    blocks: list[str | Blocks]


class Booklet(FPDF):
    """A5 pages with a foot line."""

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font("Helvetica", size=8)
        line = f"Halvard & Finch · Warranty and service booklet · {self.page_no()}"
        self.cell(0, 6, line, align="C")

    def write_lines(self, text: str, height: float = 5) -> None:
        """Write a paragraph from the left margin, and go to the next line."""
        self.multi_cell(0, height, text, align="L", new_x="LMARGIN", new_y="NEXT")


def make_booklet(sections: list[Section], to: Path) -> None:
    """Write the PDF. Its fonts are the built-in ones, in cp1252 for the euro sign."""
    pdf = Booklet(format=(148, 210))
    pdf.core_fonts_encoding = "cp1252"
    pdf.set_creation_date(MADE)
    pdf.set_title("Warranty and service booklet")
    pdf.set_author("Halvard & Finch")
    pdf.set_lang("en")
    pdf.add_page()
    pdf.set_font("Helvetica", "B", 20)
    pdf.write_lines("Warranty and service booklet", 10)
    pdf.set_font("Helvetica", size=10)
    pdf.write_lines("For all instruments by Halvard & Finch. Edition of September 2026.")
    for section in sections:
        pdf.ln(4)
        pdf.start_section(section["heading"])
        pdf.set_font("Helvetica", "B", 13)
        pdf.write_lines(section["heading"], 8)
        pdf.set_font("Helvetica", size=10)
        for block in section["blocks"]:
            pdf.ln(1)
            if isinstance(block, str):
                pdf.write_lines(block)
                continue
            for number, step in enumerate(block.get("steps", []), 1):
                pdf.write_lines(f"{number}. {step}")
            if rows := block.get("table"):
                with pdf.table(text_align="LEFT", line_height=5) as table:
                    for row in rows:
                        table.row(row)
    pdf.output(str(to))


def make_policy(sections: list[Section], to: Path) -> None:
    """Write the DOCX, with the styles of Word for headings, lists and steps."""
    document = docx.Document()
    document.core_properties.title = "Shipping policy (internal)"
    document.core_properties.author = "Halvard & Finch"
    document.core_properties.created = document.core_properties.modified = MADE
    document.add_heading("Shipping policy (internal)", level=1)
    document.add_paragraph("For the warehouse and customer care. In force from 1 September 2026.")
    for section in sections:
        document.add_heading(section["heading"], level=2)
        for block in section["blocks"]:
            if isinstance(block, str):
                document.add_paragraph(block)
                continue
            for item in block.get("list", []):
                document.add_paragraph(item, style="List Bullet")
            for item in block.get("steps", []):
                document.add_paragraph(item, style="List Number")
    written = io.BytesIO()
    document.save(written)
    to.write_bytes(without_times(written.getvalue()))


def make_sheet(replies: list[dict[str, str]], to: Path) -> None:
    """Write the XLSX: a sheet of replies, and an empty one as people leave behind."""
    book = openpyxl.Workbook()
    book.properties.created = MADE.replace(tzinfo=None)
    sheet = book.active
    sheet.title = "Saved replies"
    sheet.append(COLUMNS)
    for reply in replies:
        sheet.append([reply[column] for column in COLUMNS])
    sheet.freeze_panes = "A2"
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 50, 110
    book.create_sheet("Sheet2")
    written = io.BytesIO()
    book.save(written)
    to.write_bytes(without_times(written.getvalue()))


def make_replies(replies: list[dict[str, str]], to: Path) -> None:
    """Write the CSV."""
    with to.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(replies)


def without_times(archive: bytes) -> bytes:
    """The same archive with the times of all members, and the time of saving, set to MADE."""
    saved = MADE.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as read, zipfile.ZipFile(written, "w") as write:
        for member in read.infolist():
            content = read.read(member)
            if member.filename == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + saved, content)
            info = zipfile.ZipInfo(member.filename, MADE.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            write.writestr(info, content)
    return written.getvalue()


if __name__ == "__main__":
    content = yaml.safe_load((HERE / "make_files.yaml").read_text("utf-8"))
    make_booklet(content["booklet"], HERE / "service_booklet.pdf")
    make_policy(content["policy"], HERE / "shipping_policy.docx")
    make_sheet(content["xlsx"], HERE / "saved_replies.xlsx")
    make_replies(content["csv"], HERE / "saved_replies.csv")
