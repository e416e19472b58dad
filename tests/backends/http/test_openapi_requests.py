"""Operations of a document become functions, and their requests fit the document again."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import fastapi
import pytest
from fastapi import Cookie, FastAPI, File, Form, Header, UploadFile
from pydantic import BaseModel, Field

from backends.soap.instances import Instances
from drawbar.backends.http.request.request import Identity, render
from drawbar.kernel.ports import BackendError

from .openapi_oracle import Oracle
from .serving import served

ADAPTER = """
    adapter: yard
    backend: {{kind: http, url: "http://yard.internal", openapi: api.json}}
    functions:
{functions}
"""


def document(
    operation: dict[str, Any], *, path: str = "/a", method: str = "get", **more: Any
) -> Any:
    return {
        "openapi": "3.0.3",
        "info": {"title": "Yard", "version": "1"},
        "paths": {path: {method: {"operationId": "it", "summary": "Do it", **operation}}},
        **more,
    }


@pytest.fixture
def yard(tmp_path: Path, compile_text: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles an adapter with the functions of `text` by a document."""

    def compiled(api: Any, text: str) -> Any:
        (tmp_path / "api.json").write_text(json.dumps(api))
        functions = textwrap.indent(textwrap.dedent(text).strip("\n"), " " * 6)
        return compile_text(ADAPTER.format(functions=functions), {}, tmp_path)

    return compiled


def sent(compiled: Any, arguments: Any, name: str = "it") -> Any:
    return render(compiled.plans[name].binding, arguments, "/v1", Identity())


IT = "it: {operation: it, effect: read}"
LIST = {"type": "array", "items": {"type": "string"}}
THING = {"type": "object", "properties": {"r": {"type": "integer"}, "g": {"type": "integer"}}}
NESTED = {
    "type": "object",
    "properties": {"a": {"type": "object", "properties": {"b": {"type": "integer"}}}, "l": LIST},
}


@pytest.mark.parametrize(
    ("style", "explode", "schema", "value", "target"),
    [
        ("form", True, LIST, ["x", "y z"], "?c=x&c=y%20z"),
        ("form", False, LIST, ["x", "y,z"], "?c=x,y%2Cz"),
        ("form", True, THING, {"r": 1, "g": 2}, "?r=1&g=2"),
        ("form", False, THING, {"r": 1, "g": 2}, "?c=r,1,g,2"),
        ("spaceDelimited", False, LIST, ["x", "y"], "?c=x%20y"),
        ("pipeDelimited", False, LIST, ["x", "y"], "?c=x%7Cy"),
        ("pipeDelimited", False, THING, {"r": 1, "g": 2}, "?c=r%7C1%7Cg%7C2"),
        ("deepObject", True, THING, {"r": 1, "g": 2}, "?c%5Br%5D=1&c%5Bg%5D=2"),
        (
            "deepObject",
            True,
            NESTED,
            {"a": {"b": 1}, "l": ["x", "y"]},
            "?c%5Ba%5D%5Bb%5D=1&c%5Bl%5D%5B%5D=x&c%5Bl%5D%5B%5D=y",
        ),
        ("form", True, {"type": "boolean"}, True, "?c=true"),
    ],
)
def test_a_query_parameter_is_written_in_its_style(
    yard: Any, style: str, explode: bool, schema: Any, value: Any, target: str
) -> None:
    parameter = {"name": "c", "in": "query", "style": style, "explode": explode, "schema": schema}
    api = document({"parameters": [parameter]})

    request = sent(yard(api, IT), {"c": value})

    assert request.target == f"/v1/a{target}"
    assert Oracle(api).problem("GET", "/a", request.target[3:], request.headers, None) is None


@pytest.mark.parametrize(
    ("style", "explode", "schema", "value", "segment"),
    [
        ("simple", False, {"type": "string"}, "a b", "a%20b"),
        ("simple", False, LIST, ["x", "y"], "x,y"),
        ("simple", True, THING, {"r": 1, "g": 2}, "r=1,g=2"),
        ("simple", False, THING, {"r": 1, "g": 2}, "r,1,g,2"),
        ("label", False, {"type": "integer"}, 5, ".5"),
        ("label", True, LIST, ["x", "y"], ".x.y"),
        ("label", False, LIST, ["x", "y"], ".x,y"),
        ("label", True, THING, {"r": 1, "g": 2}, ".r=1.g=2"),
        ("matrix", False, {"type": "integer"}, 5, ";c=5"),
        ("matrix", True, LIST, ["x", "y"], ";c=x;c=y"),
        ("matrix", False, LIST, ["x", "y"], ";c=x,y"),
        ("matrix", True, THING, {"r": 1, "g": 2}, ";r=1;g=2"),
        ("matrix", False, THING, {"r": 1, "g": 2}, ";c=r,1,g,2"),
    ],
)
def test_a_place_in_the_path_is_written_in_its_style(
    yard: Any, style: str, explode: bool, schema: Any, value: Any, segment: str
) -> None:
    parameter = {
        "name": "c",
        "in": "path",
        "required": True,
        "style": style,
        "explode": explode,
        "schema": schema,
    }
    api = document({"parameters": [parameter]}, path="/a/{c}/b")

    request = sent(yard(api, IT), {"c": value})

    assert request.target == f"/v1/a/{segment}/b"
    assert Oracle(api).problem("GET", "/a/{c}/b", request.target[3:], request.headers, None) is None


@pytest.mark.parametrize(
    ("style", "value"), [("simple", ["a/b"]), ("label", ["."]), ("matrix", [])]
)
def test_no_style_lets_a_value_leave_its_segment(yard: Any, style: str, value: Any) -> None:
    parameter = {"name": "c", "in": "path", "required": True, "style": style, "schema": LIST}
    compiled = yard(document({"parameters": [parameter]}, path="/a/{c}"), IT)

    with pytest.raises(BackendError, match="c was not sent"):
        sent(compiled, {"c": value})


def test_collection_formats_of_2_0_are_styles(yard: Any) -> None:
    api = {
        "swagger": "2.0",
        "info": {"title": "Yard", "version": "1"},
        "paths": {
            "/a": {
                "get": {
                    "operationId": "it",
                    "parameters": [
                        {"name": n, "in": "query", "collectionFormat": n, **LIST}
                        for n in ("csv", "ssv", "tsv", "pipes", "multi")
                    ],
                }
            }
        },
    }

    request = sent(
        yard(api, IT), {key: ["x", "y"] for key in ("csv", "ssv", "tsv", "pipes", "multi")}
    )

    assert request.target == ("/v1/a?csv=x,y&ssv=x%20y&tsv=x%09y&pipes=x%7Cy&multi=x&multi=y")


BODY = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "tags": LIST,
        "size": THING,
    },
}


@pytest.mark.parametrize(
    ("media", "content_type", "body"),
    [
        ("application/json", "application/json", '{"name":"a&b","tags":["x","y"],"size":{"r":1}}'),
        (
            "application/vnd.yard+json; v=2",
            "application/vnd.yard+json; v=2",
            '{"name":"a&b","tags":["x","y"],"size":{"r":1}}',
        ),
        (
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded",
            "name=a%26b&tags=x&tags=y&size=%7B%22r%22%3A1%7D",
        ),
        (
            "application/xml",
            "application/xml",
            "<?xml version='1.0' encoding='utf-8'?>\n<root><name>a&amp;b</name>"  # noqa: ISC004
            "<tags>x</tags><tags>y</tags><size><r>1</r></size></root>",
        ),
    ],
)
def test_a_body_is_written_in_the_media_type_of_its_document(
    yard: Any, media: str, content_type: str, body: str
) -> None:
    api = document(
        {"requestBody": {"required": True, "content": {media: {"schema": BODY}}}}, method="post"
    )

    request = sent(yard(api, IT), {"name": "a&b", "tags": ["x", "y"], "size": {"r": 1}})

    assert request.body.decode() == body
    assert request.headers["Content-Type"] == content_type
    assert Oracle(api).problem("POST", "/a", "/a", request.headers, request.body) is None


def test_xml_follows_the_xml_words(yard: Any) -> None:
    schema = {
        "type": "object",
        "xml": {"name": "Crate", "namespace": "urn:yard", "prefix": "y"},
        "properties": {
            "id": {"type": "integer", "xml": {"attribute": True}},
            "items": {
                "type": "array",
                "xml": {"name": "Items", "wrapped": True},
                "items": {"type": "string", "xml": {"name": "Item"}},
            },
            "marks": {"type": "array", "items": {"type": "string"}, "xml": {"name": "Mark"}},
        },
    }
    api = document({"requestBody": {"content": {"text/xml": {"schema": schema}}}}, method="post")

    request = sent(yard(api, IT), {"id": 7, "items": ["a", "b"], "marks": ["c"]})

    assert request.body.decode().partition("\n")[2] == (
        '<y:Crate xmlns:y="urn:yard" id="7"><Items><Item>a</Item><Item>b</Item></Items>'
        "<Mark>c</Mark></y:Crate>"
    )


def test_text_and_bytes_are_one_parameter(yard: Any) -> None:
    text = document(
        {"requestBody": {"content": {"text/plain": {"schema": {"type": "string"}}}}}, method="post"
    )
    raw = document(
        {
            "requestBody": {
                "required": True,
                "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
        method="post",
    )

    told = sent(yard(text, IT), {"body": "hello"})
    pdf = yard(raw, IT)

    assert (told.body, told.headers["Content-Type"]) == (b"hello", "text/plain; charset=utf-8")
    assert sent(pdf, {"body": {"base64": "JVBERg=="}}).body == b"%PDF"
    with pytest.raises(BackendError, match="`base64` is no Base64"):
        sent(pdf, {"body": {"base64": "no"}})


def test_of_several_media_types_the_author_may_choose(yard: Any) -> None:
    content = {name: {"schema": BODY} for name in ("application/json", "application/xml")}
    api = document({"requestBody": {"required": True, "content": content}}, method="post")

    usual = sent(yard(api, IT), {"name": "a"})
    xml = sent(yard(api, "it: {operation: it, effect: read, body: xml}"), {"name": "a"})
    problems = yard(api, "it: {operation: it, effect: read, body: form}").problems

    assert usual.headers["Content-Type"] == "application/json"
    assert xml.headers["Content-Type"] == "application/xml"
    assert [problem.code for problem in problems] == ["DB527"]


def test_headers_and_cookies_are_the_gateways_unless_they_are_opted_in(yard: Any) -> None:
    named = [
        {"name": "X-Tenant", "in": "header", "required": True, "schema": {"type": "string"}},
        {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
        {"name": "X-Api", "in": "header", "required": True, "schema": {"enum": ["2"]}},
        {"name": "seat", "in": "cookie", "schema": {"type": "integer"}},
        {"name": "Authorization", "in": "header", "required": True, "schema": {"type": "string"}},
    ]
    api = document({"parameters": named})

    bare = yard(api, IT)
    opted = yard(
        api,
        """
        it:
          operation: it
          parameters:
            tenant: {to: header.X-Tenant, const: t1}
            trace: {to: header.X-Trace}
            seat: {to: cookie.seat}
        """,
    )

    assert [(p.code, p.message) for p in bare.problems] == [
        ("DB524", "the document requires the header `X-Tenant`, and nothing fills it")
    ]
    assert bare.functions[0].schema["properties"] == {}
    assert not opted.problems
    assert list(opted.functions[0].schema["properties"]) == ["trace", "seat"]
    request = sent(opted, {"tenant": "t1", "trace": "z", "seat": 4})
    assert {k: v for k, v in request.headers.items() if k not in ("Accept", "User-Agent")} == {
        "X-Api": "2",
        "X-Tenant": "t1",
        "X-Trace": "z",
        "Cookie": "seat=4",
    }


def test_an_author_overrides_fills_and_renames(yard: Any) -> None:
    api = document(
        {
            "parameters": [{"name": "filter[state]", "in": "query", "schema": {"type": "string"}}],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["who", "where"],
                            "properties": {
                                "who": {"type": "string", "description": "A person"},
                                "where": {
                                    "type": "object",
                                    "required": ["street"],
                                    "properties": {
                                        "street": {"type": "string"},
                                        "country": {"type": "string"},
                                    },
                                },
                            },
                        }
                    }
                },
            },
        },
        method="post",
    )

    compiled = yard(
        api,
        """
        it:
          operation: POST /a
          effect: write
          parameters:
            who: {from: caller.subject}
            street: {to: body.where.street, pattern: ".{3,}"}
            land: {to: body.where.country, const: NO}
            state: {to: "query.filter[state]", enum: [open]}
        """,
    )

    assert not compiled.problems
    assert compiled.functions[0].schema["properties"] == {
        "state": {"type": "string", "enum": ["open"]},
        "street": {"type": "string", "pattern": "^(?:.{3,})$"},
    }
    request = sent(compiled, {"who": "anna", "street": "Kai 3", "land": "NO", "state": "open"})
    assert request.target == "/v1/a?filter%5Bstate%5D=open"
    assert json.loads(request.body) == {
        "who": "anna",
        "where": {"street": "Kai 3", "country": "NO"},
    }


def test_names_that_models_do_not_take_or_that_collide_are_changed_visibly(yard: Any) -> None:
    api = document(
        {
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                {"name": "$top", "in": "query", "schema": {"type": "integer"}},
                {"name": "x" * 70, "in": "query", "schema": {"type": "integer"}},
            ],
            "requestBody": {
                "content": {
                    "application/json": {
                        "schema": {"type": "object", "properties": {"id": {"type": "integer"}}}
                    }
                }
            },
        },
        path="/a/{id}",
        method="put",
    )

    compiled = yard(api, "it: {operation: it, effect: write}")

    assert list(compiled.functions[0].schema["properties"]) == ["id", "top", "x" * 64, "body_id"]
    request = sent(compiled, {"id": "7", "top": 1, "x" * 64: 2, "body_id": 8})
    assert request.target == f"/v1/a/7?%24top=1&{'x' * 70}=2"
    assert request.body == b'{"id":8}'


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("it: {operation: its}", ["DB521"]),
        ("it: {operation: GET /b}", ["DB521"]),
        ("it: {}", ["DB523"]),
        ("it: {operation: it, request: GET /a}", ["DB523"]),
        ("it: {request: GET /a, hide: [x]}", ["DB523"]),
        ("it: {operation: it, hide: [sizes]}", ["DB525"]),
        ("it: {operation: it, hide: [c]}", ["DB525"]),
        ("it: {operation: it, keep: [size.x]}", ["DB525"]),
        ("it: {operation: it, effect: write, parameters: {x: {to: query.x}}}", ["DB202"]),
        ("it: {operation: it, parameters: {x: {type: string, to: query.x}}}", []),
    ],
)
def test_what_is_wrong_is_said_at_its_place(yard: Any, words: str, codes: list[str]) -> None:
    api = document(
        {
            "parameters": [
                {"name": "c", "in": "query", "required": True, "schema": {"type": "string"}},
                {"name": "size", "in": "query", "style": "deepObject", "schema": THING},
            ]
        }
    )

    problems = yard(api, words).problems

    assert [problem.code for problem in problems] == codes
    assert all(problem.place.line == 5 for problem in problems)


def test_what_is_hidden_is_not_offered_and_what_is_kept_is_all_there_is(yard: Any) -> None:
    api = document(
        {
            "parameters": [
                {"name": "size", "in": "query", "style": "deepObject", "schema": NESTED},
                {"name": "page", "in": "query", "schema": {"type": "integer"}},
                {"name": "a.b", "in": "query", "schema": {"type": "integer"}},
                {"name": "sort", "in": "query", "schema": {"type": "string"}},
            ]
        }
    )

    hidden = yard(api, "it: {operation: it, hide: [page, size.a, a.b]}").functions[0].schema
    kept = yard(api, "it: {operation: it, keep: [size.l]}").functions[0].schema

    assert list(hidden["properties"]) == ["size", "sort"]
    assert list(hidden["properties"]["size"]["properties"]) == ["l"]
    assert list(kept["properties"]) == ["size"]
    assert list(kept["properties"]["size"]["properties"]) == ["l"]


def test_a_large_operation_is_told_with_a_narrowing_that_works(yard: Any) -> None:
    part = {
        "type": "object",
        "properties": {
            f"p{n}": {"type": "string", "description": "words " * 20} for n in range(30)
        },
    }
    body = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, **{f"part{n}": part for n in range(9)}},
    }
    api = document(
        {"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
        method="post",
    )

    (problem,) = yard(api, IT).problems
    proposal = str(problem.fix).partition("hide: ")[2]
    narrowed = yard(api, f"it: {{operation: it, effect: read, hide: {proposal}}}")

    assert problem.code == "DB526"
    assert not narrowed.problems
    assert "name" in narrowed.functions[0].schema["properties"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("[1]", "cannot be read: it is no object"),
        ('{"a": 1}', "neither `openapi` nor `swagger` says its version"),
        ('{"openapi": "4.0.0"}', "its version is 4.0.0; 2.0 and 3.0 to 3.2 are read"),
    ],
)
def test_a_document_that_is_none_is_told(
    tmp_path: Path, compile_text: Callable[..., Any], content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "api.json").write_text(content)

    (problem,) = compile_text(ADAPTER.format(functions=f"      {IT}"), {}, tmp_path).problems

    assert problem.code == "DB520"
    assert message in problem.message


def test_a_hole_in_the_document_breaks_only_the_function_that_needs_it(yard: Any) -> None:
    api = document({"parameters": [{"$ref": "#/gone"}]})
    api["paths"]["/b"] = {"get": {"operationId": "other", "summary": "Other"}}

    compiled = yard(api, f"{IT}\nother: {{operation: other}}")

    assert [problem.code for problem in compiled.problems] == ["DB522"]
    assert [function.callable for function in compiled.functions] == [False, True]


# -- a real server, and the document that it publishes of itself ------------------------------------


class Size(BaseModel):
    width: int = Field(ge=1)
    height: int | None = None


class Crate(BaseModel):
    label: str = Field(min_length=2, pattern="^[A-Z]")
    size: Size
    tags: list[str] = []
    extra: dict[str, int] = {}


def shop() -> FastAPI:
    app = FastAPI(title="Yard")

    @app.get("/crates/{number}")
    async def find_crate(
        number: int,
        tag: Annotated[list[str] | None, fastapi.Query()] = None,
        x_tenant: Annotated[str | None, Header()] = None,
        seat: Annotated[str | None, Cookie()] = None,
    ) -> Any:
        """Find a crate by its number."""
        return {"number": number, "tag": tag, "tenant": x_tenant, "seat": seat}

    @app.post("/crates")
    async def add_crate(crate: Crate) -> Any:
        return crate

    @app.post("/login")
    async def log_in(user: Annotated[str, Form()], roles: Annotated[list[str], Form()]) -> Any:
        return {"user": user, "roles": roles}

    @app.post("/photos")
    async def add_photo(
        photos: Annotated[list[UploadFile], File()], title: Annotated[str, Form()]
    ) -> Any:
        read = [(photo.filename, (await photo.read()).decode()) for photo in photos]
        return {"title": title, "photos": read}

    return app


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, FastAPI]]:
    app = shop()
    with served(app) as url:
        yield url, app


async def test_a_real_server_takes_what_its_own_document_describes(
    server: tuple[str, FastAPI], tmp_path: Path, open_http: Any
) -> None:
    url, app = server
    (tmp_path / "api.json").write_text(json.dumps(app.openapi()))
    opened = open_http(
        f"""
        adapter: yard
        backend: {{kind: http, url: "{url}", openapi: api.json}}
        functions:
          find:
            operation: GET /crates/{{number}}
            parameters: {{tenant: {{to: header.x-tenant, const: t1}}, seat: {{to: cookie.seat}}}}
          add: {{operation: POST /crates, effect: write}}
          log_in: {{operation: POST /login, effect: write}}
          add_photo: {{operation: POST /photos, effect: write}}
        """,
        {},
        tmp_path,
    )

    found = await opened.invoke(
        "find", {"number": 7, "tag": ["a", "b"], "tenant": "t1", "seat": "9"}
    )
    crate = {"label": "Box", "size": {"width": 3, "height": None}, "extra": {"a": 1}}
    added = await opened.invoke("add", crate)
    user = await opened.invoke("log_in", {"user": "a&b", "roles": ["x", "y z"]})
    photos = [{"filename": "a 1.txt", "text": "é"}, {"filename": "b.txt", "base64": "YWJj"}]
    photo = await opened.invoke("add_photo", {"title": "Two", "photos": photos})
    wrong = await opened.fail("add", {"label": "box", "size": {"width": 0}})

    assert opened.adapter.functions[0].description == "Find Crate. Find a crate by its number."
    assert found.value == {"number": 7, "tag": ["a", "b"], "tenant": "t1", "seat": "9"}
    assert added.value == {**crate, "tags": []}
    assert user.value == {"user": "a&b", "roles": ["x", "y z"]}
    assert photo.value == {"title": "Two", "photos": [["a 1.txt", "é"], ["b.txt", "abc"]]}
    assert (wrong.code, wrong.facts["status"]) == ("invalid_request", 422)


def test_requests_drawn_from_the_schema_fit_the_document(server: Any, yard: Any) -> None:
    api = server[1].openapi()
    oracle = Oracle(api)
    compiled = yard(
        api,
        """
        find: {operation: "GET /crates/{number}"}
        add: {operation: POST /crates, effect: write}
        log_in: {operation: POST /login, effect: write}
        """,
    )

    for function, (method, path) in zip(
        compiled.functions,
        [("GET", "/crates/{number}"), ("POST", "/crates"), ("POST", "/login")],
        strict=True,
    ):
        for seed in range(20):
            arguments = Instances(function.schema, seed, dense=seed / 19).make()
            request = sent(compiled, arguments, function.local_name)
            problem = oracle.problem(
                method, path, request.target[3:], request.headers, request.body
            )
            assert problem is None, arguments
