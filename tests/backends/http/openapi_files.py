"""Documents as the oracle takes them: several files put into one, and version 2.0 written in version 3."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import orjson
import yaml

_FILES = "x-files"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_DELIMITED = {"ssv": "spaceDelimited", "pipes": "pipeDelimited"}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_OUTSIDE_A_SCHEMA = ("name", "in", "description", "required", "collectionFormat")


def in_one(path: Path) -> dict[str, Any]:
    """The document, with every file that it refers to below `x-files`, and references that lead there."""
    files: dict[str, Any] = {}
    document: dict[str, Any] = _read(path)
    waiting = [("", document)]
    while waiting:
        at, value = waiting.pop()
        for holder in _holders(value):
            name, _, pointer = holder["$ref"].partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(at), name)) if name else at
            if target in ("", path.name):
                holder["$ref"] = f"#{pointer}"
                continue
            if target not in files:
                files[target] = _read(path.parent / target)
                waiting.append((target, files[target]))
            key = target.replace("~", "~0").replace("/", "~1").replace("%", "%25")
            holder["$ref"] = f"#/{_FILES}/{key}{pointer}"
    return {**document, _FILES: files} if files else document


def _read(path: Path) -> Any:
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    data = re.sub(rb"(?m)^\t[\t ]*(#.*)?$", b"", data)  # which PyYAML refuses
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _texts(yaml.load(data, Loader=yaml.CBaseLoader), yaml.load(data, Loader=_Loader))


class _Loader(yaml.CSafeLoader):
    """As JSON would hold it: no dates."""

    def construct_text(self, node: yaml.ScalarNode) -> str:
        return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_text)


def _texts(written: Any, value: Any) -> Any:
    """The values, with the names of properties as they are written, which may be `200`, `no` or `on`."""
    if isinstance(value, dict) and isinstance(written, dict):
        names = {str(key): key for key in written}
        by_name = dict(zip(names, value.values(), strict=False)) if "<<" not in names else value
        return {str(key): _texts(written.get(key), inner) for key, inner in by_name.items()}
    if isinstance(value, list) and isinstance(written, list):
        return [_texts(text, inner) for text, inner in zip(written, value, strict=True)]
    if (
        isinstance(value, bool)
        and isinstance(written, str)
        and written.lower() not in ("true", "false")
    ):
        return written  # `no` and `on` are texts since YAML 1.2
    return value


def _holders(value: Any) -> list[dict[str, Any]]:
    found = []
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                found.append(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found


def as_version_3(document: dict[str, Any]) -> dict[str, Any]:
    """What of a document of version 2.0 says how a request has to look, as version 3 writes it."""
    for item in document.get("paths", {}).values():
        if isinstance(item, dict):
            _convert_item(document, item)
    return document


def _convert_item(document: dict[str, Any], item: dict[str, Any]) -> None:
    shared = _parameters(document, item.pop("parameters", []))
    for method in _METHODS:
        operation = item.get(method)
        if not isinstance(operation, dict):
            continue
        own = _parameters(document, operation.get("parameters", []))
        taken = {(each["in"], each["name"]) for each in own}
        every = own + [each for each in shared if (each["in"], each["name"]) not in taken]
        consumes = operation.get("consumes") or document.get("consumes") or []
        operation["parameters"] = [
            _parameter(each) for each in every if each["in"] not in ("body", "formData")
        ]
        body = [each for each in every if each["in"] == "body"]
        fields = [each for each in every if each["in"] == "formData"]
        if body:
            media = {"schema": body[0].get("schema", {})}
            operation["requestBody"] = {
                "required": bool(body[0].get("required")),
                "content": dict.fromkeys(consumes or ["application/json"], media),
            }
        elif fields:
            operation["requestBody"] = _form(fields, consumes)


def _parameters(document: dict[str, Any], listed: Any) -> list[dict[str, Any]]:
    found = [_followed(document, each) for each in listed or [] if isinstance(each, dict)]
    return [each for each in found if "in" in each and "name" in each]


def _followed(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while isinstance(node.get("$ref"), str):
        found: Any = document
        for step in node["$ref"].partition("#")[2].split("/")[1:]:
            found = found[step.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _form(fields: list[dict[str, Any]], consumes: list[str]) -> dict[str, Any]:
    files = any(each.get("type") == "file" for each in fields)
    kinds = [each for each in consumes if each in _FORMS]
    media = {
        "schema": {
            "type": "object",
            "properties": {each["name"]: _schema(each) for each in fields},
            "required": [each["name"] for each in fields if each.get("required")],
        },
        "encoding": {each["name"]: _style(each, "query") for each in fields},
    }
    content = dict.fromkeys(kinds or ([_FORMS[0]] if files else [_FORMS[1]]), media)
    return {"required": any(each.get("required") for each in fields), "content": content}


def _parameter(node: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": node["name"],
        "in": node["in"],
        "required": bool(node.get("required")),
        **_style(node, node["in"]),
        "schema": _schema(node),
    }


def _style(node: dict[str, Any], where: str) -> dict[str, Any]:
    """How a list is written (`collectionFormat`); only of forms and queries it may be said several times."""
    if node.get("type") != "array":
        return {}
    form = node.get("collectionFormat", "csv")
    if where not in ("query", "formData"):
        return {"explode": False}
    return {"style": _DELIMITED.get(form, "form"), "explode": form == "multi"}


def _schema(node: dict[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in node.items() if key not in _OUTSIDE_A_SCHEMA}
    if made.get("type") == "file":
        made["type"] = "string"
    return made
