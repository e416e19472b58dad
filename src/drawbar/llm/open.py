"""Opens the model that the settings name; the libraries of the others are never imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from drawbar.kernel.errors import OperatorError

if TYPE_CHECKING:
    from drawbar.llm.chat import ChatModel, ToolSchema
    from drawbar.settings import ModelSettings


def open_model(settings: ModelSettings, folder: Path) -> ChatModel:
    """Touches no network. `folder` is where relative paths of the settings start.

    Raises OperatorError that says what to write or to run.
    """
    match settings.provider:
        case "openai":
            return _openai(settings)
        case "local":
            return _local(settings, folder)
        case "scripted":
            return _scripted(settings, folder)
        case "rules":
            from drawbar.llm.rules import RulesModel  # noqa: PLC0415 -- only what is used

            return RulesModel()


async def warm_up(model: ChatModel, tools: Sequence[ToolSchema]) -> None:
    """Let a model get ready for these functions: import its client, or read the functions once.

    A model on this machine takes up to a minute, so do it beside other work. Raises OperatorError
    when the model cannot be used at all.
    """
    if isinstance(model, _Warms):
        await model.warm_up(tools)


@runtime_checkable
class _Warms(Protocol):
    """A model that answers its first request sooner when it was told before."""

    async def warm_up(self, tools: Sequence[ToolSchema]) -> None: ...


def _openai(settings: ModelSettings) -> ChatModel:
    from drawbar.llm.openai import OpenAIModel, Server  # noqa: PLC0415 -- only what is used

    if not settings.base_url:
        message = (
            "settings.model.provider is openai, so settings.model.base_url must say where the "
            "model server is, such as http://llm.internal:8000/v1"
        )
        raise OperatorError(message)
    if not settings.base_url.startswith(("http://", "https://")):
        message = (
            f"settings.model.base_url: {settings.base_url!r} is no address; "
            "write it with http:// or https://"
        )
        raise OperatorError(message)
    server = Server(
        settings.base_url,
        settings.api_key,
        settings.name,
        timeout=settings.timeout,
        retries=settings.retries,
    )
    return OpenAIModel(server)


def _scripted(settings: ModelSettings, folder: Path) -> ChatModel:
    from drawbar.llm.script_file import load_script  # noqa: PLC0415 -- only what is used

    if not settings.script:
        message = "settings.model.provider is scripted, so settings.model.script must name a file"
        raise OperatorError(message)
    return load_script(folder / settings.script)


def _local(settings: ModelSettings, folder: Path) -> ChatModel:
    from drawbar.llm.local import open_local  # noqa: PLC0415 -- only what is used

    return open_local(settings.name, folder)
