"""From a TN3270 adapter to routes through its screens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drawbar.backends.tn3270.options import (
    PlaceSpec,
    RowsSpec,
    ScreenSpec,
    StepSpec,
    Tn3270BackendSpec,
    Tn3270FunctionSpec,
)
from drawbar.backends.tn3270.screens import (
    SIZES,
    Labelled,
    Listing,
    Place,
    Route,
    Screen,
    Spot,
    Step,
)
from drawbar.codecs.codec import CODES as CODEC_CODES
from drawbar.codecs.fields import RecordField
from drawbar.codecs.numbers import is_ebcdic
from drawbar.codecs.template import Hole, Template, read_template
from drawbar.codecs.text import find_encoding
from drawbar.compiler.kind import Parameter, Plan, compile_each, options_of
from drawbar.compiler.parameters import merge_parameters
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_SCALARS = ("string", "integer", "number")

CODES = {
    "DB941": "a screen or input that is not declared",
    "DB942": "a place that is not on a screen of the terminal's size",
    "DB943": "a text to be typed with a brace that stands alone, or with a parameter that does not exist",
    "DB944": "a parameter that cannot be typed, or is not typed anywhere",
    **CODEC_CODES,
}


class Tn3270Kind:
    """Fills the port `drawbar.compiler.kind.Kind`."""

    name = "tn3270"
    options: type[BackendSpec] = Tn3270BackendSpec
    function: type[FunctionSpec] = Tn3270FunctionSpec
    codes: Mapping[str, str] = CODES

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        backend = options_of(adapter, Tn3270BackendSpec)
        screens = _screens(backend)
        _check_backend(backend, screens, report)

        def plan(_: str, spec: Tn3270FunctionSpec, at: At) -> Plan | None:
            return _Function(spec, screens, report, at).compile()

        return compile_each(adapter, report, Tn3270FunctionSpec, plan)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        from drawbar.backends.tn3270.backend import Tn3270Backend  # noqa: PLC0415 -- only where one is opened

        del plans, workers  # routes come with each call, and nothing here blocks
        backend = options_of(adapter, Tn3270BackendSpec)
        return Tn3270Backend(backend, _screens(backend), adapter.folder)


KIND = Tn3270Kind()


class _Function:
    """Compiles one function."""

    def __init__(
        self, spec: Tn3270FunctionSpec, screens: Mapping[str, Screen], report: Report, at: At
    ) -> None:
        self._spec = spec
        self._screens = screens
        self._report = report
        self._at = at
        self._parameters = {each.name: each for each in merge_parameters(spec, {}, report, at)}
        self._typed: set[str] = set()

    def compile(self) -> Plan | None:
        steps = [
            self._step(step, (*self._at, "steps", index))
            for index, step in enumerate(self._spec.steps)
        ]
        shows = _known(self._spec.shows, self._screens, self._report, (*self._at, "shows"))
        for name in self._parameters.keys() - self._typed:
            at = (*self._at, "parameters", name)
            self._report.add(at, "DB944", f"no step types the parameter `{name}`")
        if shows is None:
            return None
        refusals = tuple(screen for screen in self._screens.values() if screen.code is not None)
        made = tuple(step for step in steps if step is not None)
        route = Route(made, shows, refusals, self._spec.effect != "read")
        return Plan(tuple(self._parameters.values()), route)

    def _step(self, spec: StepSpec, at: At) -> Step | None:
        screen = _known(spec.on, self._screens, self._report, (*at, "on"))
        if screen is None:
            return None
        fills = []
        for name, text in spec.fill.items():
            place = _input(name, screen, self._report, (*at, "fill", name))
            template = self._template(text, place, (*at, "fill", name))
            if place is not None and template is not None:
                fills.append((name, place, template))
        return Step(screen, tuple(fills), spec.press)

    def _template(self, text: str, place: Spot | None, at: At) -> Template | None:
        template = read_template(text)
        if template is None:
            fix = "write {name} for a parameter, and {{ or }} for a brace"
            self._report.add(at, "DB943", f"`{text}` has a brace that stands alone", fix=fix)
            return None
        for name in template.parameters:
            self._typed.add(name)
            parameter = self._parameters.get(name)
            if parameter is not None:
                self._check(parameter, template, place, at)
            elif name not in self._spec.parameters:  # else broken, and reported where it stands
                meant = closest(name, self._parameters)
                fix = f"did you mean `{meant}`?" if meant else "declare it under `parameters`"
                self._report.add(at, "DB943", f"there is no parameter `{name}`", fix=fix)
        return template

    def _check(self, parameter: Parameter, template: Template, place: Spot | None, at: At) -> None:
        schema = parameter.schema
        if schema.get("type") not in _SCALARS:
            told = f"`{parameter.name}` is of type {schema.get('type')}, which cannot be typed"
            self._report.add(at, "DB944", told)
        elif place is None or parameter.source != "model" or not _is_alone(template):
            return
        elif schema["type"] == "string":
            field = RecordField(parameter.name, place.length)
            self._parameters[parameter.name] = replace(parameter, schema=field.publish(schema))


def _is_alone(template: Template) -> bool:
    return len(template.pieces) == 1 and isinstance(template.pieces[0], Hole)


def _place(at: str, length: int) -> Place:
    row, _, column = at.partition(",")
    return Place(int(row), int(column), length)


def _spot(spec: PlaceSpec) -> Spot:
    if spec.at is not None:
        return _place(spec.at, spec.length)
    return Labelled(spec.label or "", spec.length)


def _screens(backend: Tn3270BackendSpec) -> dict[str, Screen]:
    return {name: _screen(name, spec) for name, spec in backend.screens.items()}


def _screen(name: str, spec: ScreenSpec) -> Screen:
    return Screen(
        name,
        tuple((_place(at, len(text)), text) for at, text in spec.at.items()),
        {key: _spot(each) for key, each in spec.inputs.items()},
        {key: (_spot(each), each.type) for key, each in spec.fields.items()},
        None if spec.rows is None else _listing(spec.rows),
        spec.code,
        None if spec.message is None else _spot(spec.message),
    )


def _listing(spec: RowsSpec) -> Listing:
    return Listing(
        spec.first,
        spec.last,
        {name: (each.column, each.length, each.type) for name, each in spec.columns.items()},
        tuple((_place(at, len(text)), text) for at, text in spec.more.items()),
        spec.next,
    )


def _check_backend(
    backend: Tn3270BackendSpec, screens: Mapping[str, Screen], report: Report
) -> None:
    encoding = find_encoding(backend.code_page)
    if encoding is None or not is_ebcdic(encoding):
        report.add(
            ("backend", "code_page"),
            "DB801",
            f"`{backend.code_page}` is no EBCDIC code page that Python knows",
            fix="write one such as cp037, cp273, cp500 or cp1140",
        )
    _known(backend.home, screens, report, ("backend", "home"))
    for index, step in enumerate(backend.logon):
        at: At = ("backend", "logon", index)
        screen = _known(step.on, screens, report, (*at, "on"))
        for name in step.fill if screen is not None else ():
            _input(name, screen, report, (*at, "fill", name))
    for name, spec in backend.screens.items():
        _check_places(spec, SIZES[backend.model], report, ("backend", "screens", name))


def _check_places(spec: ScreenSpec, size: tuple[int, int], report: Report, at: At) -> None:
    found: list[tuple[At, Place]] = [
        ((*at, "at", place), _place(place, len(text))) for place, text in spec.at.items()
    ]
    named: list[tuple[At, PlaceSpec]] = [
        *(((*at, "inputs", name), each) for name, each in spec.inputs.items()),
        *(((*at, "fields", name), each) for name, each in spec.fields.items()),
    ]
    if spec.message is not None:
        named.append(((*at, "message"), spec.message))
    spots = ((where, _spot(each)) for where, each in named)
    found += [(where, spot) for where, spot in spots if isinstance(spot, Place)]
    if spec.rows is not None:
        rows: At = (*at, "rows")
        for name, column in spec.rows.columns.items():
            place = Place(spec.rows.first, column.column, column.length)
            found.append(((*rows, "columns", name), place))
        found += [
            ((*rows, "more", place), _place(place, len(text)))
            for place, text in spec.rows.more.items()
        ]
        if spec.rows.first > spec.rows.last:
            report.add((*rows, "last"), "DB942", "the last row stands before the first")
    for where, place in found:
        if not place.fits(*size):
            told = f"{place.row},{place.column} with {place.length} characters is not on the screen"
            report.add(where, "DB942", told, fix=f"it has {size[0]} rows and {size[1]} columns")


def _known(name: str, screens: Mapping[str, Screen], report: Report, at: At) -> Screen | None:
    if name not in screens:
        meant = closest(name, screens)
        fix = f"did you mean `{meant}`?" if meant else f"there are {', '.join(screens)}"
        report.add(at, "DB941", f"there is no screen `{name}`", fix=fix)
    return screens.get(name)


def _input(name: str, screen: Screen | None, report: Report, at: At) -> Spot | None:
    if screen is None:
        return None
    if name not in screen.inputs:
        meant = closest(name, screen.inputs)
        fix = f"did you mean `{meant}`?" if meant else None
        report.add(at, "DB941", f"the screen `{screen.name}` has no input `{name}`", fix=fix)
    return screen.inputs.get(name)
