"""Well-known schemas that contracts import by an address of the web and seldom bring along.

Only what contracts refer to is written here; a contract's own copy beside it comes first.
"""

from __future__ import annotations

from collections.abc import Mapping

from drawbar.backends.soap.xsd import XML, XSD

_XMLMIME = "http://www.w3.org/2005/05/xmlmime"
_XOP = "http://www.w3.org/2004/08/xop/include"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"

_ENCODED = ("string", "int", "long", "short", "boolean", "decimal", "double", "float", "dateTime")


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
    _ENCODING: _schema(
        _ENCODING,
        '<xs:attribute name="arrayType" type="xs:string"/>'
        '<xs:attributeGroup name="commonAttributes"><xs:attribute name="id" type="xs:ID"/></xs:attributeGroup>'
        '<xs:complexType name="Array"><xs:sequence>'
        '<xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xs:sequence></xs:complexType>'
        + "".join(
            f'<xs:simpleType name="{name}"><xs:restriction base="xs:{name}"/></xs:simpleType>'
            for name in _ENCODED
        ),
    ),
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
