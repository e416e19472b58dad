"""Logins to a real directory that are more than a name and a password, and the vectors of their RFCs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.ldap.conftest import OpenLdap
from drawbar.backends.ldap.scram import Scram
from drawbar.kernel.outcome import Failed, Succeeded
from drawbar.kernel.ports import BackendError
from ldap_directory import PASSWORD

WHO = """
  who:
    description: Look at a person whom only some may see.
    parameters: {uid: {type: string}}
    base: uid={uid},ou=people,dc=harbour,dc=example
    scope: base
    attributes: {name: {attribute: cn, values: one}}
    rows: one
"""


def login(words: str) -> str:
    return f"  auth: {words}\n"


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_login_that_does_not_send_the_password(open_ldap: OpenLdap, mechanism: str) -> None:
    right = f"{{scram: {{username: gateway, password: {PASSWORD}, mechanism: {mechanism}}}}}"
    for words, known in ((right, True), (right.replace(PASSWORD, "wr0ng-one"), False)):
        async with open_ldap(WHO, change=lambda text, words=words: as_who(text, words)) as found:
            outcome = await found.call("who", {"uid": "mina"})
            health = await found.backend.health()
        if known:
            assert outcome == Succeeded({"name": "Mina Harker"})
        else:
            assert isinstance(outcome, Failed), outcome
            assert (outcome.code, health.ok) == ("backend_denied", False)
            assert "wr0ng-one" not in str(outcome) + str(health)


async def test_a_login_by_plain(open_ldap: OpenLdap) -> None:
    words = f"{{plain: {{username: gateway, password: {PASSWORD}}}}}"
    async with open_ldap(WHO, change=lambda text: as_who(text, words)) as found:
        assert await found.call("who", {"uid": "mina"}) == Succeeded({"name": "Mina Harker"})


def as_who(text: str, words: str) -> str:
    start = text.index("  auth:")
    return text[:start] + login(words) + text[text.index("\n", start) + 1 :]


@pytest.mark.parametrize(
    ("mechanism", "nonce", "challenge", "answer", "end"),
    [
        (
            "SCRAM-SHA-1",
            "fyko+d2lbbFgONRv9qkxdawL",
            b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (
            "SCRAM-SHA-256",
            "rOprNGfwEbeRWgbNEkqO",
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ],
    ids=["RFC 5802", "RFC 7677"],
)
def test_the_examples_of_the_rfcs(
    mechanism: str, nonce: str, challenge: bytes, answer: bytes, end: bytes
) -> None:
    scram = Scram(mechanism, "user", "pencil", nonce)

    assert scram.first() == f"n,,n=user,r={nonce}".encode()
    assert scram.last(challenge) == answer
    scram.check(end)
    with pytest.raises(BackendError, match="does not know the password"):
        scram.check(b"v=" + end[3:])


@given(st.binary(max_size=60))
def test_words_that_are_no_challenge_are_refused(told: bytes) -> None:
    with pytest.raises(BackendError) as caught:
        Scram("SCRAM-SHA-256", "user", "pencil").last(told)
    assert caught.value.code == "backend_denied"


@pytest.mark.parametrize("rounds", [1, 4095, 1_000_001, -5])
def test_a_server_cannot_ask_for_too_little_or_too_much_work(rounds: int) -> None:
    scram = Scram("SCRAM-SHA-256", "user", "pencil", "abc")

    with pytest.raises(BackendError, match="rounds"):
        scram.last(f"r=abcd,s=QSXCR+Q6sek8bf92,i={rounds}".encode())
