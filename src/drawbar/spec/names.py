"""Names that were probably meant, and the keys that a model knows."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, if any is like it."""
    by_lower = {each.lower().replace("-", "_"): each for each in known}
    found = difflib.get_close_matches(name.lower().replace("-", "_"), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def known_keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> Mapping[str, str | None]:
    """The keys, with their descriptions, of the model at a location that pydantic reported."""
    kind: Any = model  # an annotation: a class, a union, a list of something ...
    for part in loc:
        kind = _inside(kind, part)
    found = next((each for each in _members(kind) if _is_model(each)), None)
    if found is None:
        return {}
    return {field.alias or name: field.description for name, field in found.model_fields.items()}


def _inside(kind: Any, part: int | str) -> Any:
    """The annotation of what stands under a key, or the member of a union that is called so."""
    members = _members(kind)
    for member in members:
        if _is_model(member):
            for name, field in member.model_fields.items():
                if part in (field.alias or name, name):
                    return field.annotation
    for member in members:
        if _is_called(member, part):
            return member
    for member in members:
        arguments = get_args(member)
        if issubclass(_origin(member), Mapping):
            return arguments[1] if len(arguments) > 1 else Any
        if issubclass(_origin(member), (tuple, list, set, frozenset)) and isinstance(part, int):
            return arguments[0] if arguments else Any
    return kind  # a tag of a union that has another name than its class


def _is_called(member: Any, tag: int | str) -> bool:
    """Pydantic tags a model `Name`, and one with validators `function-after[check(), Name]`."""
    name = getattr(member, "__name__", None)
    return name is not None and (tag == name or str(tag).endswith(f", {name}]"))


def _origin(kind: Any) -> type:
    origin = get_origin(kind) or kind
    return origin if isinstance(origin, type) else object


def _members(kind: Any) -> list[Any]:
    """The annotations that a union is made of, without what is wrapped around them."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [inner for member in get_args(kind) for inner in _members(member)]
    return [kind]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
