"""The same tables on each database that is at hand: what drafts are made from."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import POSTGRESQL, mariadb_connection
from .installed import jar, make_firebird, odbc_driver

TABLES = """
create table d_clients (
    client_no varchar(10) not null primary key,
    name varchar(100) not null,
    kind varchar(10) default 'private' not null,
    rating integer,
    credit decimal(10, 2) default 0 not null,
    born date,
    password_hash varchar(100),
    photo {blob},
    "Shoe Size" integer,
    constraint d_kind check (kind in ('private', 'trade')),
    constraint d_rating check (rating between 1 and 5),
    constraint d_credit check (credit >= 0)
);
create table d_trips (
    trip_no integer not null primary key,
    client_no varchar(10) not null,
    leaves timestamp not null,
    "order" integer,
    constraint d_trips_client foreign key (client_no) references d_clients (client_no)
);
create table d_stops (
    trip_no integer not null,
    stop_no integer not null,
    port varchar(20) not null,
    primary key (trip_no, stop_no)
);
create index d_trips_of on d_trips (client_no, leaves);
create view d_ports as select port, count(*) as stops from d_stops group by port;
insert into d_clients (client_no, name, kind, rating, credit, born, "Shoe Size")
values ('C-1', 'Ann', 'private', 5, 12.50, '1980-02-03', 38);
insert into d_clients (client_no, name, kind, rating, credit, born, "Shoe Size")
values ('C-2', 'Bob', 'trade', null, 0, null, null);
insert into d_trips (trip_no, client_no, leaves, "order") values (1, 'C-1', '2026-11-24 08:00:00', 7);
insert into d_stops values (1, 1, 'Ormsay');
insert into d_stops values (1, 2, 'Hestra');
"""
COMMENTS = """
comment on table d_clients is 'People who sail.';
comment on column d_clients.name is 'Full name';
"""
_OF_MARIADB = "alter table d_clients comment 'People who sail.', modify name varchar(100) not null comment 'Full name';"
NAMES = (
    "sqlite",
    "postgresql",
    "mariadb",
    "duckdb",
    "firebird",
    "odbc_postgresql",
    "odbc_mariadb",
    "h2",
)


@dataclass
class Source:
    """A database, as it is given to `drawbar new sql`."""

    name: str
    address: str
    folder: Path
    options: tuple[str, ...] = ()
    url: str = ""
    """Of the database itself, where `address` goes through ODBC."""

    @property
    def environ(self) -> dict[str, str]:
        """What a draft called trips needs, from the folder of the adapters."""
        here = self.address if "://" in self.address else f"{self.scheme}:///./{self.address}"
        is_through = self.address.startswith(("odbc:", "jdbc:"))
        return {"TRIPS_URL": self.address if is_through else here.replace("///./", "///../")}

    @property
    def scheme(self) -> str:
        return "firebird" if self.name == "firebird" else "sqlite"

    def run(self, script: str) -> None:
        """Statements past Drawbar."""
        with self._connected() as carry_out:
            for statement in filter(str.strip, re.split(r";\s*(?:\n|$)", script)):
                carry_out(statement.strip())

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        opened = getattr(self, f"_{self.name.removeprefix('odbc_')}")
        with opened() as carry_out:
            yield carry_out

    @contextmanager
    def _sqlite(self) -> Iterator[Any]:
        with closing(sqlite3.connect(self.folder / "trips.db")) as connection, connection:
            yield connection.execute

    @contextmanager
    def _postgresql(self) -> Iterator[Any]:
        import psycopg  # noqa: PLC0415 -- the driver is optional

        with psycopg.connect(self.url, autocommit=True) as server:
            yield lambda statement: server.execute(statement.encode())

    @contextmanager
    def _mariadb(self) -> Iterator[Any]:
        with mariadb_connection(self.url) as connection, connection.cursor() as cursor:
            yield cursor.execute

    @contextmanager
    def _duckdb(self) -> Iterator[Any]:
        duckdb = pytest.importorskip("duckdb")
        with duckdb.connect(str(self.folder / "trips.duckdb")) as connection:
            yield connection.execute

    @contextmanager
    def _firebird(self) -> Iterator[Any]:
        driver = pytest.importorskip("firebird.driver")
        with closing(driver.connect(str(self.folder / "trips.fdb"), user="SYSDBA")) as connection:

            def carry_out(statement: str) -> None:
                connection.execute_immediate(statement)
                connection.commit()

            yield carry_out

    @contextmanager
    def _h2(self) -> Iterator[Any]:
        from drawbar.backends.sql.databases.jdbc import JdbcServer  # noqa: PLC0415 -- starts a Java machine
        from drawbar.backends.sql.dialect import JDBC, spoken  # noqa: PLC0415 -- as above
        from drawbar.backends.sql.url import Target  # noqa: PLC0415 -- as above

        words = {"jdbc": self.address, "driver": "org.h2.Driver", "user": "sa"}
        target = Target(spoken(JDBC, "h2"), connection=words, jars=(jar("h2"),))
        with closing(JdbcServer(target).connect()) as connection:
            yield lambda statement: connection.createStatement().execute(statement)
            connection.commit()


def source_of(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Source]:
    """With the tables in it, which are gone afterwards."""
    found: Source = globals()[f"_of_{name}"](request, folder)
    found.run(_script(name.removeprefix("odbc_")))
    yield found
    if name.removeprefix("odbc_") in {"postgresql", "mariadb"}:  # the others are files of their own
        found.run("drop view d_ports;\ndrop table d_trips, d_stops, d_clients")


def _script(name: str) -> str:
    if name == "mariadb":
        script = TABLES.format(blob="blob").replace("leaves timestamp", "leaves datetime")
        script = script.replace('"Shoe Size"', "`Shoe Size`").replace('"order"', "`order`")
        return script + _OF_MARIADB
    script = TABLES.format(blob="bytea" if name == "postgresql" else "blob")
    return script if name == "sqlite" else script + COMMENTS


def _of_sqlite(_: pytest.FixtureRequest, folder: Path) -> Source:
    sqlite3.connect(folder / "trips.db").close()
    return Source("sqlite", "trips.db", folder)


def _of_postgresql(request: pytest.FixtureRequest, folder: Path) -> Source:
    url = request.getfixturevalue("postgresql_url")
    return Source("postgresql", url, folder, url=url)


def _of_mariadb(request: pytest.FixtureRequest, folder: Path) -> Source:
    url = request.getfixturevalue("mariadb_url")
    return Source("mariadb", url, folder, url=url)


def _of_duckdb(_: pytest.FixtureRequest, folder: Path) -> Source:
    return Source("duckdb", "duckdb:///./trips.duckdb", folder)


def _of_firebird(_: pytest.FixtureRequest, folder: Path) -> Source:
    make_firebird(folder / "trips.fdb")
    return Source("firebird", "trips.fdb", folder)


def _of_odbc_postgresql(request: pytest.FixtureRequest, folder: Path) -> Source:
    url = request.getfixturevalue("postgresql_url")
    parts = urlsplit(POSTGRESQL)
    words = (
        f"odbc:Driver={odbc_driver('PostgreSQL Unicode')};Server={parts.hostname};Port={parts.port};"
        f"Database={parts.path[1:]};ConnSettings=set search_path to {url.rpartition('%3D')[2]}"
    )
    options = ("--option", f"user={parts.username}")
    return Source("odbc_postgresql", words, folder, options, url)


def _of_odbc_mariadb(request: pytest.FixtureRequest, folder: Path) -> Source:
    url = request.getfixturevalue("mariadb_url")
    parts = urlsplit(url)
    words = (
        f"odbc:Driver={odbc_driver('MariaDB Unicode')};Server={parts.hostname};Port={parts.port};"
        f"Database={parts.path[1:]}"
    )
    return Source("odbc_mariadb", words, folder, ("--option", f"user={parts.username}"), url)


def _of_h2(_: pytest.FixtureRequest, folder: Path) -> Source:
    options = ("--option", "user=sa", "--option", f"jars={jar('h2')}")
    return Source("h2", f"jdbc:h2:{folder}/trips", folder, options)
