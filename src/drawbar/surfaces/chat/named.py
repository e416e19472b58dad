"""Assistants by what a request calls `model`: their id or their name."""

from __future__ import annotations

from drawbar.kernel.errors import ClientError
from drawbar.store.database import Store
from drawbar.store.records import Assistant, Page


async def find_assistant(store: Store, model: str) -> Assistant:
    """Raises ClientError 404, or 400 when several assistants have this name."""
    if model.startswith("asst_") and (found := await store.assistants.get(model)):
        return found
    named = [assistant for assistant in await all_assistants(store) if assistant.name == model]
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


async def all_assistants(store: Store) -> list[Assistant]:
    found: list[Assistant] = []
    more = True
    while more:
        listing = await store.assistants.list(
            Page(100, "asc", after=found[-1].id if found else None)
        )
        found.extend(listing.data)
        more = listing.has_more
    return found
