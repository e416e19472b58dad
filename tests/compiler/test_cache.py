"""What is read from disk equals what is compiled, and is used only while nothing of it has changed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from drawbar.compiler import cache as cache_module
from drawbar.compiler.cache import Cache
from drawbar.compiler.stored import StoredFunctions
from drawbar.compiler.toolset import (
    CompiledAdapter,
    clashes,
    compile_adapter,
    compile_toolset,
    count_broken,
    described,
)
from drawbar.spec.load import load_adapter
from storing_kind import StoringKinds

ADAPTER = """\
adapter: hr
description: People.
backend: {kind: echo, url: "${HR_URL:-echo://here}", headers: {}}
limits: {timeout: 5s, rows: 20}
errors: [{when: {fault: "HR-*"}, code: not_found, hint: Ask again.}]
functions:
  get:
    description: Somebody${NOTE:-}.
    contract: {emp_no: {type: string, enum: ["1", "2"]}, maybe: {type: integer}}
    errors: [{when: {status: 404}, code: gone}]
    parameters: {seen_by: {type: string, from: caller.subject}, fixed: {type: array, items: {type: integer}, const: [1, 2]}}
    returns: {select: "a.b", redact: [iban], max_tokens: 60}
    limits: {timeout: 1s}
  set:
    {effect: write, description: x, allow: "'hr' in caller.roles", approve: {by: boss, preview: get}, idempotency: {verify: get}}
  no_description: {}
  wrong: {effect: wirte}
  fails: {description: x, fails: it does}
tests:
  - {name: one, call: {get: {emp_no: "1"}}, expect: {succeeded: 1}}
"""


class Start:
    """Starts of a gateway with one adapter and one cache."""

    def __init__(self, folder: Path, text: str = ADAPTER) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / "hr.yaml"
        self.path.write_text(text)
        self.cache = folder / "cache"
        self.kinds = StoringKinds()
        self.environ: dict[str, str] = {}

    def load(self) -> CompiledAdapter:
        cache = Cache(self.cache)
        compiled = cache.compiled(self.path, self.kinds, self.environ)
        cache.keep()
        self.notes = cache.notes
        return compiled

    def uncached(self) -> CompiledAdapter:
        return compile_adapter(load_adapter(self.path, self.kinds, self.environ), self.kinds)

    def compiles_again(self) -> bool:
        before = self.kinds.kind.compiled
        self.load()
        return self.kinds.kind.compiled > before

    def entries(self) -> list[Path]:
        return sorted(self.cache.iterdir()) if self.cache.exists() else []


def same(first: CompiledAdapter, second: CompiledAdapter) -> None:
    assert list(first.functions) == list(second.functions)
    assert (first.name, first.file, first.problems, first.place) == (
        second.name,
        second.file,
        second.problems,
        second.place,
    )
    assert {name: plan.binding for name, plan in first.plans.items()} == {
        name: plan.binding for name, plan in second.plans.items()
    }
    assert first.adapter is not None
    assert second.adapter is not None
    kept = replace(second.adapter, tests=(), source=first.adapter.source)
    assert first.adapter == kept


def test_what_comes_from_disk_equals_what_is_compiled(tmp_path: Path) -> None:
    start = Start(tmp_path)
    compiled = start.uncached()

    first, second = start.load(), start.load()

    assert start.kinds.kind.compiled == 2
    assert start.notes == []
    assert isinstance(second.functions, StoredFunctions)
    same(first, compiled)
    same(second, compiled)
    assert [function.callable for function in second.functions] == [True, True, True, False, False]


@pytest.mark.parametrize(
    "case", sorted(Path(__file__).parents[1].joinpath("cases/compile").glob("*.case")), ids=str
)
def test_every_case_is_the_same_from_disk(case: Path, tmp_path: Path) -> None:
    start = Start(tmp_path, case.read_text(encoding="utf-8").split("\n----------\n")[0])
    start.environ = {"HR_PASSWORD": "hunter2", "PORT": "8080"}

    start.load()
    again, compiled = start.load(), start.uncached()

    assert list(again.functions) == list(compiled.functions)
    assert again.problems == compiled.problems


def test_functions_are_made_when_they_are_asked_for_and_then_stay(tmp_path: Path) -> None:
    start = Start(tmp_path)
    start.load()

    toolset = compile_toolset(start.load())

    assert list(toolset) == ["hr_get", "hr_set", "hr_no_description", "hr_wrong", "hr_fails"]
    assert toolset["hr_set"] is toolset["hr_set"]
    assert toolset["hr_set"].effect == "write"
    assert "hr_nobody" not in toolset


def test_what_is_shown_of_functions_needs_no_binding_and_is_not_kept(tmp_path: Path) -> None:
    start = Start(tmp_path)
    start.load()
    toolset = compile_toolset(start.load())
    looked_at = toolset["hr_set"]

    shown = list(described(toolset))

    compiled = start.uncached().functions
    assert [replace(each, binding=None) for each in shown] == [
        replace(each, binding=None) for each in compiled
    ]
    assert shown[1] is looked_at
    assert shown[0].binding is None
    assert toolset["hr_get"] == compiled[0]
    assert count_broken(toolset) == 2


def test_names_that_two_adapters_give_are_found_among_kept_functions(tmp_path: Path) -> None:
    first = Start(tmp_path)
    second = Start(tmp_path)
    second.path = tmp_path / "people.yaml"
    second.path.write_text(
        "adapter: people\nprefix: hr_\nbackend: {kind: echo}\nfunctions: {get: {description: x}}\n"
    )
    kept = [first.load(), second.load()]
    kept = [first.load(), second.load()]

    compiled = [first.uncached(), second.uncached()]

    assert dict(compile_toolset(*kept)) == dict(compile_toolset(*compiled))
    assert clashes(*kept) == clashes(*compiled)
    assert [problem.code for problem in clashes(*kept)] == ["DB215"]


# -- ingredients ----------------------------------------------------------------------------------


def unchanged(start: Start) -> None:
    pass


def text(start: Start) -> None:
    start.path.write_text(ADAPTER.replace("People", "Peoples"))


def variable_of_a_function(start: Start) -> None:
    start.environ["NOTE"] = " else"


def variable_of_the_backend(start: Start) -> None:
    start.environ["HR_URL"] = "echo://there"


def what_the_kind_tells_of_secrets(start: Start) -> None:
    start.kinds.kind.told = "another dialect"


@pytest.mark.parametrize(
    ("change", "compiles"),
    [
        (unchanged, False),
        (text, True),
        (variable_of_a_function, True),
        (variable_of_the_backend, True),
        (what_the_kind_tells_of_secrets, True),
    ],
)
def test_an_entry_is_used_only_while_nothing_that_went_into_it_changes(
    change: object,
    compiles: bool,
    tmp_path: Path,
) -> None:
    start = Start(tmp_path)
    start.load()
    assert callable(change)

    change(start)

    assert start.compiles_again() is compiles
    assert not start.compiles_again()
    same(start.load(), start.uncached())


def test_other_code_or_libraries_compile_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Start(tmp_path)
    start.load()

    monkeypatch.setattr(cache_module, "maker_of", lambda _kind: "another")

    assert start.compiles_again()


FILE = """\
adapter: hr
backend: {kind: echo}
functions:
  get: {says: file contract.txt}
"""


def test_a_file_that_a_kind_read_or_missed_is_an_ingredient(tmp_path: Path) -> None:
    start = Start(tmp_path, FILE)
    contract = tmp_path / "contract.txt"
    os.utime(start.path, (1, 1))

    def says() -> str:
        return start.load().functions[0].description

    def write(text: str) -> None:
        contract.write_text(text)
        os.utime(contract, (1, 1))  # the same time of change: only the content tells

    assert says() == "nothing"
    assert not start.compiles_again()
    write("first")
    assert says() == "first"
    assert not start.compiles_again()
    write("other")
    assert says() == "other"
    contract.unlink()
    assert says() == "nothing"


def test_a_file_that_changes_while_it_is_compiled_is_not_trusted(tmp_path: Path) -> None:
    start = Start(tmp_path, FILE)
    contract = tmp_path / "contract.txt"
    contract.write_text("new")
    os.utime(contract, (4e9, 4e9))

    start.load()

    assert start.entries() == []
    assert start.notes == [
        f"{start.path} is compiled at each start: {contract} was changed meanwhile"
    ]


def test_a_missing_variable_of_the_backend_is_told_though_there_is_an_entry(
    tmp_path: Path,
) -> None:
    start = Start(tmp_path, ADAPTER.replace("${HR_URL:-echo://here}", "${HR_URL}"))
    start.environ["HR_URL"] = "echo://here"
    start.load()

    del start.environ["HR_URL"]
    compiled = start.load()

    assert "DB120" in [problem.code for problem in compiled.problems]
    assert not any(function.callable for function in compiled.functions)
    same_problems = start.uncached().problems
    assert compiled.problems == same_problems


# -- secrets --------------------------------------------------------------------------------------

SECRETS = {
    "in a function": ADAPTER.replace("${NOTE:-}", "${HR_TOKEN}"),
    "from a file": ADAPTER.replace("${NOTE:-}", "${file:secret.txt}"),
    "in a test": ADAPTER.replace('emp_no: "1"}}', 'emp_no: "${HR_TOKEN}"}}'),
    "in what all functions share": ADAPTER.replace(
        "description: People.", 'description: "People ${HR_TOKEN}"'
    ),
    "in a plan": ADAPTER.replace("description: Somebody${NOTE:-}.", "says: tells").replace(
        "headers: {}", "auth: {token: s3cret-word}"
    ),
    "as a Secret in a plan": ADAPTER.replace("description: Somebody${NOTE:-}.", "says: hides"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_an_adapter_whose_secrets_go_into_its_functions_is_not_kept(
    name: str, tmp_path: Path
) -> None:
    start = Start(tmp_path, SECRETS[name])
    (tmp_path / "secret.txt").write_text("s3cret-word")
    start.environ = {"HR_TOKEN": "s3cret-word"}

    start.load()

    assert start.entries() == []
    assert len(start.notes) == 1
    assert "s3cret-word" not in start.notes[0]
    assert "is compiled at each start" in start.notes[0]


def test_secrets_of_the_backend_are_read_at_each_start_and_never_written(tmp_path: Path) -> None:
    start = Start(
        tmp_path,
        ADAPTER.replace(
            "headers: {}",
            'auth: {username: hr, password: "${HR_PASSWORD}"}, headers: {x: "Key ${HR_PASSWORD}"}',
        ),
    )
    start.environ = {"HR_PASSWORD": "s3cret-word"}
    start.load()
    start.environ = {"HR_PASSWORD": "an0ther-word"}

    assert not start.compiles_again()
    compiled = start.load()

    [entry] = start.entries()
    assert b"s3cret-word" not in entry.read_bytes()
    assert compiled.adapter is not None
    assert compiled.adapter.secrets == ("an0ther-word",)


# -- folders and files ----------------------------------------------------------------------------


def truncated(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[:-20])


def damaged(entry: Path) -> None:
    content = bytearray(entry.read_bytes())
    content[-5] ^= 1
    entry.write_bytes(bytes(content))


def foreign(entry: Path) -> None:
    entry.write_bytes(b"something else")


@pytest.mark.parametrize("harm", [truncated, damaged, foreign])
def test_an_entry_that_is_not_whole_is_ignored_and_written_again(
    harm: object, tmp_path: Path
) -> None:
    start = Start(tmp_path)
    start.load()
    [entry] = start.entries()
    assert callable(harm)
    harm(entry)

    assert start.compiles_again()
    assert "is damaged" in start.notes[0]
    assert not start.compiles_again()
    assert start.notes == []


def test_what_others_may_write_is_not_read(tmp_path: Path) -> None:
    start = Start(tmp_path)
    start.load()
    [entry] = start.entries()

    entry.chmod(0o666)
    assert start.compiles_again()
    assert "can be written by other users" in start.notes[0]

    start.cache.chmod(0o777)
    assert start.compiles_again()
    assert re.search("cache can be written by other users", start.notes[0])


def test_an_entry_is_not_read_through_a_link(tmp_path: Path) -> None:
    start = Start(tmp_path)
    start.load()
    [entry] = start.entries()
    moved = entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(moved)

    assert start.compiles_again()
    assert not start.entries()[0].is_symlink()


def test_a_folder_that_cannot_be_made_is_a_note(tmp_path: Path) -> None:
    start = Start(tmp_path)
    (tmp_path / "file").write_text("")
    start.cache = tmp_path / "file" / "cache"

    compiled = start.load()

    same(compiled, start.uncached())
    assert start.notes[-1] == f"nothing is kept for the next start: {start.cache}: Not a directory"


def test_nothing_is_left_of_a_write_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Start(tmp_path)

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    start.load()

    assert start.entries() == []
    assert start.notes == [
        f"nothing is kept for the next start: {start.cache}: No space left on device"
    ]


def test_each_way_of_writing_a_path_has_its_own_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Start(tmp_path)
    start.load()
    monkeypatch.chdir(tmp_path)

    start.path = Path("hr.yaml")

    assert start.compiles_again()
    assert str(start.load().problems[0].place).startswith("hr.yaml:")
    assert len(start.entries()) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "adapter: [",
        "adapter: hr\nbackend: {kind: nothing}\nfunctions: {get: {}}",
        "adapter: hr\nbackend: {kind: plain}\nfunctions: {get: {}}",
        "{adapter: hr, backend: {kind: echo}, functions: {get: {description: x}}}",
        "adapter: hr\nfunctions:\n  get: {description: &x here}\nbackend: {kind: echo, url: *x}\n",
        "adapter: hr\nbackend: {kind: echo}\nfunctions: {get: {}}\nunknown: 1\n",
    ],
)
def test_what_cannot_be_kept_is_compiled_each_time(text: str, tmp_path: Path) -> None:
    start = Start(tmp_path, text)

    first, second = start.load(), start.load()

    assert start.entries() == []
    compiled = start.uncached()
    assert list(first.functions) == list(second.functions) == list(compiled.functions)
    assert second.problems == compiled.problems


def test_a_file_that_is_not_there_is_told_as_without_a_cache(tmp_path: Path) -> None:
    start = Start(tmp_path)
    start.path.unlink()

    assert start.load() == start.uncached()


def test_what_is_left_of_an_adapter_that_is_gone_is_removed(tmp_path: Path) -> None:
    start, other = Start(tmp_path / "a"), Start(tmp_path / "b")
    other.cache = start.cache  # two deployments may share it
    start.load()
    other.load()
    start.path = start.path.rename(start.path.with_name("people.yaml"))
    start.load()

    names = [entry.name.partition("-")[0] for entry in start.entries()]
    assert names == ["hr", "people"]
    assert not other.compiles_again()
    assert start.notes == []


def test_an_entry_of_which_nobody_knows_the_adapter_is_removed(tmp_path: Path) -> None:
    start = Start(tmp_path)
    start.load()
    (start.cache / "old-123.compiled").write_bytes(b"something else")
    (start.cache / "notes.txt").write_text("not ours")

    start.load()

    assert [entry.name.partition("-")[0] for entry in start.entries()] == ["hr", "notes.txt"]


def test_two_starts_at_once_both_end_with_a_whole_entry(tmp_path: Path) -> None:
    start = Start(tmp_path)
    first, second = Cache(start.cache), Cache(start.cache)
    environ: Mapping[str, str] = {}
    first.compiled(start.path, start.kinds, environ)
    second.compiled(start.path, start.kinds, environ)

    first.keep()
    second.keep()

    assert len(start.entries()) == 1
    assert not start.compiles_again()
