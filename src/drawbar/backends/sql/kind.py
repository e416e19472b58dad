"""What the core sees of the kind `sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from drawbar.backends.sql.backend import SqlBackend, open_backend
from drawbar.backends.sql.codes import CODES
from drawbar.backends.sql.options import SqlBackendSpec, SqlFunctionSpec
from drawbar.backends.sql.plan import Binding, FreeQuery, Operation, Reading
from drawbar.backends.sql.survey import Survey, survey_of
from drawbar.backends.sql.url import parse_url
from drawbar.compiler.kind import Plan, surveyed
from drawbar.kernel.ports import Backend
from drawbar.kernel.values import JsonValue
from drawbar.kernel.workers import Workers
from drawbar.spec.model import Adapter, BackendSpec, FunctionSpec
from drawbar.spec.source import Report

if TYPE_CHECKING:  # no start needs them
    from drawbar.compiler.contract import Verdict
    from drawbar.compiler.diagnosis import Verified
    from drawbar.compiler.draft import Draft, DraftWish


class SqlKind:
    """SQL databases, each in its own dialect."""

    name = "sql"
    options: type[BackendSpec] = SqlBackendSpec
    function: type[FunctionSpec] = SqlFunctionSpec
    codes = CODES
    stored: tuple[type, ...] = (Reading, Operation, FreeQuery, Survey)

    def ingredients(self, adapter: Adapter) -> JsonValue:
        """The dialect; the rest of the `url` changes no statement."""
        backend = adapter.backend
        assert isinstance(backend, SqlBackendSpec)  # noqa: S101 -- the loader used this kind's own model
        try:
            return parse_url(backend, adapter.folder).dialect.title  # also of what ODBC leads to
        except ValueError as error:
            return str(error)

    def to_store(self, binding: Binding) -> Binding:
        return binding

    def compile(self, adapter: Adapter, report: Report) -> Mapping[str, Plan]:
        # sqlglot takes a tenth of a second, and functions that are read from disk need none of it.
        from drawbar.backends.sql.compile.adapter import compile_adapter  # noqa: PLC0415

        return compile_adapter(adapter, report)

    def open(self, adapter: Adapter, plans: Mapping[str, Plan], workers: Workers) -> SqlBackend:
        return open_backend(adapter, surveyed(plans, survey_of), workers)

    def survey(self, plans: Mapping[str, Plan]) -> Survey:
        return survey_of(plans)

    def draft(self, source: str, wish: DraftWish) -> Draft:
        from drawbar.backends.sql.draft.adapter import draft_adapter  # noqa: PLC0415 -- reflection, for people who draft

        return draft_adapter(source, wish)

    async def verify(
        self, adapter: Adapter, plans: Mapping[str, Plan], backend: Backend
    ) -> Verified:
        from drawbar.backends.sql.verify import verify  # noqa: PLC0415 -- for people who ask

        assert isinstance(backend, SqlBackend)  # noqa: S101 -- it was opened by this kind
        del plans  # functions that wait for a type are looked at, too
        return await verify(adapter, backend)

    def contract(self, adapter: Adapter) -> AsyncIterator[Verdict]:
        from drawbar.backends.sql.contract.checks import check_contract  # noqa: PLC0415 -- compiles, see above

        return check_contract(adapter)


KIND = SqlKind()
