"""A small kind of backend: enough words to read, to inherit from and to get wrong. It is never opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from drawbar.compiler.kind import Plan
from drawbar.compiler.parameters import Inherited, merge_parameters
from drawbar.kernel.ports import Backend
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec, SecretText, Spec, UrlText
from drawbar.spec.source import Report


class Basic(Spec):
    username: str
    password: SecretText

    @model_validator(mode="after")
    def _no_hunter(self) -> Basic:
        if self.username == "hunter2":
            raise ValueError(f"{self.username} is no user name; write another")
        return self


class Bearer(Spec):
    token: SecretText


class EchoBackend(BackendSpec):
    url: UrlText = "echo://here"
    port: int = Field(80, ge=1, le=65535)
    ratio: float = 1.0
    verify: bool = True
    auth: Basic | Bearer | None = None
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _no_bad_url(self) -> EchoBackend:
        if "bad" in self.url:
            raise ValueError(f"{self.url} is a bad address; write another")
        return self


class Step(Spec):
    say: str
    times: int = 1


def _step(value: object) -> object:
    return {"say": value} if isinstance(value, str) else value


class EchoFunction(FunctionSpec):
    contract: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Inputs of the backend's contract, as JSON Schema."
    )
    says: str | None = Field(None, description="What the contract says of the function.")
    codes: dict[int, str] = Field(default_factory=dict)
    steps: tuple[Annotated[Step, BeforeValidator(_step)], ...] = ()
    fails: str | None = Field(None, description="A problem the kind finds.")


class EchoKind:
    name = "echo"
    options: type[BackendSpec] = EchoBackend
    function: type[FunctionSpec] = EchoFunction
    codes: Mapping[str, str] = {"DB901": "a problem that the function asks for"}

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        plans: dict[str, Plan] = {}
        if isinstance(adapter.backend, EchoBackend) and adapter.backend.url == "echo://nowhere":
            report.add(("backend", "url"), "DB901", "there is nothing to echo")
        for name, spec in adapter.functions.items():
            assert isinstance(spec, EchoFunction)
            at = ("functions", name)
            if spec.fails == "silently":
                continue
            if spec.fails is not None:
                report.add((*at, "fails"), "DB901", spec.fails)
                continue
            inherited = {
                key: Inherited(schema, required=key != "maybe", to=f"Request.{key}")
                for key, schema in spec.contract.items()
            }
            parameters = merge_parameters(spec, inherited, report, at, INPUTS.get)
            if not report.is_broken(at):
                plans[name] = Plan(
                    parameters,
                    binding=name,
                    description=spec.says,
                    answers=tuple(spec.codes.values()),
                )
        return plans

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> Backend:
        raise NotImplementedError("compiling never opens")


INPUTS: Mapping[str, Inherited] = {
    "Request.Address.City": Inherited(
        {"type": "string", "maxLength": 40}, required=False, to="Request.Address.City"
    ),
}
"""What `find` knows beyond the contract's own inputs."""


class EchoKinds:
    """The echo kind, and one that cannot be imported."""

    def names(self) -> tuple[str, ...]:
        return ("echo", "broken")

    def find(self, name: str) -> EchoKind:
        if name == "echo":
            return EchoKind()
        raise LookupError("the kind `broken` of acme cannot be loaded: no module named acme")
