"""WS-Security with Apache WSS4J, which most Java servers use: it checks what is sent, and its signature is checked."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drawbar.kernel.values import JsonObject
from machine import missing

from .soap_calls import Calls
from .soap_peers import HERE, INSTALLS, Peer, make_keys, started

Open = Callable[[str], Calls]
pytestmark = INSTALLS
JARS = [
    Path("/usr/share/java") / f"{name}.jar"
    for name in ("wss4j", "xmlsec", "commons-logging", "commons-codec", "slf4j-api", "slf4j-nop")
]
REQUEST: JsonObject = {"Request": {"LeaveId": 3, "EmpNo": "ü <&>", "Reason": None}}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """client, service and stranger, each signed by itself; the service's also as Java keeps it."""
    folder = tmp_path_factory.mktemp("wss4j")
    for name in ("client", "service", "stranger"):
        make_keys(folder, name, "rsa:2048", "-nodes")
    command = ["openssl", "pkcs12", "-export", "-in", "service.pem", "-inkey", "service.key"]
    command += ["-name", "service", "-passout", "pass:s3cret", "-out", "service.p12"]
    subprocess.run(command, check=True, cwd=folder, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def peer(keys: Path) -> Iterator[Peer]:
    absent = [each.name for each in JARS if not each.is_file()]
    absent += [each for each in ("java", "ecj") if shutil.which(each) is None]
    if absent:
        missing(f"{', '.join(absent)} not installed (Debian: libwss4j-java, ecj)")
    path = ":".join(map(str, JARS))
    made = ["ecj", "-17", "-proc:none", "-cp", path, "-d", str(keys / "classes")]
    subprocess.run([*made, str(HERE / "Wss4jPeer.java")], check=True, timeout=100)
    command = ["java", "-cp", f"{path}:{keys / 'classes'}", "Wss4jPeer"]
    with started([*command, keys / "client.pem", keys / "service.p12"], "/") as peer:
        yield peer


def adapter(peer: Peer, *backend: str) -> str:
    words = "\n".join(f"  {each}" for each in backend)
    return f"""
adapter: hr
backend:
  kind: soap
  wsdl: leave.wsdl
  endpoint: "{peer.url}"
{words}
functions:
  cancel: {{operation: CancelLeave, effect: destroy}}
"""


def signing(keys: Path, name: str = "client", more: str = "") -> str:
    return f"security: {{sign: {{certificate: {keys}/{name}.pem, key: {keys}/{name}.key{more}}}}}"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("digest: true", "digest:crew"),
        ("digest: false", "password:crew"),
        ("nonce: true", "password:crew"),
    ],
)
async def test_a_username_token_and_a_time_are_accepted(
    peer: Peer, opened: Open, words: str, found: str
) -> None:
    auth = f"auth: {{wsse_username: {{username: crew, password: s3cret, {words}}}}}"

    await opened(adapter(peer, auth, "security: {timestamp: 2m}")).call("cancel", REQUEST)

    assert set(peer.said().split()) == {"time:120", found}


@pytest.mark.parametrize("digest", ["true", "false"])
async def test_a_wrong_password_is_refused(peer: Peer, opened: Open, digest: str) -> None:
    auth = f"auth: {{wsse_username: {{username: crew, password: guess, digest: {digest}}}}}"

    await opened(adapter(peer, auth)).call("cancel", REQUEST)

    assert peer.said().startswith("refused: ")


@pytest.mark.parametrize("more", ["", ", algorithm: sha1"])
async def test_a_signature_over_body_and_time_is_accepted(
    keys: Path, peer: Peer, opened: Open, more: str
) -> None:
    auth = "auth: {wsse_username: {username: crew, password: s3cret, digest: true}}"

    await opened(adapter(peer, auth, signing(keys, more=more))).call("cancel", REQUEST)

    assert set(peer.said().split()) == {
        "time:300",
        "token",
        "digest:crew",
        "signed:Body+Timestamp",
    }


async def test_the_signature_of_a_stranger_is_refused(keys: Path, peer: Peer, opened: Open) -> None:
    await opened(adapter(peer, signing(keys, "stranger"))).call("cancel", REQUEST)

    assert peer.said().startswith("refused: ")


@pytest.mark.parametrize("how", ["", "issuer", "certificate", "thumbprint"])
async def test_a_reply_counts_however_it_refers_to_its_certificate(
    keys: Path, peer: Peer, opened: Open, how: str
) -> None:
    verify = f"security: {{timestamp: 1m, verify: {{certificate: {keys}/service.pem}}}}"

    reply = await opened(adapter(peer, verify, f'headers: {{X-Reply: "{how}"}}')).call(
        "cancel", REQUEST
    )

    assert reply.value == {"Done": True}
    assert peer.said() == "time:60"


@pytest.mark.parametrize(
    ("how", "certificate", "why"),
    [
        ("changed", "service", "its signature is not the service's"),
        ("", "stranger", "its signature is not the service's"),
        ("expired", "service", "its Timestamp has expired"),
    ],
)
async def test_a_reply_that_is_not_as_it_was_signed_does_not_count(
    keys: Path, peer: Peer, opened: Open, how: str, certificate: str, why: str
) -> None:
    verify = f"security: {{timestamp: 1m, verify: {{certificate: {keys}/{certificate}.pem}}}}"

    error = await opened(adapter(peer, verify, f'headers: {{X-Reply: "{how}"}}')).error(
        "cancel", REQUEST
    )

    assert (error.code, error.work) == ("untrusted_reply", "unknown")
    assert error.message.startswith(f"the reply cannot be trusted: {why}")
    assert peer.said() == "time:60"
