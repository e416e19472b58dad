"""/v1/models: each assistant is a model, under its id and, where no other has it, under its name."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter
from starlette.responses import Response

from drawbar.kernel.errors import ClientError
from drawbar.kernel.values import JsonObject
from drawbar.store.database import Store
from drawbar.store.records import Assistant, Page
from drawbar.surfaces.dependencies import Have, answer

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
async def list_models(have: Have) -> Response:
    assistants = await _all(have.store)
    names = _unique_names(assistants)
    models = [_model(item, item.name if item.name in names else item.id) for item in assistants]
    return answer({"object": "list", "data": [*models]})


@router.get("/{model:path}")
async def get_model(have: Have, model: str) -> Response:
    return answer(_model(await find_assistant(have.store, model), model))


async def find_assistant(store: Store, model: str) -> Assistant:
    """Raises ClientError 404, or 400 when several assistants have this name."""
    if model.startswith("asst_") and (found := await store.assistants.get(model)):
        return found
    named = [assistant for assistant in await _all(store) if assistant.name == model]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(assistant.id for assistant in named)
        message = f"{len(named)} assistants are called '{model}'; ask for one by its id: {ids}."
        raise ClientError(message, code="ambiguous_model", param="model")
    message = (
        f"The model '{model}' does not exist. Each assistant is a model here, by its id or its name; "
        "GET /v1/models lists them."
    )
    raise ClientError(message, status=404, code="model_not_found", param="model")


async def _all(store: Store) -> list[Assistant]:
    found: list[Assistant] = []
    more = True
    while more:
        listing = await store.assistants.list(
            Page(100, "asc", after=found[-1].id if found else None)
        )
        found.extend(listing.data)
        more = listing.has_more
    return found


def _unique_names(assistants: list[Assistant]) -> set[str]:
    count = Counter(assistant.name for assistant in assistants if assistant.name)
    return {name for name, times in count.items() if times == 1}


def _model(assistant: Assistant, id: str) -> JsonObject:  # noqa: A002 -- the word of the API
    return {
        "id": id,
        "object": "model",
        "created": assistant.created_at,
        "owned_by": "drawbar",
    }
