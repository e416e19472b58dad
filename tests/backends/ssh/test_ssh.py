"""The kind `ssh` against OpenSSH's server: quoting, keys, exit codes, what is left out and what is refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from drawbar.kernel.outcome import Failed, Indeterminate, Succeeded
from drawbar.testing.kinds import compiled, opened
from drawbar.testing.peer import HOSTILE
from ssh_hosts import OpenSsh, need_sshd

ADAPTER = """\
adapter: peer
backend:
  kind: ssh
  program: ["%(python)s", "-c"]
%(backend)s
functions:
  say:
    description: Say it.
    parameters: {text: {type: string}}
    argv: ["import sys; sys.stdout.write(sys.argv[1])", "{text}"]
    allow_dash: true
  end:
    description: End.
    parameters: {code: {type: integer}}
    argv: ["import sys; print('NO SUCH ORDER', file=sys.stderr); sys.exit(int(sys.argv[1]))", "{code}"]
    exit_codes: {8: not_found}
  end_writing:
    description: End while writing.
    effect: write
    argv: ["import os; os.kill(os.getpid(), 9)"]
  long:
    description: Say much.
    argv: ["while True: print('x' * 100)"]
    limits: {bytes: 1KB}
    stdout: lines
"""


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[OpenSsh]:
    need_sshd()
    host = OpenSsh(tmp_path)
    await host.start()
    yield host
    await host.stop()


def adapter(host: OpenSsh) -> str:
    return ADAPTER % {"python": sys.executable, "backend": host.backend()}


async def test_no_value_is_more_than_one_word_to_the_shell_of_the_host(
    host: OpenSsh, tmp_path: Path
) -> None:
    async with opened(adapter(host), tmp_path) as gateway:
        for text in HOSTILE:
            outcome = await gateway.call("say", {"text": text})
            if "\0" in text:
                assert not isinstance(outcome, Succeeded)
            else:
                assert isinstance(outcome, Succeeded), outcome
                assert outcome.value == text.removesuffix("\n").removesuffix("\r")


async def test_exit_codes_are_told_as_the_author_declared_them(
    host: OpenSsh, tmp_path: Path
) -> None:
    async with opened(adapter(host), tmp_path) as gateway:
        known = await gateway.call("end", {"code": 8})
        unknown = await gateway.call("end", {"code": 3})
        killed = await gateway.call("end_writing", {})

    assert isinstance(known, Failed)
    assert (known.code, known.message) == ("not_found", "NO SUCH ORDER")
    assert isinstance(unknown, Failed)
    assert unknown.code == "command_failed"
    assert isinstance(killed, Indeterminate)
    assert "SIGKILL" in killed.message or "137" in killed.message


async def test_what_is_longer_than_the_cap_ends_the_program(host: OpenSsh, tmp_path: Path) -> None:
    async with opened(adapter(host), tmp_path) as gateway:
        outcome = await gateway.call("long", {})

    assert isinstance(outcome, Succeeded)
    assert outcome.value == ["x" * 100] * 9
    assert "Cut" in " ".join(outcome.notes)


async def test_an_unknown_host_key_is_refused_and_told_how_to_be_added(
    host: OpenSsh, tmp_path: Path
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    text = adapter(host).replace(host.host_key, other)
    async with opened(text, tmp_path) as gateway:
        outcome = await gateway.call("say", {"text": "x"})
        health = await gateway.backend.health()

    fingerprint = asyncssh.import_public_key(host.host_key).get_fingerprint()
    assert isinstance(outcome, Failed)
    assert fingerprint in outcome.message
    assert f"ssh-keyscan -p {host.port} 127.0.0.1" in (outcome.hint or "")
    assert not health.ok
    assert fingerprint in health.detail


async def test_a_refused_login_says_so(host: OpenSsh, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = OpenSsh(tmp_path / "other")  # another pair of keys, of a host that is never started
    text = adapter(other).replace(str(other.port), str(host.port))
    async with opened(text.replace(other.host_key, host.host_key), tmp_path) as gateway:
        outcome = await gateway.call("say", {"text": "x"})

    assert isinstance(outcome, Failed)
    assert outcome.message == f"The host cannot be used: it refuses the login of {host.username}."


async def test_the_keys_of_an_agent_log_in_and_a_key_with_a_passphrase_does(
    host: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = adapter(host)
    key = asyncssh.import_private_key(host.private_key)
    locked = textwrap.indent(key.export_private_key(passphrase="open sesame").decode(), "    ")
    start, end = text.index("  private_key"), text.index("functions:")
    agent = subprocess.Popen(  # noqa: ASYNC220 -- it returns at once
        ["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL
    )
    try:
        while not (tmp_path / "agent").exists():
            await asyncio.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        async with await asyncssh.connect_agent() as keys:
            await keys.add_keys([key])
        for words, fine in (
            ("  agent: true\n", True),
            (f"  private_key: |\n{locked}  passphrase: open sesame\n", True),
            (f"  private_key: |\n{locked}  passphrase: abracadabra\n", False),
        ):
            async with opened(text[:start] + words + text[end:], tmp_path) as gateway:
                outcome = await gateway.call("say", {"text": "x"})
            assert isinstance(outcome, Succeeded) is fine, outcome
            assert "abracadabra" not in str(outcome)
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.parametrize(
    ("principals", "days", "mine", "told"),
    [
        ("127.0.0.1,dock", 1, True, None),
        ("127.0.0.1", 1, False, "does not know"),
        ("crane.internal", 1, True, "cannot be taken: "),
        ("127.0.0.1", -1, True, "cannot be taken: "),
    ],
    ids=["right", "another authority", "another host", "expired"],
)
async def test_a_host_is_known_by_the_authority_that_signed_its_key(
    tmp_path: Path, principals: str, days: int, mine: bool, told: str | None
) -> None:
    need_sshd()
    authority, other = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    host = OpenSsh(tmp_path)
    host.certify(authority, principals=principals, days=days)
    await host.start()
    known = (authority if mine else other).export_public_key().decode().strip()
    backend = host.backend(f"@cert-authority {known}")
    try:
        text = ADAPTER % {"python": sys.executable, "backend": backend}
        async with opened(text, tmp_path) as gateway:
            outcome = await gateway.call("say", {"text": "ahoy"})
    finally:
        await host.stop()

    if told is None:
        assert outcome == Succeeded("ahoy")
    else:
        assert isinstance(outcome, Failed), outcome
        assert told in outcome.message


async def test_a_host_behind_another_one_is_reached_through_it(tmp_path: Path) -> None:
    """The inner host lets in only who comes with its key; the outer one runs nothing."""
    need_sshd()
    folders = tmp_path / "way", tmp_path / "inner"
    for folder in folders:
        folder.mkdir()
    way = OpenSsh(folders[0], forced="/bin/false")
    keys = folders[0] / "authorized_keys"
    keys.write_text(keys.read_text().replace("restrict,", "restrict,port-forwarding,"))
    await way.start()
    inner = OpenSsh(folders[1])  # whose port is a free one only now
    await inner.start()
    backend = f"{inner.backend()}  jump:\n{way.backend(deep=4)}"
    text = ADAPTER % {"python": sys.executable, "backend": backend}
    try:
        async with opened(text, tmp_path) as gateway:
            assert await gateway.call("say", {"text": "ahoy"}) == Succeeded("ahoy")
            assert "Accepted publickey" in (folders[0] / "sshd.log").read_text()
            assert (await gateway.backend.health()).ok
            await way.stop()  # and with it what goes through it
            lost = await gateway.call("say", {"text": "ahoy"}, seconds=5)
            assert isinstance(lost, Failed), lost
            await way.start()
            assert await gateway.call("say", {"text": "again"}) == Succeeded("again")
        wrong = text.replace(way.host_key, inner.host_key)
        async with opened(wrong, tmp_path) as gateway:
            unknown = await gateway.call("say", {"text": "ahoy"})
        async with opened(text.replace(f"port: {way.port}", "port: 9"), tmp_path) as gateway:
            away = await gateway.call("say", {"text": "ahoy"})
    finally:
        await way.stop()
        await inner.stop()

    assert isinstance(unknown, Failed)
    assert "does not know" in unknown.message
    assert isinstance(away, Failed)
    assert away.message == "The host on the way cannot be used: nobody listens there."


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    private", "    x", "DB932"),
        ("host_keys: [ssh-ed25519", "host_keys: [ssh-rsa", "DB931"),
        ("host_keys: [ssh-ed25519 ", "host_keys: [localhost ssh-ed25519 ", "DB931"),
        ("  username", "  agent: true\n  username", "DB932"),
        (
            "  program",
            "  jump: {host: a, username: b, host_keys: [x], agent: true}\n  program",
            "DB931",
        ),
        ('"-c"]', '"-c\\0"]', "DB933"),
        ("{code}", "{cod}", "DB602"),
        ("{8:", "{256:", "DB607"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_opened(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = adapter(OpenSsh(tmp_path))
    if told == "DB932" and "x" in new:
        text = text[: text.index("  private_key")] + text[text.index("functions:") :]
    else:
        assert old in text
        text = text.replace(old, new)

    assert told in {problem.code for problem in compiled(text, tmp_path).problems}
