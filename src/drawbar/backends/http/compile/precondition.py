"""Changes that depend on a state: which reading tells it, and whether it can with the change's own arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drawbar.backends.http.options import HttpFunctionSpec, PreconditionSpec
from drawbar.backends.http.request.pointers import steps
from drawbar.backends.http.request.request import Binding, Precondition
from drawbar.compiler.kind import Parameter, Plan
from drawbar.kernel.values import JsonValue
from drawbar.spec.model import Adapter
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report


def with_preconditions(
    adapter: Adapter, plans: Mapping[str, Plan], report: Report
) -> dict[str, Plan]:
    """The plans, those of conditional changes with what they depend on. Problems go to the report."""
    done = dict(plans)
    for name, spec in adapter.functions.items():
        if not isinstance(spec, HttpFunctionSpec) or spec.precondition is None:
            continue
        at: At = ("functions", name, "precondition")
        if not _is_known(spec.precondition, adapter, report, at) or name not in plans:
            continue
        reading = plans.get(spec.precondition.etag_of)
        plan = plans[name]
        if reading is None:
            continue
        condition = _condition(spec.precondition, plan, reading, report, at)
        _check_change(spec, plan, report, at)
        done[name] = replace(plan, binding=replace(plan.binding, precondition=condition))
    return done


def _is_known(spec: PreconditionSpec, adapter: Adapter, report: Report, at: At) -> bool:
    reading = adapter.functions.get(spec.etag_of)
    if reading is None:
        meant = closest(spec.etag_of, adapter.functions)
        report.add(
            (*at, "etag_of"),
            "DB516",
            f"there is no function `{spec.etag_of}` here",
            fix=f"did you mean `{meant}`?" if meant else None,
        )
        return False
    if reading.effect != "read":
        report.add((*at, "etag_of"), "DB516", f"`{spec.etag_of}` changes something; name a reading")
        return False
    return True


def _check_change(spec: HttpFunctionSpec, plan: Plan, report: Report, at: At) -> None:
    binding: Binding = plan.binding
    if spec.effect == "read":
        report.add(at, "DB516", "a precondition is for what changes something")
    if spec.method is not None or spec.document is not None:
        report.add(
            at, "DB516", "methods and documents know no ETag; a precondition is for requests"
        )
    if any(slot.key.lower() == "if-match" for slot in binding.headers):
        report.add(at, "DB516", "a parameter goes to the header If-Match already")


def _condition(
    spec: PreconditionSpec, plan: Plan, reading: Plan, report: Report, at: At
) -> Precondition:
    fixed: dict[str, JsonValue] = {}
    own = {each.name for each in plan.parameters}
    for each in reading.parameters:
        if each.name in own:
            continue
        value = _value_of(each)
        if value is not None:
            fixed[each.name] = value
        elif each.source == "caller" or each.required:
            report.add(
                (*at, "etag_of"),
                "DB516",
                f"`{spec.etag_of}` needs `{each.name}`, and the change has no parameter of that name",
            )
    binding: Binding = reading.binding
    if binding.pages is not None:
        report.add((*at, "etag_of"), "DB516", "a list in pages has no ETag of its own")
    pointer = () if spec.at is None else steps(spec.at, report, (*at, "at"))
    return Precondition(spec.etag_of, binding, pointer, fixed)


def _value_of(parameter: Parameter) -> JsonValue:
    return parameter.value if parameter.source == "const" else parameter.schema.get("default")
