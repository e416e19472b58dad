r"""How a routine is named: `procedure payroll.close_month(month date, out run_no integer)`.

It reads as the database itself shows it (`\df`, `show create procedure`), so that it can be copied from there. A
single word is a type, as in PostgreSQL: `book(integer, text)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, cast, get_args

from drawbar.backends.sql.dialect import Dialect

Sort: TypeAlias = Literal["procedure", "function"]
Mode: TypeAlias = Literal["in", "out", "inout", "variadic"]

_WORD = re.compile(r'"(?:[^"]|"")+"|`(?:[^`]|``)+`|[^\W\d][\w$]*')
_NAME = re.compile(rf"(?:({_WORD.pattern})\s*\.\s*)?({_WORD.pattern})\s*")
_SORT = re.compile(r"\s*(procedure|function)\s+(?=\S)", re.IGNORECASE)
_PLAIN = re.compile(r"[^\W\d][\w$]*")
_TYPE = re.compile(
    r"""[^\W\d][\w$]*(\.[^\W\d][\w$]*)?([ ][^\W\d]\w*)*       # double precision, hr.mood
    ([ ]?\(\s*(\d+\s*(,\s*\d+\s*)?|'[^']*'(\s*,\s*'[^']*')*)\))?   # (12, 2), ('open', 'closed')
    ([ ][^\W\d]\w*|[ ]\d+)*(\[\])*                             # with time zone, unsigned, []""",
    re.VERBOSE,
)
_OF_SEVERAL_WORDS = re.compile(
    r"double precision\b|(national )?(character|char) varying\b|bit varying\b|national char(acter)?\b"
    r"|(timestamp|time)( ?\(\d+\))? with(out)?\b|(tiny|small|medium|big)?int(eger)?( ?\(\d+\))? (unsigned|signed)\b"
    r"|(decimal|numeric|float|double)( ?\(.*\))? unsigned\b|blob sub_type\b|(var)?char(acter)? ?(\(\d+\))? character set\b",
    re.IGNORECASE,
)
_LENGTHS = re.compile(r" ?\([^)]*\)")


class Named(NamedTuple):
    """A name as the database has it, and as it is written in a statement."""

    name: str
    written: str


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; `name` is "" where only the type was written."""

    name: str
    mode: Mode
    type: str
    """As written, in lower case: `numeric(12,2)`."""

    @property
    def goes_in(self) -> bool:
        return self.mode != "out"

    @property
    def comes_out(self) -> bool:
        return self.mode in {"out", "inout"}

    @property
    def bare_type(self) -> str:
        """Without lengths, which a cast would apply in silence."""
        return _LENGTHS.sub("", self.type)

    def __str__(self) -> str:
        mode = "" if self.mode == "in" else f"{self.mode} "
        return f"{mode}{self.name} {self.type}" if self.name else f"{mode}{self.type}"


@dataclass(frozen=True, slots=True)
class Signature:
    """A routine by its name, and by its arguments where they are known."""

    sort: Sort
    schema: Named | None
    """None: wherever the database looks."""
    name: Named
    arguments: tuple[Argument, ...] | None

    @property
    def called(self) -> str:
        """The name as a statement writes it."""
        return f"{self.schema.written}.{self.name.written}" if self.schema else self.name.written

    def __str__(self) -> str:
        """What `call:` takes."""
        sort = "function " if self.sort == "function" else ""
        arguments = ""
        if self.arguments is not None:
            arguments = f"({', '.join(map(str, self.arguments))})"
        return f"{sort}{self.called}{arguments}"


class NoSignature(ValueError):
    """A text that names no routine."""


def named(name: str, dialect: Dialect) -> Named:
    """A name of the database's own, in quotes where it needs them."""
    folded = {"lower": name.lower(), "upper": name.upper(), None: name}[dialect.folds_to]
    if _PLAIN.fullmatch(name) and name.isascii() and name == folded:
        return Named(name, dialect.column(name))
    quote = "`" if dialect.grammar == "mysql" else '"'
    return Named(name, f"{quote}{name.replace(quote, quote * 2)}{quote}")


def parse_signature(text: str, dialect: Dialect) -> Signature:
    """Raises NoSignature, which says what is wrong."""
    sort: Sort = "procedure"
    rest = text.strip()
    if (match := _SORT.match(rest)) and not rest[match.end() :].startswith("("):
        sort = cast("Sort", match[1].lower())  # the pattern knows no other
        rest = rest[match.end() :]
    match = _NAME.match(rest)
    if match is None or rest[match.end() :].startswith("."):
        message = (
            f"`{text.strip()}` names no routine; write `name`, `schema.name` or `name(type, type)`"
        )
        raise NoSignature(message)
    schema = _named(match[1], dialect) if match[1] else None
    arguments = None
    if rest := rest[match.end() :]:
        if not (rest.startswith("(") and rest.endswith(")")):
            message = f"did not expect `{rest}` behind `{match[2]}`"
            raise NoSignature(message)
        arguments = tuple(_argument(part, dialect) for part in _parts(rest[1:-1]))
    return Signature(sort, schema, _named(match[2], dialect), arguments)


def _named(word: str, dialect: Dialect) -> Named:
    if word[0] in '"`':
        own = "`" if dialect.grammar == "mysql" else '"'
        name = word[1:-1].replace(word[0] * 2, word[0])
        return Named(name, f"{own}{name.replace(own, own * 2)}{own}")
    folded = {"lower": word.lower(), "upper": word.upper(), None: word}[dialect.folds_to]
    return Named(folded, word)


def _parts(text: str) -> Iterator[str]:
    """The arguments between commas; none in an empty text."""
    depth, start = 0, 0
    quote = ""
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'`":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "," and depth == 0:
            yield text[start:index]
            start = index + 1
    if text.strip():
        yield text[start:]


def _argument(text: str, dialect: Dialect) -> Argument:
    rest = " ".join(text.split())
    mode, rest = _mode(rest)
    name = ""
    match = _WORD.match(rest)
    if match and rest[match.end() :].startswith(" ") and not _OF_SEVERAL_WORDS.match(rest):
        name = dialect.column(_named(match[0], dialect).name)
        rest = rest[match.end() + 1 :]
        if mode is None:  # `month in date`, as some databases show it
            mode, rest = _mode(rest)
    if not _TYPE.fullmatch(rest):
        message = f"`{text.strip()}` is no argument; write `[in|out|inout] name type`"
        raise NoSignature(message)
    if not name and mode in {"out", "inout"}:
        message = f"`{text.strip()}` has no name, by which its value would be answered"
        raise NoSignature(message)
    return Argument(name, mode or "in", rest if "'" in rest else rest.lower())


def _mode(text: str) -> tuple[Mode | None, str]:
    word, _, rest = text.partition(" ")
    if rest and word.lower() in get_args(Mode):
        return cast("Mode", word.lower()), rest  # one of them, as was asked just now
    return None, text


def counted(count: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_ALIASES = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "dec": "numeric",
    "decimal": "numeric",
    "fixed": "numeric",
    "character varying": "varchar",
    "character": "char",
    "bpchar": "char",
    "double": "double precision",
    "float8": "double precision",
    "float4": "real",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
}
_OF_MARIADB = {"boolean": "tinyint", "json": "longtext", "real": "double precision"}
_OF_FIREBIRD = {"real": "float", "double precision": "double precision"}


def plain_type(written: str, dialect: Dialect) -> str:
    """One word for each type, whichever of its names was written: to tell whether two are the same."""
    bare = " ".join(_LENGTHS.sub("", written.lower()).split()).removesuffix(" signed")
    bare = bare.partition(" character set ")[0]
    found = _ALIASES.get(bare, bare)
    if dialect.grammar == "mysql":
        head, _, tail = found.partition(" ")
        if tail == "unsigned":
            return f"{_ALIASES.get(head, head)} unsigned"
        return _OF_MARIADB.get(found, found)
    if dialect.grammar == "firebird":
        return _OF_FIREBIRD.get(found, found)
    return "double precision" if found == "float" else found


JDBC_TYPES = {
    "smallint": 5,
    "integer": 4,
    "bigint": -5,
    "tinyint": -6,
    "numeric": 2,
    "double precision": 8,
    "float": 6,
    "real": 7,
    "boolean": 16,
    "char": 1,
    "varchar": 12,
    "clob": 2005,
    "text": 12,
    "date": 91,
    "time": 92,
    "timestamp": 93,
    "timestamptz": 2014,
    "blob": 2004,
    "varbinary": -3,
    "uuid": 1111,
}
"""Numbers of java.sql.Types by the one word of a type."""


def jdbc_type(written: str) -> int | None:
    """What a driver is told of a value that comes out; None: not known."""
    bare = " ".join(_LENGTHS.sub("", written.lower()).split())
    return JDBC_TYPES.get(_ALIASES.get(bare, bare))


def is_known(written: str) -> bool:
    return jdbc_type(written) is not None
