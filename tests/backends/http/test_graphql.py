"""GraphQL: documents against a schema, and against a server of Ariadne's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import build_schema, introspection_from_schema
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from drawbar.backends.http.kind import KIND
from drawbar.compiler.draft import DraftWish
from drawbar.kernel.errors import OperatorError

from . import graphql_peer
from .graphql_peer import SDL, app
from .serving import served

ADAPTER = """
adapter: pier
backend: {{kind: http, url: "{url}/", graphql: ./pier.graphql}}
errors:
  - {{when: {{code: DEBTS}}, code: owes_money}}
functions:
  berths:
    document: |
      query Berths($where: BerthFilter, $first: Int! = 2) {{
        berths(where: $where, first: $first) {{ id side depth }}
      }}
    response: /berths
  berth:
    document: "query ($id: ID!) {{ berth(id: $id) {{ id neighbours {{ id }} }} }}"
  two:
    document: |
      query ($id: ID!) {{
        berth(id: $id) {{ id neighbours {{ id }} }}
        berths(first: 1) {{ id }}
      }}
  book:
    description: Book a berth.
    effect: write
    document: |
      mutation Book($booking: Booking!) {{
        book(booking: $booking) {{ number by invoice }}
      }}
    response: /book
    parameters:
      by: {{to: body.booking.by.name, from: caller.subject}}
      vessel: {{to: body.booking.vessel, enum: ["0", "1", "2", "7"]}}
      stay: {{to: body.booking.stay}}
  asleep:
    description: Ask the harbour.
    document: "{{ harbour }}"
"""
STAY = {"nights": 2}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served(app) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pier.graphql").write_text(SDL)
    return tmp_path


@pytest.fixture
def pier(server: str, folder: Path, open_http: Any) -> Any:
    return open_http(ADAPTER.format(url=server), folder=folder)


async def test_variables_are_the_arguments(pier: Any) -> None:
    every = await pier.invoke("berths", {"first": 2})
    some = await pier.invoke("berths", {"where": {"side": "SEA", "all": []}})

    assert every.value == graphql_peer.BERTHS
    assert some.value == [graphql_peer.BERTHS[1]]


async def test_a_part_of_an_input_may_be_filled_by_the_gateway(pier: Any) -> None:
    reply = await pier.invoke("book", {"by": "anna", "vessel": "7", "stay": STAY})

    assert reply.value["by"] == "anna"
    assert graphql_peer.seen[-1] == {"vessel": "7", "stay": STAY, "by": {"name": "anna"}}


def test_types_of_the_schema_are_those_of_the_parameters(pier: Any) -> None:
    parameters = {each.name: each for each in pier.adapter.plans["berths"].parameters}
    where = parameters["where"].schema

    assert parameters["first"].schema == {
        "type": "integer",
        "minimum": -(2**31),
        "maximum": 2**31 - 1,
        "description": "Default: 2.",
    }
    assert not parameters["where"].required
    assert where["description"] == "Only those."
    assert where["$defs"]["BerthFilter"] == {
        "type": "object",
        "properties": {
            "side": {
                "type": "string",
                "enum": ["SHORE", "SEA"],
                "description": "SHORE: Where the shore is.",
            },
            "length": {"type": "number", "description": "In metres. Default: 12.5."},
            "all": {"type": "array", "items": {"$ref": "#/$defs/BerthFilter"}},
        },
        "required": [],
        "additionalProperties": False,
    }
    stay = next(each for each in pier.adapter.plans["book"].parameters if each.name == "stay")
    assert (stay.schema["minProperties"], stay.schema["maxProperties"]) == (1, 1)
    assert pier.adapter.plans["berths"].description == "All berths that are free."


async def test_an_operation_that_failed_is_a_plain_no_with_facts(pier: Any) -> None:
    missing = await pier.fail("berth", {"id": "9"})
    refused = await pier.fail("book", {"by": "anna", "vessel": "0", "stay": STAY})
    broken = await pier.fail("book", {"by": "anna", "vessel": "1", "stay": STAY})

    assert (missing.message, missing.code) == ("There is no such berth.", "not_found")
    assert missing.facts == {"code": "NOT_FOUND", "extensions.seen": 2, "path": "berth"}
    assert (refused.code, refused.work, refused.facts["code"]) == ("fault", "rolled_back", "DEBTS")
    assert (broken.code, broken.work) == ("backend_error", "unknown")


async def test_a_change_whose_answer_failed_was_made_all_the_same(pier: Any) -> None:
    before = len(graphql_peer.seen)

    error = await pier.fail("book", {"by": "anna", "vessel": "2", "stay": STAY})

    assert len(graphql_peer.seen) == before + 1
    assert (error.work, error.facts["path"]) == ("done", "book.invoice")


async def test_what_is_missing_in_an_answer_is_told_beside_it(pier: Any) -> None:
    reply = await pier.invoke("two", {"id": "2"})
    nothing = await pier.fail("berth", {"id": "2"})

    assert reply.value == {"berth": None, "berths": [{"id": "1"}]}
    assert reply.notes == ("Missing in the answer: berth.neighbours. The chart is lost.",)
    assert nothing.message == "The chart is lost."


async def test_an_answer_of_null_is_an_answer(pier: Any) -> None:
    assert (await pier.invoke("asleep")).value == {"harbour": None}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, {"errors": [{"message": "no"}]}), ("fault", "not_started")),
        ((400, {"errors": [{"message": "no"}]}), ("fault", "not_started")),
        ((500, {"errors": [{"message": "no"}]}), ("fault", "unknown")),
        (
            (401, {"errors": [{"extensions": {"code": "UNAUTHENTICATED"}}]}),
            ("backend_denied", "not_started"),
        ),
        ((500, {"other": 1}), ("backend_error", "unknown")),
        ((200, {"other": 1}), ("bad_reply", "done")),
        ((200, {"data": None}), ("bad_reply", "done")),
    ],
)
async def test_what_became_of_a_change_follows_from_the_form_of_the_answer(
    api: Any, folder: Path, open_http: Any, answer: tuple[int, Any], expected: tuple[str, str]
) -> None:
    api.says(answer[1], status=answer[0])
    pier = open_http(ADAPTER.format(url=api.url), folder=folder)

    error = await pier.fail("book", {"by": "anna", "vessel": "7", "stay": STAY})

    assert (error.code, error.work) == expected


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("document: 'query {'", "DB541", "line 1, column 8 of the document: Expected Name"),
        ("document: '{ hrbour }'", "DB541", "Did you mean 'harbour'?"),
        ("document: '{ berth { id } }'", "DB541", "of type 'ID!' is required"),
        (
            "document: 'query ($id: Int!) { berth(id: $id) { id } }'",
            "DB541",
            "expecting type 'ID!'",
        ),
        ("document: 'query a { harbour } query b { harbour }'", "DB542", "this one has 2"),
        ("document: 'mutation { cancelBooking(number: 1) }'", "DB543", "the effect is read"),
        (
            "document: 'mutation { cancelBooking(number: 1) }', effect: read",
            "DB543",
            "the effect is",
        ),
        ("document: '{ harbour }', parameters: {x: {type: string}}", "DB544", "no variable $x"),
        ("document: '{ harbour }', reply: json", "DB542", "`reply` has no meaning"),
        ("document: '{ harbour }', method: a", "DB530", "`document` has no meaning with `method`"),
    ],
)
def test_a_document_that_cannot_be_sent_is_told(
    compile_text: Any, folder: Path, words: str, code: str, told: str
) -> None:
    spoken = ", protocol: json-rpc" if "method" in words else ""
    found = compile_text(
        f"""
        adapter: a
        backend: {{kind: http, url: "http://x", graphql: pier.graphql{spoken}}}
        functions:
          f: {{{words}, description: Something.}}
        """,
        folder=folder,
    ).problems
    errors = [each for each in found if each.code == code]
    assert errors, found
    assert told in errors[0].message + str(errors[0].fix)


@pytest.mark.parametrize("text", ["type Query {", "{}", "type Other { a: Int }", None])
def test_a_schema_that_cannot_be_read_is_told(
    compile_text: Any, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "a.graphql").write_text(text)
    compiled = compile_text(
        """
        adapter: a
        backend: {kind: http, url: "http://x", graphql: a.graphql}
        functions:
          f: {document: "{ a }", description: Something.}
        """,
        folder=tmp_path,
    )
    assert [each.code for each in compiled.problems] == ["DB540"]


def test_a_schema_that_breaks_rules_of_the_specification_is_taken_as_it_is(
    compile_text: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.graphql").write_text(
        "interface Node { id: ID! } "
        'type Query implements Node { id: ID! @deprecated(reason: "x") a(x: Int): Int a(x: Int): Int }'
    )
    compiled = compile_text(
        """
        adapter: a
        backend: {kind: http, url: "http://x", graphql: a.graphql}
        functions:
          f: {document: "query ($x: Int) { a(x: $x) }", description: Something.}
        """,
        folder=tmp_path,
    )
    assert compiled.problems == ()


def test_a_document_needs_a_schema(problems: Any) -> None:
    found = problems(
        """
        adapter: a
        backend: {kind: http, url: "http://x"}
        functions:
          f: {document: "{ a }", description: Something.}
        """
    )
    assert len(found) == 1
    assert "DB542 a document is checked against a schema" in found[0]


def _compiled(draft: Any, folder: Path, compile_text: Any) -> Any:
    for name, data in draft.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return compile_text(draft.text, dict(draft.environ), folder)


async def test_a_draft_of_a_server_compiles_and_works(
    server: str, tmp_path: Path, compile_text: Any, open_http: Any
) -> None:
    draft = KIND.draft(f"{server}/", DraftWish("pier", asked="graphql"))

    assert _compiled(draft, tmp_path, compile_text).problems == ()
    assert draft.named == {
        "query berths": "berths",
        "query berth": "berth",
        "query harbour": "harbour",
        "query find": "find",
        "mutation book": "book",
        "mutation cancelBooking": "cancel_booking",
    }
    assert draft.undecided == ("book", "cancel_booking")
    opened = open_http(draft.text, dict(draft.environ), tmp_path)
    assert (await opened.invoke("berths", {"where": {"side": "SHORE"}})).value[0]["depth"] == 2.5
    assert (await opened.invoke("find", {"text": "a"})).value == [
        {"__typename": "Berth", "berth_id": "1", "side": "SHORE", "depth": 2.5}
    ]


def test_a_draft_of_sdl_and_one_of_an_introspection_are_the_same(
    tmp_path: Path, compile_text: Any
) -> None:
    (tmp_path / "a.graphql").write_text(SDL)
    introspection = introspection_from_schema(build_schema(SDL), input_value_deprecation=False)
    (tmp_path / "a.json").write_bytes(orjson.dumps({"data": introspection}))
    wish = DraftWish("a", ("query *",), {"deprecated": "yes", "depth": "1"}, asked="graphql")

    first, second = (KIND.draft(str(tmp_path / f"a.{end}"), wish) for end in ("graphql", "json"))

    assert first.named == second.named
    assert "gone" in first.named.values()
    assert "neighbours" not in first.text
    assert _compiled(second, tmp_path, compile_text).problems == ()


@pytest.mark.parametrize(
    ("option", "header", "auth"),
    [
        (
            {"bearer": "PIER_TOKEN"},
            ("Authorization", "Bearer s3cret"),
            'bearer: {token: "${PIER_TOKEN}"}',
        ),
        (
            {"key": "X-Key:PIER_TOKEN"},
            ("X-Key", "s3cret"),
            'api_key: {name: X-Key, value: "${PIER_TOKEN}"}',
        ),
    ],
)
def test_a_draft_proves_itself_to_a_server_that_wants_to_know_who_asks(
    monkeypatch: pytest.MonkeyPatch, option: dict[str, str], header: tuple[str, str], auth: str
) -> None:
    introspection = introspection_from_schema(build_schema(SDL), input_value_deprecation=False)

    async def answer(request: Request) -> Response:
        if request.headers.get(header[0]) != header[1]:
            return Response(status_code=401)
        return JSONResponse({"data": introspection})

    async def elsewhere(request: Request) -> Response:
        return RedirectResponse(request.url_for("answer"), status_code=302)

    asked = Starlette(
        routes=[
            Route("/", answer, methods=["GET", "POST"], name="answer"),
            Route("/elsewhere", elsewhere, methods=["POST"]),
        ]
    )
    monkeypatch.setenv("PIER_TOKEN", "s3cret")
    with served(asked) as url:
        draft = KIND.draft(url, DraftWish("pier", options=option, asked="graphql"))
        with pytest.raises(OperatorError, match="Unauthorized"):
            KIND.draft(url, DraftWish("pier", asked="graphql"))
        with pytest.raises(OperatorError, match="does not tell its schema"):
            KIND.draft(f"{url}/elsewhere", DraftWish("pier", options=option, asked="graphql"))

    assert auth in draft.text
    assert "s3cret" not in draft.text


@pytest.mark.parametrize(
    ("source", "wish", "told"),
    [
        (
            "http://127.0.0.1:1/",
            DraftWish(options={"bearer": "NOT_SET"}, asked="graphql"),
            "NOT_SET",
        ),
        ("a.graphql", DraftWish(options={"key": "X"}, asked="graphql"), "no header and variable"),
        (
            "a.graphql",
            DraftWish(options={"key": "X:A", "bearer": "A"}, asked="graphql"),
            "exclude each other",
        ),
        ("nowhere.graphql", DraftWish(asked="graphql"), "cannot be read: No such file"),
        ("http://127.0.0.1:1/", DraftWish(asked="graphql"), "does not tell its schema"),
        ("http://169.254.169.254/", DraftWish(asked="graphql"), "never called"),
        ("a.graphql", DraftWish(only=("x",), asked="graphql"), "there are berths"),
        ("a.graphql", DraftWish(options={"depth": "x"}, asked="graphql"), "is no number"),
        ("b.graphql", DraftWish(asked="graphql"), "is no GraphQL schema"),
    ],
)
def test_what_cannot_be_drafted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, wish: DraftWish, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.graphql").write_text(SDL)
    Path("b.graphql").write_text("nothing")

    with pytest.raises(OperatorError, match=told):
        KIND.draft(source, wish)
