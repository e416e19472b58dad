"""JSON Schema of an operation's input, from its shape.

What is published is what is enforced: optional parts are not required, a required nillable element takes
null, a choice is one property that holds exactly one branch, and what the contract fixes is not shown
because there is nothing to decide. Types used in several places, or inside themselves, stand once in
`$defs`; everything else is written where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drawbar.backends.soap.contract.finite import endless, is_endless
from drawbar.backends.soap.contract.shape import (
    Attribute,
    Choice,
    Content,
    Group,
    Item,
    Member,
    Record,
    Wildcard,
)
from drawbar.backends.soap.contract.texts import Text, spoken
from drawbar.backends.soap.contract.xsd import Unresolved, local
from drawbar.backends.soap.publish.narrow import REMOVED, Hidden, is_filled, parts_of
from drawbar.backends.soap.publish.phrases import described, lifted, nullable, references, repeated
from drawbar.backends.soap.publish.shared import Uses, uses_of
from drawbar.compiler.parameters import Inherited
from drawbar.kernel.values import JsonObject, JsonValue

TYPE = "_type"
"""The property that says which concrete type of an abstract one is meant."""
MANY_TYPES = 40
_LEVELS = 5
"""Objects inside one another before the next goes to `$defs`: strict modes count to ten."""


@dataclass(slots=True)
class Publication:
    """The input of one operation as it is published.

    `hidden` are the paths that a parameter of the author took; `filled` those of them that are always sent.
    """

    content: Content
    hidden: Hidden = field(default_factory=dict)
    filled: tuple[str, ...] = ()
    types: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of an abstract type, by its label: the types that an author allows."""
    dropped: set[str] = field(default_factory=set)
    """Patterns that JSON Schema cannot say, for a warning."""
    crowded: set[str] = field(default_factory=set)
    """Abstract types with more concrete ones than a model can choose from."""
    _uses: Uses = field(init=False)
    _names: dict[Record | str, str] = field(default_factory=dict)
    """In `$defs`; simple types go by their full names."""
    _defined: dict[str, Record | Text] = field(default_factory=dict)
    _defs: JsonObject = field(default_factory=dict)
    _endless: frozenset[Record] = frozenset()
    _level: int = 0
    """How many objects the one that is being written is inside of."""

    def __post_init__(self) -> None:
        self._uses = uses_of(self.content)
        self._endless = endless(set(self._uses.records))

    def parameters(self) -> dict[str, Inherited]:
        """One for each part of the input that is published, in the contract's order."""
        schema, required = self._properties(self.content, self.hidden)
        return {
            name: Inherited(self._with_defs(part), name in required)
            for name, part in schema.items()
        }

    def find(self, path: str) -> Inherited | None:
        """The part at a dotted path; None when there is none, or when it is inside a repeated one."""
        parts = path.split(".")
        part = _find(self.content, parts)
        if part is None:
            return None
        required = all(
            self._is_always_sent(parts[:length]) for length in range(1, len(parts))
        ) and _is_required(part)
        return Inherited(self._with_defs(self._part(part, {})), required, path)

    def _is_always_sent(self, path: list[str]) -> bool:
        """Whether what holds a part is in every message: by contract, or because something in it is."""
        holder = _find(self.content, path)
        if holder is None or _is_required(holder):
            return True
        name = ".".join(path)
        if any(filled.startswith(name + ".") for filled in self.filled):
            return True
        hidden: Hidden = self.hidden
        for step in path:
            hidden = hidden.get(step, {})
        filled = bool(hidden) and is_filled(hidden)
        return filled and bool(self._part(holder, hidden).get("required"))

    def names(self, path: list[str]) -> list[str]:
        """What could follow a path."""
        if not path:
            contents = [self.content]
        else:
            part = _find(self.content, path)
            contents = _inside(part) if isinstance(part, Item | Choice | Group) else []
        return [part.name for content in contents for part in parts_of(content)]

    # -- parts ----------------------------------------------------------------------------------

    def _properties(
        self, content: Content, hidden: Hidden, *, whole: bool = False
    ) -> tuple[dict[str, JsonObject], list[str]]:
        """The published properties of an object, and which of them are required.

        With `whole` also the parts that are always the same: being there is what they say.
        """
        properties: dict[str, JsonObject] = {}
        required: list[str] = []
        if content.text is not None and content.text_name not in hidden:
            properties[content.text_name] = self._text(content.text, None, None)
            required.append(content.text_name)
        for part in parts_of(content):
            if not (_is_published(part) or (whole and isinstance(part, Item))):
                continue
            inside = hidden.get(part.name)
            schema = self._property(part, inside)
            if schema is None:
                continue
            properties[part.name] = schema
            if _is_required(part) or (inside and is_filled(inside) and schema.get("required")):
                required.append(part.name)
        return properties, required

    def _property(self, part: Member | Attribute, inside: Hidden | None) -> JsonObject | None:
        """None where nothing of a part is left to say: `inside` is what of it an author took."""
        if inside is not None and not inside:
            return None
        if not isinstance(part, Attribute) and is_endless(part, self._endless):
            self._leave_out(part)
            return None
        schema = self._part(part, inside or {})
        return None if inside and schema.get("properties") == {} else schema

    def _part(self, part: Member | Attribute | Text, hidden: Hidden) -> JsonObject:
        match part:
            case Text():
                return self._text(part, None, None)
            case Attribute():
                return self._text(part.type, part.documentation, part.default)
            case Wildcard():
                words = "One XML element, complete" + (f", {part.rule}." if part.rule else ".")
                return repeated(described({"type": "string"}, words), part.least, part.most)
            case Group():
                return repeated(self._object(Content(part.members), hidden), part.least, part.most)
            case Choice():
                return self._choice(part, hidden)
            case Item():
                return self._item(part, hidden)

    def _leave_out(self, part: Member) -> None:
        """An optional part that could never end is not published; a required one makes the call impossible."""
        if part.least > 0:
            raise Unresolved(
                f"`{part.name}` has to contain itself without end, so no message can satisfy the contract",
                "make one of the elements on the way optional in the contract",
            )

    def _item(self, item: Item, hidden: Hidden) -> JsonObject:
        words = _joined(item.documentation, *(each.words for each in item.identities))
        if isinstance(item.type, Text) and item.fixed is not None:
            schema = described(_always(item.type, item.fixed), words)
        elif isinstance(item.type, Text):
            schema = self._text(item.type, words, item.default)
        else:
            schema = self._record(item.type, hidden)
            own = schema.get("description") if item.documentation is None else None
            schema = described(schema, _joined(own if isinstance(own, str) else None, words))
        if item.nillable and (item.least > 0 or item.most != 1) and _may_be_nil(item):
            schema = nullable(schema)
        return lifted(repeated(schema, item.least, item.most))

    def _choice(self, choice: Choice, hidden: Hidden) -> JsonObject:
        for branch in choice.branches:
            if any(m.name in hidden and is_filled(hidden[m.name]) for m in branch):
                return self._object(Content(branch), hidden)  # the author has chosen
        objects: list[JsonValue] = [
            self._object(Content(branch), hidden, whole=all(map(is_hidden, branch)))
            for branch in choice.branches
            if not any(is_endless(each, self._endless) for each in branch if each.least > 0)
            and not any(hidden.get(each.name) is REMOVED and each.least > 0 for each in branch)
        ]
        schema: JsonObject = {"anyOf": objects}
        return lifted(repeated(described(schema, choice.documentation), choice.least, choice.most))

    def _object(
        self, content: Content, hidden: Hidden, kind: str | None = None, *, whole: bool = False
    ) -> JsonObject:
        self._level += 1
        properties, required = self._properties(content, hidden, whole=whole)
        self._level -= 1
        if kind is not None:
            properties = {TYPE: {"type": "string", "const": kind}, **properties}
            required = [TYPE, *required]
        return {
            "type": "object",
            "properties": dict[str, JsonValue](properties),
            "required": list[JsonValue](required),
            "additionalProperties": False,
        }

    def _record(self, record: Record, hidden: Hidden) -> JsonObject:
        if not hidden and (self._uses.shares(record) or self._level > _LEVELS):
            return self._definition(record)
        return self._written(record, hidden)

    def _written(self, record: Record, hidden: Hidden) -> JsonObject:
        """A record in full."""
        if record.abstract and len(self._allowed(record)) > MANY_TYPES:
            self.crowded.add(record.label)
        if record.abstract and not record.concrete:
            raise Unresolved(
                f"{record.node.document.file}: the abstract type `{record.label}` has no concrete type that "
                "could stand in its place",
                f"add the schema that derives a type from `{record.label}`",
            )
        if record.content.array:
            return described(self._array(record.content), record.documentation)
        if not record.abstract:
            return described(self._object(record.content, hidden), record.documentation)
        objects: list[JsonValue] = [
            self._object(each.content, hidden, kind) for kind, each in self._allowed(record).items()
        ]
        return described({"anyOf": objects}, record.documentation)

    def _allowed(self, record: Record) -> dict[str, Record]:
        allowed = self.types.get(record.label)
        kinds = kinds_of(record)
        return kinds if allowed is None else {n: e for n, e in kinds.items() if n in allowed}

    def abstract_types(self) -> dict[str, list[str]]:
        """What may stand for each abstract type that the operation reaches, by labels."""
        return {each.label: list(kinds_of(each)) for each in self._uses.records if each.abstract}

    def _array(self, content: Content) -> JsonObject:
        (member,) = content.members
        return self._part(member, {})

    def _definition(self, kind: Record | Text) -> JsonObject:
        """A reference to a type in `$defs`, which is filled when a schema is finished."""
        key = kind if isinstance(kind, Record) else kind.name or ""
        if key not in self._names:
            label = short = kind.label if isinstance(kind, Record) else local(kind.name or "")
            count = 1
            while label in self._defined:
                count += 1
                label = f"{short}_{count}"
            self._names[key] = label
            self._defined[label] = kind
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _with_defs(self, schema: JsonObject) -> JsonObject:
        """The schema with the definitions it reaches."""
        found: JsonObject = {}
        waiting = list(references(schema))
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            if name not in self._defs:
                self._level = 0
                kind = self._defined[name]
                self._defs[name] = (
                    self._written(kind, {})
                    if isinstance(kind, Record)
                    else self._text(kind, None, None)
                )
            found[name] = self._defs[name]
            waiting.extend(references(self._defs[name]))
        return {**schema, "$defs": dict(sorted(found.items()))} if found else schema

    def _text(self, text: Text, documentation: str | None, default: str | None) -> JsonObject:
        self.dropped.update(text.dropped)
        said = None if default is None else f"Default: {default}."
        if self._level > 0 and self._uses.shares_text(text):
            return described(self._definition(text), _joined(documentation, said))
        words = _joined(documentation or text.documentation, *spoken(text), said)
        return described(dict(text.schema), words)


def _joined(*words: str | None) -> str:
    return " ".join(word for word in words if word)


def _may_be_nil(item: Item) -> bool:
    """An element that is nil still has to carry its required attributes."""
    return isinstance(item.type, Text) or not any(
        each.required and each.fixed is None for each in item.type.content.attributes
    )


def _always(text: Text, fixed: str) -> JsonObject:
    """The schema of the one value that the contract fixes."""
    kind = {"type": text.schema["type"]} if "type" in text.schema else {}
    return {**kind, "const": text.read(fixed)}


def kinds_of(record: Record) -> dict[str, Record]:
    """The concrete types that may stand for a record, by the value of `_type`."""
    found: dict[str, Record] = {}
    for each in record.concrete:
        label, count = each.label, 1
        while label in found:
            count += 1
            label = f"{each.label}_{count}"
        found[label] = each
    return found


def is_hidden(part: Member | Attribute) -> bool:
    """Whether there is nothing to decide about a part: it is left out or always the same."""
    return not _is_published(part)


def _is_published(part: Member | Attribute) -> bool:
    if isinstance(part, Wildcard):
        return part.least > 0
    if isinstance(part, Item | Attribute) and part.fixed is not None:
        # An optional element that can only say one thing says it by being there.
        return isinstance(part, Item) and isinstance(part.type, Text) and part.least == 0
    if (
        isinstance(part, Item)
        and isinstance(part.type, Record)
        and (part.least, part.most) == (1, 1)
    ):
        return not _is_bare(part.type)
    return True


def _is_bare(record: Record) -> bool:
    """A required element that can hold nothing is simply sent."""
    content = record.content
    return not (content.members or content.attributes or content.text or record.abstract)


def _is_required(part: Member | Attribute | Text) -> bool:
    if isinstance(part, Text):
        return True
    return part.required if isinstance(part, Attribute) else part.least > 0


def _find(content: Content, path: list[str]) -> Member | Attribute | Text | None:
    """The part at a path that one value can go to."""
    name, rest = path[0], path[1:]
    if content.text is not None and name == content.text_name and not rest:
        return content.text
    part = next((each for each in parts_of(content) if each.name == name), None)
    if part is None or not rest:
        return part
    if isinstance(part, Attribute | Wildcard) or part.most != 1:
        return None
    found = (_find(inner, rest) for inner in _inside(part))
    return next((each for each in found if each is not None), None)


def _inside(part: Item | Choice | Group) -> list[Content]:
    if isinstance(part, Group):
        return [Content(part.members)]
    if isinstance(part, Choice):
        return [Content(branch) for branch in part.branches]
    if isinstance(part.type, Record) and not part.type.content.array:
        return [part.type.content]
    return []
