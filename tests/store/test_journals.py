"""The ledger, the audit and the API keys."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from drawbar.kernel.outcome import Failed, Indeterminate, Outcome, Refused, Succeeded
from drawbar.kernel.ports import AuditEntry, Intent, LedgerEntry
from drawbar.kernel.values import Caller
from drawbar.store import keys as keys_module
from drawbar.store.database import Store
from drawbar.store.schema import parse_url

ANNA = Caller("anna", ("hr",), {"emp_no": "1007"})


def intent(call_id: str = "call_1", run_id: str | None = "run_1") -> Intent:
    return Intent(run_id, call_id, "hr_set", "hash", "write", "key")


def entry(call_id: str) -> AuditEntry:
    return AuditEntry(
        1.5, "anna", "runs", None, call_id, "hr_set", None, "hash", "refused", "refused", "x", 0.25
    )


def query(url: str, text: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(parse_url(url))
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(sa.text(text))]
        connection.commit()
    engine.dispose()
    return rows


async def test_an_intent_is_on_the_disk_before_its_call_may_be_sent(
    store: Store, store_url: str
) -> None:
    assert await store.ledger.intend(intent()) is None

    rows = query(store_url, "SELECT run_id, call_id, state, outcome FROM invocations")
    assert rows == [("run_1", "call_1", "intended", None)]


async def test_a_call_that_was_begun_before_is_known_without_its_end(store: Store) -> None:
    await store.ledger.intend(intent())

    assert await store.ledger.intend(intent()) == LedgerEntry(None)
    assert await store.ledger.intend(intent(run_id="run_2")) is None
    assert await store.ledger.intend(intent(run_id=None)) is None
    assert await store.ledger.intend(intent(run_id=None)) == LedgerEntry(None)


@pytest.mark.parametrize(
    "outcome",
    [
        Succeeded({"id": 1, "text": "\u0000"}, ("a note",)),
        Refused("code", "message"),
        Failed("code", "message", retryable=True, hint="h", detail=[1]),
        Indeterminate("message", "hint"),
    ],
)
async def test_a_settled_call_answers_with_its_outcome(store: Store, outcome: Outcome) -> None:
    await store.ledger.intend(intent())

    await store.ledger.settle(intent(), outcome)

    assert await store.ledger.intend(intent()) == LedgerEntry(outcome)


async def test_of_two_that_begin_the_same_call_at_once_one_is_first(store: Store) -> None:
    answers = await asyncio.gather(*(store.ledger.intend(intent()) for _ in range(5)))

    assert sorted(map(str, answers)) == sorted(["None", *["LedgerEntry(outcome=None)"] * 4])


async def test_audit_lines_are_chained_in_their_order_and_flushed_at_close(store_url: str) -> None:
    store = await Store.open(store_url)
    for number in range(50):
        store.audit.record(entry(f"call_{number}"))
    await store.close()

    again = await Store.open(store_url)
    again.audit.record(entry("call_50"))
    await again.audit.flush()

    assert await again.audit.verify() is None
    rows = query(store_url, "SELECT number, prev_hash FROM audit ORDER BY number")
    assert [row[0] for row in rows] == list(range(1, 52))
    assert rows[0][1] == "0" * 64
    await again.close()


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        ('UPDATE audit SET entry = \'{"caller": "eve"}\' WHERE number = 2', 2),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number = 2", 2),
    ],
)
async def test_a_line_that_was_changed_or_removed_breaks_the_chain(
    sqlite: Store, tmp_path: Path, tamper: str, broken: int
) -> None:
    for number in range(3):
        sqlite.audit.record(entry(f"call_{number}"))
    await sqlite.audit.flush()

    engine = sa.create_engine(f"sqlite:///{tmp_path}/drawbar.db")
    with engine.begin() as connection:
        connection.execute(sa.text(tamper))
    engine.dispose()

    assert await sqlite.audit.verify() == broken


async def test_a_key_speaks_for_its_caller_and_is_stored_as_a_hash_only(
    store: Store, store_url: str
) -> None:
    record, key = await store.keys.create(ANNA, "chat")

    assert key.startswith("dbk_")
    assert len(key) == 47  # 256 bits
    assert await store.keys.resolve(key) == ANNA
    assert await store.keys.resolve(key + "x") is None
    assert [item.id for item in await store.keys.list()] == [record.id]
    hashed = hashlib.sha256(key.encode()).hexdigest()
    assert query(store_url, "SELECT hash, note FROM api_keys") == [(hashed, "chat")]


async def test_a_revoked_key_stops_at_once(store: Store) -> None:
    record, key = await store.keys.create(ANNA)
    assert await store.keys.resolve(key) == ANNA

    assert await store.keys.revoke(record.id)

    assert await store.keys.resolve(key) is None
    assert not await store.keys.revoke(record.id)


async def test_keys_made_and_revoked_elsewhere_are_noticed(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await Store.open(store_url, exclusive=False)
    record, key = await other.keys.create(ANNA)
    assert await store.keys.resolve(key) == ANNA
    await other.keys.revoke(record.id)
    await other.close()

    monkeypatch.setattr(keys_module, "_FRESH_SECONDS", 0.0)  # two seconds later

    assert await store.keys.resolve(key) is None


async def test_a_known_key_is_resolved_without_asking_the_database(sqlite: Store) -> None:
    _, key = await sqlite.keys.create(ANNA)
    await sqlite.keys.resolve(key)

    started = time.perf_counter()
    for _ in range(1000):
        await sqlite.keys.resolve(key)

    assert time.perf_counter() - started < 1.0


async def test_the_last_use_of_a_key_is_noted(store: Store) -> None:
    _, key = await store.keys.create(ANNA)
    before = int(time.time())

    await store.keys.resolve(key)
    await store.threads.create()  # behind the note in the writer's queue

    (record,) = await store.keys.list()
    assert record.last_used_at is not None
    assert record.last_used_at >= before
