"""Drafts from a real directory: what they hold, and that their functions answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drawbar.cli import main
from drawbar.kernel.outcome import Failed, Succeeded
from drawbar.testing.kinds import compiled, opened
from ldap_directory import ADMIN, PASSWORD, Directory

GATEWAY = "uid=gateway,ou=people,dc=harbour,dc=example"


async def draft(url: str, *more: str) -> int:
    return await asyncio.to_thread(main, ["new", "ldap", url, "--name", "peer", *more])


async def test_what_a_directory_holds_is_drafted_by_object_class(
    server: Directory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"ldap://127.0.0.1:{server.port}"
    options = ["--option", f"bind={GATEWAY}", "--option", f"password={PASSWORD}"]

    code = await draft(url, *options)

    printed = capsys.readouterr()
    assert code == 0, printed.err
    text = (tmp_path / "adapters" / "peer.yaml").read_text()
    assert PASSWORD not in text + (tmp_path / "adapters" / "adapters.lock").read_text()
    monkeypatch.setenv("PEER_URL", url)
    monkeypatch.setenv("PEER_PASSWORD", PASSWORD)
    found = compiled(text, tmp_path / "adapters")
    assert [each for each in found.problems if each.severity == "error"] == []
    assert {each.local_name for each in found.functions} >= {
        "find_inet_org_person",
        "get_inet_org_person",
        "find_organizational_unit",
        "get_organizational_unit",
    }
    assert {each.effect for each in found.functions} == {"read"}
    [people] = [each for each in found.functions if each.local_name == "find_inet_org_person"]
    assert people.description.startswith(
        "Find the entries of inetOrgPerson (RFC2798: Internet Organizational Person)."
    )
    async with opened(text, tmp_path / "adapters") as directory:
        some = await directory.call("find_inet_org_person", {"sn": "ark", "mail": "harbour"})
        mina = await directory.call("get_inet_org_person", {"uid": "mina"})
        nobody = await directory.call("get_inet_org_person", {"uid": "*"})
        everyone = await directory.call("find_inet_org_person", {})

    assert isinstance(some, Succeeded), some
    assert some.value == [
        {
            "dn": "uid=mina,ou=people,dc=harbour,dc=example",
            "uid": ["mina"],
            "cn": ["Mina Harker"],
            "sn": ["Harker"],
            "mail": ["mina@harbour.example", "harker@harbour.example"],
        }
    ]
    assert isinstance(mina, Succeeded), mina
    assert isinstance(mina.value, dict)
    assert mina.value["desk_number"] == 7
    assert isinstance(nobody, Failed)
    assert nobody.code == "not_found"
    assert isinstance(everyone, Succeeded)
    assert isinstance(everyone.value, list)
    assert len(everyone.value) >= 4
    assert "userPassword" not in text


async def test_only_some_classes_and_tls(
    server: Directory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"ldap://localhost:{server.port}"
    more = ["--option", "starttls=true", "--option", f"ca={server.certificate}"]
    code = await draft(url, "--only", "organizationalUnit", *more)

    assert code == 0, capsys.readouterr().err
    text = (tmp_path / "adapters" / "peer.yaml").read_text()
    monkeypatch.setenv("PEER_URL", url)
    async with opened(text, tmp_path / "adapters") as directory:
        units = await directory.call("get_organizational_unit", {"ou": "people"})
    assert "inetOrgPerson" not in text
    assert isinstance(units, Succeeded), units
    assert units.value == {"dn": "ou=people,dc=harbour,dc=example", "ou": ["people"]}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ldap://HERE/x",), "is no ldap://HOST"),
        (("ldap://127.0.0.1:9",), "nobody listens there"),
        (("ldap://HERE", "--option", "bind=cn=nobody", "--option", "password=x"), "ldap://127"),
        (("ldap://HERE", "--only", "room"), "there are "),
        (("ldap://HERE", "--option", "base=dc=other"), "ldap://127"),
        (("ldap://HERE", "--option", "basis=dc=other"), "did you mean `base`?"),
    ],
)
async def test_what_cannot_be_drafted_is_told(
    server: Directory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    url, *more = words
    code = await draft(url.replace("HERE", f"127.0.0.1:{server.port}"), *more)

    said = capsys.readouterr().err
    assert code in (3, 4), said
    assert told in said
    assert "Traceback" not in said
    assert ADMIN not in said
