from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import TODAY, Legacy

Start = Callable[[str], Legacy]


def ask(
    url: str, body: object = None, *, method: str = "GET", key: str = "harbour-demo-key"
) -> tuple[int, Any]:
    request = urllib.request.Request(
        url,
        None if body is None else json.dumps(body).encode(),
        {"X-Harbour-Key": key, "X-Reported-By": "mate"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_defect_is_entered_and_shows_on_its_vessel(start: Start) -> None:
    url = start("harbour").url
    report = {"vessel": "fulmar", "title": "Gangway light out", "severity": "service"}

    status, defect = ask(f"{url}/defects", report, method="POST")
    _, vessel = ask(f"{url}/vessels/fulmar")

    assert (status, defect) == (
        201,
        report
        | {
            "id": "D-709",
            "reported_on": TODAY,
            "reported_by": "mate",
            "state": "open",
            "details": None,
        },
    )
    assert defect in vessel["open_defects"]


def test_a_delay_is_set_against_the_timetable_so_that_twice_is_once(start: Start) -> None:
    url = f"{start('harbour').url}/departures"
    delay = {"minutes": 20, "reason": "fog"}

    answers = [ask(f"{url}/DEP-103/delay", delay, method="PUT") for _ in range(2)]
    _, departed = ask(f"{url}/DEP-101/delay", delay, method="PUT")

    assert answers[0] == answers[1]
    assert answers[0][1]["expected"] == "13:40"
    assert departed == {"error": {"code": "departed", "message": "DEP-101 has left already"}}


@pytest.mark.parametrize(
    ("path", "method", "body", "status", "code"),
    [
        ("/vessels/titania", "GET", None, 404, "no_such_vessel"),
        ("/sea-state/Atlantis", "GET", None, 404, "no_such_port"),
        ("/harbours", "GET", None, 404, "no_such_page"),
        ("/defects", "POST", {"vessel": "fulmar", "title": "x"}, 422, "bad_defect"),
        ("/defects", "POST", ["fulmar"], 400, "bad_json"),
        ("/departures/DEP-103/delay", "PUT", {"minutes": "20"}, 422, "bad_delay"),
    ],
)
def test_what_is_wrong_has_a_status_and_a_code(
    start: Start, path: str, method: str, body: object, status: int, code: str
) -> None:
    answer = ask(start("harbour").url + path, body, method=method)

    assert (answer[0], answer[1]["error"]["code"]) == (status, code)


def test_nothing_is_told_without_the_key(start: Start) -> None:
    status, answer = ask(f"{start('harbour').url}/vessels", key="wrong")

    assert (status, answer["error"]["code"]) == (401, "bad_key")


def test_the_board_can_be_narrowed_to_a_port_and_a_state(start: Start) -> None:
    url = f"{start('harbour').url}/departures"

    _, answer = ask(f"{url}?from=Ormsay&state=delayed")

    assert [(one["id"], one["expected"], one["note"]) for one in answer["departures"]] == [
        ("DEP-105", "08:50", "fog")
    ]
