"""Which schemas may stand for one: `oneOf`, `anyOf`, and the heirs of a schema with a discriminator.

Before OpenAPI 3.0 there is no `oneOf`: a schema with a `discriminator` stands for every schema that takes it in
by `allOf`, at any distance. The property it names says which one a value is, by the name of the schema unless a
`mapping` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from drawbar.backends.http.openapi.documents import BrokenReference
from drawbar.backends.http.openapi.flat import ANNOTATIONS, Flattening, types_of
from drawbar.kernel.values import JsonObject, JsonValue

MOST = 40
"""Heirs from which a model can still choose; with more the schema stands for itself."""
_FOLDERS = (("definitions",), ("components", "schemas"))


@dataclass(frozen=True, slots=True)
class Discriminator:
    """The property that tells variants apart, and its values by the reference of the variant."""

    property: str
    values: dict[str, list[str]] = field(default_factory=dict)

    def of(self, reference: str) -> list[str]:
        return self.values.get(reference) or [reference.rpartition("/")[2]]


def discriminator_of(schema: JsonObject) -> Discriminator | None:
    """In 2.0 the discriminator is a text, later an object."""
    found = schema.get("discriminator")
    if isinstance(found, str) and found:
        return Discriminator(found)
    name = found.get("propertyName") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(name, str) or not name:
        return None
    values: dict[str, list[str]] = {}
    mapping = found.get("mapping")
    for value, reference in mapping.items() if isinstance(mapping, dict) else ():
        if isinstance(reference, str):
            whole = reference if "/" in reference else f"#/components/schemas/{reference}"
            values.setdefault(whole, []).append(value)
    return Discriminator(name, values)


def branches_of(flat: JsonObject) -> list[JsonValue]:
    """The alternatives of a schema, without one that only says null."""
    for word in ("oneOf", "anyOf"):
        found = flat.get(word)
        if isinstance(found, list) and found:
            return found
    return []


def is_null(branch: JsonValue) -> bool:
    return isinstance(branch, dict) and (
        branch.get("type") == "null"
        or branch.get("enum") == [None]
        or ("const" in branch and branch["const"] is None)
    )


def base_of(flat: JsonObject) -> JsonObject:
    """What holds beside the alternatives, without words that say nothing about values."""
    dropped = ANNOTATIONS | {"oneOf", "anyOf", "discriminator"}
    base = {k: v for k, v in flat.items() if k not in dropped and not k.startswith("x-")}
    if base.keys() == {"type"} and len(types_of(base)) == 1:
        return {}  # the alternatives say it, too
    return base


class Heirs:
    """The schemas of a document by those they take in with `allOf`."""

    def __init__(self, flattening: Flattening) -> None:
        self._flattening = flattening
        self._direct: dict[str, list[str]] | None = None

    def of(self, reference: str) -> list[str]:
        """References of all heirs, in the document's order; none where there are too many to choose from."""
        found: dict[str, None] = {}
        waiting = [reference]
        while waiting and len(found) <= MOST:
            for heir in self._by_base().get(waiting.pop(0), ()):
                if heir not in found and heir != reference:
                    found[heir] = None
                    waiting.append(heir)
        return list(found) if len(found) <= MOST else []

    def value_of(self, reference: str) -> str | None:
        """What Microsoft's documents write where the name of a schema is not the value."""
        try:
            target = self._flattening.documents.target(reference)
        except BrokenReference:
            return None
        value = target.get("x-ms-discriminator-value") if isinstance(target, dict) else None
        return value if isinstance(value, str) else None

    def _by_base(self) -> dict[str, list[str]]:
        if self._direct is None:
            self._direct = {}
            for folder in _FOLDERS:
                schemas: JsonValue = self._flattening.documents.root
                for step in folder:
                    schemas = schemas.get(step) if isinstance(schemas, dict) else None
                for name, schema in schemas.items() if isinstance(schemas, dict) else ():
                    members = schema.get("allOf") if isinstance(schema, dict) else None
                    for member in members if isinstance(members, list) else ():
                        base = member.get("$ref") if isinstance(member, dict) else None
                        if isinstance(base, str):
                            heir = f"#/{'/'.join(folder)}/{name}"
                            self._direct.setdefault(base, []).append(heir)
        return self._direct
