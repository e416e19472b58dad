"""Drafts from live databases: what stands in them, and that it really answers."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from drawbar.app import Gateway, load
from drawbar.cli import main
from drawbar.kernel.outcome import Failed, Outcome, Succeeded
from drawbar.kernel.values import JsonObject, JsonValue

from .trips import NAMES, Source, source_of


@pytest.fixture
def sqlite_source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    yield from source_of("sqlite", request, tmp_path)


@pytest.fixture
def postgresql_source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    yield from source_of("postgresql", request, tmp_path)


@pytest.fixture
def duckdb_source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    yield from source_of("duckdb", request, tmp_path)


@pytest.fixture(params=NAMES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    yield from source_of(request.param, request, tmp_path)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drawbar.yaml").write_text("adapters: [adapters]\n")
    return tmp_path


def drafted(source: Source | str, *more: str, only: str = "d_*") -> Any:
    """The functions of a draft, by default of the tables of this module, as data."""
    where = [source] if isinstance(source, str) else [source.address, *source.options]
    assert main(["new", "sql", *where, "--name", "trips", "--only", only, *more]) == 0
    return yaml.safe_load(Path("adapters/trips.yaml").read_text())["functions"]


class Draft:
    """The draft while it is open."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def outcome(self, function: str, arguments: JsonObject) -> Outcome:
        return await self._gateway.call(f"trips_{function}", arguments)

    async def answer(self, function: str, arguments: JsonObject) -> JsonValue:
        found = await self.outcome(function, arguments)
        assert isinstance(found, Succeeded), found
        return found.value

    async def trips(self, arguments: JsonObject) -> list[JsonValue]:
        """Numbers of the trips that a search finds."""
        found = await self.answer("search_d_trips", arguments)
        assert isinstance(found, dict)
        assert isinstance(found["rows"], list)
        return [row["trip_no"] for row in found["rows"] if isinstance(row, dict)]


@asynccontextmanager
async def opened(environ: Mapping[str, str]) -> AsyncIterator[Draft]:
    gateway = load("drawbar.yaml", environ=environ, cached=False)
    assert [str(each) for each in gateway.problems if each.severity == "error"] == []
    async with gateway:
        yield Draft(gateway)


async def test_a_draft_reads_rows_by_key_in_pages_and_by_what_is_indexed(source: Source) -> None:
    functions = drafted(source)
    ann: JsonObject = {
        "client_no": "C-1",
        "name": "Ann",
        "kind": "private",
        "rating": 5,
        "born": "1980-02-03",
        "Shoe Size": 38,
    }

    assert set(functions) == {
        *("get_d_clients", "list_d_clients"),
        *("get_d_trips", "list_d_trips", "search_d_trips"),
        *("get_d_stops", "list_d_stops", "search_d_stops"),
        "search_d_ports",
    }
    async with opened(source.environ) as draft:
        found = await draft.answer("get_d_clients", {"client_no": "C-1"})
        assert isinstance(found, dict)
        assert float(str(found.pop("credit"))) == 12.5
        assert found == ann
        listed = await draft.answer("list_d_clients", {})
        assert isinstance(listed, dict)
        assert isinstance(listed["rows"], list)
        assert len(listed["rows"]) == 2
        assert await draft.trips({"client_no": "C-1"}) == [1]
        assert await draft.trips({"client_no": "C-2"}) == []
        assert await draft.trips({"leaves_from": "2026-11-24 08:00:00"}) == [1]
        assert await draft.trips({"leaves_to": "2026-11-24 07:59:59"}) == []
        stop = await draft.answer("get_d_stops", {"trip_no": 1, "stop_no": 2})
        assert stop == {"trip_no": 1, "stop_no": 2, "port": "Hestra"}
        ports = await draft.answer("search_d_ports", {"port": "Ormsay"})
        assert ports == [{"port": "Ormsay", "stops": 1}]
        assert await draft.outcome("get_d_trips", {"trip_no": 9}) == Failed(
            "not_found", "no row of d_trips has this trip_no"
        )


async def test_changes_that_were_asked_for_change_one_row_and_say_why_not(source: Source) -> None:
    drafted(source, "--option", "writes=insert,update")
    client: JsonObject = {"client_no": "C-3", "name": "Cid", "rating": 2}
    trip: JsonObject = {"client_no": "C-3", "leaves": "2026-11-25 08:00:00", "trip_no": 2}

    async with opened(source.environ) as draft:
        added = await draft.answer("insert_d_clients", client)
        assert isinstance(added, dict)
        assert [added["name"], added["kind"], float(str(added["credit"]))] == ["Cid", "private", 0]
        again = await draft.outcome("insert_d_clients", client)
        assert isinstance(again, Failed)
        assert again.code == "already_there"
        changed = await draft.answer("update_d_clients", {"client_no": "C-3", "credit": 3.25})
        assert isinstance(changed, dict)
        assert [changed["name"], float(str(changed["credit"]))] == ["Cid", 3.25]
        cleared = await draft.answer(
            "update_d_clients", {"client_no": "C-3", "name": "Cyd", "clear": ["rating", "born"]}
        )
        assert isinstance(cleared, dict)
        assert [cleared["name"], cleared["rating"], cleared["born"]] == ["Cyd", None, None]
        if source.name == "sqlite":  # it counts such a key itself
            del trip["trip_no"]
            assert await draft.answer("insert_d_trips", trip) == {"trip_no": 2}
        else:
            assert isinstance(await draft.answer("insert_d_trips", trip), dict)
            trip["trip_no"] = 3
        nobody = await draft.outcome("insert_d_trips", trip | {"client_no": "C-9"})
        assert nobody == Failed("no_such_d_clients", "d_clients has no row with the client_no C-9")
        missing = await draft.outcome("update_d_trips", {"trip_no": 99, "order": 1})
        assert missing == Failed("not_found", "no row of d_trips has this trip_no")


def test_what_the_database_says_becomes_constraints_and_descriptions(source: Source) -> None:
    functions = drafted(source, "--option", "writes=insert")
    if source.name in {"sqlite", "duckdb"}:  # which keep to no length
        return

    assert functions["insert_d_clients"]["parameters"] == {
        "client_no": {"type": "string", "max_length": 10},
        "name": {"type": "string", "max_length": 100, "description": "Full name."},
        "kind": {"type": "string", "enum": ["private", "trade"], "default": "private"},
        "rating": {"type": "integer", "minimum": 1, "maximum": 5, "optional": True},
        "credit": {
            "type": "number",
            "minimum": 0,
            "maximum": 99999999.99,
            "multiple_of": 0.01,
            "default": 0,
        },
        "born": {"type": "string", "format": "date", "optional": True},
        "shoe_size": {
            "type": "integer",
            "minimum": -2147483648,
            "maximum": 2147483647,
            "optional": True,
        },
    }
    assert functions["get_d_clients"]["description"] == (
        "One row of d_clients by client_no. People who sail. name: Full name."
    )
    assert functions["search_d_trips"]["parameters"]["client_no"] == {
        "type": "string",
        "description": "See trips_get_d_clients.",
        "optional": True,
    }
    leaves = functions["search_d_trips"]["parameters"]["leaves_from"]["description"]
    assert re.fullmatch(
        r"From this on, together with client_no\. Such as 2026-01-31[ T]12:30:00\.", leaves
    )
    assert list(functions["search_d_stops"]["parameters"]) == ["trip_no"]


def test_secrets_and_binaries_are_left_out_and_it_is_said(
    source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    drafted(source)
    text = Path("adapters/trips.yaml").read_text()

    assert "d_clients: password_hash looks secret and is left out\n" in capsys.readouterr().err
    assert "# Left out: password_hash (looks secret), photo (binary)\n" in text
    assert not re.search(r"select[^#]*(password_hash|photo)", text)


def test_the_password_of_the_url_is_nowhere(
    postgresql_source: Source, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql_source.address.replace("postgres@", "postgres:p%40ss-word@")

    drafted(url)

    written = "".join(path.read_text() for path in Path("adapters").iterdir())
    out, err = capsys.readouterr()
    for secret in ("p%40ss-word", "p@ss-word"):
        assert secret not in written + out + err
    assert 'password: "${TRIPS_PASSWORD}"' in written
    assert "set TRIPS_PASSWORD where it runs; the password is not in the draft\n" in err
    assert main(["new", "sql", "--update", "--name", "trips"]) == 3
    assert capsys.readouterr().err == (
        "passwords are not kept: set TRIPS_PASSWORD, or give the whole URL again\n"
    )
    monkeypatch.setenv("TRIPS_PASSWORD", "p@ss-word")
    assert main(["new", "sql", "--update", "--name", "trips"]) == 0


def test_an_update_keeps_what_a_person_wrote(
    sqlite_source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    drafted(sqlite_source)
    file = Path("adapters/trips.yaml")
    mine = file.read_text().replace(
        "One row of d_clients by client_no.", "Who a client is, by the number on the ticket."
    )
    file.write_text(mine)
    with closing(sqlite3.connect("trips.db")) as connection:
        connection.executescript(
            "alter table d_clients add column town text; alter table d_stops add column berth text;"
            "create table d_ships (name text primary key);"
        )
    capsys.readouterr()

    assert main(["new", "sql", "--update", "--name", "trips"]) == 0

    text = file.read_text()
    assert "Who a client is, by the number on the ticket." in text
    assert text.count("town") == 1
    assert text.count("berth") == 3
    assert capsys.readouterr().out.splitlines()[:3] == [
        "new: get_d_ships, list_d_ships",
        "brought up to date, as nobody had edited them: list_d_clients, get_d_stops, list_d_stops, search_d_stops",
        "edited, so left as they are, but the source has changed: look at them: get_d_clients",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.db"], "nowhere.db: `url` begins with no scheme; kind sql speaks"),
        (["sqlite:///./nowhere.db"], "there is no database file "),
        (["drawbar.yaml"], "drawbar.yaml is no database file of SQLite, DuckDB or Firebird\n"),
        (
            ["trips.db", "--only", "x*"],
            "sqlite:///trips.db has no table or view that is called x*\n",
        ),
        (["trips.db", "--option", "schema=sales"], "there is no schema `sales`; there are: main\n"),
        (["trips.db", "--option", "writes=inserts"], "did you mean `insert`?\n"),
        (["trips.db", "--option", "tables=x"], "a draft of this kind has no option `tables`"),
        (["postgresql://u:hidden@127.0.0.1:9/x"], "the database cannot be read: "),
        (["jdbc:h2:mem:x"], "needs its driver: say it with `--option jars=FILE`\n"),
        (["jdbc:x:y"], "say it with `--option driver=CLASS --option jars=FILE`\n"),
        (["odbc:DSN=x", "--option", "dialect=postgres"], "did you mean `postgresql`?\n"),
    ],
)
def test_what_cannot_be_drafted_says_why(
    sqlite_source: Source, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del sqlite_source
    assert main(["new", "sql", *arguments]) == 3

    told = capsys.readouterr().err
    assert said in told
    assert "hidden" not in told


def test_a_login_in_an_odbc_string_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "sql", "odbc:DSN=x;PWD=hidden"]) == 3

    told = capsys.readouterr().err
    # the second where unixODBC is missing
    assert told.startswith(
        ("the database cannot be reached: ", "The library `pyodbc` is not installed")
    )
    assert "hidden" not in told


def test_tables_of_several_schemas_keep_their_names(
    duckdb_source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    import duckdb  # noqa: PLC0415 -- the driver is optional

    with duckdb.connect("trips.duckdb") as connection:
        connection.execute(
            "create schema yard; create table yard.d_ships (name varchar primary key)"
        )

    functions = drafted(duckdb_source, "--option", "schema=main,yard")

    assert (
        functions["get_yard_d_ships"]["sql"] == "select name\nfrom yard.d_ships\nwhere name = :name"
    )
    assert "errors" not in capsys.readouterr().out.replace("0 errors", "")


def test_the_login_in_the_words_of_odbc_is_nowhere(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for source in source_of("odbc_postgresql", request, tmp_path):
        drafted(f"{source.address};UID=postgres;PWD={{p@ss;word}}")
        out, err = capsys.readouterr()
        written = "".join(path.read_text() for path in Path("adapters").iterdir())

        assert "p@ss" not in written + out + err
        assert 'username: "${TRIPS_USER:-postgres}"\n  password: "${TRIPS_PASSWORD}"' in written
        assert "PWD=***" in written  # of the source, in the lock
        assert f"set TRIPS_URL where it runs, such as TRIPS_URL='{source.address}'\n" in err
        assert main(["new", "sql", "--update", "--name", "trips"]) == 3
        assert "passwords are not kept: set TRIPS_PASSWORD" in capsys.readouterr().err
        monkeypatch.setenv("TRIPS_PASSWORD", "p@ss;word")
        assert main(["new", "sql", "--update", "--name", "trips"]) == 0


def test_the_login_in_a_url_of_jdbc_is_nowhere(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    for source in source_of("h2", request, tmp_path):
        jars = source.options[-1]

        drafted(f"{source.address};USER=sa;PASSWORD=;IFEXISTS=TRUE", "--option", jars)

        written = Path("adapters/trips.yaml").read_text()
        assert f'url: "${{TRIPS_URL:-{source.address};IFEXISTS=TRUE}}"' in written
        assert 'username: "${TRIPS_USER:-sa}"' in written


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb", "firebird"])
async def test_routines_that_say_they_only_read_are_drafted_and_answer(
    request: pytest.FixtureRequest,
    dialect: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url: str = request.getfixturevalue(f"{dialect}_routines")
    monkeypatch.setenv("TRIPS_URL", url.replace("///./", "///../"))

    careful = drafted(url, only="*")
    notes = capsys.readouterr().err
    functions = drafted(url, "--option", "writes=call", "--force", only="*")

    # Firebird's routines do not say what they do.
    told = set() if dialect == "firebird" else {"read"}
    assert {each["effect"] for each in careful.values() if "call" in each} == told
    assert "book" not in careful
    assert "book: no call is drafted, since it does not say that it only reads" in notes
    assert functions["book"]["effect"] == "write"
    assert "book(" in functions["book"]["call"]
    async with opened({"TRIPS_URL": url.replace("///./", "///../")}) as draft:
        booked = await draft.answer("book", {"course": "C-1", "seats": 3, "price": 99.9})
        if dialect == "firebird":
            assert "'seats': 3" in str(await draft.answer("bookings_of", {"of_course": "C-1"}))
            assert "50" in str(await draft.answer("tax_of", {"gross": 100, "rate": 0.5}))
    assert isinstance(booked, dict)
    assert booked["booking_no"] == 1
    assert await _doctor(capsys) == 0


async def _doctor(capsys: pytest.CaptureFixture[str]) -> int:
    """What `drawbar doctor` says of the draft, in a loop of its own."""
    code = await asyncio.to_thread(main, ["doctor", "--settings", "drawbar.yaml"])
    assert "DB391" not in capsys.readouterr().out
    return code
