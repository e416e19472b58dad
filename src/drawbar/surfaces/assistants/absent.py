"""What the Assistants API has and this server does not: uploads in parts, and vector stores."""

from __future__ import annotations

from fastapi import APIRouter

from drawbar.kernel.errors import ClientError

router = APIRouter(include_in_schema=False)

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@router.api_route("/v1/uploads", methods=_METHODS)
@router.api_route("/v1/uploads/{rest:path}", methods=_METHODS)
@router.api_route("/v1/vector_stores", methods=_METHODS)
@router.api_route("/v1/vector_stores/{rest:path}", methods=_METHODS)
async def absent(rest: str = "") -> None:
    del rest
    message = (
        "This server has no uploads in parts and no vector stores. Upload a file whole to /v1/files, and "
        "give the assistant a function that looks things up."
    )
    raise ClientError(message, status=404, code="not_served")
