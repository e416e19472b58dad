"""Which database a draft is made from: its address without a login, and how it is reached."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from drawbar.backends.sql.dialect import ODBC, Speech
from drawbar.backends.sql.live.asking import asking
from drawbar.backends.sql.options import JdbcSpec, SqlBackendSpec
from drawbar.backends.sql.url import Target, parse_url
from drawbar.compiler.draft import DraftWish, snake_case
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import Secret
from drawbar.spec.names import closest
from drawbar.spec.secrets import mask_url, sounds_secret

OPTIONS: Mapping[str, str] = {
    "user": "the login, where the source does not name it",
    "dialect": "what a database behind ODBC or JDBC speaks, where it does not say so itself",
    "driver": "the class of a JDBC driver, where it is none of the well-known ones",
    "jars": "the files of a JDBC driver, with commas between them",
}
_MAGIC = {"sqlite": (0, b"SQLite format 3\0"), "duckdb": (8, b"DUCK")}
"""What a file of each holds, and where."""
_FIREBIRD_HEADER, _FIREBIRD_MARK = 1, 0x80
"""The sort of its first page, and the high bit of its version at byte 19."""
_MASKED = "***"
_DRIVERS = {
    "db2": "com.ibm.db2.jcc.DB2Driver",
    "derby": "org.apache.derby.jdbc.EmbeddedDriver",
    "firebirdsql": "org.firebirdsql.jdbc.FBDriver",
    "h2": "org.h2.Driver",
    "hsqldb": "org.hsqldb.jdbc.JDBCDriver",
    "mariadb": "org.mariadb.jdbc.Driver",
    "mysql": "com.mysql.cj.jdbc.Driver",
    "oracle": "oracle.jdbc.OracleDriver",
    "postgresql": "org.postgresql.Driver",
    "sap": "com.sap.db.jdbc.Driver",
    "sqlserver": "com.microsoft.sqlserver.jdbc.SQLServerDriver",
}
_SPEECHES: Mapping[str, Speech] = {
    "postgres": "postgresql",
    "mariadb": "mariadb",
    "mysql": "mariadb",
    "microsoft sql server": "sqlserver",
    "oracle": "oracle",
    "db2": "db2",
    "hdb": "hana",
    "firebird": "firebird",
    "sqlite": "sqlite",
    "h2": "h2",
    "hsql": "hsqldb",
    "apache derby": "derby",
}
"""By how a database behind ODBC begins its own name."""
_ODBC_WORD = re.compile(r"(?P<name>[^=;]+)=(?P<value>\{(?:[^}]|\}\})*\}|[^;]*)(?:;|$)")
_JDBC_WORD = re.compile(r"(?P<mark>[?&;])(?P<name>user|password)=(?P<value>[^&;]*)", re.IGNORECASE)
_USERS, _PASSWORDS = frozenset({"uid", "user", "username"}), frozenset({"pwd", "password"})


@dataclass(frozen=True, slots=True)
class Origin:
    """`url` has no login in it, and nothing else that sounds secret."""

    url: str
    target: Target
    name: str
    """Of the adapter."""
    spec: SqlBackendSpec

    def variable(self, what: str) -> str:
        """The name of a variable of the environment, such as FERRY_URL."""
        return _variable(self.name, what)

    @property
    def is_known(self) -> bool:
        """Whether the address can stand in the adapter: where a file lies is known where the adapter runs."""
        return self.target.path is None and "}" not in self.url


def origin_of(source: str, wish: DraftWish) -> Origin:
    """`source` is a URL, or a file of SQLite, DuckDB or Firebird. Raises OperatorError."""
    given = _url(source)
    url, user, password = _without_login(given)
    name = wish.name or adapter_name(url)
    reached = given.replace(f":{_MASKED}@", "@") if _is_plain(given) else url
    spec = _spec(reached, user, password, wish)
    target = _target(spec, given)
    kept = os.environ.get(_variable(name, "PASSWORD"))
    if kept and target.path is None and target.password is None:
        spec = spec.model_copy(update={"password": Secret(kept)})
        target = _target(spec, given)
    if _MASKED in given and target.password is None:
        variable = _variable(name, "PASSWORD")
        raise OperatorError(f"passwords are not kept: set {variable}, or give the whole URL again")
    if target.dialect.name == ODBC.name and "dialect" not in wish.options:
        spec = spec.model_copy(update={"dialect": _speech_of(target)})
        target = _target(spec, given)
    return Origin(url, target, name, spec)


def _speech_of(target: Target) -> Speech:
    """What the database behind an ODBC driver calls itself."""
    with asking(target) as asks:
        product = str(asks.product)
    for begins, speech in _SPEECHES.items():
        if product.lower().startswith(begins):
            return speech
    raise OperatorError(f"what {product} speaks is not known; say it with `--option dialect=...`")


def adapter_name(url: str) -> str:
    """The name of the database, or of what stands for it."""
    if url.startswith("odbc:"):
        words = {each["name"].strip().lower(): each["value"] for each in _odbc_words(url)}
        last = next((words[key] for key in ("database", "dsn", "server") if words.get(key)), "")
    else:
        last = urlsplit(url).path.rstrip("/").rpartition("/")[2].partition(";")[0]
    return snake_case(Path(last).stem or "database")


def _variable(name: str, what: str) -> str:
    return f"{name}_{what}".upper()


def _is_plain(url: str) -> bool:
    """A URL as they are, with the login before the host."""
    return not url.startswith(("odbc:", "jdbc:"))


def _url(source: str) -> str:
    """A file by the first bytes in it."""
    path = Path(source)
    if not path.is_file():
        return source
    with path.open("rb") as file:
        head = file.read(20)
    for scheme, (at, magic) in _MAGIC.items():
        if head[at:].startswith(magic):
            return f"{scheme}:///{quote(str(path))}"
    if len(head) == 20 and head[0] == _FIREBIRD_HEADER and head[19] & _FIREBIRD_MARK:  # noqa: PLR2004 -- what was read
        return f"firebird:///{quote(str(path))}"
    raise OperatorError(f"{source} is no database file of SQLite, DuckDB or Firebird")


def _without_login(url: str) -> tuple[str, str | None, str | None]:
    """The address, and the user and the password that stood in it as words of ODBC or JDBC."""
    found: dict[str, str] = {}
    if url.startswith("odbc:"):
        kept = []
        for each in _odbc_words(url):
            sort = _login_word(each["name"].strip())
            if sort:
                found[sort] = _unbraced(each["value"])
            elif not sounds_secret(each["name"]):
                kept.append(f"{each['name']}={each['value']}")
        return f"odbc:{';'.join(kept)}", found.get("user"), found.get("password")
    if url.startswith("jdbc:"):
        for each in _JDBC_WORD.finditer(url):
            found[str(_login_word(each["name"]))] = each["value"]
        bare = _JDBC_WORD.sub(lambda each: "?" if each["mark"] == "?" else "", url)
        return bare.replace("?&", "?").rstrip("?"), found.get("user"), found.get("password")
    parts = urlsplit(url)
    words = [(key, value) for key, value in parse_qsl(parts.query) if not sounds_secret(key)]
    host = parts.netloc.rpartition("@")[2]
    # urlunsplit would make a host of the first folder of sqlite:////folder/file.
    return (
        f"{parts.scheme}://{host}{parts.path}{'?' if words else ''}{urlencode(words)}",
        None,
        None,
    )


def _odbc_words(url: str) -> list[re.Match[str]]:
    return list(_ODBC_WORD.finditer(url.removeprefix("odbc:")))


def _login_word(name: str) -> str | None:
    low = name.lower()
    return "user" if low in _USERS else "password" if low in _PASSWORDS else None


def _unbraced(value: str) -> str:
    return value[1:-1].replace("}}", "}") if value.startswith("{") else value


def _spec(url: str, user: str | None, password: str | None, wish: DraftWish) -> SqlBackendSpec:
    """Of ODBC, whose database has not been asked yet, with the dialect that all speak."""
    is_known = password is not None and password != _MASKED
    return SqlBackendSpec(
        kind="sql",
        url=Secret(url),
        username=wish.options.get("user") or user,
        password=Secret(password) if is_known and password else None,
        dialect=_dialect(wish) or ("ansi" if url.startswith("odbc:") else None),
        jdbc=_jdbc(url, wish) if url.startswith("jdbc:") else None,
    )


def _dialect(wish: DraftWish) -> Speech | None:
    asked = wish.options.get("dialect")
    for each in get_args(Speech):
        if each == asked:
            return cast("Speech", each)
    if asked is None:
        return None
    meant = closest(asked, get_args(Speech))
    fix = f"did you mean `{meant}`?" if meant else f"there are {', '.join(get_args(Speech))}"
    raise OperatorError(f"`--option dialect={asked}` is no dialect; {fix}")


def _jdbc(url: str, wish: DraftWish) -> JdbcSpec:
    jars = tuple(each.strip() for each in wish.options.get("jars", "").split(",") if each.strip())
    driver = wish.options.get("driver") or _DRIVERS.get(url.split(":")[1])
    if jars and driver:
        return JdbcSpec(driver=driver, jars=jars)
    missing = "--option jars=FILE" if driver else "--option driver=CLASS --option jars=FILE"
    raise OperatorError(f"a URL of JDBC needs its driver: say it with `{missing}`")


def _target(spec: SqlBackendSpec, given: str) -> Target:
    try:
        target = parse_url(spec, Path())
    except ValueError as error:
        raise OperatorError(f"{mask_url(given)}: {error}") from None
    if target.path is not None and not target.path.exists():
        raise OperatorError(f"there is no database file {target.path}")
    return target
