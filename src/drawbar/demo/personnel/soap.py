"""The wire of the crew office: SOAP 1.1, document/literal, checked against its own XSD."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import urlsplit

from lxml import etree

from drawbar.demo.personnel.register import Employee, Leave, Register, RegisterError

HERE = Path(__file__).parent
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NS = "urn:saltmouth:personnel"
LARGEST = 256_000
PATHS = {"/hr": "personnel.wsdl", "/personnel.xsd": "personnel.xsd"}

Fields = dict[str, list[str]]
"""Texts of the request's elements by local name; no two elements of an operation share one."""


class Office:
    """Answers envelopes with envelopes."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._schema = etree.XMLSchema(etree.parse(HERE / "personnel.xsd"))
        self._parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        self._operations: Mapping[str, Callable[[Fields, str], list[etree._Element]]] = {
            "GetEmployee": self._get_employee,
            "FindEmployees": self._find_employees,
            "GetLeaveBalance": self._get_balance,
            "ListLeave": self._list_leave,
            "GetLeave": self._get_leave,
            "RequestLeave": self._request_leave,
            "CancelLeave": self._cancel_leave,
            "RecordDocument": self._record_document,
        }

    def answer(self, envelope: bytes) -> tuple[HTTPStatus, bytes]:
        try:
            body, caller = self._read(envelope)
            name = etree.QName(body).localname
            fields: Fields = {}
            for node in body.iter():
                if not len(node):
                    fields.setdefault(etree.QName(node).localname, []).append(node.text or "")
            answer = etree.Element(f"{{{NS}}}{name}Response", nsmap={"p": NS})
            answer.extend(self._operations[name](fields, caller))
        except RegisterError as error:
            return HTTPStatus.INTERNAL_SERVER_ERROR, _envelope(_fault(error))
        return HTTPStatus.OK, _envelope(answer)

    def _read(self, envelope: bytes) -> tuple[etree._Element, str]:
        """The one element of the body, valid, and the caller of the header or nothing."""
        try:
            root = etree.fromstring(envelope, self._parser)
        except etree.XMLSyntaxError as error:
            raise RegisterError("HR-100", f"not well-formed: {error}") from error
        body = root.find(f"{{{SOAP}}}Body")
        if root.tag != f"{{{SOAP}}}Envelope" or body is None or len(body) != 1:
            raise RegisterError("HR-100", "a SOAP 1.1 envelope with one body element is expected")
        request = body[0]
        name = etree.QName(request)
        if name.namespace != NS or name.localname not in self._operations:
            raise RegisterError("HR-900", f"no operation is called {name.localname}")
        try:
            self._schema.assertValid(etree.ElementTree(request))
        except etree.DocumentInvalid as error:
            reason = str(error).replace(f"{{{NS}}}", "")
            raise RegisterError("HR-101", f"the request is not valid: {reason}") from error
        return request, root.findtext(f"{{{SOAP}}}Header/{{{NS}}}OnBehalfOf", "").strip()

    def _get_employee(self, fields: Fields, _caller: str) -> list[etree._Element]:
        return [_employee(self._register.employee(fields["EmpNo"][0]))]

    def _find_employees(self, fields: Fields, _caller: str) -> list[etree._Element]:
        before = _one(fields, "CertificateEndsBefore")
        people = self._register.find(
            _one(fields, "Name"),
            _one(fields, "Rank"),
            _one(fields, "Vessel"),
            date.fromisoformat(before) if before else None,
        )
        return [
            _element(
                "Employee",
                EmpNo=person.emp_no,
                Name=f"{person.first_name} {person.last_name}",
                Rank=person.rank,
                Vessel=person.vessel,
            )
            for person in people
        ]

    def _get_balance(self, fields: Fields, _caller: str) -> list[etree._Element]:
        emp_no, wanted = fields["EmpNo"][0], _one(fields, "Year")
        year, entitled, booked = self._register.balance(emp_no, int(wanted) if wanted else None)
        values = {
            "EmpNo": emp_no,
            "Year": year,
            "Entitled": entitled,
            "Booked": booked,
            "Left": entitled - booked,
        }
        return list(_element("Balance", **values))

    def _list_leave(self, fields: Fields, _caller: str) -> list[etree._Element]:
        found = self._register.leave_of(fields["EmpNo"][0], fields.get("State", []))
        return [_leave(leave) for leave in found]

    def _get_leave(self, fields: Fields, _caller: str) -> list[etree._Element]:
        return [_leave(self._register.leave(fields["LeaveId"][0]))]

    def _request_leave(self, fields: Fields, caller: str) -> list[etree._Element]:
        wanted = Leave(
            leave_id="",
            emp_no=fields["EmpNo"][0],
            kind=fields["Kind"][0],
            first_day=date.fromisoformat(fields["FirstDay"][0]),
            last_day=date.fromisoformat(fields["LastDay"][0]),
            state="requested",
            entered_by=_known(caller),
            note=_one(fields, "Note"),
        )
        return [_leave(self._register.request(wanted))]

    def _cancel_leave(self, fields: Fields, caller: str) -> list[etree._Element]:
        _known(caller)
        return [_leave(self._register.cancel(fields["LeaveId"][0]))]

    def _record_document(self, fields: Fields, caller: str) -> list[etree._Element]:
        _known(caller)
        until = _one(fields, "ValidUntil") or _one(fields, "FitUntil")
        person = self._register.record(
            fields["EmpNo"][0],
            _one(fields, "Name") or "Medical fitness",
            date.fromisoformat(fields["IssuedOn"][0]),
            date.fromisoformat(until) if until else None,
        )
        return [_employee(person)]


class OfficeServer(ThreadingHTTPServer):
    """HTTP around the office; one thread a connection."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Without the parent's question to the name service, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def __init__(self, port: int, office: Office) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.office = office
        self.address = f"http://127.0.0.1:{self.server_address[1]}/hr"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "CrewOffice/2.4"
    server: OfficeServer

    def do_GET(self) -> None:
        name = PATHS.get(urlsplit(self.path).path)
        if name is None:
            self._send(HTTPStatus.NOT_FOUND, b"no such document; try /hr?wsdl", "text/plain")
            return
        text = (HERE / name).read_bytes()
        at = self.server.address.encode()
        self._send(
            HTTPStatus.OK, text.replace(b"http://crewoffice.saltmouth.example/hr", at), "text/xml"
        )

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if urlsplit(self.path).path != "/hr" or length > LARGEST:
            self.close_connection = True
            self._send(HTTPStatus.NOT_FOUND, b"post envelopes to /hr", "text/plain")
            return
        status, answer = self.server.office.answer(self.rfile.read(length))
        self._send(status, answer, "text/xml; charset=utf-8")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the parent's name
        """Quiet: what this system is asked stands in the gateway's audit."""

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _known(caller: str) -> str:
    if not caller:
        raise RegisterError("HR-401", "say in the OnBehalfOf header for whom this change is made")
    return caller


def _one(fields: Fields, name: str) -> str | None:
    return fields[name][0] if name in fields else None


def _element(name: str, **children: object) -> etree._Element:
    """An element with its children in order; None leaves a child out."""
    element = etree.Element(f"{{{NS}}}{name}")
    for child, value in children.items():
        if value is not None:
            etree.SubElement(element, f"{{{NS}}}{child}").text = str(value)
    return element


def _employee(person: Employee) -> etree._Element:
    element = _element(
        "Employee",
        EmpNo=person.emp_no,
        FirstName=person.first_name,
        LastName=person.last_name,
        Rank=person.rank,
        Vessel=person.vessel,
        HiredOn=person.hired_on,
        Phone=person.phone,
        Iban=person.iban,
    )
    element.extend(
        _element("Certificate", Name=name, ValidUntil=until) for name, until in person.certificates
    )
    return element


def _leave(leave: Leave) -> etree._Element:
    return _element(
        "Leave",
        LeaveId=leave.leave_id,
        EmpNo=leave.emp_no,
        Kind=leave.kind,
        FirstDay=leave.first_day,
        LastDay=leave.last_day,
        Days=leave.days,
        State=leave.state,
        EnteredBy=leave.entered_by,
        Note=leave.note,
    )


def _fault(error: RegisterError) -> etree._Element:
    fault = etree.Element(f"{{{SOAP}}}Fault", nsmap={"soap": SOAP})
    etree.SubElement(fault, "faultcode").text = "soap:Client"
    etree.SubElement(fault, "faultstring").text = f"{error.code} {error.message}"
    detail = etree.SubElement(fault, "detail")
    said = _element("PersonnelFault", Code=error.code, Message=error.message)
    detail.append(said)
    for fact, value in error.facts.items():
        name = "".join(word.title() for word in fact.split("_"))
        if isinstance(value, Leave):
            days = {"FirstDay": value.first_day, "LastDay": value.last_day}
            said.append(_element(name, LeaveId=value.leave_id, **days))
        else:
            said.extend(_element("PersonnelFault", **{name: value}))
    return fault


def _envelope(content: etree._Element) -> bytes:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(content)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
