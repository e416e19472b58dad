"""Asking as the caller: the authorization identity that goes with each operation (RFC 4370, RFC 4513 5.2.1.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from drawbar.backends.ldap.names import escaped, is_name
from drawbar.codecs.template import Template, read_template
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Caller, JsonValue

_CALLER = re.compile(r"caller\.(?:subject|claims\.[A-Za-z_][A-Za-z0-9_-]*)")


@dataclass(frozen=True, slots=True)
class Identity:
    """`dn:` with a name, or `u:` with what the server maps to one."""

    template: Template
    is_name: bool

    def of(self, caller: Caller) -> str:
        """Raises BackendError when something of it is not known."""
        return "".join(
            piece if isinstance(piece, str) else self._piece(caller, piece.parameter)
            for piece in self.template.pieces
        )

    def _piece(self, caller: Caller, path: str) -> str:
        text = _text(caller, path)
        return escaped(text) if self.is_name else text


def read_identity(text: str) -> Identity | None:
    """None where it is none, or one that anybody would have."""
    template = read_template(text)
    if template is None or not template.parameters:
        return None
    if not all(_CALLER.fullmatch(path) for path in template.parameters):
        return None
    if text.startswith("u:"):
        return Identity(template, is_name=False)
    filled = template.fill(dict.fromkeys(template.parameters, "x"))
    if not filled.startswith("dn:") or not is_name(filled.removeprefix("dn:")):
        return None
    return Identity(template, is_name=True)


def _text(caller: Caller, path: str) -> str:
    name = path.removeprefix("caller.")
    value: JsonValue = caller.subject
    if name.startswith("claims."):
        value = caller.claims.get(name.removeprefix("claims."))
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise BackendError(
            f"the directory has to be told `{path}`, which this caller does not have",
            code="identity_missing",
            work="not_started",
            hint="The operator has to give this caller the claim.",
        )
    return str(value)
