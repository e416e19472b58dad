import json
import sqlite3
from pathlib import Path

import pytest

import drawbar
from drawbar import Caller, Failed, Refused, Succeeded
from drawbar.kernel.errors import AuthorError, OperatorError
from small_company import make_company


def test_loading_is_offline_and_lists_every_function_with_its_schemas(tmp_path: Path) -> None:
    gateway = drawbar.load(make_company(tmp_path))

    assert list(gateway.functions) == ["echo_say", "shop_get_item", "shop_take_item"]
    function = gateway.functions["shop_get_item"]
    assert (function.description, function.effect, function.adapter) == (
        "One item by its number.",
        "read",
        "shop",
    )
    assert function.schema["required"] == ["item_no"]
    assert function.strict_schema is not None
    assert function.problems == ()
    assert not (tmp_path / "store.db").exists()


def test_a_broken_adapter_stays_listed_with_its_reason(tmp_path: Path) -> None:
    gateway = drawbar.load(make_company(tmp_path, broken=True))

    [problem] = gateway.functions["broken_get_it"].problems
    assert "SURELY_NOT_SET_ANYWHERE" in problem.message
    assert problem in gateway.problems
    assert gateway.functions["shop_get_item"].callable


async def test_functions_are_called_through_one_path_whose_outcomes_are_values(
    tmp_path: Path,
) -> None:
    gateway = drawbar.load(make_company(tmp_path, broken=True))

    async with gateway:
        found = await gateway.call("shop_get_item", {"item_no": 1})
        said = await gateway.call("echo_say", '{"word": "ahoy"}')
        missing = await gateway.call("shop_get_item", {"item_no": 77})
        wrong = await gateway.call("shop_get_item", {"item_no": "one"})
        forbidden = await gateway.call("shop_take_item", {"item_no": 1}, caller=Caller("tom"))
        broken = await gateway.call("broken_get_it")

    assert found == Succeeded({"item_no": 1, "name": "anchor", "stock": 3})
    assert isinstance(said, Succeeded)
    assert said.value == "ahoy"
    assert missing == Failed("not_found", "no such item")
    assert isinstance(wrong, Refused)
    assert isinstance(forbidden, Refused)
    assert forbidden.code == "not_allowed"
    assert isinstance(broken, Failed)
    assert broken.code == "function_unavailable"


async def test_a_dry_run_shows_the_request_and_changes_nothing(tmp_path: Path) -> None:
    gateway = drawbar.load(make_company(tmp_path))

    async with gateway:
        outcome = await gateway.call("shop_take_item", {"item_no": 1}, dry_run=True)
        after = await gateway.call("shop_get_item", {"item_no": 1})

    assert isinstance(outcome, Succeeded)
    assert "update items set stock = stock - 1" in str(outcome.value)
    assert isinstance(after, Succeeded)
    assert after.value == {"item_no": 1, "name": "anchor", "stock": 3}


async def test_each_call_leaves_an_audit_line_behind(tmp_path: Path) -> None:
    gateway = drawbar.load(make_company(tmp_path))

    async with gateway:
        await gateway.call("shop_take_item", {"item_no": 1}, caller=Caller("anna", ("clerk",)))
        await gateway.call("shop_take_item", {"item_no": 1}, caller=Caller("tom"))

    with sqlite3.connect(tmp_path / "store.db") as store:
        rows = [json.loads(entry) for (entry,) in store.execute("select entry from audit")]
    store.close()
    assert [(row["caller"], row["function"], row["decision"], row["outcome"]) for row in rows] == [
        ("anna", "shop_take_item", "allowed", "succeeded"),
        ("tom", "shop_take_item", "refused", "refused"),
    ]


async def test_a_gateway_that_is_not_open_says_so(tmp_path: Path) -> None:
    gateway = drawbar.load(make_company(tmp_path))

    with pytest.raises(RuntimeError, match="async with gateway"):
        await gateway.call("echo_say", {"word": "x"})
    with pytest.raises(RuntimeError, match="async with gateway"):
        _ = gateway.store
    async with gateway:
        with pytest.raises(RuntimeError, match="open already"):
            await gateway.open(exclusive=False)


async def test_a_gateway_may_be_opened_again(tmp_path: Path) -> None:
    gateway = drawbar.load(make_company(tmp_path))

    for _ in range(2):
        async with gateway:
            assert isinstance(await gateway.call("shop_get_item", {"item_no": 1}), Succeeded)
    await gateway.close()


def test_settings_that_are_wrong_raise_every_problem(tmp_path: Path) -> None:
    settings = tmp_path / "drawbar.yaml"
    settings.write_text("adapterz: [x]\nruns: {rounds: 0}\n")

    with pytest.raises(AuthorError) as raised:
        drawbar.load(settings)

    assert len(raised.value.problems) == 2
    assert "did you mean `adapters`?" in str(raised.value)


def test_no_settings_at_all_is_told_with_the_ways_to_name_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(OperatorError, match="--settings or DRAWBAR_SETTINGS"):
        drawbar.load(environ={})


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    settings = make_company(tmp_path)
    environ = {"DRAWBAR_LISTEN__PORT": "7", "DRAWBAR_RUNS__ROUNDS": "3"}

    gateway = drawbar.load(settings, environ=environ, flags={"listen.port": 8})

    assert (gateway.settings.listen.port, gateway.settings.runs.rounds) == (8, 3)


def test_without_an_anonymous_caller_the_local_one_has_no_role(tmp_path: Path) -> None:
    settings = make_company(tmp_path)
    settings.write_text("adapters: [adapters]\nstore: sqlite:///store.db\n")

    assert drawbar.load(settings).default_caller() == Caller("local")


def test_the_package_offers_what_it_names_and_nothing_else() -> None:
    assert {getattr(drawbar, name).__name__ for name in drawbar.__all__ if name != "Outcome"}
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = drawbar.lode
