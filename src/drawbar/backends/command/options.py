"""The words of an adapter whose backend is a program."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from drawbar.codecs.payload_spec import PayloadSpec
from drawbar.spec.model import BackendSpec, FunctionSpec, SecretText

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


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


class CommandFunctionSpec(FunctionSpec):
    """One way to call the program."""

    argv: tuple[str | tuple[str, ...], ...] = Field(
        (),
        description="Arguments; {name} stands for a parameter, {{ for a brace. A value stays within its argument. "
        "A list inside, such as [--site, '{site}'], is left out as a whole when one of its parameters is.",
    )
    stdin: PayloadSpec | None = Field(
        None,
        description="What is written to the program: an object of the parameters that argv does not use "
        "(json, xml); one text, list of lines or list of objects (csv); or fixed-width records.",
    )
    stdout: PayloadSpec = Field("text", description="What the program writes when it ends with 0.")
    exit_codes: dict[int, Code] = Field(
        default_factory=dict,
        description="Other codes that it ends with on purpose, having changed nothing, and what each means.",
    )
    allow_dash: bool = Field(
        False,
        description="Values may begin with -, where the program could take them for an option.",
    )
