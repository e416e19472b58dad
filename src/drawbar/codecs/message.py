"""A request and its reply as bytes, for every transport that carries one of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from drawbar.codecs.copybook.compile import Copybooks
from drawbar.codecs.message_spec import MessageFunctionSpec
from drawbar.codecs.payload import Answer, Payload
from drawbar.codecs.payload_compile import PayloadCompiler, PayloadWord, answer_codec
from drawbar.compiler.kind import Parameter
from drawbar.kernel.ports import BackendError, Call, Reply
from drawbar.kernel.values import JsonValue
from drawbar.spec.source import At

_REQUEST = PayloadWord("request", "the request", "nothing else uses it")


@dataclass(frozen=True, slots=True)
class Verdict:
    """When a reply says that the call went well; of any other its fields are facts."""

    succeeds_when: tuple[tuple[str, str], ...]
    message_from: str | None

    def check(self, value: JsonValue) -> None:
        """Raises BackendError `backend_error` with the reply's fields as facts."""
        fields = value if isinstance(value, dict) else {}
        if all(_matches(pattern, fields.get(name)) for name, pattern in self.succeeds_when):
            return
        facts = {
            name: field
            for name, field in fields.items()
            if isinstance(field, str | int) and not isinstance(field, bool)
        }
        said = fields.get(self.message_from) if self.message_from else None
        told = ", ".join(f"{name}={fields.get(name)}" for name, _ in self.succeeds_when)
        raise BackendError(
            str(said) if said else f"The peer said no: {told}.",
            work="rolled_back",
            detail=value,
            facts=facts,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """How a function's arguments become bytes and bytes its reply; `answer` is None where none comes."""

    request: Payload | None
    answer: Answer | None
    verdict: Verdict | None

    def encode(self, arguments: Mapping[str, JsonValue]) -> bytes:
        return b"" if self.request is None else self.request.encode(arguments)

    def read(
        self, data: bytes, call: Call, *, cut: bool = False, media_type: str | None = None
    ) -> Reply:
        """As `Answer.read`, and what the reply itself says of success."""
        if self.answer is None:
            return Reply(None)
        reply = self.answer.read(data, call, cut=cut, media_type=media_type)
        if self.verdict is not None:
            self.verdict.check(reply.value)
        return reply


def message_parameters(
    spec: MessageFunctionSpec, copybooks: Copybooks, at: At
) -> dict[str, Parameter]:
    """The parameters of the function at `at`, by name; a copybook of its request declares some."""
    return copybooks.parameters(spec, spec.request, at, "request")


def compile_message(
    spec: MessageFunctionSpec,
    parameters: dict[str, Parameter],
    copybooks: Copybooks,
    at: At,
    *,
    used: frozenset[str] = frozenset(),
    encoding: str = "utf-8",
) -> Message | None:
    """The message of the function at `at`; None when a problem was reported.

    `used` are parameters that go elsewhere, such as into a subject. `parameters` gets the schemas that
    the form of the request narrows.
    """
    report = copybooks.report
    compiler = PayloadCompiler(_REQUEST, spec.parameters, parameters, copybooks, at)
    request = compiler.read(spec.request, used, encoding)
    answer = None
    if spec.reply != "none":
        codec = answer_codec(spec.reply, encoding, copybooks, (*at, "reply"), parameters)
        answer = None if codec is None else Answer(codec, changes=spec.effect != "read")
    elif spec.succeeds_when:
        report.add((*at, "succeeds_when"), "DB808", "there is no reply that could be looked at")
    if spec.reply == "none" and spec.effect == "read":
        report.add((*at, "reply"), "DB808", "a function that reads nothing back is no read")
    if report.is_broken(at):
        return None
    verdict = (
        Verdict(tuple(spec.succeeds_when.items()), spec.message_from)
        if spec.succeeds_when
        else None
    )
    return Message(request, answer, verdict)


def _matches(pattern: str, value: JsonValue) -> bool:
    return isinstance(value, str | int) and fnmatchcase(str(value), pattern.replace("[", "[[]"))
