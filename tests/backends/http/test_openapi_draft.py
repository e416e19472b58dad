"""A draft of an adapter from an OpenAPI document: what is offered, how it is called, what is left to decide."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from drawbar.backends import InstalledKinds
from drawbar.backends.http import KIND
from drawbar.compiler.draft import Draft, DraftWish
from drawbar.compiler.toolset import CompiledAdapter, compile_adapter
from drawbar.kernel.errors import OperatorError
from drawbar.spec.load import parse_adapter

TEXT = {"type": "string"}


def operation(name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"summary": "Do it", **({"operationId": name} if name else {}), **more}


def document(paths: Any, **more: Any) -> dict[str, Any]:
    return {"openapi": "3.0.0", "info": {"title": "Pet Store API"}, "paths": paths, **more}


PETS = document(
    {
        "/pets": {
            "get": operation("listPets", tags=["Pets"]),
            "post": operation("addPet", tags=["Pets"]),
        },
        "/pets/{id}": {
            "delete": operation(None, tags=["Pets"], deprecated=True),
            "put": operation("listPets", tags=["Admin"]),
        },
    },
    servers=[{"url": "https://{where}.pets.test/v1", "variables": {"where": {"default": "eu"}}}],
)


def drafted(folder: Path, value: Any, name: str = "api.json", **wish: Any) -> Draft:
    path = folder / name
    path.write_text(json.dumps(value))
    return KIND.draft(str(path), DraftWish(**wish))


def compiled(draft: Draft, folder: Path) -> CompiledAdapter:
    """What the draft compiles to where it lies."""
    for name, data in draft.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    kinds = InstalledKinds()
    return compile_adapter(parse_adapter(draft.text, "a.yaml", folder, kinds, draft.environ), kinds)


def test_a_draft_compiles_and_says_what_is_left_to_decide(tmp_path: Path) -> None:
    draft = drafted(tmp_path, PETS)

    made = compiled(draft, tmp_path / "out")

    assert draft.name == "pet_store"
    assert [problem for problem in made.problems if problem.severity == "error"] == []
    assert [(f.name, f.effect) for f in made.functions] == [
        ("pet_store_list_pets", "read"),
        ("pet_store_add_pet", "write"),
        ("pet_store_list_pets_2", "write"),
    ]
    assert "operation: PUT /pets/{id}" in draft.text  # its operationId is not its own
    assert "The document says https://eu.pets.test/v1" in draft.text
    assert draft.environ["PET_STORE_URL"] == "https://eu.pets.test/v1"
    assert draft.notes == (
        "left out: 1 deprecated; `--option deprecated=yes` drafts them, too",
        "`listPets` is called `list_pets_2`, as its own name is taken or too long",
    )
    assert len(draft.undecided) == 3


def test_a_name_stays_when_others_come_or_was_given_before(tmp_path: Path) -> None:
    long = "a" + "VeryLongWord" * 8
    first = drafted(tmp_path, document({"/b": {"get": operation(long)}}))
    more = document({"/a": {"get": operation(long + "s")}, "/b": {"get": operation(long)}})

    second = drafted(tmp_path, more)
    kept = drafted(tmp_path, more, named={"GET /b": "b"})

    assert first.named["GET /b"] == second.named["GET /b"]
    assert len(f"pet_store_{first.named['GET /b']}") <= 64
    assert kept.named["GET /b"] == "b"


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ({"only": ("list*",)}, ["list_pets", "list_pets_2"]),
        ({"only": ("POST /pets",)}, ["add_pet"]),
        ({"options": {"tag": "Adm*"}}, ["list_pets"]),
        ({"options": {"path": "/pets/*", "deprecated": "yes"}}, ["list_pets", "delete_pets_id"]),
    ],
)
def test_a_draft_is_pruned_by_names_tags_and_paths(
    tmp_path: Path, wish: Any, names: list[str]
) -> None:
    assert list(drafted(tmp_path, PETS, **wish).named.values()) == names


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, 'api_key: {name: X-Key, value: "${S_KEY}"}'),
        (
            {"type": "apiKey", "in": "query", "name": "key"},
            'api_key: {name: key, value: "${S_KEY}", in: query}',
        ),
        (
            {"type": "http", "scheme": "Basic"},
            'basic: {username: "${S_USER}", password: "${S_PASSWORD}"}',
        ),
        ({"type": "http", "scheme": "bearer"}, 'bearer: {token: "${S_TOKEN}"}'),
    ],
)  # fmt: skip
def test_a_security_scheme_becomes_auth(tmp_path: Path, scheme: Any, words: str) -> None:
    api = document(
        {"/a": {"get": operation("a", parameters=[
            {"name": "X-Key", "in": "header", "required": True, "schema": TEXT},
        ])}},
        components={"securitySchemes": {"one": scheme}},
    )  # fmt: skip

    draft = drafted(tmp_path, api, name="api.json")
    draft = KIND.draft(str(tmp_path / "api.json"), DraftWish("s"))

    assert words in draft.text
    assert compiled(draft, tmp_path / "out").functions[0].callable
    assert ("header.X-Key" in draft.text) == (scheme.get("name") != "X-Key")


def test_what_cannot_be_offered_is_named_with_the_reason(tmp_path: Path) -> None:
    api = document(
        {
            "/a": {"get": operation("a", parameters=[{"$ref": "#/gone"}])},
            "/b": {"get": operation("b")},
        }
    )

    draft = drafted(tmp_path, api)

    assert list(draft.named.values()) == ["b"]
    assert draft.notes == ("left out: GET /a: `#/gone` leads nowhere",)
    assert draft.text.endswith("# Not offered:\n#   GET /a: `#/gone` leads nowhere\n")


@pytest.mark.parametrize(
    ("content", "wish", "message"),
    [
        ("no: yaml: [", {}, "cannot be read"),
        ("[]", {}, "is no OpenAPI document: it is no object"),
        ("{}", {}, "neither `openapi` nor `swagger` says its version"),
        (json.dumps(document({})), {}, "the document has no operation"),
        (
            json.dumps(PETS),
            {"only": ("x",)},
            "no operation is called so; there are listPets, addPet",
        ),
        (
            json.dumps(PETS),
            {"options": {"tag": "x"}},
            "no operation has such a tag; there are Pets",
        ),
        (json.dumps(PETS), {"options": {"tags": "x"}}, "did you mean `tag`"),
    ],
)
def test_a_source_that_gives_nothing_says_why(
    tmp_path: Path, content: str, wish: Any, message: str
) -> None:
    (tmp_path / "api.yaml").write_text(content)

    with pytest.raises(OperatorError, match=message):
        KIND.draft(str(tmp_path / "api.yaml"), DraftWish(**wish))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A real web server, and the folder that it serves."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_url_is_fetched_with_all_that_it_refers_to(
    site: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = site
    (folder / "parts").mkdir()
    (folder / "api.yaml").write_text(
        "openapi: 3.0.0\ninfo: {title: Split}\nservers: [{url: /v3}]\n"
        "paths: {/a: {$ref: 'parts/a.yaml#/item'}, /b: {$ref: gone.yaml}}\n"
    )
    (folder / "parts/a.yaml").write_text(
        "item: {get: {operationId: a, summary: A., parameters: [{$ref: '../shared.json#/size'}]}}"
    )
    (folder / "shared.json").write_text(
        json.dumps({"size": {"name": "size", "in": "query", "schema": {"type": "integer"}}})
    )

    draft = KIND.draft(f"{url}/api.yaml", DraftWish())
    made = compiled(draft, tmp_path / "out")

    assert sorted(draft.files) == [f"openapi/split/{n}.json" for n in ("a", "api", "shared")]
    assert made.functions[0].schema["properties"] == {"size": {"type": "integer"}}
    assert draft.environ["SPLIT_URL"] == f"{url}/v3"
    assert draft.notes[0].startswith(
        "the reference `gone.yaml` leads nowhere: it cannot be fetched"
    )


def test_a_plugin_manifest_leads_to_its_document(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    (folder / ".well-known").mkdir()
    (folder / ".well-known/ai-plugin.json").write_text(
        json.dumps(
            {
                "schema_version": "v1",
                "name_for_model": "pets",
                "description_for_model": "Use it for pets.",
                "api": {"type": "openapi", "url": f"{url}/openapi.json"},
            }
        )
    )
    (folder / "openapi.json").write_text(json.dumps(PETS))

    draft = KIND.draft(f"{url}/.well-known/ai-plugin.json", DraftWish())

    assert draft.name == "pets"
    assert "description: Use it for pets." in draft.text
    assert list(draft.named) == ["GET /pets", "POST /pets", "PUT /pets/{id}"]


def test_metadata_addresses_are_never_fetched() -> None:
    with pytest.raises(OperatorError, match="no link-local address"):
        KIND.draft("http://169.254.169.254/openapi.json", DraftWish())


def test_a_narrowing_leaves_what_another_alternative_requires(tmp_path: Path) -> None:
    words = {"type": "string", "description": "words " * 40}
    parts = {f"p{n}": words for n in range(60)}
    one = {"type": "object", "required": ["p0"], "properties": parts}
    other = {"type": "object", "required": ["p1"], "properties": parts}
    body = {"required": True, "content": {"application/json": {"schema": {"oneOf": [one, other]}}}}
    api = document({"/a": {"post": operation("a", requestBody=body)}})

    draft = drafted(tmp_path, api)
    made = compiled(draft, tmp_path / "out")

    assert "body.p35" in draft.text
    assert [problem for problem in made.problems if problem.severity == "error"] == []
    assert [problem.code for problem in made.problems if problem.code == "DB526"] == []
    schema: Any = made.functions[0].schema
    alternatives = schema["properties"]["body"]["oneOf"]
    assert all({"p0", "p1"} <= each["properties"].keys() for each in alternatives)


def test_alternatives_inside_alternatives_are_narrowed_without_multiplying(tmp_path: Path) -> None:
    """Each of six levels has ten alternatives: a million paths lead to the last."""
    words = {"type": "string", "description": "words " * 60}
    schemas: dict[str, Any] = {"L6": {"type": "object", "properties": {"note": words}}}
    for level in range(6):
        schemas[f"L{level}"] = {
            "oneOf": [
                {
                    "type": "object",
                    "required": ["next", "kind"],
                    "properties": {
                        "next": {"$ref": f"#/components/schemas/L{level + 1}"},
                        "kind": {"type": "string", "enum": [f"k{number}"]},
                        f"extra{level}": words,
                    },
                }
                for number in range(10)
            ]
        }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/L0"}}}}
    api = document({"/a": {"post": operation("a", requestBody={"required": True, **body})}})
    api["components"] = {"schemas": schemas}

    draft = drafted(tmp_path, api)
    made = compiled(draft, tmp_path / "out")

    assert "hide: [" in draft.text
    assert "body.next.next.extra2" in draft.text
    assert [problem for problem in made.problems if problem.severity == "error"] == []
    schema = json.dumps(made.functions[0].schema)
    assert len(schema) < 60_000
    assert "extra5" in schema  # deeper than a narrowing looks
    assert "extra2" not in schema
