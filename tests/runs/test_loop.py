from __future__ import annotations

import asyncio

import pytest

from doubles import ANNA
from drawbar.kernel.errors import ClientError
from drawbar.llm.scripted import invoke, say
from drawbar.runs.order import ToolOutput
from runs.bench import CLIENT_TOOL, names, run_bench


async def test_a_plain_answer_comes_in_the_order_of_the_contract(url: str) -> None:
    async with run_bench(url, say("Hello there, Anna")) as bench:
        await bench.say("hi")
        run = await bench.create()

        events = await bench.events(run)

        assert names(events) == [
            "run.created",
            "run.queued",
            "run.in_progress",
            "run.step.created",
            "run.step.in_progress",
            "message.created",
            "message.in_progress",
            "message.delta",
            "message.delta",
            "message.delta",
            "message.completed",
            "run.step.completed",
            "run.completed",
        ]
        assert [event.seq for event in events] == list(range(1, 14))
        assert await bench.texts() == ["hi", "Hello there, Anna"]
        stored = await bench.events(run)
        assert stored == events


async def test_server_side_calls_run_in_parallel_and_never_reach_the_client(url: str) -> None:
    both = asyncio.Barrier(2)

    async def meet(call):
        await both.wait()
        return await asyncio.sleep(0, bench.company.actions.pop(call.function) and reply(call))

    from drawbar.kernel.ports import Reply

    def reply(call):
        return Reply({"function": call.function})

    async with run_bench(
        url, invoke("hr_get") + invoke("hr_other"), lambda r: say(r.messages[-1].content)
    ) as bench:
        bench.company.actions = {"hr_get": meet, "hr_other": meet}
        run = await bench.create()
        events = await bench.events(run)
        print(names(events))
        for e in events:
            print(e.name, e.data.get("delta") or e.data.get("step_details"))
        print(await bench.steps(run))
        print(bench.model.requests[-1].messages)


async def test_client(url: str) -> None:
    async with run_bench(
        url, say("wait") + invoke("hr_get") + invoke("ask_user"), say("done"), tools=[CLIENT_TOOL]
    ) as bench:
        run = await bench.create()
        print(names(await bench.events(run)))
        run = await bench.runs.get(bench.thread_id, run.id)
        print(run.required_action)
        with pytest.raises(ClientError) as e:
            await bench.create()
        print(e.value)
        run = await bench.runs.submit_tool_outputs(
            bench.thread_id, run.id, [ToolOutput("call_2", "blue")]
        )
        print(run.status)
        print(names(await bench.events(run)))
        print(bench.model.requests[-1].messages)
        print(await bench.runs.get(bench.thread_id, run.id))
