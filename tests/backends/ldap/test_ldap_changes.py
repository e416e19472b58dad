"""Comparisons and changes in a real directory."""

from __future__ import annotations

from backends.ldap.conftest import OpenLdap
from doubles import Shelf
from drawbar.kernel.files import FileContent
from drawbar.kernel.outcome import Failed, Refused, Succeeded
from drawbar.kernel.values import JsonObject
from ldap_directory import ADMIN

CHANGES = """
  hire:
    description: Add a person.
    effect: write
    parameters:
      uid: {type: string}
      name: {type: string}
      mail: {type: array, items: {type: string}, optional: true}
      desk: {type: integer, optional: true}
    entry: uid={uid},ou=people,dc=harbour,dc=example
    add:
      objectClass: [inetOrgPerson, harbourPerson]
      uid: "{uid}"
      cn: "{name}"
      sn: "{name}"
      mail: "{mail}"
      deskNumber: "{desk}"
  move:
    description: Give a person another desk or name.
    effect: write
    parameters: {uid: {type: string}, desk: {type: integer, optional: true}, name: {type: string, optional: true}}
    entry: uid={uid},ou=people,dc=harbour,dc=example
    modify: {replace: {deskNumber: "{desk}", cn: "{name}"}}
  retire_mail:
    description: Remove all addresses.
    effect: write
    parameters: {uid: {type: string}}
    entry: uid={uid},ou=people,dc=harbour,dc=example
    modify: {delete: {mail: []}}
  has_desk:
    description: Whether a person has that desk.
    parameters: {uid: {type: string}, desk: {type: integer}}
    entry: uid={uid},ou=people,dc=harbour,dc=example
    compare: {deskNumber: "{desk}"}
  fire:
    description: Delete a person.
    effect: destroy
    parameters: {uid: {type: string}}
    entry: uid={uid},ou=people,dc=harbour,dc=example
    delete: true
  get:
    description: Show a person.
    parameters: {uid: {type: string}}
    base: uid={uid},ou=people,dc=harbour,dc=example
    scope: base
    attributes: {name: cn, mail: mail, desk: deskNumber}
    rows: one
"""


def admin(text: str) -> str:
    return text.replace("uid=gateway,ou=people,dc=harbour,dc=example", ADMIN)


async def test_an_entry_lives_from_its_first_attribute_to_its_last(open_ldap: OpenLdap) -> None:
    uid = 'o\'neil, "x" + y=z '
    async with open_ldap(CHANGES, change=admin) as gateway:
        hired = await gateway.call(
            "hire", {"uid": uid, "name": "Ölaf <o>", "mail": ["a@b.example", "c@d.example"]}
        )
        moved = await gateway.call("move", {"uid": uid, "desk": 12})
        has = [await gateway.call("has_desk", {"uid": uid, "desk": desk}) for desk in (12, 13)]
        shown = await gateway.call("get", {"uid": uid})
        await gateway.call("retire_mail", {"uid": uid})
        after = await gateway.call("get", {"uid": uid})
        fired = await gateway.call("fire", {"uid": uid})
        gone = await gateway.call("get", {"uid": uid})

    assert (hired, moved, fired) == (Succeeded(None), Succeeded(None), Succeeded(None))
    assert has == [Succeeded(True), Succeeded(False)]
    assert shown == Succeeded(
        {"name": ["Ölaf <o>"], "mail": ["a@b.example", "c@d.example"], "desk": 12}
    )
    assert after == Succeeded({"name": ["Ölaf <o>"], "mail": [], "desk": 12})
    assert isinstance(gone, Failed)
    assert gone.code == "not_found"


async def test_an_entry_without_the_attribute_does_not_have_the_value(open_ldap: OpenLdap) -> None:
    async with open_ldap(CHANGES) as gateway:
        outcome = await gateway.call("has_desk", {"uid": "gateway", "desk": 1})

    assert outcome == Succeeded(False)


async def test_a_change_of_nothing_is_not_sent(open_ldap: OpenLdap) -> None:
    async with open_ldap(CHANGES, change=admin) as gateway:
        outcome = await gateway.call("move", {"uid": "jan"})

    assert isinstance(outcome, Failed | Refused)
    assert outcome.code == "invalid_arguments"


async def test_the_directorys_no_says_that_nothing_was_done(open_ldap: OpenLdap) -> None:
    async with open_ldap(CHANGES, change=admin) as gateway:
        twice = await gateway.call("hire", {"uid": "jan", "name": "Jan"})
        nobody = await gateway.call("fire", {"uid": "nobody"})
    async with open_ldap(CHANGES) as gateway:  # may read only
        denied = await gateway.call("fire", {"uid": "jan"})

    assert [each.code for each in (twice, nobody, denied) if isinstance(each, Failed)] == [
        "conflict",
        "not_found",
        "backend_denied",
    ]


async def test_a_referral_is_not_followed(open_ldap: OpenLdap) -> None:
    change = CHANGES.replace("uid={uid},ou=people", "uid={uid},ou=elsewhere")
    async with open_ldap(change, change=admin) as gateway:
        outcome = await gateway.call("move", {"uid": "x", "desk": 1})

    assert isinstance(outcome, Failed)
    assert outcome.code == "referral"
    assert "127.0.0.1:9" not in str(outcome)


PHOTOS = """
  get_photo:
    description: The photo of a person.
    parameters: {uid: {type: string}}
    base: uid={uid},ou=people,dc=harbour,dc=example
    scope: base
    attributes: {photo: {attribute: jpegPhoto, values: one}, name: cn}
    rows: one
  set_photo:
    description: Give a person a photo.
    effect: write
    parameters: {uid: {type: string}, photo: {type: file}}
    entry: uid={uid},ou=people,dc=harbour,dc=example
    modify: {replace: {jpegPhoto: "{photo}"}}
"""


async def test_photos_of_a_directory(open_ldap: OpenLdap) -> None:
    shelf = Shelf()
    photo = b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(2000)
    given: JsonObject = {"uid": "jan", "photo": shelf.put(photo, "compliance")}
    async with open_ldap(
        PHOTOS,
        change=admin,
        files=shelf,
    ) as directory:
        assert await directory.call("set_photo", given) == Succeeded(None)
        outcome = await directory.call("get_photo", {"uid": "jan"})

    assert isinstance(outcome, Succeeded), outcome
    [reference] = outcome.files
    assert outcome.value == {"photo": reference, "name": ["Jan (deputy) *"]}
    kept = await shelf.content(str(reference["file_id"]), owner="compliance")
    assert kept == FileContent("file.jpg", "image/jpeg", photo)
