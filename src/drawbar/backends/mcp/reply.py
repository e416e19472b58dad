"""A tool's result as a value: structured content before text, and what is neither is told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from drawbar.kernel.ports import BackendError, Call, Cut, Reply
from drawbar.kernel.values import JsonValue

_LONGEST = 2000
"""Characters of an error's message."""
_ADVICE = "Ask again with arguments that match less."


def reply_of(result: Any, call: Call, *, wraps: bool, changes: bool) -> Reply:
    """`result` is the SDK's CallToolResult. Raises BackendError for a tool that says that it failed."""
    value, notes = _value(result, wraps=wraps)
    if result.is_error:
        raise _failure(value)
    kept: JsonValue = value
    if isinstance(value, list):
        kept = _fitting(value, call)
        if len(kept) < len(value):
            cut = Cut(len(kept), len(value), "rows", _ADVICE)
            return Reply(kept, notes, (cut,))
    elif len(orjson.dumps(value)) > call.max_bytes:
        raise BackendError(
            "The answer is larger than what is read; nothing of it is shown.",
            code="reply_too_large",
            work="done" if changes else "unknown",
            hint=_ADVICE,
        )
    return Reply(kept, notes)


def _value(result: Any, *, wraps: bool) -> tuple[JsonValue, tuple[str, ...]]:
    blocks = [_block(each) for each in result.content]
    others = Counter(
        str(block["type"]) for block in blocks if isinstance(block, dict) and "type" in block
    )
    notes = tuple(
        f"{count} {kind} of the answer is not shown."
        if count == 1
        else f"{count} times {kind} is not shown."
        for kind, count in others.items()
    )
    structured: JsonValue = result.structured_content
    if structured is not None:
        if wraps and isinstance(structured, dict) and set(structured) == {"result"}:
            return structured["result"], notes
        return structured, notes
    if not blocks:
        return None, ()
    return (_read(blocks[0]) if len(blocks) == 1 else blocks), notes


def _block(block: Any) -> JsonValue:
    """A block's text, or of what is none its kind, its type and its size or address."""
    if block.type == "text":
        return str(block.text)
    if block.type == "resource":
        resource = block.resource
        if (text := getattr(resource, "text", None)) is not None:
            return str(text)
        return {
            "type": "resource",
            "uri": str(resource.uri),
            "mime_type": resource.mime_type,
            "bytes": len(resource.blob) * 3 // 4,
        }
    if block.type == "resource_link":
        return {"type": "resource_link", "uri": str(block.uri), "name": block.name}
    return {"type": block.type, "mime_type": block.mime_type, "bytes": len(block.data) * 3 // 4}


def _read(block: JsonValue) -> JsonValue:
    """Many servers write JSON into a text."""
    if isinstance(block, str) and block[:1] in ("{", "["):
        try:
            value: JsonValue = orjson.loads(block)
        except orjson.JSONDecodeError:
            return block
        return value
    return block


def _fitting(values: list[JsonValue], call: Call) -> list[JsonValue]:
    kept: list[JsonValue] = []
    size = 0
    for value in values[: call.max_rows]:
        size += len(orjson.dumps(value)) + 1
        if size > call.max_bytes:
            break
        kept.append(value)
    return kept


def _failure(value: JsonValue) -> BackendError:
    """The tool was called and says no; its words are the fact `text`."""
    said = (
        value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
    )
    said = said[:_LONGEST]
    return BackendError(
        said or "The tool says that it failed, and not why.",
        code="tool_failed",
        work="rolled_back",
        facts={"text": said},
    )
