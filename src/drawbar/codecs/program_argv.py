"""The argument list of a function: its parameters checked, and what it enforces published."""

from __future__ import annotations

from dataclasses import replace

from drawbar.codecs.program import Argument, Group
from drawbar.codecs.program_spec import ProgramFunctionSpec
from drawbar.codecs.template import Hole, Template, read_template
from drawbar.compiler.kind import Parameter
from drawbar.kernel.values import JsonObject
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_SCALARS = ("string", "integer", "number", "boolean")
_NO_DASH = r"^[^-\x00][^\x00]*$|^$"
_NO_NUL = r"^[^\x00]*$"


class Words:
    """Reads `argv`. `used` are the parameters found there; `parameters` gets their narrowed schemas."""

    def __init__(
        self, spec: ProgramFunctionSpec, parameters: dict[str, Parameter], report: Report, at: At
    ) -> None:
        self._spec = spec
        self._parameters = parameters
        self._report = report
        self._at: At = (*at, "argv")
        self.used: set[str] = set()

    def read(self, *, after_dashes: bool) -> tuple[Group, ...]:
        """`after_dashes`: a `--` stands in the program already, so nothing after it is an option."""
        groups = []
        for index, item in enumerate(self._spec.argv):
            inner = item if isinstance(item, tuple) else (item,)
            found = []
            for position, text in enumerate(inner):
                at = (*self._at, index, position) if isinstance(item, tuple) else (*self._at, index)
                argument = self._argument(
                    text, at, may_be_missing=isinstance(item, tuple), free=after_dashes
                )
                found.append(argument)
                after_dashes = after_dashes or text == "--"
            groups.append(Group(tuple(found), whole=isinstance(item, tuple)))
        return tuple(groups)

    def _argument(self, text: str, at: At, *, may_be_missing: bool, free: bool) -> Argument:
        template = read_template(text)
        if template is None or "\0" in text:
            self._report.add(
                at,
                "DB602",
                f"`{text}` has a brace that stands alone, or a NUL",
                fix="write {name} for a parameter, and {{ or }} for a brace",
            )
            return Argument(Template(()))
        guarded = (
            not free
            and not self._spec.allow_dash
            and bool(template.pieces)
            and isinstance(template.pieces[0], Hole)
        )
        for position, name in enumerate(template.parameters):
            self._check(name, at, may_be_missing=may_be_missing)
            if name in self._parameters:
                first = guarded and position == 0
                self._parameters[name] = _published(self._parameters[name], no_dash=first)
        return Argument(template, guarded)

    def _check(self, name: str, at: At, *, may_be_missing: bool) -> None:
        self.used.add(name)
        parameter = self._parameters.get(name)
        if parameter is None:
            if name in self._spec.parameters:
                return  # broken, and reported where it stands
            meant = closest(name, self._parameters)
            self._report.add(
                at,
                "DB602",
                f"there is no parameter `{name}`",
                fix=f"did you mean `{meant}`?" if meant else "declare it under `parameters`",
            )
            return
        if parameter.schema.get("type", "string") not in _SCALARS:
            self._report.add(
                at,
                "DB604",
                f"`{name}` is of type {parameter.schema['type']}; an argument holds one value",
                fix="pass it on standard input: `stdin: json`",
            )
        if not parameter.required and "default" not in parameter.schema and not may_be_missing:
            self._report.add(
                at,
                "DB605",
                f"`{name}` may be missing, and then so is what belongs to it",
                fix=f"put the arguments that go with it into a list: [--{name}, '{{{name}}}']",
            )


def _published(parameter: Parameter, *, no_dash: bool) -> Parameter:
    """Publish what an argument enforces, where the author's own words leave room for it."""
    schema = parameter.schema
    if parameter.source != "model":
        return parameter
    added: JsonObject = {}
    closed = any(word in schema for word in ("pattern", "enum", "const", "format"))
    if schema.get("type") == "string" and not closed:
        added["pattern"] = _NO_DASH if no_dash else _NO_NUL
    elif schema.get("type") in ("integer", "number") and no_dash:
        least = schema.get("minimum", 0)
        added["minimum"] = max(least, 0) if isinstance(least, int | float) else 0
    return replace(parameter, schema={**schema, **added}) if added else parameter
