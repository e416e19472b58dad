"""Runs in a process of its own and imports nothing of the gateway: functions are called, one at a time.

Frames on standard input and output: four bytes of length, then JSON. What the functions print goes to standard
error instead, and what they read is empty, so nothing of theirs can get between the frames.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import importlib
import inspect
import itertools
import json
import math
import os
import pathlib
import queue
import signal
import sys
import threading
import traceback
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

_LENGTH = 4
_EXACT = 2**53
"""Whole numbers from here on are texts: a reader's float would change them."""
_ADVICE = "It answers what JSON cannot hold"


class RefusedError(Exception):
    """An argument that is not what its type hint says, or a function that is not there."""


def main() -> None:
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # who started the gateway may ignore it
    calls, answers = _own_pipes()
    frames: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(calls, frames), daemon=True).start()
    with asyncio.Runner() as runner:
        while True:
            frame = frames.get()
            answer = json.dumps(_answer(runner, frame)).encode()
            sys.stdout.flush()
            answers.write(len(answer).to_bytes(_LENGTH, "big") + answer)
            answers.flush()


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes of the gateway, out of reach of `print`, `input` and programs that are started here."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return calls, answers


def _listen(calls: BinaryIO, frames: queue.SimpleQueue[Any]) -> None:
    """When the gateway is gone there is nobody to answer, whatever is being done."""
    while len(head := calls.read(_LENGTH)) == _LENGTH:
        frames.put(json.loads(calls.read(int.from_bytes(head, "big"))))
    os._exit(0)


def _answer(runner: asyncio.Runner, frame: Any) -> dict[str, Any]:
    """The first frame brings the path; any other modules, and mostly a function of theirs to call."""
    if "path" in frame:
        sys.path[:0] = frame["path"]
        return {}
    try:
        modules = [importlib.import_module(each) for each in frame["modules"]]
        function = getattr(modules[0], frame["function"]) if "function" in frame else None
    except Exception as error:  # noqa: BLE001 -- a module may raise anything while it is imported
        traceback.print_exc()
        return {"unavailable": f"{type(error).__name__}: {error}"}
    return {} if function is None else _answer_of(runner, function, frame)


def _answer_of(runner: asyncio.Runner, function: Callable[..., Any], frame: Any) -> dict[str, Any]:
    try:
        positional, named = _bound(function, frame["arguments"], frame["positional"])
    except RefusedError as error:
        return {"refused": str(error)}
    try:
        result = _called(runner, function, positional, named, frame["rows"])
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it raises is its answer
        traceback.print_exc()
        names = [each.__name__ for each in type(error).__mro__ if each not in _ROOTS]
        return {"exception": names or [type(error).__name__], "message": str(error)}
    try:
        return _told(result, frame["rows"], frame["bytes"])
    except (TypeError, ValueError, RecursionError) as error:
        return {"untold": f"{_ADVICE}: {error}"}


_ROOTS = (object, BaseException, Exception)
BYTES = "\0bytes"
"""The one key of an object that stands for bytes, which are under it as base64."""


def _called(
    runner: asyncio.Runner,
    function: Callable[..., Any],
    positional: list[Any],
    named: dict[str, Any],
    rows: int,
) -> Any:
    """What it answers; of what comes piece by piece, one more than is wanted."""
    result = function(*positional, **named)
    if inspect.isawaitable(result):
        result = runner.run(_awaited(result))
    if inspect.isasyncgen(result):
        return runner.run(_first_of(result, rows + 1))
    if isinstance(result, typing.Iterator):
        found = list(itertools.islice(result, rows + 1))
        with contextlib.suppress(AttributeError):
            result.close()  # type: ignore[attr-defined] # of generators
        return found
    return result


async def _awaited(result: Any) -> Any:
    return await result


async def _first_of(result: Any, count: int) -> list[Any]:
    found = []
    async with contextlib.aclosing(result):
        async for each in result:
            found.append(each)
            if len(found) == count:
                break
    return found


def _told(result: Any, rows: int, most: int) -> dict[str, Any]:
    value = told(result)
    if not isinstance(value, list):
        size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return {"value": value} if size <= most else {"too_large": size}
    kept: list[Any] = []
    size = 2
    for each in value[:rows]:
        size += len(json.dumps(each, ensure_ascii=False).encode("utf-8", "replace")) + 1
        if size > most:
            break
        kept.append(each)
    answer: dict[str, Any] = {"value": kept}
    if len(kept) < len(value):
        answer["total"] = len(value) if isinstance(result, list | tuple) else None
    return answer


# -- arguments ------------------------------------------------------------------------------------


def _bound(
    function: Callable[..., Any], arguments: Mapping[str, Any], positional: Iterable[str]
) -> tuple[list[Any], dict[str, Any]]:
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # noqa: BLE001 -- a hint may name anything; then arguments stay as they came
        hints = {}
    given = {}
    for name, value in arguments.items():
        try:
            given[name] = made(hints.get(name, Any), value)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise RefusedError(f"{name}: {error}") from None
    first = [given.pop(name) for name in itertools.takewhile(given.__contains__, positional)]
    return first, given


def made(hint: Any, value: Any) -> Any:
    """A value as its hint wants it. Raises ValueError or TypeError."""
    hint = _bare(hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(inner, value)
    if origin is typing.Literal:
        return next((each for each in inner if getattr(each, "value", each) == value), value)
    if origin is not None:
        return _collected(origin, inner, value)
    return _plain(hint, value)


def _bare(hint: Any) -> Any:
    """Without what only names or annotates it."""
    while True:
        if isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        elif typing.get_origin(hint) in _ANNOTATIONS:
            hint = typing.get_args(hint)[0]
        else:
            return hint


_ANNOTATIONS = (typing.Annotated, typing.Required, typing.NotRequired, typing.Final)


def _one_of(members: Iterable[Any], value: Any) -> Any:
    if value is None:
        return None
    wrong: Exception | None = None
    for member in members:
        try:
            if member is not type(None) and _fits(member, value):
                return made(member, value)
        except (TypeError, ValueError, ArithmeticError) as error:
            wrong = error
    if wrong is not None:
        raise wrong
    return value


def _fits(hint: Any, value: Any) -> bool:
    """Whether a plain type is that of the value: 5 is no text, though str would make one of it."""
    if hint in (str, int, float, bool):
        return type(value) is hint or (hint is float and type(value) is int)
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return value in [getattr(each, "value", each) for each in typing.get_args(hint)]
    return True


def _collected(origin: Any, inner: tuple[Any, ...], value: Any) -> Any:
    if isinstance(value, list):
        if origin is tuple:
            kinds = itertools.repeat(inner[0]) if inner[1:] == (...,) else inner
            return tuple(made(kind, each) for kind, each in zip(kinds, value, strict=False))
        found = [made(inner[0] if inner else Any, each) for each in value]
        return origin(found) if origin in (set, frozenset) else found
    if isinstance(value, dict) and len(inner) > 1:
        return {key: made(inner[1], each) for key, each in value.items()}
    return value


def _plain(hint: Any, value: Any) -> Any:
    if not isinstance(hint, type):
        return value
    if issubclass(hint, enum.Enum):
        return _member(hint, value)
    if typing.is_typeddict(hint) and isinstance(value, dict):
        hints = typing.get_type_hints(hint)
        return {name: made(hints.get(name, Any), each) for name, each in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        hints = typing.get_type_hints(hint)
        return hint(**{name: made(hints.get(name, Any), each) for name, each in value.items()})
    if (validate := getattr(hint, "model_validate", None)) is not None:
        return validate(value)
    return _scalar(hint, value)


def _scalar(hint: type, value: Any) -> Any:
    if isinstance(value, str):
        if hint in (dt.datetime, dt.date, dt.time):
            return hint.fromisoformat(value)
        if hint in (decimal.Decimal, uuid.UUID, pathlib.Path):
            return hint(value)
        if hint is bytes:
            return base64.b64decode(value, validate=True)
    if hint is float and type(value) is int:
        return float(value)
    return value


def _member(hint: type[enum.Enum], value: Any) -> enum.Enum:
    try:
        return hint(value)
    except ValueError:
        if value in hint.__members__:
            return hint[value]
        raise


# -- results --------------------------------------------------------------------------------------


def told(value: Any) -> Any:
    """A result as JSON. Raises TypeError for what has no form of its own there."""
    for kinds, form in _FORMS:
        if isinstance(value, kinds):
            return form(value)
    return _told_of_many(value)


_FORMS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (enum.Enum, lambda value: told(value.value)),
    (str | bool | None, lambda value: value),
    (int, lambda value: value if abs(value) < _EXACT else str(value)),
    (float, lambda value: value if math.isfinite(value) else None),
    (decimal.Decimal | uuid.UUID | pathlib.PurePath | dt.timedelta, str),
    (dt.date | dt.time, lambda value: value.isoformat()),
    (bytes | bytearray, lambda value: {BYTES: base64.b64encode(value).decode()}),
)
"""The first that fits counts."""


def _told_of_many(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: told(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if (dump := getattr(value, "model_dump", None)) is not None and not isinstance(value, type):
        return told(dump(mode="json"))
    if (as_dict := getattr(value, "_asdict", None)) is not None:
        return told(as_dict())
    if isinstance(value, Mapping):
        return {str(told(key)): told(each) for key, each in value.items()}
    if isinstance(value, Iterable):
        return [told(each) for each in value]
    raise TypeError(f"a value of type {type(value).__name__}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # how the gateway ends a call
        main()
    os._exit(1)
