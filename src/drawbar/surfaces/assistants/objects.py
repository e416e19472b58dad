"""Request bodies turned into what the store and the run engine take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from drawbar.kernel.errors import ClientError
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.runs.objects import text_part
from drawbar.runs.order import NewMessage, RunOrder
from drawbar.store.files import Files
from drawbar.surfaces.assistants.requests import (
    CreateMessage,
    CreateRun,
    ImageUrlPart,
    RunOptions,
    TextPart,
)


def as_json(part: BaseModel | str | None) -> JsonValue:
    """What the client sent, without what it left out."""
    if isinstance(part, BaseModel):
        data: JsonObject = part.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return data
    return part


def tools_of(order: RunOptions) -> list[JsonObject] | None:
    if order.tools is None:
        return None
    return [tool.model_dump(mode="json", by_alias=True, exclude_unset=True) for tool in order.tools]


def new_message(message: CreateMessage) -> NewMessage:
    content = message.content
    parts = [text_part(content)] if isinstance(content, str) else [_part(part) for part in content]
    attachments: list[JsonObject] = [
        {"file_id": attachment.file_id, "tools": []} for attachment in message.attachments or ()
    ]
    return NewMessage(message.role, parts, attachments, message.metadata or {})


async def find_attachments(files: Files, caller: Caller, messages: Iterable[NewMessage]) -> None:
    """Add to each attachment what the model is told of its file. Raises ClientError for one that is not the caller's."""
    for message in messages:
        for attachment in message.attachments:
            file_id = str(attachment["file_id"])
            file = await files.get(file_id, owner=caller.subject)
            if file is None:
                text = f"No such File object: {file_id}"
                raise ClientError(text, code="invalid_value", param="attachments")
            attachment["file"] = f"{file.filename} ({file.media_type}, {file.bytes} bytes)"


def _part(part: TextPart | ImageUrlPart) -> JsonObject:
    if isinstance(part, TextPart):
        return text_part(part.text)
    image: JsonObject = {"url": part.image_url.url}
    if part.image_url.detail is not None:
        image["detail"] = part.image_url.detail
    return {"type": "image_url", "image_url": image}


def run_order(order: RunOptions) -> RunOrder:
    """The overrides; `None` leaves the assistant's value."""
    extra: dict[str, Any] = {}  # the two words that only runs on an existing thread have
    if isinstance(order, CreateRun):
        extra = {
            "additional_instructions": order.additional_instructions,
            "additional_messages": tuple(map(new_message, order.additional_messages or ())),
        }
    truncation: JsonObject | None = None
    if order.truncation_strategy is not None:
        truncation = order.truncation_strategy.model_dump(mode="json")
    return RunOrder(
        assistant_id=order.assistant_id,
        model=order.model,
        instructions=order.instructions,
        tools=tools_of(order),
        metadata=order.metadata or {},
        temperature=order.temperature,
        top_p=order.top_p,
        max_prompt_tokens=order.max_prompt_tokens,
        max_completion_tokens=order.max_completion_tokens,
        truncation_strategy=truncation,
        tool_choice=as_json(order.tool_choice),
        parallel_tool_calls=order.parallel_tool_calls,
        response_format=as_json(order.response_format),
        reasoning_effort=order.reasoning_effort,
        **extra,
    )
