"""Contracts as they are found: slips that say clearly enough what was meant are put right before the contract is read.

* blank lines before the XML declaration
* drafts of XML Schema from before 2001, by the names they had
* prefixes that nobody declared, where it is known what they stand for everywhere else
* words of XML Schema inside a schema that carry no namespace, or that of the WSDL around it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lxml import etree

from drawbar.backends.soap.contract.documents import UnreadableXml, parse_xml, read_bytes

_XSD = "http://www.w3.org/2001/XMLSchema"
_DRAFTS = re.compile(rb"http://www\.w3\.org/(?:1999|2000/10)/XMLSchema(?=[\"'-])")
_RENAMED = re.compile(rb"(?<=:)(?:timeInstant|uriReference|CDATA|binary)(?=[\"'])")
_NEW_NAMES: Mapping[bytes, bytes] = {
    b"timeInstant": b"dateTime",
    b"uriReference": b"anyURI",
    b"CDATA": b"normalizedString",
    b"binary": b"base64Binary",
}
# Possessive, like that of DOCTYPE: a file full of comments must not be tried in all ways.
_ROOT = re.compile(
    rb"\s*+(?:<\?(?:(?!\?>).)*+\?>\s*+|<!--(?:(?!-->).)*+-->\s*+)*+<[^\s/>]+", re.DOTALL
)
_UNDECLARED = re.compile(r"Namespace prefix (\S+) (?:for \S+ )?on \S+ is not defined")
_MOST_PREFIXES = 20
_KNOWN: Mapping[str, str] = {
    "xs": _XSD,
    "xsd": _XSD,
    "s": _XSD,
    "xsi": f"{_XSD}-instance",
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "http": "http://schemas.xmlsoap.org/wsdl/http/",
    "mime": "http://schemas.xmlsoap.org/wsdl/mime/",
    "soapenc": "http://schemas.xmlsoap.org/soap/encoding/",
    "SOAP-ENC": "http://schemas.xmlsoap.org/soap/encoding/",
    "xmime": "http://www.w3.org/2005/05/xmlmime",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsaw": "http://www.w3.org/2006/05/addressing/wsdl",
    "wsam": "http://www.w3.org/2007/05/addressing/metadata",
    "wsp": "http://www.w3.org/ns/ws-policy",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
}
"""What prefixes stand for where nobody says it."""


_WORDS = (
    "all annotation any anyAttribute attribute attributeGroup choice complexContent complexType element "
    "enumeration extension group list maxLength minLength pattern restriction sequence simpleContent "
    "simpleType union"
)
_ASTRAY = tuple(
    f"{namespace}{word}"
    for namespace in ("{}", "{http://schemas.xmlsoap.org/wsdl/}")
    for word in _WORDS.split()
)
_FREE = frozenset({f"{{{_XSD}}}appinfo", f"{{{_XSD}}}documentation"})
"""Where anything may stand, whatever it is called."""


def read_contract_file(path: Path) -> etree._Element:
    """The root element of a part of a contract. Raises UnreadableXml."""
    return parse_contract(read_bytes(path))


def parse_contract(data: bytes, *, comments: bool = False) -> etree._Element:
    """The same from bytes."""
    data = _of_today(data.lstrip() if data[:1].isspace() else data)
    for _ in range(_MOST_PREFIXES):
        try:
            return _with_words(parse_xml(data, comments=comments))
        except UnreadableXml as error:
            mended = _declaring(data, str(error))
            if mended is None:
                raise
            data = mended
    return _with_words(parse_xml(data, comments=comments))


def _with_words(root: etree._Element) -> etree._Element:
    """The same, its schemas' words in the namespace of XML Schema."""
    for schema in root.iter(f"{{{_XSD}}}schema"):
        for node in schema.iter(*_ASTRAY):
            if not any(each.tag in _FREE for each in node.iterancestors()):
                node.tag = f"{{{_XSD}}}{etree.QName(node).localname}"
    return root


def _of_today(data: bytes) -> bytes:
    if b"/XMLSchema" not in data or not _DRAFTS.search(data):
        return data
    data = _DRAFTS.sub(_XSD.encode(), data)
    return _RENAMED.sub(lambda name: _NEW_NAMES[name[0]], data)


def _declaring(data: bytes, error: str) -> bytes | None:
    """The document with the prefix declared that the parser missed; None where that is not what it says, or is not known."""
    found, root = _UNDECLARED.search(error), _ROOT.match(data)
    if found is None or root is None:
        return None
    prefix = found[1]
    said = set(
        re.findall(rb"xmlns:%s\s*=\s*[\"']([^\"']*)[\"']" % re.escape(prefix.encode()), data)
    )
    namespace = next(iter(said)).decode() if len(said) == 1 else _KNOWN.get(prefix)
    if namespace is None:
        return None
    return b'%s xmlns:%s="%s"%s' % (
        data[: root.end()],
        prefix.encode(),
        namespace.encode(),
        data[root.end() :],
    )


def meant_by(prefix: str, node: etree._Element) -> str | None:
    """The namespace of a prefix that is not declared where it is used: what it stands for elsewhere in the document."""
    said = {each.nsmap[prefix] for each in node.getroottree().iter("*") if prefix in each.nsmap}
    return next(iter(said)) if len(said) == 1 else _KNOWN.get(prefix)
