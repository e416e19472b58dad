"""An OData service, v2 or v4, that takes nothing but what its version allows: literals, bodies, tokens, ETags.

What a filter of v4 is, says the grammar of the package `odata-query`; for v2 each literal is held against the forms of
the specification's table.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from odata_query.grammar import ODataLexer, ODataParser

V4 = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Ship" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="State"><Member Name="New" Value="0"/><Member Name="Old" Value="1"/></EnumType>
  <ComplexType Name="Address"><Property Name="City" Type="Edm.String" Nullable="false"/></ComplexType>
  <EntityType Name="Thing" Abstract="true">
    <Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/>
  </EntityType>
  <EntityType Name="Part" BaseType="Self.Thing">
    <Property Name="Name" Type="Edm.String" Nullable="false" MaxLength="40">
      <Annotation Term="Org.OData.Core.V1.Description" String="What is written on it"/></Property>
    <Property Name="Price" Type="Edm.Decimal" Scale="2"/>
    <Property Name="Stock" Type="Edm.Int64"/>
    <Property Name="Made" Type="Edm.Date"/>
    <Property Name="Changed" Type="Edm.DateTimeOffset">
      <Annotation Term="Org.OData.Core.V1.Computed"/></Property>
    <Property Name="Token" Type="Edm.Guid"/>
    <Property Name="State" Type="Ship.State"/>
    <Property Name="Ready" Type="Edm.Boolean"/>
    <Property Name="At" Type="Ship.Address"/>
    <Property Name="Tags" Type="Collection(Edm.String)"/>
    <NavigationProperty Name="Maker" Type="Ship.Maker"/>
  </EntityType>
  <EntityType Name="Maker"><Key><PropertyRef Name="Code"/><PropertyRef Name="Year"/></Key>
    <Property Name="Code" Type="Edm.String" Nullable="false"/><Property Name="Year" Type="Edm.Int16" Nullable="false"/>
    <Property Name="Town" Type="Edm.String"/></EntityType>
  <Function Name="total"><Parameter Name="since" Type="Edm.Date"/><Parameter Name="of" Type="Edm.String"/>
    <ReturnType Type="Edm.Decimal"/></Function>
  <Action Name="restock"><Parameter Name="part" Type="Edm.Int32" Nullable="false"/>
    <Parameter Name="price" Type="Edm.Decimal"/></Action>
  <Action Name="scrap" IsBound="true"><Parameter Name="it" Type="Ship.Part"/><Parameter Name="why" Type="Edm.String"/></Action>
  <EntityContainer Name="All"><EntitySet Name="Parts" EntityType="Ship.Part"/>
    <EntitySet Name="Makers" EntityType="Ship.Maker"/>
    <FunctionImport Name="total" Function="Ship.total"/><ActionImport Name="restock" Action="Ship.restock"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""

V2 = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx">
<edmx:DataServices m:DataServiceVersion="2.0" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">
<Schema Namespace="Ship" xmlns="http://schemas.microsoft.com/ado/2008/09/edm" xmlns:sap="http://www.sap.com/Protocols/SAPData">
  <EntityType Name="Part"><Key><PropertyRef Name="Token"/></Key>
    <Property Name="Token" Type="Edm.Guid" Nullable="false"/>
    <Property Name="Name" Type="Edm.String" Nullable="false" sap:label="Name of the part"/>
    <Property Name="Price" Type="Edm.Decimal"/><Property Name="Stock" Type="Edm.Int64"/>
    <Property Name="Made" Type="Edm.DateTime"/><Property Name="Changed" Type="Edm.DateTimeOffset"/>
    <Property Name="Open" Type="Edm.Time"/><Property Name="Weight" Type="Edm.Double"/>
    <Property Name="Ready" Type="Edm.Boolean"/><Property Name="Data" Type="Edm.Binary"/>
    <NavigationProperty Name="Maker" Relationship="Ship.Made" FromRole="Part" ToRole="Maker"/>
  </EntityType>
  <EntityType Name="Maker"><Key><PropertyRef Name="Code"/></Key><Property Name="Code" Type="Edm.String" Nullable="false"/>
    <Property Name="Town" Type="Edm.String"/></EntityType>
  <Association Name="Made"><End Type="Ship.Part" Role="Part" Multiplicity="*"/>
    <End Type="Ship.Maker" Role="Maker" Multiplicity="1"/></Association>
  <EntityContainer Name="All" m:IsDefaultEntityContainer="true"><EntitySet Name="Parts" EntityType="Ship.Part"/>
    <EntitySet Name="Makers" EntityType="Ship.Maker"/>
    <FunctionImport Name="Find" ReturnType="Collection(Ship.Part)" EntitySet="Parts" m:HttpMethod="GET">
      <Parameter Name="text" Type="Edm.String" Mode="In"/><Parameter Name="least" Type="Edm.Decimal" Mode="In"/></FunctionImport>
    <FunctionImport Name="Scrap" m:HttpMethod="POST">
      <Parameter Name="token" Type="Edm.Guid" Mode="In" Nullable="false"/></FunctionImport>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""

_V2_LITERAL = re.compile(
    r"""'(?:[^']|'')*'|guid'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'|X'(?:[0-9A-F]{2})*'|true|false
    |datetime'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?'|datetimeoffset'[-0-9T:.]+(?:Z|[+-]\d\d:\d\d)'
    |time'PT[0-9HMS.]+'|-?\d+(?:\.\d+)?[MLdf]?""",
    re.VERBOSE,
)
_V2_FILTER = re.compile(
    rf"""\(?(?:\w+(?:/\w+)*[ ](?:eq|ne|gt|ge|lt|le)[ ](?:{_V2_LITERAL.pattern})
    |substringof\('(?:[^']|'')*',\w+\))\)?""",
    re.VERBOSE,
)


class Service:
    """`rows` are what it holds, as its version writes them."""

    def __init__(self, version: int, rows: list[dict[str, Any]]) -> None:
        self.version = version
        self.rows = rows
        self.tag = 'W/"1"'
        self.tokens: set[str] = set()
        self.asked: list[str] = []
        self.bodies: list[Any] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        target = unquote(request.raw_path.removeprefix("/s/"))
        self.asked.append(f"{request.method} {target}")
        if request.method == "GET":
            return self._read(request, target)
        if not self._has_token(request):
            return self._error(
                403, "CSRF", "CSRF token validation failed", {"x-csrf-token": "Required"}
            )
        body = await request.read()
        self.bodies.append(json.loads(body) if body else None)
        return self._change(request, target)

    def _has_token(self, request: web.Request) -> bool:
        token = request.headers.get("X-CSRF-Token", "")
        return token in self.tokens and request.cookies.get("session") == f"of {token}".replace(
            " ", "-"
        )

    def _read(self, request: web.Request, target: str) -> web.StreamResponse:
        if request.headers.get("X-CSRF-Token", "").lower() == "fetch":
            token = secrets.token_hex(4)
            self.tokens.add(token)
            answer = web.json_response({}, headers={"X-CSRF-Token": token})
            answer.set_cookie("session", f"of-{token}", path="/", httponly=True)
            return answer
        path, _, query = target.partition("?")
        if path == "$metadata":
            return web.Response(
                text=V4 if self.version == 4 else V2, content_type="application/xml"
            )
        if "$filter" in request.query:
            self._check_filter(request.query["$filter"])
        if path in ("Parts", "Makers", "Find"):
            return self._page(path, int(request.query.get("page", 0)), query)
        return self._one(path)

    def _one(self, path: str) -> web.Response:
        if path.startswith("total("):
            return web.json_response({"@odata.context": "$metadata#Edm.Decimal", "value": 12.5})
        if "'none'" in path or "(404)" in path:
            return self._error(404, "SY/530", "Resource not found.")
        row = {**self.rows[0]}
        if self.version == 4:
            row = {"@odata.context": "$metadata#Parts/$entity", "@odata.etag": self.tag, **row}
            return web.json_response(row, headers={"ETag": self.tag})
        return web.json_response({"d": row}, headers={"ETag": self.tag})

    def _page(self, path: str, number: int, query: str) -> web.Response:
        """Two rows to a page, three where a `$top` is given."""
        size = 3 if "$top" in query else 2
        rows = self.rows[number * size : (number + 1) * size]
        more = len(self.rows) > (number + 1) * size and "$top" not in query
        following = f"{path}?page={number + 1}"
        if self.version == 4:
            whole: dict[str, Any] = {"@odata.context": f"$metadata#{path}", "value": rows}
            return web.json_response(whole | ({"@odata.nextLink": following} if more else {}))
        found: dict[str, Any] = {"results": rows}
        return web.json_response({"d": found | ({"__next": f"/s/{following}"} if more else {})})

    def _check_filter(self, text: str) -> None:
        if self.version == 4:
            assert ODataParser().parse(ODataLexer().tokenize(text)) is not None, text
            return
        for part in text.split(" and "):
            assert _V2_FILTER.fullmatch(part), part

    def _change(self, request: web.Request, target: str) -> web.StreamResponse:
        conditional = "Parts(" in target and request.method in ("PATCH", "MERGE", "DELETE")
        if conditional and request.headers.get("If-Match") != self.tag:
            return self._error(
                412 if "If-Match" in request.headers else 428, "MD/1", "Not that state."
            )
        if conditional:
            return web.Response(status=204)
        if target == "Parts":
            row = self.rows[0]
            return web.json_response({"d": row} if self.version == 2 else row, status=201)
        return web.json_response(
            {"d": {"Scrap": True}} if self.version == 2 else {"value": 1, "@odata.context": "x"}
        )

    def _error(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> web.Response:
        text = {"lang": "en", "value": message} if self.version == 2 else message
        body = {"error": {"code": code, "message": text}}
        return web.json_response(body, status=status, headers=headers)
