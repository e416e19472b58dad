"""Files on the one path of a call: kept when the value still has them, read in the place of their ids."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from doubles import ANNA, Bench, Shelf, function
from drawbar.compiler.files import FILE_PATTERN, or_file
from drawbar.compiler.kind import Parameter
from drawbar.kernel.files import FileContent, FileText
from drawbar.kernel.outcome import ArgumentProblem, Refused, Succeeded, outcome_from_json
from drawbar.kernel.ports import Call, Reply
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.spec.model import ReturnsSpec


async def two_scans(call: Call) -> Reply:
    first, second = (call.files.add(data, filename="s.txt") for data in (b"one", b"two"))
    return Reply({"a": first, "b": second, "iban": "DE1"})


async def test_a_file_is_kept_for_the_caller_under_the_run() -> None:
    shelf = Shelf()
    bench = Bench(function(), answer=two_scans, files=shelf)

    outcome = await bench.call(run_id="run_1")

    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.value, dict)
    assert outcome.files == (outcome.value["a"], outcome.value["b"])
    assert [owner for owner, _ in shelf.files] == ["anna", "anna"]
    assert [file.data for file in shelf.files.values()] == [b"one", b"two"]
    assert shelf.runs == ["run_1"]
    assert outcome_from_json(outcome.as_json()) == outcome


async def test_what_a_selection_leaves_out_is_not_kept() -> None:
    shelf = Shelf()
    returns = ReturnsSpec(select="b", redact=("a",))
    bench = Bench(function(returns=returns), answer=two_scans, files=shelf)

    outcome = await bench.call()

    assert isinstance(outcome, Succeeded)
    assert [file.data for file in shelf.files.values()] == [b"two"]


async def test_a_change_that_was_made_succeeded_even_if_its_file_could_not_be_kept() -> None:
    shelf = Shelf()
    shelf.full = True
    bench = Bench(function(effect="write"), answer=two_scans, files=shelf)

    outcome = await bench.call()

    assert isinstance(outcome, Succeeded)
    assert outcome.files == ()
    [note] = outcome.notes
    assert note.startswith("What came as a file could not be kept, so there is no file-")
    assert note.endswith("the disk is full")


async def test_the_author_says_how_many_bytes_stay_in_the_answer() -> None:
    async def answer(call: Call) -> Reply:
        return Reply(call.files.inline)

    bench = Bench(function(returns=ReturnsSpec.model_validate({"inline": "5B"})), answer=answer)

    assert (await bench.call()).value == 5


FILE_OBJECT: JsonObject = {
    "type": "object",
    "properties": {
        "filename": {"type": "string"},
        "file_id": {"type": "string", "pattern": FILE_PATTERN},
        "base64": {"type": "string"},
    },
    "additionalProperties": False,
}
FILE_TEXT: JsonObject = {"type": "string", "pattern": FILE_PATTERN}


@pytest.mark.parametrize(
    ("schema", "given", "sent"),
    [
        (FILE_TEXT, "ID", "BASE64"),
        ({"type": "string", "pattern": or_file("^[A-Za-z0-9+/=]*$")}, "ID", "BASE64"),
        ({"type": "string", "pattern": or_file("^[A-Za-z0-9+/=]*$")}, "QUJD", "QUJD"),
        ({"type": "string"}, "ID", "ID"),
        ({"type": "array", "items": FILE_TEXT}, ["ID", "ID"], ["BASE64", "BASE64"]),
        (
            {"type": "object", "properties": {"scan": FILE_TEXT, "title": {"type": "string"}}},
            {"scan": "ID", "title": "ID"},
            {"scan": "BASE64", "title": "ID"},
        ),
        ({"anyOf": [{"type": "null"}, FILE_TEXT]}, "ID", "BASE64"),
        ({"type": "object", "additionalProperties": FILE_TEXT}, {"x": "ID"}, {"x": "BASE64"}),
        (
            {"type": "object", "properties": {"file_id": FILE_TEXT}},
            {"file_id": "ID"},
            {"file_id": "BASE64"},
        ),
        (FILE_OBJECT, {"file_id": "ID"}, {"filename": "scan.png", "base64": "BASE64"}),
        (
            FILE_OBJECT,
            {"file_id": "ID", "filename": "mine.png"},
            {"filename": "mine.png", "base64": "BASE64"},
        ),
    ],
)
async def test_the_bytes_of_a_file_stand_in_the_place_of_its_id(
    schema: JsonObject, given: JsonValue, sent: JsonValue
) -> None:
    shelf = Shelf()
    file_id = shelf.put(b"the bytes")
    bench = Bench(function(parameters=[Parameter("it", schema)]), files=shelf)

    def with_values(value: Any) -> Any:
        match value:
            case "ID":
                return file_id
            case "BASE64":
                return base64.b64encode(b"the bytes").decode()
            case list():
                return [with_values(item) for item in value]
            case dict():
                return {name: with_values(item) for name, item in value.items()}
            case _:
                return value

    outcome = await bench.call(arguments={"it": with_values(given)})

    assert isinstance(outcome, Succeeded)
    assert bench.backend.calls[0].arguments == {"it": with_values(sent)}


async def test_a_kind_that_wants_to_knows_the_file() -> None:
    shelf = Shelf()
    bench = Bench(function(parameters=[Parameter("it", FILE_TEXT)]), files=shelf)

    await bench.call(arguments={"it": shelf.put(b"the bytes")})

    text = bench.backend.calls[0].arguments["it"]
    assert isinstance(text, FileText)
    assert text.content == FileContent("scan.png", "image/png", b"the bytes")


async def test_nobody_uses_the_file_of_another() -> None:
    shelf = Shelf()
    theirs = shelf.put(b"secret", owner="bert")
    bench = Bench(function(parameters=[Parameter("it", FILE_OBJECT)]), files=shelf)

    outcome = await bench.call(arguments={"it": {"file_id": theirs}}, caller=ANNA)

    assert isinstance(outcome, Refused)
    assert outcome.problems == (
        ArgumentProblem(
            "it/file_id",
            f"You have no file `{theirs}`. It may have been deleted or have expired, or belong to "
            "somebody else; ask the user for it.",
        ),
    )
    assert bench.backend.calls == []
    assert bench.audit.entries[0].decision == "refused"


async def test_a_text_that_is_no_id_is_refused_before_anything_is_looked_for() -> None:
    bench = Bench(function(parameters=[Parameter("it", FILE_TEXT)]), files=Shelf())

    outcome = await bench.call(arguments={"it": "invoice.pdf"})

    assert isinstance(outcome, Refused)
    assert outcome.problems[0].argument == "it"


async def test_a_change_is_known_by_the_id_of_its_file_not_by_its_bytes() -> None:
    shelf = Shelf()
    file_id = shelf.put(b"the bytes")
    takes = function(effect="write", parameters=[Parameter("it", FILE_TEXT)])
    bench = Bench(takes, files=shelf)
    plain = Bench(function(effect="write", parameters=[Parameter("it", {"type": "string"})]))

    await bench.call(arguments={"it": file_id})
    await plain.call(arguments={"it": file_id})

    keys = [each.backend.calls[0].idempotency_key for each in (bench, plain)]
    assert keys[0] == keys[1]


async def test_texts_that_the_author_calls_files_become_files() -> None:
    scan = b"\x89PNG\r\n\x1a\n" + bytes(2000)
    text = base64.b64encode(scan).decode()
    lines = "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    answer = Reply(
        {
            "scan": text,
            "pages": [{"scan": lines}, {"scan": None}],
            "other": text,
            "photos": [f"data:image/webp;base64,{text}", "AAEC"],
            "seal": "no base64 at all",
        }
    )
    shelf = Shelf()
    returns = ReturnsSpec(files=("scan", "photos", "seal"))
    bench = Bench(function(returns=returns), answer=answer, files=shelf)

    outcome = await bench.call()

    assert isinstance(outcome, Succeeded)
    first, second, photo = outcome.files
    assert outcome.value == {
        "scan": first,
        "pages": [{"scan": second}, {"scan": None}],
        "other": text,
        "photos": [photo, "AAEC"],
        "seal": "no base64 at all",
    }
    assert outcome.notes == ("`seal` is no base64, so it is no file.",)
    assert [file.media_type for file in shelf.files.values()] == [
        "image/png",
        "image/png",
        "image/webp",
    ]
    assert {file.data for file in shelf.files.values()} == {scan}
