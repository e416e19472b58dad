"""What the surfaces are built on; `app` puts it together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.compiler.function import Toolset
from drawbar.dispatch.dispatcher import Dispatcher
from drawbar.kernel.ports import Backend
from drawbar.llm.chat import ChatModel
from drawbar.runs.service import Runs
from drawbar.settings import Settings
from drawbar.store.database import Store


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one deployment, opened; the surfaces close none of them."""

    settings: Settings
    toolset: Toolset
    toolsets: Mapping[str, tuple[str, ...]]
    """Names of functions by the name of the toolset; `all` is one of them."""
    dispatcher: Dispatcher
    runs: Runs
    store: Store
    model: ChatModel
    backends: Mapping[str, Backend]
    """By the name of the adapter."""
