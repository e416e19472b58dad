"""The demo as a whole: the company's systems, and a gateway over them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from drawbar.app.deployment import deployed
from drawbar.app.gateway import load
from drawbar.demo.company import NAME, QUESTIONS, Company, open_company
from drawbar.demo.files import settings_file
from drawbar.kernel.errors import OperatorError
from drawbar.llm.pull import USUAL, model_path
from drawbar.surfaces.console.config import INSTRUCTIONS, MARK, find_console_assistant
from drawbar.surfaces.services import Services

DESCRIPTION = (
    "A ferry company that does not exist, with four legacy systems that really run on this machine: "
    "a SOAP service of 2004, a database of 1998, an HTTP API and a program of 1987."
)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What a person may choose. `keep` is the folder of the store; None: it goes when the demo ends."""

    model: str | None = None
    postgres: str | None = None
    keep: Path | None = None
    flags: Mapping[str, object] | None = None
    """Further settings, which win over all others."""


@dataclass(frozen=True, slots=True)
class Demo:
    company: Company
    services: Services
    assistant_id: str


@asynccontextmanager
async def open_demo(
    options: DemoOptions, tell: Callable[[str], object] = print
) -> AsyncIterator[Demo]:
    """Everything but the socket. Raises OperatorError, AuthorError."""
    async with open_company(postgres=options.postgres) as company:
        folder = options.keep or company.folder
        folder.mkdir(parents=True, exist_ok=True)
        flags: dict[str, object] = {
            "store": f"sqlite:///{folder.resolve() / 'drawbar.db'}",
            "listen.drain": "2s",
        }
        flags |= _model_flags(options.model)
        flags |= options.flags or {}
        environ = {**os.environ, **company.environ}
        gateway = load(settings_file(), environ=environ, flags=flags)
        errors = [problem for problem in gateway.problems if problem.severity == "error"]
        if errors:
            raise OperatorError("\n".join(str(problem) for problem in errors))
        async with deployed(gateway, tell) as services:
            yield Demo(company, services, await _assistant(services))


def _model_flags(wanted: str | None) -> dict[str, object]:
    """What was asked for, else what the environment says, else a pulled model, else rules."""
    if wanted is None and "DRAWBAR_MODEL__PROVIDER" in os.environ:
        return {}
    usable = model_path(USUAL).is_file() and find_spec("xllamacpp") is not None
    return {"model.provider": wanted or ("local" if usable else "rules")}


async def _assistant(services: Services) -> str:
    """The assistant of the chat page, dressed for the company."""
    found = await find_console_assistant(services)
    if found is None:
        found = await services.store.assistants.create(
            model="default",
            name=NAME,
            description=DESCRIPTION,
            instructions=INSTRUCTIONS,
            metadata={MARK: "default", "toolset": "all", "examples": "\n".join(QUESTIONS)},
        )
    return found.id
