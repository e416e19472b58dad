"""Files through a whole gateway: from a database and an API, and back into them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

import drawbar
from drawbar import Caller, Refused, Succeeded
from drawbar.app import Gateway
from drawbar.store.files import FileLabel

PNG = b"\x89PNG\r\n\x1a\n" + os.urandom(5000)
ANNA = Caller("anna")

ARCHIVE = """
adapter: archive
backend: {kind: sql, url: "sqlite:///archive.db"}
functions:
  scan:
    description: A scan by its number.
    parameters: {no: {type: integer}}
    sql: select no, data from scans where no = :no
    rows: one
  keep:
    description: Keep a scan.
    effect: write
    parameters:
      no: {type: integer}
      scan: {type: file, description: The picture.}
    statements: ["insert into scans values (:no, :scan)"]
"""
DESK = """
adapter: desk
backend: {kind: http, url: "URL"}
functions:
  invoice:
    description: An invoice as PDF.
    parameters: {no: {type: integer}}
    request: GET /invoices/{no}
  hand_in:
    description: Hand in a document.
    effect: write
    body: multipart
    parameters: {title: {type: string}, document: {type: file}}
    request: POST /documents
  replace:
    description: Replace a document.
    effect: destroy
    body: bytes
    parameters: {no: {type: integer}, document: {type: file, to: body}}
    request: PUT /documents/{no}
"""


class Desk:
    """An API that hands out invoices and takes documents."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    async def invoice(self, _: web.Request) -> web.Response:
        said = {"Content-Disposition": 'attachment; filename="Invoice 7.pdf"'}
        return web.Response(body=b"%PDF-1.7 seven", content_type="application/pdf", headers=said)

    async def take(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            self.got.append((request.content_type, await request.read()))
        else:
            form = await request.post()
            file = form["document"]
            assert isinstance(file, web.FileField)
            self.got.append((form["title"], file.filename, file.content_type, file.file.read()))
        return web.json_response({"ok": True})


@pytest.fixture
async def desk() -> AsyncIterator[tuple[Desk, str]]:
    desk = Desk()
    app = web.Application()
    app.router.add_get("/invoices/{no}", desk.invoice)
    app.router.add_route("*", "/documents{rest:.*}", desk.take)
    async with TestServer(app) as server:
        yield desk, str(server.make_url("/"))


@pytest.fixture
async def gateway(tmp_path: Path, desk: tuple[Desk, str]) -> AsyncIterator[Gateway]:
    (tmp_path / "archive.yaml").write_text(ARCHIVE)
    (tmp_path / "desk.yaml").write_text(DESK.replace("URL", desk[1]))
    with closing(sqlite3.connect(tmp_path / "archive.db")) as connection, connection:
        connection.execute("create table scans (no integer primary key, data blob)")
        connection.execute("insert into scans values (1, ?)", (PNG,))
    settings = {"adapters": ["archive.yaml", "desk.yaml"], "store": "sqlite:///store.db"}
    (tmp_path / "drawbar.yaml").write_text(yaml.safe_dump(settings))
    gateway = drawbar.load(tmp_path / "drawbar.yaml", environ={})
    assert [str(each) for each in gateway.problems if each.severity == "error"] == []
    async with gateway:
        yield gateway


async def uploaded(gateway: Gateway, data: bytes, owner: str = "anna") -> str:
    async def pieces() -> AsyncIterator[bytes]:
        yield data

    label = FileLabel(owner, "für Anna.png", "image/png", "user_data")
    return (await gateway.store.files.upload(label, pieces())).id


async def test_a_blob_is_read_as_a_file_and_written_from_one(gateway: Gateway) -> None:
    read = await gateway.call("archive_scan", {"no": 1}, caller=ANNA)

    assert isinstance(read, Succeeded)
    [file] = read.files
    assert read.value == {"no": 1, "data": file}
    assert (file["media_type"], file["bytes"]) == ("image/png", len(PNG))

    kept = await gateway.call("archive_keep", {"no": 2, "scan": file["file_id"]}, caller=ANNA)
    again = await gateway.call("archive_scan", {"no": 2}, caller=ANNA)

    assert isinstance(kept, Succeeded)
    assert isinstance(again, Succeeded)
    content = await gateway.store.files.content(str(again.files[0]["file_id"]), owner="anna")
    assert content is not None
    assert content.data == PNG


async def test_a_file_goes_into_a_form_and_a_body_with_its_name_and_type(
    gateway: Gateway, desk: tuple[Desk, str]
) -> None:
    file_id = await uploaded(gateway, PNG)

    await gateway.call("desk_hand_in", {"title": "A scan", "document": file_id}, caller=ANNA)
    await gateway.call("desk_replace", {"no": 7, "document": file_id}, caller=ANNA)

    assert desk[0].got == [
        ("A scan", "für Anna.png", "image/png", PNG),
        ("image/png", PNG),
    ]


async def test_the_file_of_another_is_not_sent(gateway: Gateway, desk: tuple[Desk, str]) -> None:
    file_id = await uploaded(gateway, PNG, owner="bert")

    outcome = await gateway.call("desk_replace", {"no": 7, "document": file_id}, caller=ANNA)

    assert isinstance(outcome, Refused)
    assert desk[0].got == []


async def test_a_pdf_is_handed_on_with_its_name(gateway: Gateway) -> None:
    outcome = await gateway.call("desk_invoice", {"no": 7}, caller=ANNA)

    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.value, dict)
    assert outcome.value["filename"] == "Invoice 7.pdf"
    content = await gateway.store.files.content(str(outcome.value["file_id"]), owner="anna")
    assert content is not None
    assert content.data == b"%PDF-1.7 seven"
