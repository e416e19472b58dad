"""Which words of a function have a meaning beside `call`."""

from __future__ import annotations

from collections.abc import Iterable

from drawbar.backends.sql.compile.author import Author
from drawbar.backends.sql.execute.affected import TELLS_CHANGES
from drawbar.backends.sql.options import SqlFunctionSpec
from drawbar.backends.sql.parse import Found


def call_words(spec: SqlFunctionSpec) -> dict[str, object]:
    """The words that belong to `call` alone."""
    return {
        "results": spec.results,
        "transaction": spec.transaction == "none",
        "expect_rows": spec.expect_rows is not None,
    }


def note_foreign(author: Author, words: Iterable[str], because: str) -> None:
    for word in words:
        author.add(
            (word,),
            Found("DB314", f"`{word}` has no meaning here, since the function {because}"),
        )


def check_call_words(author: Author, spec: SqlFunctionSpec, *, has_identity: bool) -> None:
    """What a call cannot have, and what it has to have."""
    words = {
        "where": spec.where,
        "with": spec.with_,
        "order_by": spec.order_by,
        "page": spec.page,
    }
    note_foreign(author, (word for word, value in words.items() if value), "calls a routine")
    for word in ("max_affected_rows", "expect_rows"):
        if getattr(spec, word) is not None and (why := _uncounted(author, spec)):
            author.add((word,), Found("DB314", f"`{word}` has no meaning here: {why}"))
    if spec.returns.rows is not None:
        fix = "write `rows` beside `call`"
        author.add(
            ("returns", "rows"), Found("DB314", "`returns: rows` belongs to `statements`", fix)
        )
    if "effect" not in spec.model_fields_set:
        message = "what a routine does cannot be seen from outside, so `effect` has to say it"
        fix = "add `effect: read`, `effect: write` or `effect: destroy`"
        author.add(("call",), Found("DB311", message, fix))
    if spec.effect == "read":
        _reading_words(author, spec)
    if spec.transaction == "none":
        _unguarded_words(author, spec, has_identity=has_identity)


def _uncounted(author: Author, spec: SqlFunctionSpec) -> str | None:
    """Why it is not known how many rows the routine has changed."""
    if author.dialect.name not in TELLS_CHANGES:
        return f"{author.dialect.title} does not tell how many rows a routine has changed"
    if spec.effect == "read":
        return "the function reads"
    if spec.transaction == "none":
        return "what the procedure has committed cannot be undone"
    return None


def _reading_words(author: Author, spec: SqlFunctionSpec) -> None:
    words = {
        "once": spec.once,
        "dry_run": spec.dry_run == "rollback",
        "transaction": spec.transaction == "none",
    }
    note_foreign(author, (word for word, value in words.items() if value), "reads")
    if spec.returns.from_ is not None:
        message = "`from` has no meaning here, since the function reads"
        author.add(("returns", "from"), Found("DB314", message))


def _unguarded_words(author: Author, spec: SqlFunctionSpec, *, has_identity: bool) -> None:
    words = {
        "let": spec.let,
        "guard": spec.guard,
        "once": spec.once,
        "dry_run": spec.dry_run == "rollback",
    }
    because = "has no transaction around it (`transaction: none`)"
    note_foreign(author, (word for word, value in words.items() if value), because)
    at = ("transaction",)
    if spec.returns.from_ is not None:
        message = f"`from` has no meaning here, since the function {because}"
        author.add(("returns", "from"), Found("DB314", message))
    if author.dialect.name in {"odbc", "jdbc"}:
        message = f"whether a procedure has committed is not told by {author.dialect.name.upper()}"
        fix = "leave `transaction` out, or take the database's own kind of `url`"
        author.add(at, Found("DB314", message, fix))
    if author.dialect.name == "firebird":
        message = "a procedure of Firebird cannot end a transaction, so it always has one around it"
        author.add(at, Found("DB314", message, "leave `transaction` out"))
    if author.dialect.name == "postgresql" and (spec.results or "refcursor" in (spec.call or "")):
        message = (
            "a cursor of PostgreSQL ends with its transaction, and here there is none around it"
        )
        author.add(at, Found("DB314", message))
    if has_identity and author.dialect.name == "postgresql":
        message = (
            "`identity` holds for one transaction, and `transaction: none` has several or none"
        )
        fix = "give the procedure an argument with `from: caller.subject`, in an adapter of its own"
        author.add(at, Found("DB314", message, fix))
