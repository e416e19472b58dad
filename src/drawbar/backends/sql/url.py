"""Which database a `url` names. Nothing here shows the url: it may hold a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from drawbar.backends.sql.dialect import DIALECTS, SQLITE, Dialect
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
    if dialect == SQLITE:
        return Target(SQLITE, _file(parts.netloc, parts.path, folder))
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


def _spoken() -> str:
    *others, last = (f"{dialect.schemes[0]}://" for dialect in DIALECTS)
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
