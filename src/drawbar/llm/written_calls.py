"""Calls that a model server leaves in the text: small models write them, and not every server looks.

Taken for a call is only what names a function of the request, and only in these forms:

    {"name": "f", "arguments": {...}}      at the start of the answer, or several, or a list of them;
                                           `parameters` for `arguments`, and {"function": ...} as well
    ```json ... ```                        the same in a fence at the start
    <tool_call> ... </tool_call>           anywhere
    [TOOL_CALLS] ...                       anywhere

Anything else is text. Arguments that are not valid JSON are passed on as they were written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator

import orjson

from drawbar.kernel.values import JsonObject, JsonValue

_MARKERS = ("<tool_call>", "[TOOL_CALLS]", "<|python_tag|>")
_KEYS = ("name", "arguments", "parameters", "function", "type", "id", "tool_calls")
_FENCE = re.compile(r"```(?:json|tool_call|tool|)[ \t]*\r?\n(.*)", re.DOTALL)
_FENCE_BEGUN = re.compile(r"`{1,3}[a-z_]{0,9}[ \t]*\r?")
_FIRST_KEY = re.compile(r'(?:\[\s*)?\{\s*"([^"]*)("?)')
_OBJECT_BEGUN = re.compile(r"\[?\s*(?:\{\s*)?")
_BLOCK = re.compile(r"<tool_call>(.*?)(?:</tool_call>|(?=<tool_call>)|$)", re.DOTALL)
_MISTRAL = re.compile(r"([\w.-]+)\s*(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?\s*(?=\{)")
_BROKEN = re.compile(
    r'"(?:name|function)"\s*:\s*"([^"]+)"\s*,\s*"(?:arguments|parameters)"\s*:\s*(.*)', re.DOTALL
)
_DECODER = json.JSONDecoder()


class WrittenCalls:
    """Lets text through as soon as it cannot be a call any more, and keeps back what may be one."""

    def __init__(self, names: Collection[str]) -> None:
        """`names` are the functions of the request; without any, all text goes straight through."""
        self._names = frozenset(names)
        self._kept = ""
        self._at_start = True
        self._holding = False

    def feed(self, text: str) -> str:
        """The text that may be shown now."""
        if not self._names:
            return text
        self._kept += text
        if self._holding:
            return ""
        if self._at_start:
            verdict = _start(self._kept.lstrip())
            self._holding = verdict is True
            if verdict is not False:
                return ""
            self._at_start = False
        shown, self._kept, self._holding = _before_marker(self._kept)
        return shown

    def end(self) -> tuple[str, list[tuple[str, str]]]:
        """The rest of the text, or the calls in it: names with their arguments as text."""
        kept, self._kept = self._kept, ""
        calls = [call for call in _calls(kept.strip()) if call[0] in self._names] if kept else []
        return ("", calls) if calls else (kept, [])


def _start(text: str) -> bool | None:
    """Whether an answer that begins so is a call; None while more has to be seen."""
    if not text or _FENCE_BEGUN.fullmatch(text):
        return None
    if fenced := _FENCE.match(text):
        text = fenced[1].lstrip()
    if _OBJECT_BEGUN.fullmatch(text):
        return None
    key = _FIRST_KEY.match(text)
    if key is None:
        return False
    if key[2]:
        return key[1] in _KEYS
    return None if any(known.startswith(key[1]) for known in _KEYS) else False


def _before_marker(text: str) -> tuple[str, str, bool]:
    """What is shown, what is kept, and whether a marker was found."""
    if "<" not in text and "[" not in text:  # as all markers begin
        return text, "", False
    found = [place for marker in _MARKERS if (place := text.find(marker)) >= 0]
    if found:
        return text[: min(found)], text[min(found) :], True
    longest = max(len(marker) for marker in _MARKERS) - 1
    for start in range(max(0, len(text) - longest), len(text)):
        if any(marker.startswith(text[start:]) for marker in _MARKERS):
            return text[:start], text[start:], False
    return text, "", False


def _calls(text: str) -> list[tuple[str, str]]:
    if text.startswith("<tool_call>"):
        return [call for block in _BLOCK.findall(text) for call in _of_json(block)]
    if text.startswith("[TOOL_CALLS]"):
        rest = text.removeprefix("[TOOL_CALLS]").strip()
        return list(_of_mistral(rest)) if _MISTRAL.match(rest) else _of_json(rest)
    if text.startswith("<|python_tag|>"):
        return _of_json(text.removeprefix("<|python_tag|>"))
    if fenced := _FENCE.match(text):
        text = fenced[1].partition("```")[0]
    return _of_json(text)


def _of_json(text: str) -> list[tuple[str, str]]:
    calls = [call for value in _values(text) for call in _of_value(value)]
    if not calls and (broken := _BROKEN.search(text)):
        return [(broken[1], _without_outer_brace(broken[2].rstrip()))]
    return calls


def _values(text: str) -> Iterator[JsonValue]:
    """JSON values that follow each other, up to the first thing that is none."""
    place = 0
    while (match := re.compile(r"[\s,;]*").match(text, place)) and match.end() < len(text):
        try:
            value, place = _DECODER.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            return
        yield value


def _of_value(value: JsonValue) -> list[tuple[str, str]]:
    if isinstance(value, list):
        return [call for item in value for call in _of_value(item)]
    if not isinstance(value, dict):
        return []
    if isinstance(calls := value.get("tool_calls"), list):
        return _of_value(calls)
    function = value.get("function")
    if isinstance(function, dict):
        return _of_value(function)
    name = function if isinstance(function, str) else value.get("name")
    return [(name, _arguments(value))] if isinstance(name, str) else []


def _arguments(value: JsonObject) -> str:
    arguments = value.get("arguments", value.get("parameters"))
    if isinstance(arguments, str):
        return arguments
    return "{}" if arguments is None else as_text(arguments)


def as_text(arguments: JsonValue) -> str:
    """Arguments that came as a structure, as the text they stand for."""
    try:
        return orjson.dumps(arguments).decode()
    except TypeError:  # a whole number of more than 64 bits
        return json.dumps(arguments, ensure_ascii=False)


def _of_mistral(text: str) -> Iterator[tuple[str, str]]:
    """`name{...}` or `name[ARGS]{...}`, one after the other."""
    place = 0
    while match := _MISTRAL.search(text, place):
        try:
            value, place = _DECODER.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            yield match[1], text[match.end() :].strip()
            return
        yield match[1], as_text(value)


def _without_outer_brace(text: str) -> str:
    """The arguments of an object that was cut or is broken, without the brace that closes the object."""
    for end in (len(text), len(text) - 1):
        try:
            orjson.loads(text[:end])
        except orjson.JSONDecodeError:
            continue
        return text[:end]
    return text.removesuffix("}")
