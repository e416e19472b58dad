"""The words of an adapter whose backend shows green screens."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from drawbar.spec.model import BackendSpec, FunctionSpec, SecretText, Spec
from drawbar.spec.tls import TlsSpec

PlaceText = Annotated[str, Field(pattern=r"^[0-9]{1,2},[0-9]{1,3}$")]
"""ROW,COLUMN, both from 1."""
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Key: TypeAlias = Literal[
    "enter", "clear", "pa1", "pa2", "pa3",
    "pf1", "pf2", "pf3", "pf4", "pf5", "pf6", "pf7", "pf8", "pf9", "pf10", "pf11", "pf12",
    "pf13", "pf14", "pf15", "pf16", "pf17", "pf18", "pf19", "pf20", "pf21", "pf22", "pf23", "pf24",
]  # fmt: skip


class PlaceSpec(Spec):
    """A piece of a row: at a place, or behind a label."""

    at: PlaceText | None = Field(
        None, description="ROW,COLUMN of its first character, from 1; or else `label`."
    )
    label: str | None = Field(
        None,
        min_length=1,
        description="The text before it, which the screen shows once, wherever that is: what is typed goes into the "
        "next field behind it, what is read stands behind it in its row.",
    )
    length: int = Field(ge=1, le=132)

    @model_validator(mode="after")
    def _one(self) -> PlaceSpec:
        if (self.at is None) == (self.label is None):
            raise ValueError("write exactly one of at and label")
        return self


class OutputSpec(PlaceSpec):
    """A piece of a row that is read."""

    type: Literal["text", "integer", "number"] = "text"


class ColumnSpec(Spec):
    """A piece of each row of a list."""

    column: int = Field(ge=1, le=132)
    length: int = Field(ge=1, le=132)
    type: Literal["text", "integer", "number"] = "text"


class RowsSpec(Spec):
    """A list on a screen; empty rows are left out."""

    first: int = Field(ge=1, le=43, description="Its first row.")
    last: int = Field(ge=1, le=43, description="Its last row.")
    columns: dict[str, ColumnSpec] = Field(min_length=1)
    more: dict[PlaceText, str] = Field(
        default_factory=dict,
        description="Texts by place that are shown where there is another page.",
    )
    next: Key = Field("pf8", description="The key for the next page.")


class ScreenSpec(Spec):
    """A screen as it was recorded."""

    at: dict[PlaceText, str] = Field(
        min_length=1, description="Texts by place, ROW,COLUMN, that only this screen shows."
    )
    inputs: dict[str, PlaceSpec] = Field(
        default_factory=dict, description="The fields that can be typed into, by names of your own."
    )
    fields: dict[str, OutputSpec] = Field(
        default_factory=dict, description="What is read from it, by name."
    )
    rows: RowsSpec | None = Field(None, description="A list, read as `rows`, page after page.")
    code: Code | None = Field(
        None, description="The application said no: the call fails with this code."
    )
    message: PlaceSpec | None = Field(None, description="Where such a screen says why.")


class LogonStepSpec(Spec):
    """One screen on the way in."""

    on: str
    fill: dict[str, SecretText] = Field(default_factory=dict)
    press: Key = "enter"


class StepSpec(Spec):
    """One screen of a function: it is waited for, filled in, and left with a key."""

    on: str = Field(description="The screen that has to be there before anything is typed.")
    fill: dict[str, str] = Field(
        default_factory=dict, description="Texts for its inputs; {name} stands for a parameter."
    )
    press: Key = "enter"


class Tn3270BackendSpec(BackendSpec):
    """One application, and how to get in. Debian's `s3270` has to be installed."""

    host: str
    port: int = Field(23, ge=1, le=65535)
    tls: TlsSpec | None = Field(
        None, description="TLS from the first byte; `{}` where nothing more is to be said."
    )
    model: Literal[2, 3, 4, 5] = Field(
        2,
        description="The terminal: 2 has 24 rows of 80 columns, 3 has 32, 4 has 43, and 5 has 27 rows of 132.",
    )
    code_page: str = Field("cp037", description="EBCDIC, as s3270 and Python both call it.")
    screens: dict[str, ScreenSpec] = Field(min_length=1)
    logon: tuple[LogonStepSpec, ...] = Field(
        (), description="From the first screen to `home`, once for each session."
    )
    home: str = Field(description="The screen on which every function begins and ends.")
    back: Key = Field("pf3", description="The key that leads towards it.")
    sessions: int = Field(2, ge=1, le=50, description="Sessions at a time.")


class Tn3270FunctionSpec(FunctionSpec):
    """A way through screens. The key of the last step is the one that changes something, if any does."""

    steps: tuple[StepSpec, ...] = Field(min_length=1)
    shows: str = Field(description="The screen that is there after the last step, and is read.")
