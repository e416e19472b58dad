"""From a Python adapter to bindings. The modules are read, never imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from drawbar.backends.python.backend import Binding, PythonBackend
from drawbar.backends.python.docstrings import first_paragraph, parameters_of
from drawbar.backends.python.options import (
    PythonBackendSpec,
    PythonFunctionSpec,
    PythonSettings,
)
from drawbar.backends.python.schemas import Types, UnreadableError, without_null
from drawbar.backends.python.sources import Found, Module, SourceError, Sources
from drawbar.compiler.kind import Kind, Parameter, Plan, compile_each, options_of
from drawbar.compiler.parameters import Inherited, merge_parameters
from drawbar.kernel.ports import Backend
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec, ParameterSpec, Spec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

CODES = {
    "DB971": "a module that the settings do not allow",
    "DB972": "a module or function that is not there, or whose source cannot be read",
    "DB973": "a parameter whose type cannot be read from the source",
    "DB974": "a parameter that the function does not take, or that it cannot do without",
    "DB975": "a variable of the environment that cannot be set",
}
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class PythonKind:
    """Fills the port `drawbar.compiler.kind.ConfigurableKind`."""

    name = "python"
    options: type[BackendSpec] = PythonBackendSpec
    function: type[FunctionSpec] = PythonFunctionSpec
    codes: Mapping[str, str] = CODES
    settings: type[Spec] = PythonSettings

    def __init__(self, allowed: PythonSettings | None = None, folder: Path | None = None) -> None:
        self._allowed = allowed or PythonSettings.model_validate({})
        self._path = [str(((folder or Path()) / each).resolve()) for each in self._allowed.path]

    def configured(self, settings: Spec, folder: Path) -> Kind:
        if not isinstance(settings, PythonSettings):
            raise TypeError("settings are read by this kind's own model")
        return PythonKind(settings, folder)

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        for name, value in options_of(adapter, PythonBackendSpec).env.items():
            if not _ENV_NAME.fullmatch(name) or "\0" in value.reveal():
                report.add(
                    ("backend", "env", name),
                    "DB975",
                    f"`{name}` or its value cannot be in an environment",
                )
        sources = Sources(self._path)

        def plan(_: str, spec: PythonFunctionSpec, at: At) -> Plan | None:
            found = self._find(spec.call, sources, report, (*at, "call"))
            if found is None:
                return None
            return _Signature(found, sources).plan(spec, adapter, report, at)

        plans = compile_each(adapter, report, PythonFunctionSpec, plan)
        report.files |= sources.files
        return plans

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        del workers  # what blocks, blocks its own process
        modules = {plan.binding.module for plan in plans.values()}
        return PythonBackend(
            options_of(adapter, PythonBackendSpec), adapter.name, self._path, sorted(modules)
        )

    def _find(self, call: str, sources: Sources, report: Report, at: At) -> Called | None:
        name, _, function = call.partition(":")
        if not any(fnmatchcase(name, pattern) for pattern in self._allowed.modules):
            report.add(
                at,
                "DB971",
                f"the settings of this deployment do not allow the module `{name}`",
                fix=f"the operator allows it: `kinds: {{python: {{modules: [{name}]}}}}`",
            )
            return None
        try:
            module = sources.module(name)
            found = sources.find(module, function)
        except SourceError as error:
            report.add(at, "DB972", str(error), fix=self._where())
            return None
        if isinstance(found, Found) and isinstance(
            found.node, ast.FunctionDef | ast.AsyncFunctionDef
        ):
            return Called(name, function, found.module, found.node)
        names = [
            each
            for each, it in module.names.items()
            if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        meant = closest(function, names)
        report.add(
            at,
            "DB972",
            f"`{name}` has no function `{function}` at its top level",
            fix=f"did you mean `{meant}`?" if meant else None,
        )
        return None

    def _where(self) -> str:
        looked = ", ".join([*self._path, "what is installed"])
        return f"it was looked for in {looked}; `kinds: {{python: {{path: [FOLDER]}}}}` of the settings adds a folder"


KIND = PythonKind()


@dataclass(frozen=True, slots=True)
class Called:
    """A function where it is defined, and how it is reached."""

    module: str
    name: str
    home: Module
    node: ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Input:
    """One parameter of the function as Python has it."""

    hint: ast.expr | None
    default: ast.expr | None
    positional: bool


class _Signature:
    """What a function takes."""

    def __init__(self, called: Called, sources: Sources) -> None:
        self.called = called
        self.types = Types(sources)
        self.inputs = dict(_inputs(called.node.args))
        self.said = parameters_of(ast.get_docstring(called.node))

    def plan(self, spec: PythonFunctionSpec, adapter: Adapter, report: Report, at: At) -> Plan:
        inherited: dict[str, Inherited] = {}
        told = {each.to or name for name, each in spec.parameters.items() if _is_told(each)}
        for name in self.inputs:
            if (read := self._inherited(name, report, at, told=name in told)) is not None:
                inherited[name] = read
        parameters = merge_parameters(spec, inherited, report, at)
        for parameter in parameters:
            self._check(parameter, report, (*at, "parameters", parameter.name))
        binding = Binding(
            self.called.module,
            self.called.name,
            {each.name: each.to or each.name for each in parameters},
            tuple(name for name, each in self.inputs.items() if each.positional),
            tuple(
                str(rule.when["exception"])
                for rule in (*spec.errors, *adapter.errors)
                if "exception" in rule.when
            ),
            changes=spec.effect != "read",
        )
        description = first_paragraph(ast.get_docstring(self.called.node))
        return Plan(parameters, binding, description)

    def _inherited(self, name: str, report: Report, at: At, *, told: bool) -> Inherited | None:
        """None: nothing can be inherited, which is a problem unless the author tells the type."""
        each = self.inputs[name]
        why = "has no type hint"
        if each.hint is not None:
            try:
                schema = self.types.schema(self.called.home, each.hint)
            except UnreadableError as error:
                why = f"cannot be read: {error}"
            else:
                return Inherited(self._complete(name, schema), each.default is None, name)
        if not told:
            place = f"{self.called.home.path.name}:{self.called.node.lineno}"
            missing = "is left out of the function" if each.default else "has to be given"
            report.add(
                (*at, "call"),
                "DB973",
                f"`{name}` of {place} {why}; it {missing}",
                fix=f"tell it: `parameters: {{{name}: {{type: ...}}}}`",
                severity="warning" if each.default else "error",
            )
        return None

    def _complete(self, name: str, schema: JsonObject) -> JsonObject:
        default = self.inputs[name].default
        if default is not None:
            schema = without_null(schema)
            known, value = _literal(default)
            if known and value is not None:
                schema = {**schema, "default": value}
        if "description" not in schema and name in self.said:
            schema = {**schema, "description": self.said[name]}
        return schema

    def _check(self, parameter: Parameter, report: Report, at: At) -> None:
        name = parameter.to or parameter.name
        each = self.inputs.get(name)
        if each is None:
            if self.called.node.args.kwarg is not None:
                return
            meant = closest(name, self.inputs)
            report.add(
                at,
                "DB974",
                f"`{self.called.name}` takes no `{name}`",
                fix=f"did you mean `{meant}`?"
                if meant
                else f"it takes {', '.join(self.inputs) or 'nothing'}",
            )
        elif each.default is None and not parameter.required and "default" not in parameter.schema:
            report.add(at, "DB974", f"`{self.called.name}` cannot do without `{name}`")


def _is_told(spec: ParameterSpec) -> bool:
    return spec.type is not None or spec.from_ is not None or "const" in spec.model_fields_set


def _inputs(arguments: ast.arguments) -> Iterator[tuple[str, Input]]:
    plain = [*arguments.posonlyargs, *arguments.args]
    without = len(plain) - len(arguments.defaults)
    for index, each in enumerate(plain):
        default = arguments.defaults[index - without] if index >= without else None
        yield each.arg, Input(each.annotation, default, index < len(arguments.posonlyargs))
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield each.arg, Input(each.annotation, default, positional=False)


def _literal(node: ast.expr) -> tuple[bool, JsonValue]:
    """Whether a default is a plain value, and the value; any other is the function's own business."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False, None
    return isinstance(value, str | int | float | bool | None), value
