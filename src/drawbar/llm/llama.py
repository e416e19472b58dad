"""llama.cpp in this process, through xllamacpp; the only importer of that library.

Everything here blocks and belongs into the one thread of its model.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from drawbar.kernel.errors import OperatorError
from drawbar.kernel.values import JsonObject

CONTEXT = 8192
"""Tokens that prompt and answer may have together."""
_PROMPT_MEMORY = 512
"""MiB for prompts of earlier conversations, so that two assistants do not undo each other's."""


class Engine(Protocol):
    """What generates text on this machine."""

    def generate(self, body: JsonObject, take: Callable[[JsonObject], bool]) -> None:
        """Give each chunk of a Chat Completions stream to `take`, until it answers True.

        Raises ValueError when the body cannot be used, such as a schema that makes no grammar.
        """
        ...


def is_installed() -> bool:
    """Whether the extra `local` is here."""
    return importlib.util.find_spec("xllamacpp") is not None


class LlamaEngine:
    """Opens the file at once, which takes seconds."""

    def __init__(self, path: Path) -> None:
        import xllamacpp  # noqa: PLC0415 -- 30 MB, and only here when the extra is installed

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = CONTEXT
        parameters.n_parallel = 1
        # With every core busy the speed collapses, and the gateway needs one itself.
        threads = max(1, _cores() - 1)
        parameters.cpuparams.n_threads = threads
        parameters.cpuparams_batch.n_threads = threads
        parameters.cache_ram_mib = _PROMPT_MEMORY
        parameters.warmup = False
        parameters.ui = False
        parameters.verbosity = -1
        # The library also listens on a loopback port; nobody knows this key.
        parameters.api_keys = [secrets.token_hex(32)]
        parameters.endpoint_slots = False
        try:
            self._server: Any = xllamacpp.Server(parameters)  # the library has no types
        except RuntimeError as error:
            message = f"the model file {path} cannot be opened: {error}"
            raise OperatorError(message) from error

    def generate(self, body: JsonObject, take: Callable[[JsonObject], bool]) -> None:
        self._server.handle_chat_completions({**body, "stream": True}, take)


def _cores() -> int:
    """Those that this process may use; some systems only tell how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
