"""One company of legacy systems and one gateway over them, shared by the journeys of a worker.

A journey says what the model says in its own `SCRIPT` (rules of `drawbar.llm.script_file`), and may bring
`ADAPTERS`; the shared gateway gets those of all, so each rule asks for words that no other journey uses.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
import yaml

from drawbar.demo.company import Company, open_company

from .front_end import FrontEnd
from .gateway import EXAMPLES, Deployment, Gateway
from .workshop import ADAPTER, Workshop, open_workshop

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def company() -> Iterator[Company]:
    with _in_a_thread() as company:
        yield company


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    with open_workshop() as workshop:
        yield workshop


@pytest.fixture(scope="session")
def deployment(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    company: Company,
    workshop: Workshop,
) -> Deployment:
    """The example adapters as they are, the workshop beside them, and every journey's script."""
    here = (item for item in request.session.items if HERE in item.path.parents)
    modules = {item.path: getattr(item, "module", None) for item in here}
    own = {"workshop.yaml": ADAPTER}
    rules = []
    for _, module in sorted(modules.items()):
        own |= getattr(module, "ADAPTERS", {})
        rules += yaml.safe_load(getattr(module, "SCRIPT", "[]"))
    return Deployment.write(
        tmp_path_factory.mktemp("company"),
        adapters=[EXAMPLES],
        own=own,
        toolsets={"looking": ["*_get_*", "*_find_*", "*_list_*"]},
        script=yaml.safe_dump({"rules": rules}),
        environ={**company.environ, "WORKSHOP_URL": workshop.url},
    )


@pytest.fixture(scope="session")
def shared_gateway(deployment: Deployment) -> Iterator[Gateway]:
    with deployment.serving() as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Iterator[Gateway]:
    """The shared gateway; a trace in its log or a status 500 fails the journey that caused it."""
    since = len(shared_gateway.raw)
    yield shared_gateway
    shared_gateway.assert_nothing_broke(since)
    assert shared_gateway.process.poll() is None, "the gateway has ended"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with gateway.client() as client:
        yield client


@pytest.fixture
def front_end(client: openai.OpenAI) -> FrontEnd:
    return FrontEnd(client)


@contextmanager
def _in_a_thread() -> Iterator[Company]:
    """The company is opened on an event loop of its own, which no test stops."""
    opened: list[Company] = []
    ready, done = threading.Event(), threading.Event()

    async def run() -> None:
        try:
            async with open_company() as company:
                opened.append(company)
                ready.set()
                await asyncio.to_thread(done.wait)
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        ready.wait()
        assert opened, "the company did not open"
        yield opened[0]
    finally:
        done.set()
        thread.join()
