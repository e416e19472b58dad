from __future__ import annotations

import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from drawbar.demo import personnel

from .conftest import Legacy

NS = "urn:saltmouth:personnel"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
FOLDER = Path(personnel.__file__).parent
SCHEMA = etree.XMLSchema(etree.parse(FOLDER / "personnel.xsd"))
Start = Callable[[str], Legacy]


def post(url: str, body: str, caller: str = "") -> tuple[int, etree._Element]:
    """The status and the one element of the answer's body."""
    header = f"<s:Header><p:OnBehalfOf>{caller}</p:OnBehalfOf></s:Header>" if caller else ""
    envelope = (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:p="{NS}">{header}<s:Body>{body}</s:Body></s:Envelope>'
    )
    request = urllib.request.Request(url, envelope.encode(), {"Content-Type": "text/xml"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, etree.fromstring(response.read())[-1][0]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, etree.fromstring(error.read())[-1][0]


def fault_code(answer: etree._Element) -> str | None:
    return answer.findtext(f"detail/{{{NS}}}PersonnelFault/{{{NS}}}Code")


def test_it_serves_the_contract_that_is_vendored_beside_the_adapter(start: Start) -> None:
    office = start("personnel")
    vendored = Path("adapters/wsdl")

    with urllib.request.urlopen(f"{office.url}?wsdl", timeout=10) as response:
        served = response.read()

    original = served.replace(office.url.encode(), b"http://crewoffice.saltmouth.example/hr")
    assert original == (vendored / "personnel.wsdl").read_bytes()
    assert (FOLDER / "personnel.xsd").read_bytes() == (vendored / "personnel.xsd").read_bytes()


@pytest.mark.filterwarnings("default")  # zeep's own deprecations are not ours
def test_a_soap_library_of_another_maker_understands_its_contract() -> None:
    zeep = pytest.importorskip("zeep")

    client = zeep.Client(str(FOLDER / "personnel.wsdl"))

    [binding] = client.wsdl.bindings.values()
    assert sorted(binding.all()) == [
        "CancelLeave",
        "FindEmployees",
        "GetEmployee",
        "GetLeave",
        "GetLeaveBalance",
        "ListLeave",
        "RecordDocument",
        "RequestLeave",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "<p:GetEmployee><p:EmpNo>1042</p:EmpNo></p:GetEmployee>",
        "<p:FindEmployees><p:Name>netherby</p:Name></p:FindEmployees>",
        "<p:FindEmployees><p:CertificateEndsBefore>2026-08-01</p:CertificateEndsBefore></p:FindEmployees>",
        "<p:GetLeaveBalance><p:EmpNo>1042</p:EmpNo><p:Year>2026</p:Year></p:GetLeaveBalance>",
        "<p:ListLeave><p:EmpNo>1042</p:EmpNo><p:State>taken</p:State><p:State>refused</p:State></p:ListLeave>",
        "<p:GetLeave><p:LeaveId>L-02210</p:LeaveId></p:GetLeave>",
    ],
)
def test_every_answer_is_valid_by_its_own_schema(start: Start, body: str) -> None:
    status, answer = post(start("personnel").url, body)

    assert status == 200
    SCHEMA.assertValid(etree.ElementTree(answer))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("<p:GetEmployee><p:EmpNo>42</p:EmpNo></p:GetEmployee>", "HR-101"),
        ("<p:GetEmployee/>", "HR-101"),
        ("<p:GetEmployee><p:EmpNo>9999</p:EmpNo></p:GetEmployee>", "HR-204"),
        ("<p:GetLeave><p:LeaveId>L-99999</p:LeaveId></p:GetLeave>", "HR-205"),
        ("<p:CancelLeave><p:LeaveId>L-02210</p:LeaveId></p:CancelLeave>", "HR-401"),
        ("<p:Promote><p:EmpNo>1042</p:EmpNo></p:Promote>", "HR-900"),
    ],
)
def test_what_is_wrong_is_a_typed_fault(start: Start, body: str, code: str) -> None:
    status, answer = post(start("personnel").url, body)

    assert (status, fault_code(answer)) == (500, code)


def test_leave_is_entered_for_the_person_in_the_header_and_cancelled_once(start: Start) -> None:
    url = start("personnel").url
    ask = (
        "<p:RequestLeave><p:EmpNo>1042</p:EmpNo><p:Kind>training</p:Kind>"
        "<p:FirstDay>2026-12-21</p:FirstDay><p:LastDay>2026-12-24</p:LastDay></p:RequestLeave>"
    )
    cancel = "<p:CancelLeave><p:LeaveId>{}</p:LeaveId></p:CancelLeave>"

    _, entered = post(url, ask, "duty-manager")
    leave = {etree.QName(child).localname: child.text for child in entered[0]}
    _, overlapping = post(url, ask, "duty-manager")
    _, cancelled = post(url, cancel.format(leave["LeaveId"]), "duty-manager")
    _, again = post(url, cancel.format(leave["LeaveId"]), "duty-manager")

    assert leave == {
        "LeaveId": "L-02361",
        "EmpNo": "1042",
        "Kind": "training",
        "FirstDay": "2026-12-21",
        "LastDay": "2026-12-24",
        "Days": "4",
        "State": "requested",
        "EnteredBy": "duty-manager",
    }
    assert fault_code(overlapping) == "HR-303"
    covered = overlapping.find(f"detail/{{{NS}}}PersonnelFault/{{{NS}}}Covered")
    assert covered is not None
    assert [each.text for each in covered] == ["L-02361", "2026-12-21", "2026-12-24"]
    assert cancelled.findtext(f".//{{{NS}}}State") == "cancelled"
    assert fault_code(again) == "HR-304"


def test_more_days_than_are_left_are_a_fault_that_says_how_many(start: Start) -> None:
    ask = (
        "<p:RequestLeave><p:EmpNo>1042</p:EmpNo><p:Kind>annual</p:Kind>"
        "<p:FirstDay>2027-03-01</p:FirstDay><p:LastDay>2027-04-30</p:LastDay></p:RequestLeave>"
    )

    _, answer = post(start("personnel").url, ask, "duty-manager")

    assert answer.findtext("faultstring") == "HR-302 45 days asked for, 28 left in 2027"
    assert answer.findtext(f"detail/{{{NS}}}PersonnelFault/{{{NS}}}DaysLeft") == "28"


def recorded(document: str) -> str:
    return (
        '<p:RecordDocument xmlns:x="http://www.w3.org/2001/XMLSchema-instance"><p:EmpNo>1043</p:EmpNo>'
        f"{document}</p:RecordDocument>"
    )


def test_a_paper_takes_the_place_of_an_older_one_of_its_name(start: Start) -> None:
    paper = (
        '<p:Document x:type="p:SeaCertificate"><p:IssuedOn>2024-05-02</p:IssuedOn>'
        "<p:Name>Crowd management</p:Name>{}</p:Document>"
    )
    url = start("personnel").url

    _, first = post(url, recorded(paper.format("<p:ValidUntil>2030-01-31</p:ValidUntil>")), "anna")
    status, second = post(url, recorded(paper.format("<p:Unlimited>true</p:Unlimited>")), "anna")

    assert status == 200
    for answer in (first, second):
        SCHEMA.assertValid(etree.ElementTree(answer))
    certificates = [[child.text for child in each] for each in second.iter(f"{{{NS}}}Certificate")]
    assert ["Crowd management"] in certificates
    assert len(certificates) == len(list(first.iter(f"{{{NS}}}Certificate")))


def test_a_paper_that_has_run_out_is_a_fault_with_its_day(start: Start) -> None:
    document = (
        '<p:Document x:type="p:MedicalReport"><p:IssuedOn>2020-05-02</p:IssuedOn>'
        "<p:Doctor>R. Quayle</p:Doctor><p:FitUntil>2022-05-01</p:FitUntil></p:Document>"
    )

    _, answer = post(start("personnel").url, recorded(document), "anna")

    fault = answer.find(f"detail/{{{NS}}}PersonnelFault")
    assert fault is not None
    SCHEMA.assertValid(etree.ElementTree(fault))
    assert fault_code(answer) == "HR-310"
    assert fault.findtext(f"{{{NS}}}RanOutOn") == "2022-05-01"


def test_it_ends_when_its_input_is_closed(start: Start) -> None:
    office = start("personnel")
    assert office.process.stdin is not None

    office.process.stdin.close()

    assert office.process.wait(10) == 0


@pytest.mark.parametrize("module", ["personnel", "harbour"])
def test_a_server_ends_in_order_on_sigterm(start: Start, module: str) -> None:
    server = start(module)

    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(10) == 0
