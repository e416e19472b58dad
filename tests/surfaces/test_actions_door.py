"""The same functions for clients that call HTTP by themselves: as a document, and through it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from drawbar.backends import InstalledKinds
from drawbar.compiler.draft import DraftingKind, DraftWish
from drawbar.compiler.function import Function
from drawbar.compiler.toolset import compile_adapter
from drawbar.kernel.ports import BackendError, Call
from drawbar.kernel.values import Caller
from drawbar.kernel.workers import Workers
from drawbar.settings.model import ActionsSettings
from drawbar.spec.load import parse_adapter
from drawbar.surfaces.actions.document import actions_document

from .conftest import FUNCTIONS, Served, gateway


async def document(served: Served, path: str = "/actions/openapi.json") -> Any:
    async with served.http() as http:
        response = await http.get(path)
    assert response.status_code == 200
    return response.json()


async def test_every_function_that_can_be_called_is_an_operation(served: Served) -> None:
    found = await document(served)

    callable_ones = [name for name, function in FUNCTIONS.items() if function.callable]
    assert [*found["paths"]] == [f"/functions/{name}" for name in callable_ones]
    assert found["openapi"] == "3.1.0"
    assert found["servers"] == [{"url": served.url}]
    assert found["security"] == [{"key": []}]
    assert found["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}
    find = found["paths"]["/functions/shelf_find"]["post"]
    assert find["operationId"] == "shelf_find"
    assert find["x-openai-isConsequential"] is False
    assert found["paths"]["/functions/shelf_take"]["post"]["x-openai-isConsequential"] is True
    assert (
        find["requestBody"]["content"]["application/json"]["schema"]
        == FUNCTIONS["shelf_find"].schema
    )


async def test_a_toolset_has_a_document_of_its_own(served: Served) -> None:
    found = await document(served, "/actions/readers/openapi.json")

    assert [*found["paths"]] == ["/functions/shelf_find"]
    async with served.http() as http:
        response = await http.get("/actions/none/openapi.json")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_toolset")


async def test_the_document_needs_a_key_and_the_manifest_does_not(served: Served) -> None:
    async with served.http(key="") as http:
        refused = await http.get("/actions/openapi.json")
        manifest = await http.get("/.well-known/ai-plugin.json")

    assert refused.status_code == 401
    assert manifest.json() == {
        "schema_version": "v1",
        "name_for_human": "Drawbar",
        "name_for_model": "drawbar",
        "description_for_human": "Functions on the internal systems of this company.",
        "description_for_model": "Functions on the internal systems of this company.",
        "auth": {
            "type": "service_http",
            "authorization_type": "bearer",
            "verification_tokens": {},
        },
        "api": {"type": "openapi", "url": f"{served.url}/actions/openapi.json"},
        "logo_url": f"{served.url}/favicon.ico",
        "contact_email": "",
        "legal_info_url": served.url,
    }


async def test_settings_say_how_it_is_called_and_reached(tmp_path: Path) -> None:
    words = {"url": "https://tools.example/d/", "title": "Yard", "contact_email": "it@yard.example"}
    anonymous = {"subject": "local"}
    async with gateway(tmp_path, actions=words, anonymous=anonymous) as served:
        found = await document(served)
        async with served.http(key="") as http:
            manifest = (await http.get("/.well-known/ai-plugin.json")).json()

    assert found["servers"] == [{"url": "https://tools.example/d"}]
    assert found["security"] == [{"key": []}, {}]
    assert manifest["api"]["url"] == "https://tools.example/d/actions/openapi.json"
    assert (manifest["name_for_human"], manifest["contact_email"]) == ("Yard", "it@yard.example")
    assert manifest["auth"] == {"type": "none"}


async def test_another_gateway_calls_the_functions_by_the_document(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "actions.json").write_text(json.dumps(await document(served)))
    kind = InstalledKinds().find("http")
    assert isinstance(kind, DraftingKind)
    draft = kind.draft(str(tmp_path / "actions.json"), DraftWish("far"))
    for name, data in draft.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    environ = {"FAR_URL": served.url, "FAR_TOKEN": served.key}

    compiled = compile_adapter(
        parse_adapter(draft.text, "far.yaml", tmp_path, InstalledKinds(), environ), InstalledKinds()
    )

    assert [problem for problem in compiled.problems if problem.severity == "error"] == []
    assert draft.environ["FAR_URL"] == served.url
    assert [each.schema for each in compiled.functions] == [
        function.schema for function in FUNCTIONS.values() if function.callable
    ]
    assert compiled.adapter is not None
    backend = kind.open(compiled.adapter, compiled.plans, Workers("far", 1))
    try:
        plans = {each.name: compiled.plans[each.local_name] for each in compiled.functions}

        async def call(name: str, part: str) -> Any:
            invocation = Call(name, {"part_no": part}, Caller("x"), time.monotonic() + 5)
            return (await backend.invoke(plans[name].binding, invocation)).value

        found = await call("far_shelf_find", "4711")
        with pytest.raises(BackendError) as refused:
            await call("far_shelf_scrap", "4711")
    finally:
        await backend.close()

    assert found["value"] == {"part_no": "4711", "stock": 12}
    assert refused.value.facts["status"] == 403


def test_definitions_become_components_and_texts_are_as_long_as_actions_take_them() -> None:
    schema: Any = {
        "type": "object",
        "properties": {
            "tree": {"$ref": "#/$defs/node"},
            "long": {"type": "string", "description": "x" * 800},
        },
        "required": ["tree"],
        "additionalProperties": False,
        "$defs": {"node": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    }
    function = Function(
        name="a_plant",
        local_name="plant",
        adapter="a",
        kind="echo",
        description="y" * 400,
        effect="write",
        parameters=(),
        schema=schema,
        strict_schema=None,
        binding=None,
        limits=FUNCTIONS["shelf_find"].limits,
    )

    found: Any = actions_document([function], ActionsSettings(), "http://x", open_to_all=False)

    operation = found["paths"]["/functions/a_plant"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["tree"] == {"$ref": "#/components/schemas/a_plant.node"}
    assert found["components"]["schemas"]["a_plant.node"]["items"] == body["properties"]["tree"]
    assert (len(operation["summary"]), len(operation["description"])) == (300, 300)
    assert len(body["properties"]["long"]["description"]) == 700
    assert schema["properties"]["long"]["description"] == "x" * 800
    jsonschema_rs.Draft202012Validator({**body, "components": found["components"]})
