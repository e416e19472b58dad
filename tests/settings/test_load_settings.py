from __future__ import annotations

import os
from pathlib import Path

import pytest

from drawbar.kernel.values import Secret
from drawbar.settings import LoadedSettings, Settings, adapter_files, load_settings
from drawbar.spec.secrets import secrets_of, shown


def load(
    tmp_path: Path, text: str, environ: dict[str, str] | None = None, **flags: object
) -> LoadedSettings:
    path = tmp_path / "drawbar.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(
        path, environ or {}, {name.replace("__", "."): value for name, value in flags.items()}
    )


def problems_of(loaded: LoadedSettings) -> list[str]:
    return [str(problem).replace(f"{loaded.folder}/", "") for problem in loaded.problems]


def test_without_a_file_the_defaults_hold() -> None:
    loaded = load_settings(None, {})

    assert loaded.problems == ()
    assert loaded.settings.listen == Settings().listen
    assert loaded.settings.adapters == (os.path.abspath("adapters"),)  # noqa: PTH100 -- as it is made
    assert loaded.settings.store == f"sqlite:///{os.path.abspath('var/drawbar.db')}"  # noqa: PTH100
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.folder == Path("config")


def test_each_place_wins_over_the_one_before_and_every_origin_is_known(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "listen: {port: 1000, host: 127.0.0.2}\nmodel: {name: one, base_url: http://one}\n",
        {"DRAWBAR_LISTEN__PORT": "2000", "DRAWBAR_MODEL__NAME": "two", "OTHER": "x"},
        model__name="three",
    )

    settings, origins = loaded.settings, loaded.origins
    file = tmp_path / "drawbar.yaml"
    assert loaded.problems == ()
    assert (settings.listen.host, origins["listen.host"]) == ("127.0.0.2", f"{file}:1:22")
    assert (settings.listen.port, origins["listen.port"]) == (2000, "DRAWBAR_LISTEN__PORT")
    assert (settings.model.name, origins["model.name"]) == ("three", "flag")
    assert (settings.model.base_url, origins["model.base_url"]) == ("http://one", f"{file}:2:20")
    assert (settings.runs.rounds, origins["runs.rounds"]) == (20, "default")


def test_values_of_variables_are_read_as_the_setting_wants_them(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "toolsets: {crew: ['hr_*']}\n",
        {
            "DRAWBAR_MODEL__API_KEY": "12345",
            "DRAWBAR_RUNS__EXPIRE_AFTER": "5m",
            "DRAWBAR_LISTEN__PORT": "0",
            "DRAWBAR_TOOLSETS__CREW": "['crm_*', x]",
            "DRAWBAR_TOOLSETS__NEW": "[a]",
            "DRAWBAR_ANONYMOUS__CLAIMS__DEPT": "7",
            "DRAWBAR_ANONYMOUS__SUBJECT": "ann",
            "DRAWBAR_MODEL__BASE_URL": "",
        },
    )

    assert loaded.problems == ()
    assert loaded.settings.model.api_key == Secret("12345")
    assert loaded.settings.model.base_url is None
    assert loaded.settings.runs.expire_after == 300
    assert loaded.settings.listen.port == 0
    assert loaded.settings.toolsets == {"crew": ("crm_*", "x"), "new": ("a",)}
    assert loaded.settings.anonymous is not None
    assert loaded.settings.anonymous.claims == {"dept": "7"}


def test_flags_may_bring_values_of_python(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "model: {name: one}\n",
        listen__port=8000,
        adapters=(Path("a"), "b"),
        model__base_url=None,
    )

    assert loaded.problems == ()
    assert loaded.settings.listen.port == 8000
    assert loaded.settings.adapters == (str(Path.cwd() / "a"), str(Path.cwd() / "b"))
    assert loaded.settings.model.base_url is None


def test_paths_in_the_file_start_at_its_folder_and_those_of_flags_where_one_stands(
    tmp_path: Path,
) -> None:
    text = "adapters: [../adapters, /abs]\nstore: sqlite:///../var/x.db\nmodel: {script: s.yaml}\n"

    loaded = load(tmp_path, text)
    by_flag = load(tmp_path, text, {"DRAWBAR_STORE": "sqlite:///y.db"}, model__script="t.yaml")

    assert loaded.settings.adapters == (str(tmp_path.parent / "adapters"), "/abs")
    assert loaded.settings.store == f"sqlite:///{tmp_path.parent}/var/x.db"
    assert loaded.settings.model.script == str(tmp_path / "s.yaml")
    assert by_flag.settings.store == f"sqlite:///{Path.cwd()}/y.db"
    assert by_flag.settings.model.script == str(Path.cwd() / "t.yaml")


@pytest.mark.parametrize(
    "store", ["postgresql://u@h/db", "sqlite:////abs/x.db", "sqlite:///:memory:", "sqlite://"]
)
def test_a_store_without_a_relative_path_stays_as_it_is(tmp_path: Path, store: str) -> None:
    assert load(tmp_path, f"store: '{store}'\n").settings.store == store


@pytest.mark.parametrize(
    ("text", "environ", "messages"),
    [
        (
            "listn: {port: 1}\n",
            {},
            ["drawbar.yaml:1:1: DB101 unknown key `listn`\n    did you mean `listen`?"],
        ),
        (
            "listen: {prot: 1}\n",
            {},
            ["drawbar.yaml:1:10: DB101 unknown key `prot`\n    did you mean `port`?"],
        ),
        (
            "listen: {port: '80'}\n",
            {},
            [
                (
                    'drawbar.yaml:1:10: DB111 expected a whole number, got the text "80"\n'
                    "    write 80 without quotes"
                )
            ],
        ),
        ("a: b: c\n", {}, ["DB100"]),
        (
            "just text",
            {},
            [
                'drawbar.yaml:1:1: DB106 the file is the text "just text"; settings are `key: value` lines'
            ],
        ),
        (
            "model: {api_key: '${NOPE}'}\n",
            {},
            [
                (
                    "drawbar.yaml:1:9: DB120 the environment variable NOPE is not set\n"
                    "    set it, or write ${NOPE:-default}"
                )
            ],
        ),
        (
            "",
            {"DRAWBAR_LISTN__PORT": "1", "DRAWBAR_TEST_X": "1", "DRAWBAR_SETTINGS": "x"},
            [
                (
                    "DRAWBAR_LISTN__PORT:1:1: DB701 DRAWBAR_LISTN__PORT sets nothing: there is no such setting\n"
                    "    did you mean DRAWBAR_LISTEN__PORT?"
                )
            ],
        ),
        (
            "",
            {"DRAWBAR_ZZZ": "1", "DRAWBAR_LISTEN__PORT__X": "1"},
            [
                (
                    "DRAWBAR_LISTEN__PORT__X:1:1: DB701 DRAWBAR_LISTEN__PORT__X sets nothing: "
                    "there is no such setting\n    did you mean DRAWBAR_LISTEN__PORT?"
                ),
                (
                    "DRAWBAR_ZZZ:1:1: DB701 DRAWBAR_ZZZ sets nothing: there is no such setting\n"
                    "    remove it from the environment"
                ),
            ],
        ),
        (
            "",
            {"DRAWBAR_LISTEN__PORT": "hunter2"},
            [
                (
                    "DRAWBAR_LISTEN__PORT:1:1: DB111 expected a whole number, "
                    "and DRAWBAR_LISTEN__PORT is something else (not shown)"
                )
            ],
        ),
        (
            "",
            {"DRAWBAR_TOOLSETS__A": "[a"},
            [
                (
                    "DRAWBAR_TOOLSETS__A:2:1: DB100 this list in brackets is not closed, or a comma is missing\n"
                    "    separate its elements with commas and close it with ]"
                ),
            ],
        ),
        (
            "listen: 5\n",
            {"DRAWBAR_LISTEN__PORT": "80"},
            [],  # the variable takes the place of the whole
        ),
    ],
)
def test_what_is_wrong_is_told_with_where_it_was_written(
    tmp_path: Path, text: str, environ: dict[str, str], messages: list[str]
) -> None:
    loaded = load(tmp_path, text, environ)

    problems = problems_of(loaded)
    if messages == ["DB100"]:
        problems = [problem.split()[1] for problem in problems]
    assert problems == messages


def test_what_is_broken_holds_its_default_and_the_rest_what_was_written(tmp_path: Path) -> None:
    loaded = load(tmp_path, "listen: {port: x}\nmodel: {name: mine}\nzzz: 1\nruns: 5\n")

    assert len(loaded.problems) == 3
    assert loaded.settings.listen == Settings().listen
    assert loaded.settings.runs == Settings().runs
    assert loaded.settings.model.name == "mine"
    assert loaded.origins["listen.port"] == "default"


def test_a_flag_that_no_setting_has_is_a_problem(tmp_path: Path) -> None:
    assert problems_of(load(tmp_path, "", model__nam="x")) == [
        "--nam:1:1: DB701 there is no setting `model.nam`"
    ]


def test_a_file_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    loaded = load_settings(tmp_path / "nope.yaml", {})

    assert problems_of(loaded) == ["nope.yaml:1:1: DB105 cannot be read: No such file or directory"]


def test_a_variable_takes_the_place_of_a_reference_in_the_file(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "model: {api_key: 'x${KEY}', timeout: '${WAIT}'}\n",
        {"KEY": "one", "WAIT": "5s", "DRAWBAR_MODEL__API_KEY": "two-secret"},
    )

    assert loaded.settings.model.api_key == Secret("two-secret")
    assert loaded.settings.model.timeout == 5
    assert secrets_of(loaded.settings) == ("two-secret",)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("'::1'", True),
        ("'[::1]'", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("gateway.internal", False),
    ],
)
def test_callers_without_a_key_are_allowed_on_this_machine_only(
    tmp_path: Path, host: str, allowed: bool
) -> None:
    loaded = load(tmp_path, f"listen: {{host: {host}}}\nanonymous: {{subject: ann}}\n")

    assert problems_of(loaded) == (
        []
        if allowed
        else [
            (
                "drawbar.yaml:2:1: DB702 requests without a key would be allowed from other machines: "
                f"`listen.host` is {host}\n    remove `anonymous`, or listen on 127.0.0.1"
            )
        ]
    )


def test_the_host_of_a_variable_is_named_when_the_anonymous_caller_is_one_as_well() -> None:
    loaded = load_settings(
        None, {"DRAWBAR_LISTEN__HOST": "10.0.0.1", "DRAWBAR_ANONYMOUS__SUBJECT": "ann"}
    )

    assert [problem.place.file for problem in loaded.problems] == ["DRAWBAR_LISTEN__HOST"]


def test_settings_are_dumped_without_secrets(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "store: postgresql://u:${PW}@h/db\nmodel: {api_key: '${KEY}', base_url: 'http://a:${PW}@h'}\n",
        {"PW": "hunter2", "KEY": "swordfish"},
    )

    dumped = shown(loaded.settings.model_dump(mode="json"))

    assert [text for text in ("hunter2", "swordfish") if text in f"{dumped} {loaded!r}"] == []
    assert isinstance(dumped, dict)
    assert dumped["store"] == "postgresql://u:***@h/db"


def test_adapters_are_found_in_folders_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b.yaml", "a.yml", "c.txt", "single.yaml"):
        folder = tmp_path if name == "single.yaml" else tmp_path / "adapters"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")
    loaded = load(tmp_path, "adapters: [adapters, single.yaml, nowhere]\n")

    files, problems = adapter_files(loaded)
    monkeypatch.chdir(tmp_path)
    from_here, _ = adapter_files(loaded)

    assert files == [
        tmp_path / "adapters/a.yml",
        tmp_path / "adapters/b.yaml",
        tmp_path / "single.yaml",
    ]
    assert from_here == [Path("adapters/a.yml"), Path("adapters/b.yaml"), Path("single.yaml")]
    assert [str(problem) for problem in problems] == [
        (
            f"{tmp_path}/drawbar.yaml:1:35: DB703 there is no file or folder of adapters at {tmp_path}/nowhere\n"
            "    relative paths start at the folder of the settings file"
        )
    ]
