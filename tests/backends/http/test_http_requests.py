"""What leaves for the backend: each argument in its place, and nothing that breaks out of it."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any  # types of fixtures live in conftest, which tests cannot import
from urllib.parse import unquote

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbar.backends.http.request.request import Binding, Identity, Slot, render
from drawbar.kernel.ports import BackendError, Call, Progress
from drawbar.kernel.values import Caller

STAFF = """
    adapter: staff
    backend: {{kind: http, url: "{url}/api/"}}
    functions:
      get:
        description: One person.
        request: GET /staff/{{staff_no}}/leave?view=full
        parameters:
          staff_no: {{type: string}}
          years: {{type: array, items: {{type: integer}}, optional: true, to: query.year}}
          open: {{type: boolean, optional: true}}
          note: {{type: string, optional: true, to: header.X-Note}}
      add:
        description: A new one.
        effect: write
        request: POST /staff
        parameters:
          name: {{type: string, to: body.person.name}}
          born: {{type: string, to: body.person.born, optional: true}}
          grade: {{type: number}}
          source: {{const: drawbar, to: query.source}}
      replace:
        description: All of it.
        effect: write
        request: PUT /staff/{{staff_no}}
        parameters:
          staff_no: {{type: integer}}
          person: {{type: object, to: body, properties: {{name: {{type: string}}}}}}
      sign_in:
        description: By form.
        effect: write
        request: POST /form
        body: form
        parameters:
          who: {{type: string}}
          roles: {{type: array, items: {{type: string}}}}
      remove:
        description: Gone.
        effect: destroy
        request: DELETE /staff/{{staff_no}}
        parameters: {{staff_no: {{type: string}}, reason: {{type: string}}}}
      is_there:
        description: Whether a file is there.
        request: HEAD /files/report-{{name}}.pdf
        parameters: {{name: {{type: string}}}}
"""


async def test_each_argument_goes_to_its_place(api: Any, open_http: Any) -> None:
    staff = open_http(STAFF.format(url=api.url))

    await staff.invoke(
        "get", {"staff_no": "A 7", "years": [2025, 2026], "open": True, "note": "for Anna"}
    )
    await staff.invoke("add", {"name": "Jörg", "grade": 1.5, "source": "drawbar"})
    await staff.invoke("replace", {"staff_no": 7, "person": {"name": "Ann"}})
    await staff.invoke("sign_in", {"who": "a&b=c", "roles": ["x y", "z"]})
    await staff.invoke("remove", {"staff_no": "7", "reason": "left"})

    assert api.targets == [
        "GET /api/staff/A%207/leave?view=full&year=2025&year=2026&open=true",
        "POST /api/staff?source=drawbar",
        "PUT /api/staff/7",
        "POST /api/form",
        "DELETE /api/staff/7?reason=left",
    ]
    assert api.requests[0][2]["x-note"] == "for Anna"
    assert json.loads(api.requests[1][3]) == {"person": {"name": "Jörg"}, "grade": 1.5}
    assert json.loads(api.requests[2][3]) == {"name": "Ann"}
    assert api.requests[3][3] == b"who=a%26b%3Dc&roles=x%20y&roles=z"
    assert api.requests[3][2]["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "attack",
    ["..", ".", "", "a/b", "../admin", "..\\admin", "a\r\nX-Evil: 1", "a\x00b", "%2e%2e/x"],
)
async def test_a_path_argument_cannot_leave_its_segment(
    attack: str, api: Any, open_http: Any
) -> None:
    staff = open_http(STAFF.format(url=api.url))

    error = await staff.fail("get", {"staff_no": attack})

    assert (error.code, error.work) == ("invalid_arguments", "not_started")
    assert error.message.startswith("staff_no was not sent: ")
    assert api.requests == []


@pytest.mark.parametrize(
    "text", ["%2e%2e", "a?x=1", "a#b", "a;b", "a&b", "ä", "%252e", "..a", "a b"]
)
async def test_what_looks_special_arrives_as_the_one_segment_it_is(
    text: str, api: Any, open_http: Any
) -> None:

    staff = open_http(STAFF.format(url=api.url))

    await staff.invoke("get", {"staff_no": text})

    target = api.requests[0][1].partition("?")[0]
    assert target.count("/") == 4
    assert unquote(target.split("/")[3]) == text


@given(st.text(max_size=20))
def test_no_text_changes_the_shape_of_the_path(text: str) -> None:
    binding = Binding("f", "GET", (("a",), (Slot("x", "x"),), ("b",)), query=(Slot("x", "q"),))

    try:
        request = render(binding, {"x": text}, "/base", Identity())
    except BackendError:
        return  # refused, which other tests look at

    path, _, query = request.target.partition("?")
    assert path.split("/")[:3] == ["", "base", "a"]
    assert path.split("/")[4:] == ["b"]
    assert path.split("/")[3] not in ("", ".", "..")
    assert query.startswith("q=")
    assert not set(request.target) & set(" #\r\n&;\\")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "ümlaut", " outer", ""])
async def test_a_header_argument_cannot_add_a_header(value: str, api: Any, open_http: Any) -> None:
    staff = open_http(STAFF.format(url=api.url))

    error = await staff.fail("get", {"staff_no": "7", "note": value})

    assert (error.code, error.work) == ("invalid_arguments", "not_started")
    assert api.requests == []


async def test_what_a_place_refuses_stands_in_the_published_schema(
    compile_text: Any,
) -> None:

    functions = {
        each.local_name: each for each in compile_text(STAFF.format(url="http://x")).functions
    }
    schema = functions["get"].schema

    def takes(arguments: dict[str, Any]) -> bool:
        return jsonschema_rs.is_valid(schema, arguments)

    assert takes({"staff_no": "a b"})
    assert takes({"staff_no": "7", "note": "x y"})
    for attack in ("..", ".", "", "a/b", "a\\b", "a\n"):
        assert not takes({"staff_no": attack})
    for attack in ("a\nb", "", " a", "ü"):
        assert not takes({"staff_no": "7", "note": attack})
    assert list(functions["add"].schema["properties"]) == ["name", "born", "grade"]


@pytest.mark.parametrize(
    ("auth", "sent", "shown"),
    [
        (
            '{bearer: {token: "${KEY}"}}',
            {"authorization": "Bearer t0psecret"},
            "Authorization: ***",
        ),
        (
            '{basic: {username: gate, password: "${KEY}"}}',
            {"authorization": "Basic " + base64.b64encode(b"gate:t0psecret").decode()},
            "Authorization: ***",
        ),
        ('{api_key: {name: X-Key, value: "${KEY}"}}', {"x-key": "t0psecret"}, "X-Key: ***"),
        ('{api_key: {name: key, value: "${KEY}", in: query}}', {}, "GET /me?key=*** HTTP/1.1"),
    ],
)
async def test_credentials_go_out_and_never_show(
    auth: str, sent: dict[str, str], shown: str, api: Any, open_http: Any
) -> None:
    me = open_http(
        f"""
        adapter: me
        backend:
          kind: http
          url: "{api.url}"
          auth: {auth}
          headers: {{X-Tenant: "${{TENANT}}"}}
        functions:
          get: {{description: Me., request: GET /me}}
        """,
        {"KEY": "t0psecret", "TENANT": "acme-1"},
    )
    api.says({"message": "t0psecret is no key of acme-1"}, status=403)

    dry = (await me.invoke("get", mode="dry_run")).value["request"]
    error = await me.fail("get")

    assert shown in dry
    assert "X-Tenant: ***" in dry
    assert "t0psecret" not in dry
    assert "acme-1" not in dry
    (request,) = api.requests
    assert sent.items() <= request[2].items()
    assert request[2]["x-tenant"] == "acme-1"
    assert request[1] == ("/me?key=t0psecret" if "query" in auth else "/me")
    assert error.code == "backend_denied"
    assert error.message == "*** is no key of ***"


async def test_a_dry_run_shows_the_request_and_sends_nothing(api: Any, open_http: Any) -> None:
    staff = open_http(STAFF.format(url=api.url))
    progress = Progress()

    reply = await staff.invoke(
        "add", {"name": "Ann", "grade": 2, "source": "drawbar"}, mode="dry_run", progress=progress
    )

    assert reply.value == {
        "request": "POST /api/staff?source=drawbar HTTP/1.1\n"
        f"Host: 127.0.0.1:{api.port}\n"
        "Accept: application/json, */*;q=0.5\n"
        "User-Agent: drawbar\n"
        "Content-Type: application/json\n"
        "Content-Length: 35\n\n"
        '{"person":{"name":"Ann"},"grade":2}'
    }
    assert api.requests == []
    assert not progress.sent


async def test_a_change_carries_its_idempotency_key_and_is_marked_as_sent(
    api: Any, open_http: Any
) -> None:

    staff = open_http(STAFF.format(url=api.url))
    sent = {}
    for name, arguments in (
        ("remove", {"staff_no": "7", "reason": "x"}),
        ("get", {"staff_no": "7"}),
    ):
        call = Call(
            name, arguments, Caller("anna"), time.monotonic() + 5, idempotency_key="run-1/call-2"
        )
        await staff.backend.invoke(staff.adapter.plans[name].binding, call)
        sent[name] = call.progress.sent

    assert sent == {"remove": True, "get": False}
    assert api.requests[0][2]["idempotency-key"] == "run-1/call-2"
    assert "idempotency-key" not in api.requests[1][2]


async def test_cookies_of_one_call_do_not_reach_the_next(api: Any, open_http: Any) -> None:
    staff = open_http(STAFF.format(url=api.url))
    api.says({}, Set_Cookie="session=anna; Path=/")

    await staff.invoke("get", {"staff_no": "7"})
    await staff.invoke("get", {"staff_no": "8"})

    assert "cookie" not in api.requests[1][2]


async def test_a_large_body_is_sent_whole(api: Any, open_http: Any) -> None:
    staff = open_http(STAFF.format(url=api.url))

    await staff.invoke("replace", {"staff_no": 7, "person": {"name": "x" * 1_500_000}})

    assert len(api.requests[0][3]) == 1_500_011


async def test_head_tells_what_the_headers_say(api: Any, open_http: Any) -> None:
    staff = open_http(STAFF.format(url=api.url))
    api.sends(b"12345", "application/pdf")

    reply = await staff.invoke("is_there", {"name": "q1"})

    assert api.targets == ["HEAD /api/files/report-q1.pdf"]
    assert reply.value == {
        "status": 200,
        "content_type": "application/pdf",
        "content_length": "5",
    }


async def test_a_proxy_of_the_gateways_environment_is_not_used(
    api: Any, open_http: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    await open_http(STAFF.format(url=api.url)).invoke("get", {"staff_no": "7"})

    assert len(api.requests) == 1


SLASHES = """
adapter: files
backend: {{kind: http, url: "{url}"}}
functions:
  get:
    description: A file.
    request: GET /files/{{path}}/raw
    slashes: [path]
    parameters: {{path: {{type: string}}, plain: {{type: string, optional: true}}}}
"""


async def test_a_slash_in_the_path_is_encoded_where_the_author_says_so(
    api: Any, open_http: Any
) -> None:
    files = open_http(SLASHES.format(url=api.url))

    await files.invoke("get", {"path": "docs/a b.md"})

    assert api.targets == ["GET /files/docs%2Fa%20b.md/raw"]


@pytest.mark.parametrize("value", ["../x", "a/../b", "a//b", "/a", "a/", "a/.", "a\\b", "."])
async def test_a_value_with_slashes_leads_to_no_other_path(
    api: Any, open_http: Any, value: str
) -> None:
    files = open_http(SLASHES.format(url=api.url))
    schema = files.adapter.plans["get"].parameters[0].schema

    error = await files.fail("get", {"path": value})

    assert (error.code, api.requests) == ("invalid_arguments", [])
    assert re.search(schema["pattern"], value) is None
    assert re.search(schema["pattern"], "docs/.a/b.md") is not None


def test_slashes_are_for_the_path(problems: Any) -> None:
    found = problems(
        """
        adapter: a
        backend: {kind: http, url: "http://x"}
        functions:
          f: {request: GET /x, description: A., slashes: [y], parameters: {y: {type: string}}}
        """
    )
    assert [each.partition(": ")[2] for each in found] == [
        "DB517 no parameter `y` goes into the path"
    ]
