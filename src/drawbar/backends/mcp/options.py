"""The words of an adapter whose backend is an MCP server."""

from __future__ import annotations

from pydantic import Field, model_validator

from drawbar.spec.model import BackendSpec, FunctionSpec, SecretText, UrlText
from drawbar.spec.tls import TlsSpec


class McpBackendSpec(BackendSpec):
    """One MCP server, by `url` or by `command`."""

    url: UrlText | None = Field(
        None, description="Of its streamable HTTP endpoint, such as https://tickets.internal/mcp."
    )
    command: tuple[str, ...] = Field(
        (),
        description="The program that speaks over standard input and output, and its arguments; never a shell. A part "
        "that begins with ./ or ../ starts at the adapter's folder.",
    )
    tools: str = Field(
        description="A file beside the adapter with the server's tools, as `drawbar new mcp` writes it."
    )
    headers: dict[str, SecretText] = Field(
        default_factory=dict,
        description="Sent with every request, such as Authorization: Bearer ${TOKEN}; never shown.",
    )
    tls: TlsSpec | None = None
    env: dict[str, SecretText] = Field(
        default_factory=dict,
        description="The program's environment beside PATH, HOME, USER, LOGNAME, SHELL and TERM.",
    )

    @model_validator(mode="after")
    def _one(self) -> McpBackendSpec:
        if (self.url is None) == (not self.command):
            raise ValueError("write `url` or `command`")
        return self


class McpFunctionSpec(FunctionSpec):
    """One tool of the server. Its input schema and description are inherited from the file of its tools."""

    tool: str | None = Field(None, description="Its name at the server; the function's unless set.")
