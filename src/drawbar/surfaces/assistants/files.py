"""/v1/files: what callers upload, and what functions answered with. A file is its owner's alone.

An upload goes piece by piece to the disk of this machine until it is whole, then to the store.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import Response, StreamingResponse

from drawbar.kernel.errors import ClientError
from drawbar.kernel.files import guessed, safe_filename
from drawbar.kernel.values import JsonObject
from drawbar.store.files import CHUNK, FileLabel, FileTooLarge
from drawbar.store.records import Page, StoredFile
from drawbar.surfaces.dependencies import Have, Who, answer, list_answer, query_of
from drawbar.surfaces.errors import check_cursor
from drawbar.surfaces.exchange import file_too_large
from drawbar.surfaces.validation import check

router = APIRouter(prefix="/v1/files", tags=["files"])

Purpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]
_MULTIPART = {
    "requestBody": {
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string"},
                        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                        "expires_after[seconds]": {"type": "integer"},
                    },
                    "required": ["file", "purpose"],
                }
            }
        }
    }
}


class UploadWords(BaseModel):
    """The fields of an upload beside the file; forms only have texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: Purpose
    anchor: Literal["created_at"] | None = Field(None, alias="expires_after[anchor]")
    seconds: Annotated[int, Field(ge=3600, le=2_592_000)] | None = Field(
        None, alias="expires_after[seconds]"
    )


class FilesQuery(BaseModel):
    """Queries are texts, so numbers are converted here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: str | None = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None


@router.post("", openapi_extra=_MULTIPART)
async def create_file(have: Have, who: Who, request: Request) -> Response:
    async with _Form(request) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            message = (
                "Missing required parameter: 'file'. Send it as a part of multipart/form-data."
            )
            raise ClientError(message, code="missing_required_parameter", param="file")
        words = check(UploadWords, {name: form[name] for name in form if name != "file"})
        beginning = await file.read(16)
        await file.seek(0)
        said = (file.content_type or "").partition(";")[0].strip().lower()
        media_type = guessed(beginning) if said in _SAYS_NOTHING else said
        label = FileLabel(
            owner=who.subject,
            filename=safe_filename(file.filename, media_type),
            media_type=media_type,
            purpose=words.purpose,
            expires_at=int(time.time()) + words.seconds if words.seconds else None,
        )
        try:
            kept = await have.store.files.upload(label, _pieces(file))
        except FileTooLarge as error:
            raise file_too_large(error.largest) from None
    return answer(file_object(kept))


@router.get("")
async def list_files(have: Have, who: Who, request: Request) -> Response:
    query = query_of(request, FilesQuery)
    if query.after:
        check_cursor(query.after, "file-", "after")
    page = Page(query.limit, query.order, query.after or None)
    listing = await have.store.files.list(page, owner=who.subject, purpose=query.purpose)
    return list_answer([file_object(file) for file in listing.data], listing)


@router.get("/{file_id}")
async def get_file(have: Have, who: Who, file_id: str) -> Response:
    return answer(file_object(await _found(have, who, file_id)))


@router.delete("/{file_id}")
async def delete_file(have: Have, who: Who, file_id: str) -> Response:
    if not await have.store.files.delete(file_id, owner=who.subject):
        raise no_such_file(file_id)
    return answer({"id": file_id, "object": "file", "deleted": True})


@router.get("/{file_id}/content")
async def get_content(have: Have, who: Who, file_id: str) -> Response:
    """As a download: a page that somebody uploaded must not run as one of ours."""
    file = await _found(have, who, file_id)
    headers = {
        "content-length": str(file.bytes),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename)}",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    pieces = have.store.files.pieces(file)
    return StreamingResponse(pieces, headers=headers, media_type=file.media_type)


def file_object(file: StoredFile) -> JsonObject:
    """Contract 3, file."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created_at,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
        "expires_at": file.expires_at,
    }


def no_such_file(file_id: str) -> ClientError:
    return ClientError(f"No such File object: {file_id}", status=404, param="id")


async def _found(have: Have, who: Who, file_id: str) -> StoredFile:
    file = await have.store.files.get(file_id, owner=who.subject)
    if file is None:
        raise no_such_file(file_id)
    return file


_SAYS_NOTHING = {"", "application/octet-stream"}


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(CHUNK):
        yield piece


class _Form:
    """The form of a request; its temporary file is gone at the end."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._form: FormData | None = None

    async def __aenter__(self) -> FormData:
        headers = self._request.headers
        if not headers.get("content-type", "").startswith("multipart/form-data"):
            message = (
                "An upload is sent as multipart/form-data with the parts 'file' and 'purpose'."
            )
            raise ClientError(message, status=415, code="unsupported_content_type")
        parser = MultiPartParser(headers, self._request.stream(), max_files=1, max_fields=8)
        try:
            self._form = await parser.parse()
        except MultiPartException as error:
            message = f"The body is no multipart/form-data: {error.message}"
            raise ClientError(message, code="invalid_multipart") from None
        return self._form

    async def __aexit__(self, *_: object) -> None:
        if self._form is not None:
            await self._form.close()
