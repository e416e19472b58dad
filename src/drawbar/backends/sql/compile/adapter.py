"""From the words of a SQL adapter to statements, checked offline: no connection is opened here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.call import inherited_of, read_call
from drawbar.backends.sql.compile.call_words import call_words, check_call_words, note_foreign
from drawbar.backends.sql.compile.identity import check_identity
from drawbar.backends.sql.compile.operation import compile_called, compile_operation
from drawbar.backends.sql.compile.page import added_parameters
from drawbar.backends.sql.compile.query import compile_query
from drawbar.backends.sql.compile.reading import compile_reading
from drawbar.backends.sql.compile.texts import Texts
from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.options import SqlBackendSpec, SqlFunctionSpec
from drawbar.backends.sql.parse import Found, Known, known_from_schema
from drawbar.backends.sql.pins import UNTYPED_FIX, LockedPins, Pins
from drawbar.backends.sql.plan import Operation, Reading
from drawbar.backends.sql.url import parse_url
from drawbar.compiler.kind import Plan
from drawbar.compiler.parameters import merge_parameters
from drawbar.spec.model import Adapter
from drawbar.spec.source import Report


def compile_adapter(adapter: Adapter, report: Report, pins: Pins | None = None) -> dict[str, Plan]:
    """Plans of all functions without an error; each problem is noted at its place. `pins`: not those of the lock."""
    backend = adapter.backend
    assert isinstance(backend, SqlBackendSpec)  # noqa: S101 -- the loader used this kind's own model
    try:
        dialect = parse_url(backend, adapter.folder).dialect
    except ValueError as error:
        report.add(("backend", "url"), "DB301", str(error))
        return {}
    if backend.identity is not None:
        for at, found in check_identity(backend.identity, dialect):
            report.add(("backend", "identity", *at), found.code, found.message, fix=found.fix)
    pins = pins or LockedPins(adapter, report)
    readings: dict[str, Plan] = {}
    plans: dict[str, Plan] = {}
    specs = {
        name: spec for name, spec in adapter.functions.items() if isinstance(spec, SqlFunctionSpec)
    }
    place = _Place(backend, dialect, report, readings, specs, pins, Texts())
    for wanted in (True, False):  # operations may answer with a reading, so readings come first
        for name, spec in specs.items():
            if (spec.sql is not None) is wanted:
                plan = _plan(name, spec, place)
                if plan is not None:
                    plans[name] = plan
                    if wanted:
                        readings[name] = plan
    return plans


class _Place(NamedTuple):
    """What all functions of an adapter share."""

    backend: SqlBackendSpec
    dialect: Dialect
    report: Report
    readings: Mapping[str, Plan]
    specs: Mapping[str, SqlFunctionSpec]
    pins: Pins
    texts: Texts


def _plan(name: str, spec: SqlFunctionSpec, place: _Place) -> Plan | None:
    report, at = place.report, ("functions", name)
    signature = None if spec.call is None else read_call(spec, place.dialect)
    if isinstance(signature, Found):
        report.add((*at, "call"), signature.code, signature.message, fix=signature.fix)
        return None
    if signature:
        inherited = inherited_of(signature, spec)
        parameters = merge_parameters(spec, inherited, report, at, _nothing if inherited else None)
    else:
        pinned = place.pins.inherited(name, spec)
        parameters = merge_parameters(spec, pinned, report, at, untyped_fix=UNTYPED_FIX)
    author = Author(report, at, place.dialect, parameters, place.texts)
    author.parameters += added_parameters(author, spec)
    # A parameter with a mistake of its own is no reason to call its placeholder unknown.
    author.known.update(dict.fromkeys(spec.parameters, Known("any")))
    author.known.update({each.name: known_from_schema(each.schema) for each in parameters})
    if not _words_fit(author, spec, has_identity=place.backend.identity is not None):
        return None
    if spec.query is not None:
        alone = all(each.query is not None for each in place.specs.values())
        return compile_query(author, spec, spec.query, place.backend, alone=alone)
    binding: Reading | Operation | None
    if spec.sql is not None:
        binding = compile_reading(author, spec, spec.sql)
    else:
        broken = {
            name
            for name, each in place.specs.items()
            if each.sql is not None and name not in place.readings
        }
        if signature is not None:
            binding = compile_called(author, spec, signature, place.backend, place.readings, broken)
        else:
            binding = compile_operation(author, spec, place.backend, place.readings, broken)
    _note_unused(author, spec)
    if binding is None or author.is_broken():
        return None
    return Plan(author.parameters, binding, answers=_answers(spec))


def _nothing(to: str) -> None:
    """An argument that is not declared has nothing to inherit from."""
    del to


def _answers(spec: SqlFunctionSpec) -> tuple[str, ...]:
    """The named refusals, in the order of the function."""
    codes = [guard.code for guard in spec.guard]
    codes += [step.otherwise.code for step in spec.statements if step.otherwise]
    return tuple(dict.fromkeys(codes))


def _words_fit(author: Author, spec: SqlFunctionSpec, *, has_identity: bool) -> bool:
    """Whether the words of the function make a reading, a query, an operation or a call."""
    words = {
        "sql": spec.sql is not None,
        "query": spec.query is not None,
        "statements": spec.statements,
        "call": spec.call is not None,
    }
    written = [word for word, value in words.items() if value]
    if len(written) != 1:
        found = f"here are {' and '.join(written)}" if written else "here is none"
        message = f"a function has one of `sql`, `query`, `statements`, `call`; {found}"
        author.add((), Found("DB302", message))
        return False
    if spec.query is not None:
        _query_words(author, spec)
    elif spec.sql is not None:
        _reading_words(author, spec)
    elif spec.call is not None:
        check_call_words(author, spec, has_identity=has_identity)
    else:
        _operation_words(author, spec)
    return True


def _query_words(author: Author, spec: SqlFunctionSpec) -> None:
    words = {
        **_changing_words(spec),
        **_listing_words(spec),
        "rows": spec.rows,
        "not_found": spec.not_found,
        "columns": spec.columns,
    }
    note_foreign(author, (word for word, value in words.items() if value), "is a free query")
    _note_from(author, spec)


def _changing_words(spec: SqlFunctionSpec) -> dict[str, object]:
    return {
        "max_affected_rows": spec.max_affected_rows,
        "once": spec.once,
        "dry_run": spec.dry_run == "rollback",
        "let": spec.let,
        "guard": spec.guard,
        **call_words(spec),
    }


def _listing_words(spec: SqlFunctionSpec) -> dict[str, object]:
    return {
        "where": spec.where,
        "with": spec.with_,
        "order_by": spec.order_by,
        "page": spec.page,
    }


def _note_from(author: Author, spec: SqlFunctionSpec) -> None:
    if spec.returns.from_ is not None:
        author.add(
            ("returns", "from"),
            Found("DB314", "`from` has no meaning here, since the function reads"),
        )


def _reading_words(author: Author, spec: SqlFunctionSpec) -> None:
    words = _changing_words(spec)
    note_foreign(author, (word for word, value in words.items() if value), "reads")
    _note_from(author, spec)
    if spec.effect != "read":
        author.add(
            ("effect",),
            Found(
                "DB311",
                f"`sql` only reads, but the function says `effect: {spec.effect}`",
                "write the change under `statements`, or leave `effect` out",
            ),
        )


def _operation_words(author: Author, spec: SqlFunctionSpec) -> None:
    words = {**_listing_words(spec), **call_words(spec)}
    note_foreign(author, (word for word, value in words.items() if value), "is an operation")
    if spec.effect == "read":
        author.add(
            ("statements",),
            Found(
                "DB311",
                "`statements` change the database, but the function's effect is read",
                "add `effect: write` or `effect: destroy`",
            ),
        )


def _note_unused(author: Author, spec: SqlFunctionSpec) -> None:
    for name in spec.parameters:
        is_broken = author.is_broken(("parameters", name))
        if name not in author.used and name not in spec.where and not is_broken:
            author.add(
                ("parameters", name),
                Found(
                    "DB306",
                    f"no SQL of this function uses the parameter `{name}`",
                    f"write `:{name}` where its value belongs, or remove it"
                    if spec.call is None
                    else "name the argument that it goes to: `to: ARGUMENT`",
                ),
            )
