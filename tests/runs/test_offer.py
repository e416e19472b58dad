"""Which functions are offered, and who executes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doubles import function
from drawbar.kernel.errors import ClientError, Place, Problem
from drawbar.kernel.values import JsonObject
from drawbar.llm.chat import ToolSchema
from drawbar.runs.loop import tool_choice
from drawbar.runs.offer import client_tools, resolve_offer, server_tools

TOOLSET = {name: function(name) for name in ("hr_get", "hr_set", "crm_get")}
GROUPS = {"hr": ["hr_*"], "desk": ["crm_get", "hr_get"]}


def tool(name: str, **fields: object) -> JsonObject:
    inner: JsonObject = {"name": name}
    for field, value in fields.items():
        assert isinstance(value, str | bool | dict)
        inner[field] = value
    return {"type": "function", "function": inner}


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("hr", ("hr_get", "hr_set")),
        ("desk", ("hr_get", "crm_get")),
        ("all", ("hr_get", "hr_set", "crm_get")),
        (None, ()),
    ],
)
def test_a_toolset_offers_its_functions(name: str | None, functions: tuple[str, ...]) -> None:
    assert resolve_offer([], name, TOOLSET, GROUPS).functions == functions


def test_a_tool_that_names_a_function_of_the_server_is_executed_here() -> None:
    offer = resolve_offer([tool("hr_get"), {"type": "file_search"}], None, TOOLSET, GROUPS)

    assert (offer.functions, offer.client_tools) == (("hr_get",), ())


def test_a_tool_with_parameters_of_its_own_is_the_clients() -> None:
    tools = [
        tool("ask", description="Ask.", parameters={"type": "object"}, strict=True),
        tool("go"),
    ]

    offer = resolve_offer(tools, "hr", TOOLSET, GROUPS)

    assert offer.functions == ("hr_get", "hr_set")
    assert offer.client_tools == (
        ToolSchema("ask", "Ask.", {"type": "object"}, strict=True),
        ToolSchema("go", "", {"type": "object", "properties": {}}, strict=False),
    )
    assert client_tools(tools, TOOLSET) == offer.client_tools


@pytest.mark.parametrize(
    ("tools", "name", "message"),
    [
        ([], "hrr", "No toolset is called 'hrr'. Did you mean 'hr'?"),
        ([], "x", "No toolset is called 'x'. There are: all, desk, hr."),
        ([tool("ask"), tool("ask")], None, "The function 'ask' is given twice."),
        (
            [tool("hr_get", parameters={})],
            None,
            (
                "The function 'hr_get' is executed by this server, so it cannot bring its own "
                "'parameters'. Leave them out to offer the server's function, or use another name."
            ),
        ),
    ],
)
def test_what_cannot_be_offered_is_refused_with_what_to_do(
    tools: list[JsonObject], name: str | None, message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        resolve_offer(tools, name, TOOLSET, GROUPS)

    assert caught.value.message == message
    assert caught.value.param is not None


def test_a_broken_function_is_not_shown_to_the_model() -> None:
    problem = Problem(Place("a.yaml"), "DB201", "broken")
    broken = replace(TOOLSET["hr_get"], problems=(problem,))
    strict = replace(TOOLSET["hr_set"], strict_schema={"type": "object"})

    shown = server_tools(["hr_get", "hr_set", "gone"], {"hr_get": broken, "hr_set": strict})

    assert shown == (ToolSchema("hr_set", "For tests.", {"type": "object"}, strict=True),)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "f"}}, "function:f"),
        ({"type": "file_search"}, "auto"),
    ],
)
def test_a_choice_is_said_in_the_models_words(choice: JsonObject | str, said: str) -> None:
    assert tool_choice(choice) == said
