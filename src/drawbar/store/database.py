"""The store: everything that outlives the process, in SQLite or PostgreSQL.

One `Store` belongs to one gateway. Whoever writes waits until the change is on the disk; several
writers share one commit (see `engine`). Lists follow the Assistants API's cursors (contract 2.1).
"""

from __future__ import annotations

from drawbar.store.assistants import Assistants
from drawbar.store.audit import AuditTrail
from drawbar.store.engine import Database
from drawbar.store.events import Events
from drawbar.store.keys import Keys
from drawbar.store.ledger import StoredLedger
from drawbar.store.messages import Messages
from drawbar.store.runs import RunRows
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
    * ledger      the kernel's Ledger
    * audit       the kernel's Audit
    * keys        create(caller, note), resolve(key), list(), revoke(id)
    """

    assistants: Assistants
    threads: Threads
    messages: Messages
    runs: RunRows
    steps: Steps
    events: Events
    ledger: StoredLedger
    audit: AuditTrail
    keys: Keys

    @classmethod
    async def open(cls, url: str, *, migrate: bool = True, exclusive: bool = True) -> Store:
        """`sqlite:///PATH` or `postgresql://...`; raises OperatorError that says what to do.

        `exclusive` takes the file lock that keeps a second gateway off one SQLite file; a short
        visit, such as `drawbar keys`, does without.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Write what is queued, then let go of connections, threads and the lock."""
        raise NotImplementedError
