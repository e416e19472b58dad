"""A small language model on this machine, held to calls that exist and to values the user wrote.

It is asked twice at most: which functions, under a grammar; and, when there is something to say, for
words. After one round of outcomes it speaks. What it says is a small model's word; what it calls is
checked here and, as always, by the dispatcher.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import orjson

from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ids import new_id
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.kernel.workers import Workers
from drawbar.llm.chat import (
    CallDelta,
    ChatEvent,
    ChatRequest,
    Finished,
    ModelError,
    TextDelta,
    ToolSchema,
)
from drawbar.llm.conversation import last_text, since_user, text_of
from drawbar.llm.llama import Engine, LlamaEngine, is_installed
from drawbar.llm.local_prompt import ANSWER, calls_schema, prefix, prompt
from drawbar.llm.pull import MODELS, SMALL, USUAL, model_path
from drawbar.llm.ranking import Ranking
from drawbar.llm.sentence import Sentence
from drawbar.llm.slot import slots_of
from drawbar.llm.slots import fill
from drawbar.llm.support import is_made_up, is_supported
from drawbar.llm.wording import asking_text
from drawbar.llm.written_calls import as_text

LISTED = 24
"""Functions a small model can choose among; of more it gets those that share words with the question."""
_SHORTLIST = 8
_CHOICE_TOKENS = 400
_ANSWER_TOKENS = 400


@dataclass(frozen=True, slots=True)
class _Choice:
    tool: ToolSchema
    arguments: JsonObject
    missing: tuple[str, ...]


@dataclass(slots=True)
class _Usage:
    prompt: int = 0
    completion: int = 0

    def add(self, chunk: JsonObject) -> None:
        """llama.cpp counts in the last chunk of an answer."""
        timings = chunk.get("timings")
        if isinstance(timings, dict):
            counts = [timings.get(name) for name in ("cache_n", "prompt_n", "predicted_n")]
            cached, fresh, said = (count if isinstance(count, int) else 0 for count in counts)
            self.prompt += cached + fresh
            self.completion += said


class LocalModel:
    """One model file and one thread that works with it; requests wait for each other."""

    def __init__(
        self,
        open_engine: Callable[[], Engine],
        name: str,
        today: Callable[[], date] | None = None,
    ) -> None:
        """`open_engine` is called in the model's thread when the first request comes."""
        self.label = f"{name} on this machine"
        self._open_engine = open_engine
        self._engine: Engine | None = None
        self._workers = Workers("local-model", 1)
        self._today = today or (lambda: datetime.now(UTC).date())
        self._ranking = Ranking(())

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        """Raises ModelError. Cancelling stops the model at its next token."""
        usage = _Usage()
        tools = self._offered(request)
        if tools and not any(message.role == "tool" for message in since_user(request)):
            choices = await self._choose(request, tools, usage)
            lacking = next((choice for choice in choices if choice.missing), None)
            if lacking is not None:
                yield TextDelta(asking_text(lacking.tool, lacking.missing))
                yield Finished("stop", usage.prompt, usage.completion)
                return
            for index, choice in enumerate(choices):
                text = as_text(choice.arguments)
                yield CallDelta(index, text, id=new_id("call_"), name=choice.tool.name)
            if choices:
                yield Finished("tool_calls", usage.prompt, usage.completion)
                return
        messages = prompt(request, tools, self._today(), speak=True)
        body: JsonObject = {
            "messages": messages,
            "max_tokens": min(request.max_tokens or _ANSWER_TOKENS, _ANSWER_TOKENS),
            "temperature": 0.0 if request.temperature is None else request.temperature,
        }
        cut = False
        async with aclosing(self._generate(body)) as chunks:
            async for chunk in chunks:
                usage.add(chunk)
                text, cut = _said(chunk)
                if text:
                    yield TextDelta(text)
        yield Finished("length" if cut else "stop", usage.prompt, usage.completion)

    async def warm_up(self, tools: Sequence[ToolSchema]) -> None:
        """Open the file and read the functions once, so that the first question is not the slow one.

        Takes up to a minute for twenty functions. Raises OperatorError when the file is unusable.
        """
        listed = tuple(tools) if len(tools) <= LISTED else ()
        system = prefix(listed) if listed else "You help people of a company."
        messages: list[JsonValue] = [
            {"role": "system", "content": system},
            {"role": "user", "content": "hello"},
        ]
        async with aclosing(self._generate({"messages": messages, "max_tokens": 1})) as chunks:
            async for _ in chunks:
                pass

    async def close(self) -> None:
        if self._engine is not None:
            await self._workers.run(self._let_go)
        self._workers.close()

    def _let_go(self) -> None:
        self._engine = None

    def _offered(self, request: ChatRequest) -> tuple[ToolSchema, ...]:
        """The functions in the prompt, always in their own order."""
        if request.tool_choice == "none":
            return ()
        kind, _, name = request.tool_choice.partition(":")
        if kind == "function":
            return tuple(tool for tool in request.tools if tool.name == name)
        if len(request.tools) <= LISTED:
            return request.tools
        if self._ranking.tools != request.tools:
            self._ranking = Ranking(request.tools)
        best = {tool.name for tool in self._ranking.best(last_text(request, "user"), _SHORTLIST)}
        return tuple(tool for tool in request.tools if tool.name in best)

    async def _choose(
        self, request: ChatRequest, tools: Sequence[ToolSchema], usage: _Usage
    ) -> list[_Choice]:
        """The calls it wants; empty when it would rather speak.

        A choice for which it had to make a number up, and to which the words do not point, is often
        the wrong function: it may choose once more among those whose arguments the words give.
        Otherwise what is missing is asked for.
        """
        choices = await self._choose_once(request, tools, usage)
        lacking = {choice.tool.name for choice in choices if choice.missing}
        user = last_text(request, "user")
        meant = {tool.name for tool in Ranking(tools).best(user, 1)}
        if lacking - meant and request.tool_choice == "auto":
            others = [
                tool
                for tool in tools
                if tool.name not in lacking
                and not fill(tool.parameters, Sentence(user, self._today()), frozenset()).missing
            ]
            again = await self._choose_once(request, tools, usage, others) if others else []
            if again and not any(choice.missing for choice in again):
                return again
        return choices

    async def _choose_once(
        self,
        request: ChatRequest,
        tools: Sequence[ToolSchema],
        usage: _Usage,
        allowed: Sequence[ToolSchema] | None = None,
    ) -> list[_Choice]:
        """`allowed`: what may be chosen of the functions in the prompt, whose words stay the same."""
        may = tools if allowed is None else allowed
        said = ""
        for loose in (False, True):
            schema = calls_schema(may, several=request.parallel_tool_calls, loose=loose)
            body: JsonObject = {
                "messages": prompt(request, tools, self._today(), speak=False),
                "max_tokens": _CHOICE_TOKENS,
                "temperature": 0.0,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "calls", "schema": schema},
                },
            }
            try:
                async with aclosing(self._generate(body)) as chunks:
                    async for chunk in chunks:
                        usage.add(chunk)
                        said += _said(chunk)[0]
            except ValueError:  # a pattern of the schema makes no grammar
                if loose:
                    raise
            else:
                break
        return self._checked(said, request, tools)

    def _checked(
        self, said: str, request: ChatRequest, tools: Sequence[ToolSchema]
    ) -> list[_Choice]:
        """The calls without values that nobody wrote."""
        try:
            calls = orjson.loads(said)
        except orjson.JSONDecodeError as error:
            message = f"the local model wrote no whole call: {said[:200]!r}"
            raise ModelError(message) from error
        named = {tool.name: tool for tool in tools}
        choices: list[_Choice] = []
        for call in calls if isinstance(calls, list) else [calls]:
            if not isinstance(call, dict) or call.get("function") == ANSWER:
                continue
            tool = named.get(str(call.get("function")))
            arguments = call.get("arguments")
            if tool is not None:
                choice = self._without_invented(
                    tool, arguments if isinstance(arguments, dict) else {}, request
                )
                if choice not in choices:
                    choices.append(choice)
        return choices

    def _without_invented(
        self, tool: ToolSchema, arguments: JsonObject, request: ChatRequest
    ) -> _Choice:
        """Values that nobody wrote give way to what the user's words say by their form, if they do."""
        today = self._today()
        written = _all_words(request)
        user = last_text(request, "user")
        by_form = fill(tool.parameters, Sentence(user, today), frozenset())
        kept: JsonObject = {}
        missing = []
        for slot in slots_of(tool.parameters):
            if slot.name not in arguments:
                continue
            value = arguments[slot.name]
            invented = (
                is_made_up(value, slot, written, today)
                if slot.required
                else not is_supported(value, slot, written, today)
                or (value in kept.values() and _times_said(value, user) == 1)
            )
            if not invented:
                kept[slot.name] = value
            elif slot.name in by_form.strong and by_form.arguments[slot.name] not in kept.values():
                kept[slot.name] = by_form.arguments[slot.name]
            elif slot.required:
                missing.append(slot.name)
        return _Choice(tool, kept, tuple(missing))

    async def _generate(self, body: JsonObject) -> AsyncGenerator[JsonObject, None]:
        """Chunks from the model's thread. Leaving early tells the model to stop at its next token."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[JsonObject | None] = asyncio.Queue()
        stop = threading.Event()

        def take(chunk: JsonObject) -> bool:
            if not stop.is_set():
                loop.call_soon_threadsafe(arrived.put_nowait, chunk)
            return stop.is_set()

        def work() -> None:
            if stop.is_set():  # given up while it waited for its turn
                return
            if self._engine is None:
                self._engine = self._open_engine()
            self._engine.generate(body, take)

        working = asyncio.ensure_future(self._workers.run(work))
        working.add_done_callback(lambda done: done.cancelled() or done.exception())
        working.add_done_callback(lambda _: arrived.put_nowait(None))
        try:
            while (chunk := await arrived.get()) is not None:
                if error := chunk.get("error"):
                    raise ModelError(f"the local model failed: {orjson.dumps(error).decode()}")
                yield chunk
            try:
                await working
            except RuntimeError as error:
                raise ModelError(f"the local model failed: {error}") from error
        finally:
            stop.set()
            working.cancel()


def open_local(name: str, folder: Path) -> LocalModel:
    """`name` is `default`, `small`, the name of a model in `drawbar model list`, or a GGUF file.

    Raises OperatorError that says the command to run.
    """
    if not is_installed():
        message = (
            "settings.model.provider is local, which needs an extra: pip install 'drawbar[local]'"
        )
        raise OperatorError(message)
    if name.endswith(".gguf"):
        path, shown, pull = folder / name, Path(name).stem, ""
    else:
        known = {"default": USUAL, "small": SMALL} | {model.name: model for model in MODELS}
        if name not in known:
            message = f"settings.model.name: there is no local model {name!r}; there are {', '.join(known)}, or a .gguf file"
            raise OperatorError(message)
        model = known[name]
        path, shown = model_path(model), model.name
        pull = "; run: drawbar model pull" + (" --small" if model is SMALL else "")
    if not path.is_file():
        message = f"the local model's file {path} is not here{pull}"
        raise OperatorError(message)
    return LocalModel(lambda: LlamaEngine(path), shown)


def _said(chunk: JsonObject) -> tuple[str, bool]:
    """The text of a chunk, and whether the answer was cut for its length."""
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return "", False
    delta = choice.get("delta")
    content = delta.get("content") if isinstance(delta, dict) else None
    return content if isinstance(content, str) else "", choice.get("finish_reason") == "length"


def _times_said(value: JsonValue, text: str) -> int:
    return text.lower().count(value.lower()) if isinstance(value, str) else 0


def _all_words(request: ChatRequest) -> str:
    """What users wrote and what calls answered: where values may come from."""
    roles = ("user", "tool")
    return "\n".join(text_of(message) for message in request.messages if message.role in roles)
