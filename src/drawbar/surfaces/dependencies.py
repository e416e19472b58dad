"""What FastAPI hands to an endpoint: the services, the caller, a checked body, a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

import orjson
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from drawbar.kernel.errors import ClientError
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from drawbar.store.records import Listing, Page
from drawbar.surfaces.errors import check_cursor
from drawbar.surfaces.services import Services
from drawbar.surfaces.validation import check, parse_body

M = TypeVar("M", bound=BaseModel)
_IGNORED = frozenset({"api-version"})
"""Sent with every request by clients that were made for Azure."""


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


Have = Annotated[Services, Depends(_services)]
Who = Annotated[Caller, Depends(_caller)]


def body_of(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """A dependency: the body, checked; orjson reads it, so FastAPI's own reading is not asked."""

    async def read(request: Request) -> M:
        return parse_body(model, await request.body())

    return read


def documented(model: type[BaseModel]) -> dict[str, Any]:  # FastAPI's own word for it
    """`openapi_extra` of an endpoint whose body is read by `body_of`."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


class ListQuery(BaseModel):
    """Queries are texts, so numbers are converted here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None
    run_id: str | None = None
    include: Literal["step_details.tool_calls[*].file_search.results[*].content"] | None = Field(
        None, alias="include[]"
    )


def page_of(request: Request, kind: str, *also: str) -> tuple[Page, ListQuery]:
    """`kind` is the prefix of the listed ids; `also` are query words beside those of every list."""
    query = query_of(request, ListQuery, "limit", "order", "after", "before", *also)
    for word in ("after", "before"):
        if cursor := getattr(query, word):
            check_cursor(cursor, f"{kind}_", word)
    return Page(query.limit, query.order, query.after or None, query.before or None), query


def query_of(request: Request, model: type[M], *words: str) -> M:
    """Only these words are taken, or all of the model; any other is refused rather than silently without effect."""
    given = {name: value for name, value in request.query_params.items() if name not in _IGNORED}
    for word in given:
        if word not in (words or model.model_fields):
            message = f"Unknown parameter: '{word}'."
            raise ClientError(message, code="unknown_parameter", param=word)
    return check(model, given)


def answer(data: JsonValue, status: int = 200) -> Response:
    return Response(orjson.dumps(data), status, media_type="application/json")


def list_answer(objects: list[JsonObject], listing: Listing[Any]) -> Response:
    """The list envelope of contract 2.1; `listing` only tells whether there is more."""
    return answer(
        {
            "object": "list",
            "data": [*objects],
            "first_id": objects[0]["id"] if objects else None,
            "last_id": objects[-1]["id"] if objects else None,
            "has_more": listing.has_more,
        }
    )


def deleted(id: str, kind: str) -> Response:  # noqa: A002 -- the word of the API
    return answer({"id": id, "object": f"{kind}.deleted", "deleted": True})
