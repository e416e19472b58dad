"""The problems of functions that send a GraphQL document. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "DB540": "the GraphQL schema cannot be read",
    "DB541": "a document that the schema does not allow",
    "DB542": "a document that is no single query or mutation, or that is called by what excludes it",
    "DB543": "a mutation whose effect is read, or not written",
    "DB544": "a parameter that no variable of the document takes",
}
