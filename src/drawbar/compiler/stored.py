"""Compiled functions as bytes, each made into a Function when it is first asked for.

Of ten thousand functions a gateway calls a few dozen. As bytes the others take a tenth of the room, and a start
that reads them from disk does nothing for them but note where they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, overload

import orjson

from drawbar.compiler.function import Function, FunctionLimits
from drawbar.compiler.kind import Parameter, Plan, PlansFromDisk, StorableKind
from drawbar.compiler.packing import Packing
from drawbar.kernel.errors import Place, Problem
from drawbar.spec.model import (
    Adapter,
    ApproveSpec,
    ErrorRuleSpec,
    IdempotencySpec,
    LookupSpec,
    ReturnsSpec,
)


def packing_of(kind: StorableKind) -> Packing:
    """Writes and reads the functions of a kind, whose words may have a `returns` of their own."""
    returns: Any = kind.function.model_fields["returns"].annotation  # a class
    core = (
        FunctionLimits,
        ApproveSpec,
        IdempotencySpec,
        ErrorRuleSpec,
        ReturnsSpec,
        Problem,
        LookupSpec,
    )
    return Packing(*core, returns, *kind.stored)


@dataclass(frozen=True, slots=True)
class Packed:
    """The functions of one adapter as bytes."""

    names: tuple[str, ...]
    """With their prefix, in the order of the file."""
    broken: frozenset[str]
    """Those that cannot be called."""
    lengths: tuple[int, ...]
    records: bytes

    def head(self) -> dict[str, object]:
        """All but the records."""
        return {"names": self.names, "broken": sorted(self.broken), "lengths": self.lengths}

    @classmethod
    def from_head(cls, head: Mapping[str, Any], records: bytes) -> Packed:  # JSON that `head` made
        return cls(tuple(head["names"]), frozenset(head["broken"]), tuple(head["lengths"]), records)


def pack_functions(
    functions: Sequence[Function], adapter: Adapter, kind: StorableKind, packing: Packing
) -> Packed:
    """Raises Unpackable when one of them holds what cannot be kept."""
    records = [packing.pack(_record(each, adapter, kind)) for each in functions]
    return Packed(
        tuple(each.name for each in functions),
        frozenset(each.name for each in functions if not each.callable),
        tuple(map(len, records)),
        b"".join(records),
    )


def _record(function: Function, adapter: Adapter, kind: StorableKind) -> list[object]:
    """Its fields, but for those that all functions of the adapter share."""
    properties = function.schema["properties"]
    same = function.strict_schema is function.schema
    place = function.place or Place("")
    shared = len(adapter.errors)
    shares = bool(shared) and function.errors[-shared:] == adapter.errors
    own = function.errors[:-shared] if shares else function.errors
    return [
        function.local_name,
        function.description,
        function.effect,
        [
            [
                each.name,
                None if _published(each, properties) else each.schema,
                each.required,
                each.to,
                each.source,
                each.value,
                each.lookup,
            ]
            for each in function.parameters
        ],
        function.schema,
        same or function.strict_schema,
        None if function.binding is None else kind.to_store(function.binding),
        function.limits,
        function.allow,
        function.approve,
        function.idempotency,
        own,
        shares,
        function.returns,
        function.problems,
        place.line,
        place.column,
    ]


def _published(parameter: Parameter, properties: Any) -> bool:  # the properties of a schema
    """Whether its schema is the very one that the function's schema holds."""
    return properties.get(parameter.name) is parameter.schema


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all functions of an adapter have in common."""

    file: str
    adapter: Adapter
    packing: Packing

    def function(self, record: bytes, *, bound: bool) -> Function:
        unpack = self.packing.unpack
        fields = orjson.loads(record)
        local_name, description, effect, parameters, schema, strict, binding, limits = fields[:8]
        allow, approve, idempotency, errors, shares, returns, problems, line, column = fields[8:]
        return Function(
            name=self.adapter.prefix + local_name,
            local_name=local_name,
            adapter=self.adapter.name,
            kind=self.adapter.kind,
            description=description,
            effect=effect,
            parameters=tuple(
                Parameter(
                    name,
                    schema["properties"][name] if own is None else own,
                    required,
                    to,
                    source,
                    value,
                    None if lookup is None else unpack(lookup),
                )
                for name, own, required, to, source, value, lookup in parameters
            ),
            schema=schema,
            strict_schema=schema if strict is True else strict,
            binding=unpack(binding) if bound and binding is not None else None,
            limits=unpack(limits),
            allow=allow,
            approve=None if approve is None else unpack(approve),
            idempotency=unpack(idempotency),
            errors=(*map(unpack, errors), *(self.adapter.errors if shares else ())),
            returns=unpack(returns),
            problems=tuple(map(unpack, problems)),
            place=Place(self.file, line, column),
        )


class StoredFunctions(Sequence[Function]):
    """The functions of an adapter in the order of its file."""

    def __init__(self, packed: Packed, adapter: Adapter, file: str, packing: Packing) -> None:
        self.names = packed.names
        self.broken = packed.broken
        self._records = packed.records
        self._ends = array("Q", accumulate(packed.lengths))
        self._shared = _Shared(file, adapter, packing)

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Function: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Function]: ...
    def __getitem__(self, index: int | slice) -> Function | Sequence[Function]:
        """Made anew each time; the toolset keeps what it was asked for."""
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        return self._shared.function(self._record(range(len(self))[index]), bound=True)

    def described(self, index: int) -> Function:
        """The function without its binding, which takes most of the time: enough to show it."""
        return self._shared.function(self._record(index), bound=False)

    def _record(self, index: int) -> bytes:
        start = self._ends[index - 1] if index else 0
        return self._records[start : self._ends[index]]


class StoredPlans(PlansFromDisk):
    """Plans of the functions that can be called, by local name."""

    def __init__(self, functions: StoredFunctions, prefix: str, survey: object = None) -> None:
        self._functions = functions
        self._prefix = prefix
        self.survey = survey

    @cached_property
    def _places(self) -> dict[str, int]:
        found = self._functions
        return {
            name.removeprefix(self._prefix): index
            for index, name in enumerate(found.names)
            if name not in found.broken
        }

    def __getitem__(self, name: str) -> Plan:
        function = self._functions[self._places[name]]
        return Plan(function.parameters, function.binding)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._functions) - len(self._functions.broken)
