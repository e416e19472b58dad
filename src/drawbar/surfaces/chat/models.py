"""/v1/models: each assistant is a model, under its id and, where no other has it, under its name."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter
from starlette.responses import Response

from drawbar.kernel.values import JsonObject
from drawbar.store.records import Assistant
from drawbar.surfaces.chat.named import all_assistants, find_assistant
from drawbar.surfaces.dependencies import Have, answer

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
async def list_models(have: Have) -> Response:
    assistants = await all_assistants(have.store)
    names = _unique_names(assistants)
    models = [_model(item, item.name if item.name in names else item.id) for item in assistants]
    return answer({"object": "list", "data": [*models]})


@router.get("/{model:path}")
async def get_model(have: Have, model: str) -> Response:
    return answer(_model(await find_assistant(have.store, model), model))


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
