"""A program that was declared: found, started for each call, ended with it."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from pathlib import Path

from drawbar.backends.command.options import CommandBackendSpec
from drawbar.backends.command.process import Launch, run
from drawbar.codecs.program import Program, arguments_of, input_of
from drawbar.codecs.program_reply import read_reply
from drawbar.kernel.ports import BackendError, Call, Health, Reply
from drawbar.kernel.underway import Underway
from drawbar.kernel.values import JsonObject, JsonValue


class CommandBackend:
    """Fills the port `drawbar.kernel.ports.Backend`. It keeps nothing between calls but what runs."""

    def __init__(self, spec: CommandBackendSpec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder.resolve()
        self._cwd = str(self._folder / (spec.cwd or ""))
        self._env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            **{name: value.reveal() for name, value in spec.env.items()},
        }
        self._program = [self._placed(part) for part in spec.program]
        self._underway = Underway("the program was ended")

    async def invoke(self, binding: Program, call: Call) -> Reply:
        """Start the program, or say in a dry run what would be started."""
        argv = [*self._program, *arguments_of(binding, call.arguments)]
        data = input_of(binding, call.arguments)
        if call.mode == "dry_run":
            return Reply({"request": self._described(argv, data)})
        return await self._underway.run(self._invoke(binding, call, argv, data))

    async def health(self) -> Health:
        """Whether the program, the files among its arguments and its folder are there."""
        missing = self._missing()
        if missing is not None:
            return Health(ok=False, detail=missing)
        return Health(ok=True, detail=f"{self._spec.program[0]} is there and can be executed")

    async def close(self) -> None:
        """End every program that still runs."""
        await self._underway.close()

    async def _invoke(self, binding: Program, call: Call, argv: list[str], data: bytes) -> Reply:
        if binding.answer.changes:
            call.progress.mark_sent()
        try:
            async with asyncio.timeout(call.remaining()):
                ended = await run(
                    Launch(argv, self._cwd, self._env),
                    data,
                    max_bytes=call.max_bytes,
                    drain=binding.answer.changes,  # to end a change because of what it prints would cut it in half
                )
        except TimeoutError:
            raise BackendError(
                "The program did not end in time and was ended.",
                code="timeout",
                retryable=not binding.answer.changes,
                work="unknown",
            ) from None
        except OSError as error:
            raise self._not_started(error) from error
        try:
            return read_reply(binding, ended, call, self._spec.encoding)
        except BackendError as error:
            raise self._without_secrets(error) from None

    def _placed(self, part: str) -> str:
        return str(self._folder / part) if part.startswith(("./", "../")) else part

    def _missing(self) -> str | None:
        """In words, what is not there."""
        if not Path(self._cwd).is_dir():
            return f"there is no folder {self._spec.cwd}"
        if self._executable() is None:
            return f"{self._spec.program[0]} is not there, or cannot be executed"
        for part, placed in zip(self._spec.program[1:], self._program[1:], strict=True):
            if part != placed and not Path(placed).exists():
                return f"there is no file {part}"
        return None

    def _executable(self) -> str | None:
        name = self._program[0]
        if "/" in name and not name.startswith("/"):
            name = str(Path(self._cwd) / name)
        return shutil.which(name, path=self._env["PATH"])

    def _not_started(self, error: OSError) -> BackendError:
        if error.errno == errno.E2BIG:
            return BackendError(
                "The arguments are longer than this machine can pass to a program.",
                code="invalid_arguments",
                work="not_started",
            )
        return _unavailable(self._missing() or error.strerror or "it could not be started")

    def _described(self, argv: list[str], data: bytes) -> JsonValue:
        found: JsonObject = {"argv": list[JsonValue](argv), "cwd": self._cwd}
        found["env"] = dict[str, JsonValue](dict.fromkeys(self._spec.env, "***"))
        found["stdin"] = data.decode(errors="backslashreplace")
        return found

    def _without_secrets(self, error: BackendError) -> BackendError:
        """Some programs print their environment when they fail."""
        for value in self._spec.env.values():
            text = value.reveal()
            if len(text) > 3 and text in error.message:  # noqa: PLR2004 -- shorter is no secret, and would mask words
                error.message = error.message.replace(text, "***")
                error.args = (error.message,)
        return error


def _unavailable(why: str) -> BackendError:
    return BackendError(
        f"The program was not started: {why}.", code="backend_unavailable", work="not_started"
    )
