"""What the chat page asks first: which assistant answers, what it can call, who is asking.

The page needs one assistant. It is found by its metadata `console: default`, so that an operator can
prepare it (name, description, instructions, `toolset`, and `examples`: questions, one a line); it is
made with every function where nobody did.
"""

from __future__ import annotations

import asyncio

from drawbar.kernel.values import Caller, JsonObject
from drawbar.store.records import Assistant, Page
from drawbar.surfaces.services import Services

MARK = "console"
INSTRUCTIONS = (
    "You answer the questions of people who work here. Look up what you need with the functions you "
    "are offered; never make a value up. Say what came of every change in plain words. Where an "
    "outcome is unknown, say so and how to find out. Answer briefly; use a table for lists."
)


class ConsoleAssistant:
    """Finds the page's assistant, or makes it; two first requests make one."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._id: str | None = None

    async def get(self, services: Services) -> Assistant:
        async with self._lock:
            if self._id is not None and (known := await services.store.assistants.get(self._id)):
                return known
            found = await find_console_assistant(services)
            if found is None:
                found = await services.store.assistants.create(
                    model="default",
                    name="Drawbar",
                    description="Ask about the systems behind this page. Every call is shown.",
                    instructions=INSTRUCTIONS,
                    metadata={MARK: "default", "toolset": "all"},
                )
            self._id = found.id
            return found


async def find_console_assistant(services: Services) -> Assistant | None:
    """The oldest assistant that is marked for the page."""
    after = None
    while True:
        listing = await services.store.assistants.list(Page(limit=100, order="asc", after=after))
        for assistant in listing.data:
            if MARK in assistant.metadata:
                return assistant
        if not listing.has_more:
            return None
        after = listing.data[-1].id


def config_object(services: Services, assistant: Assistant, caller: Caller) -> JsonObject:
    """The answer of /console/config. Functions that cannot be called are listed with the reason."""
    names = services.toolsets.get(assistant.metadata.get("toolset", "all"), ())
    offered = [services.toolset[name] for name in names if name in services.toolset]
    examples = assistant.metadata.get("examples", "").splitlines()
    return {
        "assistant": {
            "id": assistant.id,
            "name": assistant.name or "Assistant",
            "description": assistant.description,
        },
        "model": {
            "label": services.model.label,
            "is_model": services.settings.model.provider not in ("rules", "scripted"),
        },
        "caller": caller.subject,
        "examples": [line for line in examples if line.strip()],
        "functions": [
            {
                "name": function.name,
                "description": function.description,
                "effect": function.effect,
                "adapter": function.adapter,
                "callable": function.callable,
                "problem": next(
                    (p.message for p in function.problems if p.severity == "error"), None
                ),
            }
            for function in offered
        ],
    }
