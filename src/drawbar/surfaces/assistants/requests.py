"""The bodies that the Assistants API takes, with the limits of its contract (section 4).

Tools that search files or run code (file_search, code_interpreter), and their resources, are refused with a
plain word instead of being stored and never honoured. An attachment is a file for functions.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag
from pydantic_core import PydanticCustomError

from drawbar.kernel.files import FILE_ID
from drawbar.surfaces.validation import Body

FUNCTION_NAME = r"^[a-zA-Z0-9_-]{1,64}$"
NO_TOOLS = "this server searches no files and runs no code; leave it out or empty."


def _kind_of_input(value: Any) -> str:  # whatever the client sent
    return "@text" if isinstance(value, str) else "@rest"


def _of_type(value: Any) -> str | None:  # whatever the client sent
    """The tag of an object that says what it is in `type`."""
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"@{kind}"


def _id_of(prefix: str) -> AfterValidator:
    def check(value: str) -> str:
        if not value.startswith(f"{prefix}_"):
            reason = "'{value}'. Expected an ID that begins with '{prefix}'."
            raise PydanticCustomError("wrong_id", reason, {"value": value, "prefix": prefix})
        return value

    return AfterValidator(check)


def _nothing(value: Any) -> Any:  # whatever the client sent
    """Only what holds no file: null, `{}`, `[]`, `{"file_search": {"vector_store_ids": []}}`."""

    def holds(part: object) -> bool:
        if isinstance(part, dict):
            return any(holds(inner) for inner in part.values())
        if isinstance(part, list):
            return any(holds(inner) for inner in part)
        return part is not None

    if holds(value):
        raise PydanticCustomError("no_tools", NO_TOOLS, {"code": "unsupported_parameter"})
    return value


AssistantId = Annotated[str, _id_of("asst")]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(max_length=64)],
        Annotated[str, StringConstraints(max_length=512)],
    ],
    Field(max_length=16),
]
Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(ge=0, le=1)]
Budget = Annotated[int, Field(ge=256)]
Instructions = Annotated[str, StringConstraints(max_length=256_000)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
NoResources = Annotated[dict[str, Any] | None, BeforeValidator(_nothing)]  # free: it holds nothing
NoTools = Annotated[list[Any] | None, BeforeValidator(_nothing)]


class FunctionBody(Body):
    """`parameters` left out names a function of this server, which then executes it."""

    name: Annotated[str, StringConstraints(pattern=FUNCTION_NAME)]
    description: str | None = None
    parameters: dict[str, Any] | None = None  # any JSON Schema
    strict: bool | None = None


class FunctionTool(Body):
    type: Literal["function"]
    function: FunctionBody


Tool = Annotated[Annotated[FunctionTool, Tag("@function")], Discriminator(_of_type)]


class NamedFunction(Body):
    name: Annotated[str, StringConstraints(pattern=FUNCTION_NAME)]


class FunctionChoice(Body):
    type: Literal["function"]
    function: NamedFunction


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("@text")]
    | Annotated[
        Annotated[Annotated[FunctionChoice, Tag("@function")], Discriminator(_of_type)],
        Tag("@rest"),
    ],
    Discriminator(_kind_of_input),
]


class TextFormat(Body):
    type: Literal["text"]


class JsonFormat(Body):
    type: Literal["json_object"]


class SchemaBody(Body):
    name: Annotated[str, StringConstraints(pattern=FUNCTION_NAME)]
    description: str | None = None
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None  # any JSON Schema
    strict: bool | None = None


class SchemaFormat(Body):
    type: Literal["json_schema"]
    json_schema: SchemaBody


ResponseFormat = Annotated[
    Annotated[Literal["auto"], Tag("@text")]
    | Annotated[
        Annotated[
            Annotated[TextFormat, Tag("@text")]
            | Annotated[JsonFormat, Tag("@json_object")]
            | Annotated[SchemaFormat, Tag("@json_schema")],
            Discriminator(_of_type),
        ],
        Tag("@rest"),
    ],
    Discriminator(_kind_of_input),
]


class Truncation(Body):
    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Field(ge=1)] | None = None


class CreateAssistant(Body):
    model: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    name: Annotated[str, StringConstraints(max_length=256)] | None = None
    description: Annotated[str, StringConstraints(max_length=512)] | None = None
    instructions: Instructions | None = None
    tools: Annotated[list[Tool], Field(max_length=128)] | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    response_format: ResponseFormat | None = None
    tool_resources: NoResources = None
    reasoning_effort: Effort | None = None


class ModifyAssistant(CreateAssistant):
    model: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None  # type: ignore[assignment] # wider on purpose: a change may leave it out


class TextPart(Body):
    type: Literal["text"]
    text: str


class ImageUrl(Body):
    url: Annotated[str, StringConstraints(min_length=1)]
    detail: Literal["auto", "low", "high"] | None = None


class ImageUrlPart(Body):
    type: Literal["image_url"]
    image_url: ImageUrl


ContentPart = Annotated[
    Annotated[TextPart, Tag("@text")] | Annotated[ImageUrlPart, Tag("@image_url")],
    Discriminator(_of_type),
]
Content = Annotated[
    Annotated[str, Tag("@text")]
    | Annotated[Annotated[list[ContentPart], Field(min_length=1)], Tag("@rest")],
    Discriminator(_kind_of_input),
]


class Attachment(Body):
    """A file of the caller, for the model to give to functions."""

    file_id: Annotated[str, StringConstraints(pattern=f"^{FILE_ID}$")]
    tools: NoTools = None


class CreateMessage(Body):
    role: Literal["user", "assistant"]
    content: Content
    attachments: Annotated[list[Attachment], Field(max_length=100)] | None = None
    metadata: Metadata | None = None


class CreateThread(Body):
    messages: list[CreateMessage] | None = None
    metadata: Metadata | None = None
    tool_resources: NoResources = None


class ModifyThread(Body):
    metadata: Metadata | None = None
    tool_resources: NoResources = None


class ModifyMetadata(Body):
    """Messages and runs can change nothing else."""

    metadata: Metadata | None = None


class RunOptions(Body):
    """What a run may say differently from its assistant (contract 5.1)."""

    assistant_id: AssistantId
    model: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    instructions: Instructions | None = None
    tools: Annotated[list[Tool], Field(max_length=20)] | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_prompt_tokens: Budget | None = None
    max_completion_tokens: Budget | None = None
    truncation_strategy: Truncation | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Effort | None = None
    stream: bool | None = None


class CreateRun(RunOptions):
    additional_instructions: Instructions | None = None
    additional_messages: list[CreateMessage] | None = None


class CreateThreadAndRun(RunOptions):
    thread: CreateThread | None = None
    tool_resources: NoResources = None


class ToolOutput(Body):
    tool_call_id: str
    output: str


class SubmitToolOutputs(Body):
    tool_outputs: list[ToolOutput]
    stream: bool | None = None
