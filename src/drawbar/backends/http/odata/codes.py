"""The problems of functions that are made by OData metadata. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "DB550": "the metadata of an OData service cannot be read",
    "DB551": "an `odata` that the metadata does not have, or that is no single request",
    "DB552": "a word that this kind of OData request does not know",
    "DB553": "a property that the entity does not have",
    "DB554": "a condition of `filter` that cannot be built",
    "DB555": "an effect that the OData request cannot have, or that must be written",
}
