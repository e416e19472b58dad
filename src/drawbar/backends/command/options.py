"""The words of an adapter whose backend is a program."""

from __future__ import annotations

from pydantic import Field

from drawbar.codecs.program_spec import ProgramFunctionSpec
from drawbar.spec.model import BackendSpec, SecretText


class CommandBackendSpec(BackendSpec):
    """One program. It is started for each call, never through a shell."""

    program: tuple[str, ...] = Field(
        min_length=1,
        description="The program and the arguments that every call begins with. A part that begins with ./ or ../ "
        "starts at the adapter's folder; a bare name is looked for in PATH.",
    )
    env: dict[str, SecretText] = Field(
        default_factory=dict,
        description="Its environment beside PATH and LANG. It gets nothing else of the gateway's.",
    )
    cwd: str | None = Field(
        None, description="Where it runs; the adapter's folder when left out, and relative to it."
    )
    encoding: str = Field("utf-8", description="Of text, lines and error messages.")


class CommandFunctionSpec(ProgramFunctionSpec):
    """One way to call the program."""
