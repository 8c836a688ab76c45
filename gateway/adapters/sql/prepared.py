"""Statements of the hot path: written in SQLAlchemy Core, compiled once, run by the driver.

Core spends some 40 microseconds on a statement around the few that SQLite needs for it, ten
statements to a turn. A statement here costs what the driver costs. In return it takes no lists
(``IN``), converts no types (our columns are numbers and texts) and knows no defaults made in
Python: what is not said in ``values`` must have a default in SQL or be NULL. Errors are those of
the driver.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Select, Table, TextClause, Update, bindparam
from sqlalchemy import insert as core_insert

_NAMED: Any = namedtuple
"""Rows as named tuples whose names are known when a statement is compiled."""

Statement = Select[Any] | Insert | Update | TextClause


class Prepared:
    """One statement. A module makes it; it compiles itself for the first connection it meets."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._dialect = ""
        self._sql = ""
        self._order: tuple[str, ...] | None = None
        self._pick: Callable[[Mapping[str, Any]], Any] = tuple
        self._fixed: dict[str, Any] = {}
        self._row: Callable[[Any], Any] = tuple
        self._bound: tuple[Connection | None, Callable[[], Any]] = (None, tuple)

    def one(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The first row, by column names; None when there is none."""
        found = self._run(connection, values).fetchone()
        return None if found is None else self._row(found)

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Every row, by column names."""
        return [self._row(found) for found in self._run(connection, values).fetchall()]

    def run(self, connection: Connection, values: Sequence[object]) -> Any:
        """The driver's cursor; ``values`` stand in the order in which the statement names them."""
        bound, make = self._bound
        cursor = make() if bound is connection else self._cursor(connection)
        if self._order is None:
            raise TypeError(f"this driver wants values by name: {self._sql}")
        cursor.execute(self._sql, values)
        return cursor

    def scalar(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The first column of the first row; None when there is none."""
        found = self._run(connection, values).fetchone()
        return None if found is None else found[0]

    def count(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run it; gives the number of rows it changed."""
        return int(self._run(connection, values).rowcount)

    def _run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        # One look at one attribute: another thread may bind it to its own connection meanwhile.
        bound, cursor = self._bound
        run = cursor() if bound is connection else self._cursor(connection)
        known = {**self._fixed, **values} if self._fixed else values
        run.execute(self._sql, known if self._order is None else self._pick(known))
        return run

    def _cursor(self, connection: Connection) -> Any:
        if self._dialect != connection.dialect.name:
            self._compile(connection.dialect)
        driver = connection.connection.driver_connection
        if connection.dialect.name != "sqlite" or driver is None:
            # One of several, and its driver's may be lost and replaced: asked for each time.
            return connection.connection.cursor()
        # What a pool wraps around it costs more than the cursor.
        self._bound = (connection, driver.cursor)
        return driver.cursor()

    def _compile(self, dialect: Dialect) -> None:
        compiled: Any = self._written(dialect).compile(dialect=dialect)
        if getattr(compiled, "insert_prefetch", None) or getattr(compiled, "update_prefetch", None):
            raise TypeError(f"a default made in Python is not applied here: {compiled}")
        self._sql = str(compiled)
        self._order = tuple(compiled.positiontup) if compiled.positional else None
        self._pick = _picking(self._order or ())
        self._fixed = {n: b.effective_value for n, b in compiled.binds.items() if not b.required}
        self._row = self._naming()
        self._dialect = dialect.name  # last: another thread may be looking

    def _written(self, dialect: Dialect) -> Statement:  # noqa: ARG002  (alike in all of them)
        return self._statement

    def _naming(self) -> Callable[[Any], Any]:
        names = [column.key for column in getattr(self._statement, "selected_columns", ())]
        return _NAMED("Row", names)._make if names else tuple


class Joined(Prepared):
    """A SELECT of all columns of ``tables``, one table after the other, and of some more."""

    def __init__(self, statement: Select[Any], *tables: Table) -> None:
        super().__init__(statement)
        self._parts: list[tuple[slice, Callable[[Any], Any]]] = []
        at = 0
        for table in tables:
            names = [column.key for column in table.c]
            self._parts.append((slice(at, at + len(names)), _NAMED("Row", names)._make))
            at += len(names)
        self._rest = at

    def first(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Of the first row: that of each table (None where an outer join found none), then the
        other columns. None when there is no row at all."""
        found = self._run(connection, values).fetchone()
        if found is None:
            return None
        own = [found[part] for part, _ in self._parts]
        named = [
            None if row[0] is None else make(row)
            for row, (_, make) in zip(own, self._parts, strict=True)
        ]
        return (*named, *found[self._rest :])

    def _naming(self) -> Callable[[Any], Any]:
        return tuple  # as a whole they have the same names more than once


class Insertion(Prepared):
    """Insert one row with these columns, of a table whose key is ``id``."""

    def __init__(self, table: Table, *columns: str) -> None:
        values: dict[str, Any] = {name: bindparam(name) for name in columns}
        super().__init__(core_insert(table).values(values))
        self._returning = core_insert(table).values(values).returning(table.c.id)

    def new(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """The id of the new row."""
        done = self._run(connection, values)
        # SQLite's driver knows it; RETURNING would nearly double what the statement costs there.
        id: int = done.lastrowid if connection.dialect.name == "sqlite" else done.fetchone()[0]
        return id

    def _written(self, dialect: Dialect) -> Statement:
        return self._statement if dialect.name == "sqlite" else self._returning


def _picking(order: Sequence[str]) -> Callable[[Mapping[str, Any]], Any]:
    """Values in ``order``, as the driver wants them."""
    if len(order) > 1:
        return itemgetter(*order)
    return lambda values: [values[name] for name in order]
