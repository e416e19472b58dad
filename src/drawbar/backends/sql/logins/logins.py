"""The logins of one adapter: each is asked once what it may do, and too much is told or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from drawbar.backends.sql.free_query import FreeQueries, target_of_queries
from drawbar.backends.sql.logins.excess import Needed, Wide
from drawbar.backends.sql.logins.file import of_file
from drawbar.backends.sql.logins.firebird import of_firebird
from drawbar.backends.sql.logins.h2 import of_h2
from drawbar.backends.sql.logins.mariadb import of_mariadb
from drawbar.backends.sql.logins.postgresql import of_postgresql
from drawbar.backends.sql.options import SqlBackendSpec
from drawbar.backends.sql.session import Allowed, Database, Session
from drawbar.backends.sql.survey import Survey
from drawbar.backends.sql.url import Target, parse_url
from drawbar.kernel.ports import BackendError
from drawbar.spec.model import Adapter

_SHOWN = 3


@dataclass(slots=True)
class Login:
    """One login, and what was found out about it."""

    database: Callable[[], Database]
    target: Target
    needed: Needed
    refuses: bool
    """Whether what is grave refuses the calls by it."""
    found: tuple[Wide, ...] | None = None
    """None: it was not asked yet."""

    def ask(self, allowed: Allowed) -> tuple[Wide, ...]:
        """Raises BackendError when the database is away. Blocks."""
        if self.found is None:
            self.found = _found(self.database(), self.target, self.needed, allowed)
        return self.found

    def admit(self, allowed: Allowed) -> None:
        """Raises BackendError when the login may do too much to be used. Blocks."""
        if not self.refuses:
            return
        grave = [each for each in self.ask(allowed) if each.is_grave]
        if grave:
            told = "; ".join(each.message for each in grave[:_SHOWN])
            raise BackendError(
                f"the login of the gateway may do more than this function needs, so it is not used: it {told}",
                code="login_too_wide",
                work="not_started",
                hint="The operator finds the statements that mend it in the log and with `drawbar doctor`.",
            )


@dataclass(slots=True)
class Logins:
    """`main` serves readings and operations, `query` free queries; None where no function needs it."""

    main: Login | None = None
    query: Login | None = None

    def all(self) -> Iterable[tuple[str, Login]]:
        for name, login in (("login", self.main), ("login of free queries", self.query)):
            if login is not None:
                yield name, login

    def describe(self, allowed: Allowed) -> tuple[str, ...]:
        """Everything that is too much, each with its mend. Raises BackendError. Blocks."""
        return tuple(
            f"the {name} {wide}" for name, login in self.all() for wide in login.ask(allowed)
        )

    def known(self) -> tuple[str, ...]:
        """The same as far as it was found out already."""
        return tuple(
            f"the {name} {wide}" for name, login in self.all() for wide in login.found or ()
        )


def logins_of(adapter: Adapter, survey: Survey, database: Database, queries: FreeQueries) -> Logins:
    """Nothing is asked yet."""
    backend = adapter.backend
    assert isinstance(backend, SqlBackendSpec)  # noqa: S101 -- the loader used this kind's own model
    found = Logins()
    if backend.login_check != "off" and survey.declared:
        found.main = Login(
            lambda: database,
            parse_url(backend, adapter.folder),
            Needed(survey.operates, routines=survey.routines),
            refuses=backend.login_check == "refuse",
        )
    asked = survey.queries
    if asked:
        tables = tuple(table for each in asked for table in each.tables)
        functions = tuple((None, name) for each in asked for name in each.functions)
        own = backend.query_login
        found.query = Login(
            lambda: queries.database(asked[0]),
            target_of_queries(backend, adapter.folder),
            Needed(tables=tables, routines=functions),
            refuses=own is None or not own.may_do_more,
        )
    return found


def _found(
    database: Database, target: Target, needed: Needed, allowed: Allowed
) -> tuple[Wide, ...]:
    """Ask the database. Raises BackendError when it cannot be reached."""
    found: tuple[Wide, ...] = ()
    if target.path is not None:
        # What is written past the gateway opens no way in for a free query.
        found = of_file(target.path, is_grave=needed.tables is None)
    asks = _ASKS.get(target.dialect.asked_as)
    if asks is None or (target.path is not None and needed.tables is None):
        return found
    with database.reading(allowed, snapshot=False) as session:
        return (*found, *asks(session, needed))


_ASKS: Mapping[str, Callable[[Session, Needed], Iterator[Wide]]] = {
    "firebird": of_firebird,
    "h2": of_h2,
    "mariadb": of_mariadb,
    "postgresql": of_postgresql,
}
