"""The script of a scripted model as a file (YAML or JSON), for a server that runs as its own process.

    turns:                              # told in order within each conversation
      - calls: [{name: hr_leave_balance, arguments: {employee: "4711"}}]
      - say: "You have {{tool.data.days}} days left."
    rules:                              # asked first; one whose words stand in the last user message
      - when: cancel                    # wins over `turns`
        turns:
          - [{say: One moment.}, {delay: 50ms}, {calls: [{name: hr_cancel, arguments: '{"broken'}]}]
          - error: {message: overloaded, code: rate_limit_exceeded}
      - {when: report, turns: [{say: "row ", times: 500, delay: 2ms}]}   # 500 pieces
      - {when: wait, turns: [{hang: true}]}                              # until it is cancelled

Nothing is remembered between requests but the `times` of a rule: which turn it is, is counted in
the messages of the request, so a server may be killed and started again in the middle of a script.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml
from pydantic import Field, ValidationError

from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonValue
from drawbar.llm.chat import ChatRequest, Finished, ModelError, TextDelta
from drawbar.llm.conversation import last_text, since_user
from drawbar.llm.scripted import SCRIPTED_USAGE, Invoke, Item, ScriptedModel, Turn
from drawbar.spec.model import Spec
from drawbar.spec.scalars import Duration

_PLACEHOLDER = re.compile(r"\{\{\s*(user|tool)((?:\.\w+)*)\s*\}\}")


class CallSpec(Spec):
    """A guided invocation. `arguments` as a text is sent untouched, valid JSON or not."""

    name: str
    arguments: dict[str, Any] | str = Field(default_factory=dict)
    id: str | None = None
    pieces: int = Field(1, ge=1)


class ErrorSpec(Spec):
    """The model fails here."""

    message: str = "the scripted model was told to fail"
    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"] = "server_error"


class SayingSpec(Spec):
    """A part of a turn: first the text, then the calls, then the error or the waiting.

    In texts and arguments `{{user}}` is the last user message, `{{tool}}` what the last call came to,
    and `{{tool.data.days}}` a part of that.
    """

    say: str | None = None
    times: int = Field(1, ge=1, description="The text is said so often, a piece each time.")
    delay: Duration | None = Field(None, description="Before every piece.")
    calls: tuple[CallSpec, ...] = ()
    error: ErrorSpec | None = None
    hang: bool = Field(False, description="Say nothing more until the request is cancelled.")
    finish: Literal["stop", "tool_calls", "length", "content_filter"] | None = None
    usage: tuple[int, int] | None = None


class RuleSpec(Spec):
    """Turns for messages that contain some words."""

    when: str | None = Field(
        None, description="Must stand in the last user message; case is ignored."
    )
    times: int | None = Field(None, ge=1, description="The rule serves so many requests.")
    turns: tuple[SayingSpec | tuple[SayingSpec, ...], ...]


class ScriptSpec(Spec):
    """A whole script."""

    rules: tuple[RuleSpec, ...] = ()
    turns: tuple[SayingSpec | tuple[SayingSpec, ...], ...] = ()


def load_script(path: Path) -> ScriptedModel:
    """Raises OperatorError, with every problem, when the file cannot be used."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
        script = ScriptSpec.model_validate_json(orjson.dumps(read))
    except OSError as error:
        message = f"settings.model.script: {path} cannot be read ({error.strerror})"
        raise OperatorError(message) from error
    except yaml.YAMLError as error:
        message = f"settings.model.script: {path} is not YAML ({error})"
        raise OperatorError(message) from error
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}"
            for problem in error.errors()
        )
        message = f"settings.model.script: {path} is not a script: {said}"
        raise OperatorError(message) from error
    return ScriptedModel(_Script(script), label=f"scripted by {path.name}, not a model")


class _Script:
    def __init__(self, script: ScriptSpec) -> None:
        self._script = script
        self._served = [0] * len(script.rules)

    def __call__(self, request: ChatRequest) -> Turn:
        user = last_text(request, "user")
        number = sum(message.role == "assistant" for message in since_user(request))
        for index, rule in enumerate(self._script.rules):
            words_fit = rule.when is None or rule.when.casefold() in user.casefold()
            if words_fit and (rule.times is None or self._served[index] < rule.times):
                self._served[index] += 1
                return _told(rule.turns, number, request, f"rule {index + 1}")
        turns = _of_user_message(self._script.turns, _user_groups(request) - 1)
        return _told(turns, number, request, "turns")


def _told(
    turns: Sequence[SayingSpec | tuple[SayingSpec, ...]],
    number: int,
    request: ChatRequest,
    where: str,
) -> Turn:
    if number >= len(turns):
        message = (
            f"the script has no turn {number + 1} in {where} for the user message "
            f"{last_text(request, 'user')!r}"
        )
        return [ModelError(message)]
    turn = turns[number]
    sayings = turn if isinstance(turn, tuple) else (turn,)
    return lambda _: _tell(sayings, request)


async def _tell(sayings: tuple[SayingSpec, ...], request: ChatRequest) -> AsyncIterator[Item]:
    called = False
    for saying in sayings:
        for item in _pieces(saying, request):
            called = called or isinstance(item, Invoke)
            if saying.delay is not None:
                await asyncio.sleep(saying.delay)
            yield item
        if saying.hang:
            await asyncio.Event().wait()
        if saying.error is not None:
            yield ModelError(saying.error.message, code=saying.error.code)
    last = sayings[-1]
    reason = last.finish or ("tool_calls" if called else "stop")
    yield Finished(reason, *(last.usage or SCRIPTED_USAGE))


def _pieces(saying: SayingSpec, request: ChatRequest) -> list[Item]:
    items: list[Item] = []
    if saying.say is not None:
        items += [TextDelta(_filled(saying.say, request))] * saying.times
    for call in saying.calls:
        text = (
            call.arguments
            if isinstance(call.arguments, str)
            else orjson.dumps(_filled_in(call.arguments, request)).decode()
        )
        items.append(Invoke(call.name, text, call.id or new_id("call_"), call.pieces))
    return items


def _filled_in(value: Any, request: ChatRequest) -> Any:  # YAML of any shape
    if isinstance(value, str):
        return _filled(value, request)
    if isinstance(value, list):
        return [_filled_in(item, request) for item in value]
    if isinstance(value, dict):
        return {key: _filled_in(item, request) for key, item in value.items()}
    return value


def _filled(text: str, request: ChatRequest) -> str:
    def fill(match: re.Match[str]) -> str:
        said = last_text(request, "user" if match[1] == "user" else "tool")
        if not match[2]:
            return said
        try:
            value: JsonValue = orjson.loads(said)
            for step in match[2][1:].split("."):
                value = value[int(step)] if isinstance(value, list) else value[step]  # type: ignore[index] # a wrong path is caught below
        except (ValueError, LookupError, TypeError):
            return match[0]  # shows in the test which path was wrong
        return value if isinstance(value, str) else orjson.dumps(value).decode()

    return _PLACEHOLDER.sub(fill, text)


def _of_user_message(
    turns: Sequence[SayingSpec | tuple[SayingSpec, ...]], number: int
) -> Sequence[SayingSpec | tuple[SayingSpec, ...]]:
    """The turns of the answer to user message `number`: an answer ends with a turn without calls."""
    answers: list[list[SayingSpec | tuple[SayingSpec, ...]]] = [[]]
    for turn in turns:
        answers[-1].append(turn)
        sayings = turn if isinstance(turn, tuple) else (turn,)
        if not any(saying.calls for saying in sayings):
            answers.append([])
    return answers[number] if 0 <= number < len(answers) else []


def _user_groups(request: ChatRequest) -> int:
    """User messages, those that follow each other counted as one."""
    roles = [message.role for message in request.messages if message.role != "system"]
    return sum(
        role == "user" and (index == 0 or roles[index - 1] != "user")
        for index, role in enumerate(roles)
    )
