from __future__ import annotations

import pytest
from pydantic import Field

from drawbar.kernel.values import Secret
from drawbar.spec.model import LimitsSpec, SecretText, Spec, UrlText
from drawbar.spec.secrets import mask, mask_url, secrets_of, shown, texts_in


class Login(Spec):
    user: str
    password: SecretText


class Connection(Spec):
    url: str
    other: UrlText = "http://example/"
    login: Login | None = None
    headers: dict[str, SecretText] = Field(default_factory=dict)
    limits: LimitsSpec = LimitsSpec()


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://user:hunter2@db/x", "postgresql://user:***@db/x"),
        ("postgresql+psycopg://user:a@b:c@db/x", "postgresql+psycopg://user:***@db/x"),
        ("http://user@host/", "http://user@host/"),
        ("http://host/?token=abc&page=2", "http://host/?token=***&page=2"),
        ("http://host/?a=1&api_key=abc#x", "http://host/?a=1&api_key=***#x"),
        ("no url: a@b", "no url: a@b"),
        ("odbc:Driver={x;y};UID=me;PWD={a;b}}c};A=1", "odbc:Driver={x;y};UID=me;PWD=***;A=1"),
        ("jdbc:h2:mem:x;USER=sa;PASSWORD=abc", "jdbc:h2:mem:x;USER=sa;PASSWORD=***"),
        ("jdbc:oracle:thin:scott/tiger@//db:1/x", "jdbc:oracle:thin:scott/***@//db:1/x"),
    ],
)
def test_the_password_of_a_url_is_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_every_secret_of_a_model_is_found_longest_first_and_short_ones_are_left_alone() -> None:
    model = Connection(
        url="postgresql://u:p%40ss@db/x",
        login=Login(user="ann", password=Secret("hunter22")),
        headers={"X-Key": Secret("key-1"), "X-Flag": Secret("1")},
    )

    assert secrets_of(model) == ("hunter22", "p%40ss", "key-1", "p@ss")
    assert secrets_of((model, [Secret("another one")], None)) == (
        "another one",
        "hunter22",
        "p%40ss",
        "key-1",
        "p@ss",
    )


def test_a_dumped_model_shows_no_secret() -> None:
    model = Connection(
        url="postgresql://u:hunter2@db/x",
        other="http://u:hunter2@db/",
        login=Login(user="ann", password=Secret("hunter2")),
    )

    dumped = model.model_dump(mode="json")

    assert dumped["other"] == "http://u:***@db/"
    assert "hunter2" not in str(shown([dumped, 5]))


def test_secrets_are_masked_in_texts() -> None:
    assert mask("hunter22 and hunter2", ("hunter22", "hunter2")) == "*** and ***"


def test_a_secret_has_to_be_a_text() -> None:
    with pytest.raises(ValueError, match="a secret is a text"):
        Login.model_validate({"user": "ann", "password": 5})


def test_every_text_inside_a_value_is_found_longest_first() -> None:
    assert texts_in({"a": ["one", "three", 5], "b": {"c": "seven", "d": "no"}}) == (
        "seven",
        "three",
        "one",
    )
