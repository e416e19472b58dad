"""Which functions an assistant or a run may use, and who executes them.

`metadata: {"toolset": NAME}` offers a group of server-side functions. A tool that names a server-side
function and brings no `parameters` offers that one; a tool with its own `parameters` is the client's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drawbar.compiler.function import Toolset
from drawbar.kernel.values import JsonObject
from drawbar.llm.chat import ToolSchema


@dataclass(frozen=True, slots=True)
class Offer:
    """`functions` run here, `client_tools` at the client."""

    functions: tuple[str, ...]
    client_tools: tuple[ToolSchema, ...]


def resolve_offer(
    tools: Sequence[JsonObject],
    toolset_name: str | None,
    toolset: Toolset,
    groups: Mapping[str, Sequence[str]],
) -> Offer:
    """Raises ClientError for an unknown toolset, a duplicate, or a client's function with a server's name."""
    raise NotImplementedError


def server_tools(names: Sequence[str], toolset: Toolset) -> tuple[ToolSchema, ...]:
    """The schemas of server-side functions as a model reads them; those that are broken are left out."""
    raise NotImplementedError
