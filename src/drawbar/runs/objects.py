"""Records as objects of the Assistants API: every field of contract 3 is present, null when empty."""

from __future__ import annotations

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.store.records import Assistant, Message, Run, Step, Thread


def assistant_object(assistant: Assistant) -> JsonObject:
    data: JsonObject = {
        "id": assistant.id,
        "object": "assistant",
        "created_at": assistant.created_at,
        "name": assistant.name,
        "description": assistant.description,
        "model": assistant.model,
        "instructions": assistant.instructions,
        "tools": [*assistant.tools],
        "metadata": {**assistant.metadata},
        "temperature": assistant.temperature,
        "top_p": assistant.top_p,
        "response_format": assistant.response_format,
        "tool_resources": assistant.tool_resources,
    }
    if assistant.reasoning_effort is not None:
        data["reasoning_effort"] = assistant.reasoning_effort
    return data


def thread_object(thread: Thread) -> JsonObject:
    return {
        "id": thread.id,
        "object": "thread",
        "created_at": thread.created_at,
        "tool_resources": thread.tool_resources,
        "metadata": {**thread.metadata},
    }


def message_object(message: Message) -> JsonObject:
    """`author` is ours: who wrote it, where several people share a thread."""
    return {
        "id": message.id,
        "object": "thread.message",
        "created_at": message.created_at,
        "thread_id": message.thread_id,
        "status": message.status,
        "incomplete_details": message.incomplete_details,
        "completed_at": message.completed_at,
        "incomplete_at": message.incomplete_at,
        "role": message.role,
        "content": [*message.content],
        "assistant_id": message.assistant_id,
        "run_id": message.run_id,
        "attachments": [
            {name: item for name, item in attachment.items() if name != "file"}
            for attachment in message.attachments
        ],
        "metadata": {**message.metadata},
        "author": message.author,
    }


def run_object(run: Run) -> JsonObject:
    data: JsonObject = {
        "id": run.id,
        "object": "thread.run",
        "created_at": run.created_at,
        "thread_id": run.thread_id,
        "assistant_id": run.assistant_id,
        "status": run.status,
        "required_action": run.required_action,
        "last_error": run.last_error,
        "expires_at": run.expires_at,
        "started_at": run.started_at,
        "cancelled_at": run.cancelled_at,
        "failed_at": run.failed_at,
        "completed_at": run.completed_at,
        "incomplete_details": run.incomplete_details,
        "model": run.model,
        "instructions": run.instructions,
        "tools": [*run.tools],
        "metadata": {**run.metadata},
        "usage": run.usage,
        "temperature": run.temperature,
        "top_p": run.top_p,
        "max_prompt_tokens": run.max_prompt_tokens,
        "max_completion_tokens": run.max_completion_tokens,
        "truncation_strategy": run.truncation_strategy,
        "tool_choice": run.tool_choice,
        "parallel_tool_calls": run.parallel_tool_calls,
        "response_format": run.response_format,
    }
    if run.reasoning_effort is not None:
        data["reasoning_effort"] = run.reasoning_effort
    return data


def step_object(step: Step) -> JsonObject:
    return {
        "id": step.id,
        "object": "thread.run.step",
        "created_at": step.created_at,
        "assistant_id": step.assistant_id,
        "thread_id": step.thread_id,
        "run_id": step.run_id,
        "type": step.type,
        "status": step.status,
        "step_details": step.step_details,
        "last_error": step.last_error,
        "expired_at": step.expired_at,
        "cancelled_at": step.cancelled_at,
        "failed_at": step.failed_at,
        "completed_at": step.completed_at,
        "metadata": {**step.metadata},
        # Known once the model has spoken, shown once the step has ended (contract 3).
        "usage": None if step.status == "in_progress" else step.usage,
    }


def text_part(value: str) -> JsonObject:
    """A text as a content part of a message."""
    annotations: list[JsonValue] = []
    return {"type": "text", "text": {"value": value, "annotations": annotations}}
