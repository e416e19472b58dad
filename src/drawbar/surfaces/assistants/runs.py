"""Runs and their steps: what is read of them. What starts or resumes one is in `run_streams`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drawbar.runs.objects import run_object, step_object
from drawbar.runs.refusals import not_found
from drawbar.surfaces.assistants.requests import ModifyMetadata
from drawbar.surfaces.assistants.threads import check_thread
from drawbar.surfaces.dependencies import (
    Have,
    ListQuery,
    answer,
    body_of,
    documented,
    list_answer,
    page_of,
    query_of,
)
from drawbar.surfaces.errors import check_id, check_run_ids

router = APIRouter(prefix="/v1/threads/{thread_id}/runs", tags=["runs"])

_POLL_AFTER = "300"
"""Milliseconds; the SDK's pollers wait a second unless they are told."""


@router.get("")
async def list_runs(have: Have, thread_id: str, request: Request) -> Response:
    page, _ = page_of(request, "run")
    await check_thread(have, thread_id)
    listing = await have.store.runs.list(thread_id, page)
    return list_answer([run_object(item) for item in listing.data], listing)


@router.get("/{run_id}")
async def get_run(have: Have, thread_id: str, run_id: str) -> Response:
    check_run_ids(thread_id, run_id)
    response = answer(run_object(await have.runs.get(thread_id, run_id)))
    response.headers["openai-poll-after-ms"] = _POLL_AFTER
    return response


@router.post("/{run_id}", openapi_extra=documented(ModifyMetadata))
async def modify_run(
    have: Have,
    thread_id: str,
    run_id: str,
    order: Annotated[ModifyMetadata, Depends(body_of(ModifyMetadata))],
) -> Response:
    check_run_ids(thread_id, run_id)
    if "metadata" not in order.model_fields_set:
        return answer(run_object(await have.runs.get(thread_id, run_id)))
    return answer(run_object(await have.runs.modify(thread_id, run_id, order.metadata or {})))


@router.post("/{run_id}/cancel")
async def cancel_run(have: Have, thread_id: str, run_id: str) -> Response:
    check_run_ids(thread_id, run_id)
    return answer(run_object(await have.runs.cancel(thread_id, run_id)))


@router.get("/{run_id}/steps")
async def list_steps(have: Have, thread_id: str, run_id: str, request: Request) -> Response:
    page, _ = page_of(request, "step", "include[]")
    check_run_ids(thread_id, run_id)
    await have.runs.get(thread_id, run_id)
    listing = await have.store.steps.list(run_id, page)
    return list_answer([step_object(item) for item in listing.data], listing)


@router.get("/{run_id}/steps/{step_id}")
async def get_step(
    have: Have, thread_id: str, run_id: str, step_id: str, request: Request
) -> Response:
    query_of(request, ListQuery, "include[]")
    check_run_ids(thread_id, run_id)
    check_id(step_id, "step", "step_id")
    found = await have.store.steps.get(run_id, step_id)
    if found is None or found.thread_id != thread_id:
        raise not_found("run step", step_id)
    return answer(step_object(found))
