"""Assistants, threads and messages through the official client library."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from .conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_assistant_is_made_read_changed_and_deleted(shared: Served) -> None:
    async with shared.client() as client:
        made = await client.beta.assistants.create(
            model="default",
            name="Store",
            description="Knows the shelf.",
            instructions="Be brief.",
            metadata={"toolset": "readers", "team": "7"},
            temperature=0.2,
            top_p=1,
            tools=[{"type": "function", "function": {"name": "shelf_take"}}],
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
            reasoning_effort="low",
        )
        read = await client.beta.assistants.retrieve(made.id)
        changed = await client.beta.assistants.update(made.id, name="Shelf", temperature=None)
        gone = await client.beta.assistants.delete(made.id)
        with pytest.raises(openai.NotFoundError) as caught:
            await client.beta.assistants.retrieve(made.id)

    assert read == made
    assert made.model_dump(exclude={"id", "created_at"}) == {
        "object": "assistant",
        "name": "Store",
        "description": "Knows the shelf.",
        "model": "default",
        "instructions": "Be brief.",
        "metadata": {"toolset": "readers", "team": "7"},
        "temperature": 0.2,
        "top_p": 1.0,
        "tools": [{"type": "function", "function": {"name": "shelf_take"} | dict.fromkeys(_UNSET)}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema_": {}, "description": None, "strict": None},
        },
        "tool_resources": None,
        "reasoning_effort": "low",
    }
    assert (changed.name, changed.temperature, changed.instructions) == ("Shelf", None, "Be brief.")
    assert (gone.object, gone.deleted) == ("assistant.deleted", True)
    assert f"No assistant found with id '{made.id}'." in caught.value.message


_UNSET = ("description", "parameters", "strict")


async def test_a_minimal_assistant_has_every_field(shared: Served) -> None:
    async with shared.http() as http:
        body = (await http.post("/v1/assistants", json={"model": "default"})).json()

    assert {name: value for name, value in body.items() if name not in {"id", "created_at"}} == {
        "object": "assistant",
        "name": None,
        "description": None,
        "model": "default",
        "instructions": None,
        "tools": [],
        "metadata": {},
        "temperature": None,
        "top_p": None,
        "response_format": "auto",
        "tool_resources": None,
    }


async def test_nulls_of_a_client_become_what_an_empty_field_is(shared: Served) -> None:
    nulls = dict.fromkeys(("tools", "metadata", "response_format", "name", "tool_resources"))
    async with shared.http() as http:
        made = (await http.post("/v1/assistants", json={"model": "default", **nulls})).json()
        changed = (
            await http.post(f"/v1/assistants/{made['id']}", json={"model": None, **nulls})
        ).json()

    assert made == changed
    assert (made["tools"], made["metadata"], made["response_format"]) == ([], {}, "auto")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"metadata": {"toolset": "nothing"}}, "nothing"),
        (
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "shelf_find", "parameters": {"type": "object"}},
                    }
                ]
            },
            "shelf_find",
        ),
    ],
)
async def test_an_assistant_that_could_never_run_is_refused_when_it_is_made(
    shared: Served, options: dict[str, Any], word: str
) -> None:
    async with shared.client() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.beta.assistants.create(model="default", **options)

    assert word in caught.value.message


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_show_every_item_once_in_either_order(shared: Served, order: Any) -> None:
    async with shared.client() as client:
        thread = await client.beta.threads.create(
            messages=[{"role": "user", "content": str(number)} for number in range(7)]
        )
        first = await client.beta.threads.messages.list(thread.id, limit=3, order=order)
        shown = [
            message.content[0].text.value  # type: ignore[union-attr] # texts only
            async for message in client.beta.threads.messages.list(thread.id, limit=3, order=order)
        ]
        middle = await client.beta.threads.messages.list(
            thread.id, limit=3, order=order, before=first.data[-1].id
        )

    expected = [str(number) for number in range(7)]
    assert shown == (expected if order == "asc" else expected[::-1])
    assert [message.id for message in middle.data] == [message.id for message in first.data[:2]]


async def test_a_page_names_its_ends_and_whether_there_is_more(shared: Served) -> None:
    async with shared.http() as http:
        thread = (
            await http.post(
                "/v1/threads", json={"messages": [{"role": "user", "content": "x"}] * 3}
            )
        ).json()["id"]
        page = (await http.get(f"/v1/threads/{thread}/messages?limit=2")).json()
        empty = (await http.get(f"/v1/threads/{thread}/runs")).json()

    assert page.keys() == {"object", "data", "first_id", "last_id", "has_more"}
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][1]["id"])
    assert page["has_more"] is True
    assert empty == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


async def test_a_cursor_stays_a_position_when_its_item_is_gone(shared: Served) -> None:
    async with shared.client() as client:
        thread = await client.beta.threads.create(
            messages=[{"role": "user", "content": str(number)} for number in range(3)]
        )
        listed = await client.beta.threads.messages.list(thread.id, order="asc")
        await client.beta.threads.messages.delete(listed.data[0].id, thread_id=thread.id)
        after = await client.beta.threads.messages.list(
            thread.id, order="asc", after=listed.data[0].id
        )

    assert [each.id for each in after.data] == [each.id for each in listed.data[1:]]


async def test_a_message_keeps_its_author_and_its_parts(shared: Served) -> None:
    async with shared.client() as client:
        thread = await client.beta.threads.create()
        made = await client.beta.threads.messages.create(
            thread.id,
            role="user",
            content=[
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://intranet.example/1.png"}},
            ],
            metadata={"k": "v"},
        )
        changed = await client.beta.threads.messages.update(
            made.id, thread_id=thread.id, metadata={"k": "w"}
        )
        read = await client.beta.threads.messages.retrieve(made.id, thread_id=thread.id)
        gone = await client.beta.threads.messages.delete(made.id, thread_id=thread.id)
        with pytest.raises(openai.NotFoundError):
            await client.beta.threads.messages.delete(made.id, thread_id=thread.id)

    assert read == changed
    body = read.model_dump()
    assert body["author"] == "anna"
    assert body["metadata"] == {"k": "w"}
    assert body["content"][0] == {
        "type": "text",
        "text": {"value": "What is this?", "annotations": []},
    }
    assert body["content"][1]["image_url"]["url"] == "https://intranet.example/1.png"
    assert (body["status"], body["role"], body["run_id"]) == ("completed", "user", None)
    assert gone.deleted


async def test_a_thread_is_changed_and_deleted_with_what_hangs_on_it(shared: Served) -> None:
    async with shared.client() as client:
        thread = await client.beta.threads.create(metadata={"case": "1"})
        changed = await client.beta.threads.update(thread.id, metadata={"case": "2"})
        read = await client.beta.threads.retrieve(thread.id)
        await client.beta.threads.delete(thread.id)
        with pytest.raises(openai.NotFoundError) as caught:
            await client.beta.threads.messages.create(thread.id, role="user", content="x")

    assert changed.metadata == read.metadata == {"case": "2"}
    assert f"No thread found with id '{thread.id}'." in caught.value.message


async def test_a_thread_needs_no_body(shared: Served) -> None:
    async with shared.http() as http:
        response = await http.post("/v1/threads")

    assert response.status_code == 200
    assert response.json()["metadata"] == {}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "system", "content": "x"}, "role"),
        ({"role": "user", "content": []}, "content"),
        (
            {"role": "user", "content": [{"type": "text", "text": {"value": "x"}}]},
            "content[0].text",
        ),
        (
            {
                "role": "user",
                "content": [{"type": "image_file", "image_file": {"file_id": "file-1"}}],
            },
            "content[0].type",
        ),
        (
            {"role": "user", "content": "x", "attachments": [{"file_id": "file-1", "tools": []}]},
            "attachments[0].file_id",
        ),
        (
            {
                "role": "user",
                "content": "x",
                "attachments": [
                    {"file_id": f"file-{'0' * 24}", "tools": [{"type": "file_search"}]}
                ],
            },
            "attachments[0].tools",
        ),
        ({"role": "user", "content": "x", "metadata": {"k": 1}}, "metadata.k"),
        ({"role": "user"}, "content"),
    ],
)
async def test_a_wrong_message_is_refused_alone_and_in_a_new_thread(
    shared: Served, message: dict[str, Any], param: str
) -> None:
    async with shared.http() as http:
        thread = (await http.post("/v1/threads")).json()["id"]
        alone = await http.post(f"/v1/threads/{thread}/messages", json=message)
        inside = await http.post("/v1/threads", json={"messages": [message]})

    assert alone.status_code == inside.status_code == 400
    assert alone.json()["error"]["param"] == param
    assert inside.json()["error"]["param"] == f"messages[0].{param}"


async def test_only_metadata_of_a_message_can_be_changed(shared: Served) -> None:
    async with shared.client() as client:
        thread = await client.beta.threads.create(messages=[{"role": "user", "content": "x"}])
        message = (await client.beta.threads.messages.list(thread.id)).data[0]
        with pytest.raises(openai.BadRequestError) as caught:
            await client.beta.threads.messages.update(
                message.id, thread_id=thread.id, extra_body={"content": "y"}
            )

    assert caught.value.param == "content"
