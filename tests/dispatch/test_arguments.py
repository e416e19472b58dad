import pytest

from doubles import ANNA, Bench, function, parameter
from drawbar.compiler.kind import Parameter
from drawbar.compiler.strict_values import from_strict
from drawbar.dispatch.arguments import (
    ArgumentCheck,
    of_caller,
    parse_arguments,
    shown,
)
from drawbar.kernel.outcome import ArgumentProblem, Refused
from drawbar.kernel.values import Caller, JsonObject, JsonValue


async def test_five_wrong_arguments_are_named_at_once_with_what_would_be_right() -> None:
    bench = Bench(
        function(
            parameters=[
                parameter(
                    "contract_no",
                    type="string",
                    pattern="^[0-9]{6}$",
                    description="The six digits on the contract",
                    examples=["001244"],
                ),
                parameter("region", type="string", enum=["north", "south"]),
                parameter("days", type="integer", minimum=1),
                parameter("since", type="string", format="date"),
                parameter("employee", type="string", description="Personnel number"),
            ]
        )
    )

    outcome = await bench.call(
        arguments={
            "contract_no": "12-44",
            "region": "nort",
            "days": "5",
            "since": "3.4.26",
            "employe": "1",
        }
    )

    assert outcome == Refused(
        "invalid_arguments",
        "Nothing was sent: 6 arguments are wrong. Correct what is listed and call again.",
        outcome.problems,
    )
    assert {problem.argument: problem.message for problem in outcome.problems} == {
        "contract_no": 'the text "12-44" does not match ^[0-9]{6}$.'
        ' It means: The six digits on the contract. Example: "001244".',
        "region": 'the text "nort" is not allowed. Allowed: "north", "south" (did you mean "north"?).',
        "days": 'the text "5" is given where a whole number belongs. Write it without quotes.',
        "since": 'the text "3.4.26" is not a date. Write it as year-month-day, such as "2026-03-31".',
        "employee": "This argument is missing. It is a text. It means: Personnel number.",
        "employe": "There is no such argument. Did you mean `employee`? Arguments here: `contract_no`, "
        "`region`, `days`, `since`, `employee`.",
    }
    assert bench.backend.calls == []


def test_text_that_is_no_json_is_refused_with_the_position() -> None:
    refused = parse_arguments('{"days": 5, "from": }')

    assert isinstance(refused, Refused)
    assert refused.code == "invalid_json"
    assert "at character 21" in refused.message
    assert "Write one complete JSON object" in refused.message


def test_json_that_is_no_object_is_refused() -> None:
    assert parse_arguments("[1]") == Refused(
        "invalid_json", "The arguments are a list of 1; write one JSON object, such as {}."
    )


def test_no_text_at_all_is_an_object_without_members() -> None:
    assert parse_arguments(" ") == {}


async def test_null_stands_for_an_optional_argument_that_is_left_out() -> None:
    nested = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}},
        "required": ["a"],
        "additionalProperties": False,
    }
    bench = Bench(
        function(
            parameters=[
                parameter("days", required=False, type="integer"),
                parameter("people", required=False, type="array", items=nested),
            ]
        )
    )

    await bench.call(arguments={"days": None, "people": [{"a": "x", "b": None}]})

    assert bench.backend.calls[0].arguments == {"people": [{"a": "x", "b": None}]}


def test_nulls_are_dropped_behind_references_too() -> None:
    schema = {
        "$ref": "#/$defs/leave",
        "$defs": {"leave": {"type": "object", "properties": {"note": {"type": "string"}}}},
    }

    assert from_strict({"note": None}, schema, schema) == {}  # type: ignore[arg-type] # plain dicts


async def test_a_null_for_a_required_argument_is_refused() -> None:
    bench = Bench(function(parameters=[parameter("days", type="integer")]))

    outcome = await bench.call(arguments={"days": None})

    assert outcome.problems == (
        ArgumentProblem("days", "null is given where a whole number belongs."),
    )


async def test_defaults_and_gateway_values_are_filled_in_after_the_check() -> None:
    bench = Bench(
        function(
            parameters=[
                parameter("sort", required=False, type="string", default="newest"),
                Parameter("region", {"type": "string"}, source="const", value="EU"),
                Parameter(
                    "employee", {"type": "string"}, source="caller", value="caller.claims.emp_no"
                ),
                Parameter("who", {"type": "string"}, source="caller", value="caller.subject"),
                Parameter("roles", {"type": "array"}, source="caller", value="caller.roles"),
            ]
        )
    )

    await bench.call()

    assert bench.backend.calls[0].arguments == {
        "sort": "newest",
        "region": "EU",
        "employee": "1007",
        "who": "anna",
        "roles": ["hr"],
    }


async def test_the_model_cannot_supply_what_the_gateway_fills_in() -> None:
    bench = Bench(
        function(
            parameters=[
                Parameter(
                    "employee", {"type": "string"}, source="caller", value="caller.claims.emp_no"
                )
            ]
        )
    )

    outcome = await bench.call(arguments={"employee": "9999"})

    assert outcome.problems == (
        ArgumentProblem("employee", "There is no such argument. Arguments here: none."),
    )


async def test_a_caller_without_the_claim_is_refused_by_name() -> None:
    needed = Parameter(
        "employee", {"type": "string"}, source="caller", value="caller.claims.emp_no"
    )
    bench = Bench(function(parameters=[needed]))

    outcome = await bench.call(caller=Caller("tom"))

    assert outcome == Refused(
        "caller_incomplete",
        "This function needs `caller.claims.emp_no`, which 'tom' does not have. "
        "No argument can supply it; tell the user to ask the operator for it.",
    )


async def test_an_optional_caller_value_that_is_absent_is_left_out() -> None:
    wished = Parameter(
        "tag", {"type": "string"}, required=False, source="caller", value="caller.claims.tag"
    )
    bench = Bench(function(parameters=[wished]))

    await bench.call()

    assert bench.backend.calls[0].arguments == {}


def problems_of(schema: object, value: object) -> dict[str, str]:
    check = ArgumentCheck(function(parameters=[parameter("x", **schema)]))  # type: ignore[arg-type] # a dict
    refused = check.check({"x": value})  # type: ignore[dict-item] # wrong on purpose
    assert isinstance(refused, Refused), refused
    return {problem.argument: problem.message for problem in refused.problems}


def test_of_several_shapes_the_nearest_one_is_explained() -> None:
    card = {
        "type": "object",
        "properties": {
            "card": {"type": "string", "pattern": "^[0-9]+$"},
            "name": {"type": "string"},
        },
        "required": ["card", "name"],
        "additionalProperties": False,
    }
    iban = {
        "type": "object",
        "properties": {
            "iban": {"type": "string"},
            "bic": {"type": "string"},
            "bank": {"type": "string"},
        },
        "required": ["iban", "bic", "bank"],
        "additionalProperties": False,
    }

    assert problems_of({"anyOf": [iban, card]}, {"card": "x1", "name": "A"}) == {
        "x/card": 'the text "x1" does not match ^[0-9]+$.'
    }


def test_a_value_of_no_allowed_kind_names_the_kinds() -> None:
    assert problems_of({"anyOf": [{"type": "string"}, {"type": "integer"}]}, [1]) == {
        "x": "a list of 1 is not allowed here; give a text or a whole number."
    }


def test_each_limit_says_what_it_is() -> None:
    assert problems_of({"type": "integer", "maximum": 3}, 5) == {
        "x": "the number 5 is above the largest allowed, 3."
    }
    assert problems_of({"type": "number", "minimum": 3}, 1) == {
        "x": "the number 1 is below the smallest allowed, 3."
    }
    assert problems_of({"type": "number", "exclusiveMinimum": 0}, 0) == {
        "x": "the number 0 has to be greater than 0."
    }
    assert problems_of({"type": "number", "exclusiveMaximum": 9}, 9) == {
        "x": "the number 9 has to be less than 9."
    }
    assert problems_of({"type": "number", "multipleOf": 0.5}, 0.3) == {
        "x": "the number 0.3 is not a multiple of 0.5."
    }
    assert problems_of({"type": "string", "minLength": 3}, "a") == {
        "x": 'the text "a" is shorter than the 3 characters it needs.'
    }
    assert problems_of({"type": "string", "maxLength": 2}, "abc") == {
        "x": 'the text "abc" has 3 characters; at most 2 are allowed.'
    }
    assert problems_of({"type": "array", "minItems": 1}, []) == {
        "x": "A list of 0 is too short; give at least 1."
    }
    assert problems_of({"type": "array", "maxItems": 1}, [1, 2]) == {
        "x": "A list of 2 is too long; give at most 1."
    }
    assert problems_of({"type": "array", "uniqueItems": True}, [1, 1]) == {
        "x": "The list holds the same value twice; give each once."
    }
    assert problems_of({"const": "EU"}, "US") == {"x": 'the text "US" is not allowed; write "EU".'}
    assert problems_of({"type": "string"}, 7) == {
        "x": 'the number 7 is given where a text belongs. Write it in quotes: "7".'
    }
    assert problems_of({"type": "array"}, 7) == {
        "x": "the number 7 is given where a list belongs. Put it in square brackets."
    }
    assert problems_of({"not": {"type": "string"}}, "a").keys() == {"x"}


def test_a_long_wrong_value_is_shortened() -> None:
    assert shown("a" * 500) == 'the text "' + "a" * 59 + "..."
    assert shown({"a": 1}) == "an object"
    assert shown(value=True) == "the truth value true"


def test_arguments_inside_lists_are_named_by_their_position() -> None:
    people = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"a/b": {"type": "integer"}},
            "required": ["a/b"],
            "additionalProperties": False,
        },
    }

    assert problems_of(people, [{"a/b": 1}, {"a/b": "2"}, {}]) == {
        "x/1/a~1b": 'the text "2" is given where a whole number belongs. Write it without quotes.',
        "x/2/a~1b": "This argument is missing. It is a whole number.",
    }


def test_a_caller_path_that_the_compiler_let_through_is_a_bug() -> None:
    with pytest.raises(ValueError, match=r"'caller\.password' is no path of a caller"):
        of_caller(ANNA, "caller.password")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"days": 2.0}, {"days": 2}),
        ({"days": -3.0, "rate": 2.0}, {"days": -3, "rate": 2.0}),
        ({"list": [1.0, 2]}, {"list": [1, 2]}),
    ],
)
def test_a_whole_number_that_was_written_with_a_point_is_one(
    written: JsonObject, meant: JsonObject
) -> None:
    numbers: JsonObject = {"type": "array", "items": {"type": "integer"}}
    check = ArgumentCheck(
        function(
            parameters=[
                parameter("days", type="integer", required=False),
                parameter("rate", type="number", required=False),
                parameter("list", required=False, **numbers),
            ]
        )
    )

    assert repr(check.check(written)) == repr(meant)


@pytest.mark.parametrize("written", ['{"days": 99999999999999999999999}', {"days": 10**23}])
async def test_a_number_that_cannot_be_kept_exactly_is_refused(
    written: "str | JsonObject",
) -> None:
    bench = Bench(function(effect="write", parameters=[parameter("days", type="integer")]))

    outcome = await bench.call(arguments=written)

    assert outcome == Refused(
        "invalid_arguments",
        "Nothing was sent: a number is too large.",
        (
            ArgumentProblem(
                "days",
                "the number 1e+23 has more digits than are kept; at most 9007199254740992 is exact.",
            ),
        ),
    )
    assert bench.backend.calls == []


def test_arguments_without_end_are_refused() -> None:
    refused = parse_arguments('{"a": ' + "[" * 900 + "]" * 900 + "}")

    assert isinstance(refused, Refused)
    assert "nested more than 200 levels deep" in refused.message


async def test_a_value_that_fits_several_shapes_is_told_which_and_what_tells_them_apart() -> None:
    def shape(title: str, *names: str) -> dict[str, JsonValue]:
        return {
            "type": "object",
            "title": title,
            "properties": {name: {"type": "string"} for name in names},
            "additionalProperties": False,
        }

    either = [shape("Person", "name", "born"), shape("Firm", "name", "vat"), shape("Desk", "at")]
    check = ArgumentCheck(function(parameters=[parameter("payer", oneOf=list(either))]))

    both = check.check({"payer": {"name": "Ada"}})
    one = check.check({"payer": {"name": "Ada", "born": "1815"}})
    none = check.check({"payer": {"name": "Ada", "borne": "1815"}})

    assert isinstance(both, Refused)
    assert both.problems == (
        ArgumentProblem(
            "payer",
            "an object fits `Person` (only there: `born`) and `Firm` (only there: `vat`) alike; "
            "it has to fit exactly one of them.",
        ),
    )
    assert not isinstance(one, Refused)
    assert isinstance(none, Refused)
