"""Arguments of an invocation: read, checked against the schema, completed by the gateway.

A refusal names every wrong argument at once: what was given, what is allowed, what to write instead,
so that a small model can put all of it right in one more turn.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import jsonschema_rs
import orjson

from drawbar.compiler.files import holds_files
from drawbar.compiler.function import Function
from drawbar.compiler.strict_values import (
    EXACT,
    from_strict,
    holds_any,
    kinds_of,
    placed,
    resolved,
    walk,
)
from drawbar.kernel.outcome import ArgumentProblem, Refused
from drawbar.kernel.values import DEEPEST, Caller, JsonObject, JsonValue, depth

_LEAST, _MOST = -(2**63), 2**64 - 1
"""What is read as a whole number; what is beyond becomes a float."""
_SHOWN = 60
"""Characters of a wrong value that a refusal repeats."""
_MOST_PARTS = 3
"""Parts by which a refusal tells a shape from another."""

_KINDS = {str: "the text", bool: "the truth value", int: "the number", float: "the number"}
_INDEFINITE = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _holds_float(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_float, value.values()))
    if isinstance(value, list):
        return any(map(_holds_float, value))
    return isinstance(value, float)


def _as_read(value: JsonValue) -> Any:  # the same type
    """Whole numbers beyond 64 bits as floats, which is how they are read from a text."""
    if isinstance(value, dict):
        return {name: _as_read(item) for name, item in value.items()}
    if isinstance(value, list):
        return [*map(_as_read, value)]
    return float(value) if type(value) is int and not _LEAST <= value <= _MOST else value


def parse_arguments(arguments: str | Mapping[str, JsonValue]) -> JsonObject | Refused:
    """The object a model wrote. An empty text is an object without members."""
    if not isinstance(arguments, str):
        return {name: _as_read(value) for name, value in arguments.items()}
    if not arguments.strip():
        return {}
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError as error:
        near = arguments[max(0, error.pos - 20) : error.pos + 20]
        return Refused(
            "invalid_json",
            f"The arguments are not valid JSON: {error.msg} at character {error.pos + 1}, near {near!r}. "
            "Write one complete JSON object.",
        )
    if arguments.count("[") + arguments.count("{") > DEEPEST and depth(value) > DEEPEST:
        message = f"The arguments are nested more than {DEEPEST} levels deep; write them flatter."
        return Refused("invalid_json", message)
    if not isinstance(value, dict):
        return Refused(
            "invalid_json",
            f"The arguments are {shown(value)}; write one JSON object, such as {{}}.",
        )
    return value


class ArgumentCheck:
    """The compiled schema of one function. Making it costs 45 us, so it is made on first use."""

    def __init__(self, function: Function) -> None:
        self._schema = function.schema
        self._validator = jsonschema_rs.validator_for(
            function.schema, validate_formats=True, offline=True
        )
        self._has_texts = holds_any(function.schema)
        self.takes_files = holds_files(function.schema)
        self._defaults: dict[str, JsonValue] = {
            parameter.name: parameter.schema["default"]
            for parameter in function.parameters
            if parameter.source == "model" and "default" in parameter.schema
        }
        self._filled = [
            parameter for parameter in function.parameters if parameter.source != "model"
        ]

    def check(self, arguments: JsonObject) -> JsonObject | Refused:
        """The arguments with their defaults, or a refusal that names all that is wrong."""
        floats = _holds_float(arguments)
        if self._has_texts or floats:
            arguments = from_strict(arguments, self._schema, self._schema)
        if not self._validator.is_valid(arguments):
            # A model in OpenAI's strict mode writes some values in another form.
            arguments = from_strict(arguments, self._schema, self._schema)
            problems = tuple(self._problems(self._validator.iter_errors(arguments)))
            if problems:
                count = "1 argument is" if len(problems) == 1 else f"{len(problems)} arguments are"
                return Refused(
                    "invalid_arguments",
                    f"Nothing was sent: {count} wrong. Correct what is listed and call again.",
                    problems,
                )
        if floats and (problems := tuple(self._inexact(arguments))):
            return Refused(
                "invalid_arguments", "Nothing was sent: a number is too large.", problems
            )
        return {**self._defaults, **arguments} if self._defaults else arguments

    def _inexact(self, arguments: JsonObject) -> Iterable[ArgumentProblem]:
        """Whole numbers that were read as floats: the backend would get another number."""
        for place, value, schema in placed(arguments, self._schema, self._schema):
            if isinstance(value, float) and kinds_of(schema) == {"integer"}:
                text = f"{shown(value)} has more digits than are kept; at most {EXACT} is exact."
                yield ArgumentProblem(_pointer(place), text + _expectation(schema))

    def fill(self, arguments: JsonObject, caller: Caller) -> JsonObject | Refused:
        """Add what the gateway fills in: constants and values of the caller."""
        if not self._filled:
            return arguments
        filled = dict(arguments)
        for parameter in self._filled:
            value = parameter.value
            if parameter.source == "const":
                filled[parameter.name] = value
                continue
            found = of_caller(caller, str(value))
            if found is not None:
                filled[parameter.name] = found
            elif parameter.required:
                return Refused(
                    "caller_incomplete",
                    f"This function needs `{value}`, which {caller.subject!r} does not have. "
                    "No argument can supply it; tell the user to ask the operator for it.",
                )
        return filled

    def _problems(self, errors: Iterable[Any]) -> Iterable[ArgumentProblem]:
        seen: set[ArgumentProblem] = set()
        for error in errors:
            for problem in _explain(error, self._schema):
                if problem not in seen:
                    seen.add(problem)
                    yield problem


def of_caller(caller: Caller, path: str) -> JsonValue:
    """What `caller.subject`, `caller.roles` or `caller.claims.NAME` stands for; None when absent."""
    match path.split(".", 2):
        case ["caller", "subject"]:
            return caller.subject
        case ["caller", "roles"]:
            return list(caller.roles)
        case ["caller", "claims", name]:
            return caller.claims.get(name)
    message = f"{path!r} is no path of a caller"  # the compiler refuses it first
    raise ValueError(message)


def shown(value: JsonValue) -> str:
    """A value as a message repeats it: its kind in words, and the value, shortened."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = orjson.dumps(value).decode()
    if len(text) > _SHOWN:
        text = text[:_SHOWN] + "..."
    return f"{_KINDS[type(value)]} {text}"


def _explain(error: Any, root: JsonObject) -> Iterable[ArgumentProblem]:
    """The problems of one validation error; a property of its own for each missing or extra one."""
    kind = error.kind
    at = list(error.instance_path)
    match kind.name:
        case "required":
            yield ArgumentProblem(
                _pointer([*at, kind.property]), _missing(error, root, kind.property)
            )
        case "additionalProperties" | "unevaluatedProperties":
            allowed = _allowed_names(error, root)
            for name in kind.unexpected:
                yield ArgumentProblem(_pointer([*at, name]), _unexpected(name, allowed))
        case "oneOf" if not all(kind.context):
            yield ArgumentProblem(_pointer(at), _fits_several(error, root))
        case "anyOf" | "oneOf" if getattr(kind, "context", None):
            yield from _explain_branches(error, root)
        case _:
            schema = _schema_of(error, root)
            yield ArgumentProblem(_pointer(at), _wrong_value(error) + _expectation(schema))


def _explain_branches(error: Any, root: JsonObject) -> Iterable[ArgumentProblem]:
    """Of several allowed shapes, the one that comes nearest is the one the model meant."""
    schema = _schema_of(error, root)
    branches = [branch for branch in error.kind.context if branch]
    nearest: list[Any] = min(
        branches, key=lambda branch: (_is_wrong_type(branch, error), len(branch)), default=[]
    )
    if not nearest or _is_wrong_type(nearest, error):
        kinds = sorted({name for branch in branches for name in _types_of(branch)})
        wanted = " or ".join(kinds) or "one of the allowed shapes"
        text = f"{shown(error.instance)} is not allowed here; give {wanted}."
        yield ArgumentProblem(_pointer(error.instance_path), text + _expectation(schema))
        return
    base = list(error.instance_path)
    for inner in nearest:
        inner_at = list(inner.instance_path)
        prefix = [] if inner_at[: len(base)] == base else base
        for problem in _explain(inner, root):
            pointer = "/".join([*(_escaped(step) for step in prefix), problem.argument]).strip("/")
            yield ArgumentProblem(pointer, problem.message)


def _fits_several(error: Any, root: JsonObject) -> str:
    """Which shapes of `oneOf` a value fits, each with the parts that only it has."""
    holder = _schema_of(error, root)
    fitting = []
    for index, wrong in enumerate(error.kind.context):
        variant = walk(holder, ["oneOf", index])
        if not wrong and isinstance(variant, dict):
            name = variant.get("$ref", "") or variant.get("title", "")
            label = str(name).rpartition("/")[2]
            schema = resolved(variant, root)
            fitting.append((f"`{label}`" if label else f"shape {index + 1}", schema))
    names = [_property_names(schema) for _, schema in fitting]
    told = []
    for index, (label, _) in enumerate(fitting):
        others = set[str]().union(*names[:index], *names[index + 1 :])
        own = ", ".join(f"`{name}`" for name in sorted(names[index] - others)[:_MOST_PARTS])
        told.append(f"{label} (only there: {own})" if own else label)
    alike = " and ".join(told)
    return f"{shown(error.instance)} fits {alike} alike; it has to fit exactly one of them."


def _property_names(schema: JsonObject) -> set[str]:
    found = schema.get("properties")
    return set(found) if isinstance(found, dict) else set()


def _is_wrong_type(branch: list[Any], parent: Any) -> bool:
    return any(inner.kind.name == "type" and inner.instance == parent.instance for inner in branch)


def _types_of(branch: list[Any]) -> list[str]:
    return [
        _INDEFINITE.get(name, name)
        for inner in branch
        if inner.kind.name == "type"
        for name in inner.kind.types
        if name != "null"
    ]


def _wrong_value(error: Any) -> str:  # noqa: C901, PLR0911, PLR0912 -- one case a keyword
    kind = error.kind
    given = shown(error.instance)
    match kind.name:
        case "type":
            return _wrong_type(error, kind.types)
        case "enum":
            return f"{given} is not allowed. Allowed: {_choices(error.instance, kind.options)}."
        case "const":
            return f"{given} is not allowed; write {orjson.dumps(kind.expected_value).decode()}."
        case "pattern":
            return f"{given} does not match {kind.pattern}."
        case "format":
            return f"{given} is not a {kind.format}.{_FORMAT_EXAMPLES.get(kind.format, '')}"
        case "minimum":
            return f"{given} is below the smallest allowed, {kind.limit}."
        case "maximum":
            return f"{given} is above the largest allowed, {kind.limit}."
        case "exclusiveMinimum":
            return f"{given} has to be greater than {kind.limit}."
        case "exclusiveMaximum":
            return f"{given} has to be less than {kind.limit}."
        case "multipleOf":
            return f"{given} is not a multiple of {kind.multiple_of}."
        case "minLength":
            return f"{given} is shorter than the {kind.limit} characters it needs."
        case "maxLength":
            return (
                f"{given} has {len(error.instance)} characters; at most {kind.limit} are allowed."
            )
        case "minItems":
            return f"A list of {len(error.instance)} is too short; give at least {kind.limit}."
        case "maxItems":
            return f"A list of {len(error.instance)} is too long; give at most {kind.limit}."
        case "uniqueItems":
            return "The list holds the same value twice; give each once."
        case _:
            return f"{error.message}."


_FORMAT_EXAMPLES = {
    "date": ' Write it as year-month-day, such as "2026-03-31".',
    "date-time": ' Write it like "2026-03-31T14:30:00Z".',
    "time": ' Write it like "14:30:00Z".',
    "duration": ' Write it like "P3D" or "PT2H".',
    "uuid": ' Write it like "123e4567-e89b-12d3-a456-426614174000".',
    "email": ' Write it like "name@example.com".',
}


def _wrong_type(error: Any, types: list[str]) -> str:
    wanted = " or ".join(_INDEFINITE.get(name, name) for name in types)
    value = error.instance
    advice = ""
    if isinstance(value, str) and {"integer", "number", "boolean"} & set(types):
        advice = " Write it without quotes."
    elif isinstance(value, int | float) and "string" in types:
        advice = f' Write it in quotes: "{orjson.dumps(value).decode()}".'
    elif "array" in types and not isinstance(value, dict):
        advice = " Put it in square brackets."
    return f"{shown(value)} is given where {wanted} belongs.{advice}"


def _choices(value: JsonValue, options: list[JsonValue]) -> str:
    texts = [orjson.dumps(option).decode() for option in options if option is not None]
    if isinstance(value, str):
        near = difflib.get_close_matches(value, [str(option) for option in options], 1, 0.6)
        if near:
            return f"{', '.join(texts[:30])} (did you mean {orjson.dumps(near[0]).decode()}?)"
    rest = f" and {len(texts) - 30} more" if len(texts) > 30 else ""  # noqa: PLR2004 -- a readable list
    return ", ".join(texts[:30]) + rest


def _missing(error: Any, root: JsonObject, name: str) -> str:
    properties = _schema_of(error, root).get("properties")
    schema = resolved(properties.get(name), root) if isinstance(properties, dict) else {}
    kind = schema.get("type")
    wanted = f" It is {_INDEFINITE[kind]}." if isinstance(kind, str) and kind in _INDEFINITE else ""
    enum = schema.get("enum")
    if isinstance(enum, list):
        wanted = f" Allowed: {_choices(None, enum)}."
    return f"This argument is missing.{wanted}{_expectation(schema)}"


def _unexpected(name: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(name, allowed, 1, 0.6)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    names = ", ".join(f"`{item}`" for item in allowed) or "none"
    return f"There is no such argument.{meant} Arguments here: {names}."


def _allowed_names(error: Any, root: JsonObject) -> list[str]:
    properties = _schema_of(error, root).get("properties")
    return list(properties) if isinstance(properties, dict) else []


def _schema_of(error: Any, root: JsonObject) -> JsonObject:
    """The part of the schema that holds the keyword which failed."""
    found: JsonValue = root
    for step in list(error.schema_path)[:-1]:
        if step == "$ref":
            found = resolved(found, root)
        else:
            found = walk(resolved(found, root) if isinstance(found, dict) else found, [step])
    return resolved(found, root)


def _expectation(schema: JsonObject) -> str:
    """What the author says of an argument, so that the correction needs no second look."""
    description = schema.get("description")
    examples = schema.get("examples")
    text = f" It means: {description.strip().rstrip('.')}." if isinstance(description, str) else ""
    if isinstance(examples, list) and examples:
        text += f" Example: {orjson.dumps(examples[0]).decode()}."
    return text


def _escaped(step: str | int) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def _pointer(path: Iterable[str | int]) -> str:
    return "/".join(_escaped(step) for step in path)
