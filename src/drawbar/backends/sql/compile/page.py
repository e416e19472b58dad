"""`order_by` and `page`: one select for each sorting, and the parameters that choose it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.compile.conditions import Conditions
from drawbar.backends.sql.compile.order import check_sortable, read_order, with_keys
from drawbar.backends.sql.execute.page import CURSOR
from drawbar.backends.sql.options import SqlFunctionSpec
from drawbar.backends.sql.parse import Found, Known, Parsed, close
from drawbar.backends.sql.plan import SKIP, Filters, Keyset, Page, Query, Sorting
from drawbar.compiler.kind import Parameter
from drawbar.kernel.values import JsonValue
from drawbar.spec.source import At

_PARAM = "param"


@dataclass(frozen=True, slots=True)
class Order:
    """The sortings of a function by the value that chooses them; "" where there is nothing to choose."""

    texts: Mapping[str, str]
    param: str | None = None

    def place(self, key: str) -> At:
        return ("order_by", key) if key else ("order_by",)


def order_of(author: Author, spec: SqlFunctionSpec) -> Order | None:
    """What `order_by` says; None: nothing, or nothing that can be used."""
    written = spec.order_by
    if written is None:
        return None
    if isinstance(written, str):
        return Order({"": written})
    texts = {key: text for key, text in written.items() if key != _PARAM}
    param = written.get(_PARAM)
    if param is None or not texts:
        fix = "write `param: NAME` and one sorting for each of its values, or a single text"
        author.add(("order_by",), Found("DB322", "nothing chooses between the sortings", fix))
        return None
    if param in spec.parameters:
        _check_values(author, spec, param, texts)
    return Order(texts, param)


def _check_values(
    author: Author, spec: SqlFunctionSpec, param: str, texts: Mapping[str, str]
) -> None:
    """Each value of the parameter has a sorting, and each sorting a value."""
    author.used.add(param)
    values = spec.parameters[param].enum
    if values is None:
        fix = f"write `enum: [{', '.join(texts)}]`, or leave the parameter out: it comes by itself"
        author.add(("parameters", param), Found("DB322", f"`{param}` chooses a sorting", fix))
        return
    for key in texts:
        if key not in values:
            known = dict.fromkeys(map(str, values))
            message = f"`{param}` is never `{key}`"
            author.add(("order_by", key), Found("DB322", message, close(key, known, "`@`")))
    for value in values:
        if value not in texts:
            message = f"there is no sorting for `{param}: {value}`"
            author.add(("order_by",), Found("DB322", message, f"add `{value}: ...`"))


def added_parameters(author: Author, spec: SqlFunctionSpec) -> tuple[Parameter, ...]:
    """Parameters that come by themselves: what chooses the sorting, and the cursor."""
    added: list[Parameter] = []
    order = spec.order_by
    if isinstance(order, dict) and order.get(_PARAM) and order[_PARAM] not in spec.parameters:
        keys = list[JsonValue](key for key in order if key != _PARAM)
        schema: dict[str, JsonValue] = {"type": "string", "enum": keys}
        if keys:
            schema |= {"description": "How the rows are sorted.", "default": keys[0]}
        added.append(Parameter(order[_PARAM], schema, required=False))
    if spec.page is not None:
        if CURSOR in spec.parameters:
            message = f"`{CURSOR}` is the parameter that a page brings along"
            author.add(("parameters", CURSOR), Found("DB316", message, "give yours another name"))
        text = "`next` of the previous answer, to get the rows after it; all other arguments stay the same."
        added.append(Parameter(CURSOR, {"type": "string", "description": text}, required=False))
    return tuple(added)


def compile_sortings(
    author: Author, spec: SqlFunctionSpec, parsed: Parsed, conditions: Conditions
) -> dict[str, Sorting]:
    """One select for each sorting; nothing where there are neither sortings nor pages."""
    page = spec.page
    order = order_of(author, spec)
    if author.is_broken(("order_by",)) or (order is None and page is None):
        return {}
    if (
        page is not None
        and order is None
        and (page.by == "keyset" or not parsed.tree.args.get("order"))
    ):
        message = "pages need an order, or rows would be told twice or never"
        fix = "write it under `order_by`, with a column at its end that tells all rows apart"
        author.add(("page",), Found("DB322", message, fix))
        return {}
    if order is not None and not check_sortable(author, parsed, ("sql",), paged=page is not None):
        return {}
    if order is None:
        order = Order({"": ""})
    found: dict[str, Sorting] = {}
    for key, text in order.texts.items():
        at = order.place(key)
        sorting: Sorting | None
        if page is not None and page.by == "keyset":
            sorting = _keyset(author, parsed, conditions, (text, at), page.size)
        else:
            sorting = _sorted(author, parsed, conditions, (text, at), page.size if page else None)
        if sorting is not None:
            found[key] = sorting
    return found


def _sorted(
    author: Author, parsed: Parsed, conditions: Conditions, order: tuple[str, At], size: int | None
) -> Query | None:
    """The select with its order written behind it, and skipping rows when it is a page."""
    text, at = order
    sql = parsed.text
    if text:
        if not read_order(author, text, at):
            return None
        sql += f"\norder by {text}"
    if size is not None:
        author.known[SKIP] = Known("integer")
        sql += "\n" + author.dialect.limit.format(count=size + 1, skip=f":{SKIP}")
    whole = author.parse(sql, at)
    return None if whole is None else conditions.query(whole)


def _keyset(
    author: Author, parsed: Parsed, conditions: Conditions, order: tuple[str, At], size: int
) -> Keyset | None:
    text, at = order
    wanted = read_order(author, text, at)
    keyed = with_keys(author, parsed, wanted, at) if wanted else None
    if keyed is None:
        return None
    inner, terms, hidden = keyed
    query = conditions.query(inner)
    select = query.filters or Filters(inner.whole(), (), (), {})
    says_nulls = author.dialect.nulls == "said"
    words = [
        term.column + each.words(says_nulls=says_nulls)
        for term, each in zip(terms, wanted, strict=True)
    ]
    limit = author.dialect.limit.format(count=size + 1, skip=0)
    return Keyset(author.dialect, select, terms, hidden, ", ".join(words), limit)


def sorted_by(spec: SqlFunctionSpec) -> str | None:
    """The parameter that chooses the sorting."""
    return spec.order_by.get(_PARAM) if isinstance(spec.order_by, dict) else None


def page_of(author: Author, spec: SqlFunctionSpec) -> Page | None:
    if spec.page is None:
        return None
    names = tuple(each.name for each in author.parameters if each.name != CURSOR)
    return Page(spec.page.size, spec.returns.longest, str(author.at[-1]), names)
