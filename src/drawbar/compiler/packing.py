"""Frozen classes as JSON and back, for what is kept on disk between starts.

JSON and not pickle: a pickle runs what its writer wanted. Only the classes given, and those that their fields are
annotated with, can come out of it; the annotation decides whether a JSON array becomes a tuple, a class or a list.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, ForwardRef, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import orjson
from pydantic import BaseModel

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
_PLAIN = {str, int, float, bool, type(None)}
_MAPPINGS = {dict, Mapping}

_Reader: TypeAlias = Callable[[Any], Any]
"""From JSON to a value of the annotated type."""


class Unpackable(TypeError):
    """A value of a class that is not kept, such as a secret."""


class Packing:
    """Writes and reads instances of the classes given: dataclasses, named tuples, pydantic models.

    An instance is written as `[index of its class, fields]`. Fields that begin with `_` are what an instance
    remembers for itself; they start anew. Raises TypeError at first use for an annotation that JSON cannot carry.
    """

    def __init__(self, *roots: type) -> None:
        self._roots = roots
        self._readers: dict[int, _Reader] = {}

    def pack(self, value: object) -> bytes:
        """JSON. `value` may also be a list, tuple or mapping around instances. Raises Unpackable."""
        try:
            return orjson.dumps(value, self._written, _OPTIONS)
        except orjson.JSONEncodeError as error:
            raise Unpackable(str(error.__cause__ or error)) from None

    def unpack(self, packed: Any) -> Any:
        """The instance that was written so; `packed` was read from JSON."""
        index, written = packed
        reader = self._readers.get(index)
        if reader is None:
            reader = self._readers[index] = self._reader_of(self._classes[index])
        return reader(written)

    @cached_property
    def _classes(self) -> tuple[type, ...]:
        """The classes given and all that can be inside them."""
        found = dict.fromkeys(self._roots)
        waiting = list(found)
        while waiting:
            for annotation in _fields(waiting.pop()).values():
                for each in _classes_in(annotation):
                    if each not in found:
                        found[each] = None
                        waiting.append(each)
        return tuple(found)

    @cached_property
    def _writers(self) -> dict[type, tuple[int, _Reader]]:
        return {each: (number, _getter(each)) for number, each in enumerate(self._classes)}

    def _written(self, value: Any) -> Any:
        known = self._writers.get(type(value))
        if known is None:
            message = f"{type(value).__name__} is not kept"
            raise Unpackable(message)
        return known[0], known[1](value)

    def _reader_of(self, kind: Any) -> _Reader:
        readers = {name: self._reader(each) for name, each in _fields(kind).items()}
        if issubclass(kind, BaseModel):
            empty = kind.model_construct(
                set()
            )  # frozen, so one stands for all in which nothing was set
            return lambda written: (
                kind.model_construct(
                    set(written), **{name: readers[name](each) for name, each in written.items()}
                )
                if written
                else empty
            )
        in_order = tuple(readers.values())
        return lambda written: kind(
            *[read(each) for read, each in zip(in_order, written, strict=True)]
        )

    def _reader(self, annotation: Any) -> _Reader:
        members = _members(annotation)
        if any(get_origin(each) is list for each in members):
            return _as_it_is  # lists stand in plain JSON only
        for each in members:
            if get_origin(each) in _MAPPINGS:
                read = self._reader(get_args(each)[1])
                return _as_it_is if read is _as_it_is else _values_by(read)
            if get_origin(each) is tuple:
                return _array_by(self._tuple_reader(get_args(each)))
        return _array_by(self.unpack) if any(_is_class(each) for each in members) else _as_it_is

    def _tuple_reader(self, inner: tuple[Any, ...]) -> _Reader:
        if inner[-1] is Ellipsis:
            read = self._reader(inner[0])
            return tuple if read is _as_it_is else lambda value: tuple([read(e) for e in value])
        readers = [self._reader(each) for each in inner]
        return lambda value: tuple([read(e) for read, e in zip(readers, value, strict=True)])


def _as_it_is(value: Any) -> Any:
    return value


def _array_by(read: _Reader) -> _Reader:
    return lambda value: read(value) if type(value) is list else value


def _values_by(read: _Reader) -> _Reader:
    return lambda value: (
        {key: read(inner) for key, inner in value.items()} if type(value) is dict else value
    )


def _fields(kind: Any) -> dict[str, Any]:
    """Annotations by name of field."""
    if issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    hints = get_type_hints(kind)
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else kind._fields
    return {name: hints[name] for name in names if not name.startswith("_")}


def _getter(kind: Any) -> _Reader:
    """The fields of an instance: of a model those that were set, by name; otherwise all, in order."""
    if issubclass(kind, BaseModel):
        return lambda value: {name: getattr(value, name) for name in value.model_fields_set}
    names = tuple(_fields(kind))
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda value: (get(value),)


def _members(annotation: Any) -> tuple[Any, ...]:
    """What a union is made of."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(inner for each in get_args(annotation) for inner in _members(each))
    return (annotation,)


def _classes_in(annotation: Any) -> list[Any]:
    """Classes whose instances may stand in a field. Raises TypeError where JSON would not tell them apart."""
    members = _members(annotation)
    classes = [each for each in members if _is_class(each)]
    inside: list[Any] = []
    arrays = bool(classes)
    for each in members:
        origin = get_origin(each)
        if origin is tuple:
            inside += [found for inner in get_args(each) for found in _classes_in(inner)]
        elif origin in _MAPPINGS:
            inside += _classes_in(get_args(each)[1])
        elif not (each in classes or _is_plain(each)):
            message = f"{each} cannot be kept"
            raise TypeError(message)
        if origin in {tuple, list}:
            if arrays:
                message = f"{annotation} cannot be told apart in JSON"
                raise TypeError(message)
            arrays = True
    return [*classes, *inside]


def _is_plain(member: Any) -> bool:
    """Whether JSON read for it is the value already."""
    return (
        member in _PLAIN
        or member in (Any, Ellipsis)
        or get_origin(member) in {Literal, list}
        or isinstance(member, ForwardRef)
    )


def _is_class(member: Any) -> bool:
    return isinstance(member, type) and (
        is_dataclass(member) or issubclass(member, BaseModel) or hasattr(member, "_fields")
    )
