"""Every object on the wire fits the published OpenAPI document of the Assistants API.

The document is not part of this repository: DRAWBAR_TEST_ASSISTANTS_OPENAPI says where it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from drawbar.llm.scripted import invoke, say

from .conftest import Served

DOCUMENT = Path(os.environ.get("DRAWBAR_TEST_ASSISTANTS_OPENAPI", "assistants_openapi.json"))
pytestmark = pytest.mark.skipif(
    not DOCUMENT.is_file(), reason="DRAWBAR_TEST_ASSISTANTS_OPENAPI names no file"
)

Fits = Callable[[Any, str], None]


@pytest.fixture(scope="module")
def fits() -> Fits:
    document = orjson.loads(DOCUMENT.read_bytes())

    def check(value: Any, name: str) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        errors = [
            f"{'/'.join(map(str, error.instance_path))}: {error.message}"
            for error in jsonschema_rs.validator_for(schema).iter_errors(value)
        ]
        assert errors == [], (name, value)

    return check


CLIENT_TOOL = {
    "type": "function",
    "function": {"name": "ask_user", "parameters": {"type": "object", "properties": {}}},
}
_OF_EVENT = {
    "thread.created": "ThreadObject",
    "thread.run.step": "RunStepObject",
    "thread.run": "RunObject",
    "thread.message": "MessageObject",
}


async def test_stored_objects_fit(served: Served, fits: Fits) -> None:
    async with served.http() as http:
        assistant = (
            await http.post("/v1/assistants", json={"model": "m", "tools": [CLIENT_TOOL]})
        ).json()
        fits(assistant, "AssistantObject")
        fits((await http.get("/v1/assistants")).json(), "ListAssistantsResponse")
        thread = (await http.post("/v1/threads")).json()
        fits(thread, "ThreadObject")
        path = f"/v1/threads/{thread['id']}"
        message = (
            await http.post(f"{path}/messages", json={"role": "user", "content": "x"})
        ).json()
        fits(message, "MessageObject")
        fits((await http.get(f"{path}/messages")).json(), "ListMessagesResponse")
        removed = (await http.delete(f"{path}/messages/{message['id']}")).json()
        fits(removed, "DeleteMessageResponse")
        fits((await http.delete(path)).json(), "DeleteThreadResponse")
        gone = (await http.delete(f"/v1/assistants/{assistant['id']}")).json()
        fits(gone, "DeleteAssistantResponse")
        missing = (await http.get(f"/v1/assistants/{assistant['id']}")).json()
        fits(missing, "ErrorResponse")


async def test_every_event_of_a_run_fits(served: Served, fits: Fits) -> None:
    served.model.add(
        say("Wait. ") + invoke("shelf_find", {"part_no": "4711"}) + invoke("ask_user"),
        say("Done."),
    )
    async with served.http() as http:
        assistant = (
            await http.post(
                "/v1/assistants",
                json={"model": "m", "tools": [CLIENT_TOOL], "metadata": {"toolset": "all"}},
            )
        ).json()
        body = {
            "assistant_id": assistant["id"],
            "thread": {"messages": [{"role": "user", "content": "x"}]},
            "stream": True,
        }
        first = events_of((await http.post("/v1/threads/runs", json=body)).text)
        run = first[-1][1]
        path = f"/v1/threads/{run['thread_id']}/runs"
        call = run["required_action"]["submit_tool_outputs"]["tool_calls"][0]
        second = events_of(
            (
                await http.post(
                    f"{path}/{run['id']}/submit_tool_outputs",
                    json={
                        "tool_outputs": [{"tool_call_id": call["id"], "output": "yes"}],
                        "stream": True,
                    },
                )
            ).text
        )
        fits((await http.get(f"{path}/{run['id']}/steps")).json(), "ListRunStepsResponse")
        fits((await http.get(path)).json(), "ListRunsResponse")

    assert first[-1][0] == "thread.run.requires_action"
    assert second[-1][0] == "thread.run.completed"
    for name, data in first + second:
        if not name.endswith(".delta"):
            schema = next(schema for start, schema in _OF_EVENT.items() if name.startswith(start))
            fits(data, schema)


def events_of(text: str) -> list[tuple[str, Any]]:
    """Name and data of each event, `done` left out."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if fields and fields["event"] != "done":
            found.append((fields["event"], orjson.loads(fields["data"])))
    return found
