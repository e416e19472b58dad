"""What is wrong in an HTTP adapter is said with its place, all at once, without a connection."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any  # types of fixtures live in conftest, which tests cannot import

import pytest

from drawbar.backends.http import KIND

FUNCTION = """
    adapter: staff
    backend: {{kind: http, url: "http://staff.internal"}}
    functions:
      f:
        description: Something.
{words}
"""


def function(words: str) -> str:
    return FUNCTION.format(words=textwrap.indent(textwrap.dedent(words).strip("\n"), " " * 8))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("request: /staff", ["7:5: DB501 `/staff` is not a method and a path"]),
        ("request: FETCH /staff", ["7:5: DB501 `FETCH /staff` is not a method and a path"]),
        ("request: GET staff", ["7:5: DB501 `GET staff` is not a method and a path"]),
        ("request: GET /a/../b", ["7:5: DB501 `..` is no part of a path"]),
        ("request: GET /a/{no", ["7:5: DB501 `{no` is no part of a path"]),
        (
            "request: GET /a?x={no}",
            ["7:5: DB501 a place such as {name} stands in the path only"],
        ),
        ("request: GET /staff/{no}", ["7:5: DB502 nothing fills {no}"]),
        (
            """
            request: GET /staff
            parameters: {no: {type: string, to: path.no}}
            """,
            ["8:37: DB503 parameter `no`: the path has no {no}"],
        ),
        (
            """
            request: GET /staff
            parameters:
              a: {type: string, to: cookie.a}
              b: {type: string, to: query}
            """,
            [
                "9:25: DB504 parameter `a`: `cookie.a` is no place of a request",
                "10:25: DB504 parameter `b`: `query` is no place of a request",
            ],
        ),
        (
            """
            request: GET /staff
            parameters: {a: {type: string, to: body.a}}
            """,
            ["8:36: DB505 parameter `a`: GET has no body"],
        ),
        ("request: PUT /staff", ["7:5: DB506 PUT changes something, and the effect is read"]),
        (
            """
            request: DELETE /staff
            effect: read
            """,
            ["8:5: DB506 DELETE changes something, and the effect is read"],
        ),
        ("request: POST /staff", ["7:5: DB506 POST needs its effect written"]),
        (
            """
            request: GET /a/{x}/{y}
            parameters:
              x: {type: string, optional: true}
              y: {type: array, items: {type: string}}
              q: {type: object, properties: {z: {type: string}}}
              h: {type: array, items: {type: string}, to: header.X-H}
            """,
            [
                "9:7: DB508 parameter `x`: a part of the path cannot be left out",
                "10:7: DB508 parameter `y`: a part of the path holds one value, no list or object",
                "11:7: DB508 parameter `q`: the query holds values and lists of values, no object",
                "12:47: DB508 parameter `h`: a header holds one value, no list or object",
            ],
        ),
        (
            """
            request: POST /staff
            effect: write
            body: form
            parameters: {a: {type: object, properties: {z: {type: string}}}}
            """,
            [
                "10:18: DB508 parameter `a`: a form holds values and lists of values by one name each"
            ],
        ),
        (
            """
            request: POST /staff/{n}
            effect: write
            parameters:
              n: {type: string}
              m: {type: string, to: path.n}
              a: {type: string, to: body.p.q}
              b: {type: string, to: body.p}
              c: {type: string, to: query.x}
              d: {type: string, to: query.x}
            """,
            [
                "7:5: DB509 `a` and `b` go to one place of the body",
                "7:5: DB509 two parameters go to `x`",
                "11:25: DB509 parameter `m`: another parameter fills {n} already",
            ],
        ),
        (
            """
            request: GET /staff
            parameters:
              a: {type: string, to: header.Host}
              b: {type: string, to: header.Authorization}
              c: {type: string, to: "header.X Y"}
            """,
            [
                "9:25: DB510 parameter `a`: Host is set by the gateway itself",
                (
                    "10:25: DB510 parameter `b`: a model cannot fill Authorization; "
                    "write `auth` under `backend`"
                ),
                "11:25: DB510 parameter `c`: `X Y` is no header name",
            ],
        ),
        (
            """
            request: GET /staff
            response: data/items
            """,
            ["8:5: DB511 `data/items` is no JSON pointer"],
        ),
        (
            """
            request: GET /staff
            response: /data
            reply: text
            """,
            ["8:5: DB511 a reply of text has no parts to point to"],
        ),
    ],
)
def test_a_problem_of_a_function_has_its_place(
    words: str, expected: list[str], problems: Any
) -> None:
    assert problems(function(words)) == expected


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("url: ftp://x", ["3:23: DB507 an API is at an http:// or https:// URL"]),
        ('url: "http://"', ["3:23: DB507 an API is at an http:// or https:// URL"]),
        ('url: "http://x:99999"', ["3:23: DB507 this is no URL"]),
        (
            'url: "http://a:b@x"',
            [
                (
                    "3:23: DB507 user and password do not stand in the URL; "
                    "write them under `auth: {basic: ...}`"
                )
            ],
        ),
        (
            'url: "http://x/?a=1"',
            ["3:23: DB507 the URL every path starts from has no query, fragment or blank"],
        ),
        (
            "url: http://169.254.169.254/latest",
            [
                "3:23: DB507 169.254.169.254 is a link-local or metadata address, which is never called"
            ],
        ),
        (
            "url: http://2852039166/",
            ["3:23: DB507 2852039166 is a short form of an address; write its four numbers"],
        ),
        (
            "url: http://x, health: up",
            ["3:38: DB507 `health` is a path that begins with a slash"],
        ),
        ("url: http://x, charset: rot13", ["3:38: DB513 no charset is called `rot13`"]),
        (
            'url: http://x, headers: {Host: y, X-A: "a\\nb", "a b": c}',
            [
                "3:48: DB510 Host is set by the gateway itself",
                "3:57: DB510 the value of X-A holds a line break, a control character or outer blanks",
                "3:70: DB510 `a b` is no header name",
            ],
        ),
        (
            'url: http://x, auth: {bearer: {token: "a b"}}',
            ["3:54: DB510 a token is visible ASCII without blanks"],
        ),
        (
            "url: http://x, tls: {ca: ./no.pem, key: ./no.key}",
            [
                "3:38: DB512 `tls` needs an https:// URL",
                "3:44: DB140 there is no file `./no.pem`",
                "3:58: DB140 there is no file `./no.key`",
                "3:58: DB140 a `key` belongs to a `certificate`",
            ],
        ),
    ],
)
def test_a_problem_of_the_backend_has_its_place(
    backend: str, expected: list[str], problems: Any
) -> None:
    text = f"""
    adapter: staff
    backend: {{kind: http, {backend}}}
    functions:
      f: {{description: Something., request: GET /x}}
    """
    assert problems(text) == expected


def test_two_ways_of_auth_are_one_too_many(problems: Any) -> None:
    found = problems(
        """
        adapter: staff
        backend:
          kind: http
          url: http://x
          auth: {bearer: {token: a}, basic: {username: b, password: c}}
        functions:
          f: {description: Something., request: GET /x}
        """
    )

    assert len(found) == 1
    assert "write exactly one of basic, bearer, api_key and oauth2" in found[0]


def test_every_code_that_the_kind_reports_is_explained() -> None:
    numbers = (
        *range(501, 518),
        *range(520, 528),
        *range(530, 534),
        *range(540, 545),
        *range(550, 556),
    )
    assert list(KIND.codes) == [f"DB{number}" for number in numbers]
    assert all(KIND.codes.values())


def test_every_file_of_a_document_is_named_be_it_there_or_not(
    tmp_path: Path, compile_text: Any
) -> None:
    body = {"content": {"application/json": {"schema": {"$ref": "part.json#/Part"}}}}
    other = {"content": {"application/json": {"schema": {"$ref": "away.json#/Part"}}}}
    paths = {"/a": {"post": {"requestBody": body}, "put": {"requestBody": other}}}
    document = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths}
    (tmp_path / "api.json").write_text(json.dumps(document))
    (tmp_path / "part.json").write_text('{"Part": {"type": "object"}}')

    compiled = compile_text(
        """
        adapter: a
        backend: {kind: http, url: "http://x", openapi: api.json}
        functions:
          a: {operation: POST /a, description: A., effect: write}
          b: {operation: PUT /a, description: B., effect: write}
        """,
        folder=tmp_path,
    )

    assert {path.name for path in compiled.files} == {"api.json", "part.json", "away.json"}
