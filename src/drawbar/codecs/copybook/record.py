"""A record of a copybook: values to bytes and back, by the layout that was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drawbar.codecs.codec import CodecError
from drawbar.codecs.copybook.nodes import (
    Choice,
    Field,
    Group,
    Key,
    Node,
    Table,
    Variant,
    is_variable,
)
from drawbar.kernel.values import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class CopybookLayout:
    """Fills the port `drawbar.codecs.record.RecordLayout`."""

    root: Group
    encoding: str
    lines: bool
    counters: frozenset[Key]
    """Fields that say how many entries a table has: they follow from the entries."""
    discriminators: frozenset[Key]
    """Fields that say which of several readings holds."""

    def encode(self, value: JsonValue) -> bytes:
        """One record, with its line end where records are lines. Raises CodecError that names the field."""
        writer = _Writer(self)
        writer.write(self.root, value, "")
        return bytes(writer.out) + (b"\n" if self.lines else b"")

    def decode(self, data: bytes, number: int = 1) -> JsonObject:
        """One record without its line end; a line may lack the blanks at its end."""
        widest = self.root.widest
        if self.lines:
            data = data.ljust(widest, " ".encode(self.encoding))
        reader = _Reader(self, data, number)
        value = reader.read(self.root, "")
        room = {reader.position, widest} if is_variable(self.root) else {widest}
        if len(data) not in room and not self.lines:
            raise CodecError(
                f"{len(data)} bytes where the layout has {reader.position}",
                where=f"record {number}",
            )
        return value if isinstance(value, dict) else {}

    def split(self, data: bytes) -> Iterator[bytes]:
        """The records of a file or stream; a last one that is not whole is among them."""
        if self.lines:
            for line in data.removesuffix(b"\n").split(b"\n") if data else []:
                yield line.removesuffix(b"\r")
            return
        start = number = 0
        while start < len(data):
            number += 1
            length = self.root.widest
            if is_variable(self.root):
                reader = _Reader(self, data[start:], number)
                reader.read(self.root, "")
                length = reader.position
            yield data[start : start + length]
            start += length

    def whole_part(self, data: bytes) -> bytes:
        """Without what follows the last record that is whole."""
        if self.lines:
            return data[: data.rfind(b"\n") + 1]
        end = 0
        try:
            for record in self.split(data):
                self.decode(record)
                end += len(record)
        except CodecError:
            return data[:end]
        return data[:end]


class _Writer:
    def __init__(self, layout: CopybookLayout) -> None:
        self._layout = layout
        self._known: dict[Key, JsonValue] = {}
        self._counters: dict[Key, tuple[int, Field]] = {}
        self._counted: dict[Key, int] = {}
        self.out = bytearray()

    def write(self, node: Node, value: JsonValue, path: str) -> None:
        match node:
            case Field():
                self._field(node, value, path)
            case Group():
                self._group(node, value, path)
            case Table():
                self._table(node, value, path)
            case Choice():
                self._choice(node, value if isinstance(value, dict) else {}, path)

    def _field(self, field: Field, value: JsonValue, path: str) -> None:
        data = field.initial
        if value is not None:
            try:
                data = field.element.encode(value)
            except CodecError as error:
                raise CodecError(error.message, field=path) from error
        if field.key in self._layout.counters:
            self._counters[field.key] = (len(self.out), field)
            self._counted.pop(field.key, None)
        if field.key in self._layout.discriminators:
            self._known[field.key] = field.element.decode(data)
        self.out += data

    def _group(self, group: Group, value: JsonValue, path: str) -> None:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise CodecError("takes an object", field=path or None)
        names: set[str] = set()
        for member in group.members:
            if isinstance(member, Choice):
                mine = {v.node.name or "" for v in member.variants}
                self.write(member, {k: v for k, v in value.items() if k in mine}, path)
                names |= mine
            else:
                self.write(member, value.get(member.name or ""), _inner(path, member.name))
                names.add(member.name or "")
        if unknown := value.keys() - names:
            raise CodecError(f"there is no field `{min(unknown)}`", field=path or None)

    def _table(self, table: Table, value: JsonValue, path: str) -> None:
        entries = [] if value is None else value
        if not isinstance(entries, list):
            raise CodecError("takes a list", field=path)
        if len(entries) > table.most:
            raise CodecError(
                f"has room for {table.most} entries, and there are {len(entries)}", field=path
            )
        count = len(entries)
        if table.counter is not None:
            count = self._count(table, count, path)
        for index in range(table.most if table.fixed else count):
            entry = entries[index] if index < len(entries) else None
            self.write(table.entry, entry, f"{path}[{index}]")

    def _count(self, table: Table, count: int, path: str) -> int:
        """Write the number of entries into its field, which stands before them. An empty one gives the least."""
        key = table.counter or ()
        count = max(count, table.least)
        offset, field = self._counters[key]
        if self._counted.get(key, count) != count:
            raise CodecError(
                f"has {count} entries, and another table with the same counter {self._counted[key]}",
                field=path,
            )
        self._counted[key] = count
        self.out[offset : offset + field.element.width] = field.element.encode(count)
        return count

    def _choice(self, choice: Choice, value: JsonObject, path: str) -> None:
        variant = self._chosen(choice, value, path)
        start = len(self.out)
        name = variant.node.name
        self.write(variant.node, value.get(name or ""), _inner(path, name))
        written = len(self.out) - start
        self.out += " ".encode(self._layout.encoding) * (choice.widest - written)

    def _chosen(self, choice: Choice, value: JsonObject, path: str) -> Variant:
        given = [v for v in choice.variants if value.get(v.node.name or "") is not None]
        if len(given) > 1:
            names = " and ".join(f"`{variant.node.name}`" for variant in given)
            raise CodecError(f"{names} are the same bytes; give one of them", field=path or None)
        if choice.ruled:
            meant = _meant(choice, self._known)
            if given and given[0] not in meant:
                raise CodecError(_against(given[0]), field=_inner(path, given[0].node.name))
            return (given or meant or choice.variants)[0]
        return (given or choice.variants)[0]


class _Reader:
    def __init__(self, layout: CopybookLayout, data: bytes, number: int) -> None:
        self._layout = layout
        self._data = data
        self._number = number
        self._known: dict[Key, JsonValue] = {}
        self.position = 0

    def read(self, node: Node, path: str) -> JsonValue:
        match node:
            case Field():
                return self._field(node, path)
            case Group():
                return self._group(node, path)
            case Table():
                return self._table(node, path)
            case Choice():
                return self._choice(node, path)

    def _field(self, field: Field, path: str) -> JsonValue:
        start, self.position = self.position, self.position + field.element.width
        data = self._data[start : self.position]
        if len(data) < field.element.width:
            raise self._wrong(f"ends after {len(self._data)} bytes", path, start)
        if field.name is None:
            return None
        try:
            value = field.element.decode(data)
        except CodecError as error:
            raise self._wrong(error.message, path, start) from error
        self._known[field.key] = value
        return value

    def _group(self, group: Group, path: str) -> JsonValue:
        found: JsonObject = {}
        for member in group.members:
            if isinstance(member, Choice):
                found |= self._choice(member, path)
                continue
            value = self.read(member, _inner(path, member.name))
            if member.name is not None:
                found[member.name] = value
        return found

    def _table(self, table: Table, path: str) -> JsonValue:
        count = table.most
        start = self.position
        if table.counter is not None:
            said = self._known.get(table.counter)
            count = said if isinstance(said, int) else 0
            if not table.least <= count <= table.most:
                raise self._wrong(
                    f"has {table.least} to {table.most} entries, and its counter says {said}",
                    path,
                    start,
                )
        entries = [self.read(table.entry, f"{path}[{index}]") for index in range(count)]
        if table.fixed and table.counter is not None:
            self.position = start + table.widest
        return entries

    def _choice(self, choice: Choice, path: str) -> JsonObject:
        """By a rule the variants it names; without one each, those of whose bytes nothing can be made as null."""
        start = self.position
        found: JsonObject = {}
        for variant in _meant(choice, self._known) if choice.ruled else choice.variants:
            self.position = start
            name = variant.node.name
            try:
                value = self.read(variant.node, _inner(path, name))
            except CodecError:
                if choice.ruled:
                    raise
                value = None
            if name is not None:
                found[name] = value
        self.position = start + choice.widest
        if self.position > len(self._data):
            raise self._wrong(f"ends after {len(self._data)} bytes", path, start)
        return found

    def _wrong(self, message: str, path: str, start: int) -> CodecError:
        where = f"record {self._number}, field {path or 'filler'}, byte {start + 1}"
        return CodecError(message, where=where, field=path or None)


def _meant(choice: Choice, known: Mapping[Key, JsonValue]) -> list[Variant]:
    """Those whose rule holds; where none does, the ones without a rule."""
    found = [v for v in choice.variants if v.when and _holds(v, known)]
    return found or [variant for variant in choice.variants if not variant.when]


def _holds(variant: Variant, known: Mapping[Key, JsonValue]) -> bool:
    return all(known.get(key) in values for key, values in variant.when)


def _against(variant: Variant) -> str:
    if not variant.when:
        return "is not what the other fields say these bytes are"
    rules = " and ".join(
        f"`{key[-1]}` is {' or '.join(str(value) for value in values)}"
        for key, values in variant.when
    )
    return f"goes with a record whose {rules}"


def _inner(path: str, name: str | None) -> str:
    if name is None:
        return path
    return f"{path}.{name}" if path else name
