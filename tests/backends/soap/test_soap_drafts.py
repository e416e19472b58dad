"""From a WSDL, as a file or from a server, to an adapter; and a newer WSDL into an adapter that was edited."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from drawbar.backends.soap import KIND
from drawbar.backends.soap.contract.vendor import vendor
from drawbar.cli import main
from drawbar.compiler.draft import DraftWish
from drawbar.kernel.errors import OperatorError
from drawbar.spec.lock import read_lock

HERE = Path(__file__).parent / "drafts"
BERTHS = HERE / "berths.wsdl"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRAWBAR_SETTINGS", raising=False)
    return tmp_path


@dataclass
class Web:
    """Files by path and query, as a server of contracts has them."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append(self.path)
            data = web.files.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield web
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_draft_is_what_a_person_can_read_and_prune() -> None:
    draft = KIND.draft(str(BERTHS), DraftWish())

    assert draft.text == (HERE / "berths.yaml").read_text()
    assert draft.notes == (
        (
            "berths.wsdl:11: import of namespace `urn:berths:tariffs` leads to `tariffs.xsd`, and there is no such "
            "file; put that file beside the WSDL as `tariffs.xsd` and draft again. Operations that need it are left out."
        ),
        (
            "left out: GetPrice: berths.wsdl: part `p` uses element `Price` of namespace `urn:berths:tariffs`, whose "
            "schema berths.wsdl imports from `tariffs.xsd`: there is no such file; put that schema beside berths.wsdl, "
            "as `tariffs.xsd`"
        ),
        "`FindBerths` is called `find_berths_2`, as its own name is taken or too long",
    )
    assert draft.named["Berths.FindBerths"] == "find_berths_2"


def test_the_contract_comes_along_in_one_folder() -> None:
    files = KIND.draft(str(BERTHS), DraftWish(name="quay")).files

    assert sorted(files) == [
        "wsdl/quay/berth_types.xsd",
        "wsdl/quay/berths.wsdl",
        "wsdl/quay/common.xsd",
    ]
    wsdl = files["wsdl/quay/berths.wsdl"].decode()
    assert 'schemaLocation="berth_types.xsd"' in wsdl
    assert "<!-- Made for the tests of drafts: each thing that a draft looks at, once. -->" in wsdl
    assert files["wsdl/quay/common.xsd"] == (HERE / "common.xsd").read_bytes()


@pytest.mark.usefixtures("place")
def test_a_draft_compiles_without_its_variables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "soap", str(BERTHS)]) == 0

    assert capsys.readouterr().out == (
        "adapters/berths.yaml:7:1: DB409 warning: the contract wants the SOAP header `Locale` with CancelBooking\n"
        '    add it to `soap_headers:` as "{urn:berths}Locale"; with `omit: true`, if the service does without\n'
        "adapters/berths.yaml: 5 functions (1 destroy, 2 read, 2 write)\n"
        "beside it: 3 files\n"
        "to decide: the effects of 5 functions, which were only guessed\n"
        "0 errors, 1 warning; `drawbar lint adapters/berths.yaml` shows them again\n"
    )


def test_only_what_is_wanted_is_drafted() -> None:
    draft = KIND.draft(str(BERTHS), DraftWish(only=("Cancel*", "find*")))

    assert draft.named == {
        "Berths.findBerths": "find_berths",
        "Berths.CancelBooking": "cancel_booking",
    }
    with pytest.raises(OperatorError, match=r"no operation is called Move\*; there are findBerths"):
        KIND.draft(str(BERTHS), DraftWish(only=("Move*",)))


def test_a_contract_without_operations_is_told_as_one(tmp_path: Path) -> None:
    text = BERTHS.read_text()
    bound = re.compile(r"(<wsdl:binding [^>]*>).*?(</wsdl:binding>)", re.DOTALL)
    soap = '<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
    (tmp_path / "empty.wsdl").write_text(bound.sub(rf"\1{soap}\2", text))

    with pytest.raises(OperatorError, match=r"the WSDL has no operation on `\w+`.*; give the file"):
        KIND.draft(str(tmp_path / "empty.wsdl"), DraftWish())


def test_a_port_can_be_chosen() -> None:
    with pytest.raises(OperatorError, match=r"has no port `Soap13`.*did you mean `Soap12`"):
        KIND.draft(str(BERTHS), DraftWish(options={"port": "Soap13"}))
    with pytest.raises(OperatorError, match="no option `prot`; did you mean `port`"):
        KIND.draft(str(BERTHS), DraftWish(options={"prot": "Soap"}))


def test_a_contract_on_the_web_is_fetched_with_all_that_it_names(web: Web) -> None:
    wsdl = BERTHS.read_text().replace("types/berth%20types.xsd", "/harbour/Berths.svc?xsd=xsd0")
    types = (HERE / "types" / "berth types.xsd").read_text()
    web.files = {
        "/harbour/Berths.svc?wsdl": wsdl.replace("tariffs.xsd", "../tariffs.xsd").encode(),
        "/harbour/Berths.svc?xsd=xsd0": types.replace("../common.xsd", "more/common.xsd").encode(),
        "/harbour/more/common.xsd": (HERE / "common.xsd").read_bytes(),
        "/tariffs.xsd": b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        b'targetNamespace="urn:berths:tariffs"><xs:element name="Price" type="xs:int"/></xs:schema>',
    }

    draft = KIND.draft(f"{web.address}/harbour/Berths.svc?wsdl", DraftWish())

    assert sorted(draft.files) == [
        "wsdl/berths/Berths.wsdl",
        "wsdl/berths/Berths.xsd0.xsd",
        "wsdl/berths/common.xsd",
        "wsdl/berths/tariffs.xsd",
    ]
    assert sorted(web.asked) == sorted(web.files)
    assert "get_price" in draft.named.values()
    assert draft.notes == (
        "`FindBerths` is called `find_berths_2`, as its own name is taken or too long",
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html><body>Not found</body></html>", "is no WSDL 1.1: its root is `html`"),
        (b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", "declares a DOCTYPE"),
        (b"Not found", "it is no well-formed XML"),
        (None, "HTTP 404"),
    ],
)
def test_what_is_no_contract_is_said_in_one_line(web: Web, data: bytes | None, why: str) -> None:
    if data is not None:
        web.files["/x?wsdl"] = data

    with pytest.raises(OperatorError) as raised:
        KIND.draft(web.address.replace("://", "://me:hush@") + "/x?wsdl", DraftWish())

    assert why in str(raised.value)
    assert "hush" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_nothing_listens_is_said_in_one_line() -> None:
    with pytest.raises(OperatorError, match=r"cannot be read: it cannot be fetched"):
        KIND.draft("http://127.0.0.1:9/x?wsdl", DraftWish())
    with pytest.raises(OperatorError, match=r"nowhere.wsdl cannot be read: it cannot be opened"):
        KIND.draft("nowhere.wsdl", DraftWish())


def test_a_contract_on_the_web_cannot_read_files_of_this_machine(web: Web, tmp_path: Path) -> None:
    secret = tmp_path / "secret.xsd"
    secret.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
    web.files["/b.wsdl"] = BERTHS.read_bytes().replace(b"tariffs.xsd", secret.as_uri().encode())

    found = vendor(f"{web.address}/b.wsdl")

    assert list(found.files) == ["b.wsdl"]
    assert any("there is no such file" in line for line in found.missing)


@pytest.mark.parametrize(
    "definition", ["<!DOCTYPE s []>", "<!DOCTYPE s SYSTEM 'http://nowhere.invalid/s.dtd'>"]
)
def test_an_import_that_may_not_be_read_costs_only_what_needs_it(
    tmp_path: Path, definition: str
) -> None:
    for path in HERE.rglob("*.*sd*"):
        copy = tmp_path / path.relative_to(HERE)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "tariffs.xsd").write_text(f"{definition}<s/>")

    draft = KIND.draft(str(tmp_path / "berths.wsdl"), DraftWish())

    assert "and it declares a DOCTYPE, which is never read" in draft.notes[0]
    assert "get_price" not in draft.named.values()


class TestUpdate:
    """Three sides: the last draft, what a person made of it, what the contract is now."""

    @pytest.fixture
    def source(self, place: Path) -> Path:
        """A contract of our own, drafted."""
        for path in HERE.rglob("*.*sd*"):
            copy = place / "contract" / path.relative_to(HERE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        assert main(["new", "soap", "contract/berths.wsdl"]) == 0
        return place / "contract" / "berths.wsdl"

    def update(self, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
        capsys.readouterr()
        assert main(["new", "soap", "--update", "--name", "berths"]) == code
        return capsys.readouterr().out

    def test_without_a_change_nothing_changes(
        self, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        adapter, lock = Path("adapters/berths.yaml"), Path("adapters/adapters.lock")
        before = (adapter.read_bytes(), lock.read_bytes())
        assert read_lock(Path("adapters"))["berths"]["made"]["source"] == "contract/berths.wsdl"

        assert "nothing has changed\n" in self.update(capsys)

        assert (adapter.read_bytes(), lock.read_bytes()) == before
        assert source.exists()

    def test_edits_stay_and_what_is_new_comes(
        self, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        adapter = Path("adapters/berths.yaml")
        text = adapter.read_text()
        text = text.replace("description: Submit manifest.  # from", "description: Mine.  # from")
        text = text.replace("effect: destroy  # decide", "effect: destroy\n    allow: 'true'")
        logout = text[text.index("\n  # Logout()") : text.index("\n# Not offered")]
        text = text.replace(logout, "") + "\ntests: []\n"
        text = text.replace("timeout: 20s", "timeout: 5s")
        adapter.write_text(text)
        wsdl = source.read_text()
        wsdl = wsdl.replace("A berth is free when nobody has booked it.", "Of any length.")
        wsdl = wsdl.replace('name="Notes" type="t:Cargo"', 'name="Remarks" type="t:Cargo"')
        source.write_text(
            wsdl.replace('"CancelBooking"><soap:o', '"Abandon"><soap:o').replace(
                'n name="CancelBooking"><wsdl:input', 'n name="Abandon"><wsdl:input'
            )
        )
        (source.parent / "tariffs.xsd").write_text(
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:berths:tariffs">'
            '<xs:element name="Price" type="xs:int"/></xs:schema>'
        )

        told = self.update(capsys, 1)  # what is gone from the contract cannot be called

        assert told.splitlines()[:4] == [
            "new: abandon, get_price",
            "brought up to date, as nobody had edited them: find_berths",
            "edited, so left as they are, but the source has changed: look at them: submit_manifest",
            "not in the source any more: take them out: cancel_booking",
        ]
        now = adapter.read_text()
        assert "description: Mine." in now
        assert "allow: 'true'" in now
        assert "timeout: 5s" in now
        assert "  logout:" not in now
        assert "Find free berths from a day on. Of any length." in now
        assert now.index("  abandon:") > now.index("  submit_manifest:")
        assert now.rstrip().endswith("tests: []")
        kept = read_lock(Path("adapters"))["berths"]["functions"]
        assert kept["Berths.FindBerths"] == "find_berths_2"
        assert kept["Berths.CancelBooking"] == "cancel_booking"
        assert "DB403 the contract has no operation `CancelBooking`" in told
        assert "edited, so left as they are" not in self.update(capsys, 1)

    def test_a_vendored_file_that_was_edited_is_not_written_over(
        self, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        vendored = Path("adapters/wsdl/berths/common.xsd")
        vendored.write_text(vendored.read_text() + "<!-- mine -->\n")
        capsys.readouterr()

        assert main(["lint", "--no-environment", "adapters"]) == 0
        assert (
            "adapters/berths.yaml:4:1: DB236 warning: `wsdl/berths/common.xsd` has changed since the adapter was "
            "drafted\n    draft it again with `drawbar new soap --update --name berths`, or bring it back\n"
        ) in capsys.readouterr().out
        assert main(["new", "soap", "--update", "--name", "berths"]) == 3
        assert "`wsdl/berths/common.xsd` has changed since" in capsys.readouterr().err
        assert "mine" in vendored.read_text()
        assert source.exists()

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ([], "say which adapter is updated, with --name"),
            (["--name", "other"], "nothing is known of how `other` was drafted"),
            (["--name", "berths", "gone.wsdl"], "gone.wsdl cannot be read"),
        ],
    )
    @pytest.mark.usefixtures("source")
    def test_an_update_that_cannot_be_is_said(
        self, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["new", "soap", "--update", *arguments]) == 3

        assert told in capsys.readouterr().err
