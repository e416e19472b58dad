"""Result handles through a whole gateway: of a database and of an API, cut, kept, read in parts, gone in time."""

from __future__ import annotations

import csv
import io
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

import drawbar
from drawbar import Caller, Failed, Refused, Succeeded
from drawbar.app import Gateway
from drawbar.kernel.ids import new_id
from drawbar.kernel.outcome import outcome_from_json
from drawbar.store.records import Page

ANNA, BERT = Caller("anna"), Caller("bert")
ADAPTER = """
adapter: sales
backend: {kind: sql, url: "sqlite:///sales.db"}
limits: {rows: 10}
functions:
  list:
    description: All sales.
    sql: select no, town, amount, note from sales order by no
    returns: {keep: true, redact: [note]}
  plain:
    description: All sales, and nothing is kept.
    sql: select no, town from sales order by no
  scans:
    description: Sales with their scans.
    sql: select no, zeroblob(2000) as scan from sales where no <= 30 order by no
    returns: {keep: true}
  few:
    description: Sales of a town.
    parameters: {most: {type: integer}}
    sql: select no, town from sales where no <= :most order by no
    returns: {keep: true}
"""
API = """
adapter: api
backend: {kind: http, url: "URL"}
functions:
  list:
    description: All of it.
    request: GET /all
    returns: {keep: true, select: "{page: page, items: data.items}", max_tokens: 100}
"""
TOWNS = ("Kiel", "Bremen", "Emden")


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    with closing(sqlite3.connect(tmp_path / "sales.db")) as connection, connection:
        connection.execute("create table sales (no integer, town text, amount text, note text)")
        rows = [(no, TOWNS[no % 3], f"{no}.1", "secret") for no in range(1, 1001)]
        connection.executemany("insert into sales values (?, ?, ?, ?)", rows)
    items = [{"no": no, "name": f"item {no}"} for no in range(300)]

    async def everything(_: web.Request) -> web.Response:
        return web.json_response({"page": 1, "data": {"items": items}})

    app = web.Application()
    app.router.add_get("/all", everything)
    async with TestServer(app) as server:
        (tmp_path / "sales.yaml").write_text(ADAPTER)
        (tmp_path / "api.yaml").write_text(API.replace("URL", str(server.make_url("/"))))
        settings = {"adapters": ["sales.yaml", "api.yaml"], "store": "sqlite:///store.db"}
        (tmp_path / "drawbar.yaml").write_text(yaml.safe_dump(settings))
        async with opened(tmp_path) as gateway:
            yield gateway


def opened(folder: Path, **flags: Any) -> Gateway:
    gateway = drawbar.load(folder / "drawbar.yaml", environ={}, flags=flags)
    assert [str(each) for each in gateway.problems if each.severity == "error"] == []
    return gateway


async def value(gateway: Gateway, name: str, caller: Caller = ANNA, **arguments: Any) -> Any:
    outcome = await gateway.call(name, arguments, caller=caller)
    assert isinstance(outcome, Succeeded), outcome
    return outcome.value


async def kept(gateway: Gateway, name: str = "sales_list") -> tuple[Succeeded, str]:
    outcome = await gateway.call(name, caller=ANNA)
    assert isinstance(outcome, Succeeded)
    assert outcome.result is not None
    return outcome, str(outcome.result["id"])


async def test_a_cut_answer_tells_its_handle_and_the_rest_is_read_by_it(gateway: Gateway) -> None:
    outcome, result = await kept(gateway)

    assert isinstance(outcome.value, list)
    assert [row["no"] for row in outcome.value if isinstance(row, dict)] == list(range(1, 11))
    [note] = outcome.notes
    assert note.startswith(
        f"Cut: these are the first 10 of 1000 rows. All 1000 are kept for 1d as result `{result}`: "
    )
    assert outcome_from_json(outcome.as_json()) == outcome

    page = await value(gateway, "result_page", result=result, skip=990, columns=["no", "town"])
    found = await value(
        gateway,
        "result_search",
        result=result,
        where=[{"column": "town", "equals": "Kiel"}, {"column": "no", "at_most": 12}],
        order_by="no",
        descending=True,
        count=2,
        columns=["no"],
    )
    sums = await value(
        gateway,
        "result_aggregate",
        result=result,
        group_by=["town"],
        compute=[{"function": "count"}, {"function": "sum", "column": "amount"}],
        order_by="town",
    )

    assert page["rows"][0] == {"no": 991, "town": "Bremen"}
    assert (page["total"], len(page["rows"]), page["more_after_these"]) == (1000, 10, 0)
    assert found == {
        "result": result,
        "total": 4,
        "rows": [{"no": 12}, {"no": 9}],
        "more_after_these": 2,
    }
    expected = {
        town: sum(no * 10 + 1 for no in range(1, 1001) if TOWNS[no % 3] == town) for town in TOWNS
    }
    assert sums["groups"] == [
        {
            "town": town,
            "count": sum(TOWNS[no % 3] == town for no in range(1, 1001)),
            "sum_amount": f"{expected[town] // 10}.{expected[town] % 10}",
        }
        for town in sorted(TOWNS)
    ]


async def test_the_user_gets_all_rows_as_csv_without_what_is_redacted(gateway: Gateway) -> None:
    outcome, _ = await kept(gateway)

    [file] = outcome.files
    assert (file["filename"], file["media_type"]) == ("sales_list.csv", "text/csv")
    content = await gateway.store.files.content(str(file["file_id"]), owner="anna")
    assert content is not None
    rows = list(csv.DictReader(io.StringIO(content.data.decode())))
    assert len(rows) == 1000
    assert rows[999] == {"no": "1000", "town": "Bremen", "amount": "1000.1", "note": "***"}


async def test_a_list_in_the_answer_of_an_api_is_kept_as_it_was_selected(gateway: Gateway) -> None:
    outcome, result = await kept(gateway, "api_list")

    assert isinstance(outcome.value, dict)
    assert outcome.value["page"] == 1
    assert isinstance(outcome.value["items"], list)
    assert 1 <= len(outcome.value["items"]) < 20
    page = await value(gateway, "result_page", result=result, skip=299)
    assert page["rows"] == [{"no": 299, "name": "item 299"}]


async def test_files_of_rows_that_are_not_shown_are_kept_with_them(gateway: Gateway) -> None:
    outcome, result = await kept(gateway, "sales_scans")

    assert len(outcome.files) == 10 + 1  # those that are shown, and the CSV
    page = await value(gateway, "result_page", result=result, skip=29)

    [row] = page["rows"]
    content = await gateway.store.files.content(row["scan"]["file_id"], owner="anna")
    assert content is not None
    assert content.data == bytes(2000)


async def test_what_fits_is_answered_as_ever(gateway: Gateway) -> None:
    outcome = await gateway.call("sales_few", {"most": 10}, caller=ANNA)

    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.value, list)
    assert (len(outcome.value), outcome.notes, outcome.result) == (10, (), None)
    assert await count_files(gateway) == 0


async def test_nothing_is_kept_unless_the_author_says_so(gateway: Gateway) -> None:
    outcome = await gateway.call("sales_plain", caller=ANNA)

    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.value, list)
    assert (len(outcome.value), outcome.result) == (10, None)
    assert await count_files(gateway) == 0


async def test_the_result_of_another_is_none(gateway: Gateway) -> None:
    _, result = await kept(gateway)

    theirs = await gateway.call("result_page", {"result": result}, caller=BERT)
    nobodys = await gateway.call("result_page", {"result": new_id("result_")}, caller=ANNA)
    wrong = await gateway.call("result_page", {"result": "the first"}, caller=ANNA)

    assert isinstance(theirs, Failed)
    assert isinstance(nobodys, Failed)
    assert theirs.code == nobodys.code == "not_found"
    assert isinstance(wrong, Refused)


async def test_a_result_is_no_file_of_the_files_api(gateway: Gateway) -> None:
    _, result = await kept(gateway)

    assert await gateway.store.files.get(result, owner="anna") is None
    assert not await gateway.store.files.delete(result, owner="anna")
    assert await value(gateway, "result_page", result=result)


async def test_a_result_outlives_a_restart_and_ends_with_its_time(
    gateway: Gateway, tmp_path: Path
) -> None:
    _, result = await kept(gateway)
    await gateway.close()

    async with opened(tmp_path) as again:
        assert await value(again, "result_page", result=result, count=1)
        await again.store.files.delete_due(int(time.time()) + 86_401)

        gone = await again.call("result_page", {"result": result}, caller=ANNA)

        assert isinstance(gone, Failed)
        assert gone.hint == ("It may have expired: call the function that it came from again.")


async def test_even_the_largest_result_ends_somewhere_and_says_so(
    gateway: Gateway, tmp_path: Path
) -> None:
    await gateway.close()

    async with opened(tmp_path, **{"results.rows": 600}) as smaller:
        outcome, result = await kept(smaller)

        [note] = outcome.notes
        assert note.startswith(
            "Cut: these are the first 10 of 600 rows that were read; there are more, since a reading "
            "ends there (`results: {rows: 600, bytes: ...}`). These 600 are kept for 1d as result "
        )
        page = await value(smaller, "result_page", result=result)
        assert page["total"] == 600


async def test_wrong_words_are_answered_with_the_right_ones(gateway: Gateway) -> None:
    _, result = await kept(gateway)

    column = await gateway.call("result_page", {"result": result, "order_by": "twon"}, caller=ANNA)
    text = await gateway.call(
        "result_aggregate",
        {"result": result, "compute": [{"function": "sum", "column": "town"}]},
        caller=ANNA,
    )

    assert isinstance(column, Failed)
    assert "Did you mean `town`?" in column.message
    assert isinstance(text, Failed)
    assert "which is no number" in text.message


async def count_files(gateway: Gateway) -> int:
    return len((await gateway.store.files.list(Page(), owner="anna")).data)


def test_the_functions_are_there_only_where_rows_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ADAPTER)
    (tmp_path / "b.yaml").write_text(ADAPTER.replace("keep: true", "keep: false"))
    for name in "ab":
        (tmp_path / f"{name}.settings.yaml").write_text(
            yaml.safe_dump({"adapters": [f"{name}.yaml"]})
        )

    listed = [
        list(drawbar.load(tmp_path / f"{each}.settings.yaml", environ={}).functions)
        for each in "ab"
    ]

    assert listed[0][4:] == ["result_page", "result_search", "result_aggregate"]
    assert listed[1] == ["sales_list", "sales_plain", "sales_scans", "sales_few"]


def test_a_function_of_the_same_name_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ADAPTER)
    (tmp_path / "b.yaml").write_text(
        'adapter: other\nprefix: result_\nbackend: {kind: sql, url: "sqlite:///x.db"}\n'
        "functions: {page: {description: A page., sql: select 1 as one}}\n"
    )
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({"adapters": ["a.yaml", "b.yaml"]}))

    gateway = drawbar.load(tmp_path / "s.yaml", environ={})

    assert [problem.code for problem in gateway.problems if problem.severity == "error"] == [
        "DB215"
    ]
    assert not gateway.functions["result_page"].callable
