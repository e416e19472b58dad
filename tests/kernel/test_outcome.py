import pickle

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbar.kernel.errors import AuthorError, ClientError, Place, Problem
from drawbar.kernel.outcome import (
    ArgumentProblem,
    Failed,
    Indeterminate,
    Outcome,
    Refused,
    Succeeded,
    outcome_from_json,
)
from drawbar.kernel.values import Caller, Secret, arguments_hash, canonical_json

texts = st.text(max_size=20)
maybe = st.none() | texts
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Succeeded, values, st.lists(texts, max_size=3).map(tuple)),
    st.builds(
        Refused,
        texts,
        texts,
        st.lists(st.builds(ArgumentProblem, texts, texts), max_size=3).map(tuple),
    ),
    st.builds(Failed, texts, texts, retryable=st.booleans(), hint=maybe, detail=values),
    st.builds(Indeterminate, texts, maybe),
)


@given(outcomes)
def test_an_outcome_survives_its_way_through_the_store(outcome: Outcome) -> None:
    assert outcome_from_json(orjson.loads(orjson.dumps(outcome.as_json()))) == outcome


def test_an_outcome_of_no_known_kind_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no outcome is called 'maybe'"):
        outcome_from_json({"outcome": "maybe"})


def test_a_secret_cannot_be_shown_by_accident() -> None:
    secret = Secret("hunter2")

    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{[secret]}"]
    assert not any("hunter2" in text for text in shown)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2") != Secret("other")
    assert len({secret, Secret("hunter2")}) == 1


def test_a_caller_survives_its_way_through_the_store() -> None:
    caller = Caller("anna", ("hr", "lead"), {"emp_no": "1007"})

    assert Caller.from_json(caller.as_json()) == caller
    assert Caller.from_json({"subject": "tom"}) == Caller("tom")


def test_equal_arguments_have_equal_hashes_whatever_their_order() -> None:
    assert canonical_json({"b": 1, "a": [1, 2]}) == b'{"a":[1,2],"b":1}'
    assert arguments_hash({"a": 1, "b": 2}) == arguments_hash({"b": 2, "a": 1})


def test_problems_read_like_a_compilers() -> None:
    place = Place("adapters/crm.yaml", 8, 5)
    error = Problem(place, "DB101", "unknown key `descripton`", "did you mean `description`?")
    warning = Problem(place, "DB234", "is lost", severity="warning")

    assert str(AuthorError([error, warning])) == (
        "adapters/crm.yaml:8:5: DB101 unknown key `descripton`\n"
        "    did you mean `description`?\n"
        "adapters/crm.yaml:8:5: DB234 warning: is lost"
    )


def test_a_client_error_has_the_four_fields_of_the_envelope() -> None:
    error = ClientError("no", status=404, code="gone", param="id")

    assert (error.message, error.type, error.param, error.code) == (
        "no",
        "invalid_request_error",
        "id",
        "gone",
    )
