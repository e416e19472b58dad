"""Well-known schemas that contracts import by an address of the web and seldom bring along.

Only what contracts refer to is written here; a contract's own copy beside it comes first.
"""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.backends.soap.contract.builtins import LISTS, SCHEMAS
from drawbar.backends.soap.contract.xsd import XML, XSD

_XMLMIME = "http://www.w3.org/2005/05/xmlmime"
_XOP = "http://www.w3.org/2004/08/xop/include"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_ENCODING_12 = "http://www.w3.org/2003/05/soap-encoding"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"

_SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"

_ENCODED = [*SCHEMAS, *LISTS]
_UNNAMED = frozenset({"anyType", "anySimpleType", "anyAtomicType", "dateTimeStamp", "NOTATION"})
"""Types that encoded messages have no name of their own for."""


def _schema(namespace: str, content: str) -> str:
    return (
        f'<xs:schema xmlns:xs="{XSD}" xmlns="{namespace}" targetNamespace="{namespace}"'
        f' elementFormDefault="qualified">{content}</xs:schema>'
    )


def _binary(name: str) -> str:
    return (
        f'<xs:complexType name="{name}"><xs:simpleContent><xs:extension base="xs:{name}">'
        '<xs:attribute name="contentType" type="xs:string" form="qualified"/>'
        "</xs:extension></xs:simpleContent></xs:complexType>"
    )


def _encoding(namespace: str, array_word: str) -> str:
    """Arrays, structures, and each built-in type under the name it has in encoded messages."""
    return _schema(
        namespace,
        f'<xs:attribute name="{array_word}" type="xs:string"/>'
        '<xs:attribute name="arraySize" type="xs:string"/>'
        '<xs:attribute name="offset" type="xs:string"/>'
        '<xs:attributeGroup name="commonAttributes"><xs:attribute name="id" type="xs:ID"/>'
        '<xs:attribute name="href" type="xs:anyURI"/></xs:attributeGroup>'
        f'<xs:attributeGroup name="arrayAttributes"><xs:attribute ref="{array_word}"/></xs:attributeGroup>'
        '<xs:group name="Array"><xs:sequence>'
        '<xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xs:sequence></xs:group>'
        '<xs:complexType name="Array"><xs:group ref="Array" minOccurs="0"/>'
        '<xs:attributeGroup ref="arrayAttributes"/></xs:complexType>'
        '<xs:complexType name="Struct"><xs:sequence>'
        '<xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xs:sequence></xs:complexType>'
        + "".join(
            f'<xs:simpleType name="{name}"><xs:restriction base="xs:{name}"/></xs:simpleType>'
            f'<xs:element name="{name}" type="{name}"/>'
            for name in _ENCODED
            if name not in _UNNAMED
        )
        + '<xs:simpleType name="base64"><xs:restriction base="xs:base64Binary"/></xs:simpleType>',
    )


_ANYTHING = '<xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/>'
_SIGNED_WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("Signature", "SignedInfo", "KeyInfo", "Manifest", "SignatureProperties"), "Id?"
    ),
    **dict.fromkeys(("KeyValue", "PGPData", "SPKIData", "X509Data", "Transforms"), ""),
    **dict.fromkeys(("DSAKeyValue", "RSAKeyValue"), ""),
    **dict.fromkeys(
        ("CanonicalizationMethod", "SignatureMethod", "DigestMethod", "Transform"), "Algorithm"
    ),
    "Object": "Id? MimeType? Encoding?",
    "Reference": "Id? URI? Type?",
    "RetrievalMethod": "URI? Type?",
    "SignatureProperty": "Id? Target",
}
"""Elements of XML Signature (sections 4 and 5 of its recommendation) that hold others, and their attributes."""
_SIGNED_TEXTS: Mapping[str, str] = {
    "DigestValue": "base64Binary",
    "KeyName": "string",
    "MgmtData": "string",
}


def _signatures() -> str:
    """What the elements hold is left open: a signature is made, never filled in."""
    return (
        "".join(
            f'<xs:element name="{name}" type="{name}Type"/><xs:complexType name="{name}Type" mixed="true">'
            f"<xs:sequence>{_ANYTHING}</xs:sequence>{''.join(map(_attribute, words.split()))}</xs:complexType>"
            for name, words in _SIGNED_WORDS.items()
        )
        + "".join(
            f'<xs:element name="{name}" type="xs:{kind}"/>' for name, kind in _SIGNED_TEXTS.items()
        )
        + '<xs:simpleType name="DigestValueType"><xs:restriction base="xs:base64Binary"/></xs:simpleType>'
        '<xs:simpleType name="CryptoBinary"><xs:restriction base="xs:base64Binary"/></xs:simpleType>'
        '<xs:simpleType name="HMACOutputLengthType"><xs:restriction base="xs:integer"/></xs:simpleType>'
        '<xs:element name="SignatureValue" type="SignatureValueType"/><xs:complexType name="SignatureValueType">'
        '<xs:simpleContent><xs:extension base="xs:base64Binary"><xs:attribute name="Id" type="xs:ID"/>'
        "</xs:extension></xs:simpleContent></xs:complexType>"
        '<xs:complexType name="X509IssuerSerialType"><xs:sequence>'
        '<xs:element name="X509IssuerName" type="xs:string"/><xs:element name="X509SerialNumber" type="xs:integer"/>'
        "</xs:sequence></xs:complexType>"
    )


def _attribute(word: str) -> str:
    name = word.removesuffix("?")
    kind = "ID" if name == "Id" else "string" if name == "MimeType" else "anyURI"
    use = "optional" if name != word else "required"
    return f'<xs:attribute name="{name}" type="xs:{kind}" use="{use}"/>'


CATALOG: Mapping[str, str] = {
    XML: f"""<xs:schema xmlns:xs="{XSD}" targetNamespace="{XML}">
  <xs:attribute name="lang" type="xs:string"/>
  <xs:attribute name="space" type="xs:NCName"/>
  <xs:attribute name="base" type="xs:anyURI"/>
  <xs:attribute name="id" type="xs:ID"/>
  <xs:attributeGroup name="specialAttrs">
    <xs:attribute ref="xml:base"/><xs:attribute ref="xml:lang"/><xs:attribute ref="xml:space"/>
  </xs:attributeGroup>
</xs:schema>""",
    _XMLMIME: _schema(
        _XMLMIME,
        '<xs:attribute name="contentType" type="xs:string"/>'
        '<xs:attribute name="expectedContentTypes" type="xs:string"/>'
        + _binary("base64Binary")
        + _binary("hexBinary"),
    ),
    _XOP: _schema(
        _XOP,
        '<xs:element name="Include" type="Include"/><xs:complexType name="Include">'
        '<xs:attribute name="href" type="xs:anyURI" use="required"/></xs:complexType>',
    ),
    _ENCODING: _encoding(_ENCODING, "arrayType"),
    _ENCODING_12: _encoding(_ENCODING_12, "itemType"),
    _SIGNATURES: _schema(_SIGNATURES, _signatures()),
    _ADDRESSING: _schema(
        _ADDRESSING,
        '<xs:element name="EndpointReference" type="EndpointReferenceType"/>'
        '<xs:complexType name="EndpointReferenceType"><xs:sequence>'
        '<xs:element name="Address" type="AttributedURIType"/>'
        '<xs:any namespace="##other" minOccurs="0" maxOccurs="unbounded" processContents="lax"/>'
        "</xs:sequence></xs:complexType>"
        '<xs:complexType name="AttributedURIType"><xs:simpleContent><xs:extension base="xs:anyURI"/>'
        "</xs:simpleContent></xs:complexType>"
        + "".join(
            f'<xs:element name="{name}" type="{kind}"/>'
            for name, kind in (
                ("To", "AttributedURIType"),
                ("Action", "AttributedURIType"),
                ("MessageID", "AttributedURIType"),
                ("From", "EndpointReferenceType"),
                ("ReplyTo", "EndpointReferenceType"),
                ("FaultTo", "EndpointReferenceType"),
            )
        ),
    ),
}
"""Schemas by namespace."""
