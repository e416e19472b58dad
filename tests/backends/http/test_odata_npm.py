"""OData against a server of another house: SAP's CAP for node, installed from npm into a folder of the tests."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from backends.soap.soap_peers import INSTALLS, Peer, install_npm, started
from drawbar.backends.http.kind import KIND
from drawbar.compiler.draft import DraftWish
from drawbar.kernel.files import Attachments

pytestmark = INSTALLS
HERE = Path(__file__).parent
NPM = Path(tempfile.gettempdir()) / "drawbar-test-npm-odata-9"
PACKAGES = ("@sap/cds@9", "@cap-js/sqlite@2", "express@4", "sql.js@1")
BOOK = {
    "ID": 1,
    "title": "Wuthering & 100% + Heights",
    "stock": 3,
    "price": "12.50",
    "released": "1847-12-01",
    "changed": "2026-01-02T03:04:05Z",
    "author_ID": 1,
    "token": "6f9619ff-8b86-4011-b42d-00c04fc964ff",
    "ready": True,
    "big": 9007199254740991,
    "tags": ["a", "b"],
}
ADAPTER = """
adapter: catalog
backend: {{kind: http, url: "{url}", odata: ./odata/catalog.xml}}
functions:
  add: {{odata: {{create: Books}}, effect: write, description: A.}}
  add_author: {{odata: {{create: Authors}}, effect: write, description: A.}}
  add_page: {{odata: {{create: Pages}}, effect: write, description: A.}}
  change: {{odata: {{update: Books, fields: [title, price, ready, tags]}}, effect: write, description: A.}}
  drop: {{odata: {{delete: Books}}, effect: destroy, description: A.}}
  drop_author: {{odata: {{delete: Authors}}, effect: destroy, description: A.}}
  one: {{odata: {{get: Books, expand: ["author($select=name)"]}}, description: A.}}
  page: {{odata: {{get: Pages}}, description: A.}}
  pages: {{odata: {{list: Pages, select: [number]}}, description: A.}}
  books:
    odata:
      list: Books
      select: [ID]
      filter:
        - contains(title,{{part}})
        - price gt {{over}}
        - released ge {{since}}
        - changed ge {{moment}}
        - token eq {{token}}
        - ready eq {{ready}}
        - big eq {{big}}
        - author/name eq {{author}}
      orderby: [title desc, price]
    description: A.
  first: {{odata: {{list: Books, select: [ID], top: 1, orderby: [ID]}}, description: A.}}
  total: {{odata: {{call: total}}, description: A.}}
  submit: {{odata: {{call: submit}}, effect: write, description: A.}}
  worth: {{odata: {{call: worth, "on": Books}}, description: A.}}
  restock: {{odata: {{call: restock, "on": Books}}, effect: write, description: A.}}
  company: {{odata: {{get: Company, select: [name, town]}}, description: A.}}
  move: {{odata: {{update: Company, fields: [town]}}, effect: write, description: A.}}
  cover: {{odata: {{get: Books, stream: cover}}, description: A.}}
"""


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    install_npm(NPM, *PACKAGES)
    command: list[str | Path] = ["node", HERE / "npm_odata_peer.js", HERE / "npm_odata_service.cds"]
    with started(command, "/catalog", NODE_PATH=str(NPM / "node_modules")) as running:
        yield running


@pytest.fixture
def shelf(peer: Peer, open_http: Any, tmp_path: Path) -> Any:
    (tmp_path / "odata").mkdir()
    with urlopen(f"{peer.url}/$metadata") as answer:
        (tmp_path / "odata/catalog.xml").write_bytes(answer.read())
    return open_http(ADAPTER.format(url=peer.url), None, tmp_path)


@pytest.fixture
async def book(shelf: Any) -> Any:
    await shelf.invoke("add_author", {"ID": 1, "name": "Emily O'Brontë"})
    await shelf.invoke("add", BOOK)
    yield shelf
    await shelf.invoke("drop", {"ID": 1})
    await shelf.invoke("drop_author", {"ID": 1})


async def test_what_is_created_comes_back_as_it_was_sent(book: Any) -> None:
    found = (await book.invoke("one", {"ID": 1})).value

    assert found == {
        **BOOK,
        "price": 12.5,
        "changed": "2026-01-02T03:04:05.000Z",
        "author": {"ID": 1, "name": "Emily O'Brontë"},
    }


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"part": "& 100% +"}, [{"ID": 1}]),
        ({"part": "& 101%"}, []),
        ({"over": "12.49", "since": "1847-12-01", "moment": "2026-01-02T03:04:05Z"}, [{"ID": 1}]),
        ({"over": "12.50"}, []),
        ({"token": BOOK["token"], "ready": True, "big": BOOK["big"]}, [{"ID": 1}]),
        ({"ready": False}, []),
        ({"author": "Emily O'Brontë"}, [{"ID": 1}]),
        ({"author": "x' or 1 eq 1 or title eq 'x"}, []),
    ],
)
async def test_conditions_find_what_they_say(book: Any, conditions: Any, found: Any) -> None:
    assert (await book.invoke("books", conditions)).value == found


async def test_a_change_changes_only_what_it_names(book: Any) -> None:
    await book.invoke("change", {"ID": 1, "price": "0.10", "ready": False, "tags": []})

    now = (await book.invoke("one", {"ID": 1})).value
    assert (now["price"], now["ready"], now["tags"]) == (0.1, False, [])
    assert (now["title"], now["stock"]) == (BOOK["title"], 3)


async def test_the_pages_of_the_server_are_all_read(shelf: Any) -> None:
    for number in ("a/b", "2", "it's", "4", "5"):
        if "/" not in number:
            await shelf.invoke("add_page", {"book": 1, "number": number, "text": number})

    found = (await shelf.invoke("pages")).value
    one = (await shelf.invoke("page", {"book": 1, "number": "it's"})).value

    assert sorted(each["number"] for each in found) == ["2", "4", "5", "it's"]
    assert one == {"book": 1, "number": "it's", "text": "it's"}


async def test_operations_are_called(book: Any) -> None:
    total = await book.invoke("total", {"since": "2026-01-01", "of": "a'b"})
    submitted = await book.invoke("submit", {"book": 1, "amount": 2})
    worth = await book.invoke("worth", {"ID": 1})
    stocked = await book.invoke("restock", {"ID": 1, "amount": 4})

    assert total.value in (12.5, "12.50")
    assert submitted.value == "1: 2"
    assert worth.value in (3.25, "3.25")
    assert stocked.value["stock"] == 7


async def test_what_there_is_one_of_has_no_key(shelf: Any) -> None:
    before = (await shelf.invoke("company")).value
    await shelf.invoke("move", {"town": "Leeds"})
    after = (await shelf.invoke("company")).value
    await shelf.invoke("move", {"town": "York"})

    assert (before["name"], before["town"], after["town"]) == ("Paper & Co", "York", "Leeds")


async def test_a_stream_comes_as_a_file(peer: Peer, book: Any) -> None:
    image = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    await asyncio.to_thread(_put, f"{peer.url}/Books(1)/cover", image)

    files = Attachments()
    await book.invoke("cover", {"ID": 1}, files=files)

    (file,) = files.made
    assert (file.data, file.media_type) == (image, "image/png")


def _put(url: str, data: bytes) -> None:
    with urlopen(Request(url, data, {"Content-Type": "image/png"}, method="PUT")):
        pass


async def test_errors_come_in_the_words_of_the_service(shelf: Any) -> None:
    gone = await shelf.fail("one", {"ID": 99})
    empty = await shelf.fail("cover", {"ID": 99})

    assert (gone.code, gone.facts["status"]) == ("not_found", 404)
    assert (empty.code, empty.facts["status"]) == ("not_found", 404)


def test_what_is_drafted_from_the_service_compiles(peer: Peer, tmp_path: Path) -> None:
    draft = KIND.draft(peer.url, DraftWish(asked="odata", options={"changes": "yes"}))

    assert "get: Company" in draft.text
    assert "Show company." in draft.text
    assert "cover" not in draft.text
    assert {"list Books", "get Company", "update Company", "call worth"} <= set(draft.named)
