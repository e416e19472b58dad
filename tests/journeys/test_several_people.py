"""Two people and two assistants on one thread: who said what, and with whose rights a run acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import openai
import pytest

from .front_end import FrontEnd, text_of, until
from .gateway import Deployment, Gateway

SCRIPT = """
- when: announce the delay
  turns:
    - calls:
        - name: harbour_set_delay
          arguments: {departure: DEP-103, minutes: 25, reason: fog}
    - {say: "{{tool.outcome}}: {{tool.message}}"}
- when: what did we say
  turns: [{say: "I read: {{user}}"}]
"""


@pytest.fixture(scope="module")
def keys(deployment: Deployment, shared_gateway: Gateway) -> dict[str, str]:
    """Made while the gateway runs."""
    return {
        "anna": deployment.key_for("anna", "harbour-desk"),
        "ben": deployment.key_for("ben", "passenger"),
    }


@pytest.fixture
def people(gateway: Gateway, keys: dict[str, str]) -> Iterator[dict[str, FrontEnd]]:
    with ExitStack() as stack:
        yield {
            name: FrontEnd(stack.enter_context(gateway.client(key))) for name, key in keys.items()
        }


def test_messages_carry_their_author_and_the_model_reads_the_names(
    people: dict[str, FrontEnd],
) -> None:
    anna, ben = people["anna"], people["ben"]
    assistant = anna.assistant()
    thread = anna.thread("We meet at seven.")
    ben.client.beta.threads.messages.create(thread, role="user", content="What did we say?")

    answer = ben.answer(ben.run(thread, assistant))

    assert answer == "I read: ben: What did we say?"
    told = [
        (message.model_dump().get("author"), text_of(message)) for message in anna.messages(thread)
    ]
    assert told == [
        ("anna", "We meet at seven."),
        ("ben", "What did we say?"),
        (assistant, "I read: ben: What did we say?"),
    ]


def test_a_run_acts_with_the_rights_of_who_started_it(
    people: dict[str, FrontEnd], gateway: Gateway
) -> None:
    anna, ben = people["anna"], people["ben"]
    assistant = anna.assistant()

    refused = ben.run(ben.thread("Announce the delay"), assistant)
    allowed = anna.run(anna.thread("Announce the delay"), assistant)

    (call,) = ben.calls(refused)
    assert (call.outcome["outcome"], call.outcome["code"]) == ("refused", "not_allowed")
    assert "'ben' may not call `harbour_set_delay`" in ben.answer(refused)
    (call,) = anna.calls(allowed)
    assert call.data["note"] == "fog", call.output
    with gateway.http() as http:
        board = http.post("/functions/harbour_list_departures", json={}).json()["value"]
    assert [each["note"] for each in board if each["id"] == call.data["id"]] == ["fog"]


def test_two_assistants_take_turns_on_one_thread(people: dict[str, FrontEnd]) -> None:
    anna = people["anna"]
    purser = anna.assistant(name="Purser")
    pilot = anna.assistant(name="Pilot")
    thread = anna.thread("What did we say, purser?")

    first = anna.answer(anna.run(thread, purser))
    anna.client.beta.threads.messages.create(thread, role="user", content="What did we say, pilot?")
    second = anna.answer(anna.run(thread, pilot))

    assert first == "I read: What did we say, purser?"
    assert second == "I read: anna: What did we say, pilot?"  # the purser took part as well
    assert [message.assistant_id for message in anna.messages(thread)] == [
        None,
        purser,
        None,
        pilot,
    ]


def test_a_wrong_and_a_revoked_key_are_refused(gateway: Gateway, deployment: Deployment) -> None:
    key = deployment.key_for("carl")
    with gateway.client(key) as client:
        client.beta.assistants.list()
        listed = deployment.run("keys", "list").stdout
        key_id = next(line.split()[0] for line in listed.splitlines() if "carl" in line)
        assert deployment.run("keys", "revoke", key_id).returncode == 0
        with gateway.client("dbk_wrong") as wrong, pytest.raises(openai.AuthenticationError):
            wrong.beta.assistants.list()
        until(lambda: is_refused(client), "a running gateway notices within two seconds")
    assert key not in listed


def is_refused(client: openai.OpenAI) -> bool:
    try:
        client.beta.assistants.list()
    except openai.AuthenticationError:
        return True
    return False
