"""The store: everything that outlives the process, in SQLite or PostgreSQL.

One `Store` belongs to one gateway. Whoever writes waits until the change is on the disk; several
writers share one commit (see `engine`). Lists follow the Assistants API's cursors (contract 2.1).
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import sqlalchemy as sa

from drawbar.kernel.errors import OperatorError
from drawbar.kernel.ids import new_id
from drawbar.settings import FileSettings, ResultSettings
from drawbar.store.assistants import Assistants
from drawbar.store.audit import AuditTrail
from drawbar.store.engine import Database
from drawbar.store.events import Events
from drawbar.store.files import Files
from drawbar.store.gateways import Gateways
from drawbar.store.keys import Keys
from drawbar.store.ledger import StoredLedger
from drawbar.store.lock import FileLock
from drawbar.store.messages import Messages
from drawbar.store.results import Results
from drawbar.store.runs import RunRows
from drawbar.store.schema import parse_url, prepare_schema
from drawbar.store.steps import Steps
from drawbar.store.threads import Threads


class Store:
    """Open with `await Store.open(url)`, end with `await store.close()`.

    * assistants  create(...), get(id), list(page), update(id, **changes), delete(id)
    * threads     create(...), get(id), update(id, **changes), delete(id) (with all that hangs on it)
    * messages    get(thread_id, id), list(thread_id, page, run_id=None), update(thread_id, id, metadata=...),
                  delete(thread_id, id); new ones come from `Runs.add_message`, which knows the lock
    * runs        get(thread_id, id), list(thread_id, page)
    * steps       get(run_id, id), list(run_id, page)
    * events      after(run_id, seq)
    * files       upload(label, data), get(id, owner=...), list(page, owner=...), pieces(file), delete(id, owner=...)
                  and the kernel's FileStore
    * results     the kernel's ResultStore
    * ledger      the kernel's Ledger
    * audit       the kernel's Audit
    * keys        create(caller, note), resolve(key), list(), revoke(id)
    """

    def __init__(
        self,
        database: Database,
        lock: FileLock | None = None,
        folder: tempfile.TemporaryDirectory[str] | None = None,
        files: FileSettings | None = None,
        results: ResultSettings | None = None,
    ) -> None:
        self._database = database
        self._lock = lock
        self._folder = folder
        self.assistants = Assistants(database)
        self.threads = Threads(database)
        self.messages = Messages(database)
        owner = new_id("gw_")
        self.gateways = Gateways(database, owner)
        self.runs = RunRows(database, owner)
        self.steps = Steps(database)
        self.events = Events(database)
        self.files = Files(database, files or FileSettings())
        self.results = Results(self.files, results or ResultSettings())
        self.ledger = StoredLedger(database)
        self.audit = AuditTrail(database)
        self.keys = Keys(database)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        migrate: bool = True,
        exclusive: bool = True,
        files: FileSettings | None = None,
        results: ResultSettings | None = None,
    ) -> Store:
        """`sqlite:///PATH` or `postgresql://...`; raises OperatorError that says what to do.

        `exclusive` takes the file lock that keeps a second gateway off one SQLite file; a short
        visit, such as `drawbar keys`, does without. `sqlite://` alone is a file that is gone at close.
        """
        where = parse_url(url)
        folder, lock = None, None
        if where.get_backend_name() == "sqlite":
            where, folder = _sqlite_file(where)
            lock = FileLock(Path(f"{where.database}.lock")) if exclusive else None
        try:
            await asyncio.to_thread(prepare_schema, where, migrate=migrate)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return cls(Database(where), lock, folder, files, results)

    async def close(self) -> None:
        """Write what is queued, then let go of connections, threads and the lock."""
        await self.audit.flush()
        await self._database.close()
        if self._lock is not None:
            self._lock.release()
        if self._folder is not None:
            self._folder.cleanup()


def migrate_store(url: str) -> tuple[str | None, str]:
    """Bring the tables to this version; revisions before (None: there were none) and after."""
    where = parse_url(url)
    if where.get_backend_name() == "sqlite":
        where, folder = _sqlite_file(where)
        if folder is not None:
            folder.cleanup()
            raise OperatorError("a store in memory has nothing to migrate; name a file")
    return prepare_schema(where, migrate=True)


def _sqlite_file(url: sa.URL) -> tuple[sa.URL, tempfile.TemporaryDirectory[str] | None]:
    """The URL of a file whose folder exists. Memory cannot be shared by connections: a file stands in."""
    folder = None
    if url.database in {None, "", ":memory:"}:
        folder = tempfile.TemporaryDirectory(prefix="drawbar-")
        path = Path(folder.name) / "drawbar.db"
    else:
        path = Path(str(url.database)).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"the folder of the store {path} cannot be made: {error}"
        raise OperatorError(message) from error
    return url.set(database=str(path)), folder
