"""How OData bodies are written and answers read. URLs are made of slots, as those of any request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from drawbar.backends.http.odata.metadata import Metadata, Type
from drawbar.backends.http.odata.values import in_body, told
from drawbar.backends.http.reply.reply import Unusable
from drawbar.backends.http.request.dialect import Said
from drawbar.codecs.codec import CodecError
from drawbar.codecs.jsontext import JsonCodec
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import JsonValue

_JSON = JsonCodec()


@dataclass(frozen=True, slots=True)
class OData:
    """One request. `fields` are the types of what stands in its body; None: it has no body."""

    metadata: Metadata
    fields: Mapping[str, Type] | None = None
    top: int | None = None
    """Rows that were asked for."""
    cast: str | None = None
    """The derived type of what is created."""
    media: str = "application/json"
    accept: str = "application/json"

    def write(self, value: JsonValue) -> bytes | None:
        if self.fields is None:
            return None
        given = value if isinstance(value, dict) else {}
        body = {
            name: in_body(self.metadata, self.fields[name], each) for name, each in given.items()
        }
        if self.cast is not None and self.metadata.version == 4:  # noqa: PLR2004 -- the version
            body = {"@odata.type": f"#{self.cast}", **body}
        return orjson.dumps(body)

    def read(self, asked: bytes | None, answer: bytes) -> Said:
        del asked  # nothing in an answer says which request it belongs to
        if not answer:
            return Said(None)
        try:
            value = _JSON.decode(answer)
        except CodecError as error:
            raise Unusable(f"it is no JSON, as OData writes it: {error}") from error
        if self.metadata.version == 2 and isinstance(value, dict):  # noqa: PLR2004 -- the version
            value = value.get("d", value)
        elif isinstance(value, dict) and "value" in value and "@odata.context" in value:
            value = value["value"]
        told_rows = self.rows(value)
        if self.top is not None and isinstance(told_rows, list) and len(told_rows) >= self.top:
            note = f"These are the {self.top} rows of one answer; there may be more. Call again with another `skip`."
            return Said(told_rows, (note,))
        return Said(told_rows)

    def rows(self, value: JsonValue) -> JsonValue:
        """Without what stands beside the data."""
        return told(value, self.metadata.version)

    def failure(self, status: int, answer: bytes) -> BackendError | None:
        """`error.code` and `error.message` are what any API's error is read by."""
        del status, answer
        return None
