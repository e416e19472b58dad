"""Drafting: what an author would write for an operation, as a proposal."""

from __future__ import annotations

from drawbar.backends.http.openapi.compile import Contract, publication_of
from drawbar.backends.http.openapi.documents import BrokenReference
from drawbar.backends.http.openapi.narrow import LARGE, Narrowing
from drawbar.backends.http.openapi.operations import Operation
from drawbar.backends.http.options import HttpFunctionSpec
from drawbar.kernel.values import Effect


def effect_of(operation: Operation) -> Effect:
    """By the method (RFC 9110, 9.2); only a proposal, since servers do as they like."""
    if operation.method in ("get", "head"):
        return "read"
    return "destroy" if operation.method == "delete" else "write"


def function_of(contract: Contract, operation: Operation) -> HttpFunctionSpec:
    """The words of the function that a draft proposes."""
    return HttpFunctionSpec(
        operation=operation.request,
        effect=effect_of(operation),
        hide=tuple(narrowing_of(contract, operation)),
    )


def narrowing_of(contract: Contract, operation: Operation) -> list[str]:
    """What to hide of an operation that is too large; nothing where its document has a hole."""
    try:
        published, _ = publication_of(contract, operation)
        if published.weight() <= LARGE:
            return []
        return Narrowing(published, contract.schemas).proposed()
    except BrokenReference:
        return []
