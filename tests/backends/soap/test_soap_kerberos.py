"""Kerberos, with a real key distribution centre and a service that has GSSAPI verify each ticket.

Each call is one of `drawbar call`: a process that knows the realm by its own krb5.conf and nothing else.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from .kerberos_realms import FOREIGN, HOST, PASSWORD, REALM, Realms, two_realms, until_expired
from .soap_office import WSDL
from .soap_peers import INSTALLS, Peer, started

pytestmark = INSTALLS
HERE = Path(__file__).parent
ARGUMENTS = json.dumps({"Request": {"LeaveId": 3, "EmpNo": "1", "Reason": None}})
CREW = f"username: crew@{REALM}, password: {PASSWORD}"


@pytest.fixture(scope="module")
def realms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realms]:
    with two_realms(tmp_path_factory.mktemp("kdc")) as realms:
        yield realms


@pytest.fixture(scope="module")
def peer(realms: Realms) -> Iterator[Peer]:
    environment = {**realms.environment, "KRB5_KTNAME": str(realms.keys)}
    with started([sys.executable, HERE / "kerberos_peer.py"], "/", **environment) as peer:
        yield peer


def outcome(
    peer: Peer, folder: Path, auth: str, around: Mapping[str, str], reply: str = ""
) -> dict[str, Any]:
    """What `drawbar call` prints of a leave that is cancelled."""
    (folder / "adapters").mkdir()
    for name in ("leave.wsdl", "leave.xsd"):
        shutil.copy(WSDL / name, folder / "adapters")
    (folder / "adapters" / "hr.yaml").write_text(
        f"""
adapter: hr
backend:
  kind: soap
  wsdl: leave.wsdl
  endpoint: "{peer.url}"
  headers: {{X-Reply: "{reply}"}}
  auth: {{kerberos: {{{auth}}}}}
functions:
  cancel: {{operation: CancelLeave, description: Cancel a leave., effect: destroy}}
"""
    )
    (folder / "drawbar.yaml").write_text(
        "adapters: [adapters]\nstore: sqlite:///here.db\nanonymous: {subject: crew}\n"
    )
    command = [sys.executable, "-m", "drawbar", "call", "hr_cancel", ARGUMENTS, "--json"]
    done = subprocess.run(
        [*command, "--settings", folder / "drawbar.yaml"],
        check=False,
        capture_output=True,
        text=True,
        env=dict(around),
        cwd=folder,
        timeout=60,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_name_and_a_password_are_turned_into_a_ticket(
    realms: Realms, peer: Peer, tmp_path: Path
) -> None:
    found = outcome(peer, tmp_path, f"{CREW}, host: {HOST}", realms.environment)

    assert (found["outcome"], found.get("value")) == ("succeeded", {"Done": True})
    assert peer.said() == f"crew@{REALM}"


def test_the_ticket_of_the_process_is_enough(realms: Realms, peer: Peer, tmp_path: Path) -> None:
    around = realms.with_ticket(f"crew@{REALM}", "10m")

    found = outcome(peer, tmp_path, f"host: {HOST}", around)

    assert (found["outcome"], found.get("value")) == ("succeeded", {"Done": True})
    assert peer.said() == f"crew@{REALM}"


def refused(found: Mapping[str, Any]) -> str:
    """What a call is told that never left this machine."""
    assert (found["outcome"], found["code"], found["retryable"]) == (
        "failed",
        "backend_unavailable",
        False,
    )
    assert "auth.kerberos" in found["hint"]
    return str(found["message"])


def test_without_a_ticket_nothing_is_sent(realms: Realms, peer: Peer, tmp_path: Path) -> None:
    message = refused(outcome(peer, tmp_path, f"host: {HOST}", realms.environment))

    assert "No Kerberos credentials available" in message


def test_an_expired_ticket_is_told_as_one(realms: Realms, peer: Peer, tmp_path: Path) -> None:
    around = realms.with_ticket(f"crew@{REALM}", "1s")
    until_expired(around)

    message = refused(outcome(peer, tmp_path, f"host: {HOST}", around))

    assert "expired" in message


@pytest.mark.parametrize(
    ("auth", "why"),
    [
        (f"username: crew@{FOREIGN}, password: {PASSWORD}, host: {HOST}", "not found in Kerberos"),
        (f"{CREW}, host: leave.sea.test", "not found in Kerberos"),
        (f"username: crew@NOWHERE.TEST, password: x, host: {HOST}", "Cannot find KDC"),
        (f"username: nobody@{REALM}, password: x, host: {HOST}", "not found in Kerberos"),
        (f"username: crew@{REALM}, password: guess, host: {HOST}", "Preauthentication failed"),
    ],
    ids=[
        "a caller of another realm",
        "a service of another realm",
        "no realm",
        "no name",
        "password",
    ],
)
def test_what_the_realm_does_not_know_is_not_sent(
    realms: Realms, peer: Peer, tmp_path: Path, auth: str, why: str
) -> None:
    message = refused(outcome(peer, tmp_path, auth, realms.environment))

    assert why in message


def test_a_ticket_for_another_service_is_the_service_s_to_refuse(
    realms: Realms, peer: Peer, tmp_path: Path
) -> None:
    found = outcome(peer, tmp_path, f"{CREW}, host: other.port.test", realms.environment)

    assert (found["outcome"], found["code"]) == ("failed", "unauthorized")
    assert peer.said().startswith("refused: ")


def test_a_service_that_cannot_prove_itself_leaves_the_outcome_open(
    realms: Realms, peer: Peer, tmp_path: Path
) -> None:
    found = outcome(peer, tmp_path, f"{CREW}, host: {HOST}", realms.environment, "impostor")

    assert found["outcome"] == "indeterminate"
    assert "did not prove who it is" in found["message"]
    assert peer.said() == "anybody"
