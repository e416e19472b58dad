"""What `drawbar serve` opens on top of a gateway: the model, the runs, and what the surfaces stand on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping

from drawbar.app.gateway import Gateway
from drawbar.compiler.toolset import select_functions
from drawbar.kernel.ports import Backend, BackendError, ChecksLogin
from drawbar.llm.chat import ToolSchema
from drawbar.llm.open import open_model, warm_up
from drawbar.runs.offer import server_tools
from drawbar.runs.service import Runs
from drawbar.surfaces.services import Services

_log = logging.getLogger(__name__)


async def _check_logins(backends: Mapping[str, Backend]) -> None:
    """Tell what logins may do too much. The start does not wait for it, and a backend that is away is no news here."""
    for name, backend in backends.items():
        if isinstance(backend, ChecksLogin):
            with contextlib.suppress(BackendError):
                for wide in await backend.check_login():
                    _log.warning("%s: %s", name, wide)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


@contextlib.asynccontextmanager
async def deployed(
    gateway: Gateway, tell: Callable[[str], object] = _log.info
) -> AsyncIterator[Services]:
    """Open everything and resume the runs of a gateway that stopped; close it in the other order.

    `tell` gets a line before anything that takes long enough for a person to wonder.
    """
    await gateway.open(exclusive=True)
    try:
        async with contextlib.AsyncExitStack() as stack:
            settings = gateway.settings
            model = open_model(settings.model, gateway.loaded.folder)
            stack.push_async_callback(model.close)
            tools: tuple[ToolSchema, ...] = ()  # the others read them with the first question
            if settings.model.provider == "local":
                tell("The model on this machine reads the functions; once, about a minute ...")
                tools = server_tools(tuple(gateway.toolset), gateway.toolset)
            await warm_up(model, tools)
            toolsets = {
                name: select_functions(gateway.toolset, patterns)[0]
                for name, patterns in {"all": ("*",), **settings.toolsets}.items()
            }
            runs = Runs(gateway.store, model, gateway.dispatcher, settings.runs, toolsets=toolsets)
            stack.push_async_callback(runs.close)
            await runs.start()
            checking = asyncio.create_task(_check_logins(gateway.backends))
            stack.push_async_callback(_ended, checking)
            yield Services(
                settings=settings,
                toolset=gateway.toolset,
                toolsets=toolsets,
                dispatcher=gateway.dispatcher,
                runs=runs,
                store=gateway.store,
                model=model,
                backends=gateway.backends,
            )
    finally:
        await gateway.close()
