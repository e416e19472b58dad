from pathlib import Path
from typing import Any

import orjson
import pytest

import drawbar
from drawbar.app.trials import run_trial, unlike
from drawbar.kernel.outcome import Failed, Indeterminate, Succeeded
from drawbar.kernel.values import JsonObject
from drawbar.spec.model import TrialSpec
from small_company import make_company


async def verdicts(settings: Path, **options: bool) -> list[tuple[str, str | None]]:
    gateway = drawbar.load(settings, cached=False)
    async with gateway:
        results = [
            await run_trial(gateway, item, test, **{"offline": False, "writes": False, **options})
            for item in gateway.adapters
            if item.adapter
            for test in item.adapter.tests
        ]
    return [(result.verdict, result.reason) for result in results]


async def test_reads_are_tried_for_real_and_writes_only_when_asked(tmp_path: Path) -> None:
    settings = make_company(tmp_path)

    assert await verdicts(settings) == [
        ("passed", None),
        ("passed", None),
        ("passed", None),
        ("skipped", "would change the real backend; run with --writes"),
    ]
    assert await verdicts(settings, writes=True) == [("passed", None)] * 4


async def test_offline_runs_what_declares_its_answer(tmp_path: Path) -> None:
    skipped = ("skipped", "needs the real backend")

    assert await verdicts(make_company(tmp_path), offline=True) == [
        skipped,
        ("passed", None),
        ("passed", None),
        skipped,
    ]


async def test_a_test_that_calls_nothing_known_is_said(tmp_path: Path) -> None:
    gateway = drawbar.load(make_company(tmp_path), cached=False)
    [_, shop] = gateway.adapters

    async def reason(**words: Any) -> str | None:
        given = {"name": "t", "call": {"get_item": {"item_no": 1}}, "expect": {"succeeded": {}}}
        test = TrialSpec.model_validate_json(orjson.dumps(given | words))
        return (await run_trial(gateway, shop, test, offline=True, writes=False)).reason

    two: JsonObject = {"get_item": {}, "take_item": {}}
    assert await reason(call=two) == "`call:` names one function with its arguments"
    assert (
        await reason(call={"get_items": {}}) == "there is no function `get_items` in this adapter"
    )


async def test_a_declared_fault_is_told_with_its_code_and_text(tmp_path: Path) -> None:
    gateway = drawbar.load(make_company(tmp_path), cached=False)
    [_, shop] = gateway.adapters
    test = TrialSpec.model_validate_json(
        orjson.dumps(
            {
                "name": "t",
                "call": {"get_item": {"item_no": 1}},
                "backend": {"fault": {"code": "HR-204", "text": "no such leave"}},
                "expect": {"failed": {"code": "fault", "message": "no such leave"}},
            }
        )
    )

    assert (await run_trial(gateway, shop, test, offline=True, writes=False)).reason is None


@pytest.mark.parametrize(
    ("expected", "came", "difference"),
    [
        ({"succeeded": {"a": 1}}, Succeeded({"a": 1, "b": 2}), None),
        ({"succeeded": [{"a": "x*"}, 2]}, Succeeded([{"a": "xyz"}, 2]), None),
        ({"succeeded": None}, Succeeded(None), None),
        ({"indeterminate": {}}, Indeterminate("lost"), None),
        ({"succeeded": {"a": 1}}, Succeeded({}), "succeeded.a is missing"),
        (
            {"succeeded": {"a": [1]}},
            Succeeded({"a": [1, 2]}),
            "succeeded.a has 2 elements, expected 1",
        ),
        ({"succeeded": [1, 2]}, Succeeded([1, 3]), "succeeded[1] is 3, expected 2"),
        ({"succeeded": {"a": 1}}, Succeeded({"a": True}), "succeeded.a is True, expected 1"),
        ({"failed": {"code": "x*"}}, Failed("yx", ""), "failed.code is 'yx', expected 'x*'"),
        ({"failed": {}}, Succeeded(1), "expected failed, came succeeded"),
    ],
)
def test_only_what_is_named_is_compared(expected: Any, came: Any, difference: str | None) -> None:
    found = unlike(expected, came)

    assert found == difference or (difference and str(found).startswith(difference))
