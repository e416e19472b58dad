"""Schemas that libxml2 refuses as a whole for one slip in them, made a little more lenient so that the rest is checked.

They work on copies that are only used to check what is sent; what is written follows the contract itself.
"""

from __future__ import annotations

from lxml import etree

from drawbar.backends.soap.contract.xsd import XSD

_OTHER = "##other"


def make_deterministic(root: etree._Element) -> None:
    """Content models in which an element could stand for two particles (XML Schema 1.0, 3.8.6) no longer do.

    A wildcard for anything that may be left out, as nearly all are, takes what is of another namespace. Of a
    sequence that names an element twice, the elements are checked, and their order and number are not: the
    writer keeps those.
    """
    for wildcard in root.iter(f"{{{XSD}}}any"):
        if wildcard.get("namespace", "##any") == "##any" and wildcard.get("minOccurs") == "0":
            wildcard.set("namespace", _OTHER)
    for sequence in list(root.iter(f"{{{XSD}}}sequence")):
        names = [_name(child) for child in sequence.iterchildren("*")]
        if len(set(names)) < len(names):
            _loosen(sequence)


def _name(particle: etree._Element) -> object:
    return particle.get("name") or particle.get("ref") or particle


def _loosen(sequence: etree._Element) -> None:
    sequence.tag = f"{{{XSD}}}choice"
    sequence.set("minOccurs", "0")
    sequence.set("maxOccurs", "unbounded")
    seen: set[object] = set()
    for child in list(sequence.iterchildren("*")):
        if (name := _name(child)) in seen:
            sequence.remove(child)
        elif child.tag != f"{{{XSD}}}annotation":
            child.set("minOccurs", "1")
            child.set("maxOccurs", "1")
        seen.add(name)


def drop_bad_patterns(root: etree._Element) -> None:
    """Patterns that are no regular expressions of XML Schema: many are written for another language."""
    for pattern in list(root.iter(f"{{{XSD}}}pattern")):
        holder = pattern.getparent()
        if holder is not None and not _is_pattern(pattern.get("value") or ""):
            holder.remove(pattern)


def _is_pattern(value: str) -> bool:
    schema = etree.Element(f"{{{XSD}}}schema", nsmap={"xs": XSD})
    kind = etree.SubElement(schema, f"{{{XSD}}}simpleType", name="text")
    step = etree.SubElement(kind, f"{{{XSD}}}restriction", base="xs:string")
    etree.SubElement(step, f"{{{XSD}}}pattern", value=value)
    try:
        etree.XMLSchema(schema)
    except etree.XMLSchemaParseError:
        return False
    return True
