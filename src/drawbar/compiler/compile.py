"""Puts together what a kind planned and what the author wrote into a function that a model can call."""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.compiler.function import Function, FunctionLimits
from drawbar.compiler.kind import Parameter, Plan
from drawbar.compiler.lookups import published
from drawbar.compiler.rules import check_rule, check_select
from drawbar.compiler.strict import Strict, strict_schema
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.load import LoadedAdapter
from drawbar.spec.model import Adapter, FunctionSpec
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

LONGEST_NAME = 64
"""Characters that model servers take in the name of a function."""
LONGEST_DESCRIPTION = 1024
_CHANGING = frozenset(
    {
        *(
            "add",
            "approve",
            "assign",
            "book",
            "cancel",
            "change",
            "clear",
            "close",
            "create",
            "delete",
        ),
        *(
            "deny",
            "disable",
            "drop",
            "edit",
            "enable",
            "enrol",
            "insert",
            "issue",
            "move",
            "pay",
            "post",
        ),
        *("purge", "put", "register", "reject", "remove", "rename", "request", "reserve", "reset"),
        *(
            "revoke",
            "send",
            "set",
            "start",
            "stop",
            "submit",
            "transfer",
            "update",
            "upload",
            "void",
        ),
        *("withdraw", "write"),
    }
)
"""First words of names that sound like a change."""
_DEFAULTS = FunctionLimits()


def compile_function(adapter: Adapter, name: str, plan: Plan, report: Report) -> Function:
    """The function, with what is wrong with it noted in `report`; its `problems` are filled in later."""
    spec = adapter.functions[name]
    at: At = ("functions", name)
    _check_name(adapter, name, report, at)
    _check_effect(name, spec, report, at)
    _check_rules(adapter, spec, plan.parameters, report, at)
    schema = arguments_schema(plan.parameters)
    strict = strict_schema(schema)
    _report_lost(strict, report, at)
    return Function(
        name=adapter.prefix + name,
        local_name=name,
        adapter=adapter.name,
        kind=adapter.kind,
        description=_description(adapter, spec, plan, report, at),
        effect=spec.effect,
        parameters=plan.parameters,
        schema=schema,
        strict_schema=strict.schema,
        binding=plan.binding,
        limits=_limits(adapter, spec),
        allow=spec.allow,
        approve=spec.approve,
        idempotency=spec.idempotency,
        errors=(*spec.errors, *adapter.errors),
        returns=spec.returns,
        place=adapter.source.place(at),
    )


def broken_function(loaded: LoadedAdapter, name: str) -> Function:
    """What can be listed of a function that cannot be called."""
    return Function(
        name=loaded.prefix + name,
        local_name=name,
        adapter=loaded.name,
        kind=loaded.kind,
        description="",
        effect="read",
        parameters=(),
        schema=arguments_schema(()),
        strict_schema=None,
        binding=None,
        limits=_DEFAULTS,
        place=loaded.source.place(("functions", name)),
    )


def arguments_schema(parameters: tuple[Parameter, ...]) -> JsonObject:
    """The closed object of what the model fills in; what the gateway fills in is not there.

    Definitions (`$defs`) that a parameter's schema brings with it move to the root, where its references look.
    """
    properties: JsonObject = {}
    definitions: JsonObject = {}
    required: list[JsonValue] = []
    for parameter in parameters:
        if parameter.source != "model":
            continue
        schema = published(parameter)
        own = schema.get("$defs")
        if isinstance(own, dict):
            schema = _hoisted(schema, own, definitions)
        properties[parameter.name] = schema
        if parameter.required:
            required.append(parameter.name)
    result: JsonObject = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    if definitions:
        result["$defs"] = definitions
    return result


def _hoisted(schema: JsonObject, own: JsonObject, definitions: JsonObject) -> JsonObject:
    """The schema without its own definitions, which are added to those of the root under free names."""
    names: dict[str, str] = {}
    for name, inner in own.items():
        taken = name
        while definitions.get(taken, inner) != inner:
            taken += "_"
        names[name] = taken
    for name, inner in own.items():
        definitions[names[name]] = _renamed(inner, names)
    return {
        key: _new_reference(value, names) if key == "$ref" else _renamed(value, names)
        for key, value in schema.items()
        if key != "$defs"
    }


def _new_reference(reference: JsonValue, names: Mapping[str, str]) -> str:
    name = str(reference).removeprefix("#/$defs/")
    return f"#/$defs/{names.get(name, name)}"


def _renamed(value: JsonValue, names: Mapping[str, str]) -> JsonValue:
    """With every `$ref` following its definition to its new name."""
    if isinstance(value, list):
        return [_renamed(inner, names) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _new_reference(inner, names) if key == "$ref" else _renamed(inner, names)
        for key, inner in value.items()
    }


def _report_lost(strict: Strict, report: Report, at: At) -> None:
    """What a model in OpenAI's strict mode is not held to."""
    if strict.schema is None:
        report.add(
            at,
            "DB230",
            f"the function cannot be offered in OpenAI's strict mode: {strict.lost[0]}",
            fix="it is offered without; its arguments are checked all the same",
            severity="warning",
        )
    elif strict.lost:
        report.add(
            at,
            "DB234",
            f"OpenAI's strict mode does not know {', '.join(strict.lost)}",
            fix="the model is told in the description; arguments are checked all the same",
            severity="warning",
        )


def _limits(adapter: Adapter, spec: FunctionSpec) -> FunctionLimits:
    """Its own, else its adapter's, else the defaults."""
    own, shared = spec.limits, adapter.limits
    return FunctionLimits(
        timeout=_first(own.timeout, shared.timeout, _DEFAULTS.timeout),
        rows=int(_first(own.rows, shared.rows, _DEFAULTS.rows)),
        bytes=int(_first(own.bytes, shared.bytes, _DEFAULTS.bytes)),
    )


def _first(own: float | None, shared: float | None, default: float) -> float:
    return own if own is not None else shared if shared is not None else default


def _description(adapter: Adapter, spec: FunctionSpec, plan: Plan, report: Report, at: At) -> str:
    text = (spec.description or plan.description or "").strip()
    if not text:
        report.add(
            at,
            "DB231",
            "the function has no description, so the model has only its name to go by",
            fix="add `description:` and say when to use it",
            severity="warning",
        )
    text = "\n".join(filter(None, [text, plan.told]))
    if len(text) > LONGEST_DESCRIPTION:
        report.add(
            (*at, "description"),
            "DB233",
            f"the description has {len(text)} characters; some model servers take {LONGEST_DESCRIPTION}",
            severity="warning",
        )
    rules = (*spec.errors, *adapter.errors)
    codes = dict.fromkeys((*plan.answers, *(rule.code for rule in rules)))
    if not codes:
        return text
    return f"{text}\nMay answer: {', '.join(codes)}.".lstrip()


def _check_name(adapter: Adapter, name: str, report: Report, at: At) -> None:
    full = adapter.prefix + name
    if len(full) <= LONGEST_NAME:
        return
    room = LONGEST_NAME - len(name)
    proposal = (
        f"write a `prefix:` of at most {room} characters"
        if room > 0
        else f"call it `{name[: LONGEST_NAME - len(adapter.prefix)].rstrip('_')}`"
    )
    report.add(
        at,
        "DB210",
        f"the name `{full}` has {len(full)} characters; models take {LONGEST_NAME}",
        fix=proposal,
    )


def _check_effect(name: str, spec: FunctionSpec, report: Report, at: At) -> None:
    """The effect is the author's word and never guessed; but one that was forgotten is asked for."""
    if "effect" not in spec.model_fields_set and name.partition("_")[0] in _CHANGING:
        report.add(
            at,
            "DB235",
            "`effect` is not written, so this is taken for a reading, which is repeated when it fails; "
            "its name sounds like a change",
            fix="write `effect: write` or `effect: destroy`; or `effect: read`, if it changes nothing",
            severity="warning",
        )


def _check_rules(
    adapter: Adapter,
    spec: FunctionSpec,
    parameters: tuple[Parameter, ...],
    report: Report,
    at: At,
) -> None:
    names = [parameter.name for parameter in parameters]
    if spec.allow is not None:
        check_rule(spec.allow, names, report, (*at, "allow"))
    if spec.approve is not None:
        if spec.approve.when is not None:
            check_rule(spec.approve.when, names, report, (*at, "approve", "when"))
        if spec.approve.preview is not None:
            _check_reading(adapter, spec.approve.preview, report, (*at, "approve", "preview"))
        report.add(
            (*at, "approve"),
            "DB232",
            "calls that need approval are refused, because approvals are not served yet",
            severity="warning",
        )
    if spec.idempotency.verify is not None:
        _check_reading(adapter, spec.idempotency.verify, report, (*at, "idempotency", "verify"))
    if spec.returns.select is not None:
        check_select(spec.returns.select, report, (*at, "returns", "select"))


def _check_reading(adapter: Adapter, name: str, report: Report, at: At) -> None:
    """`name` has to be a function of this adapter that changes nothing."""
    known = adapter.source.data
    entries = known.get("functions") if isinstance(known, dict) else None
    listed = entries if isinstance(entries, dict) else adapter.functions
    if name not in listed:
        meant = closest(name, listed)
        report.add(
            at,
            "DB211",
            f"this adapter has no function `{name}`",
            fix=f"did you mean `{meant}`?" if meant else None,
        )
    elif name in adapter.functions and adapter.functions[name].effect != "read":
        report.add(
            at,
            "DB211",
            f"`{name}` changes something (effect: {adapter.functions[name].effect}); "
            "a function of effect read is needed",
        )
