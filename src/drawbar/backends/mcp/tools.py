"""The file of a server's tools: what it promised when the adapter was drafted, and what it promises now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from drawbar.kernel.values import JsonObject, JsonValue, canonical_json

_KEPT = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_WRAPPED = "x-fastmcp-wrap-result"


class ToolsError(Exception):
    """Why a file of tools cannot be used, in words for its author."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool, as its server describes it."""

    name: str
    description: str | None
    inputs: JsonObject
    output: JsonObject | None
    annotations: Mapping[str, JsonValue]

    @property
    def promise(self) -> str:
        """A digest of its input schema."""
        return hashlib.sha256(canonical_json(self.inputs)).hexdigest()

    @property
    def words(self) -> str:
        """A digest of what a model reads of it, which may be turned against the model later."""
        told: JsonObject = {"description": self.description, "annotations": dict(self.annotations)}
        return hashlib.sha256(canonical_json(told)).hexdigest()

    @property
    def wraps(self) -> bool:
        """Whether its result is an object only because structured results have to be one."""
        if self.output is None:
            return False
        properties = self.output.get("properties")
        alone = isinstance(properties, dict) and set(properties) == {"result"}
        return self.output.get(_WRAPPED) is True or alone


def read_tools(path: Path) -> Mapping[str, Tool]:
    """By name. Raises ToolsError."""
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise ToolsError(f"there is no file {path.name}") from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise ToolsError(f"{path.name} cannot be read: {error}") from None
    listed = data.get("tools") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ToolsError(f"{path.name} has no list `tools`, as the answer to tools/list has")
    return {tool.name: tool for tool in map(_tool, listed)}


def tools_of(listed: Iterable[Any]) -> dict[str, JsonObject]:
    """By name, from the SDK's objects, what is kept of each."""
    dumped = (each.model_dump(by_alias=True, mode="json", exclude_none=True) for each in listed)
    return {each["name"]: {key: each[key] for key in _KEPT if key in each} for each in dumped}


def as_tool(kept: JsonObject) -> Tool:
    return _tool(kept)


def written(kept: Mapping[str, JsonObject]) -> bytes:
    """The file, with tools in the order of their names."""
    tools: list[JsonValue] = [kept[name] for name in sorted(kept)]
    return orjson.dumps({"tools": tools}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _tool(data: Mapping[str, JsonValue]) -> Tool:
    inputs, output = data.get("inputSchema"), data.get("outputSchema")
    annotations, description = data.get("annotations"), data.get("description")
    return Tool(
        str(data.get("name")),
        description if isinstance(description, str) else None,
        inputs if isinstance(inputs, dict) else {},
        output if isinstance(output, dict) else None,
        annotations if isinstance(annotations, dict) else {},
    )
