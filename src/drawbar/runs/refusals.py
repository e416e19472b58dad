"""What is refused, in the exact texts that client libraries match on (contract 1.2)."""

from __future__ import annotations

from collections.abc import Sequence

from drawbar.kernel.errors import ClientError


def not_found(kind: str, id: str) -> ClientError:  # noqa: A002 -- the word of the API
    """`kind` is assistant, thread, message, run, run step, ..."""
    return ClientError(f"No {kind} found with id '{id}'.", status=404)


def thread_has_run(thread_id: str, run_id: str) -> ClientError:
    return ClientError(f"Thread {thread_id} already has an active run {run_id}.")


def thread_is_locked(thread_id: str, run_id: str) -> ClientError:
    return ClientError(f"Can't add messages to {thread_id} while a run {run_id} is active.")


def no_outputs_wanted(status: str) -> ClientError:
    return ClientError(f'Runs in status "{status}" do not accept tool outputs.')


def wrong_outputs(expected: Sequence[str], got: Sequence[str]) -> ClientError:
    return ClientError(f"Expected tool outputs for call_ids {list(expected)}, got {list(got)}")


def cannot_cancel(status: str) -> ClientError:
    return ClientError(f"Cannot cancel run with status '{status}'.")
