"""What an author makes of an operation's input: which parts are taken, hidden or chosen, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drawbar.backends.soap.narrow import (
    LARGE,
    all_but,
    hidden_tree,
    is_needed,
    part_at,
    proposed,
    weight,
)
from drawbar.backends.soap.options import SoapFunctionSpec
from drawbar.backends.soap.schema import Publication
from drawbar.backends.soap.shape import Attribute, Choice, Content, Member
from drawbar.compiler.parameters import Inherited
from drawbar.spec.names import closest
from drawbar.spec.source import At, Report

_LISTED = 40
"""Paths of a proposal that are written out; more would hide the point."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An operation's input as its author wants it."""

    published: Publication
    paths: Mapping[str, str]
    """Where each parameter goes that the author wrote."""
    taken: tuple[str, ...]
    removed: tuple[str, ...]

    def without(self, more: Sequence[str]) -> Publication:
        """The same with more parts hidden."""
        made = self.published
        hidden = hidden_tree(self.taken, (*self.removed, *more))
        return Publication(made.content, hidden, made.filled, made.types)


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
        removed.extend(all_but(content, kept, list(paths.values())))
    made = Publication(content, hidden_tree(taken, removed), filled, spec.types)
    _check_types(made, spec.types, report, (*at, "types"))
    return Wanted(made, paths, tuple(taken), tuple(removed))


def _exists(content: Content, path: str, report: Report, at: At) -> bool:
    if part_at(content, path.split(".")) is not None:
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
    part = part_at(content, path.split("."))
    holder = part_at(content, above) if above else None
    if part is None or not is_needed(part) or _leaves_a_choice(holder, above, hide):
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


def warn_of_weight(
    input_: Wanted, parameters: Iterable[Inherited], name: str, report: Report, at: At
) -> None:
    """A schema above LARGE tokens is told, with a narrowing to paste. Raises Unresolved."""
    published = input_.published
    tokens = weight(each.schema for each in parameters)
    if tokens <= LARGE:
        return
    hide = proposed(published.content, (*input_.taken, *input_.removed))
    left = weight(each.schema for each in input_.without(hide).parameters().values())
    report.add(
        (*at, "operation"),
        "DB414",
        f"the input of `{name}` takes about {tokens} tokens of every run that offers it",
        fix=_narrowing(published, hide, left),
        severity="warning",
    )


def _narrowing(published: Publication, hide: Sequence[str], left: int) -> str:
    """A line to paste into the function."""
    for label in sorted(published.crowded):
        names = published.abstract_types()[label]
        some = ", ".join(names[:2])
        return (
            f"name the types that are offered of the {len(names)}, such as\n"
            f"      types: {{{label}: [{some}]}}"
        )
    if not hide:
        return "fill parts of it with `const:`, or offer another operation"
    keep = [
        part.name
        for part in (*published.content.members, *published.content.attributes)
        if not is_needed(part) and part.name not in hide
    ]
    # `keep` speaks of one level, and then is the shorter one where most of it goes.
    if any("." in path for path in hide) or len(hide) <= len(keep):
        words = f"hide: [{', '.join(hide[:_LISTED])}]"
    else:
        words = f"keep: [{', '.join(keep[:_LISTED])}]"
    return f"narrow it to about {left} tokens, and take back what is needed:\n      {words}"
