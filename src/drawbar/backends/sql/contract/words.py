"""The tables and functions of the contract: ordinary SQL that each dialect reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drawbar.backends.sql.dialect import Dialect

TABLES = ("drawbar_parts", "drawbar_contract")
SETUP = (
    """create table drawbar_contract (item_no varchar(40) not null, title varchar(100), price decimal(12, 2) not null,
    amount integer not null, day_of date, constraint drawbar_pk primary key (item_no),
    constraint drawbar_price check (price >= 0))""",
    """create table drawbar_parts (item_no varchar(40) not null, part integer not null,
    constraint drawbar_fk foreign key (item_no) references drawbar_contract (item_no))""",
)
NUMBERS = [f"N-{number:03}" for number in range(1, 41)]
TITLE = 'It\'s 100 % :no ? ä\U0001f6df \\ "x"'
_LONG = (
    "select count(*) as how_many from drawbar_contract a cross join drawbar_contract b cross join drawbar_contract c "
    "cross join drawbar_contract d cross join drawbar_contract e cross join drawbar_contract f "
    "where a.amount + b.amount + c.amount <> d.amount + e.amount + f.amount + 1"
)
"""Billions of combinations: longer than any check waits."""
_LIST = {"type": "array", "items": {"type": "string"}}
_TEXT = {"type": "string"}


def rows(dialect: Dialect) -> Iterator[str]:
    """Statements that fill the tables."""
    day = "date '2026-11-24'" if dialect.grammar == "oracle" else "'2026-11-24'"
    for number, item in enumerate(NUMBERS, 1):
        found = day if number == 1 else "null"
        yield (
            "insert into drawbar_contract (item_no, price, amount, day_of) "
            f"values ('{item}', 1.5, {number}, {found})"
        )


PROCEDURE = "drawbar_raise"
PROCEDURES: Mapping[str, str] = {
    "postgresql": """create procedure drawbar_raise(item varchar, by_much integer, out new_amount integer)
    language plpgsql as $$ begin
      update drawbar_contract set amount = amount + by_much where item_no = item returning amount into new_amount;
      if by_much < 0 then raise exception 'not less'; end if;
    end $$""",
    "mariadb": """create procedure drawbar_raise(item varchar(40), by_much int, out new_amount int)
    begin
      update drawbar_contract set amount = amount + by_much where item_no = item;
      select amount into new_amount from drawbar_contract where item_no = item;
      if by_much < 0 then signal sqlstate '45000' set message_text = 'not less'; end if;
    end""",
    "firebird": """create procedure drawbar_raise(item varchar(40), by_much integer) returns (new_amount integer) as
    declare no_number integer;
    begin
      update drawbar_contract set amount = amount + :by_much where item_no = :item returning amount into :new_amount;
      if (by_much < 0) then no_number = cast('not less' as integer);
    end""",
}
"""By the way in which routines are called."""


def procedure_of(dialect: Dialect) -> str | None:
    """The statement that makes it; ODBC carries one statement at a time, and in MariaDB's words it is several."""
    if dialect.name == "odbc" and dialect.called_as == "mariadb":
        return None
    return PROCEDURES.get(dialect.called_as)


def functions(dialect: Dialect) -> Mapping[str, Any]:
    """The words of the functions, those of routines only where there are some."""
    if procedure_of(dialect) is None:
        return FUNCTIONS
    call = f"{PROCEDURE}(item varchar(40), by_much integer, out new_amount integer)"
    return {**FUNCTIONS, "raise": {"effect": "write", "call": call}}


FUNCTIONS: Mapping[str, Any] = {
    "get": {
        "parameters": {"no": _TEXT},
        "sql": "select item_no, title, price, amount, day_of from drawbar_contract where item_no = :no",
        "rows": "one",
    },
    "all": {"sql": "select item_no from drawbar_contract order by item_no"},
    "some": {
        "parameters": {"numbers": _LIST},
        "sql": "select item_no from drawbar_contract where item_no in :numbers order by item_no",
    },
    "others": {
        "parameters": {"numbers": _LIST},
        "sql": "select count(*) as how_many from drawbar_contract where item_no not in (:numbers)",
        "rows": "one",
    },
    "find": {
        "parameters": {
            "title": _TEXT | {"optional": True},
            "most": {"type": "number", "optional": True},
        },
        "sql": "select item_no from drawbar_contract -- :no, ?\n where item_no <> ':no ?' order by item_no",
        "where": {"title": "title = :title", "most": "price <= :most"},
    },
    "price": {
        "effect": "write",
        "parameters": {
            "no": _TEXT,
            "price": {"type": "number"},
            "title": _TEXT | {"optional": True},
        },
        "statements": [
            {
                "sql": "update drawbar_contract set price = :price, title = :title where item_no = :no",
                "expect_rows": 1,
            }
        ],
        "returns": {"from": "get"},
    },
    "add": {
        "effect": "write",
        "parameters": {
            "no": _TEXT,
            "price": {"type": "number"},
            "amount": {"type": "integer", "optional": True},
        },
        "statements": [
            "insert into drawbar_contract (item_no, price, amount) values (:no, :price, :amount)"
        ],
    },
    "part": {
        "effect": "write",
        "parameters": {"no": _TEXT},
        "statements": ["insert into drawbar_parts (item_no, part) values (:no, 1)"],
    },
    "remove": {
        "effect": "destroy",
        "parameters": {"no": _TEXT},
        "statements": ["delete from drawbar_contract where item_no = :no"],
    },
    "half": {
        "effect": "write",
        "statements": [
            "update drawbar_contract set amount = amount + 1",
            "insert into drawbar_contract (item_no, price, amount) values ('N-001', 1, 1)",
        ],
    },
    "copy": {
        "effect": "write",
        "parameters": {"no": _TEXT},
        "let": {"old": "select price, day_of from drawbar_contract where item_no = :no"},
        "guard": [
            {"unless": ":old.price is not null", "code": "no_such_item", "message": "no item {no}"}
        ],
        "statements": [
            {
                "sql": "update drawbar_contract set price = :old.price, day_of = :old.day_of where item_no = 'N-002'",
                "expect_rows": 1,
            }
        ],
    },
    "more": {
        "effect": "write",
        "statements": ["update drawbar_contract set amount = amount + 1 where item_no = 'N-001'"],
    },
    "long": {"sql": _LONG, "rows": "one"},
    "long_change": {
        "effect": "write",
        "statements": [
            "update drawbar_contract set amount = 0",
            f"update drawbar_contract set title = 'x' where amount < ({_LONG.replace(' as how_many', '')})",
        ],
    },
}
