"""Which words of a function exclude each other, and which effects its method can have."""

from __future__ import annotations

from dataclasses import dataclass

from drawbar.backends.http.options import HttpBackendSpec, HttpFunctionSpec
from drawbar.spec.source import At, Report

_READING = ("GET", "HEAD", "POST")
_NOT_IN_DIALECTS = ("operation", "hide", "keep", "body", "reply", "pages", "slashes")
"""Words that describe bodies, which a dialect owns."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    """A word by which a function speaks a dialect, and what the backend has to bring for it."""

    word: str
    brought: str
    """The word under `backend`."""
    code: str
    lacks: str
    fix: str
    foreign: tuple[str, ...]
    """Words that have no meaning beside it."""
    foreign_code: str


_DIALECTS = (
    _Dialect(
        "method",
        "protocol",
        "DB530",
        "a method is called by a protocol, and the backend has none",
        "write `protocol: json-rpc` or `protocol: xml-rpc` under `backend`, or `request:` here",
        ("document", "odata", *_NOT_IN_DIALECTS),
        "DB530",
    ),
    _Dialect(
        "document",
        "graphql",
        "DB542",
        "a document is checked against a schema, and the backend has none",
        "write `graphql: ./graphql/schema.graphql` under `backend`; `drawbar new graphql` fetches one",
        ("params", "types", "odata", *_NOT_IN_DIALECTS),
        "DB542",
    ),
    _Dialect(
        "odata",
        "odata",
        "DB551",
        "the request is made by metadata, and the backend has none",
        "write `odata: ./odata/service.xml` under `backend`; `drawbar new odata` fetches it",
        ("request", "params", "types", "response", *_NOT_IN_DIALECTS),
        "DB552",
    ),
)
"""In the order in which they are looked for."""


def _check_dialect_words(
    dialect: _Dialect, spec: HttpFunctionSpec, backend: HttpBackendSpec, report: Report, at: At
) -> bool:
    is_brought = getattr(backend, dialect.brought) is not None
    if not is_brought:
        report.add((*at, dialect.word), dialect.code, dialect.lacks, fix=dialect.fix)
    for word in dialect.foreign:
        if word in spec.model_fields_set:
            message = f"`{word}` has no meaning with `{dialect.word}`"
            report.add((*at, word), dialect.foreign_code, message, fix=f"remove `{word}`")
    return is_brought


def check_words(spec: HttpFunctionSpec, backend: HttpBackendSpec, report: Report, at: At) -> bool:
    """A request, an operation or a method; the words that narrow are for operations."""
    for dialect in _DIALECTS:
        if getattr(spec, dialect.word) is not None:
            return _check_dialect_words(dialect, spec, backend, report, at)
    if (spec.request is None) == (spec.operation is None):
        report.add(
            at if spec.request is None else (*at, "operation"),
            "DB523",
            "a function needs `request`, `operation`, `method`, `document` or `odata`"
            if spec.request is None
            else "`request` and `operation` exclude each other",
            fix="write `request: GET /path`, `operation:` with a name of the `openapi` document, `method:` with one "
            "of the backend's `protocol`, or `document:` with a query of its `graphql` schema",
        )
        return False
    if spec.operation is not None and backend.openapi is None:
        report.add(
            (*at, "operation"),
            "DB523",
            "there is no document to take the operation from",
            fix="write `openapi: ./openapi/service.json` under `backend`, or `request:` here",
        )
        return False
    for word in ("params", "types"):
        if word in spec.model_fields_set:
            report.add(
                (*at, word), "DB530", f"`{word}` belongs to a `method`", fix=f"remove `{word}`"
            )
    if spec.operation is None:
        _check_request_words(spec, report, at)
    return True


def _check_request_words(spec: HttpFunctionSpec, report: Report, at: At) -> None:
    for word in ("hide", "keep"):
        if word in spec.model_fields_set:
            report.add(
                (*at, word),
                "DB523",
                f"`{word}` narrows what a document offers; here only what is written is offered",
                fix=f"remove `{word}`",
            )
    if spec.body in ("xml", "text"):
        report.add(
            (*at, "body"),
            "DB523",
            f"a body of the form {spec.body} needs a document that describes it",
            fix="write json, form, multipart or bytes, or `operation:` instead of `request:`",
        )


def check_effect(
    method: str, spec: HttpFunctionSpec, report: Report, unwritten: At, at: At
) -> None:
    written = "effect" in spec.model_fields_set
    where = (*at, "effect") if written else unwritten
    if spec.effect == "read" and method not in _READING:
        report.add(
            where,
            "DB506",
            f"{method} changes something, and the effect is read",
            fix="write `effect: write`, or `effect: destroy` for what cannot be taken back",
        )
    elif method == "POST" and not written:
        report.add(
            where,
            "DB506",
            f"{'POST' if spec.method is None else 'a method'} needs its effect written",
            fix="write `effect: read` for a search that changes nothing, else `write` or `destroy`",
        )
