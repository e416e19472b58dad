"""What procedures and functions a database has, as it tells itself: for drafts, and to check a declared call.

    with database.reading(Allowed(Stop(), until), snapshot=True) as session:
        for routine in list_routines(session, dialect, "payroll"):
            routine.signature, routine.effect, routine.comment

The effect is a proposal: a database does not keep a procedure to what it says of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.live.firebird_types import FIELD, firebird_type
from drawbar.backends.sql.plan import Slot, render
from drawbar.backends.sql.session import Session
from drawbar.backends.sql.signature import Argument, Mode, Named, Signature, Sort, named
from drawbar.kernel.values import JsonObject

Answers = Literal["nothing", "value", "row", "rows"]
"""What a routine answers by itself: rows of a set-returning function or a selectable procedure, the value of a
function, the row of its OUT arguments."""

LISTED = frozenset({"postgresql", "mariadb", "firebird"})
"""Dialects whose routines are known here."""
_MOST = 1_000_000
"""Rows of a catalogue: every argument of every routine is one."""


@dataclass(frozen=True, slots=True)
class LiveRoutine:
    """A procedure or function that is there."""

    signature: Signature
    """`str(routine.signature)` is what `call:` takes."""
    defaults: int
    """How many arguments at the end of those that go in may be left out."""
    returns: str
    """The type of a function; "" for a procedure. On PostgreSQL also `SETOF text`, `TABLE(a integer)`."""
    answers: Answers
    comment: str | None
    volatility: str
    """The database's word: `immutable`, `stable`, `volatile`; `reads sql data` and so on; "" where it has none."""
    effect: Literal["read", "write"]
    """Proposed: read where the database says that nothing is changed."""


def list_routines(
    session: Session, dialect: Dialect, schema: str | None = None, name: str | None = None
) -> tuple[LiveRoutine, ...]:
    """The routines of a schema, sorted by name; of the one name if it is given, with all its overloads.

    `schema` and `name` are the database's own, folded. A schema is a schema on PostgreSQL (None: those of the search
    path), a database on MariaDB (None: the current one), a package on Firebird (None: what is in none). Left out are
    the database's own routines, aggregates, triggers, and what belongs to an extension. Raises BackendError,
    and LookupError for a database whose routines are not known here.
    """
    readers: Mapping[str, Callable[..., list[LiveRoutine]]] = {
        "postgresql": _of_postgresql,
        "mariadb": _of_mariadb,
        "firebird": _of_firebird,
    }
    if dialect.name not in LISTED:
        message = f"the routines of {dialect.title} cannot be listed"
        raise LookupError(message)
    found = readers[dialect.name](_Asking(session, dialect), schema, name)
    return tuple(sorted(found, key=lambda each: (each.signature.called, str(each.signature))))


class _Asking:
    """Questions to the catalogue, answered with rows as people would see them."""

    def __init__(self, session: Session, dialect: Dialect) -> None:
        self.dialect = dialect
        self._session = session

    def rows(self, text: str, schema: str | None, name: str | None) -> list[dict[str, Any]]:
        """`:schema` and `:name` in `text` are bound. The catalogue's columns are of any type."""
        pieces: list[str | Slot] = []
        for index, part in enumerate(text.split(":schema")):
            pieces += [] if index == 0 else [Slot("schema")]
            for inner, rest in enumerate(part.split(":name")):
                pieces += [rest] if inner == 0 else [Slot("name"), rest]
        statement = render(pieces, self.dialect)
        found = self._session.look_up(statement, {"schema": schema, "name": name}, _MOST).rows
        return [{key.lower(): held.shown for key, held in row.items()} for row in found]

    def signature(
        self, sort: Sort, schema: str | None, name: str, arguments: list[Argument]
    ) -> Signature:
        place: Named | None = named(schema, self.dialect) if schema else None
        return Signature(sort, place, named(name, self.dialect), tuple(arguments))


_POSTGRESQL = """
select n.nspname, p.proname, p.prokind::text as prokind, p.provolatile::text as provolatile, p.proretset,
  p.pronargdefaults, pg_catalog.obj_description(p.oid, 'pg_proc') as said,
  coalesce(pg_catalog.pg_get_function_result(p.oid), '') as returns,
  (select pg_catalog.json_agg(pg_catalog.json_build_object('name', coalesce(a.name, ''), 'mode', coalesce(a.mode, 'i'),
      'type', pg_catalog.format_type(a.type, null)) order by a.number)
    from rows from (pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])),
      pg_catalog.unnest(p.proargmodes::text[]), pg_catalog.unnest(p.proargnames))
      with ordinality as a (type, mode, name, number)
    where a.type is not null) as arguments
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.prokind in ('f', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
  and case when :schema::text is null then n.nspname = any (pg_catalog.current_schemas(false)) else n.nspname = :schema end
  and (:name::text is null or p.proname = :name)
  and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
  and not 'internal'::regtype::oid = any (p.proargtypes::oid[])
  and not exists (select from pg_catalog.pg_depend d
    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
"""
_MODES: Mapping[str, Mode] = {"i": "in", "o": "out", "b": "inout", "v": "variadic"}
_VOLATILITY = {"i": "immutable", "s": "stable", "v": "volatile"}


def _of_postgresql(asking: _Asking, schema: str | None, name: str | None) -> list[LiveRoutine]:
    return [_from_postgresql(asking, row) for row in asking.rows(_POSTGRESQL, schema, name)]


def _from_postgresql(asking: _Asking, row: Mapping[str, Any]) -> LiveRoutine:
    arguments = [
        Argument(each["name"], _MODES[each["mode"]], each["type"])
        for each in row["arguments"] or ()
        if each["mode"] in _MODES  # `t` is a column of `returns table`
    ]
    sort: Sort = "procedure" if row["prokind"] == "p" else "function"
    has_out = any(each.comes_out for each in arguments)
    answers: Answers = "rows" if row["proretset"] else "row" if has_out else "value"
    if row["returns"] == "void" or (sort == "procedure" and not has_out):
        answers = "nothing"
    return LiveRoutine(
        asking.signature(sort, row["nspname"], row["proname"], arguments),
        row["pronargdefaults"],
        "" if sort == "procedure" else row["returns"],
        answers,
        row["said"],
        _VOLATILITY[row["provolatile"]],
        "read" if sort == "function" and row["provolatile"] != "v" else "write",
    )


_MARIADB = """
select routine_schema, routine_name, routine_type, sql_data_access, routine_comment, coalesce(dtd_identifier, '') as dtd
from information_schema.routines
where routine_schema = coalesce(:schema, database()) and (:name is null or routine_name = :name)
"""
_MARIADB_ARGUMENTS = """
select specific_name, routine_type, parameter_mode, parameter_name, dtd_identifier as dtd
from information_schema.parameters
where specific_schema = coalesce(:schema, database()) and (:name is null or specific_name = :name) and ordinal_position > 0
order by specific_name, routine_type, ordinal_position
"""
_UNCHANGING = {"READS SQL DATA", "NO SQL"}


def _of_mariadb(asking: _Asking, schema: str | None, name: str | None) -> list[LiveRoutine]:
    arguments: dict[tuple[str, str], list[Argument]] = {}
    for row in asking.rows(_MARIADB_ARGUMENTS, schema, name):
        mode = cast("Mode", (row["parameter_mode"] or "IN").lower())  # the catalogue knows no other
        argument = Argument(row["parameter_name"], mode, row["dtd"])
        arguments.setdefault((row["routine_type"], row["specific_name"]), []).append(argument)
    found: list[LiveRoutine] = []
    for row in asking.rows(_MARIADB, schema, name):
        sort: Sort = "procedure" if row["routine_type"] == "PROCEDURE" else "function"
        given = arguments.get((row["routine_type"], row["routine_name"]), [])
        has_out = any(each.comes_out for each in given)
        found.append(
            LiveRoutine(
                asking.signature(sort, row["routine_schema"], row["routine_name"], given),
                0,
                row["dtd"],
                "value" if sort == "function" else "row" if has_out else "nothing",
                row["routine_comment"] or None,
                row["sql_data_access"].lower(),
                "read" if row["sql_data_access"] in _UNCHANGING else "write",
            )
        )
    return found


_FIREBIRD = """
select trim(p.rdb$procedure_name) as name, trim(p.rdb$package_name) as place, p.rdb$procedure_type as sort,
  substring(p.rdb$description from 1 for 2000) as said
from rdb$procedures p
where coalesce(p.rdb$system_flag, 0) = 0 and coalesce(p.rdb$private_flag, 0) = 0
  and coalesce(p.rdb$package_name, '') = coalesce(cast(:schema as varchar(63)), '')
  and p.rdb$procedure_name = coalesce(cast(:name as varchar(63)), p.rdb$procedure_name)
"""
_FIREBIRD_ARGUMENTS = f"""
select trim(a.rdb$procedure_name) as name, trim(a.rdb$parameter_name) as argument, a.rdb$parameter_type as mode,
  case when coalesce(a.rdb$default_source, f.rdb$default_source) is null then 0 else 1 end as has_default, {FIELD}
from rdb$procedure_parameters a join rdb$fields f on f.rdb$field_name = a.rdb$field_source
where coalesce(a.rdb$system_flag, 0) = 0 and coalesce(a.rdb$package_name, '') = coalesce(cast(:schema as varchar(63)), '')
  and a.rdb$procedure_name = coalesce(cast(:name as varchar(63)), a.rdb$procedure_name)
order by 1, a.rdb$parameter_type, a.rdb$parameter_number
"""  # noqa: S608 -- its parts stand above
_FIREBIRD_FUNCTIONS = """
select trim(p.rdb$function_name) as name, trim(p.rdb$package_name) as place, p.rdb$return_argument as answer,
  substring(p.rdb$description from 1 for 2000) as said
from rdb$functions p
where coalesce(p.rdb$system_flag, 0) = 0 and coalesce(p.rdb$private_flag, 0) = 0
  and coalesce(p.rdb$package_name, '') = coalesce(cast(:schema as varchar(63)), '')
  and p.rdb$function_name = coalesce(cast(:name as varchar(63)), p.rdb$function_name)
"""
_FIREBIRD_FUNCTION_ARGUMENTS = f"""
select trim(a.rdb$function_name) as name, trim(a.rdb$argument_name) as argument, a.rdb$argument_position as place,
  case when coalesce(a.rdb$default_source, f.rdb$default_source) is null then 0 else 1 end as has_default, {FIELD}
from rdb$function_arguments a join rdb$fields f on f.rdb$field_name = a.rdb$field_source
where coalesce(a.rdb$system_flag, 0) = 0 and coalesce(a.rdb$package_name, '') = coalesce(cast(:schema as varchar(63)), '')
  and a.rdb$function_name = coalesce(cast(:name as varchar(63)), a.rdb$function_name)
order by 1, a.rdb$argument_position
"""  # noqa: S608 -- as above
_FIREBIRD_SELECTABLE = 1


def _of_firebird(asking: _Asking, schema: str | None, name: str | None) -> list[LiveRoutine]:
    arguments = asking.rows(_FIREBIRD_ARGUMENTS, schema, name)
    found: list[LiveRoutine] = []
    for row in asking.rows(_FIREBIRD, schema, name):
        own = [each for each in arguments if each["name"] == row["name"]]
        given = [_firebird_argument(asking, each, comes_out=each["mode"] == 1) for each in own]
        answers: Answers = "row" if any(each.comes_out for each in given) else "nothing"
        if row["sort"] == _FIREBIRD_SELECTABLE:
            answers = "rows"
        found.append(
            LiveRoutine(
                asking.signature("procedure", row["place"], row["name"], given),
                sum(each["has_default"] for each in own if each["mode"] == 0),
                "",
                answers,
                row["said"],
                "",
                "write",
            )
        )
    return found + _firebird_functions(asking, schema, name)


def _firebird_functions(asking: _Asking, schema: str | None, name: str | None) -> list[LiveRoutine]:
    arguments = asking.rows(_FIREBIRD_FUNCTION_ARGUMENTS, schema, name)
    found: list[LiveRoutine] = []
    for row in asking.rows(_FIREBIRD_FUNCTIONS, schema, name):
        own = [each for each in arguments if each["name"] == row["name"]]
        given = [each for each in own if each["place"] != row["answer"]]
        returned = next((each for each in own if each["place"] == row["answer"]), None)
        found.append(
            LiveRoutine(
                asking.signature(
                    "function",
                    row["place"],
                    row["name"],
                    [_firebird_argument(asking, each, comes_out=False) for each in given],
                ),
                sum(each["has_default"] for each in given),
                "" if returned is None else firebird_type(returned),
                "value",
                row["said"],
                "",
                "write",
            )
        )
    return found


def _firebird_argument(asking: _Asking, row: JsonObject, *, comes_out: bool) -> Argument:
    name = asking.dialect.column(str(row["argument"] or ""))
    return Argument(name, "out" if comes_out else "in", firebird_type(row))
