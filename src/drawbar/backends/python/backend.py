"""Worker processes: started when they are needed, replaced when they were killed, ended at closing."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from drawbar.backends.python.options import PythonBackendSpec
from drawbar.backends.python.process import Process, ProcessEndedError
from drawbar.backends.python.worker import BYTES
from drawbar.kernel.files import Attachments
from drawbar.kernel.ports import BackendError, Call, Cut, Health, Reply, WorkState
from drawbar.kernel.underway import Underway
from drawbar.kernel.values import JsonObject, JsonValue

_HEALTH_TIME = 4.0
"""Seconds for a process to import the modules."""
_LONGEST = 1000
"""Characters of a message."""
_ADVICE = "Ask again with arguments that match less."


@dataclass(frozen=True, slots=True)
class Binding:
    """One function, compiled.

    `names` are Python's, by ours; `positional` can be given by their place only. `declared` are the exceptions that
    the author names under `errors:`, which say that nothing was changed.
    """

    module: str
    function: str
    names: Mapping[str, str]
    positional: tuple[str, ...]
    declared: tuple[str, ...]
    changes: bool


class PythonBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(
        self, spec: PythonBackendSpec, name: str, path: Sequence[str], modules: Sequence[str]
    ) -> None:
        self._spec = spec
        self._name = name
        self._path = path
        self._modules = modules
        self._idle: list[Process] = []
        self._places = asyncio.Semaphore(spec.processes)
        self._ending: set[asyncio.Task[None]] = set()
        self._underway = Underway("what was running was ended")
        self._environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            **{name: value.reveal() for name, value in spec.env.items()},
        }

    async def invoke(self, binding: Binding, call: Call) -> Reply:
        """Call the function, or say in a dry run what would be called."""
        named = {binding.names[name]: value for name, value in call.arguments.items()}
        target = f"{binding.module}:{binding.function}"
        if call.mode == "dry_run":
            return Reply({"request": {"call": target, "arguments": dict[str, JsonValue](named)}})
        frame: JsonObject = {
            "modules": [binding.module],
            "function": binding.function,
            "arguments": named,
            "positional": list[JsonValue](binding.positional),
            "rows": call.max_rows,
            "bytes": call.max_bytes,
        }
        answer = await self._underway.run(self._asked(frame, call))
        return self._reply(binding, answer, call.files)

    async def health(self) -> Health:
        """Whether a new process can import the modules."""
        try:
            async with asyncio.timeout(_HEALTH_TIME):
                process = await self._start()
                try:
                    answer = await process.ask({"modules": list[JsonValue](self._modules)})
                finally:
                    await self._end(process)
        except TimeoutError:
            return Health(ok=False, detail=f"nothing is imported within {_HEALTH_TIME:.0f} s")
        except (OSError, ProcessEndedError) as error:
            return Health(ok=False, detail=str(error))
        if "unavailable" in answer:
            return Health(ok=False, detail=self._masked(str(answer["unavailable"])))
        return Health(ok=True, detail=f"{', '.join(self._modules)} can be imported")

    async def close(self) -> None:
        """End every process; a call under way fails."""
        await self._underway.close()
        idle, self._idle = self._idle, []
        for process in idle:
            await self._end(process)
        await asyncio.gather(*self._ending)

    async def _asked(self, frame: JsonObject, call: Call) -> JsonObject:
        async with self._places:
            process = await self._process()
            whole = False
            try:
                call.progress.mark_sent()
                answer = await process.ask(frame)
                whole = True
            except ProcessEndedError as error:
                raise BackendError(
                    f"The process that ran it is gone: {error}.",
                    code="connection_lost",
                    retryable=True,
                    work="unknown",
                ) from None
            finally:
                process.calls += 1
                if whole and (self._spec.max_calls is None or process.calls < self._spec.max_calls):
                    self._idle.append(process)
                else:
                    await self._end(process)
        return answer

    async def _process(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.alive:
                return process
            await self._end(process)
        try:
            return await self._start()
        except OSError as error:
            raise _unavailable(str(error)) from error

    async def _start(self) -> Process:
        return await Process.start(
            self._path, self._environ, lambda line: f"{self._name}: {self._masked(line)}"
        )

    async def _end(self, process: Process) -> None:
        """To its end even if the caller is cancelled meanwhile; closing waits for what is left of it."""
        task = asyncio.ensure_future(process.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        await asyncio.shield(task)

    def _reply(self, binding: Binding, answer: JsonObject, files: Attachments) -> Reply:
        work: WorkState = "done" if binding.changes else "unknown"
        if "unavailable" in answer:
            raise _unavailable(self._masked(str(answer["unavailable"])))
        if "refused" in answer:
            raise BackendError(
                f"{answer['refused']}. It was not called.",
                code="invalid_arguments",
                work="not_started",
            )
        if "exception" in answer:
            raise self._failure(binding, answer)
        if "untold" in answer:
            raise BackendError(str(answer["untold"]), code="bad_value", work=work)
        if "too_large" in answer:
            raise BackendError(
                f"The answer has {answer['too_large']} bytes, more than is read; nothing of it is shown.",
                code="reply_too_large",
                work=work,
                hint=_ADVICE,
            )
        value = _with_bytes(answer["value"], files)
        if "total" not in answer:
            return Reply(value)
        total = answer["total"]
        kept = len(value) if isinstance(value, list) else 0
        cut = Cut(kept, total if isinstance(total, int) else None, "rows", _ADVICE)
        return Reply(value, cuts=(cut,))

    def _failure(self, binding: Binding, answer: JsonObject) -> BackendError:
        """Its class is the fact `exception`: of its classes the one that the author names, if any."""
        raised = answer["exception"]
        names = [str(each) for each in raised] if isinstance(raised, list) else []
        declared = [
            name for name in names if any(_matches(name, each) for each in binding.declared)
        ]
        said = self._masked(str(answer["message"]))[:_LONGEST]
        return BackendError(
            said or f"It raised {names[0]}.",
            code="exception",
            work="rolled_back" if declared else "unknown",
            facts={"exception": declared[0] if declared else names[0]},
        )

    def _masked(self, text: str) -> str:
        for value in self._spec.env.values():
            secret = value.reveal()
            if len(secret) > 3:  # noqa: PLR2004 -- shorter is no secret, and would mask words
                text = text.replace(secret, "***")
        return text


def _matches(name: str, wanted: str) -> bool:
    return fnmatchcase(name, wanted.replace("[", "[[]"))


def _unavailable(why: str) -> BackendError:
    return BackendError(
        f"The function cannot be called: {why}.", code="backend_unavailable", work="not_started"
    )


def _with_bytes(value: JsonValue, files: Attachments) -> JsonValue:
    """The value with base64 or a file in the place of bytes."""
    match value:
        case list():
            return [_with_bytes(item, files) for item in value]
        case dict() if isinstance(text := value.get(BYTES), str):
            return files.shown(base64.b64decode(text))
        case dict():
            return {key: _with_bytes(item, files) for key, item in value.items()}
        case _:
            return value
