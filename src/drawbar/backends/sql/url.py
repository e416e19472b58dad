"""Which database a `url` names. Nothing here shows the url: it may hold a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from drawbar.backends.sql.dialect import (
    DIALECTS,
    DUCKDB,
    FIREBIRD,
    JDBC,
    ODBC,
    SQLITE,
    Dialect,
    Speech,
    spoken,
)
from drawbar.backends.sql.options import SqlBackendSpec
from drawbar.kernel.values import Secret

_SCHEMES = {scheme: dialect for dialect in DIALECTS for scheme in dialect.schemes}


@dataclass(frozen=True, slots=True)
class Target:
    """The database of an adapter. `path` for a file; `connection` for a server: host, port, dbname, user and
    the words behind the `?` of the url, as its driver knows them.
    """

    dialect: Dialect
    path: Path | None = None
    connection: dict[str, str] = field(default_factory=dict)
    password: Secret | None = None
    jars: tuple[Path, ...] = ()
    """Of JDBC."""


def parse_url(backend: SqlBackendSpec, folder: Path) -> Target:
    """Raises ValueError that says what is wrong without quoting the url."""
    try:
        parts = urlsplit(backend.url.reveal())
        port = parts.port
    except ValueError:
        message = (
            "`url` has a port or host that cannot be read; a special character in a password is "
            "written as %XX, or the whole password under `password`"
        )
        raise ValueError(message) from None
    dialect = _SCHEMES.get(parts.scheme)
    if dialect is None:
        scheme = parts.scheme or "no scheme"
        message = f"`url` begins with {scheme}; kind sql speaks {_spoken()}"
        raise ValueError(message)
    if dialect in {SQLITE, DUCKDB} or (dialect == FIREBIRD and not parts.netloc):
        connection = {"user": backend.username} if backend.username else {}
        return Target(dialect, _file(parts.netloc, parts.path, folder), connection)
    if dialect in {ODBC, JDBC}:
        return _through(dialect, backend, folder)
    connection = {name: value for name, value in parse_qsl(parts.query) if name != "password"}
    named = {
        "host": unquote(parts.hostname or ""),
        "port": str(port or ""),
        "dbname": unquote(parts.path.removeprefix("/")),
        "user": backend.username or unquote(parts.username or ""),
    }
    connection.update({name: value for name, value in named.items() if value})
    password = backend.password
    if password is None and parts.password:
        password = Secret(unquote(parts.password))
    return Target(dialect, connection=connection, password=password)


def _through(way: Dialect, backend: SqlBackendSpec, folder: Path) -> Target:
    """A database behind ODBC or JDBC, whose own words stand behind the scheme."""
    url = backend.url.reveal()
    connection = {"odbc": url.removeprefix("odbc:"), "jdbc": url}
    if backend.username:
        connection["user"] = backend.username
    speech = backend.dialect or _speech(url)
    if speech is None:
        message = "what the database speaks is not known from its `url`; write `dialect`"
        raise ValueError(message)
    jars: tuple[Path, ...] = ()
    if way == JDBC:
        if backend.jdbc is None:
            message = "`url` is one of JDBC, which needs `jdbc: {driver: ..., jars: [...]}`"
            raise ValueError(message)
        connection["driver"] = backend.jdbc.driver
        jars = tuple((folder / jar).resolve() for jar in backend.jdbc.jars)
    return Target(spoken(way, speech), None, connection, backend.password, jars)


_SPEECHES: dict[str, Speech] = {
    "as400": "db2",
    "db2": "db2",
    "derby": "derby",
    "firebirdsql": "firebird",
    "h2": "h2",
    "hsqldb": "hsqldb",
    "mariadb": "mariadb",
    "mysql": "mariadb",
    "oracle": "oracle",
    "postgresql": "postgresql",
    "sap": "hana",
    "sqlite": "sqlite",
    "sqlserver": "sqlserver",
}


def _speech(url: str) -> Speech | None:
    """By the part of a JDBC url that names the driver."""
    way, _, rest = url.partition(":")
    return _SPEECHES.get(rest.partition(":")[0]) if way == "jdbc" else None


def _spoken() -> str:
    *others, last = (
        f"{each.schemes[0]}{':' if each in {ODBC, JDBC} else '://'}" for each in DIALECTS
    )
    return f"{', '.join(others)} and {last}"


def _file(host: str, path: str, folder: Path) -> Path:
    name = unquote(path.removeprefix("/"))
    if host or not name or name == ":memory:":
        message = (
            "`url` names no file; write sqlite:///./file.db, or sqlite:////path/file.db with four slashes "
            "for an absolute path (a database in memory would be empty at every call)"
        )
        raise ValueError(message)
    return (folder / name).resolve()
