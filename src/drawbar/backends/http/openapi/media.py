"""Which of the media types that a document offers for a body is sent, and how."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from drawbar.backends.http.openapi.flat import types_of
from drawbar.backends.http.openapi.operations import Body
from drawbar.backends.http.openapi.schemas import REFERENCE, Schemas
from drawbar.backends.http.openapi.variants import branches_of
from drawbar.backends.http.openapi.xml import XmlShapes
from drawbar.backends.http.request.bodies import CONTENT, FILE, BodyForm, Media
from drawbar.kernel.values import JsonObject, JsonValue

_ORDER: Sequence[BodyForm] = ("json", "form", "multipart", "xml", "text", "bytes")
"""The first that is offered is sent."""

_NAMES: Sequence[tuple[BodyForm, str]] = (
    ("form", "^application/x-www-form-urlencoded$"),
    ("multipart", "^multipart/"),
    ("json", "json(?!-seq)|yaml$"),  # JSON is YAML, too
    ("xml", r"^(application|text)/xml$|\+xml$"),
    ("text", "^text/"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """A body as it is offered to a model and as it is written."""

    schema: JsonObject
    media: Media
    required: bool


def content_of(bodies: Sequence[Body], wanted: str | None, schemas: Schemas) -> Content | None:
    """None where the document offers nothing of the wanted form. Raises BrokenReference."""
    forms = [(_form(body, schemas), body) for body in bodies]
    fitting = [(form, body) for form, body in forms if wanted in (None, form)]
    if not fitting:
        return None
    form, body = min(fitting, key=lambda each: _rank(each[0], each[1], schemas))
    schema = schemas.write(body.schema)
    if form == "bytes":
        schema = {**CONTENT, "description": body.description} if body.description else CONTENT
    files = _files(body, schemas) if form == "multipart" else {}
    if files:
        schema = _with_files(resolved(schema, schemas), files)
    media = Media(
        form,
        _content_type(form, body.media),
        styles=body.styles,
        files=frozenset(files),
        types=body.media_of_parts,
        shape=XmlShapes(schemas).root(body.schema) if form == "xml" else None,
    )
    return Content(schema, media, body.required)


def resolved(schema: JsonObject, schemas: Schemas) -> JsonObject:
    """The schema itself instead of a reference to it, with the description that stands beside that."""
    while isinstance(reference := schema.get("$ref"), str):
        inner = schemas.definition(reference.removeprefix(REFERENCE))
        own = schema.get("description")
        schema = inner if own is None else {**inner, "description": own}
    return schema


def _rank(form: BodyForm, body: Body, schemas: Schemas) -> int:
    if form == "multipart" and _files(body, schemas):
        return 1  # a plain form could not carry them
    return _ORDER.index(form) * 2 + 2 if form != "json" else 0


def _form(body: Body, schemas: Schemas) -> BodyForm:
    name = body.media.partition(";")[0].strip().lower()
    known = next((form for form, names in _NAMES if re.search(names, name)), None)
    if known is not None:
        return known
    flat = schemas.flat(body.schema)
    kinds = types_of(flat)
    shaped = "properties" in flat or bool(branches_of(flat)) or bool({"object", "array"} & {*kinds})
    return (
        "json"
        if shaped or (name in ("*/*", "application/*") and "string" not in kinds)
        else "bytes"
    )


def _content_type(form: BodyForm, media: str) -> str:
    usual = {"json": "application/json", "xml": "application/xml", "text": "text/plain"}
    if "/" not in media or "*" in media or not media.isascii():
        return usual.get(form, "application/octet-stream")
    return media


def _files(body: Body, schemas: Schemas) -> dict[str, bool]:
    """Fields that are files, and whether each is a list of them."""
    properties = schemas.flat(body.schema).get("properties")
    found = {}
    for name, node in properties.items() if isinstance(properties, dict) else ():
        flat = schemas.flat(node)
        if _is_file(flat):
            found[name] = False
        elif "array" in types_of(flat) and _is_file(schemas.flat(flat.get("items"))):
            found[name] = True
    return found


def _is_file(flat: JsonObject) -> bool:
    if "string" not in types_of(flat) and "format" not in flat:
        return False
    return flat.get("format") == "binary" or (
        "contentMediaType" in flat and "contentEncoding" not in flat
    )


def _with_files(schema: JsonObject, files: dict[str, bool]) -> JsonObject:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    changed: dict[str, JsonValue] = {}
    for name, part in properties.items():
        if name not in files:
            changed[name] = part
            continue
        text = part.get("description") if isinstance(part, dict) else None
        one: JsonObject = {**FILE, "description": text} if isinstance(text, str) else FILE
        changed[name] = {"type": "array", "items": one} if files[name] else one
    return {**schema, "properties": changed}
