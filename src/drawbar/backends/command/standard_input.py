"""What a function writes to standard input: which parameters fill it, and what its form enforces."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from drawbar.backends.command.options import CommandFunctionSpec
from drawbar.backends.command.request import Input
from drawbar.codecs.fields import RecordField
from drawbar.codecs.jsontext import JsonCodec
from drawbar.codecs.record import Layout, RecordCodec, RecordsCodec, make_layout
from drawbar.codecs.record_spec import FieldSpec, RecordSpec, RecordsSpec
from drawbar.codecs.text import LinesCodec, TextCodec
from drawbar.compiler.kind import Parameter
from drawbar.kernel.values import JsonObject
from drawbar.spec.source import At, Report


class Inputs:
    """Reads `stdin`; `parameters` gets the schemas that the fields of a record narrow."""

    def __init__(
        self, spec: CommandFunctionSpec, parameters: dict[str, Parameter], report: Report, at: At
    ) -> None:
        self._spec = spec
        self._parameters = parameters
        self._report = report
        self._function_at = at
        self._at: At = (*at, "stdin")

    def read(self, in_argv: Collection[str], encoding: str) -> Input | None:
        """None when nothing is written, or when a problem was reported."""
        free = [name for name in self._parameters if name not in in_argv]
        for name, parameter in self._parameters.items():
            if parameter.to is not None and not _is_place(parameter.to):
                self._wrong(
                    name,
                    "DB609",
                    f"`{parameter.to}` is no place of standard input",
                    "write stdin, or stdin.NAME (with dots for what is inside)",
                )
        match self._spec.stdin:
            case None:
                self._check_nowhere(free, "standard input is not written")
                return None
            case "json":
                return self._json(free)
            case "text" | "lines" as form:
                return self._whole(free, form, encoding)
            case RecordSpec() as record:
                return self._record(record, free)
            case RecordsSpec() as records:
                return self._records(records, free)

    def _json(self, free: list[str]) -> Input | None:
        whole = [name for name in free if self._parameters[name].to == "stdin"]
        if whole and len(free) > 1:
            self._problem(
                "DB606", f"`{whole[0]}` is all of standard input; nothing can stand beside it"
            )
            return None
        if whole:
            return Input(JsonCodec(), whole=whole[0])
        members = []
        for name in free:
            to = self._parameters[name].to
            members.append((name, tuple(to.split(".")[1:]) if to else (name,)))
        for index, (name, way) in enumerate(members):
            for other, other_way in members[index + 1 :]:
                short = min(len(way), len(other_way))
                if way[:short] == other_way[:short]:
                    self._problem(
                        "DB606", f"`{name}` and `{other}` go to one place of standard input"
                    )
        return Input(JsonCodec(), members=tuple(members))

    def _whole(self, free: list[str], form: str, encoding: str) -> Input | None:
        if len(free) != 1:
            self._problem(
                "DB606",
                f"`{form}` is written from one parameter that argv does not use, and there are {len(free)}",
            )
            return None
        schema = self._parameters[free[0]].schema
        items = schema.get("items")
        fits = (
            schema.get("type", "string") == "string"
            if form == "text"
            else isinstance(items, dict) and items.get("type") == "string"
        )
        if not fits:
            wanted = "a string" if form == "text" else "an array of strings"
            self._wrong(free[0], "DB804", f"`{form}` is written from {wanted}")
        codec = TextCodec(encoding) if form == "text" else LinesCodec(encoding)
        return Input(codec, whole=free[0])

    def _record(self, record: RecordSpec, free: list[str]) -> Input | None:
        layout = make_layout(record, self._report, self._at)
        if layout is None:
            return None
        members = []
        filled = _filled(record.record, layout)
        for index, spec, field in filled:
            name = spec.from_ or spec.name or ""
            parameter = self._parameters.get(name)
            if parameter is None:
                if name not in self._spec.parameters:
                    self._report.add(
                        (*self._at, "record", index),
                        "DB606",
                        f"there is no parameter `{name}` to fill this field",
                        fix="declare it, name it by `from`, or give the field a `const`",
                    )
                continue
            self._parameters[name] = self._narrowed(parameter, field)
            members.append((name, (spec.name or "",)))
        used = {name for name, _ in members}
        self._check_nowhere([name for name in free if name not in used], "no field takes it")
        return Input(RecordCodec(layout), members=tuple(members))

    def _records(self, records: RecordsSpec, free: list[str]) -> Input | None:
        layout = make_layout(records, self._report, self._at)
        if layout is None:
            return None
        name = records.from_ or (free[0] if len(free) == 1 else "")
        parameter = self._parameters.get(name)
        items = parameter.schema.get("items") if parameter is not None else None
        properties = items.get("properties") if isinstance(items, dict) else None
        if parameter is None or not isinstance(items, dict) or not isinstance(properties, dict):
            self._problem(
                "DB606",
                "records are written from one parameter, an array of objects",
                "name it by `from`",
            )
            return None
        self._check_nowhere([one for one in free if one != name], "no field takes it")
        narrowed: JsonObject = dict(properties)
        for index, spec, field in _filled(records.records, layout):
            inner = properties.get(spec.name or "")
            if not isinstance(inner, dict):
                self._report.add(
                    (*self._at, "records", index),
                    "DB606",
                    f"the objects of `{name}` have no `{spec.name}` to fill this field",
                )
                continue
            narrowed[spec.name or ""] = self._narrowed_schema(name, inner, field)
        schema: JsonObject = {**parameter.schema, "items": {**items, "properties": narrowed}}
        self._parameters[name] = replace(parameter, schema=schema)
        return Input(RecordsCodec(layout), whole=name)

    def _narrowed(self, parameter: Parameter, field: RecordField) -> Parameter:
        if parameter.source != "model":
            return parameter
        schema = self._narrowed_schema(parameter.name, parameter.schema, field)
        return replace(parameter, schema=schema)

    def _narrowed_schema(self, name: str, schema: JsonObject, field: RecordField) -> JsonObject:
        if not field.fits(schema):
            self._wrong(
                name,
                "DB804",
                f"type {schema.get('type')} does not fit a field of type {field.type}",
            )
            return schema
        enum = schema.get("enum")
        for choice in enum if isinstance(enum, list) else ():
            if isinstance(choice, str) and len(choice) > field.width:
                self._wrong(
                    name,
                    "DB804",
                    f"`{choice}` is {len(choice)} long, and the field `{field.name}` {field.width}",
                )
        narrowed = schema if isinstance(enum, list) else field.publish(schema)
        for least, most in (("minimum", "maximum"), ("minLength", "maxLength")):
            low, high = narrowed.get(least), narrowed.get(most)
            if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
                self._wrong(
                    name, "DB804", f"nothing fits the field `{field.name}`: it ends at {high}"
                )
        return narrowed

    def _check_nowhere(self, names: Iterable[str], why: str) -> None:
        for name in names:
            self._wrong(name, "DB603", f"it goes nowhere: argv does not use it, and {why}")

    def _wrong(self, name: str, code: str, message: str, fix: str | None = None) -> None:
        at = (*self._function_at, "parameters", name)
        self._report.add(at, code, f"parameter `{name}`: {message}", fix=fix)

    def _problem(self, code: str, message: str, fix: str | None = None) -> None:
        self._report.add(self._at, code, message, fix=fix)


def _is_place(to: str) -> bool:
    head, *way = to.split(".")
    return head == "stdin" and "" not in way


def _filled(
    specs: Iterable[FieldSpec], layout: Layout
) -> Iterable[tuple[int, FieldSpec, RecordField]]:
    """The fields that a parameter fills, with their positions."""
    for index, (spec, field) in enumerate(zip(specs, layout.fields, strict=True)):
        if spec.name is not None and spec.const is None:
            yield index, spec, field
