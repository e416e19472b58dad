"""One field of a fixed-width record: how a value becomes its characters and back.

Everything that a field cannot hold is refused with the limit. Nothing is shortened, rounded or
wrapped: a COBOL program that gets 105 where 1105 was meant has no way to know.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from drawbar.codecs.codec import CodecError
from drawbar.codecs.numbers import ASCII_SIGNS, Scaled, Signs
from drawbar.codecs.packed import pack, unpack
from drawbar.codecs.record_spec import FieldType, Sign
from drawbar.codecs.text import LONGEST_COUNTED, record_text
from drawbar.kernel.values import JsonObject, JsonValue

_DATE_TOKENS = {"YYYY": "%Y", "DDD": "%j", "YY": "%y", "MM": "%m", "DD": "%d"}
_TOKEN = re.compile("YYYY|DDD|YY|MM|DD")


@dataclass(frozen=True, slots=True)
class RecordField:
    """A field whose contradictions were refused and whose defaults are filled in."""

    name: str | None
    width: int
    type: FieldType = "text"
    scale: int = 0
    sign: Sign = "none"
    format: str = "YYYYMMDD"
    align_right: bool = False
    pad: str = " "
    const: str | None = None
    signs: Signs = ASCII_SIGNS
    """overpunch: the letters of signed digits."""

    @property
    def is_bytes(self) -> bool:
        """Its bytes are no characters of an encoding."""
        return self.type in ("packed", "binary")

    @property
    def digits(self) -> int:
        """Places for digits, the separate sign not counted."""
        if self.type == "packed":
            return 2 * self.width - 1
        return self.width - (self.sign in ("leading", "trailing"))

    @property
    def number(self) -> Scaled:
        """What a number may be."""
        most = 10**self.digits - 1
        if self.type == "binary":
            most = (1 << (8 * self.width - (self.sign == "signed"))) - 1
        unsigned = self.sign == "none" or self.type == "digits"
        return Scaled(self.scale, 0 if unsigned else -most, most)

    def characters(self, value: JsonValue) -> str:
        """Before encoding; raises CodecError that names the field and the limit."""
        if value is None:
            return " " * self.width
        match self.type:
            case "text":
                text = self._plain(value)
            case "digits":
                text = self._digits(value)
            case "decimal":
                return self._decimal(value)
            case "date":
                text = self._date(value)
            case _:
                raise TypeError("a number of bytes has no characters")
        return self._padded(text)

    def number_bytes(self, value: JsonValue) -> bytes:
        """A packed or binary number."""
        whole = self._whole(value)
        if self.type == "packed":
            return pack(whole, self.width, signed=self.sign == "signed")
        return whole.to_bytes(self.width, "big", signed=self.sign == "signed")

    def number_value(self, data: bytes) -> JsonValue:
        """From the bytes of a packed or binary number."""
        if self.type == "binary":
            whole = int.from_bytes(data, "big", signed=self.sign == "signed")
        else:
            try:
                whole = unpack(data)
            except ValueError as error:
                raise self._no(str(error)) from error
        return self.number.value(whole)

    def value(self, text: str) -> JsonValue:
        """From the characters of the field; null where they are blank."""
        if self.type == "text":
            return self._stripped(text)
        bare = text.strip(" \0")
        if not bare:
            return None
        match self.type:
            case "digits":
                return self._read_digits(bare)
            case "decimal":
                return self._read_decimal(bare)
            case _:
                return self._read_date(bare)

    def publish(self, schema: JsonObject) -> JsonObject:
        """The schema of the parameter with the limits of this field added, so that they are known."""
        if "enum" in schema or "const" in schema:
            return schema
        match self.type:
            case "text" | "digits" if schema.get("type") == "string":
                return self._publish_length(schema)
            case "digits" | "decimal" | "packed" | "binary" if schema.get("type") in (
                "integer",
                "number",
            ):
                return self._publish_number(schema)
            case "date" if schema.get("type") == "string":
                return {"format": "date"} | schema
        return schema

    def _publish_length(self, schema: JsonObject) -> JsonObject:
        """By a pattern where the author wrote neither: OpenAI's strict mode holds a model to that one."""
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            longest = longest_match(pattern)
            if longest is not None and longest <= self.width:
                return schema
        if isinstance(pattern, str) or "maxLength" in schema:
            return schema | {"maxLength": _least(schema.get("maxLength"), self.width)}
        letters, least = ("0-9", 1) if self.type == "digits" else (r"^\x00-\x1f\x7f", 0)
        if self.width > LONGEST_COUNTED:
            return schema | {"pattern": f"^[{letters}]*$", "maxLength": self.width}
        return schema | {"pattern": f"^[{letters}]{{{least},{self.width}}}$"}

    def fits(self, schema: JsonObject) -> bool:
        """Whether a parameter of this schema can go into the field at all."""
        wanted = {
            "text": ("string", "integer", "number", "boolean"),
            "digits": ("string", "integer"),
            "decimal": ("integer", "number", "string"),
            "packed": ("integer", "number", "string"),
            "binary": ("integer", "number", "string"),
            "date": ("string",),
        }
        return schema.get("type") in wanted[self.type]

    def _publish_number(self, schema: JsonObject) -> JsonObject:
        limits = self.number.limits()
        found = schema | {
            "minimum": _most(schema.get("minimum"), limits.get("minimum")),
            "maximum": _least(schema.get("maximum"), limits.get("maximum")),
        }
        if self.scale and schema["type"] == "number" and "multipleOf" not in schema:
            found["multipleOf"] = limits["multipleOf"]
        return found

    def _plain(self, value: JsonValue) -> str:
        try:
            return record_text(value)
        except CodecError as error:
            raise self._no(error.message) from error

    def _digits(self, value: JsonValue) -> str:
        text = str(value)
        if isinstance(value, bool | float) or not re.fullmatch("[0-9]+", text):
            raise self._no("takes digits only")
        return text

    def _decimal(self, value: JsonValue) -> str:
        whole = self._whole(value)
        text = str(abs(whole)).rjust(self.digits, self.pad)
        return self._signed(text, negative=whole < 0)

    def _whole(self, value: JsonValue) -> int:
        try:
            return self.number.whole(value)
        except CodecError as error:
            raise self._no(error.message) from error

    def _signed(self, text: str, *, negative: bool) -> str:
        mark = "-" if negative else "+"
        match self.sign:
            case "leading":
                return mark + text
            case "trailing":
                return text + mark
            case "overpunch":
                return text[:-1] + self.signs.punched(int(text[-1]), negative=negative)
        return text

    def _date(self, value: JsonValue) -> str:
        try:
            day = dt.date.fromisoformat(str(value))
        except ValueError as error:
            raise self._no("takes a date such as 2026-11-24") from error
        if "YYYY" not in self.format and not 1969 <= day.year <= 2068:  # noqa: PLR2004 -- POSIX's pivot of %y
            raise self._no("has two digits for the year, which stand for 1969 to 2068")
        parts = {
            "YYYY": f"{day.year:04}",
            "YY": f"{day.year % 100:02}",
            "MM": f"{day.month:02}",
            "DD": f"{day.day:02}",
            "DDD": f"{day.timetuple().tm_yday:03}",
        }
        return _TOKEN.sub(lambda token: parts[token[0]], self.format)

    def _padded(self, text: str) -> str:
        if len(text) > self.width:
            raise self._no(f"is {len(text)} long, and the field has room for {self.width}")
        return (
            text.rjust(self.width, self.pad)
            if self.align_right
            else text.ljust(self.width, self.pad)
        )

    def _stripped(self, text: str) -> str:
        text = text.replace("\0", " ") if self.pad == " " else text
        return self.stripped(text)

    def stripped(self, text: str) -> str:
        """Without its padding."""
        return text.lstrip(self.pad) if self.align_right else text.rstrip(self.pad)

    def _read_digits(self, bare: str) -> JsonValue:
        text = bare if self.pad in " 0" else bare.strip(self.pad)
        if not re.fullmatch("[0-9]+", text):
            raise self._no(f"is {bare!r}, not digits")
        return text

    def _read_decimal(self, bare: str) -> JsonValue:
        negative, text = self._unsigned(bare)
        text = text.strip() if self.pad in " 0" else text.lstrip(self.pad) or "0"
        if not re.fullmatch("[0-9]+", text):
            raise self._no(f"is {bare!r}, not a number of type decimal")
        return self.number.value(-int(text) if negative else int(text))

    def _unsigned(self, bare: str) -> tuple[bool, str]:
        match self.sign:
            case "leading" if bare[0] in "+-":
                return bare[0] == "-", bare[1:]
            case "trailing" if bare[-1] in "+-":
                return bare[-1] == "-", bare[:-1]
            case "overpunch":
                last = self.signs.read(bare[-1])
                if last is not None:
                    return last[0], f"{bare[:-1]}{last[1]}"
        return False, bare

    def _read_date(self, bare: str) -> JsonValue:
        if not bare.strip("0"):
            return None  # programs of that age write a missing date as zeros
        pattern = _TOKEN.sub(lambda token: _DATE_TOKENS[token[0]], self.format.replace("%", "%%"))
        try:
            return dt.datetime.strptime(bare, pattern).date().isoformat()  # noqa: DTZ007 -- a date has no zone
        except ValueError as error:
            raise self._no(f"is {bare!r}, not a date of the form {self.format}") from error

    def _no(self, message: str) -> CodecError:
        return CodecError(message, field=self.name)


_ATOM = re.compile(
    r"(?:\[\^?\]?(?:[^\]\\]|\\.)*\]|\\[dwsDWS.+*?\-]|[^\\\[\](){}.*+?|^$])(\?|\{(?:\d+,)?(\d+)\})?"
)


def longest_match(pattern: str) -> int | None:
    """The longest text that a plain pattern takes: single characters and counts. None: not known."""
    rest = pattern.removeprefix("^(?:").removesuffix(")$").removeprefix("^").removesuffix("$")
    longest = 0
    while rest:
        atom = _ATOM.match(rest)
        if atom is None:
            return None
        longest += int(atom[2]) if atom[2] else 1
        rest = rest[atom.end() :]
    return longest


def _least(written: JsonValue, limit: JsonValue) -> JsonValue:
    if isinstance(written, int | float) and isinstance(limit, int | float):
        return min(written, limit)
    return written if limit is None else limit


def _most(written: JsonValue, limit: JsonValue) -> JsonValue:
    if isinstance(written, int | float) and isinstance(limit, int | float):
        return max(written, limit)
    return written if limit is None else limit
