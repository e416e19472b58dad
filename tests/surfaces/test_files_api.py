"""/v1/files by the official client, and what functions answered with."""

from __future__ import annotations

import os
import time
from typing import Any

import openai
import pytest
from openai.types import FilePurpose

from drawbar.kernel.values import Caller

from .conftest import Serve, Served

PNG = b"\x89PNG\r\n\x1a\n" + os.urandom(3000)
BERT = Caller("bert")


async def test_a_file_is_uploaded_listed_read_and_deleted(served: Served) -> None:
    data = os.urandom(700_000)  # of several pieces
    async with served.client() as client:
        made = await client.files.create(file=("Vertrag für März.pdf", data), purpose="assistants")

        assert made.model_dump(exclude={"id", "created_at"}) == {
            "bytes": 700_000,
            "filename": "Vertrag für März.pdf",
            "object": "file",
            "purpose": "assistants",
            "status": "processed",
            "expires_at": None,
            "status_details": None,
        }
        assert abs(made.created_at - time.time()) < 60
        assert await client.files.retrieve(made.id) == made
        listed = [file async for file in client.files.list()]
        assert listed == [made]
        content = await client.files.content(made.id)
        assert content.content == data
        assert content.response.headers["content-disposition"] == (
            "attachment; filename*=UTF-8''Vertrag%20f%C3%BCr%20M%C3%A4rz.pdf"
        )
        assert content.response.headers["x-content-type-options"] == "nosniff"

        gone = await client.files.delete(made.id)

        assert gone.model_dump() == {"id": made.id, "object": "file", "deleted": True}
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {made.id}"):
            await client.files.content(made.id)
        assert [file async for file in client.files.list()] == []


async def test_nobody_else_can_tell_that_a_file_exists(served: Served) -> None:
    _, other = await served.services.store.keys.create(BERT)
    async with served.client() as anna, served.client(api_key=other) as bert:
        made = await anna.files.create(file=("a.txt", b"hers"), purpose="user_data")

        assert [file async for file in bert.files.list()] == []
        for ask in (bert.files.retrieve, bert.files.content, bert.files.delete):
            with pytest.raises(openai.NotFoundError, match="No such File object"):
                await ask(made.id)
        assert (await anna.files.content(made.id)).content == b"hers"


async def test_a_list_is_paged_and_filtered_by_purpose(served: Served) -> None:
    async with served.client() as client:
        purposes: list[FilePurpose] = ["assistants", "vision", "assistants", "assistants"]
        made = [
            await client.files.create(file=(f"{number}.txt", b"x"), purpose=purpose)
            for number, purpose in enumerate(purposes)
        ]

        page = await client.files.list(limit=2, order="asc")
        assert [file.id for file in page.data] == [made[0].id, made[1].id]
        assert page.has_more
        everyone = [file.id async for file in client.files.list(limit=2, order="asc")]
        assert everyone == [file.id for file in made]
        seen = [file.id async for file in client.files.list(purpose="vision")]
        assert seen == [made[1].id]


async def test_an_upload_expires_when_it_is_asked_to(served: Served) -> None:
    async with served.client() as client:
        made = await client.files.create(
            file=("a.txt", b"x"),
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert made.expires_at == made.created_at + 3600

        deleted = await served.services.store.files.delete_due(made.created_at + 3601)

        assert deleted == 1
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(made.id)


async def test_a_file_that_is_too_large_is_refused_and_nothing_of_it_stays(start: Serve) -> None:
    async with start(files={"largest": "300KB"}) as served, served.client() as client:
        with pytest.raises(openai.APIStatusError) as refused:
            await client.files.create(file=("a", b"x" * 301_000), purpose="assistants")

        assert (refused.value.status_code, refused.value.code) == (413, "file_too_large")
        assert "files: {largest: ...}" in refused.value.message
        fits = await client.files.create(file=("a", b"x" * 300_000), purpose="assistants")
        assert [file.id async for file in client.files.list()] == [fits.id]


@pytest.mark.parametrize(
    ("request_", "status", "code", "param"),
    [
        ({"json": {"purpose": "assistants"}}, 415, "unsupported_content_type", None),
        (
            {"data": {"purpose": "assistants"}, "files": {"other": b"x"}},
            400,
            "missing_required_parameter",
            "file",
        ),
        ({"files": {"file": b"x"}}, 400, "missing_required_parameter", "purpose"),
        (
            {"files": {"file": b"x"}, "data": {"purpose": "holiday"}},
            400,
            "invalid_value",
            "purpose",
        ),
        (
            {
                "files": {"file": b"x"},
                "data": {"purpose": "batch", "expires_after[seconds]": "5"},
            },
            400,
            "integer_below_min_value",
            "expires_after[seconds]",
        ),
        (
            {
                "content": b"no boundary in sight",
                "headers": {"content-type": "multipart/form-data; boundary=x"},
            },
            400,
            "invalid_multipart",
            None,
        ),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_upload_is_explained(
    shared: Served, request_: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    async with shared.http() as http:
        response = await http.post("/v1/files", **request_)

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)


async def test_bytes_of_a_reply_become_a_file_that_its_caller_reads(served: Served) -> None:
    served.shelf.pictures["4712"] = PNG
    async with served.http() as http, served.client() as client:
        response = await http.post("/functions/shelf_find", json={"part_no": "4712"})

        outcome = response.json()
        picture = outcome["value"]["picture"]
        assert outcome["files"] == [picture]
        assert {**picture, "file_id": ""} == {
            "file_id": "",
            "filename": "4712.png",
            "media_type": "image/png",
            "bytes": len(PNG),
        }
        content = await client.files.content(picture["file_id"])
        assert content.content == PNG
        assert content.response.headers["content-type"] == "image/png"
        file = await client.files.retrieve(picture["file_id"])
        assert file.purpose == "assistants_output"
        assert file.expires_at == file.created_at + 7 * 86_400


async def test_a_file_attached_to_a_message_is_named_to_the_model(served: Served) -> None:
    _, other = await served.services.store.keys.create(BERT)
    async with served.client() as client, served.client(api_key=other) as bert:
        file = await client.files.create(file=("scan.png", PNG), purpose="assistants")
        attachments: list[Any] = [{"file_id": file.id, "tools": []}]
        message: Any = {"role": "user", "content": "File it.", "attachments": attachments}

        thread = await client.beta.threads.create(messages=[message])

        listed = (await client.beta.threads.messages.list(thread.id)).data
        assert [each.model_dump() for each in listed[0].attachments or ()] == attachments
        assistant = await client.beta.assistants.create(model="default")
        await client.beta.threads.runs.create_and_poll(
            thread_id=thread.id,
            assistant_id=assistant.id,
            additional_messages=[message],
            poll_interval_ms=20,
        )
        told = f"[attached, not shown: file_id {file.id}, scan.png (image/png, {len(PNG)} bytes)]"
        texts = [str(each.content) for each in served.model.requests[-1].messages]
        assert texts[-2:] == [f"File it.\n{told}"] * 2

        with pytest.raises(openai.BadRequestError, match="No such File object") as refused:
            await bert.beta.threads.create(messages=[message])
        assert refused.value.param == "attachments"
