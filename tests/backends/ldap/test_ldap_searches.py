"""Searches in a real directory."""

from __future__ import annotations

import re

import pytest

from backends.ldap.conftest import OpenLdap
from drawbar.kernel.outcome import Failed, Refused, Succeeded
from drawbar.kernel.ports import BackendError, Call
from drawbar.kernel.values import Caller, JsonObject, JsonValue
from ldap_directory import ADMIN, PASSWORD, Directory

PEOPLE = """
  find:
    description: Find people.
    parameters: {name: {type: string}, desk: {type: integer, optional: true}}
    search: (&(objectClass=person)(cn=*{name}*)(deskNumber={desk}))
    base: ou=people,dc=harbour,dc=example
    attributes: {uid: uid, mail: mail, desk: deskNumber, on_duty: onDuty, hired: hiredAt, dn: dn}
  get:
    description: Show a person.
    parameters: {uid: {type: string}}
    base: uid={uid},ou=people,dc=harbour,dc=example
    scope: base
    attributes: {name: cn, mail: {attribute: mail, values: one}, phone: {attribute: telephoneNumber, values: one}}
    rows: one
  one:
    description: The one person of this surname.
    parameters: {pattern: {type: string}}
    search: (sn={pattern})
    base: ou=people,dc=harbour,dc=example
    attributes: {uid: {attribute: uid, values: one}}
    rows: one
  since:
    description: Who was hired since.
    parameters: {since: {type: string, format: date-time}}
    search: (hiredAt>={since})
    base: ou=people,dc=harbour,dc=example
    attributes: {uid: uid}
  below:
    description: What is below an entry.
    parameters: {dn: {type: string}}
    base: "{dn}"
    scope: one
    attributes: {dn: dn}
"""
ASKED: tuple[JsonObject, ...] = (
    {"name": "harker"},
    {"name": "harker", "desk": 7},
    {"name": "harker", "desk": 8},
)
MINA: JsonObject = {
    "uid": ["mina"],
    "mail": ["mina@harbour.example", "harker@harbour.example"],
    "desk": 7,
    "on_duty": True,
    "hired": "2021-03-01T08:30:00Z",
    "dn": "uid=mina,ou=people,dc=harbour,dc=example",
}


async def test_the_servers_schema_says_what_is_a_list_and_what_is_a_number(
    open_ldap: OpenLdap,
) -> None:
    async with open_ldap(PEOPLE) as gateway:
        outcome = await gateway.call("find", {"name": "harker"})

    assert outcome == Succeeded([MINA])


async def test_a_condition_without_its_parameter_is_left_out_and_with_it_it_counts(
    open_ldap: OpenLdap,
) -> None:
    async with open_ldap(PEOPLE) as gateway:
        found = [await gateway.call("find", arguments) for arguments in ASKED]

    assert [len(each.value) for each in found if isinstance(each, Succeeded)] == [1, 1, 0]  # type: ignore[arg-type] # lists


@pytest.mark.parametrize(
    "name", ["*", "harker)(uid=*", "Mina)(|(objectClass=*", "\\2a", "harker*)(sn=*"]
)
async def test_no_text_becomes_a_part_of_the_filter(open_ldap: OpenLdap, name: str) -> None:
    async with open_ldap(PEOPLE) as gateway:
        outcome = await gateway.call("find", {"name": name})

    assert isinstance(outcome, Succeeded)
    assert [each["uid"] for each in outcome.value] == ([["jan"]] if name == "*" else [])  # type: ignore[union-attr,index,call-overload] # a list of entries


async def test_a_name_is_escaped_so_that_it_stays_one_value(open_ldap: OpenLdap) -> None:
    async with open_ldap(PEOPLE) as gateway:
        inside = await gateway.call("get", {"uid": "mina,ou=people,dc=harbour,dc=example"})
        found = await gateway.call("get", {"uid": "mina"})

    assert isinstance(inside, Failed)
    assert inside.code == "not_found"
    assert isinstance(found, Succeeded)
    assert found.value == {
        "name": ["Mina Harker"],
        "mail": "mina@harbour.example",
        "phone": "+44 1947 600 101",
    }
    assert found.notes == ("mail has more values than the one that is shown.",)


async def test_an_empty_text_is_refused_where_it_would_ask_for_everything(
    open_ldap: OpenLdap,
) -> None:
    async with open_ldap(PEOPLE) as gateway:
        outcomes = [
            await gateway.call("find", {"name": ""}),
            await gateway.call("get", {"uid": ""}),
        ]

    assert all(isinstance(each, Refused) for each in outcomes), outcomes


async def test_an_authors_own_pattern_does_not_let_an_empty_text_in(open_ldap: OpenLdap) -> None:
    functions = PEOPLE.replace("{name: {type: string}", "{name: {type: string, pattern: '[a-z]*'}")
    functions = functions.replace(
        "{uid: {type: string}}", "{uid: {type: string, pattern: '[a-z]*'}}"
    )
    async with open_ldap(functions) as gateway:
        outcomes = [
            await gateway.call("find", {"name": ""}),
            await gateway.call("get", {"uid": ""}),
        ]

    assert all(isinstance(each, Failed) for each in outcomes), outcomes


async def test_one_entry_is_exactly_one(open_ldap: OpenLdap) -> None:
    async with open_ldap(PEOPLE.replace("(sn={pattern})", "(sn=*{pattern}*)")) as gateway:
        none = await gateway.call("one", {"pattern": "nobody"})
        one = await gateway.call("one", {"pattern": "Viss"})
        many = await gateway.call("one", {"pattern": "e"})

    assert isinstance(none, Failed)
    assert none.code == "not_found"
    assert one == Succeeded({"uid": "jan"})
    assert isinstance(many, Failed)
    assert many.code == "not_unique"


async def test_moments_are_compared_as_the_directory_writes_them(open_ldap: OpenLdap) -> None:
    async with open_ldap(PEOPLE) as gateway:
        before = await gateway.call("since", {"since": "2021-03-01T09:30:00+01:00"})
        after = await gateway.call("since", {"since": "2021-03-01T09:30:01+01:00"})

    assert before == Succeeded([{"uid": ["mina"]}])
    assert after == Succeeded([])


async def test_a_name_from_the_model_has_to_lie_below_the_base(open_ldap: OpenLdap) -> None:
    async with open_ldap(PEOPLE) as gateway:
        inside = await gateway.call("below", {"dn": "dc=harbour, DC=Example"})
        outside = await gateway.call("below", {"dn": "cn=config"})
        escaped = await gateway.call("below", {"dn": "cn=x\\,dc=harbour,dc=example"})
        no_name = await gateway.call("below", {"dn": "harbour"})

    assert isinstance(inside, Succeeded)
    assert inside.notes == ("1 part of the directory is on another server, which was not asked.",)
    for outcome in (outside, escaped, no_name):
        assert isinstance(outcome, Failed), outcome
        assert outcome.code == "invalid_arguments"


async def test_more_pages_are_read_up_to_the_cap(open_ldap: OpenLdap) -> None:
    function = """
  all:
    description: All people.
    search: (objectClass=inetOrgPerson)
    attributes: {uid: {attribute: uid, values: one}}
"""
    async with open_ldap(function, "  page: 1\n") as gateway:
        whole = await gateway.call("all", {})
        [found] = gateway.compiled.functions
        call = Call(found.name, {}, Caller("x"), deadline=10**9, max_rows=3)
        reply = await gateway.backend.invoke(found.binding, call)

    assert isinstance(whole, Succeeded)
    assert whole.value == [{"uid": name} for name in ("gateway", "mina", "jan", "few")]
    assert len(reply.value) == 3  # type: ignore[arg-type] # a list
    assert [(cut.kept, cut.unit) for cut in reply.cuts] == [(3, "rows")]


async def test_a_single_entry_that_is_too_large_is_not_told_as_missing(open_ldap: OpenLdap) -> None:
    async with open_ldap(PEOPLE) as gateway:
        get = next(f for f in gateway.compiled.functions if f.local_name == "get")
        call = Call(get.name, {"uid": "mina"}, Caller("x"), deadline=10**9, max_bytes=10)
        with pytest.raises(BackendError) as raised:
            await gateway.backend.invoke(get.binding, call)

    assert raised.value.code == "reply_too_large"


async def test_a_limit_of_the_servers_own_is_told_as_a_cut(open_ldap: OpenLdap) -> None:
    function = """
  all:
    description: All people.
    search: (objectClass=inetOrgPerson)
    attributes: {uid: uid}
"""

    def few(text: str) -> str:
        return text.replace("uid=gateway,", "uid=few,").replace(PASSWORD, "few")

    async with open_ldap(function, change=few) as gateway:
        [found] = gateway.compiled.functions
        call = Call(found.name, {}, Caller("x"), deadline=10**9)
        reply = await gateway.backend.invoke(found.binding, call)

    assert [len(reply.value), len(reply.cuts)] == [2, 1]  # type: ignore[arg-type] # a list


async def test_a_caller_sees_what_the_caller_may_see(open_ldap: OpenLdap) -> None:
    function = """
  vault:
    description: The vault.
    base: ou=vault,dc=harbour,dc=example
    scope: base
    attributes: {name: {attribute: ou, values: one}}
"""
    identity = '  identity: "dn:uid={caller.subject},ou=people,dc=harbour,dc=example"\n'
    async with open_ldap(function, identity) as gateway:
        [found] = gateway.compiled.functions
        seen: dict[str, JsonValue] = {}
        for subject in ("mina", "jan"):
            call = Call(found.name, {}, Caller(subject), deadline=10**9)
            try:
                seen[subject] = (await gateway.backend.invoke(found.binding, call)).value
            except BackendError as error:
                seen[subject] = error.code
    async with open_ldap(function) as gateway:
        itself = await gateway.call("vault", {})

    assert seen == {"mina": [{"name": "vault"}], "jan": "not_found"}
    assert isinstance(itself, Failed)


async def test_a_dry_run_shows_the_filter_as_a_person_would_write_it(open_ldap: OpenLdap) -> None:
    async with open_ldap(PEOPLE) as gateway:
        find = next(f for f in gateway.compiled.functions if f.local_name == "find")
        call = Call(find.name, {"name": "a*(b)"}, Caller("x"), deadline=10**9, mode="dry_run")
        reply = await gateway.backend.invoke(find.binding, call)

    assert reply.value == {
        "request": {
            "search": r"(&(objectClass=person)(cn=*a\2a\28b\29*))",
            "base": "ou=people,dc=harbour,dc=example",
            "scope": "subtree",
            "attributes": ["uid", "mail", "deskNumber", "onDuty", "hiredAt"],
        }
    }


@pytest.mark.parametrize("way", ["ldaps", "starttls", "external"])
async def test_a_connection_is_encrypted_and_its_certificate_checked(
    open_ldap: OpenLdap, server: Directory, way: str
) -> None:
    words = f"  tls: {{ca: {server.certificate}}}\n"
    if way == "external":
        words = f"  tls: {{ca: {server.certificate}, certificate: {server.client}, key: {server.client_key}}}\n"

    def secured(text: str) -> str:
        if way == "starttls":
            return text.replace("\n  base:", "\n  starttls: true\n  base:", 1)
        text = text.replace(
            f"ldap://127.0.0.1:{server.port}", f"ldaps://127.0.0.1:{server.tls_port}"
        )
        return re.sub("  auth: .*", "  auth: {external: true}", text) if way == "external" else text

    async with open_ldap(PEOPLE, words, secured) as gateway:
        outcome = await gateway.call("find", {"name": "harker"})
        health = await gateway.backend.health()
    async with open_ldap(
        PEOPLE, "", secured if way != "external" else _untrusting(server)
    ) as gateway:
        untrusted = await gateway.call("find", {"name": "harker"})

    assert outcome == Succeeded([MINA])
    assert health.ok
    assert isinstance(untrusted, Failed)
    assert untrusted.code == "backend_unavailable"
    assert "certificate" in untrusted.message


def _untrusting(server: Directory):  # type: ignore[no-untyped-def] # a change of a text
    return lambda text: text.replace(
        f"ldap://127.0.0.1:{server.port}", f"ldaps://127.0.0.1:{server.tls_port}"
    )


async def test_everything_of_an_entry_is_shown_but_its_password(open_ldap: OpenLdap) -> None:
    function = "  all: {description: x., search: (uid=jan), base: 'ou=people,dc=harbour,dc=example', rows: one}"

    def admin(text: str) -> str:
        return text.replace("uid=gateway,ou=people,dc=harbour,dc=example", ADMIN)

    async with open_ldap(function, change=admin) as gateway:
        everything = await gateway.call("all", {})
    named = function.replace("rows: one", "rows: one, attributes: {hash: userPassword}")
    async with open_ldap(named, change=admin) as gateway:
        asked = await gateway.call("all", {})

    assert everything == Succeeded(
        {
            "dn": "uid=jan,ou=people,dc=harbour,dc=example",
            "objectClass": ["inetOrgPerson"],
            "uid": ["jan"],
            "cn": ["Jan (deputy) *"],
            "sn": ["Visser"],
        }
    )
    assert asked == Succeeded({"hash": ["cw=="]})


async def test_a_wrong_password_is_the_operators_business_and_is_not_told(
    open_ldap: OpenLdap,
) -> None:
    async with open_ldap(
        PEOPLE, change=lambda text: text.replace(PASSWORD, "wr0ng-one")
    ) as gateway:
        outcome = await gateway.call("find", {"name": "harker"})
        health = await gateway.backend.health()

    assert isinstance(outcome, Failed)
    assert (outcome.code, health.ok) == ("backend_denied", False)
    assert outcome.hint == "The operator has to correct `auth:` of the adapter."
    assert "wr0ng-one" not in str((outcome, health))
    assert ADMIN not in str(outcome)
