"""Which column of a table means what: as a file says it, or guessed from the names of columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from gateway import WarmlineError, packaged_yaml, read_shape
from plugins.history.importing.tickets.ticket import mail_address

Meaning = Literal[
    "conversation", "time", "author", "text", "answer", "answer_time", "customer", "name",
    "agent", "subject", "labels", "score",
]  # fmt: skip
MEANINGS: tuple[str, ...] = get_args(Meaning)

_GUESSED = (
    "conversation", "time", "answer_time", "answer", "agent", "labels", "score", "subject",
    "customer", "name", "author", "text",
)  # fmt: skip
"""In this order, as one name may mean several things."""

_WORDS: Any = packaged_yaml(__package__, "columns.yaml")
NAMES: Mapping[str, str] = _WORDS["columns"]
"""Names of columns, folded, by what they mean, in eight languages."""
AUTHORS: Mapping[str, str] = _WORDS["authors"]
"""What stands in a column that says who wrote, folded."""


class TableMapping(BaseModel):
    """A mapping file. ``columns`` names the column of each meaning that the table has."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[Meaning, str]
    authors: dict[Literal["customer", "agent", "bot"], list[str]] = Field(
        {}, description="what stands in the column of authors for each"
    )
    time_format: str = Field("", description="as Python's strptime; empty: guessed")
    channel: str = Field("email", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    delimiter: str = Field("", max_length=1, description="empty: guessed")

    def plain(self) -> dict[str, Any]:
        """What workers need, as JSON; names of authors are folded."""
        authors = {
            fold(word): author for author, words in AUTHORS.items() for word in words.split()
        }
        authors |= {fold(word): author for author, words in self.authors.items() for word in words}
        return {
            "columns": dict(self.columns),
            "authors": authors,
            "time_format": self.time_format,
            "channel": self.channel,
        }


def read_mapping(path: Path) -> TableMapping:
    """The mapping in the file ``path``. Raises BadConfig with file, line and key."""
    return read_shape(path, TableMapping)


def guess_mapping(header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> TableMapping:
    """The mapping that the names of the columns suggest, and their values where names say nothing.
    Raises WarmlineError when no column can be the text."""
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for meaning in _GUESSED:
        wanted = NAMES[meaning].split()
        ranked = sorted(
            (wanted.index(folded), column)
            for column in header
            if column not in taken and (folded := fold(column)) in wanted
        )
        if ranked:
            columns[meaning] = ranked[0][1]
            taken.add(ranked[0][1])
    if "customer" not in columns:
        mails = [c for c in header if c not in taken and _mostly(rows, c, mail_address)]
        columns |= {"customer": mails[0]} if mails else {}
    if "text" not in columns:
        lengths = {c: sum(len(row.get(c) or "") for row in rows) for c in header if c not in taken}
        longest = max(lengths, key=lengths.__getitem__, default="")
        if not longest or lengths[longest] < len(rows) * 2:
            raise WarmlineError(
                f"no column of {', '.join(header)[:200]} looks like what was written; name it in a "
                "mapping file (--mapping; docs/history.md shows one)"
            )
        columns["text"] = longest
    return TableMapping.model_validate({"columns": columns})


def check_columns(mapping: TableMapping, header: Sequence[str], name: str) -> None:
    """Raises WarmlineError for a column that the table has not."""
    if "text" not in mapping.columns:
        raise WarmlineError("the mapping names no column for `text`; add it below `columns`")
    for meaning, column in mapping.columns.items():
        if column not in header:
            known = ", ".join(header)[:300]
            raise WarmlineError(
                f"the mapping says {meaning}: {column}, but {name} has the columns {known}"
            )


def fold(text: str) -> str:
    """``text`` in small letters without accents, other characters as ``_``."""
    plain = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text.strip()))
    plain = "".join(char for char in plain if not unicodedata.combining(char)).replace("ł", "l")
    return re.sub(r"[^a-z0-9]+", "_", plain.lower().replace("ß", "ss")).strip("_")


def _mostly(rows: Sequence[Mapping[str, str]], column: str, is_it: Any) -> bool:
    values = [row.get(column) or "" for row in rows]
    return bool(values) and sum(bool(is_it(value)) for value in values) * 2 > len(values)
