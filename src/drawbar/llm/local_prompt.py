"""What a small model on this machine reads, and the grammar that keeps it to calls that exist.

The functions stand first and always in the same words and order: a prompt whose beginning was read
before costs a second or two, a new one most of a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import orjson

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.chat import ChatMessage, ChatRequest, ToolSchema
from drawbar.llm.conversation import text_of
from drawbar.llm.slot import slots_of

ANSWER = "answer"
"""Stands for no call: the model wants to say something."""
_MOST_CALLS = 4
_OUTCOME = 6000
"""Characters of an outcome that a small model is given."""
_HISTORY = 9000
"""Characters of the conversation; older messages are left out."""
_HEAD = (
    "You help people of a company. You cannot look anything up yourself: you choose functions, and "
    "you are told what they answered.\nFunctions:\n"
)
_CHOOSE = (
    '\nChoosing functions, reply with JSON only: [{"function": NAME, "arguments": {...}}], one for '
    'each thing asked for, or [{"function": "answer"}] when no function fits or nothing is asked for. '
    "Use only values that the user wrote; leave out arguments with ? that the user did not mention."
)
_SPEAK = (
    "Now answer the user in one to three plain sentences. Use only what is written above; say "
    "honestly what failed or is not known."
)
_NO_CALL = (
    "Now answer the user in one to three plain sentences, without calling a function. If it needs "
    "data of the company that is not written above, say that you have no function for it."
)
_PLAIN = frozenset(("type", "enum", "const", "minLength", "maxLength", "minItems", "maxItems"))
_FORMATS = frozenset(("date", "time", "date-time", "uuid"))


def prefix(tools: Sequence[ToolSchema]) -> str:
    """The beginning of every prompt for these functions."""
    return _HEAD + "\n".join(_signature(tool) for tool in tools) + _CHOOSE


def prompt(
    request: ChatRequest, tools: Sequence[ToolSchema], today: date, *, speak: bool
) -> list[JsonValue]:
    """Messages for choosing functions or, with `speak`, for an answer in words."""
    system = [text_of(message) for message in request.messages if message.role == "system"]
    head = prefix(tools) if tools else "You help people of a company."
    told = f"\nToday is {today:%A}, {today.isoformat()}."
    messages = _turns(request.messages)
    if speak and tools:
        outputs = any(message.role == "tool" for message in request.messages)
        last = messages[-1]
        last["content"] = f"{last['content']}\n\n{_SPEAK if outputs else _NO_CALL}"
    content = head + told + "".join(f"\n{text}" for text in system)
    return [{"role": "system", "content": content}, *messages]


def calls_schema(tools: Sequence[ToolSchema], *, several: bool, loose: bool = False) -> JsonObject:
    """The shape of a choice. `loose` leaves the arguments open, for schemas that make no grammar."""
    branches: list[JsonValue] = [
        {
            "type": "object",
            "properties": {
                "function": {"const": tool.name},
                "arguments": {"type": "object"} if loose else _for_grammar(tool.parameters),
            },
            "required": ["function", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    branches.append(
        {
            "type": "object",
            "properties": {"function": {"const": ANSWER}},
            "required": ["function"],
            "additionalProperties": False,
        }
    )
    return {
        "type": "array",
        "items": {"anyOf": branches},
        "minItems": 1,
        "maxItems": _MOST_CALLS if several else 1,
    }


def _signature(tool: ToolSchema) -> str:
    """One line: the name, the parameters with what they may be, the description."""
    parameters = ", ".join(
        f"{slot.name}{'' if slot.required else '?'}: {_meaning(slot.schema)}"
        for slot in slots_of(tool.parameters)
    )
    return f"- {tool.name}({parameters}): {' '.join(tool.description.split())}"


def _meaning(schema: JsonObject) -> str:
    if isinstance(values := schema.get("enum"), list):
        return "|".join(str(value) for value in values)
    kind = str(schema.get("format") or schema.get("type") or "string")
    described = " ".join(str(schema.get("description", "")).split())
    return f"{kind} ({described})" if described else kind


def _turns(messages: Sequence[ChatMessage]) -> list[dict[str, JsonValue]]:
    """The conversation in roles that every chat template knows; the newest part of it."""
    turns: list[dict[str, JsonValue]] = []
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    for message in messages:
        if message.role == "system":
            continue
        if message.role == "tool":
            name = names.get(message.tool_call_id or "", "the function")
            turns.append(_turn("user", f"{name} answered: {text_of(message)[:_OUTCOME]}"))
        elif message.tool_calls:
            turns.append(_turn("assistant", _as_choice(message)))
        else:
            turns.append(_turn(message.role, text_of(message)))
    kept: list[dict[str, JsonValue]] = []
    size = 0
    for turn in reversed(turns):
        size += len(str(turn["content"]))
        if kept and size > _HISTORY:
            break
        kept.insert(0, turn)
    return kept or [_turn("user", "")]


def _turn(role: str, content: str) -> dict[str, JsonValue]:
    return {"role": role, "content": content}


def _as_choice(message: ChatMessage) -> str:
    calls = ", ".join(
        f'{{"function": {orjson.dumps(call.name).decode()}, "arguments": {call.arguments}}}'
        for call in message.tool_calls
    )
    return f"[{calls}]"


def _for_grammar(schema: JsonObject) -> JsonObject:
    """What of a schema llama.cpp turns into a grammar; the dispatcher checks the rest."""
    plain: JsonObject = {name: value for name, value in schema.items() if name in _PLAIN}
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        slots = slots_of(schema)
        plain["type"] = "object"
        plain["properties"] = {slot.name: _for_grammar(slot.schema) for slot in slots}
        plain["required"] = [slot.name for slot in slots if slot.required]
        plain["additionalProperties"] = False
    if isinstance(items := schema.get("items"), dict):
        plain["items"] = _for_grammar(items)
    if schema.get("type") == "integer":
        plain |= {name: schema[name] for name in ("minimum", "maximum") if name in schema}
    if schema.get("format") in _FORMATS:
        plain["format"] = schema["format"]
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and _makes_grammar(pattern):
        plain = {"type": "string", "pattern": pattern}
    return plain


def _makes_grammar(pattern: str) -> bool:
    return (
        pattern.startswith("^")
        and pattern.endswith("$")
        and not any(mark in pattern for mark in ("(?=", "(?!", "(?<", "\\b", "\\B", "\\p", "\\u"))
    )
