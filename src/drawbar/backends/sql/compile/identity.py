"""Whether a database can be told what `identity` wants it to be told."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drawbar.backends.sql.dialect import Dialect
from drawbar.backends.sql.options import SqlIdentitySpec
from drawbar.backends.sql.parse import Found
from drawbar.spec.source import At

_NAMES = {
    "postgresql": (re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+"), "app.user"),
    "mariadb": (re.compile(r"[a-z_][a-z0-9_]*"), "app_user"),
}
"""What a setting is called, and an example."""
_PATH = re.compile(r"caller\.(subject|roles|claims\.[^.]+)")


def check_identity(spec: SqlIdentitySpec, dialect: Dialect) -> Iterator[tuple[At, Found]]:
    """What a session of this dialect cannot be told."""
    names = _NAMES.get(dialect.name)
    if names is None:
        message = f"a session of {dialect.title} cannot be told who is calling"
        fix = "give functions a parameter with `from: caller.subject`"
        yield (), Found("DB330", message, fix)
        return
    shape, example = names
    for name, path in spec.settings.items():
        at: At = ("settings", name)
        if not shape.fullmatch(name):
            message = f"`{name}` cannot be the name of a setting in {dialect.title}"
            yield at, Found("DB330", message, f"write it like `{example}`")
        yield from _check_path(path, at)
    if spec.role is not None:
        yield from _check_path(spec.role, ("role",))


def _check_path(path: str, at: At) -> Iterator[tuple[At, Found]]:
    if not _PATH.fullmatch(path):
        message = f"`{path}` is nothing that is known of a caller"
        fix = "write caller.subject, caller.roles or caller.claims.NAME"
        yield at, Found("DB330", message, fix)
