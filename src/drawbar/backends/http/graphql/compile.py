"""From a document in an adapter to a function: checked against the schema, its variables made parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    ObjectFieldNode,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    parse,
    type_from_ast,
    validate,
    value_from_ast_untyped,
    visit,
)

from drawbar.backends.http.graphql.answer import GraphQl
from drawbar.backends.http.graphql.schema import InputTypes, UnreadableSchema, read_schema
from drawbar.backends.http.openapi.bundle import Bundle
from drawbar.backends.http.openapi.schemas import REFERENCE
from drawbar.backends.http.openapi.words import LONGEST_FUNCTION, clip
from drawbar.backends.http.options import HttpBackendSpec, HttpFunctionSpec
from drawbar.backends.http.request.places import Places
from drawbar.compiler.kind import Parameter
from drawbar.compiler.parameters import Inherited, merge_parameters
from drawbar.kernel.values import JsonObject
from drawbar.spec.model import Adapter
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_MOST_TOKENS = 20_000
_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Document:
    """One document that the schema allows."""

    text: str
    operation: OperationDefinitionNode
    roots: tuple[str, ...]
    variables: Mapping[str, Inherited]
    """By `body.NAME`, as they stand in the request."""
    description: str | None

    @property
    def changes(self) -> bool:
        return self.operation.operation == OperationType.MUTATION


class GraphQlContract:
    """A schema that was read, for all functions of its adapter."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._types = InputTypes(schema)

    def document(self, spec: HttpFunctionSpec, report: Report, at: At) -> Document | None:
        """None after a problem was noted."""
        text = spec.document or ""
        where = (*at, "document")
        try:
            parsed = parse(text, max_tokens=_MOST_TOKENS)
        except GraphQLError as error:
            report.add(where, "DB541", _told(error))
            return None
        errors = validate(self._schema, parsed)
        for wrong in errors[:_MOST_PROBLEMS]:
            report.add(where, "DB541", _told(wrong))
        operation = _operation(parsed, report, where)
        if errors or operation is None:
            return None
        fields = [
            each for each in operation.selection_set.selections if isinstance(each, FieldNode)
        ]
        if len(fields) != len(operation.selection_set.selections):
            report.add(where, "DB542", "at its top an operation names fields, no fragments")
            return None
        return Document(
            text.strip(),
            operation,
            tuple((each.alias or each.name).value for each in fields),
            self._variables(parsed, operation),
            self._description(operation, fields),
        )

    def _variables(
        self, parsed: DocumentNode, operation: OperationDefinitionNode
    ) -> dict[str, Inherited]:
        said = _Descriptions(self._schema, parsed).found
        written: dict[str, JsonObject] = {}
        required = {}
        for each in operation.variable_definitions or ():
            name = each.variable.name.value
            kind = type_from_ast(self._schema, each.type)
            default = (
                None if each.default_value is None else value_from_ast_untyped(each.default_value)
            )
            written[name] = self._types.write(kind, said.get(name), default)
            required[name] = isinstance(kind, GraphQLNonNull) and each.default_value is None
        bundle = Bundle(written.values(), self._types.definition)
        return {
            name: Inherited(bundle.whole(schema), required[name], f"body.{name}")
            for name, schema in written.items()
        }

    def part(self, document: Document, to: str) -> Inherited | None:
        """What a dotted way such as `body.order.ship_to.city` leads to."""
        head, *steps = to.removeprefix("body.").split(".")
        whole = document.variables.get(head)
        if whole is None:
            return None
        schema, required = whole.schema, whole.required
        for step in steps:
            inner = self._member(schema, step)
            if inner is None:
                return None
            listed = self._resolved(schema).get("required")
            required = required and isinstance(listed, list) and step in listed
            schema = inner
        bundle = Bundle([schema], self._types.definition)
        return Inherited(bundle.whole(schema), required, to)

    def _member(self, schema: JsonObject, name: str) -> JsonObject | None:
        properties = self._resolved(schema).get("properties")
        found = properties.get(name) if isinstance(properties, dict) else None
        return found if isinstance(found, dict) else None

    def _resolved(self, schema: JsonObject) -> JsonObject:
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._types.definition(reference.removeprefix(REFERENCE))
        return schema

    def _description(
        self, operation: OperationDefinitionNode, fields: list[FieldNode]
    ) -> str | None:
        if operation.description is not None:
            return clip(operation.description.value, LONGEST_FUNCTION)
        root = self._schema.get_root_type(operation.operation)
        if root is None or len(fields) != 1:
            return None
        text = root.fields[fields[0].name.value].description
        return clip(text, LONGEST_FUNCTION) if text else None


class _Descriptions(Visitor):
    """What the schema says where a variable is used, by variable; its own words in the document come first."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._info = TypeInfo(schema)
        visit(document, TypeInfoVisitor(self._info, self))

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        if node.description is not None:
            self.found[node.variable.name.value] = node.description.value

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        argument = self._info.get_argument()
        self._keep(node.value, None if argument is None else argument.description)

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        holder = get_named_type(self._info.get_parent_input_type())
        field = getattr(holder, "fields", {}).get(node.name.value)
        self._keep(node.value, None if field is None else field.description)

    def _keep(self, value: object, description: str | None) -> None:
        if isinstance(value, VariableNode) and description:
            self.found.setdefault(value.name.value, description)


def read_contract(
    adapter: Adapter, backend: HttpBackendSpec, report: Report
) -> GraphQlContract | None:
    """The schema that `graphql:` names. What is wrong is reported."""
    path = adapter.folder / (backend.graphql or "")
    report.files.add(path)
    try:
        return GraphQlContract(read_schema(path))
    except UnreadableSchema as error:
        report.add(
            ("backend", "graphql"),
            "DB540",
            f"the schema `{backend.graphql}` cannot be read: {error}",
            fix="write the path of an SDL file or of an introspection's JSON; `drawbar new graphql` writes one",
        )
    return None


def compile_document(
    contract: GraphQlContract, document: Document, spec: HttpFunctionSpec, report: Report, at: At
) -> tuple[GraphQl, tuple[Parameter, ...]]:
    """The dialect, and the parameters, which still have no places."""
    if document.changes and (spec.effect == "read" or "effect" not in spec.model_fields_set):
        written = "effect" in spec.model_fields_set
        report.add(
            (*at, "effect" if written else "document"),
            "DB543",
            "a mutation changes something, and the effect is read",
            fix="write `effect: write`, or `effect: destroy` for what cannot be taken back",
        )
    parameters = merge_parameters(
        spec, document.variables, report, at, lambda to: contract.part(document, to)
    )
    dialect = GraphQl(document.text, document.roots, document.changes)
    return dialect, parameters


def check_variables(document: Document, places: Places, report: Report, at: At) -> None:
    """Every value of the body is a variable, or a part of one."""
    for slot in places.body:
        name = slot.way[0] if slot.way else ""
        if name not in document.variables:
            meant = closest(name, document.variables)
            report.add(
                (*at, "parameters", slot.parameter),
                "DB544",
                f"the document has no variable ${name}",
                fix=f"did you mean `{meant}`?" if meant else "declare it in the document",
            )


def _operation(parsed: DocumentNode, report: Report, at: At) -> OperationDefinitionNode | None:
    found = [each for each in parsed.definitions if isinstance(each, OperationDefinitionNode)]
    if len(found) == 1 and found[0].operation != OperationType.SUBSCRIPTION:
        return found[0]
    message = (
        "a subscription is answered again and again; a function has one answer"
        if len(found) == 1
        else f"a document has one query or mutation, and this one has {len(found)}"
    )
    report.add(at, "DB542", message)
    return None


def _told(error: GraphQLError) -> str:
    """With its place in the document."""
    text = error.message.removeprefix("Syntax Error: ")
    if not error.locations:
        return text
    line, column = error.locations[0].line, error.locations[0].column
    return f"line {line}, column {column} of the document: {text}"
