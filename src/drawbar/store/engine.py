"""Connections, threads and commits: one writer with group commit, readers on their own connections.

Work is a function of a SQLAlchemy connection. It runs whole in one thread, so a statement costs no
switch between threads, and it must bear being run again: when one work of a batch fails, the batch is
undone and repeated work by work, each under a savepoint, so that a failure takes no other down.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from drawbar.kernel.errors import StoreError
from drawbar.store.prepared import dumps

T = TypeVar("T")
Work: TypeAlias = Callable[[sa.Connection], T]


_LARGEST_BATCH = 256
_READERS = 4
_BUSY_MILLISECONDS = 10_000
_PATIENCE = 0.02
"""Seconds that a change waits for one that somebody waits for, to share its commit."""
_LINGER = 0.002
"""Seconds that a transaction stays open for what follows from its changes: a short run is one commit then."""
_log = logging.getLogger("drawbar.store")


@dataclass(slots=True, eq=False)
class _Write(Generic[T]):
    work: Work[T]
    future: asyncio.Future[T]
    make: Callable[[], Work[T]] | None = None
    """Makes the work when it is handed over to the writer."""
    begun: Callable[[T, asyncio.Future[T]], object] | None = None
    lingers: bool = False
    result: T | None = None
    error: BaseException | None = None


class Database:
    """Runs works. `write` keeps the order of its calls; what one wrote, the next one reads."""

    def __init__(self, url: sa.URL) -> None:
        self.dialect = url.get_backend_name()
        self._writer = _writing_engine(url)
        self._reader = _reading_engine(url)
        driver_error: type[Exception] = self._writer.dialect.loaded_dbapi.Error
        self._errors = (SQLAlchemyError, driver_error)
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[list[_Write[Any]] | None] = queue.SimpleQueue()  # any result
        self._held: list[_Write[Any]] = []  # of any result
        self._lingering: set[asyncio.Future[Any]] = set()  # of any result
        self._timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._write_loop, name="drawbar-store", daemon=True)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="drawbar-store-read")
        self._local = threading.local()
        self._read_connections: list[sa.Connection] = []
        self._closed = False
        self._thread.start()

    def write(
        self,
        work: Work[T],
        *,
        begun: Callable[[T, asyncio.Future[T]], object] | None = None,
        lingers: bool = False,
    ) -> asyncio.Future[T]:
        """Queue a change; the future is done when it is on the disk.

        `begun` hears the result when all that is left is the
        commit, which may yet fail; not always, and before the future is done if at all. With `lingers` that
        commit waits a moment for what follows from the result; then `work` may be called once more after
        `begun`, and has to do the same again.
        """
        write = _Write(work, self._loop.create_future(), begun=begun, lingers=lingers)
        if self._held_back(write):
            if lingers:
                self._lingering.add(write.future)
                write.future.add_done_callback(self._lingering.discard)
            self.hurry()
        return write.future

    def write_later(self, make: Callable[[], Work[T]]) -> asyncio.Future[T]:
        """Queue a change that nobody waits for; the future is done when it is on the disk.

        It shares the commit of the next change that somebody waits for, and is written after a moment even if
        none comes. `make` is called when it is handed over, so one change can take up all that comes until then;
        it must not fail.
        """
        write = _Write(_unmade, self._loop.create_future(), make=make)
        if self._held_back(write) and self._timer is None:
            self._timer = self._loop.call_later(_PATIENCE, self.hurry)
        return write.future

    def _held_back(self, write: _Write[Any]) -> bool:  # any result
        if self._closed:
            write.future.set_exception(RuntimeError("the store is closed"))
            return False
        self._held.append(write)
        return True

    def hurry(self) -> None:
        """Write what was to be written later, and commit what lingers."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held, self._held = self._held, []
        for write in held:
            if write.make is not None:
                write.work = write.make()
        if held or self._lingering:
            self._queue.put(held)

    def execute(
        self, statement: sa.Executable, values: Mapping[str, object] | None = None
    ) -> asyncio.Future[int]:
        """Queue one statement; the future has the number of rows that it changed."""

        def work(connection: sa.Connection) -> int:
            return connection.execute(statement, values).rowcount

        return self.write(work)

    async def read(self, work: Work[T]) -> T:
        """Run a reading work beside the writer; it sees every change that was awaited before."""
        return await self._loop.run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        """Finish what is queued, then close every connection."""
        if self._closed:
            return
        self._closed = True
        self.hurry()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown(wait=True)
        for connection in self._read_connections:
            connection.close()
        self._writer.dispose()
        self._reader.dispose()

    def _read(self, work: Work[T]) -> T:
        try:
            connection = self._reading_connection()
            try:
                return work(connection)
            except self._errors as error:
                lost = self._is_lost(connection, error)
                self._drop_reading_connection(connection)
                if not lost:
                    raise
            # On a new connection: reading twice does no harm.
            return work(self._reading_connection())
        except self._errors as error:
            raise self._shown(error) from error

    def _reading_connection(self) -> sa.Connection:
        """Of the thread that asks; it lasts as long as the thread."""
        connection: sa.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._reader.connect()
            self._local.connection = connection
            self._read_connections.append(connection)
        elif connection.in_transaction():
            connection.rollback()  # of SQLAlchemy's own state; the driver is in autocommit
        return connection

    def _drop_reading_connection(self, connection: sa.Connection) -> None:
        self._local.connection = None
        self._read_connections.remove(connection)
        connection.invalidate()
        connection.close()

    def _write_loop(self) -> None:
        connection: sa.Connection | None = None
        running = True
        while running:
            batch, running = self._next_batch()
            if batch:
                connection = self._write_batch(connection, batch)
        if connection is not None:
            connection.close()

    def _next_batch(self) -> tuple[list[_Write[Any]], bool]:  # of any result
        """Wait for a write, then take whatever else has come; False after the last one."""
        batch: list[_Write[Any]] = []  # of any result
        item = self._queue.get()
        while item is not None:
            batch += item
            if len(batch) >= _LARGEST_BATCH:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _write_batch(
        self,
        connection: sa.Connection | None,
        batch: list[_Write[Any]],  # of any result
    ) -> sa.Connection | None:
        try:
            if connection is None:
                connection = self._writer.connect()
            if not self._run_together(connection, batch):
                connection = self._fresh(connection)
                _run_apart(connection, batch)
        except self._errors as error:
            _log.warning("a commit failed: %s", error)
            for write in batch:
                write.error = write.error or error
            if connection is not None and not connection.closed:
                connection.invalidate()
                connection.close()
            connection = None
        for write in batch:
            if write.error is not None:
                write.error = self._shown(write.error)
        self._loop.call_soon_threadsafe(_tell, batch)
        return connection

    def _shown(self, error: BaseException) -> BaseException:
        """An error as other layers know it; the driver's own stay here, with statements and values."""
        if not isinstance(error, self._errors):
            return error
        cause = getattr(error, "orig", None) or error
        shown = StoreError(f"the store failed: {type(cause).__name__}: {cause}")
        shown.__cause__ = error
        return shown

    def _run_together(
        self,
        connection: sa.Connection,
        batch: list[_Write[Any]],  # of any result
    ) -> bool:
        """False when a work failed, and nothing of the batch is done; raises when the commit failed.

        A commit is not repeated: if the server was lost during it, the batch may be on its disk.
        What comes while the transaction lingers is added to the batch.
        """
        connection.begin()
        try:
            more = batch
            until = time.monotonic() + _LINGER
            while more:
                for write in more:
                    write.result = write.work(connection)
                if begun := [write for write in more if write.begun is not None]:
                    self._loop.call_soon_threadsafe(_tell_begun, begun)
                more = self._what_follows(more, until)
                batch += more
        except Exception:  # noqa: BLE001 -- each work's own error comes out of the second pass
            return False
        connection.commit()
        return True

    def _what_follows(
        self, last: Sequence[_Write[Any]], until: float
    ) -> list[_Write[Any]]:  # of any result
        """What comes in time for the commit of `last`, when all of that lingers; at once what is there."""
        left = until - time.monotonic()
        if left <= 0 or not all(write.lingers for write in last):
            return []
        try:
            more = self._queue.get(timeout=left)
        except queue.Empty:
            return []
        if more is None:
            self._queue.put(None)  # the store is closing; it is told again when this is committed
        return more or []

    def _fresh(self, connection: sa.Connection) -> sa.Connection:
        """The same connection, rolled back; or a new one when the server was lost."""
        try:
            connection.rollback()
            connection.connection.cursor().execute("SELECT 1")
            connection.connection.rollback()
        except self._errors:
            connection.invalidate()
            connection.close()
            return self._writer.connect()
        return connection

    def _is_lost(self, connection: sa.Connection, error: Exception) -> bool:
        """Whether the connection to the server is gone."""
        if isinstance(error, DBAPIError):
            return error.connection_invalidated
        raw: Any = error  # the driver's own error
        if not isinstance(error, self._errors) or connection.invalidated:
            return False
        driver = connection.connection.dbapi_connection
        return self._writer.dialect.is_disconnect(raw, driver, None)


def _run_apart(connection: sa.Connection, batch: Sequence[_Write[Any]]) -> None:  # of any result
    connection.begin()
    for write in batch:
        savepoint = connection.begin_nested()
        try:
            write.result = write.work(connection)
        except Exception as error:  # noqa: BLE001 -- handed to whoever queued the work
            savepoint.rollback()
            write.error = error
        else:
            savepoint.commit()
    connection.commit()


def _unmade(_connection: sa.Connection) -> NoReturn:
    raise AssertionError("a change was not made before it was handed over")


def _tell_begun(writes: Sequence[_Write[Any]]) -> None:  # of any result
    for write in writes:
        if write.begun is not None:
            write.begun(write.result, write.future)


def _tell(batch: Sequence[_Write[Any]]) -> None:  # of any result
    for write in batch:
        if write.future.done():
            continue
        if write.error is not None:
            write.future.set_exception(write.error)
        else:
            write.future.set_result(write.result)


def _writing_engine(url: sa.URL) -> sa.Engine:
    engine = _engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite_writer)
        sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def _reading_engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        engine = _engine(url)
        sa.event.listen(engine, "connect", _prepare_sqlite_reader)
        return engine
    return _engine(url, isolation_level="AUTOCOMMIT")


def _engine(url: sa.URL, **options: Any) -> sa.Engine:  # options of create_engine
    sqlite = url.get_backend_name() == "sqlite"
    return sa.create_engine(
        url,
        json_serializer=dumps,
        json_deserializer=orjson.loads,
        pool_size=_READERS,
        connect_args={"check_same_thread": False} if sqlite else {"connect_timeout": 10},
        **({"paramstyle": "named"} if sqlite else {}),
        **options,
    )


def _prepare_sqlite(connection: Any) -> None:  # sqlite3.Connection, through SQLAlchemy's adapter
    connection.isolation_level = None  # BEGIN is ours: `_begin_immediate`, or none for reads
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {_BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_sqlite_writer(connection: Any, _record: object) -> None:  # sqlite3.Connection
    _prepare_sqlite(connection)


def _prepare_sqlite_reader(connection: Any, _record: object) -> None:  # sqlite3.Connection
    _prepare_sqlite(connection)
    connection.execute("PRAGMA query_only = ON")


def _begin_immediate(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection  # sqlite3.Connection
    driver.execute("BEGIN IMMEDIATE")  # by SQLAlchemy it takes three times as long
