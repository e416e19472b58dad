"""WS-Security and WS-Addressing, with a peer of another stack that checks requests and signs replies."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from drawbar.backends.soap.access.security import Security
from drawbar.backends.soap.message.request import envelope_of
from drawbar.backends.soap.options import SoapBackendSpec
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Caller, JsonObject

from .soap_calls import Calls, compiled
from .soap_office import Office
from .soap_peers import INSTALLS, Peer, make_keys, npm_peer

Open = Callable[[str], Calls]
pytestmark = INSTALLS
REQUEST: JsonObject = {"Request": {"LeaveId": 3, "EmpNo": "ü <&>", "Reason": None}}
ASSERTION = (
    '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="a-1">'
    "<saml:Subject>anna</saml:Subject></saml:Assertion>"
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """client, service and stranger, each signed by itself; `locked` has its key encrypted."""
    folder = tmp_path_factory.mktemp("wss")
    for name in ("client", "service", "stranger"):
        make_keys(folder, name, "rsa:2048", "-nodes")
    make_keys(folder, "locked", "rsa:2048", "-passout", "pass:s3cret")
    return folder


@pytest.fixture(scope="module")
def peer(keys: Path) -> Iterator[Peer]:
    files = (keys / name for name in ("client.pem", "service.pem", "service.key"))
    yield from npm_peer("npm_secure_peer.js", "/", *files)()


def adapter(url: str, backend: str) -> str:
    return f"""
adapter: hr
backend:
  kind: soap
  wsdl: leave.wsdl
  endpoint: "{url}"
{backend}
functions:
  cancel: {{operation: CancelLeave, effect: destroy}}
"""


def signing(keys: Path, name: str = "client", more: str = "") -> str:
    return f"sign: {{certificate: {keys}/{name}.pem, key: {keys}/{name}.key{more}}}"


def verifying(keys: Path, name: str = "service", more: str = "") -> str:
    return f"verify: {{certificate: {keys}/{name}.pem{more}}}"


def seen(peer: Peer) -> Any:
    return json.loads(peer.said())


# -- what is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("more", ["", ", algorithm: sha1"])
async def test_body_and_time_are_signed(keys: Path, peer: Peer, opened: Open, more: str) -> None:
    hr = opened(adapter(peer.url, f"  security: {{{signing(keys, more=more)}}}"))

    reply = await hr.call("cancel", REQUEST)

    found = seen(peer)
    assert (found["signature"], found["time"]) == ("Body+Timestamp", "300s")
    assert found["mustUnderstand"] == "1"
    assert reply.value == {"Done": True}


async def test_the_peer_of_these_tests_finds_a_strange_signature(
    keys: Path, peer: Peer, opened: Open
) -> None:
    hr = opened(adapter(peer.url, f"  security: {{{signing(keys, 'stranger')}}}"))

    await hr.call("cancel", REQUEST)

    assert seen(peer)["signature"] == "another certificate"


async def test_an_encrypted_key_is_opened_with_its_password(
    keys: Path, peer: Peer, opened: Open
) -> None:
    right = signing(keys, "locked", ", key_password: s3cret")
    wrong = signing(keys, "locked", ", key_password: guess")

    await opened(adapter(peer.url, f"  security: {{{right}}}")).call("cancel", REQUEST)
    error = await opened(adapter(peer.url, f"  security: {{{wrong}}}")).error("cancel", REQUEST)

    assert seen(peer)["signature"] == "another certificate"  # it was signed, and by another key
    assert (error.code, error.work) == ("backend_unavailable", "not_started")
    assert "security.sign" in error.message


def test_a_signature_of_an_elliptic_key_holds_until_something_changes(tmp_path: Path) -> None:
    """The peer's library knows no such keys, so both sides are ours here."""
    make_keys(tmp_path, "ec", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    words = {"certificate": "ec.pem", "key": "ec.key"}
    security = Security(
        SoapBackendSpec.model_validate(
            {
                "kind": "soap",
                "wsdl": "x",
                "endpoint": "https://x",
                "security": {"sign": words, "verify": {"certificate": "ec.pem"}},
            }
        ),
        tmp_path,
    )
    envelope = envelope_of("1.2", [], [etree.fromstring('<a xmlns="urn:a">1</a>')])
    security.add(envelope, Caller("anna"), masked=False)
    sent = etree.fromstring(etree.tostring(envelope))

    assert security.checked(sent).findtext("{urn:a}a") == "1"

    sent[-1][0].text = "2"
    with pytest.raises(BackendError, match="its signature is not the service's"):
        security.checked(sent)


@pytest.mark.parametrize(
    ("words", "username"),
    [
        ("digest: true", "crew:right digest"),
        ("nonce: true", "crew:s3cret with nonce"),
        ("digest: false", "crew:s3cret"),
    ],
)
async def test_a_username_token_proves_the_password(
    peer: Peer, opened: Open, words: str, username: str
) -> None:
    auth = f"  auth: {{wsse_username: {{username: crew, password: s3cret, {words}}}}}"
    hr = opened(adapter(peer.url, f"{auth}\n  security: {{timestamp: 2m}}"))

    await hr.call("cancel", REQUEST)

    found = seen(peer)
    assert (found["username"], found["time"], found["signature"]) == (username, "120s", "none")


@pytest.mark.parametrize("encoded", [False, True])
async def test_a_saml_assertion_of_the_caller_is_passed_on(
    peer: Peer, opened: Open, *, encoded: bool
) -> None:
    hr = opened(adapter(peer.url, "  security: {saml: {from: caller.claims.saml}}"))
    claim = base64.b64encode(ASSERTION.encode()).decode() if encoded else ASSERTION

    await hr.call("cancel", REQUEST, caller=Caller("anna", (), {"saml": claim}))

    assert seen(peer)["saml"] == "anna"


async def test_a_saml_assertion_in_a_file_is_read_anew_for_each_call(
    peer: Peer, opened: Open, tmp_path: Path
) -> None:
    file = tmp_path / "assertion.xml"
    hr = opened(adapter(peer.url, f"  security: {{saml: {{file: {file}}}}}"))
    for subject in ("anna", "bob"):
        file.write_text(ASSERTION.replace("anna", subject))
        await hr.call("cancel", REQUEST)
        assert seen(peer)["saml"] == subject
    file.unlink()

    error = await hr.error("cancel", REQUEST)

    assert (error.code, error.work) == ("backend_unavailable", "not_started")


@pytest.mark.parametrize("claim", ["nonsense", "<Assertion/>", "<!DOCTYPE a><a/>"])
async def test_what_is_no_assertion_is_not_sent(peer: Peer, opened: Open, claim: str) -> None:
    hr = opened(adapter(peer.url, "  security: {saml: {from: caller.claims.saml}}"))

    error = await hr.error("cancel", REQUEST, caller=Caller("anna", (), {"saml": claim}))

    assert (error.code, error.work) == ("identity_missing", "not_started")


async def test_addressing_says_what_where_and_which(peer: Peer, opened: Open) -> None:
    hr = opened(adapter(peer.url, '  addressing: "1.0"\n  addressed_to: urn:leave:office'))

    await hr.call("cancel", REQUEST)
    await hr.call("cancel", REQUEST)

    one, two = seen(peer)["addressing"], seen(peer)["addressing"]
    assert one.pop("MessageID") != two.pop("MessageID")
    assert one == {
        "Action": "urn:leave/CancelLeave",
        "To": "urn:leave:office",
        "ReplyTo": "http://www.w3.org/2005/08/addressing/anonymous",
    }


async def test_a_dry_run_shows_no_secret(keys: Path, peer: Peer, opened: Open) -> None:
    backend = (
        "  auth: {wsse_username: {username: crew, password: s3cret}}\n"
        f"  security: {{{signing(keys)}, saml: {{from: caller.claims.saml}}}}"
    )
    caller = Caller("anna", (), {"saml": ASSERTION})

    dry = await opened(adapter(peer.url, backend)).call(
        "cancel", REQUEST, caller=caller, mode="dry_run"
    )

    body = str(dry.value)
    assert "s3cret" not in body
    assert "saml:Subject" not in body
    assert all(word in body for word in ("Signature", "Timestamp", "Assertion", "crew"))


# -- what is taken of replies ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "more"),
    [("", ""), ("prefixes", ""), ("body only", ""), ("sha1", ", algorithm: sha1")],
)
async def test_a_reply_counts_with_the_service_s_signature(
    keys: Path, peer: Peer, opened: Open, how: str, more: str
) -> None:
    backend = f'  headers: {{X-Reply: "{how}"}}\n  security: {{{verifying(keys, more=more)}}}'
    hr = opened(adapter(peer.url, backend))
    if how == "body only":
        error = await hr.error("cancel", REQUEST)
        assert error.message == "the reply cannot be trusted: its Timestamp is not signed"
    else:
        assert (await hr.call("cancel", REQUEST)).value == {"Done": True}
    seen(peer)


@pytest.mark.parametrize(
    ("how", "certificate", "why"),
    [
        ("unsigned", "service", "it is not signed"),
        ("", "stranger", "its signature is not the service's"),
        ("changed", "service", "its signature is not the service's"),
        ("sha1", "service", "its signature is not the service's"),
        ("time only", "service", "its body is not signed"),
        ("expired", "service", "its Timestamp has expired"),
        ("early", "service", "its Timestamp lies in the future"),
    ],
)
async def test_a_reply_without_it_does_not_count(
    keys: Path, peer: Peer, opened: Open, how: str, certificate: str, why: str
) -> None:
    backend = f'  headers: {{X-Reply: "{how}"}}\n  security: {{{verifying(keys, certificate)}}}'

    error = await opened(adapter(peer.url, backend)).error("cancel", REQUEST)

    assert (error.code, error.work) == ("untrusted_reply", "unknown")
    assert error.message.startswith(f"the reply cannot be trusted: {why}")
    seen(peer)


async def test_only_what_was_signed_is_read(keys: Path, peer: Peer, opened: Open) -> None:
    """Signature wrapping: the signed body lies in the header, and a forged one where the body is."""
    backend = f"  headers: {{X-Reply: wrapped}}\n  security: {{{verifying(keys)}}}"

    reply = await opened(adapter(peer.url, backend)).call("cancel", REQUEST)

    assert reply.value == {"Done": True}  # the forged one says false
    seen(peer)


@pytest.mark.parametrize(
    ("how", "work", "message"),
    [("fault", "rolled_back", "no"), ("unsigned fault", "unknown", "no (the fault is not signed)")],
)
async def test_a_fault_that_is_not_signed_says_nothing_for_sure(
    keys: Path, peer: Peer, opened: Open, how: str, work: str, message: str
) -> None:
    backend = f"  headers: {{X-Reply: {how}}}\n  security: {{{verifying(keys)}}}"

    error = await opened(adapter(peer.url, backend)).error("cancel", REQUEST)

    assert (error.code, error.work, error.message) == ("fault", work, message)
    assert error.facts["fault"] == "HR-9"
    seen(peer)


async def test_a_reply_to_another_message_does_not_count(peer: Peer, opened: Open) -> None:
    backend = '  headers: {X-Reply: unrelated}\n  addressing: "1.0"'

    error = await opened(adapter(peer.url, backend)).error("cancel", REQUEST)

    assert (error.code, error.work) == ("untrusted_reply", "unknown")
    assert error.message.endswith("it says that it answers another message")
    seen(peer)


# -- what an author is told -----------------------------------------------------------------------


def test_files_that_are_not_there_are_told_with_their_place() -> None:
    text = adapter(
        "https://x", "  security: {sign: {certificate: no.pem}, verify: {certificate: n.pem}}"
    )

    assert [(p.code, p.message) for p in compiled(text).problems if p.code == "DB421"] == [
        ("DB421", "there is no file `no.pem`"),
        ("DB421", "there is no file `n.pem`"),
    ]


async def test_a_file_that_is_no_key_is_told_at_the_call(
    keys: Path, office: Office, opened: Open
) -> None:
    (keys / "none.pem").write_text("no certificate")
    sign = f"  security: {{sign: {{certificate: {keys}/none.pem}}}}"
    verify = f"  security: {{verify: {{certificate: {keys}/none.pem}}}}"
    office.replies(
        '<t:CancelLeaveResponse xmlns:t="urn:leave"><t:Done>1</t:Done></t:CancelLeaveResponse>'
    )

    unsigned = await opened(adapter(office.url, sign)).error("cancel", REQUEST)
    unverified = await opened(adapter(office.url, verify)).error("cancel", REQUEST)

    assert (unsigned.code, unsigned.work) == ("backend_unavailable", "not_started")
    assert (unverified.code, unverified.work) == ("backend_unavailable", "not_started")
    assert office.received == []
