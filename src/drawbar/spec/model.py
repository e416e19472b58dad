"""The words of an adapter file that every kind shares; a kind adds its own by subclassing.

One model drives parsing, defaults, `lint`, the generated JSON Schema for editors and the reference
pages, so each field's meaning stands in its description and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from drawbar.kernel.files import INLINE
from drawbar.kernel.values import Effect, JsonObject, Secret
from drawbar.spec.scalars import Duration, RateText, Size
from drawbar.spec.secrets import mask_url
from drawbar.spec.source import Source


class Spec(BaseModel):
    """A closed, frozen part of a YAML file. Scalars are not converted: "5" is no number."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        populate_by_name=True,
        defer_build=True,  # most models of a start are never used: functions come from disk
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:  # as pydantic declares it
        """Passwords in URLs are masked here, too: a trace shows what a model holds."""
        for name, value in super().__repr_args__():
            yield name, mask_url(value) if isinstance(value, str) else value


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(value)
    message = "a secret is a text; refer to it with ${NAME} or ${file:PATH}"
    raise ValueError(message)


SecretText = Annotated[
    Secret,
    BeforeValidator(_secret),
    PlainSerializer(lambda _: "***", return_type=str),
    WithJsonSchema({"type": "string"}),
]
"""A value that is never shown. Write it as a reference: `${HR_PASSWORD}` or `${file:/run/secrets/hr}`."""

UrlText = Annotated[str, PlainSerializer(mask_url)]
"""A URL whose password is masked when it is dumped; otherwise an ordinary text."""

ParameterType = Literal["string", "integer", "number", "boolean", "array", "object", "file"]


class LookupSpec(Spec):
    """How the words of a person become the value of a parameter."""

    function: str = Field(description="A reading of this adapter that finds rows by words.")
    by: str = Field(description="The parameter of that function which takes the words.")
    value: str = Field(description="The field of a row that holds the value.")


class ParameterSpec(Spec):
    """One parameter of a function, in JSON Schema's words with underscores."""

    type: ParameterType | None = Field(
        None,
        description="Inherited from the backend's contract when left out. `file` is the id of a file, whose bytes "
        "the backend gets.",
    )
    description: str | None = Field(None, description="What the model should put here.")
    optional: bool | None = Field(None, description="The model may leave it out.")
    default: Any = Field(None, description="Used when the model leaves it out.")
    to: str | None = Field(
        None, description="Where it goes in the backend's request, when that is not its name."
    )
    from_: str | None = Field(
        None,
        alias="from",
        description="Filled by the gateway from the caller (`caller.subject`, `caller.claims.NAME`); invisible to the model.",
    )
    const: Any = Field(
        None, description="Filled by the gateway with this value; invisible to the model."
    )
    lookup: LookupSpec | None = Field(
        None,
        description="The model may give words, such as a name, by which the value is looked up.",
    )
    enum: tuple[Any, ...] | None = Field(None, description="The only values allowed.")
    format: str | None = Field(None, description="date, time, date-time, email, uuid, ...")
    pattern: str | None = Field(
        None, description="A regular expression the whole text has to match."
    )
    minimum: int | float | None = Field(None, description="The smallest number allowed.")
    maximum: int | float | None = Field(None, description="The largest number allowed.")
    multiple_of: int | float | None = Field(
        None, description="Only multiples of this number are allowed."
    )
    min_length: int | None = Field(None, description="The fewest characters of a text.")
    max_length: int | None = Field(None, description="The most characters of a text.")
    min_items: int | None = Field(None, description="The fewest elements of a list.")
    max_items: int | None = Field(None, description="The most elements of a list.")
    unique_items: bool | None = Field(
        None, description="No element of a list may stand in it twice."
    )
    items: ParameterSpec | None = Field(None, description="What each element of a list is.")
    properties: dict[str, ParameterSpec] | None = Field(
        None, description="What an object holds; it is closed."
    )
    examples: tuple[Any, ...] | None = Field(
        None, description="Values as they really look; a refusal shows the first."
    )


class BreakerSpec(Spec):
    """Stop calling a backend that fails again and again."""

    failures: int = Field(5, ge=1, description="Failures in a row that open the breaker.")
    open_for: Duration = Field(
        30.0, description="How long calls are answered at once with `backend_unavailable`."
    )


class LimitsSpec(Spec):
    """How much of a backend its functions may use."""

    timeout: Duration | None = Field(None, description="Longest time of one call; 20s unless set.")
    concurrency: int | None = Field(
        None, ge=1, le=1000, description="Calls at a time; 8 unless set."
    )
    rate: RateText | None = Field(None, description="Calls in a period.")
    breaker: BreakerSpec | None = None
    rows: int | None = Field(
        None, ge=1, description="Most rows or items in an answer; 500 unless set."
    )
    bytes: Size | None = Field(None, description="Largest reply that is read; 1MB unless set.")


class FunctionLimitsSpec(Spec):
    """What one function does differently from its adapter's `limits`."""

    timeout: Duration | None = None
    rows: int | None = Field(None, ge=1)
    bytes: Size | None = None


class ErrorRuleSpec(Spec):
    """Turns a backend's words into a stable code. The first rule whose every `when` matches wins."""

    when: dict[str, str | int] = Field(
        description="Facts of the error, such as fault, status, constraint, exit or code; `*` stands for any text."
    )
    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    message: str | None = Field(None, description="Replaces the backend's text.")
    hint: str | None = Field(None, description="What the model should do next.")
    retryable: bool | None = Field(None, description="Whether trying again later may help.")


class ApproveSpec(Spec):
    """A person must agree to these exact arguments first."""

    when: str | None = Field(
        None, description="CEL over caller, args and function; always when left out."
    )
    by: str = Field(description="The role that may agree.")
    preview: str | None = Field(
        None, description="A reading function shown to the person who decides."
    )


class IdempotencySpec(Spec):
    """What makes repeating a change safe, or how an unknown outcome is settled."""

    repeatable: bool = Field(
        False, description="Sending it twice does the same as sending it once."
    )
    verify: str | None = Field(
        None, description="The reading function that shows whether it happened."
    )


_TOKENS = 8_000
_CHARACTERS_A_TOKEN = 4


class ReturnsSpec(Spec):
    """What of the reply reaches the model."""

    select: str | None = Field(None, description="JMESPath over the reply.")
    redact: tuple[str, ...] = Field(
        (), description="Names of fields whose values are masked, at any depth."
    )
    max_tokens: int | None = Field(
        None, ge=50, description="Longest answer, in tokens of about four characters."
    )
    keep: bool = Field(
        False,
        description="When the answer has to be cut, keep all rows for the model to page, search and count, and for "
        "the user as CSV.",
    )
    inline: Size = Field(
        INLINE,
        description="Bytes up to this size stay in the answer, as base64; more become a file.",
    )
    files: tuple[str, ...] = Field(
        (),
        description="Names of fields whose texts are base64 of files, at any depth: of more than `inline` bytes each "
        "becomes a file.",
    )

    @property
    def longest(self) -> int:
        """Characters of JSON that an answer may have; what is over is cut."""
        return (self.max_tokens or _TOKENS) * _CHARACTERS_A_TOKEN


class FunctionSpec(Spec):
    """What every function has, whatever its kind."""

    description: str | None = Field(None, description="When to use it, in the words of its users.")
    effect: Effect = Field(
        "read", description="read, write or destroy; required for anything that is not read."
    )
    parameters: dict[str, ParameterSpec] = Field(default_factory=dict)
    allow: str | None = Field(
        None, description="CEL over caller, args and function; the call is refused when false."
    )
    approve: ApproveSpec | None = None
    idempotency: IdempotencySpec = IdempotencySpec()
    limits: FunctionLimitsSpec = FunctionLimitsSpec()
    errors: tuple[ErrorRuleSpec, ...] = ()
    returns: ReturnsSpec = ReturnsSpec()


class BackendSpec(Spec):
    """The private system, and how to reach it."""

    kind: str = Field(
        description="Which backend code reads this adapter: soap, sql, http, command, ..."
    )


class TrialCallerSpec(Spec):
    """Who calls in a test."""

    subject: str
    roles: tuple[str, ...] = ()
    claims: dict[str, Any] = Field(default_factory=dict)


class _OneOf(Spec):
    """Exactly one of its words is there, be it with a null."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) == 1:
            return self
        message = f"write exactly one of {', '.join(type(self).model_fields)}"
        raise ValueError(message)


class DeclaredFaultSpec(Spec):
    """A SOAP fault."""

    code: str
    text: str = ""


class DeclaredErrorSpec(Spec):
    """Any other failure; words that do not stand here are facts for the rules under `errors:`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str | int]

    code: str = "backend_error"
    message: str = ""
    retryable: bool = False
    work: Literal["not_started", "rolled_back", "done", "unknown"] = "not_started"

    @property
    def facts(self) -> Mapping[str, str | int]:
        return self.__pydantic_extra__


class DeclaredAnswerSpec(_OneOf):
    """What the backend answers in a test, instead of the real one."""

    reply: Any = Field(None, description="It answers this.")
    fault: DeclaredFaultSpec | None = Field(None, description="It answers with a SOAP fault.")
    error: DeclaredErrorSpec | None = Field(None, description="It fails.")


class ExpectedRefusalSpec(Spec):
    """Of an outcome of this kind, only what is written is compared; `*` stands for any text."""

    code: str | None = None
    message: str | None = None
    problems: tuple[dict[Literal["argument", "message"], str], ...] = Field(
        (), description="Every wrong argument, in the order of the outcome."
    )


class ExpectedFailureSpec(Spec):
    """Of an outcome of this kind, only what is written is compared; `*` stands for any text."""

    code: str | None = None
    message: str | None = None
    retryable: bool = False
    hint: str | None = None
    detail: Any = None


class ExpectedIndeterminateSpec(Spec):
    """Of an outcome of this kind, only what is written is compared; `*` stands for any text."""

    message: str | None = None
    hint: str | None = None


class ExpectationSpec(_OneOf):
    """The one outcome that a test expects."""

    succeeded: Any = Field(None, description="The value, or a part of it.")
    refused: ExpectedRefusalSpec | None = None
    failed: ExpectedFailureSpec | None = None
    indeterminate: ExpectedIndeterminateSpec | None = None

    def as_json(self) -> JsonObject:
        """What was written, by the name of the outcome."""
        return self.model_dump(mode="json", exclude_unset=True)


class TrialSpec(Spec):
    """One test of an adapter."""

    name: str
    call: dict[str, dict[str, Any]] = Field(description="One function with its arguments.")
    caller: TrialCallerSpec | None = Field(
        None, description="The anonymous caller of the settings when left out."
    )
    backend: DeclaredAnswerSpec | None = Field(
        None, description="A declared answer; the real backend is asked when left out."
    )
    expect: ExpectationSpec


class AdapterFile(Spec):
    """The keys of an adapter file. The words of `backend` and of each function depend on the kind."""

    adapter: str = Field(
        description="Its name; functions reach the model as `<adapter>_<function>`."
    )
    prefix: str | None = Field(
        None, description="Begins the name of each function instead of `<adapter>_`."
    )
    description: str | None = Field(None, description="What the backend is, for people.")
    backend: dict[str, Any] = Field(description="The private system, and how to reach it.")
    limits: LimitsSpec = LimitsSpec()
    errors: tuple[ErrorRuleSpec, ...] = Field(
        (), description="The backend's words, and what the model and the user are told instead."
    )
    functions: dict[str, Any] = Field(description="What the model can call.")
    tests: tuple[Any, ...] = Field((), description="Calls and what is expected of them.")


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter file, read and checked; `backend` and `functions` are of its kind's own models."""

    name: str
    prefix: str
    description: str | None
    kind: str
    backend: BackendSpec
    limits: LimitsSpec
    errors: tuple[ErrorRuleSpec, ...]
    functions: Mapping[str, FunctionSpec]
    tests: tuple[TrialSpec, ...]
    source: Source
    folder: Path
    """Relative paths in the file start here."""
    secrets: tuple[str, ...] = dataclass_field(default=(), repr=False)
    """Texts that came from files and from variables that sound secret, wherever they went."""
