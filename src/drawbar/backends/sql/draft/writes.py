"""The changes that a draft offers of one table where they were asked for: insert and update of one row.

A person decides about each. Guards say what the database would refuse anyway, in words that a model can act on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drawbar.backends.sql.draft.tables import (
    TableDraft,
    Verb,
    free_name,
    listed,
    why_hidden,
    wrapped,
)
from drawbar.backends.sql.live.catalog import Column, Table
from drawbar.backends.sql.live.column_words import words_of
from drawbar.backends.sql.live.constraints import literal
from drawbar.compiler.draft import Inline, Node, Noted, snake_case

_FITS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


class WritesDraft:
    """The changes of one table; `tables` are all that are drafted, by label."""

    def __init__(self, draft: TableDraft, tables: Mapping[str, TableDraft]) -> None:
        self._draft = draft
        self._table: Table = draft.table
        self._tables = tables

    def offered(self, wanted: tuple[Verb, ...]) -> tuple[Verb, ...]:
        can: list[Verb] = []
        if not self._table.is_view and self.why_no_insert() is None:
            can.append("insert")
        if self._draft.key and self._settable():
            can.append("update")
        return tuple(verb for verb in can if verb in wanted)

    def why_no_insert(self) -> str | None:
        """The column that has to be filled and cannot be."""
        for column in self._table.columns:
            is_needed = not (column.nullable or column.is_made or column.default is not None)
            if is_needed and column not in self._inserted():
                why = why_hidden(column) or f"of type {column.type.name.lower()}"
                return f"{column.name} has to be filled, and {'it ' if why[0] == 'l' else 'it is '}{why}"
        return None if self._inserted() else "it has no column that can be filled"

    def change(
        self, verb: Verb, names: Mapping[Verb, str], see: Mapping[str, str]
    ) -> tuple[dict[str, Node], str]:
        """With the comment above it. `names` are those of this table's functions."""
        words = self._insert(names, see) if verb == "insert" else self._update(names, see)
        return words, self._notes(verb)

    def _inserted(self) -> list[Column]:
        return [
            each
            for each in self._draft.visible
            if each.type.words
            and not each.is_made
            and (each.default is None or self._has_literal(each))
        ]

    def _settable(self) -> list[Column]:
        return [
            each
            for each in self._draft.visible
            if each.type.words and not each.is_made and each.name not in self._table.key
        ]

    def _has_literal(self, column: Column) -> bool:
        return self._default(column) is not None

    def _default(self, column: Column) -> Node:
        """The default as a value of the parameter; None: only the database knows it."""
        found = literal(column.default, self._draft.catalog.dialect)
        kind = words_of(column, stored=True).get("type")
        if kind in {"integer", "number"} and isinstance(found, str):
            try:
                found = int(found) if kind == "integer" else float(found)
            except ValueError:
                return None
        return found if isinstance(found, _FITS[str(kind)]) else None

    def _insert(self, names: Mapping[Verb, str], see: Mapping[str, str]) -> dict[str, Node]:
        columns = self._inserted()
        draft = self._draft
        parameters: dict[str, Node] = {}
        for column in columns:
            more: dict[str, Node] = {}
            if column.default is not None:
                more["default"] = self._default(column)
            elif column.nullable:
                more["optional"] = True
            parameters[draft.parameters[column.name]] = draft.parameter(
                column, see, more=more, stored=True
            )
        values = (f":{draft.parameters[each.name]}" for each in columns)
        sql = "\n".join(
            [
                wrapped(f"insert into {draft.name} (", map(draft.quoted, columns), ")"),
                wrapped("values (", values, ")"),
            ]
        )
        is_given = bool(draft.key) and all(each in columns for each in draft.key)
        words: dict[str, Node] = {
            "description": f"Add one row to {self._table.label}. Only when the user has said so.",
            "effect": Noted("write", beside="decide"),
            "parameters": parameters,
        }
        if guards := list(self._insert_guards(columns, is_given=is_given)):
            words["guard"] = guards
        if is_given and "get" in names:
            words["statements"] = [{"sql": sql, "expect_rows": 1}]
            words["returns"] = Inline({"from": names["get"]})
            words["idempotency"] = Inline({"verify": names["get"]})
        elif draft.key and draft.catalog.has_returning:
            sql += f"\nreturning {', '.join(map(draft.quoted, draft.key))}"
            words["statements"] = [{"sql": sql, "expect_rows": 1}]
            words["returns"] = Inline({"rows": "one"})
        else:
            words["statements"] = [{"sql": sql, "expect_rows": 1}]
        return words

    def _insert_guards(self, columns: list[Column], *, is_given: bool) -> Iterator[Node]:
        draft = self._draft
        if is_given:
            key = listed(each.name for each in draft.key)
            yield {
                "if": draft.find_one(),
                "code": "already_there",
                "message": f"{self._table.label} has a row with this {key} already",
            }
        for column in columns:
            pointer = column.points_to
            other = self._tables.get(pointer.table) if pointer else None
            if pointer is None or other is None or column.nullable:
                continue
            name = draft.parameters[column.name]
            theirs = draft.catalog.quote(pointer.column)
            find = f"select 1 as found from {other.name} where {theirs} = :{name}"  # noqa: S608 -- quoted names
            yield {
                "unless": find,
                "code": f"no_such_{snake_case(pointer.table)}",
                "message": f"{pointer.table} has no row with the {pointer.column} {{{name}}}",
            }

    def _update(self, names: Mapping[Verb, str], see: Mapping[str, str]) -> dict[str, Node]:
        draft = self._draft
        columns = self._settable()
        key = listed(each.name for each in draft.key)
        parameters: dict[str, Node] = {
            draft.parameters[each.name]: draft.parameter(each, see) for each in draft.key
        }
        for column in columns:
            name = draft.parameters[column.name]
            parameters[name] = draft.parameter(column, see, more={"optional": True}, stored=True)
        if clearable := [draft.parameters[each.name] for each in columns if each.nullable]:
            parameters[self._clear()] = Inline(
                {
                    "type": "array",
                    "items": Inline({"type": "string", "enum": Inline(clearable)}),
                    "description": "Which of them are set to null.",
                    "optional": True,
                }
            )
        assigned = ",\n  ".join(map(self._assigned, columns))
        words: dict[str, Node] = {
            "description": f"Change the row of {self._table.label} with this {key}; what is left out or null stays as it is. "
            "Only when the user has said so.",
            "effect": Noted("write", beside="decide"),
            "parameters": parameters,
            "guard": [
                {
                    "unless": draft.find_one(),
                    "code": "not_found",
                    "message": f"no row of {self._table.label} has this {key}",
                }
            ],
            "statements": [
                {
                    "sql": f"update {draft.name} set\n  {assigned}\nwhere {draft.is_key()}",
                    "expect_rows": 1,
                }
            ],
        }
        if "get" in names:
            words["returns"] = Inline({"from": names["get"]})
            words["idempotency"] = Inline({"repeatable": True, "verify": names["get"]})
        return words

    def _clear(self) -> str:
        """The parameter that names what is set to null: null itself is what is left out."""
        return free_name("clear", {*self._draft.parameters.values()})

    def _assigned(self, column: Column) -> str:
        draft = self._draft
        name, quoted = draft.parameters[column.name], draft.quoted(column)
        kept = f"coalesce(:{name}, {quoted})"
        if not column.nullable:
            return f"{quoted} = {kept}"
        word = f"'{name}'"
        if (
            draft.catalog.dialect.grammar == "firebird"
        ):  # a value is taken to be as long as this word
            word = f"cast({word} as varchar(63))"
        return f"{quoted} = case when {word} in :{self._clear()} then null else {kept} end"

    def _notes(self, verb: Verb) -> str:
        lines = []
        if verb == "insert":
            by_database = [
                each.name
                for each in self._draft.visible
                if each not in self._inserted() and (each.is_made or each.default is not None)
            ]
            if by_database:
                lines.append(f"Filled by the database: {', '.join(by_database)}")
        return "\n".join(lines)
