"""What calls came to, in plain words: values as lines, lists as tables, failures as what they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ChatMessage, ToolCall, ToolSchema
from drawbar.llm.conversation import text_of
from drawbar.llm.slot import slots_of

_ROWS = 25
_COLUMNS = 8
_WIDTH = 60
_LISTED = 12
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+")
ASKING = "I still need"
"""How an answer that asks for arguments goes on, by which the next turn knows it."""


def answer_text(calls: Sequence[ToolCall], outputs: Sequence[ChatMessage]) -> str:
    """The answer made of all outputs, each under its function when there are several."""
    named = {call.id: call for call in calls}
    parts = []
    for output in outputs:
        call = named.get(output.tool_call_id or "")
        body = outcome_text(text_of(output), call.name if call else "the function")
        if len(outputs) > 1 and call is not None:
            body = f"{_heading(call)}\n{body}"
        parts.append(body)
    return "\n\n".join(parts)


def outcome_text(text: str, function: str) -> str:
    """One outcome. A text that is none, such as a client's own output, is shown as it is."""
    try:
        outcome = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if not isinstance(outcome, dict) or "outcome" not in outcome:
        return value_text(outcome)
    lines = _outcome_lines(outcome, str(outcome.get("function") or function))
    return "\n".join(line for line in (*lines, str(outcome.get("hint") or "")) if line)


def _outcome_lines(outcome: JsonObject, name: str) -> list[str]:
    message = str(outcome.get("message") or "")
    match outcome["outcome"]:
        case "succeeded":
            return _success_lines(outcome)
        case "refused":
            told = [f"- {line}" for line in _problems(outcome)]
            return [f"{name} was not called ({outcome.get('code')}): {message}", *told]
        case "failed":
            again = " It may work later." if outcome.get("retryable") else ""
            detail = outcome.get("detail")
            return [
                f"{name} did not work ({outcome.get('code')}): {message}{again}",
                "" if detail is None else value_text(detail),
            ]
        case _:
            return [
                f"It is not known whether {name} was carried out: {message}",
                "It was not repeated, so that nothing happens twice.",
            ]


def _success_lines(outcome: JsonObject) -> list[str]:
    data, notes = outcome.get("data"), outcome.get("notes")
    shown = value_text(data) if data is not None else "Done; there is nothing to show."
    return [shown, *(f"Note: {note}" for note in (notes if isinstance(notes, list) else ()))]


def asking_text(tool: ToolSchema, missing: Sequence[str]) -> str:
    """Asks for exactly what is missing, in the words of the schema."""
    slots = {slot.name: slot for slot in slots_of(tool.parameters)}
    lines = [f"{_first_sentence(tool.description) or tool.name} For that {ASKING}:"]
    for name in missing:
        schema = slots[name].schema
        said = [str(schema["description"])] if schema.get("description") else []
        if isinstance(values := schema.get("enum"), list):
            said.append("One of " + ", ".join(str(value) for value in values) + ".")
        elif schema.get("format") == "date":
            said.append("A day, such as 2031-03-14.")
        lines.append(f"- {label(name)}" + (f": {' '.join(said)}" if said else ""))
    return "\n".join(lines)


def abstaining_text(tools: Sequence[ToolSchema], reason: str) -> str:
    """Says why there is no call, and what can be asked for."""
    if not tools:
        return f"{reason} No function is offered to me here, and I cannot answer by myself."
    lines = [f"{reason} This is what I can do:"]
    lines += [f"- {_first_sentence(tool.description) or tool.name}" for tool in tools[:_LISTED]]
    if len(tools) > _LISTED:
        lines.append(f"- and {len(tools) - _LISTED} more")
    return "\n".join(lines)


def value_text(value: JsonValue) -> str:
    """A value as lines of text."""
    value = _unwrapped(value)
    match value:
        case {"rows": [*rows], "next": following, **others} if not others:
            return _list_text(rows) + ("\nThere are more." if following else "")
    if isinstance(value, dict):
        return _object_text(value)
    if isinstance(value, list):
        return _list_text(value)
    return _scalar(value)


def label(name: str) -> str:
    """`customer_no` and `customerNo` as `customer no`."""
    return _HUMP.sub(" ", name).strip().lower()


def _heading(call: ToolCall) -> str:
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        arguments = None
    told = ""
    if isinstance(arguments, dict) and arguments:
        told = ", ".join(f"{label(name)} {_cell(value)}" for name, value in arguments.items())
        told = f" ({told})"
    return f"{label(call.name)}{told}:"


def _problems(outcome: JsonObject) -> list[str]:
    problems = outcome.get("problems")
    return [
        f"{label(str(problem.get('argument')))}: {problem.get('message')}"
        for problem in (problems if isinstance(problems, list) else [])
        if isinstance(problem, dict)
    ]


def _unwrapped(value: JsonValue) -> JsonValue:
    """What lies in an object of one field that holds an object or a list."""
    while isinstance(value, dict) and len(value) == 1:
        inner = next(iter(value.values()))
        if not isinstance(inner, dict | list):
            break
        value = inner
    return value


def _object_text(value: JsonObject) -> str:
    lines = []
    for name, inner in value.items():
        if isinstance(inner, list | dict) and inner and not _is_flat(inner):
            body = value_text(inner)
            lines.append(f"{label(name)}:\n" + "\n".join(f"  {line}" for line in body.splitlines()))
        else:
            lines.append(f"{label(name)}: {_cell(inner)}")
    return "\n".join(lines) or "Nothing."


def _list_text(value: list[JsonValue]) -> str:
    if not value:
        return "Nothing was found."
    shown = value[:_ROWS]
    rows = [item for item in shown if isinstance(item, dict)]
    lines = _table(rows) if len(rows) == len(shown) else [f"- {_cell(item)}" for item in shown]
    if len(value) > _ROWS:
        lines.append(f"and {len(value) - _ROWS} more")
    return "\n".join(lines)


def _table(rows: Sequence[JsonObject]) -> list[str]:
    """Columns under their names; a column that is empty everywhere is left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [name for name in names if any(row.get(name) not in (None, "") for row in rows)]
    left_out = columns[_COLUMNS:]
    columns = columns[:_COLUMNS]
    cells = [[label(name) for name in columns]]
    cells += [[_cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    if left_out:
        lines.append("(also: " + ", ".join(label(name) for name in left_out) + ")")
    return lines


def _is_flat(value: JsonValue) -> bool:
    return isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)


def _cell(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{label(name)} {_cell(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value) or "none"
    text = " ".join(_scalar(value).split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def _scalar(value: JsonValue) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _first_sentence(text: str) -> str:
    line = " ".join(text.split())
    match = re.match(r".+?[.!?](?=\s+[A-Z]|$)", line)
    return match[0] if match else line
