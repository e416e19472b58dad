"""From a GraphQL server or its schema to a first version of an adapter: one function for each field at the top.

What a document selects is a proposal: what is plain, and the plain parts of what lies below it, so deep as `depth`
says. A person takes out what no model needs.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
    print_schema,
)

from drawbar.backends.http.access.addresses import is_forbidden
from drawbar.backends.http.access.asking import OPTIONS as ASKING
from drawbar.backends.http.access.asking import asking, prove
from drawbar.backends.http.graphql.schema import UnreadableSchema, is_required, schema_of
from drawbar.backends.http.openapi.words import clip
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Inline,
    Node,
    Noted,
    Reference,
    function_names,
    functions_node,
    proposed_effect,
    snake_case,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import Effect
from drawbar.spec.secrets import mask_url

OPTIONS: Mapping[str, str] = {
    "depth": "how many levels of objects a document selects, 2 unless set",
    "deprecated": "yes, to draft what the schema calls deprecated, too",
    **ASKING,
}
_SECONDS = 30
_LARGEST = 50_000_000
_DEPTH = 2
_MOST_FIELDS = 30
"""Of one object in a proposed document."""
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class _Root:
    """One field at the top."""

    kind: str
    """query or mutation."""
    name: str
    field: GraphQLField

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def effect(self) -> Effect:
        if self.kind == "query":
            return "read"
        return "destroy" if proposed_effect(self.name) == "destroy" else "write"


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """`source` is the URL of a server that tells its schema, or a file: SDL or an introspection. Raises OperatorError."""
    wish.check_options(OPTIONS)
    depth = wish.options.get("depth", str(_DEPTH))
    if not depth.isdecimal():
        raise OperatorError(f"`--option depth={depth}` is no number")
    is_url = source.startswith(("http://", "https://"))
    shown = mask_url(source)
    proof = asking(wish.options, is_url=is_url)
    try:
        data = _introspected(source, proof.headers) if is_url else Path(source).read_bytes()
        schema = schema_of(data)
    except OSError as error:
        raise OperatorError(f"{shown} cannot be read: {error.strerror}") from None
    except UnreadableSchema as error:
        raise OperatorError(f"{shown} is no GraphQL schema: {error}") from None
    roots = [each for each in _roots(schema) if _is_wanted(each, wish)]
    if not roots:
        there = ", ".join(each.name for each in list(_roots(schema))[:30])
        raise OperatorError(f"no field at the top is called so; there are {there or 'none'}")
    name = wish.name or _name(source, is_url=is_url)
    file = f"graphql/{name}.graphql"
    names = function_names({each.key: each.name for each in roots}, f"{name}_", wish.named)
    url = Reference(f"{name.upper()}_URL")
    document: dict[str, Node] = {
        "adapter": Noted(
            name,
            f"Drafted by `drawbar new graphql` from {shown}. Take out what no model should call, and of each document "
            "what no model needs; say when to use what is left, and decide each `effect`.",
        ),
        "backend": Noted(
            {
                "kind": "http",
                "url": Noted(url, "Where the GraphQL server is."),
                "graphql": f"./{file}",
                **proof.auth,
            },
            apart=True,
        ),
        "limits": Noted(Inline({"timeout": "20s", "concurrency": 8}), apart=True),
        "functions": functions_node(
            {names[each.key]: _function(each, int(depth)) for each in roots}
        ),
    }
    return Draft(
        name,
        write_yaml(document),
        files={file: f"{print_schema(schema)}\n".encode()},
        named={each.key: names[each.key] for each in roots},
        undecided=tuple(names[each.key] for each in roots if each.effect != "read"),
        environ={url.name: source if is_url else "http://127.0.0.1/graphql"},
    )


def _roots(schema: GraphQLSchema) -> Iterable[_Root]:
    for kind, holder in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        for name, field in holder.fields.items() if holder is not None else ():
            yield _Root(kind, name, field)


def _is_wanted(each: _Root, wish: DraftWish) -> bool:
    if each.field.deprecation_reason and wish.options.get("deprecated") != "yes":
        return False
    return wish.wants(each.name) or wish.wants(each.key)


def _name(source: str, *, is_url: bool) -> str:
    if not is_url:
        return snake_case(Path(source).stem)[:30]
    host = urlsplit(source).hostname or ""
    first = host.split(".")[0]
    return "graphql" if not first or first[0].isdigit() else snake_case(first)[:30]


def _function(root: _Root, depth: int) -> dict[str, Node]:
    said = root.field.description
    sentence = f"{' '.join(snake_case(root.name).split('_')).capitalize()}."
    return {
        "document": _document(root, depth),
        "description": clip(said, _LONGEST)
        if said
        else Noted(sentence, beside="from its name: say when to use it"),
        "effect": root.effect if root.kind == "query" else Noted(root.effect, beside="decide"),
        "response": f"/{root.name}",
    }


# -- documents ----------------------------------------------------------------------------------------


def _document(root: _Root, depth: int) -> str:
    arguments = {
        name: each
        for name, each in root.field.args.items()
        if not each.deprecation_reason or is_required(each)
    }
    declared = ", ".join(f"${name}: {each.type}" for name, each in arguments.items())
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    head = f"{root.kind} {root.name}" + (f"({declared})" if declared else "")
    field = root.name + (f"({passed})" if passed else "")
    lines = _selection(get_named_type(root.field.type), depth, "    ", frozenset())
    inner = [f"  {field} {{", *lines, "  }"] if lines else [f"  {field}"]
    return "\n".join([f"{head} {{", *inner, "}"]) + "\n"


def _selection(kind: Any, depth: int, indent: str, above: frozenset[str]) -> list[str]:
    """Lines between the braces of a value of this type; none for a plain one."""
    if is_leaf_type(kind):
        return []
    lines = [] if isinstance(kind, GraphQLObjectType) else [f"{indent}__typename"]
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        lines += _fields(kind, depth, indent, above | {kind.name})
    if isinstance(kind, GraphQLUnionType):
        lines += _members(kind, indent)
    return lines or [f"{indent}__typename"]


def _members(kind: GraphQLUnionType, indent: str) -> list[str]:
    """What is plain in each; a name that means values of several types gets the name of its holder in front."""
    plain = {
        member.name: {
            name: str(field.type)
            for name, field in list(member.fields.items())[:_MOST_FIELDS]
            if is_leaf_type(get_named_type(field.type))
            and not field.deprecation_reason
            and not _needs_arguments(field.args.values())
        }
        for member in kind.types
    }
    types: dict[str, set[str]] = {}
    for fields in plain.values():
        for name, text in fields.items():
            types.setdefault(name, set()).add(text)
    lines: list[str] = []
    for member, fields in plain.items():
        aliases = {n: f"{snake_case(member)}_{n}: " if len(types[n]) > 1 else "" for n in fields}
        inner = [f"{indent}  {alias}{name}" for name, alias in aliases.items()]
        lines += [f"{indent}... on {member} {{", *inner, f"{indent}}}"] if inner else []
    return lines


def _fields(
    kind: GraphQLObjectType | GraphQLInterfaceType,
    depth: int,
    indent: str,
    above: frozenset[str],
) -> list[str]:
    lines: list[str] = []
    for name, field in list(kind.fields.items()):
        if field.deprecation_reason or _needs_arguments(field.args.values()):
            continue
        target = get_named_type(field.type)
        if is_leaf_type(target):
            lines.append(indent + name)
        elif depth > 1 and target.name not in above:
            inner = _selection(target, depth - 1, f"{indent}  ", above)
            lines += [f"{indent}{name} {{", *inner, f"{indent}}}"]
        if len(lines) > _MOST_FIELDS:
            break
    return lines or [f"{indent}__typename"]


def _needs_arguments(arguments: Iterable[GraphQLArgument]) -> bool:
    return any(is_required(each) for each in arguments)


# -- the network --------------------------------------------------------------------------------------


def _introspected(url: str, proof: Mapping[str, str]) -> bytes:
    """Raises OperatorError."""
    shown = mask_url(url)
    if is_forbidden(urlsplit(url).hostname or ""):
        raise OperatorError(f"{shown} is a link-local or metadata address, which is never called")
    request = urllib.request.Request(  # noqa: S310 -- http and https only, see the caller
        url,
        data=orjson.dumps({"query": get_introspection_query(input_value_deprecation=False)}),
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "drawbar",
        },
    )
    prove(request, proof)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 -- as above
            data: bytes = response.read(_LARGEST + 1)
    except (urllib.error.URLError, ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise OperatorError(
            f"{shown} does not tell its schema: {reason}; save the schema in a file and name that"
        ) from None
    if b"__schema" not in data:
        raise OperatorError(
            f"{shown} does not tell its schema, as some servers are told not to; save the schema in a file and name that"
        )
    return data
