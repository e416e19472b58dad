"""The shape of a body as XML, from its schema."""

from __future__ import annotations

from drawbar.backends.http.openapi.flat import types_of
from drawbar.backends.http.openapi.schemas import Schemas
from drawbar.backends.http.openapi.variants import branches_of
from drawbar.backends.http.request.xml_shape import XmlShape
from drawbar.kernel.values import JsonObject, JsonValue


class XmlShapes:
    """Shapes of one document's schemas; a schema inside itself has one shape."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._members: dict[str, dict[str, XmlShape]] = {}

    def root(self, node: JsonValue) -> XmlShape:
        """Of a whole body. Raises BrokenReference."""
        reference = node.get("$ref") if isinstance(node, dict) else None
        name = reference.rpartition("/")[2] if isinstance(reference, str) else "root"
        return self._shape(name, node)

    def _shape(self, name: str, node: JsonValue) -> XmlShape:
        flat = self._schemas.flat(node)
        words = flat.get("xml")
        words = words if isinstance(words, dict) else {}
        item = None
        if "items" in flat or "array" in types_of(flat):
            own = words.get("name") if not words.get("wrapped") else None
            item = self._shape(str(own or name), flat.get("items", {}))
            if not words.get("wrapped"):
                item = item if own is None else _renamed(item, str(own))
        reference = node.get("$ref") if isinstance(node, dict) else None
        return XmlShape(
            name=str(words.get("name") or name),
            namespace=_text(words.get("namespace")),
            prefix=_text(words.get("prefix")),
            attribute=words.get("attribute") is True,
            wrapped=words.get("wrapped") is True,
            members=self._all(flat, reference if isinstance(reference, str) else None),
            item=item,
        )

    def _all(self, flat: JsonObject, reference: str | None) -> dict[str, XmlShape]:
        if reference is not None and reference in self._members:
            return self._members[reference]
        found: dict[str, XmlShape] = {}
        if reference is not None:
            self._members[reference] = found
        for each in (flat, *(self._schemas.flat(branch) for branch in branches_of(flat))):
            properties = each.get("properties")
            for name, node in properties.items() if isinstance(properties, dict) else ():
                if name not in found:
                    found[name] = self._shape(name, node)
        return found


def _renamed(shape: XmlShape, name: str) -> XmlShape:
    return XmlShape(name, shape.namespace, shape.prefix, members=shape.members, item=shape.item)


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None
