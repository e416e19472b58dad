"""A real SOAP server to call, and adapters that are closed when a test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from drawbar.backends.soap import KIND
from drawbar.backends.soap.backend import SoapBackend
from drawbar.kernel.workers import Workers

from .soap_calls import Calls, compiled
from .soap_office import WSDL, Office, open_office


@pytest.fixture
def office() -> Iterator[Office]:
    with open_office(WSDL / "leave.xsd") as office:
        yield office
        assert office.invalid == []


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[str], Calls]]:
    made: list[tuple[SoapBackend, Workers]] = []

    def open_adapter(text: str) -> Calls:
        adapter = compiled(text)
        assert adapter.adapter is not None, [str(problem) for problem in adapter.problems]
        errors = [str(problem) for problem in adapter.problems if problem.severity == "error"]
        assert errors == []
        workers = Workers("soap-test", 4)
        backend = KIND.open(adapter.adapter, adapter.plans, workers)
        made.append((backend, workers))
        return Calls(adapter, backend)

    yield open_adapter
    for backend, workers in made:
        await backend.close()
        workers.close()
