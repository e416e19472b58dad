"""The port that every codec fills, and the one error it raises.

A codec is pure. It is made once, when an adapter is compiled, and used for every call after that.
"""

from __future__ import annotations

from typing import Protocol

from drawbar.codecs.copybook.problems import CODES as COPYBOOK_CODES
from drawbar.kernel.errors import DrawbarError
from drawbar.kernel.values import JsonValue

CODES = {
    "DB602": "an argument with a brace that stands alone, or with a parameter that does not exist",
    "DB604": "a list or object in an argument",
    "DB605": "an argument whose parameter may be missing",
    "DB607": "an exit code that cannot be",
    "DB801": "an encoding that Python does not know, or that the layout cannot use",
    "DB802": "a field of a record that contradicts itself",
    "DB803": "two fields of a record with one name",
    "DB804": "a parameter that does not fit the field it goes into",
    "DB805": "a payload without the parameter that fills it",
    "DB806": "a parameter that would go nowhere",
    "DB807": "a `to` that names no place of the payload",
    "DB808": "a reply that is wanted and not wanted at once",
    "DB809": "the name of a queue or subject that cannot be made of its parameters",
    "DB810": "the name of a file that cannot be made of its parameters",
    **COPYBOOK_CODES,
}
"""What the codecs report while an adapter is compiled; a kind that uses them adds these to its own."""


class CodecError(DrawbarError):
    """Bytes that are not what was declared, or a value that the declared form cannot hold.

    `where` is a position for people: `line 3, column 5`, or `record 2, field qty, byte 14`.
    `field` names the field of a record, where there is one.
    """

    def __init__(self, message: str, *, where: str | None = None, field: str | None = None) -> None:
        super().__init__(message if where is None else f"{where}: {message}")
        self.message = message
        self.where = where
        self.field = field


class Codec(Protocol):
    """One form of bytes.

    `decode(encode(value)) == value` for each value that `encode` takes, but for what the form itself
    does not keep: padding of a record, the types of CSV cells, namespaces of XML.
    """

    @property
    def media(self) -> str:
        """The media type of the bytes, for an `Accept` or `Content-Type` header."""
        ...

    def encode(self, value: JsonValue) -> bytes:
        """Raises CodecError for a value that this form cannot hold; it never shortens one."""
        ...

    def decode(self, data: bytes) -> JsonValue:
        """Raises CodecError with the position of what is wrong."""
        ...
