"""Prepared statements for the hot path: written in SQLAlchemy Core, compiled once, run by the
driver.

Core adds some 40 microseconds to the few that SQLite needs for a statement, and a turn runs ten
statements. A statement here costs only what the driver costs. In return it takes no lists (``IN``),
converts no types (our columns are numbers and texts) and applies no Python-side defaults: a column
that is missing from ``values`` must have a default in SQL or be NULL. Errors are the driver's own.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Select, Table, TextClause, Update, bindparam
from sqlalchemy import insert as core_insert

_NAMED: Any = namedtuple
"""Row types: their field names are known only when the statement is compiled."""

Statement = Select[Any] | Insert | Update | TextClause


class PreparedStatement:
    """One statement, made at import time. It compiles itself for the first connection it gets."""

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
        """Return the first row, by column names; None when there is none."""
        found = self._run(connection, values).fetchone()
        return None if found is None else self._row(found)

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Return every row, by column names."""
        return [self._row(found) for found in self._run(connection, values).fetchall()]

    def run(self, connection: Connection, values: Sequence[object]) -> Any:
        """Run with ``values`` in the order in which the statement names them; return the driver's
        cursor."""
        bound, make = self._bound
        cursor = make() if bound is connection else self._cursor(connection)
        if self._order is None:
            raise TypeError(f"this driver needs values by name: {self._sql}")
        cursor.execute(self._sql, values)
        return cursor

    def scalar(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Return the first column of the first row; None when there is none."""
        found = self._run(connection, values).fetchone()
        return None if found is None else found[0]

    def count(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run the statement; return the number of rows it changed."""
        return int(self._run(connection, values).rowcount)

    def _run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        # Read the attribute once: another thread may bind the statement to its own connection.
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
            # A pooled connection: its driver connection may be replaced, so look it up each time.
            return connection.connection.cursor()
        # The pool's wrapper costs more than the cursor, so keep the driver's own method.
        self._bound = (connection, driver.cursor)
        return driver.cursor()

    def _compile(self, dialect: Dialect) -> None:
        compiled: Any = self._for_dialect(dialect).compile(dialect=dialect)
        if getattr(compiled, "insert_prefetch", None) or getattr(compiled, "update_prefetch", None):
            raise TypeError(f"a prepared statement cannot apply a Python-side default: {compiled}")
        self._sql = str(compiled)
        self._order = tuple(compiled.positiontup) if compiled.positional else None
        self._pick = _in_order(self._order or ())
        self._fixed = {n: b.effective_value for n, b in compiled.binds.items() if not b.required}
        self._row = self._row_factory()
        self._dialect = dialect.name  # last: another thread may be reading it

    def _for_dialect(self, dialect: Dialect) -> Statement:  # noqa: ARG002  (the same for all)
        return self._statement

    def _row_factory(self) -> Callable[[Any], Any]:
        names = [column.key for column in getattr(self._statement, "selected_columns", ())]
        return _NAMED("Row", names)._make if names else tuple


class PreparedJoin(PreparedStatement):
    """A SELECT of all columns of ``tables``, table by table, and of some more columns."""

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
        """Return the first row: one row for each table (None where an outer join found none), then
        the other columns. None when there is no row at all."""
        found = self._run(connection, values).fetchone()
        return None if found is None else self.split(found)

    def split(self, found: Sequence[Any]) -> tuple[Any, ...]:
        """A row of `all` as `first` returns it."""
        own = [found[part] for part, _ in self._parts]
        named = [
            None if row[0] is None else make(row)
            for row, (_, make) in zip(own, self._parts, strict=True)
        ]
        return (*named, *found[self._rest :])

    def _row_factory(self) -> Callable[[Any], Any]:
        return tuple  # the same names occur in several tables


class PreparedInsert(PreparedStatement):
    """Inserts one row with these columns into a table whose key is ``id``."""

    def __init__(self, table: Table, *columns: str) -> None:
        values: dict[str, Any] = {name: bindparam(name) for name in columns}
        super().__init__(core_insert(table).values(values))
        self._returning = core_insert(table).values(values).returning(table.c.id)

    def insert(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Insert a row; return its id."""
        cursor = self._run(connection, values)
        # SQLite's driver knows the id; RETURNING would nearly double the statement's cost there.
        id: int = cursor.lastrowid if connection.dialect.name == "sqlite" else cursor.fetchone()[0]
        return id

    def _for_dialect(self, dialect: Dialect) -> Statement:
        return self._statement if dialect.name == "sqlite" else self._returning


def _in_order(order: Sequence[str]) -> Callable[[Mapping[str, Any]], Any]:
    """A function that puts values into ``order``, as the driver expects them."""
    if len(order) > 1:
        return itemgetter(*order)
    return lambda values: [values[name] for name in order]
