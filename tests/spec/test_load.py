from __future__ import annotations

from pathlib import Path

import pytest

from drawbar.kernel.errors import Place
from drawbar.kernel.values import Secret
from drawbar.spec.load import LoadedAdapter, load_adapter, parse_adapter
from drawbar.spec.secrets import secrets_of
from echo_kind import EchoBackend, EchoFunction, EchoKinds

HEAD = "adapter: hr\nbackend: {kind: echo}\n"


def parse(text: str, environ: dict[str, str] | None = None) -> LoadedAdapter:
    return parse_adapter(text, "hr.yaml", Path("adapters"), EchoKinds(), environ or {})


def problems_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    return [str(problem) for problem in parse(text, environ).problems]


def test_an_adapter_is_read_with_the_words_of_its_kind() -> None:
    loaded = parse(
        "adapter: hr\n"
        "description: Leave.\n"
        "backend: {kind: echo, url: 'echo://there', auth: {token: '${TOKEN}'}}\n"
        "limits: {timeout: 5s, rate: 120/min}\n"
        "errors: [{when: {fault: 'HR-204*'}, code: not_found}]\n"
        "functions:\n"
        "  get_leave: {says: Reads leave., codes: {204: not_found}}\n"
        "tests:\n"
        "  - {name: it reads, call: {get_leave: {}}, expect: {succeeded: 1}}\n",
        {"TOKEN": "hunter2"},
    )

    adapter = loaded.adapter
    assert loaded.problems == ()
    assert adapter is not None
    assert (adapter.name, adapter.prefix, adapter.description) == ("hr", "hr_", "Leave.")
    assert isinstance(adapter.backend, EchoBackend)
    assert adapter.backend.auth is not None
    assert adapter.functions == {
        "get_leave": EchoFunction(says="Reads leave.", codes={204: "not_found"})
    }
    assert adapter.limits.timeout == 5
    assert [rule.code for rule in adapter.errors] == ["not_found"]
    assert [test.name for test in adapter.tests] == ["it reads"]
    assert adapter.folder == Path("adapters")
    assert loaded.listed == ("get_leave",)


def test_a_prefix_takes_the_place_of_the_adapters_name() -> None:
    loaded = parse(HEAD + "prefix: people-\nfunctions: {}\n")

    assert (loaded.prefix, loaded.problems) == ("people-", ())


def test_secrets_are_found_wherever_they_went_and_never_shown() -> None:
    loaded = parse(
        "adapter: hr\n"
        "backend:\n"
        "  kind: echo\n"
        "  url: http://ann:${HR_PASSWORD}@host\n"
        "  headers: {X-Key: '${API_KEY}'}\n"
        "  auth: {username: '${HR_USER}', password: hunter2}\n"
        "functions: {}\n",
        {"HR_PASSWORD": "swordfish", "API_KEY": "key-one", "HR_USER": "ann"},
    )

    assert loaded.adapter is not None
    assert secrets_of(loaded.adapter) == ("swordfish", "hunter2", "key-one")
    assert [text for text in ("hunter2", "swordfish") if text in repr(loaded)] == []


def test_no_problem_shows_a_secret() -> None:
    environ = {"PASSWORD": "hunter2", "PORT": "hunter2"}
    text = (
        "adapter: hr\n"
        "backend: {kind: echo, url: 'http://a:${PASSWORD}@bad', port: '${PORT}'}\n"
        "limits: {timeout: '${PASSWORD}'}\n"
        "functions: {get: {fails: ['${PASSWORD}'], effect: '${PASSWORD}'}}\n"
    )

    problems = problems_of(text, environ)

    assert len(problems) == 4
    assert "hunter2" not in "".join(problems)


@pytest.mark.parametrize(
    ("backend", "messages"),
    [
        ("auth: hunter2", ["hr.yaml:2:23: DB111 expected a mapping (key: value)"]),
        (
            "auth: {username: ann, password: 012345}",
            ["hr.yaml:2:55: DB103 this number is better a text\n    put it in quotes"],
        ),
        ("headers: {X-Api-Key: 12345}", ["hr.yaml:2:33: DB111 expected a text"]),
        (
            "auth: {username: hunter2, password: swordfish}",
            ["hr.yaml:2:23: DB113 *** is no user name\n    write another"],
        ),
    ],
)
def test_a_secret_that_was_written_in_clear_is_not_repeated(
    backend: str, messages: list[str]
) -> None:
    assert (
        problems_of(f"adapter: hr\nbackend: {{kind: echo, {backend}}}\nfunctions: {{}}") == messages
    )


def test_a_validator_that_quotes_a_secret_is_masked() -> None:
    assert problems_of(
        "adapter: hr\nbackend: {kind: echo, url: 'http://a:${PW}@bad'}\nfunctions: {}",
        {"PW": "hunter2"},
    ) == ["hr.yaml:2:1: DB113 http://a:${PW}@bad is a bad address\n    write another"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "hr.yaml:1:1: DB106 the file is empty\n    an adapter begins with `adapter: NAME` and `backend:`",
        ),
        (
            "just a text",
            (
                'hr.yaml:1:1: DB106 the file is the text "just a text"\n'
                "    an adapter begins with `adapter: NAME` and `backend:`"
            ),
        ),
        (
            "- 1",
            (
                "hr.yaml:1:1: DB106 the file is a list\n"
                "    an adapter begins with `adapter: NAME` and `backend:`"
            ),
        ),
        (
            "a: b: c",
            (
                "hr.yaml:1:5: DB100 a second colon stands in this value, or the line is indented too far\n"
                '    put a text that holds ": " in quotes, or align the key with the keys above'
            ),
        ),
    ],
)
def test_a_file_that_is_no_mapping_is_no_adapter(text: str, message: str) -> None:
    loaded = parse(text)

    assert [str(problem) for problem in loaded.problems] == [message]
    assert (loaded.adapter, loaded.name, loaded.listed) == (None, "hr", ())


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            "{}",
            [
                (
                    "hr.yaml:1:1: DB110 `adapter` is missing\n"
                    "    add `adapter:` -- Its name; functions reach the model as `<adapter>_<function>`."
                ),
                (
                    "hr.yaml:1:1: DB110 `backend` is missing\n"
                    "    add `backend:` -- The private system, and how to reach it."
                ),
                (
                    "hr.yaml:1:1: DB110 `functions` is missing\n"
                    "    add `functions:` -- What the model can call."
                ),
            ],
        ),
        (
            "adapter: Hr-Service\nbackend: {kind: echo}\nfunctions: {}",
            [
                (
                    "hr.yaml:1:1: DB131 `Hr-Service` is no name for an adapter: small letters, digits and _ are, "
                    "beginning with a letter\n    write `hr_service`"
                )
            ],
        ),
        (
            "adapter: 9\nbackend: {kind: echo}\nfunctions: {}",
            ['hr.yaml:1:1: DB111 expected a text, got the number 9\n    write it in quotes: "9"'],
        ),
        (
            HEAD + "prefix: a b\nfunctions: {}",
            ["hr.yaml:3:1: DB131 a prefix is made of letters, digits, _ and -"],
        ),
        (
            HEAD + "prefix: 5\nfunctions: {}",
            ['hr.yaml:3:1: DB111 expected a text, got the number 5\n    write it in quotes: "5"'],
        ),
        (
            HEAD + "functons: {}\nfunctions: {}",
            ["hr.yaml:3:1: DB101 unknown key `functons`\n    did you mean `functions`?"],
        ),
        (
            HEAD + "functions: [a]",
            ["hr.yaml:3:1: DB111 expected a mapping (key: value), got a list"],
        ),
        (
            "adapter: hr\nbackend: echo\nfunctions: {}",
            ['hr.yaml:2:1: DB111 expected a mapping (key: value), got the text "echo"'],
        ),
        (
            "adapter: hr\nbackend: {}\nfunctions: {}",
            ["hr.yaml:2:1: DB110 `kind` of `backend` is missing\n    write one of echo, broken"],
        ),
        (
            "adapter: hr\nbackend: {kind: 5}\nfunctions: {}",
            [
                (
                    "hr.yaml:2:11: DB110 expected the name of a kind, got the number 5\n"
                    "    write one of echo, broken"
                )
            ],
        ),
        (
            "adapter: hr\nbackend: {kind: ehco}\nfunctions: {}",
            ["hr.yaml:2:11: DB130 no kind of backend is called `ehco`\n    did you mean `echo`?"],
        ),
        (
            "adapter: hr\nbackend: {kind: zzz}\nfunctions: {}",
            ["hr.yaml:2:11: DB130 no kind of backend is called `zzz`\n    known: echo, broken"],
        ),
        (
            "adapter: hr\nbackend: {kind: broken}\nfunctions: {}",
            [
                "hr.yaml:2:11: DB130 the kind `broken` of acme cannot be loaded: no module named acme"
            ],
        ),
        (
            HEAD + "functions: {getIt: {}, 7: {}, '__': {}}",
            [
                (
                    "hr.yaml:3:13: DB131 `getIt` is no name for a function: small letters, digits and _ are, "
                    "beginning with a letter\n    write `get_it`"
                ),
                (
                    "hr.yaml:3:24: DB131 `7` is no name for a function: small letters, digits and _ are, "
                    "beginning with a letter"
                ),
                (
                    "hr.yaml:3:31: DB131 `__` is no name for a function: small letters, digits and _ are, "
                    "beginning with a letter"
                ),
            ],
        ),
        (
            HEAD + "functions: {}\ntests: [{name: x, expect: {failed: {}}, cal: {}}]",
            [
                "hr.yaml:4:9: DB110 `call` is missing\n    add `call:` -- One function with its arguments.",
                "hr.yaml:4:41: DB101 unknown key `cal`\n    did you mean `call`?",
            ],
        ),
    ],
)
def test_what_is_wrong_with_an_adapter_is_told_at_its_place(text: str, messages: list[str]) -> None:
    assert problems_of(text) == messages


def test_a_broken_function_takes_no_other_with_it() -> None:
    loaded = parse(
        HEAD + "functions:\n  good: {}\n  bad: {says: 5}\n  worse:\n  twice: {}\n  twice: {}\n"
    )

    assert loaded.adapter is not None
    assert list(loaded.adapter.functions) == ["good"]
    assert loaded.listed == ("good", "bad", "worse", "twice")
    assert {name: [p.code for p in found] for name, found in loaded.broken.items()} == {
        "bad": ["DB111"],
        "worse": ["DB111"],
        "twice": ["DB102"],
    }
    assert loaded.general == ()


@pytest.mark.parametrize("backend", ["{kind: nope}", "{kind: echo, port: 0}", "{kind: broken}"])
def test_a_broken_backend_leaves_the_functions_listed_and_their_own_problems_found(
    backend: str,
) -> None:
    loaded = parse(
        f"adapter: hr\nbackend: {backend}\nfunctions: {{get: {{}}, set: {{effect: wirte, whatever: 1}}}}"
    )

    assert loaded.adapter is None
    assert loaded.listed == ("get", "set")
    assert len(loaded.general) == 1
    assert "DB112" in [problem.code for problem in loaded.broken["set"]]


def test_a_missing_variable_of_a_function_breaks_that_function_alone() -> None:
    loaded = parse(HEAD + "functions:\n  one: {says: '${NOPE}'}\n  two: {}\n")

    assert [str(problem) for problem in loaded.broken["one"]] == [
        (
            "hr.yaml:4:9: DB120 the environment variable NOPE is not set\n"
            "    set it, or write ${NOPE:-default}"
        )
    ]
    assert loaded.adapter is not None
    assert list(loaded.adapter.functions) == ["two"]


def test_a_broken_test_breaks_no_function() -> None:
    loaded = parse(HEAD + "functions: {one: {}}\ntests: [5]\n")

    assert [problem.code for problem in loaded.problems] == ["DB111"]
    assert (loaded.general, loaded.broken) == ((), {})


def test_tests_that_are_no_list_are_a_problem_of_their_own() -> None:
    loaded = parse(HEAD + "functions: {one: {}}\ntests: {a: 1}\n")

    assert [str(problem) for problem in loaded.problems] == [
        "hr.yaml:4:1: DB111 expected a list, got a mapping"
    ]


def test_a_file_is_loaded_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "crm.yaml"
    path.write_text("adapter: crm\nbackend: {kind: echo}\nfunctions: {}\n", encoding="utf-8")

    loaded = load_adapter(path, EchoKinds(), {})

    assert loaded.adapter is not None
    assert (loaded.adapter.folder, loaded.name) == (tmp_path, "crm")


def test_a_secret_in_a_name_that_is_wrong_is_masked() -> None:
    loaded = parse(
        "adapter: hr\nbackend: {kind: echo, auth: {username: a, password: swordfish}}\n"
        "functions: {Swordfish: {}, swordfish!: {}}\n"
    )

    assert [(problem.message[:14], problem.fix) for problem in loaded.problems] == [
        ("`Swordfish` is", "write `***`"),
        ("`***!` is no n", "write `***`"),
    ]


def test_a_file_that_is_missing_or_no_text_is_a_problem(tmp_path: Path) -> None:
    missing, latin = tmp_path / "My File.yaml", tmp_path / "latin.yaml"
    latin.write_bytes(b"adapter: x\n# caf\xe9\n")

    loaded = load_adapter(missing, EchoKinds(), {})

    assert [str(p) for p in loaded.problems] == [
        f"{missing}:1:1: DB105 cannot be read: No such file or directory"
    ]
    assert loaded.name == "my_file"
    (problem,) = load_adapter(latin, EchoKinds(), {}).problems
    assert str(problem) == f"{latin}:2:6: DB105 this is no UTF-8 text\n    save it as UTF-8"


def test_a_place_that_is_unknown_is_that_of_its_holder() -> None:
    loaded = parse(HEAD + "functions: {one: {}}\n")

    assert loaded.source.place(("functions", "one", "nowhere", 3)) == Place("hr.yaml", 3, 13)


def test_a_source_can_let_go_of_a_key() -> None:
    source = parse(HEAD + "functions: {one: {says: x}}\n").source

    lean = source.without("functions")

    assert lean.data == {"adapter": "hr", "backend": {"kind": "echo"}}
    assert lean.place(("functions", "one", "says")) == Place("hr.yaml", 3, 1)
    assert lean.place(("backend", "kind")) == Place("hr.yaml", 2, 11)
    assert lean.without("nothing") is lean


def test_a_secret_stays_one_through_a_copy() -> None:
    loaded = parse(
        "adapter: hr\nbackend: {kind: echo, auth: {token: '${T}'}}\nfunctions: {}", {"T": "hunter2"}
    )

    assert loaded.adapter is not None
    assert isinstance(loaded.adapter.backend, EchoBackend)
    assert loaded.adapter.backend.model_copy().auth == loaded.adapter.backend.auth
    assert Secret("hunter2") == Secret("hunter2")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("expect: {suceeded: 1}", "unknown key `suceeded`\n    did you mean `succeeded`?"),
        ("expect: {}", "write exactly one of succeeded, refused, failed, indeterminate"),
        (
            "expect: {succeeded: 1, failed: {}}",
            "write exactly one of succeeded, refused, failed, indeterminate",
        ),
        ("expect: {failed: {codes: x}}", "unknown key `codes`\n    did you mean `code`?"),
        ("expect: {succeeded: 1}, backend: {replies: 1}", "unknown key `replies`"),
        (
            "expect: {succeeded: 1}, backend: {error: {work: never}}",
            "expected one of not_started, rolled_back, done, unknown",
        ),
        (
            "expect: {succeeded: 1}, backend: {error: {exit: [4]}}",
            "expected a text or a whole number, got a list",
        ),
        ("expect: {succeeded: 1}, caller: {roles: [hr]}", "`subject` of `caller` is missing"),
    ],
)
def test_what_is_wrong_with_a_test_is_found_when_it_is_read(words: str, problem: str) -> None:
    [found] = problems_of(
        HEAD + "functions: {get: {says: Gets.}}\n"
        "tests:\n  - {name: t, call: {get: {}}, " + words + "}\n"
    )

    assert found.startswith("hr.yaml:5:")
    assert problem in found


def test_a_test_may_declare_and_expect_nothing_as_a_value() -> None:
    loaded = parse(
        HEAD + "functions: {get: {says: Gets.}}\n"
        "tests: [{name: t, call: {get: {}}, backend: {reply: null}, expect: {succeeded: null}}]\n"
    )

    assert loaded.problems == ()
    assert loaded.adapter is not None
    assert loaded.adapter.tests[0].expect.as_json() == {"succeeded": None}
