"""From a running MCP server to a first version of an adapter, with the file of its tools."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from drawbar.backends.mcp.line import Line
from drawbar.backends.mcp.options import McpBackendSpec
from drawbar.backends.mcp.tools import Tool, as_tool, written
from drawbar.compiler.draft import (
    Draft,
    DraftWish,
    Inline,
    Node,
    Noted,
    Reference,
    function_names,
    functions_node,
    proposed_effect,
    snake_case,
    write_yaml,
)
from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Effect, JsonObject

_OPTIONS = {"authorization": "the value of the header Authorization, such as `Bearer abc`"}
_URL = re.compile(r"https?://", re.IGNORECASE)


def draft_adapter(source: str, wish: DraftWish) -> Draft:
    """`source` is a URL, or a command as it is typed; it is started without a shell. Raises OperatorError."""
    wish.check_options(_OPTIONS)
    is_url = _URL.match(source) is not None
    name = wish.name or _name_of(source, is_url=is_url)
    reach: dict[str, object] = {"url": source} if is_url else {"command": shlex.split(source)}
    authorization = wish.options.get("authorization")
    if authorization is not None:
        reach["headers"] = {"Authorization": authorization}
    kept = asyncio.run(_listed(reach, name))
    chosen = {tool: each for tool, each in kept.items() if wish.wants(tool)}
    if not chosen:
        raise OperatorError(
            f"{source} offers none of these; it has {', '.join(kept) or 'no tools'}"
        )
    names = function_names({tool: tool for tool in chosen}, f"{name}_", wish.named)
    file = f"mcp/{name}.tools.json"
    token = Reference(f"{name.upper()}_AUTHORIZATION")
    address = Reference(f"{name.upper()}_URL")
    backend: dict[str, Node] = {"kind": "mcp"}
    environ: dict[str, str] = {}
    if is_url:
        backend["url"] = Noted(address, f"Drafted from {_shown(source)}.")
        environ[address.name] = source
        if authorization is not None:
            backend["headers"] = Inline({"Authorization": token})
            environ[token.name] = authorization
    else:
        backend["command"] = Inline(shlex.split(source))
    backend["tools"] = f"./{file}"
    document: dict[str, Node] = {
        "adapter": Noted(name, "A draft. Read it, prune it, and decide about each effect."),
        "backend": backend,
        "limits": Noted(Inline({"timeout": "30s", "concurrency": 8}), apart=True),
        "functions": functions_node(
            {names[tool]: _function(as_tool(each), names[tool]) for (tool, each) in chosen.items()}
        ),
    }
    return Draft(
        name,
        write_yaml(document),
        files={file: written(chosen)},
        named={tool: names[tool] for tool in chosen},
        undecided=tuple(names.values()),
        environ=environ,
    )


async def _listed(reach: Mapping[str, object], name: str) -> Mapping[str, JsonObject]:
    spec = McpBackendSpec.model_validate({"kind": "mcp", "tools": "", **reach}, strict=False)
    line = Line(spec, name, Path())
    try:
        await line.connect()
    except BackendError as error:
        raise OperatorError(error.message) from None
    finally:
        await line.end()
    return line.tools


def _function(tool: Tool, name: str) -> dict[str, Node]:
    words: dict[str, Node] = {} if tool.name == name else {"tool": tool.name}
    if not tool.description:
        words["description"] = f"{' '.join(snake_case(tool.name).split('_')).capitalize()}."
    effect, why = _effect(tool)
    words["effect"] = Noted(effect, beside=f"proposed by its {why}; decide")
    return words


def _effect(tool: Tool) -> tuple[Effect, str]:
    """By the server's hints where it gives any: what is not read-only destroys unless it says otherwise."""
    hints = tool.annotations
    if "readOnlyHint" not in hints and "destructiveHint" not in hints:
        return proposed_effect(tool.name), "name"
    if hints.get("readOnlyHint") is True:
        return "read", "server"
    return ("write" if hints.get("destructiveHint") is False else "destroy"), "server"


def _name_of(source: str, *, is_url: bool) -> str:
    if is_url:
        host = urlsplit(source).hostname or "mcp"
        first = host.split(".")[0]
        return snake_case(first) if not first.isdigit() else "mcp"
    words = [Path(word).stem for word in shlex.split(source) if not word.startswith("-")]
    return snake_case(words[-1] if words else "mcp")


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"
