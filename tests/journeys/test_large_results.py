"""A list too long for a model: it is paged and summed by its handle, and the user downloads all of it.

And a file of the user that goes into a function. All of it by the official client, on a gateway of its own.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing
from pathlib import Path

import openai
import pytest

from .front_end import FrontEnd
from .gateway import Deployment

ADAPTER = """
adapter: sales
backend: {kind: sql, url: "sqlite:///../sales.db"}
limits: {rows: 20}
functions:
  list:
    description: All sales of the year.
    sql: select no, town, amount from sales order by no
    returns: {keep: true}
  receipt:
    description: The scanned receipt of a sale.
    parameters: {no: {type: integer}}
    sql: select scan from receipts where no = :no
    rows: one
"""
RULES = """
rules:
- when: how much did each town sell
  turns:
  - calls: [{name: sales_list}]
  - calls: [{name: result_aggregate, arguments: {
      result: "{{tool.result.id}}", group_by: [town],
      compute: [{function: sum, column: amount}], order_by: town}}]
  - calls: [{name: result_page, arguments: {result: "{{tool.data.result}}", skip: 4999}}]
  - say: "The last sale was in {{tool.data.rows.0.town}}."
- when: show me the receipt
  turns:
  - calls: [{name: sales_receipt, arguments: {"no": 1}}]
  - say: "It is the file {{tool.data.scan.file_id}}."
"""
SCAN = b"%PDF-1.7 " + bytes(range(256)) * 40


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    with closing(sqlite3.connect(tmp_path / "sales.db")) as connection, connection:
        connection.execute("create table sales (no integer, town text, amount text)")
        rows = [(no, ("Kiel", "Emden")[no % 2], "0.10") for no in range(1, 5001)]
        connection.executemany("insert into sales values (?, ?, ?)", rows)
        connection.execute("create table receipts (no integer, scan blob)")
        connection.execute("insert into receipts values (1, ?)", (SCAN,))
    return Deployment.write(
        tmp_path,
        own={"sales.yaml": ADAPTER},
        script=RULES,
        toolsets={"sales": ["sales_*"]},
    )


def test_a_long_list_is_summed_exactly_and_downloaded_whole(deployment: Deployment) -> None:
    with deployment.serving() as gateway:
        front_end = FrontEnd(gateway.client())

        run = front_end.ask("How much did each town sell?", toolset="sales")

        listed, summed, paged = front_end.calls(run)
        assert len(listed.data) == 20
        assert listed.outcome["result"]["rows"] == 5000
        assert summed.data["groups"] == [
            {"town": "Emden", "sum_amount": "250.00"},
            {"town": "Kiel", "sum_amount": "250.00"},
        ]
        assert paged.data["rows"] == [{"no": 5000, "town": "Kiel", "amount": "0.10"}]
        assert front_end.answer(run) == "The last sale was in Kiel."

        file_id = listed.outcome["result"]["csv"]["file_id"]
        text = front_end.client.files.content(file_id).content.decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == 5000
        assert rows[-1] == {"no": "5000", "town": "Kiel", "amount": "0.10"}

    result = listed.outcome["result"]["id"]
    with deployment.serving() as gateway:  # the next start
        with gateway.http() as http:
            asked = {"result": result, "compute": [{"function": "count"}]}
            counted = http.post("/functions/result_aggregate", json=asked).json()
        assert counted["value"]["groups"] == [{"count": 5000}]

        client = gateway.client()
        client.beta.threads.delete(run.thread_id)

        with gateway.http() as http:
            gone = http.post("/functions/result_aggregate", json=asked)
        assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
        with pytest.raises(openai.NotFoundError):
            client.files.content(file_id)


def test_a_scan_is_shown_to_the_model_as_a_file_and_downloaded(deployment: Deployment) -> None:
    with deployment.serving() as gateway:
        front_end = FrontEnd(gateway.client())

        run = front_end.ask("Show me the receipt", toolset="sales")

        [call] = front_end.calls(run)
        scan = call.data["scan"]
        assert (scan["media_type"], scan["bytes"]) == ("application/pdf", len(SCAN))
        assert front_end.answer(run) == f"It is the file {scan['file_id']}."
        assert front_end.client.files.content(scan["file_id"]).content == SCAN
        assert [file.id for file in front_end.client.files.list()] == [scan["file_id"]]
