"""How the database learns who is behind a call: settings of the session, and a role, for one transaction.

Connections are shared, so what one call has told must be gone before the next: it is local to the transaction
where the database can do that, and set back by hand where it cannot.
"""

from __future__ import annotations

from drawbar.backends.sql.options import SqlIdentitySpec
from drawbar.backends.sql.session import Identity
from drawbar.kernel.ports import BackendError
from drawbar.kernel.values import Caller, JsonValue


def identity_of(spec: SqlIdentitySpec | None, caller: Caller) -> Identity | None:
    """What the session is told for this caller. Raises BackendError when something of it is not known."""
    if spec is None:
        return None
    settings = tuple((name, _text(caller, path)) for name, path in spec.settings.items())
    return Identity(settings, None if spec.role is None else _text(caller, spec.role))


def _text(caller: Caller, path: str) -> str:
    name = path.removeprefix("caller.")
    value: JsonValue = caller.subject if name == "subject" else ",".join(caller.roles)
    if name.startswith("claims."):
        value = caller.claims.get(name.removeprefix("claims."))
    if isinstance(value, bool):
        value = str(value).lower()
    text = value if isinstance(value, str) else str(value)
    if value is None or isinstance(value, (list, dict)) or "\0" in text:
        message = f"the database has to be told `{path}`, which this caller does not have"
        raise BackendError(
            message,
            code="identity_missing",
            work="not_started",
            hint="The operator has to give this caller the claim.",
        )
    return text
