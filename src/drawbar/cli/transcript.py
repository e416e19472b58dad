"""A run as text in a terminal: the words, each guided invocation with its arguments, what came of it."""

from __future__ import annotations

from typing import Any, TextIO

import orjson

_MARKS = {"succeeded": "+", "refused": "-", "failed": "x", "indeterminate": "?"}
_COLOURS = {"succeeded": "32", "refused": "33", "failed": "31", "indeterminate": "35"}
_ENDS = {
    "cancelled": "Stopped. What was carried out before stays carried out.",
    "expired": "The run took too long and was given up.",
    "incomplete": "The answer was cut: a limit of the run was reached.",
    "requires_action": "The run waits for a client that runs functions of its own.",
}
_WIDEST = 2000
"""Characters of a reply that are shown."""

Wire = dict[str, Any]  # objects of the Assistants API; their shapes stand in its contract


class Transcript:
    """Takes the events of a run's stream one after the other and writes what they mean."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colour = out.isatty()
        self._in_words = False
        self.status = "queued"

    def take(self, name: str, data: Wire) -> None:
        """One event: its name and the wire object."""
        if name == "thread.message.delta":
            parts = data["delta"].get("content") or []
            self._words("".join(part.get("text", {}).get("value", "") for part in parts))
        elif name == "thread.run.step.completed" and data["type"] == "tool_calls":
            for call in data["step_details"]["tool_calls"]:
                self._invocation(call["function"])
        elif name.startswith("thread.run.") and not name.startswith("thread.run.step."):
            self._run(data)

    def end(self) -> None:
        """The last line is ended, whatever was on it."""
        if self._in_words:
            self._out.write("\n")
            self._in_words = False
        self._out.flush()

    def _words(self, text: str) -> None:
        self._in_words = self._in_words or bool(text)
        self._out.write(text)
        self._out.flush()

    def _invocation(self, function: Wire) -> None:
        self.end()
        self._out.write(f"\n  {self._paint(function['name'], '1')}\n")
        for name, value in _arguments(function["arguments"]):
            self._out.write(f"    {name} = {value}\n")
        outcome = _outcome(function["output"])
        kind = str(outcome["outcome"])
        mark = self._paint(f"{_MARKS[kind]} {kind}", _COLOURS[kind])
        said = [str(outcome[word]) for word in ("code", "message") if outcome.get(word)]
        self._out.write(f"  {': '.join([mark, *said])}\n")
        for problem in outcome.get("problems", ()):
            self._out.write(f"    {problem['argument']}: {problem['message']}\n")
        lines = [*_reply_lines(outcome), *outcome.get("notes", ())]
        lines += [outcome["hint"]] if outcome.get("hint") else []
        self._out.writelines(f"    {line}\n" for line in lines)
        self._out.write("\n")
        self._out.flush()

    def _run(self, run: Wire) -> None:
        self.status = run["status"]
        text = _ENDS.get(self.status)
        if self.status == "failed":
            text = (run.get("last_error") or {}).get("message", "The run failed.")
        if text:
            self.end()
            self._out.write(f"{self._paint(text, '33')}\n")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _arguments(text: str) -> list[tuple[str, str]]:
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [("(not JSON)", text)]
    if not isinstance(read, dict):
        return [("(no object)", text)]
    return [
        (name, value if isinstance(value, str) else orjson.dumps(value).decode())
        for name, value in read.items()
    ]


def _outcome(output: str | None) -> Wire:
    """The outcome in a function's output; an output of another form is a reply."""
    try:
        read = orjson.loads(output or "null")
    except orjson.JSONDecodeError:
        return {"outcome": "succeeded", "data": output}
    if isinstance(read, dict) and read.get("outcome") in _MARKS:
        return read
    return {"outcome": "succeeded", "data": read}


def _reply_lines(outcome: Wire) -> list[str]:
    if "data" not in outcome:
        return []
    text = orjson.dumps(outcome["data"], option=orjson.OPT_INDENT_2).decode()
    if len(text) <= _WIDEST:
        return text.splitlines()
    cut = text[:_WIDEST].splitlines()[:-1]
    return [*cut, f"... {len(text.splitlines()) - len(cut)} more lines"]
