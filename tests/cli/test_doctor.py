"""`drawbar doctor`: each hop to a backend, broken on purpose."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from certificates import make_certificate
from drawbar.app.doctor import Endpoint, Unreached, endpoints_of, walk
from drawbar.cli import main
from drawbar.testing.kinds import compiled

Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes `adapters/it.yaml` with this backend and two functions, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRAWBAR_SETTINGS", raising=False)
    for folder in ("adapters", "config"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "drawbar.yaml").write_text("adapters: [../adapters]\n")

    def write(text: str) -> None:
        (tmp_path / "adapters" / "it.yaml").write_text(text)

    return write


def sql(url: str) -> str:
    return (
        f'adapter: it\nbackend: {{kind: sql, url: "{url}"}}\nfunctions:\n'
        "  get: {description: One., parameters: {a: {type: integer}}, sql: 'select b from t where a = :a'}\n"
        "  put: {description: Put., effect: write, statements: [insert into t (a) values (1)]}\n"
    )


def http(url: str) -> str:
    return (
        f'adapter: it\nbackend: {{kind: http, url: "{url}"}}\n'
        "functions: {get: {description: One., request: GET /one}}\n"
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "it.db")) as connection:
        connection.execute("create table t (a integer primary key, b text)")
        yield connection


def diagnosed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[Any]]:
    """The exit code, and each step as JSON."""
    code = main(["doctor", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("database")
def test_a_backend_that_is_well_is_told_hop_by_hop(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(sql("sqlite:///../it.db"))

    assert main(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert out == (
        "it\n"
        "  ok      adapter  2 functions\n"
        "  ok      answer   select 1 was answered\n"
        "  ok      query    SQLite can carry out all 2 statements\n"
    )
    assert err == "1 well, 0 broken\n"


def test_a_statement_that_the_database_refuses_is_told_at_its_function(
    write: Write, database: sqlite3.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    write(sql("sqlite:///../it.db"))
    database.execute("alter table t rename column b to c")

    assert main(["doctor", "it"]) == 1
    assert capsys.readouterr().out.splitlines()[3:] == [
        "  broken  query    adapters/it.yaml:4:3: DB391 `get`: SQLite refuses its SQL: the statement failed: no such column: b",
        "                       the database has changed, or the login may not see it",
    ]


@pytest.mark.parametrize(
    ("adapter", "code", "hop", "message"),
    [
        (sql("sqlite:///../gone.db"), 4, "answer", "select 1: there is no database file gone.db"),
        (http("http://nowhere.invalid"), 4, "dns", "nowhere.invalid: "),
        (http("http://127.0.0.1:9"), 4, "tcp", "127.0.0.1:9: "),
        (
            "adapter: it\nbackend: {kind: sql, url: x}\nfunctions: {}\n",
            3,
            "adapter",
            "`url` begins",
        ),
    ],
)
def test_the_first_broken_hop_is_the_last_one_that_is_told(
    write: Write,
    capsys: pytest.CaptureFixture[str],
    adapter: str,
    code: int,
    hop: str,
    message: str,
) -> None:
    write(adapter)

    ended, steps = diagnosed(capsys)

    assert ended == code
    assert [each["verdict"] for each in steps if each["hop"] == hop] == ["broken"]
    assert steps[-1]["hop"] in {hop, "answer"}
    assert any(each["message"].startswith(message) for each in steps)


def test_an_unknown_adapter_is_told_with_what_was_meant(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(http("http://127.0.0.1:9"))

    assert main(["doctor", "itt"]) == 3
    assert capsys.readouterr().err == "no adapter is called `itt`; did you mean `it`?\n"


@asynccontextmanager
async def port(greeting: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A port that says this and hangs up."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


async def walked(endpoint: Endpoint) -> list[str]:
    """The hops that were passed, and the one that broke with a `!`."""
    hops: list[str] = []
    try:
        async for hop, _ in walk(endpoint):
            hops.append(hop)
    except Unreached as error:
        hops.append(f"{error.hop}! {error}")
    return hops


async def test_a_certificate_that_nobody_vouches_for_is_told_as_such(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    trusted = ssl.create_default_context(cafile=str(certificate))
    unknown = ssl.create_default_context()

    async with port(b"", server) as number:
        assert await walked(Endpoint("127.0.0.1", number, trusted)) == ["dns", "tcp", "tls"]
        assert await walked(Endpoint("127.0.0.1", number, unknown)) == [
            "dns",
            "tcp",
            "tls! the certificate of 127.0.0.1: self-signed certificate",
        ]


async def test_a_port_that_speaks_no_tls_is_told_as_such() -> None:
    async with port(b"220 not TLS\r\n") as number:
        hops = await walked(Endpoint("127.0.0.1", number, ssl.create_default_context()))

    assert hops[:2] == ["dns", "tcp"]
    assert hops[2].startswith("tls! ")


@pytest.mark.usefixtures("database")
def test_a_source_that_has_changed_since_the_draft_is_told(
    write: Write,
    database: sqlite3.Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del write
    monkeypatch.setenv("IT_URL", "sqlite:///../it.db")
    assert main(["new", "sql", "it.db", "--name", "it"]) == 0
    assert main(["doctor", "it"]) == 0
    assert (
        "  ok      contract it.db says what it said when it was drafted\n"
        in capsys.readouterr().out
    )
    database.execute("alter table t add column c text")
    database.execute("create table u (a integer primary key)")

    assert main(["doctor", "it"]) == 0
    said = (
        "what the adapter was drafted from has changed (other: get_t, list_t; new: get_u, list_u)"
    )
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"  warning contract adapters/it.yaml:3:1: DB237 warning: {said}",
        "                       bring it in with `drawbar new sql --update --name it`",
    ]


def test_of_a_host_behind_another_the_way_is_walked(tmp_path: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGgKyRg9C8ERz3N8fuuZs8bZ6Iu2p1OFKb5YzR9Yc2vu"
    login = f"username: wren, host_keys: [{key}], agent: true"
    found = compiled(
        f"adapter: peer\nbackend: {{kind: ssh, host: dock, {login}, program: [log],\n"
        f"  jump: {{host: gate, port: 2222, {login}}}}}\nfunctions: {{look: {{description: Look.}}}}\n",
        tmp_path,
    )
    assert found.adapter is not None

    assert list(endpoints_of(found.adapter)) == [Endpoint("gate", 2222, None)]
