"""A tool's result as a value: structured content before text, bytes as files, and what is neither is told."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from drawbar.kernel.files import Attachments
from drawbar.kernel.ports import BackendError, Call, Cut, Reply
from drawbar.kernel.values import JsonValue

_LONGEST = 2000
"""Characters of an error's message."""
_ADVICE = "Ask again with arguments that match less."


def reply_of(result: Any, call: Call, *, wraps: bool, changes: bool) -> Reply:
    """`result` is the SDK's CallToolResult. Raises BackendError for a tool that says that it failed."""
    blocks = _Blocks(result.content, call.files)
    value = blocks.value(result.structured_content, wraps=wraps)
    if result.is_error:
        raise _failure(value)
    kept: JsonValue = value
    if isinstance(value, list):
        kept = _fitting(value, call)
        if len(kept) < len(value):
            cut = Cut(len(kept), len(value), "rows", _ADVICE)
            return Reply(kept, blocks.notes, (cut,))
    elif blocks.size + len(orjson.dumps(value)) > call.max_bytes:
        raise BackendError(
            "The answer is larger than what is read; nothing of it is shown.",
            code="reply_too_large",
            work="done" if changes else "unknown",
            hint=_ADVICE,
        )
    return Reply(kept, blocks.notes)


class _Blocks:
    """The content of a result: texts, references to files, and what is only told."""

    def __init__(self, content: Sequence[Any], files: Attachments) -> None:
        self._files = files
        self._references: list[JsonValue] = []
        self._links: list[str] = []
        self.size = 0
        """Bytes of the files."""
        self._shown = [self._block(each) for each in content]

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(f"The answer names {link}, which was not read." for link in self._links)

    def value(self, structured: JsonValue, *, wraps: bool) -> JsonValue:
        """Structured content before text; its files stand beside it."""
        if structured is None:
            return _read(self._shown[0]) if len(self._shown) == 1 else self._shown or None
        if wraps and isinstance(structured, dict) and set(structured) == {"result"}:
            structured = structured["result"]
        if not self._references:
            return structured
        if isinstance(structured, dict) and "files" not in structured:
            return {**structured, "files": self._references}
        return {"result": structured, "files": self._references}

    def _block(self, block: Any) -> JsonValue:
        if block.type == "text":
            return str(block.text)
        if block.type == "resource_link":
            self._links.append(str(block.uri))
            return {"type": "resource_link", "uri": str(block.uri), "name": block.name}
        if block.type != "resource":
            return self._file(block.data, block.mime_type, None)
        resource = block.resource
        if (text := getattr(resource, "text", None)) is not None:
            return str(text)
        return self._file(resource.blob, resource.mime_type, str(resource.uri))

    def _file(self, text: str, media_type: str | None, uri: str | None) -> JsonValue:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise BackendError("The server's bytes are no base64.", code="bad_value") from None
        self.size += len(data)
        name = None if uri is None else unquote(urlsplit(uri).path)
        reference: JsonValue = self._files.add(data, media_type=media_type, filename=name)
        self._references.append(reference)
        return reference


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
