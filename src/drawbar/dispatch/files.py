"""Files of a call: what a reply brought is kept, and what an argument names is read."""

from __future__ import annotations

from dataclasses import replace

from drawbar.dispatch.invocation import Invocation
from drawbar.kernel.errors import DrawbarError
from drawbar.kernel.files import Attachments, FileStore
from drawbar.kernel.outcome import Succeeded


async def keep_files(
    outcome: Succeeded, attachments: Attachments, store: FileStore, invocation: Invocation
) -> Succeeded:
    """Keep what the shaped value still refers to. What cannot be kept is told; the call itself is done."""
    files = attachments.still_in(outcome.value)
    if not files:
        return outcome
    try:
        await store.keep(files, owner=invocation.caller.subject, run_id=invocation.run_id)
    except DrawbarError as error:
        names = ", ".join(new.id for new in files)
        note = f"What came as a file could not be kept, so there is no {names}: {error}"
        return replace(outcome, notes=(*outcome.notes, note))
    return replace(outcome, files=tuple(new.reference() for new in files))
