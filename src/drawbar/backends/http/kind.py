"""From an HTTP adapter to bindings: where each parameter goes, decided and checked before any call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from drawbar.backends.http.access.addresses import is_forbidden
from drawbar.backends.http.backend import HttpBackend
from drawbar.backends.http.compile.bindings import binding_of, constant_query, request_of
from drawbar.backends.http.compile.dialects import plan_of, read_contracts, speaks
from drawbar.backends.http.compile.function_words import check_effect, check_words
from drawbar.backends.http.compile.precondition import with_preconditions
from drawbar.backends.http.graphql.codes import CODES as GRAPHQL_CODES
from drawbar.backends.http.odata.codes import CODES as ODATA_CODES
from drawbar.backends.http.openapi.codes import CODES as OPENAPI_CODES
from drawbar.backends.http.options import AuthSpec, HttpBackendSpec, HttpFunctionSpec
from drawbar.backends.http.request.bodies import Media
from drawbar.backends.http.request.kept import KeptBinding, kept
from drawbar.backends.http.request.places import Places, name_problem
from drawbar.backends.http.request.request import Binding
from drawbar.backends.http.rpc.codes import CODES as RPC_CODES
from drawbar.codecs.text import find_encoding
from drawbar.compiler.draft import Draft, DraftWish
from drawbar.compiler.files import is_file
from drawbar.compiler.kind import Parameter, Plan
from drawbar.compiler.parameters import merge_parameters
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.extras import import_extra
from drawbar.kernel.ports import Backend, BackendError
from drawbar.kernel.values import JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import At, Report

if TYPE_CHECKING:
    from drawbar.backends.http.openapi.compile import Contract

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t\x80-\xff]*")

CODES = {
    "DB501": "`request` is no method and path",
    "DB502": "a place in the path without a parameter",
    "DB503": "a parameter that would go nowhere",
    "DB504": "a `to` that names no place of a request",
    "DB505": "a body where the method has none",
    "DB506": "an effect that the method cannot have, or that must be written",
    "DB507": "a backend `url` or `health` path that cannot be called",
    "DB508": "a parameter whose type cannot be carried in its place",
    "DB509": "two parameters for one place",
    "DB510": "a header that cannot be set",
    "DB511": "`response` is no JSON pointer",
    "DB512": "`tls` without an https:// URL",
    "DB513": "a charset that Python does not know",
    "DB514": "the address of a token server that cannot be called",
    "DB515": "`pages` that cannot be followed",
    "DB516": "a `precondition` that cannot be read",
    "DB517": "`slashes` for what does not go into the path",
    **OPENAPI_CODES,
    **RPC_CODES,
    **GRAPHQL_CODES,
    **ODATA_CODES,
}


class HttpKind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "http"
    sources = ("openapi", "graphql", "odata")
    """What drafts are made from, as a name for `drawbar new`."""
    options: type[BackendSpec] = HttpBackendSpec
    function: type[FunctionSpec] = HttpFunctionSpec
    codes: Mapping[str, str] = CODES

    stored: tuple[type, ...] = (KeptBinding,)

    def ingredients(self, adapter: Adapter) -> JsonValue:
        """What is wrong with the secrets of the backend, which change no function."""
        if not isinstance(adapter.backend, HttpBackendSpec):
            raise TypeError("the loader reads `backend` by this kind's own model")
        report = Report(adapter.source)
        _check_backend(adapter.backend, report)
        return [each.code for each in report.problems]

    def to_store(self, binding: Binding) -> KeptBinding | Binding:
        return kept(binding) or binding  # of which the cache says that it is not kept

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        backend = adapter.backend
        if not isinstance(backend, HttpBackendSpec):
            raise TypeError("the loader reads `backend` by this kind's own model")
        _check_backend(backend, report)
        contract = None
        if backend.openapi is not None:
            from drawbar.backends.http.openapi.compile import read_contract  # noqa: PLC0415 -- others start without

            contract = read_contract(adapter, backend, report)
        plans = self.compile_with(contract, adapter, report)
        if contract is not None:
            report.files.update(contract.catalogue.documents.paths)
        return plans

    def compile_with(
        self, contract: Contract | None, adapter: Adapter, report: Report
    ) -> Mapping[str, Plan]:
        """Compile by a document that was read before."""
        backend = adapter.backend
        if not isinstance(backend, HttpBackendSpec):
            raise TypeError("the loader reads `backend` by this kind's own model")
        plans = {}
        contracts = read_contracts(adapter, backend, report)
        for name, spec in adapter.functions.items():
            if not isinstance(spec, HttpFunctionSpec):
                raise TypeError("the loader reads functions by this kind's own model")
            at: At = ("functions", name)
            if not check_words(spec, backend, report, at):
                continue
            if speaks(spec):
                plan = plan_of(name, spec, backend, contracts, report, at)
            elif spec.operation is not None:
                plan = _compile_operation(name, spec, contract, _known(backend), report, at)
            else:
                plan = _compile_function(name, spec, report, at)
            if plan is not None and not report.is_broken(at):
                plans[name] = plan
        return with_preconditions(adapter, plans, report)

    def draft(self, source: str, wish: DraftWish) -> Draft:
        """From an OpenAPI document or a plugin's manifest; from a GraphQL schema or OData metadata when asked so."""
        if wish.asked == "odata":
            from drawbar.backends.http.odata.draft import draft_adapter as draft_of_odata  # noqa: PLC0415 -- as below

            return draft_of_odata(source, wish)
        if wish.asked == "graphql":
            try:
                import_extra("graphql", "graphql")
            except BackendError as error:
                raise OperatorError(error.message) from None
            from drawbar.backends.http.graphql.draft import draft_adapter as draft_of_graphql  # noqa: PLC0415 -- as above

            return draft_of_graphql(source, wish)
        from drawbar.backends.http.openapi.draft import draft_adapter  # noqa: PLC0415 -- no call needs it

        return draft_adapter(source, wish)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        del plans, workers  # bindings come with each call, and nothing here blocks
        backend = adapter.backend
        if not isinstance(backend, HttpBackendSpec):
            raise TypeError("the loader reads `backend` by this kind's own model")
        return HttpBackend(
            backend, folder=adapter.folder, concurrency=adapter.limits.concurrency or 8
        )


KIND = HttpKind()


def _compile_function(name: str, spec: HttpFunctionSpec, report: Report, at: At) -> Plan | None:
    parameters = merge_parameters(spec, {}, report, at)
    match = request_of(spec, _METHODS, report, at)
    if match is None:
        return None
    check_effect(match["method"], spec, report, (*at, "request"), at)
    places = Places(match["method"], spec, report, at)
    segments = places.read_path(match["path"], parameters)
    parameters = tuple(places.put(parameter) for parameter in parameters)
    places.check()
    binding = binding_of(name, match["method"], segments, places, parameters)
    query = constant_query(match)
    media = _media(spec, places, parameters)
    return Plan(
        parameters,
        replace(binding, constant_query=query, form=spec.body == "form", media=media),
    )


def _media(
    spec: HttpFunctionSpec, places: Places, parameters: tuple[Parameter, ...]
) -> Media | None:
    """How the body of a request is written that is neither JSON nor a plain form."""
    if spec.body == "bytes":
        return Media("bytes", "application/octet-stream")
    if spec.body != "multipart":
        return None
    files = {each.name for each in parameters if is_file(each.schema)}
    fields = frozenset(slot.way[0] for slot in places.body if slot.way and slot.parameter in files)
    return Media("multipart", "multipart/form-data", files=fields)


def _compile_operation(
    name: str,
    spec: HttpFunctionSpec,
    contract: Contract | None,
    known_headers: frozenset[str],
    report: Report,
    at: At,
) -> Plan | None:
    if contract is None:
        return None
    from drawbar.backends.http.openapi.compile import bind, find_operation  # noqa: PLC0415 -- as above

    operation = find_operation(contract, spec, report, at)
    if operation is None:
        return None
    check_effect(operation.method.upper(), spec, report, (*at, "operation"), at)
    bound = bind(contract, operation, spec, report, at, known_headers=known_headers)
    if bound is None:
        return None
    places, content = bound.places, bound.content
    binding = replace(
        binding_of(name, bound.method, bound.segments, places, bound.parameters),
        constant_query=bound.constant_query,
        media=None if content is None else content.media,
        needs_body=content is not None and content.required,
    )
    return Plan(bound.parameters, binding, bound.description)


def _known(backend: HttpBackendSpec) -> frozenset[str]:
    """Headers, in lower case, that every request carries anyway."""
    names = [*backend.headers]
    if backend.auth is not None and backend.auth.api_key is not None:
        names.append(backend.auth.api_key.name)
    return frozenset(name.lower() for name in names)


def _check_backend(backend: HttpBackendSpec, report: Report) -> None:
    at: At = ("backend",)
    message = _url_problem(backend.url)
    if message is not None:
        report.add(
            (*at, "url"), "DB507", message, fix="write one such as http://staff.internal:8080/api"
        )
    if backend.health is not None and not re.fullmatch(r"/[\x21-\x7e]*", backend.health):
        report.add((*at, "health"), "DB507", "`health` is a path that begins with a slash")
    if find_encoding(backend.charset) is None:
        report.add((*at, "charset"), "DB513", f"no charset is called `{backend.charset}`")
    for name, value in backend.headers.items():
        if message := header_problem(name, value.reveal()):
            report.add((*at, "headers", name), "DB510", message)
    if backend.tls is not None and not backend.url.startswith("https:"):
        report.add((*at, "tls"), "DB512", "`tls` needs an https:// URL")
    if backend.auth is not None:
        _check_auth(backend.auth, report, (*at, "auth"))


def _check_auth(auth: AuthSpec, report: Report, at: At) -> None:
    key = auth.api_key
    if key is not None and key.in_ == "header":
        message = header_problem(key.name, key.value.reveal())
        if message is not None:
            report.add((*at, "api_key", "name"), "DB510", message)
    token = auth.bearer
    if token is not None and not re.fullmatch(r"[\x21-\x7e]+", token.token.reveal()):
        report.add((*at, "bearer", "token"), "DB510", "a token is visible ASCII without blanks")
    oauth = auth.oauth2
    if oauth is not None and (message := _url_problem(oauth.token_url)):
        report.add((*at, "oauth2", "token_url"), "DB514", message)


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "an API is at an http:// or https:// URL"
    if parts.username is not None or parts.password is not None:
        return "user and password do not stand in the URL; write them under `auth: {basic: ...}`"
    if parts.query or parts.fragment or re.search(r"[\s\x00-\x1f]", url):
        return "the URL every path starts from has no query, fragment or blank"
    return _host_problem(host)


def _host_problem(host: str) -> str | None:
    if is_forbidden(host):
        return f"{host} is a link-local or metadata address, which is never called"
    if re.fullmatch(r"[\d.]+", host) and not re.fullmatch(r"\d+(\.\d+){3}", host):
        return f"{host} is a short form of an address; write its four numbers"
    return None


def header_problem(name: str, value: str) -> str | None:
    """Why a header cannot be sent with every request."""
    if message := name_problem(name):
        return message
    if not _HEADER_VALUE.fullmatch(value) or value != value.strip():
        return f"the value of {name} holds a line break, a control character or outer blanks"
    return None
