"""The port of kinds that can say more of their backend than whether it answers: what of an adapter it would refuse.

`drawbar doctor` walks the hops to every backend by itself: its name, its port, its certificate, its answer to `health`. A
kind that fills `VerifyingKind` then checks what was compiled against the live system, and changes nothing there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from drawbar.compiler.draft import Draft
from drawbar.compiler.kind import Plan
from drawbar.compiler.redraft import drafted_hashes
from drawbar.kernel.errors import Place, Problem, Severity
from drawbar.kernel.ports import Backend
from drawbar.spec.lock import Sections
from drawbar.spec.model import Adapter

Hop = Literal["adapter", "dns", "tcp", "tls", "auth", "answer", "contract", "query"]
"""Where it can break, in the order in which it is looked at."""
PINNED = "types"
"""The section of the lock that holds what a live system said of types."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the live system does not do as the adapter says."""

    hop: Literal["auth", "contract", "query"]
    function: str
    """Its name in the adapter; empty where it concerns all of them."""
    code: str
    message: str
    fix: str | None = None
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of a look at the live system."""

    checked: str
    """What was looked at, such as `12 statements`."""
    findings: tuple[Finding, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    """What the system says of types, by `FUNCTION.PARAMETER` and `FUNCTION -> COLUMN`. They can be pinned in the lock."""


@runtime_checkable
class VerifyingKind(Protocol):
    """A kind that can check compiled functions against the live system."""

    async def verify(
        self, adapter: Adapter, plans: Mapping[str, Plan], backend: Backend
    ) -> Verified:
        """`backend` was opened by this kind, and answers. Raises BackendError when it is lost meanwhile."""
        ...


def drift(sections: Sections, verified: Verified) -> Iterator[Finding]:
    """Where a type is not the one that was pinned. What was not pinned, or cannot be told, is no drift."""
    for key, pinned in sections.get(PINNED, {}).items():
        now = verified.types.get(key)
        if now is None or now == pinned:
            continue
        function = function_of(key)
        what = "the result column" if " -> " in key else "the parameter"
        column = key.removeprefix(function).removeprefix(" -> ").removeprefix(".")
        yield Finding(
            "contract",
            function,
            "DB238",
            f"the type of {what} `{column}` was {pinned}, and is {now}",
            "look at what uses it, then keep the new one with `drawbar doctor --pin`",
        )


def function_of(key: str) -> str:
    """Whose type a key of `types` is."""
    function, arrow, _ = key.partition(" -> ")
    return function if arrow else key.partition(".")[0]


def pinned_anew(text: str, draft: Draft, earlier: Mapping[str, str]) -> dict[str, str]:
    """The pins of an adapter that a newer draft was brought into, `text`.

    A function that stands there as it was drafted has those of the draft; one that a person wrote or edited keeps its own.
    """
    mine, theirs = drafted_hashes(text), drafted_hashes(draft.text)
    drafted = {name for name, found in mine.items() if theirs.get(name) == found}
    kept = {key: kind for key, kind in earlier.items() if function_of(key) in mine.keys() - drafted}
    return kept | {key: kind for key, kind in draft.types.items() if function_of(key) in drafted}


def source_changed(
    place: Place, adapter: Adapter, sections: Sections, draft: Draft
) -> Problem | None:
    """What `draft` would bring in now, by function; None: nothing."""
    earlier, before = sections.get("functions", {}), sections.get("drafted", {})
    now = drafted_hashes(draft.text)
    changed = {
        "other": [
            name
            for name in earlier.values()
            if name in now and name in adapter.functions and now[name] != before.get(name)
        ],
        "new": [name for key, name in draft.named.items() if key not in earlier],
        "gone": [
            name
            for key, name in earlier.items()
            if key not in draft.named and name in adapter.functions
        ],
    }
    parts = [f"{what}: {', '.join(names)}" for what, names in changed.items() if names]
    if not parts:
        return None
    kind = sections.get("made", {}).get(
        "kind", adapter.kind
    )  # or another name of it, such as openapi
    return Problem(
        place,
        "DB237",
        f"what the adapter was drafted from has changed ({'; '.join(parts)})",
        f"bring it in with `drawbar new {kind} --update --name {adapter.name}`",
        "warning",
    )
