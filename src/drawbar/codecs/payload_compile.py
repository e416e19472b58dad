"""From the words for a payload to its codec: which parameters fill it, and what its form enforces."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from drawbar.codecs.codec import Codec
from drawbar.codecs.copybook.compile import Copybooks
from drawbar.codecs.copybook.record import CopybookLayout
from drawbar.codecs.copybook.schema import find, limited
from drawbar.codecs.copybook_spec import CopybookSpec
from drawbar.codecs.delimited import CsvCodec
from drawbar.codecs.descriptors import described
from drawbar.codecs.fields import RecordField
from drawbar.codecs.jsontext import JsonCodec
from drawbar.codecs.markup import XmlCodec
from drawbar.codecs.payload import Payload
from drawbar.codecs.payload_spec import FileSpec, PayloadForm, PayloadSpec
from drawbar.codecs.record import Layout, RecordCodec, RecordsCodec, make_layout
from drawbar.codecs.record_spec import FieldSpec, RecordSpec, RecordsSpec
from drawbar.codecs.template import read_template
from drawbar.codecs.text import LinesCodec, TextCodec
from drawbar.codecs.wholefile import FileCodec
from drawbar.compiler.files import is_file
from drawbar.compiler.kind import Parameter
from drawbar.kernel.values import JsonObject
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report


@dataclass(frozen=True, slots=True)
class PayloadWord:
    """How a kind calls a payload: its key in the function, a name for people, and what else uses parameters."""

    key: str
    name: str
    others: str
    """Such as `argv does not use it`, in a message about a parameter that goes nowhere."""


class PayloadCompiler:
    """Reads the word of one function; `parameters` gets the schemas that the fields of a record narrow."""

    def __init__(
        self,
        word: PayloadWord,
        declared: Collection[str],
        parameters: dict[str, Parameter],
        copybooks: Copybooks,
        at: At,
    ) -> None:
        """`declared` are the names of all parameters of the function, also of broken ones; `at` is its place."""
        self._word = word
        self._declared = declared
        self._parameters = parameters
        self._copybooks = copybooks
        self._report = copybooks.report
        self._function_at = at
        self._at: At = (*at, word.key)

    def read(
        self, spec: PayloadSpec | None, used: Collection[str], encoding: str
    ) -> Payload | None:
        """None when nothing is written, or when a problem was reported. `used` go elsewhere."""
        free = [name for name in self._parameters if name not in used]
        for name, parameter in self._parameters.items():
            if parameter.to is not None and not self._is_place(parameter.to):
                key = self._word.key
                self._wrong(
                    name,
                    "DB807",
                    f"`{parameter.to}` is no place of {self._word.name}",
                    f"write {key}, or {key}.NAME (with dots for what is inside)",
                )
        match spec:
            case None:
                self._check_nowhere(free, f"{self._word.name} is not written")
                return None
            case "json" | "xml":
                return self._object(free, JsonCodec() if spec == "json" else XmlCodec())
            case "text" | "lines" | "csv" | "file" | FileSpec():
                return self._whole(free, spec, encoding)
            case RecordSpec():
                return self._record(spec, free)
            case RecordsSpec():
                return self._records(spec, free)
            case CopybookSpec():
                return self._copybook(spec, free)

    def _is_place(self, to: str) -> bool:
        head, *way = to.split(".")
        return head == self._word.key and "" not in way

    def _object(self, free: list[str], codec: Codec) -> Payload | None:
        whole = [name for name in free if self._parameters[name].to == self._word.key]
        if whole and len(free) > 1:
            self._problem(
                "DB805", f"`{whole[0]}` is all of {self._word.name}; nothing can stand beside it"
            )
            return None
        if whole:
            return Payload(codec, whole=whole[0])
        members = []
        for name in free:
            to = self._parameters[name].to
            members.append((name, tuple(to.split(".")[1:]) if to else (name,)))
        for index, (name, way) in enumerate(members):
            for other, other_way in members[index + 1 :]:
                short = min(len(way), len(other_way))
                if way[:short] == other_way[:short]:
                    self._problem(
                        "DB805", f"`{name}` and `{other}` go to one place of {self._word.name}"
                    )
        return Payload(codec, members=tuple(members))

    def _whole(
        self,
        free: list[str],
        spec: Literal["text", "lines", "csv", "file"] | FileSpec,
        encoding: str,
    ) -> Payload | None:
        form = "file" if isinstance(spec, FileSpec) else spec
        codec = FileCodec(spec.file) if isinstance(spec, FileSpec) else make_codec(spec, encoding)
        if len(free) != 1:
            self._problem(
                "DB805",
                f"`{form}` is written from one parameter that nothing else uses, and there are {len(free)}",
            )
            return None
        schema = self._parameters[free[0]].schema
        items = schema.get("items")
        of = items.get("type") if isinstance(items, dict) else None
        wanted, fits = {
            "text": ("a string", schema.get("type", "string") == "string"),
            "lines": ("an array of strings", of == "string"),
            "csv": ("an array of objects", of == "object"),
            "file": ("a parameter of type file", is_file(schema)),
        }[form]
        if not fits:
            self._wrong(free[0], "DB804", f"`{form}` is written from {wanted}")
        return Payload(codec, whole=free[0])

    def _record(self, record: RecordSpec, free: list[str]) -> Payload | None:
        layout = make_layout(record, self._report, self._at)
        if layout is None:
            return None
        members = []
        filled = _filled(record.record, layout)
        for index, spec, field in filled:
            name = spec.from_ or spec.name or ""
            parameter = self._parameters.get(name)
            if parameter is None:
                if name not in self._declared:
                    self._report.add(
                        (*self._at, "record", index),
                        "DB805",
                        f"there is no parameter `{name}` to fill this field",
                        fix="declare it, name it by `from`, or give the field a `const`",
                    )
                continue
            self._parameters[name] = self._narrowed(parameter, field)
            members.append((name, (spec.name or "",)))
        used = {name for name, _ in members}
        self._check_nowhere([name for name in free if name not in used], "no field takes it")
        framed = described(layout, record.separator)
        return Payload(RecordCodec(framed), members=tuple(members))

    def _records(self, records: RecordsSpec, free: list[str]) -> Payload | None:
        layout = make_layout(records, self._report, self._at)
        if layout is None:
            return None
        name = records.from_ or (free[0] if len(free) == 1 else "")
        parameter = self._parameters.get(name)
        items = parameter.schema.get("items") if parameter is not None else None
        properties = items.get("properties") if isinstance(items, dict) else None
        if parameter is None or not isinstance(items, dict) or not isinstance(properties, dict):
            self._problem(
                "DB805",
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
                    "DB805",
                    f"the objects of `{name}` have no `{spec.name}` to fill this field",
                )
                continue
            narrowed[spec.name or ""] = self._narrowed_schema(name, inner, field)
        schema: JsonObject = {**parameter.schema, "items": {**items, "properties": narrowed}}
        self._parameters[name] = replace(parameter, schema=schema)
        return Payload(RecordsCodec(described(layout, records.separator)), whole=name)

    def _copybook(self, spec: CopybookSpec, free: list[str]) -> Payload | None:
        layout = self._copybooks.layout(spec, self._at)
        if layout is None:
            return None
        head = self._word.key
        ways = {
            name: tuple(parameter.to.split(".")[1:])
            for name, parameter in self._parameters.items()
            if parameter.to is not None and parameter.to.split(".")[0] == head
        }
        self._check_nowhere([name for name in free if name not in ways], "no field takes it")
        framed = described(layout, spec.separator)
        if spec.many:
            return Payload(RecordsCodec(framed), whole=next(iter(ways), ""))
        for name, way in ways.items():
            self._narrow(name, layout, way)
        return Payload(RecordCodec(framed), members=tuple(ways.items()))

    def _narrow(self, name: str, layout: CopybookLayout, way: tuple[str, ...]) -> None:
        """What the author wrote over the copybook's words leaves its limits in place."""
        parameter = self._parameters[name]
        node = find(layout.root, way)
        schema = None if node is None else limited(parameter.schema, node)
        if schema is None:
            self._wrong(
                name, "DB804", f"type {parameter.schema.get('type')} does not fit its field"
            )
        elif parameter.source == "model":
            self._parameters[name] = replace(parameter, schema=schema)

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
            self._wrong(name, "DB806", f"it goes nowhere: {self._word.others}, and {why}")

    def _wrong(self, name: str, code: str, message: str, fix: str | None = None) -> None:
        at = (*self._function_at, "parameters", name)
        self._report.add(at, code, f"parameter `{name}`: {message}", fix=fix)

    def _problem(self, code: str, message: str, fix: str | None = None) -> None:
        self._report.add(self._at, code, message, fix=fix)


def make_codec(form: PayloadForm, encoding: str) -> Codec:
    """The codec of a form that is named by one word."""
    match form:
        case "json":
            return JsonCodec()
        case "xml":
            return XmlCodec()
        case "csv":
            return CsvCodec(encoding=encoding)
        case "lines":
            return LinesCodec(encoding)
        case "text":
            return TextCodec(encoding)
        case "file":
            return FileCodec()


def answer_codec(
    spec: PayloadSpec,
    encoding: str,
    copybooks: Copybooks,
    at: At,
    parameters: Mapping[str, Parameter],
) -> Codec | None:
    """The codec that reads an answer; None when a problem was reported at `at`.

    `parameters` are those that the name of a file may be made of.
    """
    if isinstance(spec, FileSpec):
        return _file_codec(spec, copybooks.report, at, parameters)
    if isinstance(spec, CopybookSpec):
        found = copybooks.layout(spec, at)
        if found is None:
            return None
        framed = described(found, spec.separator)
        return RecordsCodec(framed) if spec.many else RecordCodec(framed)
    if not isinstance(spec, RecordSpec | RecordsSpec):
        return make_codec(spec, encoding)
    layout = make_layout(spec, copybooks.report, at)
    if layout is None:
        return None
    framed = described(layout, spec.separator)
    return RecordCodec(framed) if isinstance(spec, RecordSpec) else RecordsCodec(framed)


def _file_codec(
    spec: FileSpec, report: Report, at: At, parameters: Mapping[str, Parameter]
) -> FileCodec | None:
    name = None if spec.name is None else read_template(spec.name)
    if name is None:
        if spec.name is None:
            return FileCodec(spec.file)
        report.add((*at, "name"), "DB810", "a brace stands alone", fix="write {{ or }} for one")
        return None
    for hole in name.parameters:
        if hole not in parameters:
            meant = closest(hole, parameters)
            fix = f"did you mean `{meant}`?" if meant else None
            report.add((*at, "name"), "DB810", f"there is no parameter `{hole}`", fix=fix)
    return FileCodec(spec.file, name)


def _filled(
    specs: Iterable[FieldSpec], layout: Layout
) -> Iterable[tuple[int, FieldSpec, RecordField]]:
    """The fields that a parameter fills, with their positions."""
    for index, (spec, field) in enumerate(zip(specs, layout.fields, strict=True)):
        if spec.name is not None and spec.const is None:
            yield index, spec, field
