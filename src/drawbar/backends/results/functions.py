"""The functions that read a kept result, as a model reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drawbar.compiler.compile import arguments_schema
from drawbar.compiler.function import Function, FunctionLimits
from drawbar.compiler.kind import Parameter
from drawbar.compiler.strict import strict_schema
from drawbar.compiler.toolset import CompiledAdapter
from drawbar.kernel.errors import Place
from drawbar.kernel.results import RESULT_FUNCTIONS, RESULT_ID
from drawbar.kernel.values import JsonObject

ADAPTER = "result"
MOST_ROWS = 200
_PLACE = Place("the gateway itself")
_COLUMN: JsonObject = {"type": "string", "description": "The name of a column of the result."}
_BOUND: JsonObject = {"anyOf": [{"type": "string"}, {"type": "number"}]}

_RESULT = Parameter(
    "result",
    {
        "type": "string",
        "pattern": f"^{RESULT_ID}$",
        "description": "The id of the result, as the note of the cut answer names it.",
    },
)
_WHERE_ITEM: JsonObject = {
    "type": "object",
    "properties": {
        "column": _COLUMN,
        "equals": {
            "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}],
            "description": "The whole value.",
        },
        "contains": {"type": "string", "description": "A part of the text, in any case."},
        "at_least": _BOUND | {"description": "The smallest number, or the earliest date or text."},
        "at_most": _BOUND | {"description": "The largest number, or the latest date or text."},
        "empty": {"type": "boolean", "description": "Whether there is no value (null)."},
    },
    "required": ["column"],
    "additionalProperties": False,
}


def _where(*, required: bool) -> Parameter:
    schema: JsonObject = {
        "type": "array",
        "items": _WHERE_ITEM,
        "minItems": 1,
        "description": "Conditions that a row has to meet, all of them.",
    }
    return Parameter("where", schema, required)


def _list_of_columns(name: str, description: str) -> Parameter:
    schema: JsonObject = {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "description": description,
    }
    return Parameter(name, schema, required=False)


_ROWS: Sequence[Parameter] = (
    _list_of_columns("columns", "Columns to show; all when left out."),
    Parameter(
        "order_by", {"type": "string", "description": "The column to sort by."}, required=False
    ),
    Parameter(
        "descending",
        {"type": "boolean", "default": False, "description": "Largest first."},
        required=False,
    ),
    Parameter(
        "skip",
        {"type": "integer", "minimum": 0, "default": 0, "description": "Rows to leave out first."},
        required=False,
    ),
    Parameter(
        "count",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_ROWS,
            "default": 50,
            "description": "Rows to show.",
        },
        required=False,
    ),
)
_COMPUTE = Parameter(
    "compute",
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "function": {
                    "type": "string",
                    "enum": ["count", "sum", "min", "max", "avg"],
                    "description": "count counts rows, or with a column its values.",
                },
                "column": _COLUMN,
            },
            "required": ["function"],
            "additionalProperties": False,
        },
        "minItems": 1,
        "description": "What to compute for each group.",
    },
)
_GROUPS: Sequence[Parameter] = (
    _COMPUTE,
    _list_of_columns("group_by", "Columns whose values make the groups; one group when left out."),
    _where(required=False),
    _ROWS[1],
    _ROWS[2],
    _ROWS[4],
)


def own_functions(compiled: Iterable[CompiledAdapter]) -> tuple[CompiledAdapter, ...]:
    """The gateway's own functions, as if they came from an adapter; none where no adapter has use for them."""
    if not any(each.keeps for each in compiled):
        return ()
    page, search, aggregate = RESULT_FUNCTIONS
    functions = (
        _function(
            page,
            "Show more rows of a result that was cut: sorted, and any part of it.",
            (_RESULT, *_ROWS),
        ),
        _function(
            search,
            "Find the rows of a result that was cut that meet conditions, and how many there are.",
            (_RESULT, _where(required=True), *_ROWS),
        ),
        _function(
            aggregate,
            "Count, sum or compare over all rows of a result that was cut, by groups. Exact; never "
            "compute from the few rows that are shown.",
            (_RESULT, *_GROUPS),
        ),
    )
    return (CompiledAdapter(ADAPTER, _PLACE.file, None, {}, functions, (), _PLACE),)


def _function(name: str, description: str, parameters: tuple[Parameter, ...]) -> Function:
    schema = arguments_schema(parameters)
    local_name = name.removeprefix(f"{ADAPTER}_")
    return Function(
        name=name,
        local_name=local_name,
        adapter=ADAPTER,
        kind="results",
        description=description,
        effect="read",
        parameters=parameters,
        schema=schema,
        strict_schema=strict_schema(schema).schema,
        binding=local_name,
        limits=FunctionLimits(rows=MOST_ROWS),
        place=_PLACE,
    )
