"""What an author makes of an operation's input: which parts are taken, hidden or chosen, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from drawbar.backends.soap.contract.shape import Attribute, Choice, Content, Member
from drawbar.backends.soap.options import SoapFunctionSpec
from drawbar.backends.soap.publish.narrow import (
    LARGE,
    ROOM,
    all_but,
    hidden_tree,
    is_needed,
    keep_instead,
    parts_at,
    proposed,
    proposed_inside,
    weight,
)
from drawbar.backends.soap.publish.schema import Publication
from drawbar.compiler.compile import arguments_schema
from drawbar.compiler.kind import Parameter
from drawbar.compiler.parameters import Inherited, closed
from drawbar.compiler.strict import strict_schema
from drawbar.kernel.values import JsonObject
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report
from drawbar.spec.yaml_write import wrap

_TRIES = 60
"""Parts of a depth that are taken back on trial, each of which costs a schema."""
_SURELY_STRICT = 200
"""Tokens below which a schema is within the limits of strict modes: eleven objects in one another take more."""
_CHOOSING = frozenset({"hide", "keep", "types"})
"""Words of an author who has seen how large an input is."""
_SHARES = (0.4, 0.7, 1)
"""Of the room that a proposal may fill: how much each depth may take, with those outside of it."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Words of a function that make its schema smaller; none where everything large is required."""

    hide: tuple[str, ...] = ()
    keep: tuple[str, ...] | None = None
    types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left: int = 0
    """Tokens that are left with them, roughly."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An operation's input as its author wants it."""

    published: Publication
    paths: Mapping[str, str]
    """Where each parameter goes that the author wrote."""
    taken: tuple[str, ...]
    removed: tuple[str, ...]

    def tokens(self, more: Sequence[str]) -> int:
        """What is left when more parts are hidden. Raises Unresolved."""
        made = self.published
        hidden = hidden_tree(self.taken, (*self.removed, *more))
        less = Publication(made.content, hidden, made.filled, made.types)
        return weight(each.schema for each in less.parameters().values())

    def of_types(self, types: Mapping[str, Sequence[str]]) -> Wanted:
        """The same with fewer types offered for the abstract ones."""
        made = self.published
        less = Publication(made.content, made.hidden, made.filled, {**made.types, **types})
        return replace(self, published=less)

    def narrowed(self, found: Narrowing) -> Wanted:
        """What is left of it; the parts that were hidden count as removed from here on."""
        made = self.published
        removed = [*self.removed, *found.hide]
        if found.keep is not None:
            removed.extend(all_but(made.content, found.keep, self.named))
        hidden = hidden_tree(self.taken, removed)
        types = {**made.types, **found.types}
        less = Publication(made.content, hidden, made.filled, types)
        return replace(self, published=less, removed=tuple(removed))

    @property
    def named(self) -> tuple[str, ...]:
        """All that the author speaks of."""
        return tuple(self.paths.values())


def input_of(content: Content, spec: SoapFunctionSpec, report: Report, at: At) -> Wanted:
    """Raises Unresolved; whatever else is wrong is reported."""
    paths = {name: each.to or name for name, each in spec.parameters.items()}
    taken = [path for name, path in paths.items() if "." in path or path != name]
    filled = tuple(
        paths[name]
        for name, each in spec.parameters.items()
        if each.from_ is not None or "const" in each.model_fields_set
    )
    removed = [
        path for path in spec.hide if _may_hide(content, path, spec.hide, report, (*at, "hide"))
    ]
    if spec.keep is not None:
        kept = [path for path in spec.keep if _exists(content, path, report, (*at, "keep"))]
        removed.extend(dict.fromkeys(all_but(content, kept, paths.values())))
    made = Publication(content, hidden_tree(taken, removed), filled, spec.types)
    _check_types(made, spec.types, report, (*at, "types"))
    return Wanted(made, paths, tuple(taken), tuple(removed))


def _exists(content: Content, path: str, report: Report, at: At) -> bool:
    if next(parts_at(content, path.split(".")), None) is not None:
        return True
    names = [part.name for part in (*content.members, *content.attributes)]
    meant = closest(path, names)
    report.add(
        at,
        "DB413",
        f"the operation's input has no `{path}`",
        fix=f"did you mean `{meant}`?" if meant else f"at the top it has {', '.join(names[:20])}",
    )
    return False


def _may_hide(content: Content, path: str, hide: Sequence[str], report: Report, at: At) -> bool:
    if not _exists(content, path, report, at):
        return False
    *above, _ = path.split(".")
    holder = next(parts_at(content, above), None) if above else None
    if _leaves_a_choice(holder, above, hide) or not any(
        map(is_needed, parts_at(content, path.split(".")))
    ):
        return True
    report.add(
        at,
        "DB413",
        f"`{path}` is required, so it cannot be hidden",
        fix=f"fill it: a parameter with `to: {path}` and `const:` or `from:`",
    )
    return False


def _leaves_a_choice(
    holder: Member | Attribute | None, path: Sequence[str], hide: Sequence[str]
) -> bool:
    """Whether a choice still has a branch, when all these paths are hidden."""
    return isinstance(holder, Choice) and any(
        all(".".join((*path, member.name)) not in hide for member in branch)
        for branch in holder.branches
    )


def _check_types(
    published: Publication, types: Mapping[str, Sequence[str]], report: Report, at: At
) -> None:
    known = published.abstract_types() if types else {}
    for label, names in types.items():
        if label not in known:
            meant = closest(label, known)
            report.add(
                (*at, label),
                "DB415",
                f"the operation has no abstract type `{label}`",
                fix=f"did you mean `{meant}`?" if meant else f"it has {', '.join(known) or 'none'}",
            )
            continue
        for name in names:
            if name not in known[label]:
                meant = closest(name, known[label])
                report.add(
                    (*at, label),
                    "DB415",
                    f"no type `{name}` may stand for `{label}`",
                    fix=f"did you mean `{meant}`?"
                    if meant
                    else f"it may be {', '.join(known[label][:20])}",
                )


def offered_of(
    input_: Wanted, spec: SoapFunctionSpec, name: str, report: Report, at: At
) -> tuple[Wanted, dict[str, Inherited]]:
    """What is published of an input, and the input narrowed to that. Raises Unresolved.

    Where the whole is beyond what strict modes take, and its author has not chosen, it is narrowed, and told.
    What merely costs much is offered whole, with a narrowing to paste.
    """
    offered = input_.published.parameters()
    tokens = weight(each.schema for each in offered.values())
    beyond = None if _CHOOSING & spec.model_fields_set else beyond_strict(offered, tokens)
    found = narrowing(input_) if beyond is not None or tokens > LARGE else Narrowing()
    if beyond is not None and found != Narrowing(left=found.left):
        report.add(
            (*at, "operation"),
            "DB424",
            f"the input of `{name}` is beyond the strict modes of models ({beyond}), so only a part is offered",
            fix=_told(
                found,
                f"write these words to change them, now with about {found.left} tokens; or `hide: []` to offer all",
            ),
            severity="warning",
        )
        input_ = input_.narrowed(found)
        return input_, input_.published.parameters()
    if tokens > LARGE:
        report.add(
            (*at, "operation"),
            "DB414",
            f"the input of `{name}` takes about {tokens} tokens of every run that offers it",
            fix=_told(
                found, f"narrow it to about {found.left} tokens, and take back what is needed"
            ),
            severity="warning",
        )
    return input_, offered


def offered_schema(offered: Mapping[str, Inherited]) -> JsonObject:
    """The closed object of these parameters, where no author says anything of them."""
    return arguments_schema(
        tuple(
            Parameter(name, closed(each.schema), required=each.required)
            for name, each in offered.items()
        )
    )


def beyond_strict(offered: Mapping[str, Inherited], tokens: int) -> str | None:
    """Why models cannot be held to a schema of this weight; None where they can."""
    if tokens < _SURELY_STRICT:
        return None
    strict = strict_schema(offered_schema(offered))
    return strict.lost[0] if strict.schema is None else None


def narrowing(input_: Wanted) -> Narrowing:
    """What to write for an input that is too large. Raises Unresolved."""
    types: dict[str, tuple[str, ...]] = {}
    if input_.published.crowded:
        names = input_.published.abstract_types()
        types = {label: tuple(names[label][:2]) for label in sorted(input_.published.crowded)}
        input_ = input_.of_types(types)
    hide, left = _filled_up(input_)
    keep = keep_instead(input_.published.content, hide, input_.published.types)
    if len(keep) < len(hide):
        shorter = Narrowing(keep=tuple(keep), types=types)
        if (tokens := input_.narrowed(shorter).tokens([])) <= max(left, LARGE):
            return replace(shorter, left=tokens)
    return Narrowing(tuple(hide), types=types, left=left)


def _filled_up(input_: Wanted) -> tuple[list[str], int]:
    """Paths to hide, and the tokens that are left.

    Parts are taken back from the outside to the inside, the smallest first, and each depth leaves room for the next.
    """
    content, types = input_.published.content, input_.published.types
    settled = (*input_.taken, *input_.removed, *input_.named)
    hide = {path: [path] for path in proposed(content, settled, types)}
    left = input_.tokens(list(hide))
    if left > LARGE:
        hide = {path: [path] for path in proposed(content, settled, types, leaves=True)}
        left = input_.tokens(list(hide))
    for share in _SHARES:
        costs = _costs(input_, list(hide), left, settled)
        planned, tried = left, {path: [path] for path in hide}
        for cost, path, inside in sorted(costs, key=lambda each: each[0]):
            if planned + cost <= ROOM * share:
                planned += cost
                tried[path] = inside
        flat = [each for paths in tried.values() for each in paths]
        tokens = input_.tokens(flat)
        if tokens <= ROOM:
            hide, left = {path: [path] for path in flat}, tokens
    return list(hide), left


def _costs(
    input_: Wanted, hide: Sequence[str], left: int, settled: Sequence[str]
) -> Iterator[tuple[int, str, list[str]]]:
    """What taking back each path costs in tokens, and what is then to be hidden inside it."""
    content, types = input_.published.content, input_.published.types
    for path in hide[:_TRIES]:
        inside = proposed_inside(content, path, settled, types)
        without = [each for each in hide if each != path]
        yield input_.tokens([*without, *inside]) - left, path, inside


def _told(found: Narrowing, lead: str) -> str:
    """Lines to paste into the function."""
    lines = [f"hide: [{', '.join(found.hide)}]"] if found.hide else []
    if found.keep is not None:
        lines.append(f"keep: [{', '.join(found.keep)}]")
    if found.types:
        types = (f"{label}: [{', '.join(names)}]" for label, names in found.types.items())
        lines.append(f"types: {{{', '.join(types)}}}")
    if not lines:
        return "fill parts of it with `const:`, or offer another operation"
    told = "".join(f"\n{each}" for line in lines for each in wrap(line, "      ", "        "))
    return f"{lead}:{told}"
