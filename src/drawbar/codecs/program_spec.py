"""The words of a function that is a program: arguments and input, output and exit codes, wherever it runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from drawbar.codecs.payload_spec import PayloadSpec
from drawbar.spec.model import FunctionSpec

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class ProgramFunctionSpec(FunctionSpec):
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
