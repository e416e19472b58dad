"""A backend that does what a test says, and functions on it. It fills the kernel's port; nothing is mocked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from drawbar.compiler.function import Function, FunctionLimits
from drawbar.compiler.kind import Parameter
from drawbar.compiler.lookups import published as schema_for_model
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.dispatch.invocation import Invocation
from drawbar.dispatch.ledger import MemoryLedger
from drawbar.dispatch.redact import Redactor
from drawbar.kernel.errors import DrawbarError
from drawbar.kernel.files import FileContent, FileStore, NewFile
from drawbar.kernel.ids import new_id
from drawbar.kernel.ports import AuditEntry, Call, Health, Ledger, Reply
from drawbar.kernel.values import Caller, Effect, JsonObject
from drawbar.spec.model import LimitsSpec

ANNA = Caller("anna", ("hr",), {"emp_no": "1007"})

Answer = Callable[[Call], Awaitable[Reply]]


class TellingBackend:
    """Answers with what the test gave, and keeps every call."""

    def __init__(self, answer: Answer | Reply) -> None:
        self._answer = answer
        self.calls: list[Call] = []

    async def invoke(self, binding: Any, call: Call) -> Reply:
        self.calls.append(call)
        if isinstance(self._answer, Reply):
            return self._answer
        return await self._answer(call)

    async def health(self) -> Health:
        return Health(ok=True, detail="in this process")

    async def close(self) -> None:
        return None


class KeptAudit:
    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def record(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


def parameter(name: str, required: bool = True, **schema: Any) -> Parameter:
    return Parameter(name, schema or {"type": "string"}, required)


def function(
    name: str = "hr_get",
    *,
    effect: Effect = "read",
    parameters: Sequence[Parameter] = (),
    **changes: Any,
) -> Function:
    published = [item for item in parameters if item.source == "model"]
    schema: JsonObject = {
        "type": "object",
        "properties": {item.name: schema_for_model(item) for item in published},
        "required": [item.name for item in published if item.required],
        "additionalProperties": False,
    }
    given: dict[str, Any] = {
        "name": name,
        "local_name": name.removeprefix("hr_"),
        "adapter": "hr",
        "kind": "telling",
        "description": "For tests.",
        "effect": effect,
        "parameters": tuple(parameters),
        "schema": schema,
        "strict_schema": None,
        "binding": None,
        "limits": FunctionLimits(timeout=5.0),
    }
    return Function(**{**given, **changes})


class Bench:
    """A dispatcher over one backend, with its audit and ledger at hand."""

    def __init__(
        self,
        *functions: Function,
        answer: Answer | Reply | None = None,
        limits: LimitsSpec | None = None,
        secrets: Sequence[str] = (),
        ledger: Ledger | None = None,
        files: FileStore | None = None,
    ) -> None:
        self.backend = TellingBackend(answer or Reply("fine"))
        self.audit = KeptAudit()
        self.ledger = ledger or MemoryLedger()
        self.dispatcher = Dispatcher(
            {item.name: item for item in functions},
            {"hr": self.backend},
            ledger=self.ledger,
            audit=self.audit,
            limits={"hr": limits} if limits else None,
            redactor=Redactor(secrets),
            files=files,
        )

    async def call(
        self,
        name: str = "hr_get",
        arguments: Any = None,
        *,
        caller: Caller = ANNA,
        call_id: str = "call_1",
        **rest: Any,
    ) -> Any:
        mode = rest.pop("mode", "run")
        given = {} if arguments is None else arguments
        invocation = Invocation(name, given, caller, call_id, "python", **rest)
        async with asyncio.timeout(10):
            return await self.dispatcher.dispatch(invocation, mode=mode)


class Shelf:
    """Files by owner and id, in memory."""

    def __init__(self, largest: int = 1_000_000) -> None:
        self.largest = largest
        self.files: dict[tuple[str, str], FileContent] = {}
        self.runs: list[str | None] = []
        self.full = False

    async def keep(self, files: Sequence[NewFile], *, owner: str, run_id: str | None) -> None:
        if self.full:
            raise DrawbarError("the disk is full")
        for new in files:
            self.files[owner, new.id] = FileContent(new.filename, new.media_type, new.data)
        self.runs.append(run_id)

    async def content(self, file_id: str, *, owner: str) -> FileContent | None:
        return self.files.get((owner, file_id))

    def put(self, data: bytes, owner: str = "anna") -> str:
        file_id = new_id("file-")
        self.files[owner, file_id] = FileContent("scan.png", "image/png", data)
        return file_id
