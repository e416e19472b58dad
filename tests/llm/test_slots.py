from __future__ import annotations

import pytest

from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.llm.sentence import Sentence
from drawbar.llm.slots import Filled, fill

from .company import TODAY


def filled(said: str, /, *required: str, **parameters: JsonObject) -> Filled:
    names: list[JsonValue] = [*required]
    schema: JsonObject = {"properties": {**parameters}, "required": names}
    return fill(schema, Sentence(said, TODAY), frozenset(("order", "part")))


UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
STRING: JsonObject = {"type": "string"}
WHOLE: JsonObject = {"type": "integer"}
FLAG: JsonObject = {"type": "boolean"}
NAMED: JsonObject = {**STRING, "description": "Its number, or words such as a name."}
SIZES: JsonObject = {"type": "array", "items": {"type": "string", "enum": ["small", "large"]}}
CODES: JsonObject = {"type": "array", "items": {"type": "string", "pattern": "^K[0-9]{2}$"}}


@pytest.mark.parametrize(
    ("text", "parameter", "schema", "value"),
    [
        ("write to ann@example.org now", "address", {"type": "string", "format": "email"}, "ann@example.org"),
        ("write to ann@example.org now", "email", STRING, "ann@example.org"),
        ("look at https://x.example/a?b=1 please", "link", {"type": "string", "format": "uri"}, "https://x.example/a?b=1"),
        (f"job {UUID}", "job", {"type": "string", "format": "uuid"}, UUID),
        ("at 2031-03-04T10:00:00Z", "moment", {"type": "string", "format": "date-time"}, "2031-03-04T10:00:00Z"),
        ("urgent order", "urgent", FLAG, True),
        ("an order that is not urgent", "urgent", FLAG, False),
        ("an order", "urgent", FLAG, None),
        ("small and large ones", "sizes", SIZES, ["small", "large"]),
        ("k10 and k11", "codes", CODES, ["K10", "K11"]),
        ("any ones", "sizes", SIZES, None),
        ("the order 4711-A please", "order_no", STRING, "4711-A"),
        ("three of them", "quantity", WHOLE, 3),
        ("invoices of Perran Mossgate", "customer_no", NAMED, "Perran Mossgate"),
        ("invoices of Perran Mossgate", "customer_no", STRING, None),
        ("20 minutes late", "name", STRING, None),
        ("who sails on the Fulmar", "ship", {**STRING, "description": "One of Fulmar and Razorbill."}, "Fulmar"),
        ("2,5 litres", "litres", {"type": "number"}, 2.5),
        ("700 pieces", "quantity", {"type": "integer", "maximum": 50}, None),
        ("2.5 pieces", "quantity", WHOLE, None),
        ("of Netherby", "person", STRING, "Netherby"),
        ("for oil filters", "item", STRING, "oil filters"),
        ("delay it because of thick fog.", "reason", STRING, "thick fog"),
        ("delay it, reason: fog", "reason", STRING, "fog"),
        ('say "all is well"', "message", STRING, "all is well"),
        ("Ann O'Neil's order", "name", STRING, "Ann O'Neil"),
        ("parts called gasket ring", "text", STRING, "gasket ring"),
        ("no words for it", "name", {"type": "string", "pattern": "^[0-9 a-z]+[0-9]$", "minLength": 30}, None),
        ("anything", "odd", {"type": "string", "pattern": "(unclosed"}, None),
        ("anything", "thing", {"type": "object"}, None),
    ],
)  # fmt: skip
def test_a_required_value_is_found_by_its_form_or_its_place(
    text: str, parameter: str, schema: JsonObject, value: JsonValue
) -> None:
    found = filled(text, parameter, **{parameter: schema})

    assert found.arguments == ({} if value is None else {parameter: value})
    assert found.missing == ([parameter] if value is None else [])


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("from small to large", {"from_size": "small", "to_size": "large"}),
        ("to large from small", {"from_size": "small", "to_size": "large"}),
        ("to large", {"to_size": "large"}),
        ("small", {"from_size": "small"}),
    ],
)
def test_two_ends_are_told_apart_by_their_prepositions(text: str, arguments: JsonObject) -> None:
    size: JsonObject = {"type": "string", "enum": ["small", "large"]}

    assert filled(text, "from_size", from_size=size, to_size=size).arguments == arguments


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("from 4 March to 6 March", {"first_day": "2031-03-04", "last_day": "2031-03-06"}),
        ("until 6 March from 4 March", {"first_day": "2031-03-04", "last_day": "2031-03-06"}),
        ("tomorrow", {"first_day": "2031-03-04"}),
        ("until tomorrow", {"last_day": "2031-03-04"}),
    ],
)
def test_two_days_are_told_apart_by_their_prepositions(text: str, arguments: JsonObject) -> None:
    day: JsonObject = {"type": "string", "format": "date"}

    assert filled(text, first_day=day, last_day=day).arguments == arguments


def test_a_number_with_a_unit_goes_to_the_parameter_of_that_unit() -> None:
    found = filled("90 minutes for 4 people", minutes=WHOLE, people=WHOLE)

    assert found.arguments == {"minutes": 90, "people": 4}


def test_an_optional_number_needs_its_word_beside_it() -> None:
    assert filled("order 90", minutes=WHOLE).arguments == {}


def test_four_digits_after_in_are_a_year_and_no_number_of_a_person() -> None:
    digits: JsonObject = {"type": "string", "pattern": "^[0-9]{4}$"}

    found = filled("in 2030 of 1042", "emp_no", emp_no=digits, year=WHOLE)

    assert found.arguments == {"emp_no": "1042", "year": 2030}
