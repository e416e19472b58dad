"""Which functions an assistant or a run may use, and who executes them.

`metadata: {"toolset": NAME}` offers a group of server-side functions. A tool that names a server-side
function and brings no `parameters` offers that one; a tool with its own `parameters` is the client's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from drawbar.compiler.function import Toolset
from drawbar.kernel.errors import ClientError
from drawbar.kernel.results import RESULT_FUNCTIONS, RESULT_ID
from drawbar.kernel.values import JsonObject
from drawbar.llm.chat import ToolSchema

_HANDLE = re.compile(RESULT_ID)


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
    served = dict.fromkeys(_group(toolset_name, toolset, groups)) if toolset_name else {}
    named: set[str] = set()
    client: list[ToolSchema] = []
    for index, function in _functions(tools):
        name = str(function.get("name"))
        param = f"tools[{index}].function.name"
        if name in named:
            raise ClientError(f"The function '{name}' is given twice.", param=param)
        named.add(name)
        if function.get("parameters") is None and name in toolset:
            served[name] = None
        elif name in toolset:
            raise ClientError(
                f"The function '{name}' is executed by this server, so it cannot bring its own "
                "'parameters'. Leave them out to offer the server's function, or use another name.",
                param=param,
            )
        else:
            client.append(_client_tool(name, function))
    return Offer(tuple(served), tuple(client))


def check_choice(name: str, offer: Offer) -> None:
    """Raises ClientError when a `tool_choice` names a function that is not offered."""
    if name in offer.functions or any(name == tool.name for tool in offer.client_tools):
        return
    message = f"The function '{name}' of 'tool_choice' is not among the tools of this run."
    raise ClientError(message, param="tool_choice")


def client_tools(tools: Sequence[JsonObject], toolset: Toolset) -> tuple[ToolSchema, ...]:
    """The client's functions among tools that were resolved before."""
    return tuple(
        _client_tool(str(function["name"]), function)
        for _, function in _functions(tools)
        if function.get("parameters") is not None or str(function["name"]) not in toolset
    )


def server_tools(names: Sequence[str], toolset: Toolset) -> tuple[ToolSchema, ...]:
    """The schemas of server-side functions as a model reads them; those that are broken are left out."""
    found = (toolset[name] for name in names if name in toolset and toolset[name].callable)
    return tuple(
        ToolSchema(
            function.name,
            function.description,
            function.strict_schema or function.schema,
            strict=function.strict_schema is not None,
        )
        for function in found
    )


def with_results(
    functions: Sequence[str], outputs: Iterable[str], toolset: Toolset
) -> tuple[str, ...]:
    """The functions of a run, and those that read a kept result as soon as an output names one."""
    offered = tuple(functions)
    missing = [name for name in RESULT_FUNCTIONS if name in toolset and name not in offered]
    if missing and any(_HANDLE.search(output) for output in outputs):
        return (*offered, *missing)
    return offered


def _group(name: str, toolset: Toolset, groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    patterns = groups.get(name, ("*",) if name == "all" else None)
    if patterns is None:
        known = sorted({*groups, "all"})
        close = get_close_matches(name, known, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(known)}."
        raise ClientError(f"No toolset is called '{name}'. {hint}", param="metadata.toolset")
    for function in toolset:
        if any(fnmatchcase(function, pattern) for pattern in patterns):
            yield function


def _functions(tools: Sequence[JsonObject]) -> Iterator[tuple[int, JsonObject]]:
    for index, tool in enumerate(tools):
        function = tool.get("function")
        if tool.get("type") == "function" and isinstance(function, dict):
            yield index, function


def _client_tool(name: str, function: JsonObject) -> ToolSchema:
    parameters = function.get("parameters")
    return ToolSchema(
        name,
        str(function.get("description") or ""),
        parameters if isinstance(parameters, dict) else {"type": "object", "properties": {}},
        strict=bool(function.get("strict")),
    )
