"""Rules, not a model: finds the function by its words, its arguments by their form, and reads out what came.

For trying Drawbar without a model, for demos and for tests. It never claims to be more: its label
says so, and what it does not understand it says in plain words.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime

import orjson

from drawbar.kernel.ids import new_id
from drawbar.kernel.workers import Workers
from drawbar.llm.chat import (
    CallDelta,
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Finished,
    TextDelta,
    ToolSchema,
)
from drawbar.llm.choosing import Choice, Chooser
from drawbar.llm.conversation import since_user, text_of
from drawbar.llm.wording import ASKING, abstaining_text, answer_text, asking_text

_JOINTS = re.compile(
    r"\s*(?:[?;]|[.!](?=\s+[A-Z]))\s*|,?\s+\b(?:and|und|as well as|plus)\b(?:\s+(?:also|then))?\s+|,\s+(?=\S*\d)",
    re.IGNORECASE,
)
_TOOLSETS = 8
_WHY = "I work by rules, not with a model, and no function of mine fits what you wrote."


class RulesModel:
    """Answers without a model. It calls at most once per user message, then reads out the outputs."""

    label = "rules, not a model"

    def __init__(self, today: Callable[[], date] | None = None) -> None:
        """`today` tells what `tomorrow` means; the default is the day in UTC."""
        self._today = today or (lambda: datetime.now(UTC).date())
        self._choosers: dict[tuple[str, ...], Chooser] = {}
        self._workers = Workers("rules", 1)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        chooser = await self._chooser(request.tools)
        calls, text = self._answer(request, chooser)
        for index, choice in enumerate(calls):
            arguments = orjson.dumps(choice.arguments).decode()
            yield CallDelta(index, arguments, id=new_id("call_"), name=choice.tool.name)
        for piece in re.findall(r"\S*\s+|\S+", text):
            yield TextDelta(piece)
        yield Finished("tool_calls" if calls else "stop")

    async def warm_up(self, tools: Sequence[ToolSchema]) -> None:
        """Index the functions before the first question."""
        await self._chooser(tuple(tools))

    async def close(self) -> None:
        self._workers.close()

    async def _chooser(self, tools: tuple[ToolSchema, ...]) -> Chooser:
        """The index over these functions, kept for the last few toolsets; 10,000 take seconds."""
        names = tuple(tool.name for tool in tools)
        known = self._choosers.pop(names, None)
        if known is None or known.ranking.tools != tools:
            known = await self._workers.run(Chooser, tools)
        self._choosers[names] = known
        while len(self._choosers) > _TOOLSETS:
            del self._choosers[next(iter(self._choosers))]
        return known

    def _answer(self, request: ChatRequest, chooser: Chooser) -> tuple[list[Choice], str]:
        """Calls, or a text."""
        since = since_user(request)
        outputs = [message for message in since if message.role == "tool"]
        if outputs:
            made = [call for message in since for call in message.tool_calls]
            return [], answer_text(made, outputs)
        tools = () if request.tool_choice == "none" else request.tools
        text = _user_text(request)
        if not text.strip():
            return [], abstaining_text(tools, "You wrote nothing that I can read.")
        choices = self._choices(request, text, chooser) if tools else []
        if not request.parallel_tool_calls:
            choices = choices[:1]
        if not choices:
            best = chooser.ranking.best(text, 5) if tools else []
            return [], abstaining_text(_first(best, tools), _WHY)
        if choices[0].missing:
            return [], asking_text(choices[0].tool, choices[0].missing)
        return choices, ""

    def _choices(self, request: ChatRequest, text: str, chooser: Chooser) -> list[Choice]:
        """Complete choices, one for each question, or a single one that lacks arguments."""
        today = self._today()
        kind, _, name = request.tool_choice.partition(":")
        only = name if kind == "function" else None
        several = [] if only else _several(chooser, text, today)
        if several:
            return several
        choice = chooser.choose(text, today, only=only)
        if choice is not None and not choice.missing:
            return [choice]
        asked = _asked_before(request)
        if asked is not None:
            together = chooser.choose(f"{asked} {text}", today, only=only)
            if together is not None and (choice is None or not together.missing):
                return [together]
        return [choice] if choice is not None else []


def _several(chooser: Chooser, text: str, today: date) -> list[Choice]:
    """The choices of a sentence with several questions; none when it is better read as one."""
    parts = [part for part in _JOINTS.split(text) if part and part.strip(" ,.?!;")]
    if len(parts) < 2:  # noqa: PLR2004 -- several begin at two
        return []
    choices: list[Choice] = []
    before = ""
    for part in parts:
        choice = chooser.choose(part, today, before)
        if choice is None and choices:
            choice = _again(chooser, choices[-1], part, today)
        if choice is None or choice.missing:
            return []
        if all((choice.tool, choice.arguments) != (c.tool, c.arguments) for c in choices):
            choices.append(choice)
        before = f"{before} {part}"
    return choices


def _again(chooser: Chooser, last: Choice, part: str, today: date) -> Choice | None:
    """`the price of 104200 and 104300`: the same question for another value."""
    choice = chooser.choose(part, today, only=last.tool.name)
    if choice is None or choice.missing or not choice.arguments:
        return None
    return Choice(last.tool, {**last.arguments, **choice.arguments}, (), choice.score)


def _user_text(request: ChatRequest) -> str:
    """What the user wrote last, without the name that says who it was."""
    users = [message for message in request.messages if message.role == "user"]
    return _without_author(users[-1]) if users else ""


def _without_author(message: ChatMessage) -> str:
    text = text_of(message)
    return text.removeprefix(f"{message.name}: ") if message.name else text


def _asked_before(request: ChatRequest) -> str | None:
    """What the user had written when this model asked for more, if it did so last."""
    messages = [message for message in request.messages if message.role in ("user", "assistant")]
    for index in range(len(messages) - 1, 0, -1):
        message = messages[index]
        if message.role == "assistant":
            asked = ASKING in text_of(message) and messages[index - 1].role == "user"
            return _without_author(messages[index - 1]) if asked else None
    return None


def _first(best: Sequence[ToolSchema], tools: Sequence[ToolSchema]) -> list[ToolSchema]:
    """The functions that come closest, then the others in their order."""
    names = {tool.name for tool in best}
    return [*best, *(tool for tool in tools if tool.name not in names)]
