"""The words of an adapter whose backend is a directory."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from drawbar.spec.model import BackendSpec, FunctionSpec, SecretText, Spec
from drawbar.spec.tls import TlsSpec

AttributeType = Literal["string", "integer", "boolean", "date-time", "base64"]
Attribute = Annotated[str, Field(min_length=1)]
Given = str | tuple[str, ...]
"""A text with {name} for parameters, or several."""


class LdapSimpleSpec(Spec):
    dn: str = Field(description="The entry that the gateway is.")
    password: SecretText


class LdapPlainSpec(Spec):
    username: str
    password: SecretText


class LdapScramSpec(LdapPlainSpec):
    mechanism: Literal["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-256"


class LdapAuthSpec(Spec):
    """How the gateway shows who it is. Exactly one of the four."""

    simple: LdapSimpleSpec | None = Field(None, description="A name and its password.")
    plain: LdapPlainSpec | None = Field(None, description="SASL PLAIN.")
    scram: LdapScramSpec | None = Field(
        None, description="SASL SCRAM, which does not send the password and proves the server, too."
    )
    external: Literal[True] | None = Field(
        None, description="SASL EXTERNAL: the certificate under `tls` says it."
    )

    @model_validator(mode="after")
    def _one(self) -> LdapAuthSpec:
        ways = (self.simple, self.plain, self.scram, self.external)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("write exactly one of simple, plain, scram and external")
        return self


class LdapBackendSpec(BackendSpec):
    """One directory server."""

    url: str = Field(description="ldap://HOST[:PORT] or ldaps://HOST[:PORT].")
    starttls: bool = Field(
        False, description="Turn an ldap:// connection into TLS before anything is said."
    )
    tls: TlsSpec | None = None
    auth: LdapAuthSpec | None = Field(None, description="Anonymous when left out.")
    base: str | None = Field(
        None,
        description="Where searches begin unless a function says it, and where names that a model gives have to lie.",
    )
    identity: str | None = Field(
        None,
        description="Ask as the caller (proxied authorization, RFC 4370): `dn:uid={caller.subject},ou=people,...` "
        "or `u:{caller.claims.NAME}`.",
    )
    page: int = Field(500, ge=1, le=10_000, description="Entries asked for at a time.")


class LdapAttributeSpec(Spec):
    """One attribute of an entry, as the model gets it."""

    attribute: Attribute = Field(description="Its name in the directory, or dn.")
    type: AttributeType | None = Field(
        None, description="As the server's schema says, or else a string."
    )
    values: Literal["one", "many"] | None = Field(
        None,
        description="One value or a list of all; unless set, one where the server's schema says single-valued.",
    )


class LdapModifySpec(Spec):
    """Changes of one entry, carried out together or not at all. What a left-out parameter fills is left out."""

    add: dict[Attribute, Given] = Field(default_factory=dict)
    replace: dict[Attribute, Given] = Field(default_factory=dict)
    delete: dict[Attribute, Given] = Field(
        default_factory=dict, description="These values; an empty list stands for all."
    )


class LdapFunctionSpec(FunctionSpec):
    """One operation: a search, or one of compare, add, modify and delete on `entry`."""

    search: str | None = Field(
        None,
        description="A filter (RFC 4515), such as (&(objectClass=person)(cn=*{name}*)). {name} stands for a "
        "parameter, within a value. A condition of an & is left out when its parameter is.",
    )
    base: str | None = Field(
        None, description="Where the search begins; {name} stands for a parameter."
    )
    scope: Literal["base", "one", "subtree"] = Field(
        "subtree", description="That entry, those right below it, or all from it on."
    )
    attributes: dict[str, Attribute | LdapAttributeSpec] = Field(
        default_factory=dict,
        description="What of an entry is shown, under which name; everything under its own when left out.",
    )
    rows: Literal["one", "many"] = Field(
        "many", description="One entry, and not_found without any; or a list."
    )
    entry: str | None = Field(None, description="The entry that is compared, added or changed.")
    compare: dict[Attribute, str] = Field(
        default_factory=dict,
        description="One attribute and a value; the answer is whether the entry has it.",
    )
    add: dict[Attribute, Given] = Field(
        default_factory=dict, description="The attributes of a new entry, objectClass included."
    )
    modify: LdapModifySpec | None = None
    delete: Literal[True] | None = Field(None, description="Delete the entry.")
