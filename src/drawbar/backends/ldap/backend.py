"""A directory server: connections that are bound once and kept, each for one call at a time."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import NamedTuple

from drawbar.backends.ldap import messages
from drawbar.backends.ldap.attributes import NAME, Described, Schema, Shown, read_schema
from drawbar.backends.ldap.ber import BerError
from drawbar.backends.ldap.connection import Connection, Target, connect
from drawbar.backends.ldap.failure import (
    ADMIN_LIMIT,
    COMPARE_FALSE,
    COMPARE_TRUE,
    NO_SUCH_ATTRIBUTE,
    SIZE_LIMIT,
    SUCCESS,
    failure,
    lost,
    unavailable,
)
from drawbar.backends.ldap.live import entry_of
from drawbar.backends.ldap.messages import DONE, ENTRY, REFERENCE, Result
from drawbar.backends.ldap.options import LdapBackendSpec
from drawbar.backends.ldap.request import (
    Arguments,
    Binding,
    Compare,
    Search,
    Write,
    arguments_of,
    described,
    encode,
)
from drawbar.backends.ldap.who import Identity
from drawbar.kernel.files import Attachments
from drawbar.kernel.ports import BackendError, Call, Cut, Health, Reply
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.tls import TlsSpec

_HEALTH_TIME = 4.0
"""Seconds for the server to answer when health is asked."""
_NEVER = frozenset({"userpassword", "authpassword", "unicodepwd"})
"""Attributes that are shown only where a function names them."""
_ADVICE = "Ask again with arguments that match less."
_ANSWERS = frozenset({COMPARE_TRUE, COMPARE_FALSE, NO_SUCH_ATTRIBUTE})
"""To a comparison: an entry without the attribute does not have the value either."""
_SCHEMA_ENTRY = "subschemaSubentry"


class Page(NamedTuple):
    """What a search answered so far, and how it ended."""

    result: Result
    full: bool


class LdapBackend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(
        self,
        spec: LdapBackendSpec,
        address: tuple[str, int],
        identity: Identity | None,
        folder: Path,
    ) -> None:
        self._spec = spec
        self._address = address
        self._identity = identity
        self._folder = folder
        self._target: Target | None = None
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._schema: Schema | None = None
        self._closed = False

    async def invoke(self, binding: Binding, call: Call) -> Reply:
        """Ask the directory, or show in a dry run what it would be asked."""
        given = arguments_of(binding, call.arguments)
        identity = None if self._identity is None else self._identity.of(call.caller)
        operation = binding.operation
        if call.mode == "dry_run":
            request = described(operation, given)
            if identity is not None:
                request["as"] = identity
            return Reply({"request": request})
        controls = [] if identity is None else [messages.proxied(identity)]
        if not isinstance(operation, Search):
            encoded = encode(operation, given)
            return await self._on_a_connection(_One(operation, encoded, controls), call)
        searching = _Searching(operation, given, controls, self)
        return await self._on_a_connection(searching, call)

    async def health(self) -> Health:
        """Whether the server takes a bind and shows its root."""
        try:
            async with asyncio.timeout(_HEALTH_TIME):
                connection = await self._connect()
                try:
                    await entry_of(connection, "", [_SCHEMA_ENTRY])
                finally:
                    connection.leave()
        except TimeoutError:
            return Health(ok=False, detail=f"no answer within {_HEALTH_TIME:.0f} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        except (OSError, EOFError, BerError) as error:
            return Health(ok=False, detail=str(error))
        return Health(ok=True, detail="the server takes our bind and answers")

    async def close(self) -> None:
        """Cut every connection; a call under way fails."""
        self._closed = True
        for connection in self._idle:
            connection.leave()
        for connection in self._busy:
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # lets transports close their sockets

    async def schema(self, connection: Connection) -> Schema:
        """The server's own, read once; empty where it shows none."""
        if self._schema is None:
            self._schema = await _read_schema(connection)
        return self._schema

    @property
    def page(self) -> int:
        return self._spec.page

    async def _on_a_connection(self, work: _One | _Searching, call: Call) -> Reply:
        if self._closed:
            raise unavailable("the backend was closed")
        connection = await self._line()
        self._busy.add(connection)
        whole = False
        try:
            reply = await work.run(connection, call)
            whole = True
        except BackendError:
            whole = True
            raise
        except EOFError:
            raise self._ended() from None
        except (OSError, BerError) as error:
            raise lost(error) from None
        finally:
            self._busy.discard(connection)
            if whole and connection.usable and not self._closed:
                self._idle.append(connection)
            else:
                connection.leave()
        return reply

    def _ended(self) -> BackendError:
        return lost("the gateway closed it" if self._closed else "the server closed it")

    async def _line(self) -> Connection:
        """A connection that was kept and still stands, or a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.abort()
        return await self._connect()

    async def _connect(self) -> Connection:
        if self._target is None:
            implicit = self._spec.url.startswith("ldaps:")
            wanted = implicit or self._spec.starttls
            tls = (self._spec.tls or TlsSpec()).context(self._folder) if wanted else None
            self._target = Target(*self._address, tls, implicit)
        return await connect(self._target, self._spec.auth)


class _One:
    """An operation with one answer."""

    def __init__(self, operation: Compare | Write, encoded: bytes, controls: list[bytes]) -> None:
        self._operation = operation
        self._encoded = encoded
        self._controls = controls

    async def run(self, connection: Connection, call: Call) -> Reply:
        if isinstance(self._operation, Write):
            call.progress.mark_sent()
        result = await connection.result(self._encoded, self._controls)
        if isinstance(self._operation, Compare) and result.code in _ANSWERS:
            return Reply(result.code == COMPARE_TRUE)
        if result.code != SUCCESS:
            raise failure(result)
        return Reply(None)


class _Searching:
    """A search, page by page, up to the caps of a call."""

    def __init__(
        self, search: Search, given: Arguments, controls: list[bytes], backend: LdapBackend
    ) -> None:
        self._search = search
        self._base = search.base.fill(given.texts)
        self._condition = search.condition.encode(given.texts)
        self._controls = controls
        self._backend = backend
        self._entries: list[JsonValue] = []
        self._references = 0
        self._several: set[str] = set()
        self._size = 0

    async def run(self, connection: Connection, call: Call) -> Reply:
        schema = await self._backend.schema(connection) if self._needs_schema() else {}
        most = 1 if self._search.one else call.max_rows
        cookie, full = b"", False
        while True:
            page = await self._page(connection, call, schema, cookie, most)
            cookie, full = page.result.cookie, page.full
            if full or not cookie or page.result.code != SUCCESS:
                break
        limited = page.result.code in (SIZE_LIMIT, ADMIN_LIMIT) and bool(self._entries)
        if not full and page.result.code != SUCCESS and not limited:
            raise failure(page.result)
        return self._reply(cut=full or limited)

    async def _page(
        self, connection: Connection, call: Call, schema: Schema, cookie: bytes, most: int
    ) -> Page:
        """One page; `full` when there is more than the caps allow, and then the search is abandoned."""
        wanted = most + 1 - len(self._entries)
        operation = messages.search(
            self._base,
            self._search.scope,
            self._condition,
            self._search.asked,
            most=0,
            seconds=call.remaining(),
        )
        paged = messages.paged(min(self._backend.page, wanted), cookie)
        answers = connection.ask(operation, [*self._controls, paged])
        async with contextlib.aclosing(answers):
            async for answer in answers:
                if answer.tag == REFERENCE:
                    self._references += 1
                elif answer.tag == ENTRY:
                    self._size += len(answer.body.content)
                    if self._size > call.max_bytes and self._search.one:
                        raise _too_large()
                    if len(self._entries) == most or self._size > call.max_bytes:
                        return Page(Result(SUCCESS, "", ""), full=True)
                    self._entries.append(self._entry(*answer.entry(), schema, call.files))
                elif answer.tag == DONE:
                    return Page(answer.result(), full=False)
        raise ConnectionResetError("the search did not end")

    def _entry(
        self, name: str, found: dict[str, list[bytes]], schema: Schema, files: Attachments
    ) -> JsonValue:
        by_name = {attribute.lower(): values for attribute, values in found.items()}
        shown = self._search.shown or (
            Shown(NAME, NAME),
            *(Shown(each, each) for each in found if each.lower() not in _NEVER),
        )
        entry: JsonObject = {}
        for each in shown:
            if each.attribute == NAME:
                entry[each.name] = name
                continue
            values = by_name.get(each.attribute.lower(), [])
            entry[each.name], several = each.value(values, schema, files)
            if several:
                self._several.add(each.attribute)
        return entry

    def _reply(self, *, cut: bool) -> Reply:
        notes = [
            f"{name} has more values than the one that is shown." for name in sorted(self._several)
        ]
        if self._references:
            one = self._references == 1
            parts = "1 part" if one else f"{self._references} parts"
            tail = "is on another server, which was" if one else "are on other servers, which were"
            notes.append(f"{parts} of the directory {tail} not asked.")
        if self._search.one:
            if not self._entries:
                raise BackendError(
                    "No entry of the directory matches.", code="not_found", work="done"
                )
            if cut:
                raise BackendError(
                    "More than one entry matches; it has to be exactly one.",
                    code="not_unique",
                    work="done",
                    hint="Give what tells the entry from the others.",
                )
            return Reply(self._entries[0], tuple(notes))
        cuts = (Cut(len(self._entries), None, "rows", _ADVICE),) if cut else ()
        return Reply(self._entries, tuple(notes), cuts)

    def _needs_schema(self) -> bool:
        known = (
            each.attribute == NAME or (each.type and each.values) for each in self._search.shown
        )
        return not self._search.shown or not all(known)


def _too_large() -> BackendError:
    return BackendError(
        "The entry is larger than what is read; nothing of it is shown.",
        code="reply_too_large",
        work="done",
        hint="Name fewer attributes, or raise `limits: {bytes: ...}`.",
    )


async def _read_schema(connection: Connection) -> dict[str, Described]:
    where = (await entry_of(connection, "", [_SCHEMA_ENTRY])).get(_SCHEMA_ENTRY.lower())
    if not where:
        return {}
    entry = await entry_of(connection, where[0].decode("utf-8", "replace"), ["attributeTypes"])
    definitions = entry.get("attributetypes", [])
    return read_schema(text.decode("utf-8", "replace") for text in definitions)
