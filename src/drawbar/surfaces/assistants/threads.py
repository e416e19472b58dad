"""/v1/threads and the messages on them. There is no list of threads: who made one keeps its id."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drawbar.runs.objects import message_object, thread_object
from drawbar.runs.refusals import not_found
from drawbar.store.messages import new_message as stored_message
from drawbar.surfaces.assistants.objects import find_attachments, new_message
from drawbar.surfaces.assistants.requests import (
    CreateMessage,
    CreateThread,
    ModifyMetadata,
    ModifyThread,
)
from drawbar.surfaces.dependencies import (
    Have,
    Who,
    answer,
    body_of,
    deleted,
    documented,
    list_answer,
    page_of,
)
from drawbar.surfaces.errors import check_id
from drawbar.surfaces.services import Services

router = APIRouter(prefix="/v1/threads", tags=["threads"])


@router.post("", openapi_extra=documented(CreateThread))
async def create_thread(
    have: Have, who: Who, order: Annotated[CreateThread, Depends(body_of(CreateThread))]
) -> Response:
    messages = [new_message(message) for message in order.messages or ()]
    await find_attachments(have.store.files, who, messages)
    thread = await have.store.threads.create(
        metadata=order.metadata,
        tool_resources=order.tool_resources,
        messages=tuple(
            stored_message(
                message.role,
                message.content,
                author=who.subject,
                attachments=message.attachments,
                metadata=message.metadata,
            )
            for message in messages
        ),
    )
    return answer(thread_object(thread))


@router.get("/{thread_id}")
async def get_thread(have: Have, thread_id: str) -> Response:
    found = await have.store.threads.get(check_id(thread_id, "thread", "thread_id"))
    if found is None:
        raise not_found("thread", thread_id)
    return answer(thread_object(found))


@router.post("/{thread_id}", openapi_extra=documented(ModifyThread))
async def modify_thread(
    have: Have, thread_id: str, order: Annotated[ModifyThread, Depends(body_of(ModifyThread))]
) -> Response:
    changes = order.model_dump(mode="json", exclude_unset=True)
    if changes.get("metadata", {}) is None:
        changes["metadata"] = {}
    changed = await have.store.threads.update(check_id(thread_id, "thread", "thread_id"), **changes)
    if changed is None:
        raise not_found("thread", thread_id)
    return answer(thread_object(changed))


@router.delete("/{thread_id}")
async def delete_thread(have: Have, thread_id: str) -> Response:
    if not await have.store.threads.delete(check_id(thread_id, "thread", "thread_id")):
        raise not_found("thread", thread_id)
    return deleted(thread_id, "thread")


@router.post("/{thread_id}/messages", openapi_extra=documented(CreateMessage))
async def create_message(
    have: Have,
    who: Who,
    thread_id: str,
    order: Annotated[CreateMessage, Depends(body_of(CreateMessage))],
) -> Response:
    check_id(thread_id, "thread", "thread_id")
    message = new_message(order)
    await find_attachments(have.store.files, who, [message])
    return answer(message_object(await have.runs.add_message(thread_id, message, who)))


@router.get("/{thread_id}/messages")
async def list_messages(have: Have, thread_id: str, request: Request) -> Response:
    page, query = page_of(request, "msg", "run_id")
    if query.run_id is not None:
        check_id(query.run_id, "run", "run_id")
    await check_thread(have, thread_id)
    listing = await have.store.messages.list(thread_id, page, run_id=query.run_id)
    return list_answer([message_object(item) for item in listing.data], listing)


@router.get("/{thread_id}/messages/{message_id}")
async def get_message(have: Have, thread_id: str, message_id: str) -> Response:
    _check_ids(thread_id, message_id)
    found = await have.store.messages.get(thread_id, message_id)
    if found is None:
        raise not_found("message", message_id)
    return answer(message_object(found))


@router.post("/{thread_id}/messages/{message_id}", openapi_extra=documented(ModifyMetadata))
async def modify_message(
    have: Have,
    thread_id: str,
    message_id: str,
    order: Annotated[ModifyMetadata, Depends(body_of(ModifyMetadata))],
) -> Response:
    _check_ids(thread_id, message_id)
    messages = have.store.messages
    if "metadata" in order.model_fields_set:
        found = await messages.update(thread_id, message_id, metadata=order.metadata or {})
    else:
        found = await messages.get(thread_id, message_id)
    if found is None:
        raise not_found("message", message_id)
    return answer(message_object(found))


@router.delete("/{thread_id}/messages/{message_id}")
async def delete_message(have: Have, thread_id: str, message_id: str) -> Response:
    _check_ids(thread_id, message_id)
    if not await have.store.messages.delete(thread_id, message_id):
        raise not_found("message", message_id)
    return deleted(message_id, "thread.message")


async def check_thread(have: Services, thread_id: str) -> None:
    """Lists of a thread that is not there answer 404, not an empty page."""
    if await have.store.threads.get(check_id(thread_id, "thread", "thread_id")) is None:
        raise not_found("thread", thread_id)


def _check_ids(thread_id: str, message_id: str) -> None:
    check_id(thread_id, "thread", "thread_id")
    check_id(message_id, "msg", "message_id")
