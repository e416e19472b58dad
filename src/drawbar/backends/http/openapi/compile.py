"""From a function's `operation:` to a plan: inputs by the document, places in the request, how the body is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote

from drawbar.backends.http.openapi.documents import (
    BrokenReference,
    Documents,
    UnreadableDocument,
)
from drawbar.backends.http.openapi.media import Content, content_of
from drawbar.backends.http.openapi.narrow import LARGE, Narrowing, advice
from drawbar.backends.http.openapi.operations import Catalogue, Input, NoDocument, Operation
from drawbar.backends.http.openapi.publish import Publication, Target
from drawbar.backends.http.openapi.schemas import Schemas
from drawbar.backends.http.openapi.words import LONGEST_FUNCTION, clip
from drawbar.backends.http.options import HttpBackendSpec, HttpFunctionSpec
from drawbar.backends.http.request.places import Places
from drawbar.backends.http.request.request import Slot
from drawbar.backends.http.request.styles import SIMPLE
from drawbar.compiler.kind import Parameter
from drawbar.compiler.parameters import merge_parameters
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.model import Adapter
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_PLACE = re.compile(r"\{([^{}/]*)\}")
_SCALARS = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Contract:
    """A document that was read, for all functions of its adapter."""

    file: str
    catalogue: Catalogue
    schemas: Schemas


@dataclass(frozen=True, slots=True)
class Bound:
    """What a function takes over from its operation."""

    method: str
    path: str
    parameters: tuple[Parameter, ...]
    places: Places
    segments: tuple[tuple[str | Slot, ...], ...]
    constant_query: str
    content: Content | None
    description: str | None


def read_contract(adapter: Adapter, backend: HttpBackendSpec, report: Report) -> Contract | None:
    """The document that `openapi:` names. What is wrong is reported."""
    if backend.openapi is None:
        return None
    at: At = ("backend", "openapi")
    if re.match(r"[a-z]+://", backend.openapi):
        report.add(
            at,
            "DB520",
            f"`{backend.openapi}` is an address, and a document is never fetched while compiling",
            fix="save it beside the adapter and write its path, such as ./openapi/service.json",
        )
        return None
    report.files.add(adapter.folder / backend.openapi)
    try:
        return contract_of(Documents(adapter.folder / backend.openapi), backend.openapi)
    except (UnreadableDocument, NoDocument) as error:
        report.add(
            at,
            "DB520",
            f"the document `{backend.openapi}` cannot be read: {error}",
            fix="write the path of an OpenAPI 2.0, 3.0 or 3.1 file, relative to this adapter",
        )
    return None


def contract_of(documents: Documents, file: str) -> Contract:
    """Raises NoDocument."""
    catalogue = Catalogue(documents)
    return Contract(file, catalogue, Schemas(documents, catalogue.version))


def find_operation(
    contract: Contract, spec: HttpFunctionSpec, report: Report, at: At
) -> Operation | None:
    name = spec.operation or ""
    found = contract.catalogue.named(name)
    if len(found) == 1:
        return found[0]
    where = (*at, "operation")
    if found:
        listed = " or ".join(f"`{each.request}`" for each in found)
        report.add(
            where,
            "DB521",
            f"`{contract.file}` gives the name `{name}` to {len(found)} operations",
            fix=f"write {listed}",
        )
        return None
    meant = closest(name, contract.catalogue.names())
    some = ", ".join(each.id or each.request for each in contract.catalogue.all()[:20])
    report.add(
        where,
        "DB521",
        f"`{contract.file}` has no operation `{name}`",
        fix=f"did you mean `{meant}`?" if meant else f"it has {some or 'none'}",
    )
    return None


def bind(
    contract: Contract,
    operation: Operation,
    spec: HttpFunctionSpec,
    report: Report,
    at: At,
    *,
    known_headers: frozenset[str] = frozenset(),
) -> Bound | None:
    """None after a problem was noted. `known_headers` are sent with every request of the backend."""
    try:
        return _bind(contract, operation, spec, report, at, known_headers)
    except BrokenReference as error:
        report.add(
            (*at, "operation"),
            "DB522",
            f"`{operation.request}` cannot be offered: {error}",
            fix="correct the document, or leave the function out",
        )
    return None


def _bind(
    contract: Contract,
    operation: Operation,
    spec: HttpFunctionSpec,
    report: Report,
    at: At,
    known_headers: frozenset[str],
) -> Bound | None:
    path, query = _split(operation.path)
    wanted = spec.body if "body" in spec.model_fields_set else None
    published, content = publication_of(contract, operation, wanted)
    if wanted is not None and content is None:
        _report_body(contract, operation, wanted, report, at)
    narrowing = Narrowing(published, contract.schemas)
    narrowing.hide(spec.hide, report, (*at, "hide"))
    if spec.keep is not None:
        narrowing.keep([*spec.keep, *_taken(spec, published)], report, (*at, "keep"))
    if spec.pages is not None and spec.pages.to is not None:
        published.take(spec.pages.to)
    offered = published.offered()
    parameters = merge_parameters(spec, offered, report, at, published.find)
    if report.is_broken(at):
        return None
    places = Places(operation.method.upper(), spec, report, at)
    segments, parameters = _Putting(contract, published, places, path).all(parameters)
    headers = _fixed_headers(published, places, report, at, known_headers)
    places.constant_headers.extend(headers)
    places.check()
    _warn_of_weight(published, contract, operation, report, at)
    fixed = [f"{quote(t.name, safe='')}={quote(_text(v), safe='')}" for t, v in published.fixed]
    return Bound(
        operation.method.upper(),
        path,
        parameters,
        places,
        segments,
        "&".join([*([query] if query else []), *fixed]),
        content,
        description_of_operation(operation),
    )


def description_of_operation(operation: Operation) -> str | None:
    """Its summary, and its description where that says more."""
    found = [operation.node.get(word) for word in ("summary", "description")]
    texts = [
        clip(text, LONGEST_FUNCTION) for text in found if isinstance(text, str) and text.strip()
    ]
    if len(texts) == 2 and texts[1].lower().startswith(texts[0].rstrip(".").lower()):  # noqa: PLR2004 -- both
        texts = texts[1:]
    ended = [text if text[-1:] in ".!?:" else f"{text}." for text in texts if text]
    return clip(" ".join(ended), LONGEST_FUNCTION) or None


def _split(path: str) -> tuple[str, str]:
    """Path and query of a path as documents write it; what stands behind `#` only tells operations apart."""
    path, _, query = path.partition("#")[0].partition("?")
    return path, "" if "{" in query else query


def _complete(inputs: list[Input], path: str) -> list[Input]:
    """With the places of the path that the document forgot to describe, and without those the path does not have."""
    named = dict.fromkeys(_PLACE.findall(path))
    declared = {each.name for each in inputs if each.where == "path"}
    text: JsonObject = {"type": "string"}
    missing = [
        Input(name.strip("+*"), "path", text, required=True, style=SIMPLE)
        for name in named
        if name not in declared and name.strip("+*") not in declared
    ]
    bare = {name.strip("+*") for name in named} | named.keys()
    kept = [each for each in inputs if each.where != "path" or each.name in bare]
    return [*(each for each in kept if each.where == "path"), *missing] + [
        each for each in kept if each.where != "path"
    ]


def publication_of(
    contract: Contract, operation: Operation, wanted: str | None = None
) -> tuple[Publication, Content | None]:
    """All inputs of an operation, with a body of the wanted form. Raises BrokenReference."""
    path, _ = _split(operation.path)
    inputs = _complete(contract.catalogue.inputs(operation), path)
    content = content_of(contract.catalogue.bodies(operation), wanted, contract.schemas)
    return Publication(contract.schemas, inputs, content), content


def _report_body(
    contract: Contract, operation: Operation, wanted: str, report: Report, at: At
) -> None:
    media = ", ".join(body.media for body in contract.catalogue.bodies(operation)) or "none"
    report.add(
        (*at, "body"),
        "DB527",
        f"`{operation.request}` takes no body of the form {wanted}",
        fix=f"leave `body` out; the document has {media}",
    )


def _taken(spec: HttpFunctionSpec, published: Publication) -> list[str]:
    """Parameters that the author wrote are wanted, whatever `keep` says."""
    return [name for name in spec.parameters if name in published.names]


class _Putting:
    """Gives every parameter its place in the request."""

    def __init__(
        self, contract: Contract, published: Publication, places: Places, path: str
    ) -> None:
        self._schemas = contract.schemas
        self._published = published
        self._places = places
        self._template = path
        self._path: dict[str, Slot] = {}

    def all(
        self, parameters: tuple[Parameter, ...]
    ) -> tuple[tuple[tuple[str | Slot, ...], ...], tuple[Parameter, ...]]:
        # The template is read first: what the author adds himself is checked against it.
        self._places.read_path(self._template, parameters)
        put = tuple(self._put(parameter) for parameter in parameters)
        segments = [
            tuple(self._pieces(text)) for text in self._template.removeprefix("/").split("/")
        ]
        return tuple(segments), put

    def _put(self, parameter: Parameter) -> Parameter:
        target = self._published.targets.get(parameter.to or parameter.name)
        if target is None:
            return self._places.put(parameter)
        match target.place:
            case "path":
                slot = self._slot(parameter, target)
                slot = replace(slot, slashes=parameter.name in self._places.spec.slashes)
                self._path[target.name] = slot
                return self._places.fill_path(parameter, target.name, scalar=slot.style is None)
            case "query":
                self._places.query.append(self._slot(parameter, target))
            case "header":
                return self._places.fill_header(parameter, self._slot(parameter, target))
            case "cookie":
                self._places.cookies.append(self._slot(parameter, target))
            case "body":
                self._places.fill_body(parameter, target.way)
        return parameter

    def _slot(self, parameter: Parameter, target: Target) -> Slot:
        """With a style where the value needs one."""
        schema, style = parameter.schema, target.style
        items = schema.get("items")
        if style.form == "json" or style.form in ("label", "matrix") or style.reserved:
            plain = False
        elif schema.get("type") == "array":
            plain = (
                target.place == "query"
                and style.explode
                and style.form != "deep"
                and isinstance(items, dict)
                and _is_scalar(items)
            )
        else:
            plain = _is_scalar(schema)
        return Slot(parameter.name, target.name, None if plain else style)

    def _pieces(self, text: str) -> list[str | Slot]:
        pieces: list[str | Slot] = []
        parts = _PLACE.split(text)
        for index, part in enumerate(parts):
            if index % 2:
                slot = self._path.get(part) or self._path.get(part.strip("+*"))
                if slot is not None:
                    pieces.append(slot)
            elif part or len(parts) == 1:
                pieces.append(quote(part, safe="%:@!$&'()*+,;=~-._"))
        return pieces


def _fixed_headers(
    published: Publication,
    places: Places,
    report: Report,
    at: At,
    known: frozenset[str],
) -> list[tuple[str, str]]:
    """Headers with one value only; others that are required have to come from the author."""
    filled = {slot.key.lower() for slot in (*places.headers, *places.cookies)} | known
    fixed = []
    for to, each in published.apart.items():
        if not each.required or each.name.lower() in filled:
            continue
        only = published.only(to)
        if each.where == "header" and only is not None:
            fixed.append((each.name, _text(only)))
            continue
        report.add(
            (*at, "operation"),
            "DB524",
            f"the document requires the {each.where} `{each.name}`, and nothing fills it",
            fix=f"add a parameter with `to: {to}`, and `from:` or `const:` unless the model shall fill it",
            severity="warning",
        )
    return fixed


def _warn_of_weight(
    published: Publication, contract: Contract, operation: Operation, report: Report, at: At
) -> None:
    tokens = published.weight()
    if tokens <= LARGE:
        return
    hide = Narrowing(published, contract.schemas).proposed()
    report.add(
        (*at, "operation"),
        "DB526",
        f"the input of `{operation.id or operation.request}` takes about {tokens} tokens of every run that offers it",
        fix=advice(hide, published.weight()),
        severity="warning",
    )


def _is_scalar(schema: JsonObject) -> bool:
    return isinstance(kind := schema.get("type"), str) and kind in _SCALARS


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
