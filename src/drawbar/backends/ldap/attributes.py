"""What an attribute's values are: as the author says, or else as the server's own schema does."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drawbar.backends.ldap.options import AttributeType
from drawbar.kernel.files import Attachments, FileText
from drawbar.kernel.values import JsonValue

NAME = "dn"
"""What stands for an entry's name among its attributes."""
_SYNTAXES: Mapping[str, AttributeType] = {
    "7": "boolean",
    "24": "date-time",
    "27": "integer",
    **dict.fromkeys(("5", "8", "9", "23", "28", "40"), "base64"),
}
"""Last numbers of 1.3.6.1.4.1.1466.115.121.1.N (RFC 4517 3.3, RFC 4523): binary, certificate, fax, JPEG, octets."""
_SYNTAX = re.compile(r"\bSYNTAX '?1\.3\.6\.1\.4\.1\.1466\.115\.121\.1\.(\d+)(?![\d.])")
_NAMES = re.compile(r"\bNAME (?:'([^']*)'|\(([^)]*)\))")
_SUPERIOR = re.compile(r"\bSUP ([^\s)]+)")
_OID = re.compile(r"\(\s*([\d.]+)")
_TIME = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d+))?(?:Z|([+-])(\d\d)(\d\d)?)"
)
"""GeneralizedTime (RFC 4517 3.3.13)."""


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of an attribute; None where nothing is."""

    type: AttributeType | None = None
    single: bool | None = None


Schema = Mapping[str, Described]
"""By name in lower case."""


def read_schema(definitions: Iterable[str]) -> dict[str, Described]:
    """From the `attributeTypes` of a server (RFC 4512 4.1.2); what one does not say, its superior does."""
    by_name: dict[str, str] = {}
    for text in definitions:
        for name in _names_of(text):
            by_name[name] = text
    return {name: _described(text, by_name) for name, text in by_name.items()}


def _names_of(text: str) -> list[str]:
    names = _NAMES.search(text)
    number = _OID.match(text)
    found = [] if names is None else re.findall(r"[^\s']+", names[1] or names[2] or "")
    return [name.lower() for name in found] + ([number[1]] if number else [])


def _described(text: str, by_name: Mapping[str, str]) -> Described:
    single = "SINGLE-VALUE" in text
    seen: set[str] = set()
    syntax = _SYNTAX.search(text)
    while syntax is None and (above := _SUPERIOR.search(text)) and above[1].lower() not in seen:
        seen.add(above[1].lower())
        text = by_name.get(above[1].lower(), "")
        syntax = _SYNTAX.search(text)
    return Described(None if syntax is None else _SYNTAXES.get(syntax[1]), single)


@dataclass(frozen=True, slots=True)
class Shown:
    """One attribute that a function answers."""

    name: str
    """What the model calls it."""
    attribute: str
    type: AttributeType | None = None
    values: str | None = None

    def value(
        self, found: Sequence[bytes], schema: Schema, files: Attachments
    ) -> tuple[JsonValue, bool]:
        """The value, and whether others were left out because the author wants one."""
        known = schema.get(self.attribute.partition(";")[0].lower(), Described())
        one = self.values == "one" or (self.values is None and known.single)
        shown = found[:1] if one else found
        read = [value_of(each, self.type or known.type, files) for each in shown]
        return (next(iter(read), None), len(found) > 1) if one else (read, False)


def value_of(data: bytes, kind: AttributeType | None, files: Attachments) -> JsonValue:
    """What cannot be read as its type is a text, and what is no text is base64 or a file."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return files.shown(data)
    if kind == "base64":
        return files.shown(data)
    if kind == "integer" and re.fullmatch(r"-?\d{1,19}", text):
        return int(text)
    if kind == "boolean" and text in ("TRUE", "FALSE"):
        return text == "TRUE"
    if kind == "date-time":
        return _moment(text) or text
    return text


def _moment(text: str) -> str | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime(
            int(found[1]),
            int(found[2]),
            int(found[3]),
            int(found[4]),
            int(found[5] or 0),
            int(found[6] or 0),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    if found[8]:
        away = timedelta(hours=int(found[9]), minutes=int(found[10] or 0))
        moment += -away if found[8] == "+" else away
    return moment.isoformat().replace("+00:00", "Z")


def text_of(value: JsonValue, form: str | None) -> bytes:
    """An argument as a directory reads it; `form` is the parameter's `format`."""
    if isinstance(value, FileText):
        return value.content.data
    if isinstance(value, bool):
        return b"TRUE" if value else b"FALSE"
    text = str(value)
    if form == "date-time":
        with contextlib.suppress(ValueError, OverflowError):  # a leap second is a moment, too
            moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
            return moment.strftime("%Y%m%d%H%M%SZ").encode()
    return text.encode()
