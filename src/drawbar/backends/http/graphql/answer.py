"""GraphQL over HTTP: how a document is sent, and what its answer says.

An answer can be half a success. Where the operation itself failed the call has failed, and it is told what became of
the work; where only a part is missing, the rest is told with a note for each part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from drawbar.backends.http.reply.reply import Unusable
from drawbar.backends.http.request.dialect import Said
from drawbar.codecs.codec import CodecError
from drawbar.codecs.jsontext import JsonCodec
from drawbar.kernel.ports import BackendError, WorkState
from drawbar.kernel.values import JsonObject, JsonValue

_JSON = JsonCodec()
_LONGEST = 500
_NOTES = 5
_SERVER_ERROR = 500
_INTERNAL = "INTERNAL"
_CODES: Mapping[str, str] = {
    "UNAUTHENTICATED": "backend_denied",
    "UNAUTHORIZED": "backend_denied",
    "FORBIDDEN": "backend_denied",
    "NOT_FOUND": "not_found",
    "CONFLICT": "conflict",
    "BAD_USER_INPUT": "invalid_request",
    "BAD_REQUEST": "invalid_request",
    "GRAPHQL_PARSE_FAILED": "invalid_request",
    "GRAPHQL_VALIDATION_FAILED": "invalid_request",
    "INTERNAL_SERVER_ERROR": "backend_error",
    "INTERNAL": "backend_error",
}
"""What servers write into `extensions.code`, by Apollo's example; the specification leaves it open."""


@dataclass(frozen=True, slots=True)
class GraphQl:
    """One document with one operation. `roots` are the names that its result has at the top."""

    document: str
    roots: tuple[str, ...]
    changes: bool
    media: str = "application/json"
    accept: str = "application/graphql-response+json, application/json"

    def write(self, value: JsonValue) -> bytes:
        request: JsonObject = {"query": self.document}
        if value:
            request["variables"] = value
        return orjson.dumps(request)

    def read(self, asked: bytes | None, answer: bytes) -> Said:
        del asked  # nothing in an answer says which request it belongs to
        whole = _answer(answer)
        if whole is None:
            raise Unusable("it is no GraphQL response, an object with `data` or `errors`")
        errors, data = _errors(whole), whole.get("data")
        if not errors:
            if not isinstance(data, dict):
                raise Unusable("it has neither `data` nor `errors`")
            return Said(data)
        if isinstance(data, dict) and any(data.get(name) is not None for name in self.roots):
            return Said(data, tuple(_notes(errors)))
        raise self._failure(whole, errors, None)

    def failure(self, status: int, answer: bytes) -> BackendError | None:
        whole = _answer(answer)
        errors = [] if whole is None else _errors(whole)
        return self._failure(whole or {}, errors, status) if errors else None

    def _failure(
        self, whole: JsonObject, errors: Sequence[JsonObject], status: int | None
    ) -> BackendError:
        first = errors[0]
        extensions = first.get("extensions")
        words = extensions if isinstance(extensions, dict) else {}
        said = "; ".join(dict.fromkeys(_message(each) for each in errors))
        code = words.get("code")
        return BackendError(
            said[:_LONGEST],
            code=_CODES.get(str(code), "fault"),
            work=self._work(whole, errors, status, str(code)),
            facts=_facts(first, words, status),
        )

    def _work(
        self, whole: JsonObject, errors: Sequence[JsonObject], status: int | None, code: str
    ) -> WorkState:
        """By the response format: without `data` nothing was executed; a path says how far it had come."""
        if "data" not in whole:
            broken = (status is not None and status >= _SERVER_ERROR) or code.startswith(_INTERNAL)
            return "unknown" if broken else "not_started"
        if any(len(_path(each)) > 1 for each in errors):
            return (
                "done" if self.changes else "unknown"
            )  # the operation went well, its answer did not
        if len(self.roots) == 1 and not code.startswith(_INTERNAL):
            return "rolled_back"
        return "unknown"


def _answer(answer: bytes) -> JsonObject | None:
    try:
        value = _JSON.decode(answer)
    except CodecError:
        return None
    return value if isinstance(value, dict) and value.keys() & {"data", "errors"} else None


def _errors(whole: JsonObject) -> list[JsonObject]:
    found = whole.get("errors")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _notes(errors: Sequence[JsonObject]) -> list[str]:
    notes = [
        f"Missing in the answer: {'.'.join(_path(each)) or 'a part'}. {_message(each)}"
        for each in errors[:_NOTES]
    ]
    if len(errors) > _NOTES:
        notes.append(f"Missing in the answer, too: {len(errors) - _NOTES} more parts.")
    return notes


def _message(error: JsonObject) -> str:
    text = error.get("message")
    return text if isinstance(text, str) and text else "The backend answered with an error."


def _path(error: JsonObject) -> list[str]:
    path = error.get("path")
    return [str(step) for step in path] if isinstance(path, list) else []


def _facts(error: JsonObject, words: JsonObject, status: int | None) -> dict[str, str | int]:
    """`code`, `path`, `status`, and `extensions.NAME` for whatever else is one value."""
    facts: dict[str, str | int] = {} if status is None else {"status": status}
    for name, value in words.items():
        if isinstance(value, str | int) and not isinstance(value, bool):
            facts["code" if name == "code" else f"extensions.{name}"] = value
    if path := _path(error):
        facts["path"] = ".".join(path)
    return facts
