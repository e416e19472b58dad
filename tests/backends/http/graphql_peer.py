"""A GraphQL server as people run them: Ariadne on uvicorn, with a schema that has one of everything."""

from __future__ import annotations

from typing import Any

from ariadne import MutationType, ObjectType, QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from graphql import GraphQLError

SDL = '''
"""The moment, as RFC 3339 writes it."""
scalar DateTime
scalar Anything

enum Side {
  "Where the shore is."
  SHORE
  SEA
}

"Of which a berth has to have all."
input BerthFilter {
  side: Side
  "In metres."
  length: Float = 12.5
  all: [BerthFilter!]
}

input Stay @oneOf {
  nights: Int
  until: DateTime
}

input Booking {
  vessel: ID!
  stay: Stay!
  by: Person!
  extra: Anything
}

input Person { name: String!, phone: String }

type Berth {
  id: ID!
  side: Side!
  depth: Float
  neighbours: [Berth!]!
  charges(in: String!): Float
}

union Found = Berth | Booked

type Booked { id: Int, number: Int!, berth: Berth!, by: String, invoice: String! }

type Query {
  "All berths that are free."
  berths(
    "Only those."
    where: BerthFilter
    first: Int = 20
    old: Boolean @deprecated(reason: "no more")
  ): [Berth!]!
  berth(id: ID!): Berth
  harbour: String
  find(text: String!): [Found!]!
  gone: String @deprecated(reason: "no more")
}

type Mutation {
  book(booking: Booking!): Booked
  cancelBooking(number: Int!): Boolean!
}
'''
query, mutation, berth = QueryType(), MutationType(), ObjectType("Berth")
BERTHS = [
    {"id": "1", "side": "SHORE", "depth": 2.5},
    {"id": "2", "side": "SEA", "depth": 4.0},
]
seen: list[dict[str, Any]] = []
"""The arguments of what was booked."""


@query.field("berths")
def _berths(*_: Any, where: dict[str, Any] | None = None, first: int = 20, **__: Any) -> Any:
    side = (where or {}).get("side")
    return [each for each in BERTHS if side in (None, each["side"])][:first]


@query.field("berth")
def _berth(*_: Any, id: str) -> Any:  # noqa: A002 -- the name in the schema
    found = next((each for each in BERTHS if each["id"] == id), None)
    if found is None:
        raise GraphQLError("There is no such berth.", extensions={"code": "NOT_FOUND", "seen": 2})
    return found


@berth.field("neighbours")
def _neighbours(parent: Any, *_: Any) -> Any:
    if parent["id"] == "2":
        raise GraphQLError("The chart is lost.")
    return [BERTHS[1]]


@query.field("find")
def _find(*_: Any, text: str) -> Any:
    return [{**BERTHS[0], "__typename": "Berth"}] if text else []


@mutation.field("book")
def _book(*_: Any, booking: dict[str, Any]) -> Any:
    if booking["vessel"] == "0":
        raise GraphQLError("That vessel owes us money.", extensions={"code": "DEBTS"})
    if booking["vessel"] == "1":
        raise GraphQLError("disk full", extensions={"code": "INTERNAL_SERVER_ERROR"})
    seen.append(booking)
    number = len(seen)
    invoice = None if booking["vessel"] == "2" else f"I{number}"
    return {"number": number, "berth": BERTHS[0], "by": booking["by"]["name"], "invoice": invoice}


app = GraphQL(make_executable_schema(SDL, query, mutation, berth))
