"""The words of an adapter whose backend is a Python module, and what a deployment says of it."""

from __future__ import annotations

from pydantic import Field

from drawbar.spec.model import BackendSpec, FunctionSpec, SecretText, Spec


class PythonSettings(Spec):
    """Which code adapters may name. None unless it is allowed here."""

    modules: tuple[str, ...] = Field(
        (), description="Modules that adapters may name, such as harbour.fares, or harbour.*."
    )
    path: tuple[str, ...] = Field(
        (),
        description="Folders in which they are looked for before what is installed; relative to the settings file.",
    )


class PythonBackendSpec(BackendSpec):
    """Python code. It runs in processes of its own, which see nothing of the gateway's."""

    env: dict[str, SecretText] = Field(
        default_factory=dict,
        description="Their environment beside PATH and LANG. They get nothing else of the gateway's.",
    )
    processes: int = Field(
        4, ge=1, le=64, description="Calls at a time; each has a process for itself."
    )
    max_calls: int | None = Field(
        None, ge=1, description="A process ends after so many calls, for code that leaks."
    )


class PythonFunctionSpec(FunctionSpec):
    """One function of a module. What its signature says is inherited."""

    call: str = Field(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
        description="MODULE:FUNCTION, such as harbour.fares:quote. It may be `async`.",
    )
