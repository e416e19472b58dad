"""The body of POST /v1/chat/completions.

Words that would change the answer and cannot be honoured are refused unless they say nothing new
(`n: 1`, `presence_penalty: 0`); words that only label the request are taken and have no effect.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag
from pydantic_core import PydanticCustomError

from drawbar.surfaces.assistants.requests import (
    FUNCTION_NAME,
    ContentPart,
    Effort,
    ResponseFormat,
    Temperature,
    TextPart,
    Tool,
    ToolChoice,
    TopP,
)
from drawbar.surfaces.validation import Body


def _only(*neutral: object) -> AfterValidator:
    def check(value: Any) -> Any:  # whatever JSON the client sent
        if value is not None and value not in neutral:
            reason = "this server cannot do that; leave it out."
            raise PydanticCustomError("not_offered", reason, {"code": "unsupported_parameter"})
        return value

    return AfterValidator(check)


def _role(value: Any) -> str | None:  # whatever the client sent
    role = value.get("role") if isinstance(value, dict) else getattr(value, "role", None)
    return f"@{role}"


def _kind(value: Any) -> str:  # whatever the client sent
    return "@text" if isinstance(value, str) else "@rest"


TextContent = Annotated[
    Annotated[str, Tag("@text")] | Annotated[list[TextPart], Tag("@rest")], Discriminator(_kind)
]
UserContent = Annotated[
    Annotated[str, Tag("@text")]
    | Annotated[Annotated[list[ContentPart], Field(min_length=1)], Tag("@rest")],
    Discriminator(_kind),
]
Name = Annotated[str, StringConstraints(max_length=64)]


class CalledFunction(Body):
    name: Annotated[str, StringConstraints(pattern=FUNCTION_NAME)]
    arguments: str


class MadeCall(Body):
    id: str
    type: Literal["function"]
    function: CalledFunction


class SystemMessage(Body):
    role: Literal["system", "developer"]
    content: TextContent
    name: Name | None = None


class UserMessage(Body):
    role: Literal["user"]
    content: UserContent
    name: Name | None = None


class AssistantMessage(Body):
    role: Literal["assistant"]
    content: TextContent | None = None
    refusal: str | None = None
    name: Name | None = None
    tool_calls: list[MadeCall] | None = None
    annotations: list[Any] | None = None  # sent back by clients that keep whole messages; no effect
    audio: Annotated[Any, _only()] = None
    function_call: Annotated[Any, _only()] = None


class ToolMessage(Body):
    role: Literal["tool"]
    content: TextContent
    tool_call_id: str


ChatMessageBody = Annotated[
    Annotated[SystemMessage, Tag("@system")]
    | Annotated[SystemMessage, Tag("@developer")]
    | Annotated[UserMessage, Tag("@user")]
    | Annotated[AssistantMessage, Tag("@assistant")]
    | Annotated[ToolMessage, Tag("@tool")],
    Discriminator(_role),
]


class StreamOptions(Body):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class CreateCompletion(Body):
    model: Annotated[str, StringConstraints(min_length=1)]
    messages: Annotated[list[ChatMessageBody], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: Annotated[list[Tool], Field(max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Effort | None = None
    # would change the answer
    n: Annotated[int | None, _only(1)] = None
    stop: Annotated[Any, _only([], "")] = None
    presence_penalty: Annotated[float | None, _only(0)] = None
    frequency_penalty: Annotated[float | None, _only(0)] = None
    logit_bias: Annotated[Any, _only({})] = None
    logprobs: Annotated[bool | None, _only(False)] = None
    top_logprobs: Annotated[int | None, _only(0)] = None
    modalities: Annotated[Any, _only(["text"])] = None
    audio: Annotated[Any, _only()] = None
    prediction: Annotated[Any, _only()] = None
    web_search_options: Annotated[Any, _only()] = None
    functions: Annotated[Any, _only([])] = None
    function_call: Annotated[Any, _only("none")] = None
    # labels; Any: they are not read
    user: Any = None
    metadata: Any = None
    store: Any = None
    seed: Any = None
    service_tier: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None
    prompt_cache_retention: Any = None
    verbosity: Any = None
