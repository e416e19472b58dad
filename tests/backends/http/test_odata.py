"""OData v2 and v4, against a service that takes nothing but what its version allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from drawbar.backends.http.kind import KIND
from drawbar.backends.http.odata.metadata import Type, read_metadata
from drawbar.backends.http.odata.values import in_body, literal
from drawbar.backends.http.request.bodies import WrongContent
from drawbar.compiler.draft import DraftWish
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import JsonValue

from .conftest import compiled
from .odata_peer import V2, V4, Service

GUID = "5c0f7d52-93c8-4a7f-9b4c-0d1d9f9a0001"
ROWS4 = [
    {"ID": number, "Name": f"part {number}", "Maker@odata.navigationLink": "x", "Price": 1.5}
    for number in range(1, 6)
]
ROWS2 = [
    {
        "__metadata": {"uri": "x", "etag": 'W/"1"'},
        "Token": GUID,
        "Name": f"part {number}",
        "Made": "/Date(1767323045000)/",
        "Changed": "/Date(1767323045000+0060)/",
        "Price": "12.50",
        "Maker": {"__deferred": {"uri": "x"}},
        "Uses": {"results": [{"__metadata": {}, "Code": "A"}]},
    }
    for number in range(1, 6)
]
TOLD2 = {
    "Token": GUID,
    "Name": "part 1",
    "Made": "2026-01-02T03:04:05",
    "Changed": "2026-01-02T04:04:05+01:00",
    "Price": "12.50",
    "Uses": [{"Code": "A"}],
}
FOUR = """
adapter: ship
backend: {{kind: http, url: "{url}/s", odata: ./four.xml, csrf: true}}
functions:
  find:
    description: Find parts.
    odata:
      list: Parts
      select: [ID, Name]
      expand: [Maker($select=Town)]
      filter:
        - Name eq {{name}}
        - contains(Name,{{text}})
        - Price ge {{least}}
        - Made ge {{made}}
        - Changed lt {{before}}
        - Token eq {{token}}
        - Maker/Town eq {{town}}
        - Ready eq true
      orderby: [Name desc, Price]
  some:
    description: Some parts.
    odata: {{list: Parts, top: 3}}
  get:
    description: A part.
    odata: {{get: Parts}}
  maker:
    description: A maker.
    odata: {{get: Makers}}
    parameters: {{code: {{to: Code}}}}
  put:
    description: Put a part in.
    effect: write
    odata: {{create: Parts}}
    parameters: {{Token: {{const: {guid}}}}}
  change:
    description: Change a part.
    effect: write
    odata: {{update: Parts, fields: [Name, Price]}}
    precondition: {{etag_of: get}}
  scrap:
    description: Scrap a part.
    effect: destroy
    odata: {{call: scrap, on: Parts}}
  total:
    description: The total.
    odata: {{call: total}}
  restock:
    description: Restock.
    effect: write
    odata: {{call: restock}}
"""
TWO = """
adapter: ship
backend: {{kind: http, url: "{url}/s", odata: ./two.xml, csrf: true}}
functions:
  find:
    description: Find parts.
    odata:
      list: Parts
      filter:
        - Token eq {{token}}
        - substringof({{text}},Name)
        - Price ge {{least}}
        - Stock eq {{stock}}
        - Made ge {{made}}
        - Changed lt {{before}}
        - Open eq {{open}}
        - Weight gt {{weight}}
        - Data eq {{data}}
        - Maker/Town eq {{town}}
  get:
    description: A part.
    odata: {{get: Parts}}
  put:
    description: Put a part in.
    effect: write
    odata: {{create: Parts}}
  change:
    description: Change a part.
    effect: write
    odata: {{update: Parts}}
    precondition: {{etag_of: get}}
  remove:
    description: Remove a part.
    effect: destroy
    odata: {{delete: Parts}}
    precondition: {{etag_of: get, at: /d/__metadata/etag}}
  search:
    description: Search.
    odata: {{call: Find}}
  scrap:
    description: Scrap.
    effect: destroy
    odata: {{call: Scrap}}
"""


@pytest.fixture
async def four() -> AsyncIterator[tuple[Service, str]]:
    async for each in _served(Service(4, ROWS4)):
        yield each


@pytest.fixture
async def two() -> AsyncIterator[tuple[Service, str]]:
    async for each in _served(Service(2, ROWS2)):
        yield each


async def _served(service: Service) -> AsyncIterator[tuple[Service, str]]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    async with TestServer(app) as server:
        yield service, f"http://127.0.0.1:{server.port}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "four.xml").write_text(V4)
    (tmp_path / "two.xml").write_text(V2)
    return tmp_path


async def test_a_filter_holds_the_conditions_whose_values_were_given(
    four: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    service, url = four
    ship = open_http(FOUR.format(url=url, guid=GUID), folder=folder)

    plain = await ship.invoke("find", {"order_by": "Name desc"})
    await ship.invoke(
        "find",
        {
            "name": "O'Neil's / rope & more",
            "text": "x) or (1 eq 1",
            "least": "12.50",
            "made": "2026-01-02",
            "before": "2026-01-02T03:04:05+01:00",
            "token": GUID,
            "town": "Ormsay",
        },
    )

    assert plain.value == [{"ID": n, "Name": f"part {n}", "Price": 1.5} for n in range(1, 6)]
    assert service.asked[0] == (
        "GET Parts?$select=ID,Name&$expand=Maker($select=Town)&$orderby=Name desc&$filter=Ready eq true"
    )
    assert service.asked[1:3] == ["GET Parts?page=1", "GET Parts?page=2"]
    assert service.asked[3].partition("$filter=")[2] == (
        "(Name eq 'O''Neil''s / rope & more') and (contains(Name,'x) or (1 eq 1')) and (Price ge 12.50) and "
        "(Made ge 2026-01-02) and (Changed lt 2026-01-02T03:04:05+01:00) and "
        f"(Token eq {GUID}) and (Maker/Town eq 'Ormsay') and (Ready eq true)"
    )


async def test_each_type_of_v2_has_its_own_literal(
    two: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    service, url = two
    ship = open_http(TWO.format(url=url), folder=folder)

    reply = await ship.invoke(
        "find",
        {
            "token": GUID,
            "text": "O'Neil",
            "least": "12.50",
            "stock": 7,
            "made": "2026-01-02T03:04",
            "before": "2026-01-02T03:04:05Z",
            "open": "PT9H30M",
            "weight": 1.5,
            "data": "AP8=",
            "town": "Ormsay",
        },
    )

    assert [row["Name"] for row in reply.value] == [f"part {number}" for number in range(1, 6)]
    assert reply.value[0] == TOLD2
    assert service.asked[0].partition("$filter=")[2] == (
        f"(Token eq guid'{GUID}') and (substringof('O''Neil',Name)) and (Price ge 12.50M) and (Stock eq 7L) and "
        "(Made ge datetime'2026-01-02T03:04:00') and (Changed lt datetimeoffset'2026-01-02T03:04:05Z') and "
        "(Open eq time'PT9H30M') and (Weight gt 1.5d) and (Data eq X'00FF') and (Maker/Town eq 'Ormsay')"
    )


async def test_one_is_read_by_its_key(
    four: tuple[Service, str], two: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    ship4 = open_http(FOUR.format(url=four[1], guid=GUID), folder=folder)
    ship2 = open_http(TWO.format(url=two[1]), folder=folder)

    one = await ship4.invoke("get", {"ID": 7})
    await ship4.invoke("maker", {"code": "O'Neil", "Year": 1999})
    other = await ship2.invoke("get", {"Token": GUID})
    missing = await ship4.fail("get", {"ID": 404})
    escaping = await ship4.fail("maker", {"code": "a/../b", "Year": 1})

    assert one.value == {"ID": 1, "Name": "part 1", "Price": 1.5}
    assert other.value == TOLD2
    assert four[0].asked == [
        "GET Parts(7)",
        "GET Makers(Code='O''Neil',Year=1999)",
        "GET Parts(404)",
    ]
    assert two[0].asked == [f"GET Parts(guid'{GUID}')"]
    assert (missing.code, missing.facts["code"]) == ("not_found", "SY/530")
    assert (escaping.code, escaping.work) == ("invalid_arguments", "not_started")


async def test_a_body_holds_what_its_version_writes(
    four: tuple[Service, str], two: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    ship4 = open_http(FOUR.format(url=four[1], guid=GUID), folder=folder)
    ship2 = open_http(TWO.format(url=two[1]), folder=folder)

    dry = await ship4.invoke(
        "put",
        {
            "ID": 1,
            "Name": "a",
            "Price": "12.5000000000000000001",
            "Token": GUID,
            "At": {"City": "x"},
        },
        mode="dry_run",
    )
    await ship2.invoke(
        "put",
        {
            "Token": GUID,
            "Name": "a",
            "Price": "12.50",
            "Stock": 2**60,
            "Made": "2026-01-02T03:04:05",
            "Changed": "2026-01-02T04:04:05+01:00",
        },
    )

    assert "X-CSRF-Token: ***" in dry.value["request"]
    assert dry.value["request"].partition("\n\n")[2] == (
        f'{{"ID":1,"Name":"a","Price":12.5000000000000000001,"Token":"{GUID}","At":{{"City":"x"}}}}'
    )
    assert two[0].bodies == [
        {
            "Token": GUID,
            "Name": "a",
            "Price": "12.50",
            "Stock": str(2**60),
            "Made": "/Date(1767323045000)/",
            "Changed": "/Date(1767323045000+0000)/",
        }
    ]


async def test_what_is_offered_follows_from_the_metadata(folder: Path, open_http: Any) -> None:
    ship = open_http(FOUR.format(url="http://x", guid=GUID), folder=folder)

    put = {each.name: each for each in ship.adapter.plans["put"].parameters}
    change = {each.name: each.required for each in ship.adapter.plans["change"].parameters}
    find = {each.name: each for each in ship.adapter.plans["find"].parameters}

    assert [name for name, each in put.items() if each.required] == ["ID", "Name"]
    assert "Changed" not in put
    assert put["Name"].schema == {
        "type": "string",
        "maxLength": 40,
        "description": "What is written on it.",
    }
    assert put["State"].schema == {"type": "string", "enum": ["New", "Old"]}
    assert put["At"].schema["required"] == ["City"]
    assert change == {"ID": True, "Name": False, "Price": False}
    assert find["made"].schema == {"type": "string", "format": "date"}
    assert find["order_by"].schema["enum"] == ["Name desc", "Price"]
    assert not any(each.required for each in find.values())


async def test_a_change_carries_the_etag_and_a_token_of_its_session(
    four: tuple[Service, str], two: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    ship4 = open_http(FOUR.format(url=four[1], guid=GUID), folder=folder)
    ship2 = open_http(TWO.format(url=two[1]), folder=folder)

    await ship4.invoke("change", {"ID": 7, "Price": "2"})
    await ship2.invoke("change", {"Token": GUID, "Name": "b"})
    await ship2.invoke("remove", {"Token": GUID})

    assert four[0].asked == ["GET Parts(7)", "GET ", "PATCH Parts(7)"]
    assert four[0].bodies == [{"Price": 2}]
    one = f"Parts(guid'{GUID}')"
    assert two[0].asked == [f"GET {one}", "GET ", f"MERGE {one}", f"GET {one}", f"DELETE {one}"]
    assert two[0].bodies == [{"Name": "b"}, None]


async def test_a_token_that_is_no_longer_taken_is_fetched_anew_and_kept_for_each_caller(
    four: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    service, url = four
    ship = open_http(FOUR.format(url=url, guid=GUID), folder=folder)
    call = {"part": 1, "price": "1"}

    await ship.invoke("restock", call)
    await ship.invoke("restock", call)
    service.tokens.clear()
    await ship.invoke("restock", call)

    assert service.asked == [
        *("GET ", "POST restock", "POST restock"),
        *("POST restock", "GET ", "POST restock"),
    ]


async def test_a_gateway_without_tokens_is_told_and_nothing_is_changed(
    api: Any, folder: Path, open_http: Any
) -> None:
    ship = open_http(FOUR.format(url=api.url, guid=GUID), folder=folder)

    error = await ship.fail("restock", {"part": 1})

    assert (error.code, error.work) == ("backend_denied", "not_started")
    assert error.message == "The backend gave no X-CSRF-Token; GET /s/ answered 200."
    assert api.targets == ["GET /s/"]


async def test_functions_and_actions_are_called_as_their_version_wants_it(
    four: tuple[Service, str], two: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    ship4 = open_http(FOUR.format(url=four[1], guid=GUID), folder=folder)
    ship2 = open_http(TWO.format(url=two[1]), folder=folder)

    total = await ship4.invoke("total", {"since": "2026-01-02", "of": "it's"})
    await ship4.invoke("scrap", {"ID": 7, "why": "rust"})
    found = await ship2.invoke("search", {"text": "it's", "least": "1.5"})
    await ship2.invoke("scrap", {"token": GUID})

    assert total.value == 12.5
    assert four[0].asked[0] == "GET total(since=2026-01-02,of='it''s')"
    assert four[0].asked[-1] == "POST Parts(7)/Ship.scrap"
    assert four[0].bodies == [{"why": "rust"}]
    assert found.value[0]["Name"] == "part 1"
    assert two[0].asked[0] == "GET Find?text='it''s'&least=1.5M"
    assert two[0].asked[-1] == f"POST Scrap?token=guid'{GUID}'"


async def test_with_top_the_rest_is_left_to_skip(
    four: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    service, url = four
    ship = open_http(FOUR.format(url=url, guid=GUID), folder=folder)

    reply = await ship.invoke("some", {"skip": 3})

    assert len(reply.value) == 3
    assert reply.notes == (
        "These are the 3 rows of one answer; there may be more. Call again with another `skip`.",
    )
    assert service.asked == ["GET Parts?$top=3&$skip=3"]


async def test_an_error_of_v2_is_read_with_its_code(
    two: tuple[Service, str], folder: Path, open_http: Any
) -> None:
    _, url = two
    ship = open_http(TWO.format(url=url).replace("precondition: {etag_of: get}", ""), folder=folder)

    error = await ship.fail("change", {"Token": GUID, "Name": "b"})

    assert (error.message, error.facts["code"], error.work) == (
        "Not that state.",
        "MD/1",
        "not_started",
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Edm.Duration", "PT5H", "duration'PT5H'"),
        ("Edm.Binary", "+/8=", "binary'-_8='"),
        ("Edm.Boolean", True, "true"),
        ("Edm.TimeOfDay", "03:04:05", "03:04:05"),
        ("Ship.State", "Old", "Ship.State'Old'"),
        ("Edm.Double", 1.5, "1.5"),
    ],
)
def test_a_type_of_v4_has_its_literal(name: str, value: JsonValue, expected: str) -> None:
    assert literal(read_metadata(V4.encode()), Type(name))(value) == expected


@pytest.mark.parametrize(
    "name", ["Edm.Decimal", "Edm.Date", "Edm.Guid", "Edm.Duration", "Edm.Int64"]
)
@pytest.mark.parametrize("metadata", [V2, V4])
def test_no_value_becomes_more_than_a_literal(metadata: str, name: str) -> None:
    service = read_metadata(metadata.encode())
    with pytest.raises(WrongContent):
        literal(service, Type(name))("1 or 1 eq 1")
    with pytest.raises(WrongContent):
        literal(service, Type(name))("1'")
    with pytest.raises(WrongContent):
        in_body(read_metadata(V4.encode()), Type("Edm.Decimal"), '1,"Admin":true')


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("odata: {list: Prats}", "DB551", "did you mean `Parts`?"),
        ("odata: {list: Parts, get: Parts}", "DB551", "write exactly one of"),
        ("odata: {get: Parts, top: 3}", "DB552", "`top` has no meaning with `get`"),
        ("odata: {list: Parts, select: [Nmae]}", "DB553", "did you mean `Name`?"),
        ("odata: {list: Parts, expand: [Price]}", "DB553", "no property `Price` that fits"),
        ("odata: {list: Parts, orderby: [Name up]}", "DB553", "`up` is no direction"),
        ("odata: {list: Parts, filter: ['Nmae eq {x}']}", "DB554", "no property `Nmae`"),
        ("odata: {list: Parts, filter: ['length(Name) gt {x}']}", "DB554", "says the type of {x}"),
        ("odata: {list: Parts, filter: [\"Name eq '{x}'\"]}", "DB554", "stands inside quotes"),
        ("odata: {list: Parts, filter: ['Price gt {x:Decimal}']}", "DB554", "no type `Decimal`"),
        ("odata: {list: Parts, filter: ['Price gt {skip}']}", "DB554", "of another parameter"),
        ("odata: {delete: Parts}", "DB555", "`delete` changes something"),
        ("odata: {call: restock}", "DB555", "needs its effect written"),
        (
            "odata: {call: scrap}, effect: write",
            "DB551",
            "bound to an entity; write `on:` with one of Parts",
        ),
        ("odata: {call: restock, on: Parts}, effect: write", "DB551", "is bound to nothing"),
        ("odata: {get: Parts}, reply: json", "DB552", "`reply` has no meaning"),
        ("odata: {get: Parts}, parameters: {x: {type: string}}", "DB553", "no place for `x`"),
        (
            "odata: {update: Parts, fields: [Changed]}, effect: write",
            "DB553",
            "`Changed` that fits",
        ),
    ],
)
def test_a_request_that_cannot_be_made_is_told(
    compile_text: Any, folder: Path, words: str, code: str, told: str
) -> None:
    found = compile_text(
        f"""
        adapter: a
        backend: {{kind: http, url: "http://x", odata: four.xml}}
        functions:
          f: {{{words}, description: Something.}}
        """,
        folder=folder,
    ).problems
    assert [each.code for each in found if each.severity == "error"] == [code], found
    assert told in f"{found[0].message} {found[0].fix}"


@pytest.mark.parametrize(
    "text", ["<a/>", "nothing", V2.replace('"2.0"', '"3.0"'), "<!DOCTYPE a><edmx/>", None]
)
def test_metadata_that_cannot_be_read_is_told(
    compile_text: Any, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "a.xml").write_text(text)
    found = compile_text(
        """
        adapter: a
        backend: {kind: http, url: "http://x", odata: a.xml}
        functions:
          f: {odata: {list: Parts}, description: Something.}
        """,
        folder=tmp_path,
    ).problems
    assert [each.code for each in found] == ["DB550"]


def test_an_odata_request_needs_metadata(problems: Any) -> None:
    found = problems(
        """
        adapter: a
        backend: {kind: http, url: "http://x"}
        functions:
          f: {odata: {list: Parts}, description: Something.}
        """
    )
    assert len(found) == 1
    assert "DB551 the request is made by metadata, and the backend has none" in found[0]


@pytest.mark.parametrize("metadata", [V2, V4])
def test_a_draft_compiles_and_names_what_there_is(
    tmp_path: Path, compile_text: Any, metadata: str
) -> None:
    (tmp_path / "ship.xml").write_text(metadata)

    draft = KIND.draft(
        str(tmp_path / "ship.xml"), DraftWish("ship", options={"changes": "yes"}, asked="odata")
    )
    few = KIND.draft(str(tmp_path / "ship.xml"), DraftWish(only=("list *",), asked="odata"))

    (tmp_path / "odata").mkdir()
    (tmp_path / "odata" / "ship.xml").write_bytes(draft.files["odata/ship.xml"])
    compiled = compile_text(draft.text, dict(draft.environ), tmp_path)
    assert [each for each in compiled.problems if each.severity == "error"] == []
    assert draft.named["update Parts"] == "update_parts"
    assert "delete_parts" in draft.undecided
    assert list(few.named) == ["list Parts", "list Makers"]


async def test_a_draft_asks_a_service_for_its_metadata(four: tuple[Service, str]) -> None:
    draft = await asyncio.to_thread(KIND.draft, f"{four[1]}/s/", DraftWish(asked="odata"))
    assert draft.environ == {"S_URL": f"{four[1]}/s"}
    assert four[0].asked == ["GET $metadata"]


def test_what_cannot_be_drafted_is_told(tmp_path: Path) -> None:
    (tmp_path / "ship.xml").write_text(V4)
    with pytest.raises(OperatorError, match="is no OData metadata"):
        KIND.draft("nowhere.xml", DraftWish(asked="odata"))
    with pytest.raises(OperatorError, match="there are Parts, Makers"):
        KIND.draft(str(tmp_path / "ship.xml"), DraftWish(only=("x",), asked="odata"))


FLEET = """<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Ship" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="Boat"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/>
    <Property Name="Name" Type="Edm.String"/></EntityType>
  <EntityType Name="Sailboat" BaseType="Self.Boat"><Property Name="Masts" Type="Edm.Int32"/></EntityType>
  <EntityType Name="Photo" HasStream="true"><Key><PropertyRef Name="ID"/></Key>
    <Property Name="ID" Type="Edm.Int32" Nullable="false"/><Property Name="Small" Type="Edm.Stream"/></EntityType>
  <EntityContainer Name="All"><EntitySet Name="Boats" EntityType="Self.Boat"/><EntitySet Name="Photos" EntityType="Self.Photo"/>
  </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""


@pytest.mark.parametrize(
    ("words", "arguments", "request_line", "body"),
    [
        (
            "list: Boats/Ship.Sailboat, filter: ['Masts gt {masts}']",
            {"masts": 2},
            "GET /s/Boats/Ship.Sailboat?$filter=Masts%20gt%202 HTTP/1.1",
            None,
        ),
        (
            "get: Boats/Ship.Sailboat, select: [Masts]",
            {"ID": 7},
            "GET /s/Boats(7)/Ship.Sailboat?$select=Masts HTTP/1.1",
            None,
        ),
        (
            "create: Boats/Ship.Sailboat",
            {"ID": 7, "Masts": 3},
            "POST /s/Boats HTTP/1.1",
            '{"@odata.type":"#Ship.Sailboat","ID":7,"Masts":3}',
        ),
        (
            "update: Boats/Ship.Sailboat, fields: [Masts]",
            {"ID": 7, "Masts": 3},
            "PATCH /s/Boats(7)/Ship.Sailboat HTTP/1.1",
            '{"Masts":3}',
        ),
        ("get: Photos, stream: $value", {"ID": 7}, "GET /s/Photos(7)/$value HTTP/1.1", None),
        ("get: Photos, stream: Small", {"ID": 7}, "GET /s/Photos(7)/Small HTTP/1.1", None),
    ],
)
async def test_derived_types_and_files_have_their_paths(
    tmp_path: Path, open_http: Any, words: str, arguments: Any, request_line: str, body: str | None
) -> None:
    (tmp_path / "fleet.xml").write_text(FLEET)
    effect = "read" if words.startswith(("list", "get")) else "write"
    text = f"""
    adapter: ship
    backend: {{kind: http, url: "http://ship.test/s", odata: ./fleet.xml}}
    functions: {{do: {{odata: {{{words}}}, effect: {effect}, description: A.}}}}
    """

    shown = (await open_http(text, None, tmp_path).invoke("do", arguments, mode="dry_run")).value

    lines = shown["request"].splitlines()
    assert lines[0] == request_line
    assert body is None or lines[-1] == body


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("get: Boats/Ship.Photo", "no type derived from `Ship.Boat` `Ship.Photo`"),
        ("get: Boats, stream: $value", "`Ship.Boat` has no stream `$value`"),
        ("get: Photos, stream: Smal", "`Ship.Photo` has no stream `Smal`"),
        ("get: Photos, stream: Small, select: [ID]", "`select` has no meaning with `stream`"),
        ("list: Photos, stream: Small", "`stream` has no meaning with `list`"),
    ],
)
def test_a_type_or_a_file_that_is_not_there_is_told(tmp_path: Path, words: str, told: str) -> None:
    (tmp_path / "fleet.xml").write_text(FLEET)
    text = f"""
    adapter: ship
    backend: {{kind: http, url: "http://ship.test/s", odata: ./fleet.xml}}
    functions: {{do: {{odata: {{{words}}}, description: A.}}}}
    """

    found = [str(problem) for problem in compiled(text, folder=tmp_path).problems]

    assert any(told in each for each in found), found
