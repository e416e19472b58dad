"""Assistants, threads and messages as they are stored and listed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

import pytest

from drawbar.kernel.values import JsonObject
from drawbar.store.database import Store
from drawbar.store.messages import new_message
from drawbar.store.records import Assistant, Message, Page

AWKWARD = 'Grüße \u0000\n"quoted" 🚢 %s :name ?'


async def add(store: Store, thread_id: str, text: str) -> Message:
    part: JsonObject = {"type": "text", "text": {"value": text, "annotations": []}}
    return await store.runs.append_message(thread_id, new_message("user", [part], author="anna"))


async def test_an_assistant_comes_back_as_it_was_stored(store: Store) -> None:
    tool: JsonObject = {
        "type": "function",
        "function": {"name": "f", "parameters": {"z": 1, "a": 2}},
    }
    made = await store.assistants.create(
        model="m", name=AWKWARD, tools=[tool], temperature=0.5, metadata={"k": "v"}
    )

    assert await store.assistants.get(made.id) == made
    kept: JsonObject = made.tools[0]
    assert list(kept) == ["type", "function"]


async def test_an_update_changes_what_it_names_and_nothing_else(store: Store) -> None:
    made = await store.assistants.create(model="m", name="old", description="d")

    changed = await store.assistants.update(made.id, name="new", description=None)

    assert changed == replace(made, name="new", description=None)
    assert await store.assistants.get(made.id) == changed
    assert await store.assistants.update("asst_none", name="x") is None
    with pytest.raises(TypeError, match="no field 'nmae'"):
        await store.assistants.update(made.id, nmae="x")


async def test_what_was_deleted_is_gone_and_a_second_time_is_told(store: Store) -> None:
    made = await store.assistants.create(model="m")

    assert await store.assistants.delete(made.id)
    assert await store.assistants.get(made.id) is None
    assert not await store.assistants.delete(made.id)


async def test_deleting_a_thread_deletes_its_messages(store: Store) -> None:
    thread = await store.threads.create(metadata={"a": "b"})
    message = await add(store, thread.id, "hi")

    assert await store.threads.get(thread.id) == thread
    assert await store.messages.get(thread.id, message.id) == message
    assert await store.threads.delete(thread.id)
    assert await store.messages.get(thread.id, message.id) is None


async def test_a_thread_is_stored_with_its_first_messages_in_their_order(store: Store) -> None:
    first = [new_message("user", [], author=name) for name in "abc"]

    thread = await store.threads.create(messages=tuple(first))

    page = await store.messages.list(thread.id, Page(order="asc"))
    assert [message.author for message in page.data] == ["a", "b", "c"]


async def test_only_the_metadata_of_a_message_changes(store: Store) -> None:
    thread = await store.threads.create()
    message = await add(store, thread.id, AWKWARD)

    changed = await store.messages.update(thread.id, message.id, metadata={"seen": "yes"})

    assert changed == replace(message, metadata={"seen": "yes"})
    assert await store.messages.get(thread.id, message.id) == changed
    other = await store.threads.create()
    assert await store.messages.update(other.id, message.id, metadata={}) is None
    assert not await store.messages.delete(other.id, message.id)
    assert await store.messages.delete(thread.id, message.id)


async def test_a_thread_changes_what_is_named(store: Store) -> None:
    thread = await store.threads.create(metadata={"a": "1"})

    changed = await store.threads.update(thread.id, tool_resources={"code_interpreter": {}})

    assert changed == replace(thread, tool_resources={"code_interpreter": {}})
    assert await store.threads.get(thread.id) == changed
    with pytest.raises(TypeError, match="no field 'id'"):
        await store.threads.update(thread.id, id="x")


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_paging_by_the_last_id_meets_every_item_once(
    store: Store, order: Literal["asc", "desc"], limit: int
) -> None:
    made = await asyncio.gather(*(store.assistants.create(model=str(i)) for i in range(7)))
    wanted = sorted((item.id for item in made), reverse=order == "desc")
    seen: list[str] = []
    after = None

    while True:
        page = await store.assistants.list(Page(limit, order, after))
        seen += [item.id for item in page.data]
        if not page.has_more:
            break
        after = page.data[-1].id

    assert seen == wanted


async def test_before_is_the_page_that_ends_just_before_its_cursor(store: Store) -> None:
    made = [await store.assistants.create(model=str(i)) for i in range(6)]

    async def models(page: Page) -> tuple[list[str], bool]:
        listing = await store.assistants.list(page)
        return [item.model for item in listing.data], listing.has_more

    assert await models(Page(2, "asc", before=made[4].id)) == (["2", "3"], True)
    assert await models(Page(2, "asc", before=made[2].id)) == (["0", "1"], False)
    assert await models(Page(2, "desc", before=made[1].id)) == (["3", "2"], True)
    assert await models(Page(9, "asc", made[0].id, made[3].id)) == (["1", "2"], False)


async def test_a_cursor_whose_item_was_deleted_still_marks_its_place(store: Store) -> None:
    made: list[Assistant] = [await store.assistants.create(model=str(i)) for i in range(3)]
    await store.assistants.delete(made[1].id)

    page = await store.assistants.list(Page(order="asc", after=made[1].id))

    assert [item.model for item in page.data] == ["2"]


async def test_messages_of_one_run_are_listed_alone(store: Store) -> None:
    thread = await store.threads.create()
    await add(store, thread.id, "hi")

    page = await store.messages.list(thread.id, Page(), run_id="run_x")

    assert page.data == ()
