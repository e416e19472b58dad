"""The problems of functions that are made by a document. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "DB520": "the OpenAPI document cannot be read",
    "DB521": "the document has no such operation, or several",
    "DB522": "the document refers to what is not there",
    "DB523": "`request` and `operation` together, or neither, or no document for an operation",
    "DB524": "a header or cookie that the document requires and nothing fills",
    "DB525": "a part of the input that is to be hidden or kept is not there, or is required",
    "DB526": "the input of an operation is so large that every run pays for it",
    "DB527": "the document takes no body of the wanted form",
}
