"""A deployment on disk, small enough to read: one SQL adapter, one command adapter, one that is broken."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

SETTINGS = """
adapters: [adapters]
store: sqlite:///store.db
listen: {port: 0}
toolsets: {reading: ["*_get_*"]}
anonymous: {subject: visitor, roles: [clerk]}
"""

SHOP = """
adapter: shop
description: The shop's database.
backend: {kind: sql, url: "sqlite:///shop.db"}
functions:
  get_item:
    description: One item by its number.
    parameters:
      item_no: {type: integer, minimum: 1, description: The number on the label.}
    sql: select item_no, name, stock from items where item_no = :item_no
    rows: one
    not_found: no such item
  take_item:
    description: Take one piece out of stock.
    effect: write
    allow: "'clerk' in caller.roles"
    parameters:
      item_no: {type: integer}
    statements:
      - sql: update items set stock = stock - 1 where item_no = :item_no and stock > 0
        expect_rows: 1
tests:
  - name: the anchor is in stock
    call: {get_item: {item_no: 1}}
    expect: {succeeded: {name: anchor}}
  - name: an item that is gone is a plain answer
    call: {get_item: {item_no: 9}}
    backend: {error: {code: not_found, message: gone}}
    expect: {failed: {code: not_found, message: "g*e"}}
  - name: a lost answer is told as what it is
    call: {take_item: {item_no: 1}}
    caller: {subject: anna, roles: [clerk]}
    backend: {error: {code: connection_lost, work: unknown}}
    expect: {indeterminate: {}}
  - name: one piece less
    call: {take_item: {item_no: 1}}
    expect: {succeeded: {rows_affected: 1}}
"""

ECHO = """
adapter: echo
backend: {kind: command, program: ["%s", "-c", "import sys; print(sys.argv[1])"]}
functions:
  say:
    description: Say a word back.
    parameters: {word: {type: string, max_length: 20}}
    argv: ["{word}"]
    stdout: text
"""

BROKEN = """
adapter: broken
backend: {kind: sql, url: "${SURELY_NOT_SET_ANYWHERE}"}
functions:
  get_it: {description: Never., sql: select 1 as one}
"""


def make_company(folder: Path, *, broken: bool = False) -> Path:
    """Write the deployment; answers the path of its settings."""
    adapters = folder / "adapters"
    adapters.mkdir()
    (adapters / "echo.yaml").write_text(ECHO % sys.executable)
    (adapters / "shop.yaml").write_text(SHOP)
    if broken:
        (adapters / "broken.yaml").write_text(BROKEN)
    settings = folder / "drawbar.yaml"
    settings.write_text(SETTINGS)
    with sqlite3.connect(adapters / "shop.db") as database:
        database.execute(
            "create table items (item_no integer primary key, name text, stock integer)"
        )
        database.execute("insert into items values (1, 'anchor', 3), (2, 'rope', 0)")
    database.close()
    return settings
