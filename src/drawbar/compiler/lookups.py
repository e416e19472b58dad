"""Parameters whose values are looked up: what the model reads of them, and whether their function can do it."""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.compiler.kind import Parameter, Plan
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.model import Adapter, LookupSpec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_TOLD = "The value itself, or words that it is looked up by, such as a name."
_WORDS: JsonObject = {"type": "string"}


def published(parameter: Parameter) -> JsonObject:
    """The schema of what the model may write: with a lookup also words, and without a long list of values."""
    if parameter.lookup is None:
        return parameter.schema
    schema = parameter.schema
    told: JsonObject = {
        "description": f"{str(schema.get('description', '')).rstrip()} {_TOLD}".lstrip()
    }
    for keyword in ("default", "examples"):
        if keyword in schema:
            told[keyword] = schema[keyword]
    if schema.get("type") == "string":
        return {**_WORDS, **told}
    own: JsonObject = {
        keyword: value
        for keyword, value in schema.items()
        if keyword not in {"description", "default", "examples"}
    }
    choices: list[JsonValue] = [own, _WORDS]
    return {"anyOf": choices, **told}


def check_lookups(adapter: Adapter, plans: Mapping[str, Plan], report: Report) -> None:
    """A lookup names a reading that needs nothing but the words."""
    for name, plan in plans.items():
        for parameter in plan.parameters:
            if parameter.lookup is not None:
                at: At = ("functions", name, "parameters", parameter.name, "lookup")
                _check(adapter, plans, report, (parameter.lookup, at))


def _check(
    adapter: Adapter, plans: Mapping[str, Plan], report: Report, lookup: tuple[LookupSpec, At]
) -> None:
    spec, at = lookup
    name = spec.function
    if name not in adapter.functions:
        meant = closest(name, adapter.functions)
        fix = f"did you mean `{meant}`?" if meant else None
        report.add((*at, "function"), "DB211", f"this adapter has no function `{name}`", fix=fix)
        return
    if adapter.functions[name].effect != "read":
        message = f"`{name}` changes something, and a lookup only reads"
        report.add((*at, "function"), "DB216", message)
    plan = plans.get(name)
    if plan is None:
        return  # it is broken itself, and says why
    taken = {each.name: each for each in plan.parameters if each.source == "model"}
    by = taken.get(spec.by)
    if by is None:
        meant = closest(spec.by, taken)
        fix = f"did you mean `{meant}`?" if meant else None
        report.add((*at, "by"), "DB216", f"`{name}` has no parameter `{spec.by}`", fix=fix)
        return
    if by.schema.get("type") != "string":
        report.add((*at, "by"), "DB216", f"`{spec.by}` of `{name}` takes no text")
    if by.lookup is not None:
        report.add((*at, "by"), "DB216", f"`{spec.by}` of `{name}` is looked up itself")
    for each in taken.values():
        if each.required and each.name != spec.by:
            message = f"`{name}` needs `{each.name}`, too, and a lookup gives only `{spec.by}`"
            report.add((*at, "function"), "DB216", message)
