"""A WSDL around a fragment of XSD, so that a test shows only the construct it is about."""

from __future__ import annotations

from pathlib import Path

NAMESPACE = "urn:case"
_WSDL = """<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema"
    xmlns:c="urn:case" targetNamespace="urn:case">
  <wsdl:types>{schema}</wsdl:types>
  <wsdl:message name="Call"><wsdl:part name="body" element="c:Call"/></wsdl:message>
  <wsdl:portType name="Case">
    <wsdl:operation name="Call"><wsdl:input message="c:Call"/><wsdl:output message="c:Call"/></wsdl:operation>
  </wsdl:portType>
  <wsdl:binding name="Case" type="c:Case">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="Call"><soap:operation soapAction="call"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="Case"><wsdl:port name="Case" binding="c:Case">
    <soap:address location="http://nowhere.invalid/"/></wsdl:port></wsdl:service>
</wsdl:definitions>"""


def schema_around(fragment: str) -> str:
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:c="urn:case" targetNamespace="urn:case"'
        f' elementFormDefault="qualified">{fragment}</xs:schema>'
    )


def write_contract(fragment: str, folder: Path) -> Path:
    """The fragment has to declare the element `Call`, which is what the operation `Call` sends."""
    path = folder / "case.wsdl"
    path.write_text(_WSDL.format(schema=schema_around(fragment)))
    return path
