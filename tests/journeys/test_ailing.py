"""What is broken stops nothing else: adapters, backends and model servers in every bad state."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator

import openai
import pytest

from drawbar.demo.company import Company

from .front_end import FrontEnd
from .gateway import EXAMPLES, Deployment, Gateway, peak_of
from .model_server import ModelServer, open_model_server

BROKEN = {
    "crm.yaml": """\
adapter: crm
description: Customers, at an address that nobody has set.
backend:
  kind: http
  url: "${CRM_URL}"
functions:
  find:
    request: GET /customers
    description: Find customers.
""",
    "payroll.yaml": """\
adapter: payroll
description: A contract of which a part is missing.
backend:
  kind: soap
  wsdl: ./payroll.wsdl
  endpoint: http://127.0.0.1:1/payroll
functions:
  get_slip:
    operation: GetEmployee
    description: Show a pay slip.
""",
    "ledger.yaml": """\
adapter: ledger
description: A database; one query asks for something that nobody declared.
backend: {kind: sql, url: "sqlite:///./ledger.db"}
functions:
  count:
    description: Count.
    sql: select 1 as one
  find:
    description: Find entries.
    parameters:
      since: {type: string, format: date, description: First day.}
    sql: select * from entries where day >= :since and account = :account
""",
    "depot_north.yaml": """\
adapter: depot_north
prefix: depot_
description: The northern depot.
backend: {kind: http, url: "http://127.0.0.1:1/north"}
functions:
  list: {request: GET /list, description: List what is there.}
  north: {request: GET /north, description: Only in the north.}
""",
    "depot_south.yaml": """\
adapter: depot_south
prefix: depot_
description: The southern depot.
backend: {kind: http, url: "http://127.0.0.1:1/south"}
functions:
  list: {request: GET /list, description: List what is there.}
""",
    "not_yaml.yaml": "adapter: torn\nfunctions: {\n",
}
DOWN = {
    "down_http.yaml": """\
adapter: down_http
description: An API that is down.
backend: {kind: http, url: "http://127.0.0.1:CLOSED"}
functions:
  ask: {request: GET /ask, description: Ask.}
""",
    "down_soap.yaml": f"""\
adapter: down_soap
description: The crew office, closed.
backend: {{kind: soap, wsdl: {EXAMPLES}/wsdl/personnel.wsdl, endpoint: "http://127.0.0.1:CLOSED/hr"}}
functions:
  ask:
    operation: GetEmployee
    description: Show one person.
    parameters: {{emp_no: {{to: EmpNo, const: "1042"}}}}
""",
    "down_sql.yaml": """\
adapter: down_sql
description: A database that is down.
backend: {kind: sql, url: "postgresql://nobody:sesame-open@127.0.0.1:CLOSED/none"}
functions:
  ask: {description: Ask., sql: select 1 as one}
""",
    "down_command.yaml": """\
adapter: down_command
description: A program that is not installed.
backend: {kind: command, program: [/nowhere/stock]}
functions:
  ask: {description: Ask., argv: [ask], stdout: text}
""",
}


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with open_model_server() as server:
        yield server


@pytest.fixture(scope="module")
def ailing_deployment(
    tmp_path_factory: pytest.TempPathFactory, company: Company, model_server: ModelServer
) -> Deployment:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    own = {name: text.replace("CLOSED", str(port)) for name, text in DOWN.items()}
    deployment = Deployment.write(
        tmp_path_factory.mktemp("ailing"),
        adapters=[EXAMPLES],
        own={**BROKEN, **own},
        environ=company.environ,
        model={
            "provider": "openai",
            "base_url": f"{model_server.url}/v1",
            "api_key": "${MODEL_KEY:-sk-very-secret-key}",
            "name": "nonsense-7b",
            "timeout": "1s",
            "retries": 0,
        },
    )
    # the contract as it is, without the schema that it imports
    shutil.copy(EXAMPLES / "wsdl/personnel.wsdl", deployment.adapters / "payroll.wsdl")
    return deployment


@pytest.fixture(scope="module")
def running(ailing_deployment: Deployment) -> Iterator[Gateway]:
    with ailing_deployment.serving() as gateway:
        yield gateway
    assert gateway.process.returncode == 0
    for secret in ("sk-very-secret-key", "sesame-open"):
        assert secret not in "".join(gateway.raw)


@pytest.fixture
def ailing(running: Gateway) -> Iterator[Gateway]:
    since = len(running.raw)
    yield running
    running.assert_nothing_broke(since)
    assert running.process.poll() is None


# Adapters and backends


def test_lint_names_every_problem_with_its_place(ailing_deployment: Deployment) -> None:
    linted = ailing_deployment.run("lint")

    assert linted.returncode == 1
    assert "Traceback" not in linted.stderr
    problems = [line for line in linted.stdout.splitlines() if line.startswith("adapters/")]
    assert problems == [
        "adapters/crm.yaml:5:3: DB120 the environment variable CRM_URL is not set",
        (
            "adapters/depot_south.yaml:6:3: DB215 the function at adapters/depot_north.yaml:6:3 "
            "is called `depot_list`, too, so neither can be called"
        ),
        "adapters/ledger.yaml:12:5: DB305 `:account` is no parameter of this function",
        "adapters/not_yaml.yaml:3:1: DB100 a value is missing here",
        (
            "adapters/payroll.yaml:9:5: DB404 payroll.wsdl: part `body` uses element `GetEmployee` of "
            "namespace `urn:saltmouth:personnel`, whose schema payroll.wsdl imports from "
            "`personnel.xsd`: there is no such file"
        ),
    ]
    assert "5 errors" in linted.stdout + linted.stderr


def test_the_start_tells_of_each_problem_in_one_line_of_the_log(ailing: Gateway) -> None:
    told = [line["message"] for line in ailing.lines if line["level"] == "error"]

    assert sorted(message.split(" ")[0] for message in told) == [
        "adapters/crm.yaml:5:3:",
        "adapters/depot_south.yaml:6:3:",
        "adapters/ledger.yaml:12:5:",
        "adapters/not_yaml.yaml:3:1:",
        "adapters/payroll.yaml:9:5:",
    ]
    assert all(line["level"] != "not JSON" for line in ailing.lines)


def test_broken_functions_say_why_and_the_others_work(ailing: Gateway) -> None:
    with ailing.http() as http:
        listed = http.get("/functions").json()["data"]
        broken = {each["name"]: each["problems"] for each in listed if not each["callable"]}
        answers = {name: http.post(f"/functions/{name}", json={}) for name in broken}
        found = http.post("/functions/bookings_get_booking", json={"booking_no": "B-20417"})

    assert {name: problems[0]["code"] for name, problems in broken.items()} == {
        "crm_find": "DB120",
        "depot_list": "DB215",
        "ledger_find": "DB305",
        "payroll_get_slip": "DB404",
    }
    for answer in answers.values():
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "function_unavailable"
    assert found.json()["value"]["customer"] == "Fenna Copperthwaite"


def test_what_is_down_is_told_by_its_functions_and_by_readyz(ailing: Gateway) -> None:
    names = ("down_http", "down_soap", "down_sql", "down_command")
    with ailing.http() as http:
        answers = {name: http.post(f"/functions/{name}_ask", json={}) for name in names}
        ready = http.get("/readyz")

    for name, answer in answers.items():
        assert answer.status_code == 503, (name, answer.text)
        assert answer.json()["outcome"] == "failed"
        assert answer.json()["code"] == "backend_unavailable"
        told = answer.json()["message"]
        assert re.search("cannot be reached|was not started", told), told
        assert "('" not in told  # nothing of Python
        assert "sesame" not in told
    assert ready.status_code == 200  # it can do its work
    state = ready.json()
    assert state["functions"]["broken"] == 4
    assert state["functions"]["callable"] > 20
    assert {name: state["backends"][name]["ok"] for name in names} == dict.fromkeys(names, False)
    for name in ("hr", "bookings", "harbour", "stores"):
        assert state["backends"][name]["ok"]


# The model server

FAILURES = {
    "nothing": ("server_error", "cannot be reached: "),
    "garbage": ("server_error", "answered with something that is no HTTP"),
    "page": ("server_error", r"no Chat Completions stream \(text/html\): Welcome to the proxy"),
    "strange": ("server_error", "sent an empty answer"),
    "lists": ("server_error", r"no Chat Completions chunk: \[1, 2\]"),
    "torn": ("server_error", "a piece that is not JSON"),
    "binary": ("server_error", "a piece that is not JSON"),
    "half": ("server_error", "broke off after 11 characters: the connection ended"),
    "empty": ("server_error", "sent an empty answer"),
    "overloaded": ("server_error", r"failed \(503\): try later"),
    "refused": (
        "server_error",
        r"refused the key \(401\): bad key \*\*\*; check settings.model.api_key",
    ),
    "limited": ("rate_limit_exceeded", "too much to do"),
    "unknown": ("server_error", "has no model 'nonsense-7b'"),
    "error": ("server_error", "broke off: CUDA out of memory"),
    "silence": ("server_error", "nothing came for 1 s"),
    "flood": ("server_error", "without an end of the piece|nothing came for 1 s"),
}


@pytest.fixture(scope="module")
def assistant(running: Gateway) -> str:
    with running.client() as client:
        return FrontEnd(client).assistant()


@pytest.mark.parametrize("word", FAILURES)
def test_a_model_server_that_misbehaves_ends_the_run_with_the_reason(
    ailing: Gateway, assistant: str, word: str
) -> None:
    code, reason = FAILURES[word]
    with ailing.client() as client:
        front_end = FrontEnd(client)
        thread = front_end.thread(f"Answer with {word}")
        run = front_end.run(thread, assistant)
        assert run.status == "failed"
        assert run.last_error is not None
        assert run.last_error.code == code
        assert re.search(reason, run.last_error.message), run.last_error.message
        assert len(run.last_error.message) < 500
        assert "\n" not in run.last_error.message
        client.beta.threads.messages.create(thread, role="user", content="Now be good")
        assert front_end.answer(front_end.run(thread, assistant)) == "All fine."
        statuses = [step.status for step in front_end.steps(run)]
    assert statuses == ["failed"] * len(statuses)


@pytest.mark.parametrize("word", ["half", "refused", "limited", "silence"])
def test_a_chat_is_told_the_same_as_an_http_error(
    ailing: Gateway, assistant: str, word: str
) -> None:
    code, reason = FAILURES[word]
    with ailing.client() as client, pytest.raises(openai.APIStatusError, match=reason) as caught:
        client.chat.completions.create(
            model=assistant, messages=[{"role": "user", "content": f"Answer with {word}"}]
        )

    assert caught.value.status_code == (429 if word == "limited" else 502)
    assert caught.value.code == code


def test_a_model_that_only_calls_nameless_functions_is_stopped(
    ailing: Gateway, assistant: str
) -> None:
    with ailing.client() as client:
        front_end = FrontEnd(client)
        run = front_end.run(front_end.thread("Be nameless"), assistant)

    assert run.status == "failed"
    assert run.last_error is not None
    assert "called functions in 20 turns" in run.last_error.message


def test_a_model_server_that_is_down_is_used_again_when_it_is_back(
    ailing: Gateway, assistant: str, model_server: ModelServer
) -> None:
    with ailing.client() as client:
        front_end = FrontEnd(client)
        thread = front_end.thread("Be good")
        model_server.down()
        try:
            failed = front_end.run(thread, assistant)
        finally:
            model_server.up()
        answer = front_end.answer(front_end.run(thread, assistant))

    assert failed.status == "failed"
    assert failed.last_error is not None
    assert "cannot be reached: Connection refused" in failed.last_error.message
    assert answer == "All fine."


def test_an_endless_line_does_not_fill_the_memory(
    ailing: Gateway, assistant: str, model_server: ModelServer
) -> None:
    with ailing.client() as client:
        front_end = FrontEnd(client)
        front_end.run(front_end.thread("Be good"), assistant)
        before, flooded = peak_of(ailing.process.pid), model_server.flooded
        front_end.run(front_end.thread("Send a flood"), assistant)

    assert peak_of(ailing.process.pid) - before < 30_000_000
    assert model_server.flooded - flooded < 30_000_000
