"""Makes shapes from the index: folds in bases, groups and attribute groups, and names every part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from drawbar.backends.soap.contract.encoding import ITEM, Held, held_by
from drawbar.backends.soap.contract.identity import identities_of
from drawbar.backends.soap.contract.particles import (
    Names,
    can_be_empty,
    is_impossible,
    is_local,
    occurs_of,
    required_branches,
    widened,
)
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
from drawbar.backends.soap.contract.texts import ANY_TEXT, Text, Texts, restrict
from drawbar.backends.soap.contract.xsd import (
    XML,
    XSD,
    Component,
    SchemaIndex,
    Unresolved,
    clark,
    describe,
    local,
    split,
)

ANY_TYPE = Text("anyType", {"type": "string"})
_DEEPEST = 60
"""Bases, groups or nested particles followed before a definition counts as endless."""


@dataclass(slots=True)
class Shapes:
    """Makes records and items from the index; each named type once."""

    index: SchemaIndex
    texts: Texts = field(init=False)
    _types: dict[str, Text | Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.texts = Texts(self.index)

    def element(self, name: str, user: Component) -> Item:
        """A global element. Raises Unresolved."""
        component = self.index.find("element", name, user)
        return _Building(self).item(component, component, name)

    def type_of(self, name: str, user: Component) -> Text | Record:
        """A named type. Raises Unresolved."""
        if name not in self._types:
            self._types[name] = self._named(name, user)
        return self._types[name]

    def record(self, node: Component, name: str | None = None) -> Record:
        return Record(
            node,
            name,
            lambda component: _Building(self).content(component),
            lambda base: self._heirs(base, node),
        )

    def _heirs(self, base: str, user: Component) -> Iterator[Record]:
        seen = {base}
        waiting = [base]
        while waiting:
            for name in self.index.derived.get(waiting.pop(0), ()):
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
                    made = self.type_of(name, user)
                    if isinstance(made, Record):
                        yield made

    def _named(self, name: str, user: Component) -> Text | Record:
        namespace, last = split(name)
        if namespace == XSD and (last == "anyType" or self.texts.is_built_in(last)):
            return ANY_TYPE if last == "anyType" else self.texts.named(name, user)
        component = self.index.nearly("type", name) if namespace == XSD else None
        if component is None:
            if namespace == XSD:
                return self.texts.named(name, user)
            component = self.index.find("type", name, user)
        name = self.index.meant.get(name, name)
        if component.tag == "complexType":
            return self.record(component, name)
        return self.texts.named(name, user)


def _wildcard(node: Component, name: str, least: int, most: int | None) -> Wildcard:
    own = node.document.namespace
    said = (node.get("namespace") or "##any").split()
    if said == ["##any"]:
        return Wildcard(name, least, most)
    if said == ["##other"]:
        return Wildcard(name, least, most, other_than=own)
    meant = {"##targetNamespace": own, "##local": ""}
    return Wildcard(name, least, most, frozenset(meant.get(each, each) for each in said))


class _Building:
    """Makes the content of one complex type."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._index = shapes.index

    # -- complex types --------------------------------------------------------------------------

    def content(self, node: Component) -> Content:
        if (held := held_by(node, self._index)) is not None:
            return self._array(held, held.arrays)
        names = Names()
        particles = self._particles(node, 0)
        members = tuple(member for part in particles for member in self._members(part, names, 0))
        text = self._text(node, 0)
        if text is None and not members and node.get("mixed") in {"true", "1"}:
            text = ANY_TEXT
        text_name = names.take("value") if text is not None else "value"
        found = self._attributes(node, 0)
        attributes = tuple(
            replace(each, name=names.attribute(each.name)) for each in found.values()
        )
        # A group may be an `all` too; it is not worth the look, since only a note depends on it.
        unordered = any(part.tag in {"all", "group"} for part in particles)
        return Content(members, attributes, text, text_name, unordered=unordered)

    def _array(self, held: Held, arrays: int) -> Content:
        """A SOAP-encoded array, and those inside it."""
        made: Item | None = None
        kind: Text | Record = ANY_TYPE
        if arrays > 0:
            inner = self._array(held, arrays - 1)
            kind = Record(held.user, None, lambda _: inner, lambda _: ())
        elif held.type is not None:
            kind = self._shapes.type_of(held.type, held.user)
        elif held.element is not None:
            single = self._element(held.element)
            made = single if isinstance(single, Item) else None
        item = made or Item(ITEM, ITEM, kind, declared=None if arrays else held.type)
        rank = held.rank(held.arrays - arrays)
        return Content((replace(item, least=0, most=None),), array=True, rank=rank)

    def _particles(self, node: Component, depth: int) -> list[Component]:
        """The particles of a type in order: those of its bases first, then its own."""
        self._check_depth(node, depth)
        own = node.children("sequence", "choice", "all", "group")
        content = node.child("complexContent")
        if content is None:
            return own
        step = content.child("extension", "restriction")
        if step is None:
            return []
        own = step.children("sequence", "choice", "all", "group")
        if step.tag == "restriction":
            return own
        base = self._base(step)
        return [*(self._particles(base, depth + 1) if base is not None else ()), *own]

    def _base(self, step: Component) -> Component | None:
        """The complex type that a derivation starts from; None for a built-in or simple one."""
        text = step.get("base")
        if text is None:
            return None
        name = step.name(text)
        if split(name)[0] == XSD:
            return None
        found = self._index.find("type", name, step)
        return found if found.tag == "complexType" else None

    def _text(self, node: Component, depth: int) -> Text | None:
        """The type of the text of a `simpleContent`, with the facets of every step."""
        self._check_depth(node, depth)
        content = node.child("simpleContent", "complexContent")
        step = content.child("extension", "restriction") if content is not None else None
        if content is None or step is None:
            return None
        base = self._base(step)
        if content.tag == "complexContent":
            # An extension that only adds attributes may call simple content complex.
            return self._text(base, depth + 1) if base is not None else None
        inherited = self._text(base, depth + 1) if base is not None else None
        text = inherited or (ANY_TEXT if base is not None else self._shapes.texts.base_of(step))
        if step.tag == "extension":
            return text
        inner = step.child("simpleType")
        return restrict(text if inner is None else self._shapes.texts.of(inner), step)

    def _attributes(self, node: Component, depth: int) -> dict[str, Attribute]:
        """Attributes by full name: those of the bases, then the node's own over them."""
        self._check_depth(node, depth)
        content = node.child("complexContent", "simpleContent")
        step = content.child("extension", "restriction") if content is not None else None
        found: dict[str, Attribute] = {}
        if step is not None:
            base = self._base(step)
            found = self._attributes(base, depth + 1) if base is not None else {}
        for holder in (node, step):
            if holder is not None:
                self._take_attributes(holder, found, depth)
        return found

    def _take_attributes(self, holder: Component, found: dict[str, Attribute], depth: int) -> None:
        self._check_depth(holder, depth)
        for node in holder.children("attribute", "attributeGroup"):
            if node.tag == "attributeGroup":
                if ref := node.get("ref"):
                    group = self._index.find("attributeGroup", node.name(ref), node)
                    self._take_attributes(group, found, depth + 1)
                continue
            attribute = self._attribute(node)
            if node.get("use") == "prohibited":
                found.pop(attribute.tag, None)
            else:
                found[attribute.tag] = attribute

    def _attribute(self, node: Component) -> Attribute:
        declaration = node
        if ref := node.get("ref"):
            tag = node.name(ref)
            if split(tag)[0] == XML:
                return Attribute(local(tag), tag, ANY_TEXT, node.get("use") == "required")
            declaration = self._index.find("attribute", tag, node)
        else:
            name = node.own_name()
            tag = clark(node.document.namespace, name) if self._is_qualified(node) else name
        return Attribute(
            name=local(tag),
            tag=tag,
            type=self._simple(declaration),
            required=node.get("use") == "required",
            fixed=node.get("fixed") or declaration.get("fixed"),
            default=node.get("default") or declaration.get("default"),
            documentation=node.documentation() or declaration.documentation(),
        )

    def _simple(self, node: Component) -> Text:
        if name := node.get("type"):
            return self._shapes.texts.named(node.name(name), node)
        inner = node.child("simpleType")
        return ANY_TEXT if inner is None else self._shapes.texts.of(inner)

    # -- particles ------------------------------------------------------------------------------

    def _members(self, node: Component, names: Names, depth: int) -> list[Member]:
        """What a particle puts into its object; a plain sequence puts in what it holds."""
        self._check_depth(node, depth)
        least, most = occurs_of(node)
        if most == 0:
            return []
        if node.tag == "element":
            made = self._element(node)
            if made.least == 0 and is_impossible(made):
                return []
            return [replace(made, name=names.take(made.name))]
        if node.tag == "any":
            return [_wildcard(node, names.take("any"), least, most)]
        inner: Component | None = node
        if node.tag == "group" and (ref := node.get("ref")):
            inner = self._index.find("group", node.name(ref), node).child(
                "sequence", "choice", "all"
            )
        return [] if inner is None else self._repeat(inner, (least, most), names, depth)

    def _repeat(
        self, node: Component, occurs: tuple[int, int | None], names: Names, depth: int
    ) -> list[Member]:
        """A sequence, or a named group's content, that comes `occurs` times."""
        if node.tag == "choice":
            return self._choice(node, names, depth, occurs)
        children = node.children("element", "any", "choice", "sequence", "group", "all")
        if occurs == (1, 1):
            return [m for child in children for m in self._members(child, names, depth + 1)]
        inner = Names()
        members = [m for child in children for m in self._members(child, inner, depth + 1)]
        if not members:
            return []
        if occurs == (0, 1) and len(members) > 1 and can_be_empty(tuple(members)):
            return [replace(member, name=names.take(member.name)) for member in members]
        return self._grouped(tuple(members), occurs, names)

    @staticmethod
    def _grouped(
        members: tuple[Member, ...], occurs: tuple[int, int | None], names: Names
    ) -> list[Member]:
        """Members that come together, `occurs` times: a group, or the only one of them as often."""
        if len(members) == 1 and (single := widened(members[0], occurs)) is not None:
            return [replace(single, name=names.take(single.name))]
        return [Group(names.take("sequence" if occurs[1] == 1 else "sequences"), members, *occurs)]

    def _choice(
        self, node: Component, names: Names, depth: int, occurs: tuple[int, int | None]
    ) -> list[Member]:
        least, most = occurs
        branches: list[tuple[Member, ...]] = []
        for child in node.children("element", "any", "choice", "sequence", "group"):
            members = tuple(self._members(child, Names(), depth + 1))
            if any(is_impossible(member) for member in members):
                continue
            inner = members[0] if len(members) == 1 else None
            if isinstance(inner, Choice) and (inner.least, inner.most) == (1, 1):
                branches.extend(inner.branches)
            elif not members or can_be_empty(members):
                least = 0
                branches.extend((members,) if members else ())
            else:
                branches.append(members)
        branches = required_branches(branches)
        if not branches:
            return []
        if len(branches) == 1:
            return self._only_branch(branches[0], (least, most), names)
        name = names.take("choice" if most == 1 else "choices")
        return [Choice(name, tuple(branches), least, most, node.documentation())]

    def _only_branch(
        self, members: tuple[Member, ...], occurs: tuple[int, int | None], names: Names
    ) -> list[Member]:
        """A choice of one thing is no choice."""
        if occurs == (1, 1):
            return [replace(member, name=names.take(member.name)) for member in members]
        return self._grouped(members, occurs, names)

    # -- elements -------------------------------------------------------------------------------

    def _element(self, node: Component) -> Member:
        if ref := node.get("ref"):
            name = node.name(ref)
            declaration = self._index.find("element", name, node)
            item = self.item(node, declaration, name)
            return self._substituted(item, declaration, name)
        name = node.own_name()
        return self.item(
            node, node, clark(node.document.namespace, name) if self._is_qualified(node) else name
        )

    def item(self, node: Component, declaration: Component, tag: str) -> Item:
        """`node` says how often, `declaration` says what; a reference has two nodes."""
        least, most = occurs_of(node) if node is not declaration or is_local(node) else (1, 1)
        return Item(
            name=local(tag),
            tag=tag,
            type=self._type(declaration),
            least=least,
            most=most,
            nillable=declaration.get("nillable") in {"true", "1"},
            fixed=declaration.get("fixed"),
            default=declaration.get("default"),
            documentation=node.documentation() or declaration.documentation(),
            declared=declaration.name(kind) if (kind := declaration.get("type")) else None,
            identities=identities_of(declaration),
        )

    def _type(self, node: Component) -> Text | Record:
        if name := node.get("type"):
            return self._shapes.type_of(node.name(name), node)
        if (inner := node.child("complexType")) is not None:
            return self._shapes.record(inner)
        if (inner := node.child("simpleType")) is not None:
            return self._shapes.texts.of(inner)
        if head := node.get("substitutionGroup"):
            found = self._index.find("element", node.name(head.split()[0]), node)
            return self._type(found)
        return ANY_TYPE

    def _substituted(self, item: Item, declaration: Component, name: str) -> Member:
        """The head of a substitution group becomes a choice of its members."""
        members = self._group_members(name, declaration)
        abstract = declaration.get("abstract") in {"true", "1"}
        if not members:
            return item
        heads = [] if abstract else [replace(item, least=1, most=1)]
        branches = tuple((each,) for each in (*heads, *members))
        if len(branches) == 1:
            return replace(branches[0][0], least=item.least, most=item.most)
        return Choice(item.name, branches, item.least, item.most, item.documentation)

    def _group_members(self, head: str, user: Component) -> list[Item]:
        found: list[Item] = []
        seen = {head}
        waiting = [head]
        while waiting:
            for name in self._index.members.get(waiting.pop(0), ()):
                if name in seen:
                    continue
                seen.add(name)
                waiting.append(name)
                component = self._index.find("element", name, user)
                if component.get("abstract") not in {"true", "1"}:
                    found.append(self.item(component, component, name))
        return found

    @staticmethod
    def _is_qualified(node: Component) -> bool:
        """Whether a local element or attribute carries its schema's namespace."""
        if not is_local(node):
            return True
        form = node.get("form")
        return form == "qualified" if form else node.document.qualifies(node.tag)

    @staticmethod
    def _check_depth(node: Component, depth: int) -> None:
        if depth > _DEEPEST:
            raise Unresolved(
                f"{node.document.file}: {describe(node)} contains or extends itself without end",
                f"break the circle in {node.document.file}",
            )
