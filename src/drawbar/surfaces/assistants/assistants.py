"""/v1/assistants"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drawbar.runs.objects import assistant_object
from drawbar.runs.offer import resolve_offer
from drawbar.runs.refusals import not_found
from drawbar.surfaces.assistants.requests import CreateAssistant, ModifyAssistant
from drawbar.surfaces.dependencies import (
    Have,
    answer,
    body_of,
    deleted,
    documented,
    list_answer,
    page_of,
)
from drawbar.surfaces.errors import check_id
from drawbar.surfaces.services import Services

router = APIRouter(prefix="/v1/assistants", tags=["assistants"])

_NEVER_NULL: dict[str, Callable[[], Any]] = {
    "metadata": dict,
    "tools": list,
    "response_format": lambda: "auto",
}  # Any: the fields differ in type
"""What null means in the fields that are never null in an answer."""


@router.post("", openapi_extra=documented(CreateAssistant))
async def create_assistant(
    have: Have, order: Annotated[CreateAssistant, Depends(body_of(CreateAssistant))]
) -> Response:
    values = _values(order)
    _check_offer(have, values.get("tools", []), values.get("metadata", {}))
    return answer(assistant_object(await have.store.assistants.create(**values)))


@router.get("")
async def list_assistants(have: Have, request: Request) -> Response:
    page, _ = page_of(request, "asst")
    listing = await have.store.assistants.list(page)
    return list_answer([assistant_object(item) for item in listing.data], listing)


@router.get("/{assistant_id}")
async def get_assistant(have: Have, assistant_id: str) -> Response:
    found = await have.store.assistants.get(check_id(assistant_id, "asst", "assistant_id"))
    if found is None:
        raise not_found("assistant", assistant_id)
    return answer(assistant_object(found))


@router.post("/{assistant_id}", openapi_extra=documented(ModifyAssistant))
async def modify_assistant(
    have: Have,
    assistant_id: str,
    order: Annotated[ModifyAssistant, Depends(body_of(ModifyAssistant))],
) -> Response:
    found = await have.store.assistants.get(check_id(assistant_id, "asst", "assistant_id"))
    if found is None:
        raise not_found("assistant", assistant_id)
    changes = _values(order)
    if changes.get("model", "") is None:
        del changes["model"]
    _check_offer(have, changes.get("tools", found.tools), changes.get("metadata", found.metadata))
    changed = await have.store.assistants.update(assistant_id, **changes)
    if changed is None:
        raise not_found("assistant", assistant_id)
    return answer(assistant_object(changed))


@router.delete("/{assistant_id}")
async def delete_assistant(have: Have, assistant_id: str) -> Response:
    if not await have.store.assistants.delete(check_id(assistant_id, "asst", "assistant_id")):
        raise not_found("assistant", assistant_id)
    return deleted(assistant_id, "assistant")


def _values(order: CreateAssistant) -> dict[str, Any]:  # fields of the record
    values = order.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for name, empty in _NEVER_NULL.items():
        if name in values and values[name] is None:
            values[name] = empty()
    return values


def _check_offer(have: Services, tools: list[Any], metadata: dict[str, str]) -> None:
    """An assistant that could not run is refused when it is made, not at its first run."""
    resolve_offer(tools, metadata.get("toolset"), have.toolset, have.toolsets)
