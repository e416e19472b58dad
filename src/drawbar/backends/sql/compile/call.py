"""Calls of routines: the arguments in their order, what comes back, and the statement of the dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from drawbar.backends.sql.compile.argument_types import schema_of, takes
from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.reading import Columns, check_column_types
from drawbar.backends.sql.databases.mariadb.variables import variables_of
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.options import RowsWord, SqlFunctionSpec
from drawbar.backends.sql.parse import Found, close
from drawbar.backends.sql.plan import Form, Routine, Slot, render
from drawbar.backends.sql.signature import (
    Argument,
    NoSignature,
    Signature,
    counted,
    is_known,
    parse_signature,
)
from drawbar.compiler.parameters import Inherited
from drawbar.spec.source import At

CURSOR = "refcursor"
_AT: At = ("call",)


def read_call(spec: SqlFunctionSpec, dialect: Dialect) -> Signature | Found:
    """What `call` names; a problem when that is nothing that this database has."""
    if not dialect.called_as:
        fix = "a function can be called in a select, under `sql`"
        return Found("DB323", f"{dialect.title} has no procedures", fix)
    try:
        signature = parse_signature(spec.call or "", dialect)
    except NoSignature as error:
        return Found("DB323", str(error))
    return next(_arguments_problems(signature, dialect), signature)


def _arguments_problems(signature: Signature, dialect: Dialect) -> Iterator[Found]:
    given = signature.arguments or ()
    yield from _modes_problems(signature, dialect)
    yield from _types_problems(given, dialect)
    yield from _names_problems(given)


def _modes_problems(signature: Signature, dialect: Dialect) -> Iterator[Found]:
    modes = {each.mode for each in signature.arguments or ()}
    foreign = modes & _FOREIGN_MODES[dialect.called_as]
    if foreign and dialect.called_as == "odbc" and foreign != {"variadic"}:
        message = f"the ODBC driver of {dialect.title} gives `{min(foreign)}` arguments nobody back"
        yield Found(
            "DB323", message, "write a procedure that answers them as rows, and `rows: one`"
        )
    elif foreign:
        yield Found("DB323", f"{dialect.title} has no `{min(foreign)}` arguments")
    if dialect.called_as != "postgresql" and signature.sort == "function" and modes - {"in"}:
        yield Found("DB323", f"a function of {dialect.title} has no `out` arguments")


def _types_problems(given: Sequence[Argument], dialect: Dialect) -> Iterator[Found]:
    if dialect.name == "odbc" and any(each.type == CURSOR for each in given):
        message = "a cursor of PostgreSQL cannot be read through ODBC"
        yield Found("DB323", message, "write a function that answers rows, or take `postgresql://`")
    if dialect.called_as == "jdbc":
        for each in (each for each in given if each.comes_out and not is_known(each.type)):
            message = f"how `{each.name}` is read is not known from its type `{each.type}`"
            fix = "write one of standard SQL, such as integer, numeric(12,2), varchar(20), date"
            yield Found("DB323", message, fix)


def _names_problems(given: Sequence[Argument]) -> Iterator[Found]:
    names = [each.name for each in given if each.name]
    if twice := next((name for name in names if names.count(name) > 1), None):
        yield Found("DB323", f"two arguments are called `{twice}`")
    ins = [each for each in given if each.goes_in]
    if any(each.name for each in ins) and not all(each.name for each in ins):
        fix = "name all of them, or none"
        yield Found("DB323", "some arguments have a name and others have none", fix)


_FOREIGN_MODES: Mapping[str, set[str]] = {
    "postgresql": set(),
    "mariadb": {"variadic"},
    "firebird": {"variadic", "inout"},
    "odbc": {"variadic", "out", "inout"},
    "jdbc": {"variadic"},
}


def inherited_of(signature: Signature, spec: SqlFunctionSpec) -> dict[str, Inherited]:
    """The arguments as parameters of the function, as far as their type tells what they are."""
    found: dict[str, Inherited] = {}
    for each in _filled(signature):
        schema = schema_of(each.type)
        if each.name and each.name not in spec.let and schema is not None:
            found[each.name] = Inherited(schema, to=each.name)
    return found


def _filled(signature: Signature) -> list[Argument]:
    """The arguments that need a value: a cursor that goes in and out gets its name from the database."""
    return [
        each
        for each in signature.arguments or ()
        if each.goes_in and not (each.comes_out and each.type == CURSOR)
    ]


def compile_routine(author: Author, spec: SqlFunctionSpec, signature: Signature) -> Routine | None:
    """The routine, or nothing where something is missing to call it."""
    slots = _slots(author, spec, signature)
    rows = _own_rows(author, spec, signature)
    results = _results(author, spec, signature, rows)
    out = tuple([each.name for each in signature.arguments or () if each.comes_out])
    _check_names(author, spec, signature, results)
    columns: Columns = {"": out or None if rows else out, **dict.fromkeys(results)}
    check_column_types(author, spec, columns, "is no name under `results`")
    if slots is None or author.is_broken():
        return None
    pieces = list(_statement(author.dialect, signature, slots, rows))
    changes = spec.effect != "read"
    statement = render(pieces, author.dialect, changes=changes, answers=rows is not None)
    statement = replace(statement, calls=True)
    routine = Routine(author.dialect, signature, statement, rows, out, results)
    if author.dialect.called_as == "mariadb":
        return variables_of(routine, slots)
    return routine


def _slots(author: Author, spec: SqlFunctionSpec, signature: Signature) -> list[Slot] | None:
    """What goes in, in the order of the arguments."""
    filled = _filled(signature)
    if signature.arguments is None or not all(each.name for each in filled):
        return _by_order(author, spec, signature, filled)
    by_argument = {each.to or each.name: each.name for each in author.parameters}
    slots: list[Slot] = []
    for each in filled:
        name = by_argument.get(each.name, each.name if each.name in author.known else None)
        if name is None:
            fix = f"declare it under `parameters`, with a `type`: nothing is known of `{each.type}`"
            message = f"nothing is given to the argument `{each.name}`"
            author.add(_AT, Found("DB326", message, fix))
            continue
        _check_type(author, each, name)
        slots.append(_slot(author, each, name))
    return slots


def _by_order(
    author: Author, spec: SqlFunctionSpec, signature: Signature, filled: Sequence[Argument]
) -> list[Slot] | None:
    """Arguments without names take the parameters as they are written."""
    names = list(spec.parameters)
    author.used.update(names)
    if signature.arguments is None:
        return [Slot(name) for name in names]
    if len(names) != len(filled):
        here = "is" if len(names) == 1 else "are"
        message = (
            f"`call` has {counted(len(filled), 'argument')} without a name, "
            f"and there {here} {counted(len(names), 'parameter')}"
        )
        fix = "give each argument its name, such as `(month date)`"
        author.add(_AT, Found("DB326", message, fix))
        return None
    for name, each in zip(names, filled, strict=True):
        _check_type(author, each, name)
    return [_slot(author, each, name) for name, each in zip(names, filled, strict=True)]


def _slot(author: Author, argument: Argument, name: str) -> Slot:
    author.used.add(name)
    form: Form = "auto"
    if argument.type.endswith("[]"):
        form = "array"
    elif author.known[name].type == "number":
        form = "number"
    return Slot(name, None, form, argument.bare_type)


def _check_type(author: Author, argument: Argument, name: str) -> None:
    known = author.known[name].type
    if not takes(argument.type, known):
        author.add(
            ("parameters", name) if (*author.at, "parameters", name) in _places(author) else _AT,
            Found("DB326", f"`{name}` is of type {known}, and the argument is `{argument}`"),
        )


def _places(author: Author) -> Mapping[At, object]:
    return author.report.source.places


def _own_rows(author: Author, spec: SqlFunctionSpec, signature: Signature) -> RowsWord | None:
    """How the rows are answered that the routine has by itself."""
    if spec.results:
        if spec.rows:
            message = (
                "`rows` and `results` exclude each other: each name under `results` says its own"
            )
            author.add(("rows",), Found("DB325", message))
        return None
    if signature.sort == "function":
        return _rows_of_function(author, spec, signature)
    if spec.rows and author.dialect.called_as == "postgresql":
        message = "a procedure of PostgreSQL has no rows; it answers `out` arguments and cursors"
        fix = "write `call: function NAME` for a function, or an argument such as `inout found refcursor`"
        author.add(("rows",), Found("DB325", message, fix))
    return spec.rows


def _rows_of_function(
    author: Author, spec: SqlFunctionSpec, signature: Signature
) -> RowsWord | None:
    dialect = author.dialect
    if dialect.called_as in {"mariadb", "firebird"} and spec.rows == "many":
        message = f"a function of {dialect.title} answers one value"
        author.add(("rows",), Found("DB325", message, "leave `rows` out"))
    if any(each.type == CURSOR for each in signature.arguments or ()):
        return None
    if dialect.called_as == "postgresql":
        return spec.rows or "many"
    return spec.rows or "one"


def _results(
    author: Author, spec: SqlFunctionSpec, signature: Signature, rows: RowsWord | None
) -> Mapping[str, RowsWord]:
    """The result sets by name; on PostgreSQL its cursors."""
    is_function = signature.sort == "function"
    called_as = author.dialect.called_as
    message = None
    if called_as == "firebird":
        message = "a procedure of Firebird has no result sets beside its own rows"
    elif called_as == "mariadb" and is_function:
        message = "a function of MariaDB answers one value, and no result sets"
    if spec.results and message is not None:
        fix = "write `rows: many`" if called_as == "firebird" else None
        author.add(("results",), Found("DB325", message, fix))
    if called_as != "postgresql" or rows is not None:
        return spec.results
    given = signature.arguments or ()
    cursors = [each.name for each in given if each.comes_out and each.type == CURSOR]
    if not cursors and is_function:  # what it returns are cursors, told apart by their order
        return spec.results
    return _cursors(author, spec, cursors)


def _cursors(
    author: Author, spec: SqlFunctionSpec, cursors: Sequence[str]
) -> Mapping[str, RowsWord]:
    for name in spec.results:
        if name not in cursors:
            message = f"`{name}` is no cursor among the arguments"
            fix = close(name, dict.fromkeys(cursors), "`@`") if cursors else None
            author.add(
                ("results", name),
                Found("DB325", message, fix or f"write `inout {name} refcursor` in `call`"),
            )
    many: RowsWord = "many"
    return {name: spec.results.get(name, many) for name in cursors}


def _check_names(
    author: Author, spec: SqlFunctionSpec, signature: Signature, results: Mapping[str, RowsWord]
) -> None:
    values = {
        each.name for each in signature.arguments or () if each.comes_out and each.type != CURSOR
    }
    for name in values & results.keys():
        author.add(
            ("results", name), Found("DB316", f"`{name}` is also an argument that comes out")
        )
    if spec.rows and values and author.dialect.called_as in {"mariadb", "jdbc"}:
        message = f"the rows need a name, since `{min(values)}` is answered beside them"
        author.add(("rows",), Found("DB325", message, f"write `results: {{rows: {spec.rows}}}`"))
    if spec.not_found is not None and spec.rows != "one":
        author.add(("not_found",), Found("DB314", "`not_found` belongs to `rows: one`"))


def _statement(
    dialect: Dialect, signature: Signature, slots: Sequence[Slot], rows: RowsWord | None
) -> Iterator[str | Slot]:
    """The call as the dialect writes it; on MariaDB for arguments that only go in."""
    before, behind = _around(dialect, signature, rows)
    yield f"{before}{signature.called}"
    given = list(_arguments(dialect, signature, slots))
    if given or dialect.called_as != "firebird" or signature.sort == "function":
        yield "("
        for index, each in enumerate(given):
            yield from (", ", *each) if index else each
        yield ")"
    yield behind


def _around(dialect: Dialect, signature: Signature, rows: RowsWord | None) -> tuple[str, str]:
    """What stands before the name of the routine, and behind its arguments."""
    called_as = dialect.called_as
    if signature.sort == "function":
        if called_as == "postgresql":
            return "select * from ", ""
        if rows == "many" and called_as in _ESCAPED:
            return "{call ", "}"
        one_row = "" if called_as == "mariadb" else dialect.one_row
        return "select ", f" as {signature.name.written}{one_row}"
    if called_as == "firebird":
        return ("execute procedure " if rows is None else "select * from "), ""
    return ("{call ", "}") if called_as in _ESCAPED else ("call ", "")


_ESCAPED = {"odbc", "jdbc"}
"""Their own form of a call, which a driver puts into its database's words."""


def _arguments(
    dialect: Dialect, signature: Signature, slots: Sequence[Slot]
) -> Iterator[tuple[str | Slot, ...]]:
    waiting = iter(slots)
    if signature.arguments is None:
        yield from ((slot,) for slot in waiting)
        return
    filled = _filled(signature)
    for each in signature.arguments:
        if each in filled:
            yield _given(dialect, each, next(waiting))
        elif dialect.called_as == "postgresql" and (each.goes_in or signature.sort == "procedure"):
            yield ("null", *_cast(each))
        elif dialect.called_as == "mariadb":
            yield ("null",)
        elif dialect.called_as == "jdbc":
            yield ("?",)


def _given(dialect: Dialect, argument: Argument, slot: Slot) -> tuple[str | Slot, ...]:
    """The types tell overloads apart on PostgreSQL."""
    if dialect.called_as != "postgresql":
        return (slot,)
    variadic = ("variadic ",) if argument.mode == "variadic" else ()
    return (*variadic, slot, *_cast(argument))


def _cast(argument: Argument) -> tuple[str, ...]:
    """Without a length, which would cut a value in silence; `char` and `bit` alone have one of 1."""
    if argument.bare_type in {"bit", "bit[]"}:
        return ()
    fixed = re.fullmatch(r"(?:national )?n?char(?:acter)?((?:\[\])*)", argument.bare_type)
    return (f"::bpchar{fixed[1]}",) if fixed else (f"::{argument.bare_type}",)
