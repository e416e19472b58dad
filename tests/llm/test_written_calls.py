from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbar.llm.written_calls import WrittenCalls

NAMES = ("get", "put")
ONE = [("get", '{"a":1}')]
TWO = [("get", '{"a":1}'), ("put", "{}")]

CALLS = {
    '{"name": "get", "arguments": {"a": 1}}': ("", ONE),
    ' \n{"name": "get", "parameters": {"a": 1}}\n': ("", ONE),
    '{"arguments": {"a": 1}, "name": "get"}': ("", ONE),
    '{"type": "function", "function": {"name": "get", "arguments": "{\\"a\\":1}"}}': ("", ONE),
    '{"function": "get", "arguments": {"a": 1}}': ("", ONE),
    '{"tool_calls": [{"function": {"name": "get", "arguments": {"a": 1}}}]}': ("", ONE),
    '[{"name": "get", "arguments": {"a": 1}}, {"name": "put"}]': ("", TWO),
    '{"name": "get", "arguments": {"a": 1}}\n{"name": "put", "arguments": null}': ("", TWO),
    '{"name": "get", "arguments": {"a": 1}}; {"name": "put", "arguments": {}}': ("", TWO),
    '```json\n{"name": "get", "arguments": {"a": 1}}\n```': ("", ONE),
    '```\n{"name": "get", "arguments": {"a": 1}}\n```\nI wait.': ("", ONE),
    '<tool_call>\n{"name": "get", "arguments": {"a": 1}}\n</tool_call>': ("", ONE),
    'Hm.\n<tool_call>{"name": "get", "arguments": {"a": 1}}</tool_call><tool_call>{"name": "put"}': ("Hm.\n", TWO),
    '<tool_call>{"name": "get", "arguments": {"a": 1}}<tool_call>{"name": "put"}': ("", TWO),
    '[TOOL_CALLS] [{"name": "get", "arguments": {"a": 1}}]': ("", ONE),
    'Well. [TOOL_CALLS]get{"a": 1}put{}': ("Well. ", TWO),
    '[TOOL_CALLS]get[ARGS]{"a": 1}[TOOL_CALLS]put[CALL_ID]abc[ARGS]{}': ("", TWO),
    '<|python_tag|>{"name": "get", "parameters": {"a": 1}}': ("", ONE),
    # what is broken stays as it was written
    '<tool_call>{"name": "get", "arguments": {"a": }}</tool_call>': ("", [("get", '{"a": }')]),
    '<tool_call>{"name": "get", "arguments": {"a": 1}</tool_call>': ("", [("get", '{"a": 1}')]),
    '{"name": "get", "arguments": {"a": "x': ("", [("get", '{"a": "x')]),
    '[TOOL_CALLS]get{"a": ': ("", [("get", '{"a":')]),
    '{"name": "get", "arguments": "not json"}': ("", [("get", "not json")]),
    '{"name": "get", "arguments": [12345678901234567890123]}': ("", [("get", "[12345678901234567890123]")]),
}  # fmt: skip

TEXTS = [
    "Hello",
    "",
    '{"name": "unknown", "arguments": {"a": 1}}',
    '{"name": "Ann", "age": 5}',
    '{"rows": [{"name": "get"}]}',
    "[1, 2, 3]",
    "[see below]",
    "```python\nprint(1)\n```",
    "`get` is a function",
    'You could call {"name": "get", "arguments": {}}.',
    "a < b and <tool_calling> is no marker",
    "<tool_call>nothing</tool_call>",
    "[TOOL_CALLS] none",
    "ends with <tool_",
    "{",
    "```json",
    '{"name": ["get"]}',
]


def read(text: str, size: int, names: tuple[str, ...] = NAMES) -> tuple[str, list[tuple[str, str]]]:
    reader = WrittenCalls(names)
    shown = "".join(reader.feed(text[at : at + size]) for at in range(0, len(text), size))
    rest, calls = reader.end()
    return shown + rest, calls


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("text", CALLS)
def test_a_call_of_a_known_function_is_found_however_the_text_is_cut(text: str, size: int) -> None:
    assert read(text, size) == CALLS[text]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("text", TEXTS)
def test_anything_else_is_text(text: str, size: int) -> None:
    assert read(text, size) == (text, [])


@given(st.text(alphabet='<>[]{}"`\n abgetnmTOL_C|:,', max_size=60), st.integers(1, 9))
def test_no_text_is_lost_unless_there_is_a_call(text: str, size: int) -> None:
    shown, calls = read(text, size)

    assert shown == text or calls


@pytest.mark.parametrize(
    "text", ["Hello", "{1}", '{"rows": ', "[1", "```python\n", "<b>", '{"names": "']
)
def test_text_that_can_be_no_call_is_shown_at_once(text: str) -> None:
    assert WrittenCalls(NAMES).feed(text) == text


def test_only_the_beginning_of_a_marker_is_kept_back() -> None:
    reader = WrittenCalls(NAMES)

    assert reader.feed("Hello <tool") == "Hello "
    assert reader.feed("box>") == "<toolbox>"


def test_without_functions_everything_is_text() -> None:
    text = '{"name": "get", "arguments": {}}'

    assert WrittenCalls(()).feed(text) == text
