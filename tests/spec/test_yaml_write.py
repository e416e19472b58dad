"""What is written is read back as it was, by this project's reader and by one that follows YAML 1.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drawbar.kernel.values import JsonValue
from drawbar.spec.references import Resolver
from drawbar.spec.source import Report
from drawbar.spec.yaml12 import read_yaml
from drawbar.spec.yaml_write import Inline, Node, Noted, Reference, write_yaml

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text(" \n\t:#-'\"\\$&*!|>%@`{}[],?~=<.0189eEyno", max_size=20),
    st.lists(st.text("abcö€{}:#-'", min_size=1, max_size=12), max_size=40).map(" ".join),
    st.lists(st.text("ab :#", max_size=12), max_size=6).map("\n".join),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)


def written(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values with and without comments, on one line and on several."""
    noted = st.builds(Noted, value, NOTES, NOTES, st.booleans())
    return value | value.map(Inline) | noted


NOTES = st.sampled_from(["", "# : {", "a\n\n  b\x07", "word " * 40])
VALUES = written(
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(written(inner), max_size=3)
            | st.dictionaries(TEXTS, written(inner), max_size=3)
        ),
        max_leaves=6,
    )
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=3)


def meant(value: Any) -> JsonValue:
    """Without what only concerns how it is written."""
    if isinstance(value, (Inline, Noted)):
        return meant(value.value)
    if isinstance(value, dict):
        return {key: meant(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [meant(inner) for inner in value]
    found: JsonValue = value
    return found


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(DOCUMENTS)
@example({"a": "no", "b": "012", "c": "12:30:45", "yes": "2004-01-01", "<<": "~", "": " x"})
@example({"a": Noted("x " * 80 + "y", "# : {", "[: #"), "b": Inline({"k": "a, b"})})
@example({"x " * 60: Inline([]), "y " * 60: Inline({}), "z " * 60: Inline(["a"])})
@example({"a": [{"b": Noted([[], {}, [[1]]], "x", apart=True)}], "c": "a\n\nb\n"})
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    text = write_yaml(document)

    source, problems = read_yaml(text, "draft.yaml")

    assert problems == []
    resolved = Resolver({}, Path(), Report(source)).resolve(source.data)
    assert json.dumps(resolved) == json.dumps(meant(document))


@settings(deadline=None)
@given(st.dictionaries(st.from_regex("[a-z]+", fullmatch=True), TEXTS))
def test_a_reader_of_the_older_yaml_takes_no_text_for_something_else(
    document: dict[str, str],
) -> None:
    text = write_yaml(document, references=False)

    assert yaml.safe_load(text) == document


def test_a_person_can_read_it() -> None:
    document: dict[str, Node] = {
        "adapter": "rates",
        "backend": Noted(
            {
                "endpoint": Reference("RATES_URL", "http://127.0.0.1:1"),
                "auth": Inline({"t": Reference("T")}),
            },
            "Where calls go.",
            apart=True,
        ),
        "functions": {
            "get_rates": Noted(
                {
                    "description": " ".join(
                        ["Rates of all services for a shipment between two places."] * 2
                    ),
                    "effect": Noted("read", beside="proposed"),
                    "hide": Inline(["A.B", "C, D", "no"]),
                    "sql": "select *\nfrom rates\n",
                },
                "Operation getRates.\n  wide",
            )
        },
        "tests": [{"name": "one", "call": Inline({"get_rates": {}})}, "$ ${X} $$"],
    }

    assert write_yaml(document) == (
        "adapter: rates\n"
        "\n"
        "# Where calls go.\n"
        "backend:\n"
        '  endpoint: "${RATES_URL:-http://127.0.0.1:1}"\n'
        '  auth: {t: "${T}"}\n'
        "functions:\n"
        "  # Operation getRates.\n"
        "  #   wide\n"
        "  get_rates:\n"
        "    description: >-\n"
        "      Rates of all services for a shipment between two places. Rates of all services for a shipment\n"
        "      between two places.\n"
        "    effect: read  # proposed\n"
        '    hide: [A.B, "C, D", "no"]\n'
        "    sql: |\n"
        "      select *\n"
        "      from rates\n"
        "tests:\n"
        "  - name: one\n"
        "    call: {get_rates: {}}\n"
        "  - $ $${X} $$$$\n"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**64, "\ud800"])
def test_what_cannot_be_written_is_refused(value: JsonValue) -> None:
    with pytest.raises(ValueError, match=r"cannot be written|64 bits|half of a character"):
        write_yaml({"a": value})
