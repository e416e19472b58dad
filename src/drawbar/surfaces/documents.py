"""/openapi.json: what FastAPI knows of its own routes, and the hot routes beside them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from drawbar.surfaces.assistants.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ModifyAssistant,
    ModifyMetadata,
    ModifyThread,
    SubmitToolOutputs,
)
from drawbar.surfaces.chat.requests import CreateCompletion
from drawbar.surfaces.dependencies import documented

_BODIES: tuple[type[BaseModel], ...] = (
    CreateAssistant,
    ModifyAssistant,
    CreateThread,
    ModifyThread,
    CreateMessage,
    ModifyMetadata,
    CreateRun,
    CreateThreadAndRun,
    SubmitToolOutputs,
    CreateCompletion,
)
_HOT: tuple[tuple[str, str, str, str, type[BaseModel] | None], ...] = (
    ("post", "/v1/threads/{thread_id}/runs", "runs", "Create Run", CreateRun),
    ("post", "/v1/threads/runs", "runs", "Create Thread And Run", CreateThreadAndRun),
    (
        "post",
        "/v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs",
        "runs",
        "Submit Tool Outputs",
        SubmitToolOutputs,
    ),
    ("get", "/v1/threads/{thread_id}/runs/{run_id}/events", "runs", "Follow Run", None),
    ("post", "/v1/chat/completions", "chat", "Create Completion", CreateCompletion),
    ("get", "/functions", "functions", "List Functions", None),
    ("get", "/functions/{name}", "functions", "Get Function", None),
    ("post", "/functions/{name}", "functions", "Call Function", None),
    ("get", "/actions/openapi.json", "actions", "OpenAPI Document For Actions", None),
    ("get", "/actions/{toolset}/openapi.json", "actions", "The Same Of One Toolset", None),
    ("post", "/mcp", "mcp", "Model Context Protocol", None),
)


def add_hot_routes(app: FastAPI) -> None:
    """Made when it is first asked for."""

    def openapi() -> dict[str, Any]:  # an OpenAPI document
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            _complete(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it


def _complete(document: dict[str, Any]) -> None:  # an OpenAPI document
    _, schemas = models_json_schema(
        [(model, "validation") for model in _BODIES], ref_template="#/components/schemas/{model}"
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas["$defs"])
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"key": []}]
    for method, path, tag, summary, body in _HOT:
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        document["paths"].setdefault(path, {})[method] = {
            "tags": [tag],
            "summary": summary,
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in names
            ],
            "responses": {"200": {"description": "Successful Response"}},
            **(documented(body) if body else {}),
        }
