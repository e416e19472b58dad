"""Files of a call: what a reply brought is kept, and what an argument names is read."""

from __future__ import annotations

import base64
import binascii
import copy
import re
from dataclasses import replace
from typing import Any

from drawbar.compiler.files import FilePlace, file_places
from drawbar.dispatch.invocation import Invocation
from drawbar.kernel.errors import DrawbarError
from drawbar.kernel.files import FILE_ID, Attachments, FileContent, FileStore, FileText
from drawbar.kernel.outcome import ArgumentProblem, Refused, Succeeded
from drawbar.kernel.ports import Reply
from drawbar.kernel.values import JsonObject, JsonValue

_FILE_ID = re.compile(FILE_ID)


async def keep_files(
    outcome: Succeeded,
    attachments: Attachments,
    store: FileStore,
    invocation: Invocation,
    value: JsonValue,
) -> Succeeded:
    """Keep what `value` still refers to, which may be more than the outcome shows.

    What cannot be kept is told; the call itself is done.
    """
    files = attachments.still_in(value)
    if not files:
        return outcome
    try:
        await store.keep(files, owner=invocation.caller.subject, run_id=invocation.run_id)
    except DrawbarError as error:
        names = ", ".join(new.id for new in files)
        note = f"What came as a file could not be kept, so there is no {names}: {error}"
        return replace(outcome, notes=(*outcome.notes, note))
    shown = (new.reference() for new in attachments.still_in(outcome.value))
    return replace(outcome, files=(*outcome.files, *shown))


async def read_files(
    arguments: JsonObject, schema: JsonObject, store: FileStore, owner: str
) -> JsonObject | Refused:
    """The arguments with the content of each file in the place of its id, or what of them is no file.

    A text becomes a FileText. In an object that takes `base64`, too, its `file_id` gives way to that,
    and to the file's own name where none is given.
    """
    named = [
        place
        for place in file_places(arguments, [schema], schema)
        if _FILE_ID.fullmatch(place.text)
    ]
    if not named:
        return arguments
    contents: dict[str, FileContent | None] = {}
    for place in named:
        if place.text not in contents:
            contents[place.text] = await store.content(place.text, owner=owner)
    missing = tuple(
        ArgumentProblem(
            "/".join(map(str, place.path)), f"You have no file `{place.text}`. {_ADVICE}"
        )
        for place in named
        if contents[place.text] is None
    )
    if missing:
        message = "Nothing was sent: a file is not there. Correct what is listed and call again."
        return Refused("invalid_arguments", message, missing)
    sent = copy.deepcopy(arguments)
    for place in named:
        if (content := contents[place.text]) is not None:
            _put(sent, place, FileText.of(content))
    return sent


def with_files(reply: Reply, names: frozenset[str], files: Attachments) -> Reply:
    """The reply with references in the place of texts of base64 that stand under these names."""
    unread: set[str] = set()

    def shown(name: str, value: JsonValue) -> JsonValue:
        if isinstance(value, list):
            return [shown(name, item) for item in value]
        if not isinstance(value, str):
            return walked(value)
        found = _DATA_URL.match(value)
        try:
            data = base64.b64decode(
                "".join(value[found.end() if found else 0 :].split()), validate=True
            )
        except (binascii.Error, ValueError):
            unread.add(name)
            return value
        if len(data) <= files.inline:
            return value
        return files.add(data, media_type=found[1] if found else None)

    def walked(value: JsonValue) -> JsonValue:
        match value:
            case list():
                return [walked(item) for item in value]
            case dict():
                return {
                    key: shown(key, item) if key in names else walked(item)
                    for key, item in value.items()
                }
            case _:
                return value

    value = walked(reply.value)
    notes = (f"`{name}` is no base64, so it is no file." for name in sorted(unread))
    return replace(reply, value=value, notes=(*reply.notes, *notes))


_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)
"""RFC 2397."""
_ADVICE = (
    "It may have been deleted or have expired, or belong to somebody else; ask the user for it."
)


def _put(arguments: JsonObject, place: FilePlace, file: FileText) -> None:
    holder: Any = arguments  # an object or a list, as the path says
    for step in place.path[:-1]:
        holder = holder[step]
    last = place.path[-1]
    if place.has_base64:
        del holder[last]
        holder.setdefault("filename", file.content.filename)
        last = "base64"
    holder[last] = file
