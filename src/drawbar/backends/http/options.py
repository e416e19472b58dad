"""The words of an adapter whose backend is an HTTP API."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from drawbar.spec.model import BackendSpec, FunctionSpec, SecretText, Spec
from drawbar.spec.tls import TlsSpec


class BasicAuth(Spec):
    """User name and password in every request (RFC 7617)."""

    username: str
    password: SecretText


class BearerAuth(Spec):
    """A token in every request (RFC 6750)."""

    token: SecretText


class ApiKeyAuth(Spec):
    """A key in a header or in the query of every request."""

    name: str = Field(description="Of the header or query parameter.")
    value: SecretText
    in_: Literal["header", "query"] = Field("header", alias="in")


class ExchangeSpec(Spec):
    """The caller's own token is exchanged for one of the backend (RFC 8693)."""

    subject_token: str = Field(
        pattern=r"^caller\.claims\.[A-Za-z_][A-Za-z0-9_-]*$",
        description="Where the caller's token is: `caller.claims.NAME`.",
    )
    subject_token_type: str = Field(
        "urn:ietf:params:oauth:token-type:access_token", description="What kind of token that is."
    )


class OAuth2Auth(Spec):
    """Tokens of a token server, kept until shortly before they expire."""

    token_url: str = Field(description="Where tokens are had.")
    client_id: str
    client_secret: SecretText
    scope: str | None = Field(None, description="What the token is for, separated by blanks.")
    audience: str | None = Field(None, description="For which API, where the token server asks.")
    resource: str | None = Field(None, description="The same as an address (RFC 8707).")
    client_auth: Literal["basic", "body"] = Field(
        "basic", description="Whether the client's secret goes into a header or the form."
    )
    exchange: ExchangeSpec | None = None


class AuthSpec(Spec):
    """How the gateway shows who it is. Exactly one of the four."""

    basic: BasicAuth | None = None
    bearer: BearerAuth | None = None
    api_key: ApiKeyAuth | None = None
    oauth2: OAuth2Auth | None = None

    @model_validator(mode="after")
    def _one(self) -> AuthSpec:
        ways = (self.basic, self.bearer, self.api_key, self.oauth2)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("write exactly one of basic, bearer, api_key and oauth2")
        return self


class HttpBackendSpec(BackendSpec):
    """One HTTP API."""

    url: str = Field(description="Where every path starts, such as http://staff.internal:8080/api.")
    openapi: str | None = Field(
        None,
        description="The OpenAPI 2.0, 3.0 or 3.1 document, beside the adapter; nothing is fetched from the network.",
    )
    graphql: str | None = Field(
        None,
        description="The schema of a GraphQL server at the `url`, beside the adapter: SDL, or the JSON of an "
        "introspection; nothing is fetched from the network.",
    )
    odata: str | None = Field(
        None,
        description="The `$metadata` of an OData service (v2 or v4) at the `url`, beside the adapter; nothing is fetched "
        "from the network.",
    )
    csrf: bool = Field(
        False,
        description="A token is fetched before a change (`X-CSRF-Token: fetch`), as SAP's gateways want it.",
    )
    protocol: Literal["json-rpc", "xml-rpc"] | None = Field(
        None, description="What is spoken at the `url`, by functions that name a `method`."
    )
    auth: AuthSpec | None = None
    headers: dict[str, SecretText] = Field(
        default_factory=dict, description="Sent with every request; never shown."
    )
    health: str | None = Field(
        None,
        description="A path whose GET answers 2xx while the API is well; a TCP connection proves it otherwise.",
    )
    tls: TlsSpec | None = None
    charset: str = Field("utf-8", description="Of replies that name none.")


class PagesSpec(Spec):
    """A list that comes in pages is read page after page, as far as the limits let it."""

    next: Literal["link", "url", "cursor", "page", "offset"] = Field(
        description="Where the next page is: in the Link header, at a URL in the reply, or behind a cursor, page "
        "number or offset that goes into the query."
    )
    at: str | None = Field(
        None, description="JSON pointer to the `url` or `cursor` in the reply, such as /meta/next."
    )
    to: str | None = Field(None, description="Where a cursor, page or offset goes: `query.NAME`.")
    first: int | None = Field(
        None,
        ge=0,
        description="Number of the first page, 1 unless set; or the first offset, 0 unless set.",
    )


class PreconditionSpec(Spec):
    """A change that is only made to the state that was read just before (RFC 9110, 13.1.1)."""

    etag_of: str = Field(
        description="A reading of this adapter that answers with an ETag. It takes its arguments from those of the "
        "change that have the same names."
    )
    at: str | None = Field(
        None,
        description="JSON pointer to the ETag in its reply, such as /@odata.etag; in the ETag header unless set.",
    )


class ODataSpec(Spec):
    """One request to an OData service. Exactly one of `list`, `get`, `create`, `update`, `delete` and `call`.

    `SET/Namespace.Type` stands for those of a set that are of a type derived from the set's own.
    """

    list_: str | None = Field(None, alias="list", description="An entity set, to read many of.")
    get: str | None = Field(
        None, description="An entity set, to read one of by its key, or a singleton."
    )
    create: str | None = Field(None, description="An entity set, to put a new one into.")
    update: str | None = Field(
        None,
        description="An entity set, to change one of, or a singleton: only what is given changes.",
    )
    delete: str | None = Field(None, description="An entity set, to take one out of.")
    call: str | None = Field(None, description="A function, an action or a function import.")
    on: str | None = Field(
        None,
        description="With `call`: the entity set to one of whose entities the operation is bound.",
    )
    select: tuple[str, ...] = Field((), description="The properties that are read.")
    expand: tuple[str, ...] = Field(
        (), description="Navigation properties that are read with it, as `$expand` has them."
    )
    filter: tuple[str, ...] = Field(
        (),
        description="Conditions that all have to hold, such as `Status eq {status}`. A parameter is made for each place; "
        "a condition is left out when its parameter is. `{name:Edm.Int32}` says the type where the property does not.",
    )
    orderby: tuple[str, ...] = Field(
        (),
        description="The orders that a caller may choose from, such as `Date desc`; the first one unless chosen.",
    )
    stream: str | None = Field(
        None,
        description="With `get`: read a file instead, the stream property of this name, or `$value` for an entity that "
        "is a file itself.",
    )
    top: int | None = Field(
        None,
        ge=1,
        description="Most rows of one answer; a parameter `skip` leads on. All pages are read when left out.",
    )
    fields: tuple[str, ...] | None = Field(
        None,
        description="With `create` and `update`: the properties that are offered; all unless set.",
    )


class HttpFunctionSpec(FunctionSpec):
    """One request of the API, or one operation of its document."""

    request: str | None = Field(
        None,
        description="Method and path, such as `GET /staff/{staff_no}`. A parameter named in the path goes there; "
        "others go to the query of GET, HEAD and DELETE and to the body of POST, PUT and PATCH.",
    )
    operation: str | None = Field(
        None,
        description="Instead of `request`: an operation of the `openapi` document, by its operationId or as "
        "`GET /staff/{staff_no}`.",
    )
    method: str | None = Field(
        None,
        min_length=1,
        description="Instead of `request`: a method by the backend's `protocol`, such as order.get. `request: POST "
        "/path` beside it says where, when that is not the `url` itself.",
    )
    document: str | None = Field(
        None,
        min_length=1,
        description="Instead of `request`: one GraphQL query or mutation, whose variables are the parameters.",
    )
    odata: ODataSpec | None = Field(
        None, description="Instead of `request`: one request by the `odata` metadata."
    )
    params: Literal["named", "positional"] | None = Field(
        None,
        description="Of JSON-RPC: whether parameters go by name, as they do unless set, or in the order in which they "
        "stand here. XML-RPC knows the order only.",
    )
    types: dict[str, Literal["int", "i8", "double", "string", "dateTime.iso8601", "base64"]] = (
        Field(
            default_factory=dict,
            description="Of XML-RPC: types on the wire, by parameter or as a dotted path, where they do not follow from "
            "the parameter: a text with `format: date-time` is a dateTime.iso8601.",
        )
    )
    hide: tuple[str, ...] = Field(
        (),
        description="Optional parts of an operation's input that are not offered, as dotted paths.",
    )
    keep: tuple[str, ...] | None = Field(
        None,
        description="Of an operation's optional parts only these are offered: at the top, and inside each part "
        "that a path leads into. What is required stays.",
    )
    body: Literal["json", "form", "multipart", "xml", "text", "bytes"] = Field(
        "json",
        description="How the body is written. An operation takes the first of these that its document offers.",
    )
    slashes: tuple[str, ...] = Field(
        (),
        description="Parameters in the path whose values may hold /, which is sent as %2F; others are refused.",
    )
    pages: PagesSpec | None = None
    precondition: PreconditionSpec | None = None
    response: str | None = Field(
        None, description="JSON pointer to the part of the reply that matters, such as /data/items."
    )
    reply: Literal["json", "text", "xml", "csv", "file", "ndjson", "events"] | None = Field(
        None,
        description="What the reply is; by its content type when left out, and a file where that is none of these. "
        "`ndjson` (a JSON value on each line) and `events` (server-sent) are read as they come, until their end or a limit.",
    )
