"""A person asks, an assistant answers; everything about it can be read again afterwards."""

from __future__ import annotations

import openai
import pytest

from .front_end import FrontEnd, text_of

SCRIPT = """
- when: good morning, gateway
  turns: [{say: "Good morning. What do you need?", usage: [31, 9]}]
- when: and good night
  turns: [{say: Good night., usage: [50, 3]}]
"""


def test_a_question_is_answered_on_its_thread(front_end: FrontEnd) -> None:
    assistant = front_end.assistant(name="Porter", instructions="Be kind.")
    thread = front_end.thread("Good morning, gateway")

    run = front_end.run(thread, assistant)

    assert run.status == "completed"
    assert (run.instructions, run.model, run.required_action) == ("Be kind.", "default", None)
    assert run.usage is not None
    assert run.usage.model_dump() == {
        "prompt_tokens": 31,
        "completion_tokens": 9,
        "total_tokens": 40,
    }
    assert run.started_at is not None
    assert run.completed_at is not None
    assert run.created_at <= run.started_at <= run.completed_at
    question, answer = front_end.messages(thread)
    assert (question.role, text_of(question)) == ("user", "Good morning, gateway")
    assert (question.assistant_id, question.run_id) == (None, None)
    assert (answer.role, answer.status) == ("assistant", "completed")
    assert text_of(answer) == "Good morning. What do you need?"
    assert (answer.assistant_id, answer.run_id) == (assistant, run.id)
    (step,) = front_end.steps(run)
    assert (step.type, step.status) == ("message_creation", "completed")


def test_the_conversation_goes_on_and_is_listed_in_pages(front_end: FrontEnd) -> None:
    assistant, thread = front_end.assistant(), front_end.thread("Good morning, gateway")
    first = front_end.run(thread, assistant)
    front_end.client.beta.threads.messages.create(thread, role="user", content="And good night")
    second = front_end.run(thread, assistant)

    listed = front_end.client.beta.threads.messages.list(thread, limit=1, order="asc")
    texts = [text_of(message) for message in listed]  # the client turns the pages
    assert texts == [
        "Good morning, gateway",
        "Good morning. What do you need?",
        "And good night",
        "Good night.",
    ]
    runs = list(front_end.runs.list(thread))
    assert [run.id for run in runs] == [second.id, first.id]


def test_what_is_deleted_is_gone(front_end: FrontEnd) -> None:
    client = front_end.client
    assistant, thread = front_end.assistant(), front_end.thread("Good morning, gateway")
    front_end.run(thread, assistant)

    assert client.beta.threads.delete(thread).deleted
    assert client.beta.assistants.delete(assistant).deleted

    for gone in (
        lambda: client.beta.threads.retrieve(thread),
        lambda: client.beta.threads.messages.list(thread),
        lambda: client.beta.assistants.retrieve(assistant),
    ):
        with pytest.raises(openai.NotFoundError):
            gone()
